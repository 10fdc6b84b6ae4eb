use crate::{counted, goldens, message};
use data::{
    BatchConfig, Dataset, Loader, NpyOptions, NpyRows, Source, parse_npy, parse_npz, read_npy, read_npz,
    write_npy, write_npz,
};
use proptest::prelude::*;
use serde::Deserialize;
use std::fs;
use tensor::{DType, Tensor};

fn parse(bytes: &[u8]) -> data::Result<Tensor> {
    parse_npy(bytes, NpyOptions::default())
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn written(x: &Tensor) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_npy(x, &mut bytes).unwrap();
    bytes
}

/// A file with this header, padded as NumPy pads it, and these elements.
fn file(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(((header.len() + 1) as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.push(b'\n');
    bytes.extend(elements);
    bytes
}

fn of_shape(shape: &str, elements: &[u8]) -> Vec<u8> {
    file(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"), elements)
}

#[test]
fn files_of_numpy_are_read() {
    #[derive(Deserialize)]
    struct Array {
        file: String,
        shape: Vec<usize>,
        numbers: Vec<f64>,
    }
    for Array { file, shape, numbers } in goldens::<Vec<Array>>("arrays") {
        let bytes = unhex(&file);
        let x = parse(&bytes).unwrap();
        let shown = String::from_utf8_lossy(&bytes[..80.min(bytes.len())]).into_owned();
        assert_eq!(x.shape(), shape, "{shown}");
        let found = match x.dtype() {
            DType::Bool => x.to_vec::<bool>().unwrap().into_iter().map(|x| f64::from(u8::from(x))).collect(),
            _ => x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap(),
        };
        assert_eq!(found, numbers, "{shown}");
    }
    for file in goldens::<Vec<String>>("archives") {
        let arrays = parse_npz(&unhex(&file), NpyOptions::default()).unwrap();
        assert_eq!(arrays.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["weight", "labels"]);
        assert!(arrays[0].1.bit_eq(&counted(&[2, 3])));
        assert_eq!(arrays[1].1.to_vec::<i64>().unwrap(), [1, 0]);
    }
}

#[test]
fn what_is_written_is_what_numpy_writes() {
    // The same bytes, header and all, for the types that have one spelling.
    #[derive(Deserialize)]
    struct Array {
        file: String,
    }
    let mut same = 0;
    for Array { file } in goldens::<Vec<Array>>("arrays") {
        let bytes = unhex(&file);
        let header = String::from_utf8_lossy(&bytes[10..128.min(bytes.len())]).into_owned();
        let own = ["|b1", "|i1", "|u1", "<i4", "<i8", "<f2", "<f4", "<f8"].iter().any(|d| header.contains(d));
        if own && header.contains("'fortran_order': False") && bytes[6] == 1 {
            assert!(written(&parse(&bytes).unwrap()) == bytes, "{header}");
            same += 1;
        }
    }
    assert_eq!(same, 12);
}

#[test]
fn hostile_headers_are_refused() {
    let said = |bytes: Vec<u8>| message(parse(&bytes));
    let header = |text: &str| message(parse(&file(text, b"\x01")));
    assert!(said(vec![]).contains("got 0 of 8 bytes of the first bytes"));
    assert!(said(b"\x93NUMPY".to_vec()).contains("got 6 of 8 bytes"));
    assert!(said(b"PK\x03\x04....".to_vec()).contains("must begin with 93 4e 55 4d 50 59"));
    assert!(said(b"\x93NUMPY\x09\x00".to_vec()).contains("got version 9.0"));
    // 14 bytes that claim a header of 4 GiB, and one of 64 KiB that is not there.
    assert_eq!(
        said(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec()),
        "[npy] a header has up to 65,536 bytes; got 4294967295; give an intact NPY file"
    );
    assert!(said(b"\x93NUMPY\x01\x00\xff\xff{}".to_vec()).contains("got 2 of 65535 bytes of the header"));
    for (text, part) in [
        ("[1]", "\"[1]\\n\" where \"{\" should be"),
        ("{'descr': '|u1', 'fortran_order': False}", "one without all three"),
        ("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "\"descr\" twice"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}", "a member \"more\""),
        ("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", "where True or False should be"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1)}", "\")}\\n\" where \",\" should be"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': 1}", "where \"(\" should be"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", "where a size should be"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1.0,)}", "where \",\" should be"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (True,)}", "where a size should be"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2**62,)}", "where \",\" should be"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2.0)}", "where \")\" should be"),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "where a size should be",
        ),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} + 1", "\"+ 1\\n\" after its end"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': ((1,),)}", "where a size should be"),
        ("{'descr': '|\\u0031'}", "a string with an escape"),
        ("{'descr': '|u1}", "a string without an end"),
        ("{'descr': __import__('os')}", "where a string should be"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "floats of up to 8 bytes; got \"|O\""),
        ("{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", "got \"<U3\""),
        ("{'descr': '<c16', 'fortran_order': False, 'shape': (1,)}", "got \"<c16\""),
        ("{'descr': '<q9', 'fortran_order': False, 'shape': (1,)}", "got \"<q9\""),
        ("{'descr': '=f4', 'fortran_order': False, 'shape': (1,)}", "does not say the order of bytes"),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "got records"),
    ] {
        assert!(header(text).replace("\\\\u", "\\u").contains(part), "{text}: {}", header(text));
    }
    let deep = "(".repeat(5000);
    assert!(header(&format!("{{'shape': {deep}")).contains("where a size should be"));
    let axes = "1, ".repeat(65);
    assert!(said(of_shape(&format!("({axes})"), b"\x01")).contains("above 64 axes"));
    assert!(said(of_shape("(4294967296, 4294967296, 4294967296)", b"")).contains("got over 2^64 bytes"));
    assert!(said(of_shape("(1099511627776,)", b"")).contains("1099511627776 bytes for shape"));
    assert!(said(of_shape("(1000000000,)", b"\x01")).contains("got 1 of 1000000000 bytes of the elements"));
    assert!(said(of_shape("(1,)", b"\x01\x02")).contains("the file must end after the last element"));
    assert_eq!(parse(&of_shape("()", b"\x07")).unwrap().shape(), [0usize; 0]);
    let boolean = "{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }";
    assert!(
        message(parse(&file(boolean, &[1, 2]))).contains("a boolean must be 0 or 1; got 2 at position 1")
    );
    let large = "{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }";
    assert!(message(parse(&file(large, &[255; 8]))).contains("got 18446744073709551615 at position 0"));
    assert!(message(write_npy(&counted(&[2]).to_dtype(DType::BF16).unwrap(), Vec::new())).contains("bf16"));
    assert!(message(read_npy("no/such.npy", NpyOptions::default())).starts_with("no/such.npy: [npy]"));
}

