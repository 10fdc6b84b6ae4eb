pub(super) mod decode;

use super::*;
use decode::{Field, Fields, records};
use std::sync::{Arc, Mutex};
use tensor::DType;

/// A writer in a folder that goes with it, whose clock shows what it is told.
fn writer() -> (tempfile::TempDir, EventWriter, Arc<Mutex<f64>>) {
    let dir = tempfile::tempdir().unwrap();
    let (writer, time) = beside(dir.path(), 1_700_000_000.0);
    (dir, writer, time)
}

fn beside(dir: &Path, seconds: f64) -> (EventWriter, Arc<Mutex<f64>>) {
    let time = Arc::new(Mutex::new(seconds));
    let clock = Arc::clone(&time);
    (EventWriter::with_clock(dir, move || *clock.lock().unwrap()).unwrap(), time)
}

fn events(path: &Path) -> Vec<Fields> {
    records(&fs::read(path).unwrap()).iter().map(|data| Fields::parse(data)).collect()
}

/// The value of the last event, which must be a summary of one.
fn last_value(writer: &mut EventWriter) -> Fields {
    writer.flush().unwrap();
    events(writer.path()).last().unwrap().message(5).message(1)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_scalar_is_these_bytes() {
    let (_dir, mut writer, time) = writer();
    *time.lock().unwrap() = 1_700_000_000.5;
    writer.scalar("loss", 300, 0.75).unwrap();
    writer.flush().unwrap();
    let file = fs::read(writer.path()).unwrap();
    // The event is what TensorBoard 2.21.0 makes of
    //   Event(wall_time=1700000000.5, step=300, summary=Summary(value=[Summary.Value(tag="loss", simple_value=0.75)]))
    // by SerializeToString; the checksums are its masked_crc32c.
    let golden = [
        "1b00000000000000", // 27 bytes
        "1a0d9e13",
        "0900002040fc54d941", // 1: wall time
        "10ac02",             // 2: step
        "2a0d",               // 5: summary, 13 bytes
        "0a0b",               // 1: value, 11 bytes
        "0a046c6f7373",       // 1: tag
        "150000403f",         // 2: 0.75
        "6ad18129",
    ];
    let hex: String = file[file.len() - 43..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden.concat());
}

#[test]
fn a_file_begins_with_its_version_and_keeps_the_order_of_events() {
    let (_dir, mut writer, time) = writer();
    for step in 0..1000 {
        *time.lock().unwrap() += 0.25;
        writer.scalar("loss", step, -(step as f64)).unwrap();
    }
    writer.flush().unwrap();
    let events = events(writer.path());
    assert_eq!(events.len(), 1001);
    assert_eq!((events[0].double(1), events[0].number(2)), (1_700_000_000.0, 0));
    assert_eq!(events[0].text(3), "brain.Event:2");
    for (step, event) in events[1..].iter().enumerate() {
        assert_eq!(event.number(2), step as u64);
        assert_eq!(event.double(1), 1_700_000_000.0 + 0.25 * (step + 1) as f64);
        let value = event.message(5).message(1);
        assert_eq!((value.text(1), value.float(2)), ("loss", -(step as f32)));
    }
}

#[test]
fn numbers_that_are_none_are_recorded_as_they_are() {
    let (_dir, mut writer, _) = writer();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, 1e300, 1e-60] {
        writer.scalar("x", 0, value).unwrap();
        let read = last_value(&mut writer).float(2);
        assert_eq!(read.to_bits(), (value as f32).to_bits(), "{value}");
    }
    assert!(last_value(&mut writer).float(2) == 0.0);
}

#[test]
fn several_scalars_are_one_event_or_none() {
    let (_dir, mut writer, _) = writer();
    writer.scalars(3, [("a", 1.0), ("b", 2.0)]).unwrap();
    writer.scalars(4, [("c", 1.0); 0]).unwrap();
    assert!(writer.scalars(5, [("a", 1.0), ("", 2.0)]).is_err());
    writer.flush().unwrap();
    let events = events(writer.path());
    assert_eq!(events.len(), 2);
    let values: Vec<(String, f32)> = events[1]
        .message(5)
        .all(1)
        .map(|field| {
            let Field::Bytes(bytes) = field else { panic!("{field:?}") };
            let value = Fields::parse(bytes);
            (value.text(1).to_string(), value.float(2))
        })
        .collect();
    assert_eq!(values, [("a".to_string(), 1.0), ("b".to_string(), 2.0)]);
}

