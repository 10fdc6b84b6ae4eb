//! Parquet files: one of another program, and what cannot be read.

use data::{TableColumn, read_parquet};
use std::fs;
use std::path::{Path, PathBuf};
use tensor::Rng;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/table.parquet")
}

#[test]
fn parquet_files_of_pyarrow_are_read_with_types_and_gaps() {
    let table = read_parquet(golden()).unwrap();
    assert_eq!(
        table.names(),
        ["int", "big", "unsigned", "float", "double", "truth", "city", "day", "moment", "price", "never"]
    );
    let numbers = |name: &str| match table.column(name).unwrap() {
        TableColumn::Numbers(cells) => cells.clone(),
        TableColumn::Text(_) => panic!("{name} is text"),
    };
    let text = |name: &str| match table.column(name).unwrap() {
        TableColumn::Text(cells) => {
            cells.iter().map(Option::as_deref).map(|x| x.map(String::from)).collect::<Vec<_>>()
        }
        TableColumn::Numbers(_) => panic!("{name} is numbers"),
    };
    let some = |text: &str| Some(text.to_string());
    assert_eq!(numbers("int"), [Some(1.0), None, Some(-3.0)]);
    assert_eq!(numbers("big"), [Some(9_007_199_254_740_992.0), Some(0.0), Some(-5.0)]);
    assert_eq!(numbers("unsigned"), [Some(4_294_967_295.0), Some(0.0), Some(7.0)]);
    assert_eq!(numbers("float"), [Some(0.5), None, Some(f64::from(0.1_f32))]);
    assert_eq!(numbers("double"), [Some(0.1), Some(-1e300), None]);
    assert_eq!(numbers("truth"), [Some(1.0), Some(0.0), None]);
    assert_eq!(text("city"), [some("Oslo"), None, some("Łódź")]);
    assert_eq!(text("day")[1], None);
    assert!(text("day")[0].as_ref().unwrap().starts_with("2026-11-28"), "{:?}", text("day"));
    assert!(text("moment")[0].as_ref().unwrap().starts_with("2026-11-28 12:30:00"), "{:?}", text("moment"));
    assert_eq!(numbers("price"), [Some(12.34), Some(-0.5), None]);
    assert_eq!(numbers("never"), [None, None, None]);
}

#[test]
fn what_is_no_flat_table_is_refused_and_damage_never_panics() {
    let goldens = golden().parent().unwrap().to_path_buf();
    let message = |name: &str| read_parquet(goldens.join(name)).unwrap_err().to_string();
    assert!(
        message("lists.parquet")
            .ends_with("[parquet] columns must be flat; got \"list\", which has fields of its own; write its parts as columns"),
        "{}",
        message("lists.parquet")
    );
    assert!(
        message("huge.parquet")
            .contains("[parquet] whole numbers must be at most 2^53; got 9007199254740993 in row 1 of \"x\"")
    );
    assert!(message("goldens.json").contains("[parquet] the file must be whole Parquet"));
    assert!(message("nothing.parquet").contains("[parquet] the file must be readable"));
    let (good, dir) = (fs::read(golden()).unwrap(), tempfile::tempdir().unwrap());
    let (path, mut rng) = (dir.path().join("bad.parquet"), Rng::seed(0));
    for i in 0..400 {
        let mut bad = good.clone();
        let place = rng.below(bad.len()).unwrap();
        match i % 4 {
            0 => bad.truncate(place),
            _ => bad[place] ^= 1 << rng.below(8).unwrap(),
        }
        fs::write(&path, bad).unwrap();
        // Some bits are in values, and no check sum guards them.
        let read = read_parquet(&path);
        assert!(i % 4 != 0 || read.is_err(), "cut at {place}");
    }
}