fn archive() -> Vec<u8> {
    let mut bytes = Vec::new();
    write_npz(&[("a", &counted(&[2, 2])), ("b/c", &counted(&[3]))], &mut bytes).unwrap();
    bytes
}

#[test]
fn hostile_archives_are_refused() {
    let arrays = parse_npz(&archive(), NpyOptions::default()).unwrap();
    assert!(arrays[0].0 == "a" && arrays[0].1.bit_eq(&counted(&[2, 2])));
    assert!(arrays[1].0 == "b/c" && arrays[1].1.bit_eq(&counted(&[3])));
    let said = |bytes: &[u8]| message(parse_npz(bytes, NpyOptions::default()));
    assert!(said(b"").contains("less than its last record"));
    assert!(said(&[0; 100]).contains("no directory"));
    assert!(message(parse_npz(&archive(), NpyOptions { max_bytes: 100 })).contains("with a limit of 100"));
    let mut behind = archive();
    behind.push(0);
    assert!(said(&behind).contains("no directory"));
    let mut before = vec![0];
    before.extend(archive());
    assert!(said(&before).contains("does not end where the last record begins"));
    let mut renamed = archive();
    let at = renamed.windows(7).rposition(|w| w == b"b/c.npy").unwrap();
    renamed[at + 6] = b'z';
    assert!(said(&renamed).contains("members must be arrays, NAME.npy; got \"b/c.npz\""));
    // Two members of the directory that are one in the file.
    let mut twice = archive();
    let second = twice.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    twice[second + 42..second + 46].fill(0);
    assert!(
        said(&twice).contains("members that overlap") || said(&twice).contains("cut off"),
        "{}",
        said(&twice)
    );
    assert_eq!(
        message(write_npz(&[("a", &counted(&[1])), ("a", &counted(&[1]))], Vec::new())),
        "[write_npz] arrays must have distinct names; got \"a\" twice; rename one of them"
    );
    let dir = tempfile::tempdir().unwrap();
    assert!(message(read_npz(dir.path(), NpyOptions::default())).contains("regular file"));
}

#[test]
fn no_flipped_bit_of_an_archive_gives_other_numbers() {
    let whole = archive();
    let good = parse_npz(&whole, NpyOptions::default()).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            // Names and dates have no sum; numbers do.
            if let Ok(arrays) = parse_npz(&bytes, NpyOptions::default()) {
                assert!(
                    arrays.iter().zip(&good).all(|((_, a), (_, b))| a.bit_eq(b)),
                    "bit {bit} of byte {at}"
                );
            }
        }
        let _ = parse_npz(&whole[..at], NpyOptions::default()).unwrap_err();
    }
}