#[test]
fn a_histogram_carries_its_sums_limits_and_counts() {
    let (_dir, mut writer, _) = writer();
    writer.histogram("w", 1, &[0.0f32, -2.0, 0.5]).unwrap();
    let of_slice = last_value(&mut writer);
    let h = of_slice.message(5);
    let sums: Vec<f64> = (1..=5).map(|field| h.double(field)).collect();
    assert_eq!(sums, [-2.0, 0.5, 3.0, -1.5, 4.25]);
    let counted = Histogram::new(&[0.0, -2.0, 0.5], Bins::Exponential).unwrap();
    assert_eq!((h.doubles(6), h.doubles(7)), (counted.limits().to_vec(), counted.counts().to_vec()));
    let x = Tensor::from_vec(vec![0.0f32, -2.0, 0.5], [3, 1]).unwrap();
    writer.histogram_tensor("w", 1, &x).unwrap();
    assert_eq!(last_value(&mut writer), of_slice);
    assert!(writer.histogram::<f64>("w", 2, &[]).is_err());
    assert!(writer.histogram("w", 2, &[f64::NAN]).is_err());
    assert_eq!(last_value(&mut writer), of_slice);
}

#[test]
fn a_picture_carries_its_size_and_file() {
    let (_dir, mut writer, _) = writer();
    let image = Tensor::zeros([4, 2, 7], DType::F32).unwrap();
    writer.image("picture", 1, &image).unwrap();
    let value = last_value(&mut writer);
    let encoded = value.message(4);
    assert_eq!(value.text(1), "picture");
    assert_eq!((encoded.number(1), encoded.number(2), encoded.number(3)), (2, 7, 4));
    let png = encoded.bytes(4).to_vec();
    writer.image_png("picture", 1, &png).unwrap();
    assert_eq!(last_value(&mut writer), value);
}

#[test]
fn a_text_is_a_tensor_of_one_string_for_the_text_plugin() {
    let (_dir, mut writer, _) = writer();
    for text in ["", "größer *als* 😀\n\n|a|b|"] {
        writer.text("notes", 2, text).unwrap();
        let value = last_value(&mut writer);
        let tensor = value.message(8);
        assert_eq!((value.text(1), tensor.number(1), tensor.text(8)), ("notes", 7, text));
        assert!(tensor.message(2).0.is_empty());
        let metadata = value.message(9);
        assert_eq!((metadata.message(1).text(1), metadata.number(4)), ("text", 2));
    }
}

#[test]
fn settings_are_metadata_of_the_hparams_plugin() {
    let (_dir, mut writer, _) = writer();
    writer.hparams([("lr", 0.0.into()), ("opt", "adam".into()), ("on", false.into())]).unwrap();
    let value = last_value(&mut writer);
    assert_eq!(value.text(1), "_hparams_/session_start_info");
    let plugin = value.message(9).message(1);
    assert_eq!(plugin.text(1), "hparams");
    let info = plugin.message(2).message(3);
    assert_eq!(info.double(5), 1_700_000_000.0);
    let entries: Vec<(String, Fields)> = info
        .all(1)
        .map(|field| {
            let Field::Bytes(bytes) = field else { panic!("{field:?}") };
            let entry = Fields::parse(bytes);
            (entry.text(1).to_string(), entry.message(2))
        })
        .collect();
    let wanted = [
        ("lr", (2, Field::Eight([0; 8]))),
        ("opt", (3, Field::Bytes(b"adam".to_vec()))),
        ("on", (4, Field::Number(0))),
    ];
    assert_eq!(entries, wanted.map(|(name, field)| (name.to_string(), Fields(vec![field]))));
    for (settings, got) in [(vec![], "none"), (vec!["lr", "lr"], "\"lr\""), (vec![" "], "\" \"")] {
        let settings = settings.into_iter().map(|name| (name, HParam::Flag(true)));
        let text = writer.hparams(settings).unwrap_err().to_string();
        assert!(text.ends_with(&format!("; got {got}; give each setting once, by its name")), "{text}");
    }
}

#[test]
fn a_resumed_run_says_from_where_in_a_file_that_is_read_after_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = EventWriter::create(dir.path()).unwrap();
    first.scalar("loss", 7, 1.0).unwrap();
    drop(first);
    let second = EventWriter::resume(dir.path(), 5).unwrap();
    let path = second.path().to_path_buf();
    drop(second);
    let events = events(&path);
    assert_eq!(events[0].text(3), "brain.Event:2");
    // TensorBoard takes the first start that it sees for the beginning, and only the second for a restart.
    let starts = events[1..].iter().map(|event| (event.number(2), event.message(7).number(1)));
    assert_eq!(starts.collect::<Vec<_>>(), [(5, 1), (5, 1)]);
    let names = names(dir.path());
    assert_eq!(names.len(), 2);
    assert_eq!(path.file_name().unwrap().to_str(), Some(&names[1][..]));
    assert!(EventWriter::resume(dir.path(), 1 << 63).is_err());
    assert_eq!(super::tests::names(dir.path()), names);
}

#[test]
fn names_ascend_whatever_the_clock_shows() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("events.out.tfevents.läuft"), "").unwrap();
    let mut made = Vec::new();
    for seconds in [1_700_000_000.9, 1_700_000_000.9, 5.0, f64::NAN, -1.0, 1_800_000_000.0, 1e300, 1e300] {
        let (writer, _) = beside(dir.path(), seconds);
        made.push(writer.path().file_name().unwrap().to_str().unwrap().to_string());
    }
    assert!(made.is_sorted());
    let digits: Vec<&str> = made.iter().map(|name| &name[PREFIX.len()..PREFIX.len() + 10]).collect();
    assert_eq!(
        digits,
        [
            "1700000000",
            "1700000001",
            "1700000002",
            "1700000003",
            "1700000004",
            "1800000000",
            "9999999999",
            "9999999999"
        ]
    );
    let (host, pid) = (host(), std::process::id());
    assert!(made[0].starts_with(&format!("events.out.tfevents.1700000000.{host}.{pid}.")), "{}", made[0]);
}

#[test]
fn events_reach_the_file_when_time_has_passed_or_much_has_gathered() {
    let (_dir, mut writer, time) = writer();
    let length = |writer: &EventWriter| fs::metadata(writer.path()).unwrap().len();
    let start = length(&writer);
    writer.scalar("loss", 0, 1.0).unwrap();
    *time.lock().unwrap() += 9.9;
    writer.scalar("loss", 1, 1.0).unwrap();
    assert_eq!(length(&writer), start);
    *time.lock().unwrap() += 0.2;
    writer.scalar("loss", 2, 1.0).unwrap();
    let three = length(&writer);
    assert_eq!(events(writer.path()).len(), 4);
    writer.scalar("loss", 3, 1.0).unwrap();
    assert_eq!(length(&writer), three);
    *time.lock().unwrap() = 0.0; // put back
    writer.scalar("loss", 4, 1.0).unwrap();
    assert_eq!(events(writer.path()).len(), 6);
    writer.text("long", 5, &"x".repeat(40_000)).unwrap();
    writer.text("long", 6, &"x".repeat(40_000)).unwrap();
    assert_eq!(events(writer.path()).len(), 7);
    let path = writer.path().to_path_buf();
    drop(writer);
    assert_eq!(events(&path).len(), 8);
}

#[test]
fn bad_tags_and_steps_are_refused_and_leave_no_event() {
    let (_dir, mut writer, _) = writer();
    let (x, png) = (
        Tensor::zeros([2, 2], DType::U8).unwrap(),
        image::encode(&Tensor::zeros([1, 1], DType::U8).unwrap()),
    );
    let png = png.unwrap();
    for (tag, step) in [("", 0), (" \t", 0), ("loss", 1 << 63)] {
        let results = [
            writer.scalar(tag, step, 1.0),
            writer.histogram(tag, step, &[1.0]),
            writer.histogram_tensor(tag, step, &x),
            writer.image(tag, step, &x),
            writer.image_png(tag, step, &png),
            writer.text(tag, step, "x"),
        ];
        let wanted = if step == 0 {
            format!(
                "[events] a tag must not be blank; got {tag:?}; name what is recorded, as in \"train/loss\""
            )
        } else {
            "[events] a step must be below 2^63; got 9223372036854775808; count steps from the start of the run".into()
        };
        for result in results {
            assert_eq!(result.unwrap_err().to_string(), wanted);
        }
    }
    assert!(writer.purge(1 << 63).is_err());
    writer.flush().unwrap();
    assert_eq!(events(writer.path()).len(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let nested = dir.path().join("runs/1");
    EventWriter::create(&nested).unwrap();
    assert_eq!(names(&nested).len(), 1);
    let file = dir.path().join("file");
    fs::write(&file, "I am a file").unwrap();
    for bad in [file.clone(), file.join("run")] {
        let text = EventWriter::create(&bad).unwrap_err().to_string();
        assert!(text.starts_with("[events] the folder must be there or be made; got \""), "{text}");
        let end = format!("\" for '{}'; choose a folder that you may make", bad.display());
        assert!(text.ends_with(&end), "{text}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "I am a file");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file_and_dropping_is_quiet() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut writer = EventWriter {
        path: "/dev/full".into(),
        records: Records::new(full),
        clock: Box::new(|| 0.0),
        flushed: 0.0,
    };
    writer.scalar("loss", 0, 1.0).unwrap();
    for _ in 0..2 {
        let text = writer.flush().unwrap_err().to_string();
        assert!(text.starts_with("[events] events must be written; got \"No space left on device"), "{text}");
        assert!(
            text.ends_with(
                "for '/dev/full'; free some space; what is not yet written is kept for the next call"
            ),
            "{text}"
        );
    }
}

#[test]
fn a_writer_can_move_to_another_thread_and_shows_its_path() {
    let (_dir, writer, _) = writer();
    let shown = std::thread::spawn(move || format!("{writer:?}")).join().unwrap();
    assert!(shown.starts_with("EventWriter { path: \"") && shown.ends_with(", .. }"), "{shown}");
}