#[test]
fn rows_on_disk_are_those_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (x, y) = (dir.path().join("x.npy"), dir.path().join("y.npy"));
    let labels = Tensor::from_vec((0..40).map(|i| i % 3).collect::<Vec<i64>>(), [40]).unwrap();
    fs::write(&x, written(&counted(&[40, 2, 3]))).unwrap();
    fs::write(&y, written(&labels)).unwrap();
    let names = ["a", "b", "c"].map(String::from).into();
    let memory = Dataset::classification(counted(&[40, 2, 3]), labels, names).unwrap();
    let disk = NpyRows::open(&x, &y).unwrap();
    let config = BatchConfig { batch_size: 7, shuffle: Some(1), drop_last: false };
    let (memory, loader) = (Loader::new(&memory, config).unwrap(), Loader::new(&disk, config).unwrap());
    std::thread::scope(|scope| {
        let ahead = loader.ahead(scope, Default::default(), Default::default()).unwrap();
        for (a, b) in memory.epoch(0).zip(ahead) {
            let (a, b) = (a.unwrap(), b.unwrap());
            assert!(a.features.bit_eq(&b.features) && a.targets.bit_eq(&b.targets));
        }
    });
    assert_eq!(disk.batch(&[]).unwrap().features.shape(), [0, 2, 3]);
    assert!(message(disk.batch(&[40])).contains("got 40 at position 0"));
    // Cut off under the run: an error, no crash.
    fs::write(&x, &written(&counted(&[40, 2, 3]))[..300]).unwrap();
    assert!(message(disk.batch(&[39])).contains("[npy rows] the file must be readable"));
    assert!(message(NpyRows::open(&x, &y)).contains("got 300 bytes for shape [40, 2, 3]"));
    fs::write(&x, written(&counted(&[39, 1]))).unwrap();
    assert!(message(NpyRows::open(&x, &y)).contains("features [39, 1] and targets [40]"));
    fs::write(&x, written(&counted(&[]))).unwrap();
    assert!(message(NpyRows::open(&x, &y)).contains("there must be rows"));
    let fortran = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }";
    fs::write(&x, file(fortran, &[0; 4])).unwrap();
    assert!(message(NpyRows::open(&x, &y)).contains("rows must lie together"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn npy_gives_back_the_tensor_that_was_written(shape in prop::collection::vec(0usize..5, 0..5), kind in 0usize..8) {
        let dtype = [
            DType::F16, DType::F32, DType::F64, DType::I8, DType::I32, DType::I64, DType::U8, DType::Bool,
        ][kind];
        let n: usize = shape.iter().product();
        let x = Tensor::from_vec((0..n).map(|i| (i % 2) as f32).collect(), &shape).unwrap().to_dtype(dtype).unwrap();
        let back = parse(&written(&x)).unwrap();
        prop_assert_eq!((back.shape(), back.dtype()), (x.shape(), x.dtype()));
        prop_assert!(back.bit_eq(&x));
        let mut archive = Vec::new();
        write_npz(&[("x", &x)], &mut archive).unwrap();
        prop_assert!(parse_npz(&archive, NpyOptions::default()).unwrap()[0].1.bit_eq(&x));
    }

    #[test]
    fn mutated_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index,
        which in 0usize..3,
    ) {
        let mut bytes = match which {
            0 => written(&counted(&[2, 3])),
            1 => archive(),
            _ => unhex(&goldens::<Vec<String>>("archives")[1]),
        };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let limit = NpyOptions { max_bytes: 1 << 20 };
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            let _ = parse_npy(bytes, limit);
            let _ = parse_npz(bytes, limit);
        }
    }
}

/// Counts how often rows are asked for.
struct Counted(data::Dataset, std::sync::atomic::AtomicUsize);

impl data::Source for Counted {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn batch(&self, rows: &[usize]) -> data::Result<data::Batch> {
        self.1.fetch_add(rows.len(), std::sync::atomic::Ordering::Relaxed);
        self.0.batch(rows)
    }
}

#[test]
fn a_cache_reads_its_source_once_and_notices_another() {
    use data::Source;
    let digits = data::digits().unwrap();
    let source = Counted(digits.clone(), Default::default());
    let asked = || source.1.swap(0, std::sync::atomic::Ordering::Relaxed);
    let dir = tempfile::tempdir().unwrap();
    let rows = data::cached(&source, dir.path()).unwrap();
    assert_eq!((rows.len(), asked()), (1797, 1797));
    let some = [5, 1796, 5, 300, 256, 255];
    let (kept, own) = (rows.batch(&some).unwrap(), digits.batch(&some).unwrap());
    assert!(kept.features.bit_eq(&own.features) && kept.targets.bit_eq(&own.targets));
    assert_eq!(kept.targets.dtype(), tensor::DType::I64);
    drop(data::cached(&source, dir.path()).unwrap());
    assert_eq!(asked(), 32, "the second time some rows are compared");
    // One that was cut, and another one of as many rows.
    let path = dir.path().join("targets.npy");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    data::cached(&source, dir.path()).unwrap();
    assert_eq!((asked(), std::fs::read(&path).unwrap() == whole), (1797, true));
    let other = digits.map_features(|x| Ok(x.add_scalar(1.0)?)).unwrap();
    let rows = data::cached(&other, dir.path()).unwrap();
    assert!(rows.batch(&some).unwrap().features.bit_eq(&other.batch(&some).unwrap().features));
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let error = data::cached(&source, dir.path().join("targets.npy/inside")).unwrap_err().to_string();
    assert!(error.contains("inside: [cached] the file must be readable; got "), "{error}");
}
