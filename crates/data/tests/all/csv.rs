use crate::message;
use data::{ClassOrder, Column, Csv, CsvOptions, Result, Target, parse_csv};
use tensor::DType;

pub fn price() -> CsvOptions {
    CsvOptions::regression(["price"])
}

pub fn read(text: impl AsRef<[u8]>, options: &CsvOptions) -> Result<Csv> {
    parse_csv(text.as_ref(), options)
}

/// Features and targets of a table that is good.
fn numbers(text: impl AsRef<[u8]>) -> (Vec<f32>, Vec<f32>) {
    let data = read(text, &price()).unwrap().dataset;
    (data.features().to_vec().unwrap(), data.targets().to_vec().unwrap())
}

#[test]
fn features_are_the_columns_that_are_not_the_target() {
    let data = read("a,price,b\n1,10,2\n3,30,4\n", &price()).unwrap().dataset;
    assert_eq!(data.feature_names().unwrap(), ["a", "b"]);
    assert_eq!((data.features().shape(), data.targets().shape()), (&[2, 2][..], &[2, 1][..]));
    assert_eq!(data.features().to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(data.targets().to_vec::<f32>().unwrap(), [10.0, 30.0]);
}

#[test]
fn several_targets_come_in_the_order_they_were_named_in() {
    let data = read("a,b,c\n1,2,3\n4,5,6\n", &CsvOptions::regression(["c", "a"])).unwrap().dataset;
    assert_eq!(data.targets().to_vec::<f32>().unwrap(), [3.0, 1.0, 6.0, 4.0]);
}

#[test]
fn ignored_columns_may_hold_anything() {
    let options = CsvOptions { ignore: vec!["note".into(), Column::Index(0)], ..price() };
    let data = read("id,a,note,price\nx,1,\"free, text\",2\ny,3,,4\n", &options).unwrap().dataset;
    assert_eq!(data.features().to_vec::<f32>().unwrap(), [1.0, 3.0]);
}

#[test]
fn a_table_without_names_is_read_by_place() {
    let options = CsvOptions {
        has_header: false,
        delimiter: b';',
        dtype: DType::F64,
        ..CsvOptions::regression([1usize])
    };
    let data = read("1;10;2\n3;30;4", &options).unwrap().dataset;
    assert_eq!(
        (data.feature_names(), data.features().to_vec::<f64>().unwrap()),
        (None, vec![1.0, 2.0, 3.0, 4.0])
    );
    assert_eq!(
        message(read("1;2\nx;3", &options)),
        r#"[csv] every row must be readable; got line 2, column 1: "x" is not a number; correct it, or skip bad rows"#
    );
}

#[test]
fn class_names_are_numbered_in_sorted_order_or_as_they_come() {
    let text = "x,kind\n1,wolf\n2,ant\n3,wolf\n4, cow \n";
    let classes = |order| {
        let options = CsvOptions {
            target: Target::ClassNames { column: "kind".into(), order },
            ..CsvOptions::class_names("kind")
        };
        let data = read(text, &options).unwrap().dataset;
        (data.class_names().unwrap().join(" "), data.labels().unwrap())
    };
    assert_eq!(classes(ClassOrder::Sorted), ("ant cow wolf".to_string(), vec![2, 0, 2, 1]));
    assert_eq!(classes(ClassOrder::FirstSeen), ("wolf ant cow".to_string(), vec![0, 1, 0, 2]));
}

#[test]
fn class_numbers_are_taken_as_they_are() {
    let data = read("x,y\n1,2\n2,0\n3,1.0\n", &CsvOptions::class_numbers("y", 3)).unwrap().dataset;
    assert_eq!((data.labels().unwrap(), data.class_names().unwrap().len()), (vec![2, 0, 1], 3));
}

#[test]
fn numbers_are_read_as_rust_writes_them_with_spaces_dropped() {
    let (x, _) = numbers("a,price\n 3 ,0\n-2.5,0\n+1,0\n6e-3,0\n.5,0\n\"7\",0\n\t8,0\n-0,0\n");
    assert_eq!(x, [3.0, -2.5, 1.0, 0.006, 0.5, 7.0, 8.0, 0.0]);
}

#[test]
fn missing_feature_cells_are_filled_where_that_is_asked_for() {
    let options = CsvOptions { fill_missing: Some(-1.0), ..price() };
    let data = read("a,b,price\n1,,2\n NaN ,3,4\n", &options).unwrap().dataset;
    assert_eq!(data.features().to_vec::<f32>().unwrap(), [1.0, -1.0, -1.0, 3.0]);
    assert!(message(read("a,price\ninf,2\n", &options)).contains("\"inf\" is not finite"));
    assert!(
        message(read("a,price\n1,\n", &options)).contains("line 2, column 2 (\"price\"): the cell is empty")
    );
    assert_eq!(
        message(read("a,price\n1,2\n", &CsvOptions { fill_missing: Some(1e39), ..price() })),
        "[csv] missing cells are filled with a finite number of the element type; \
         got 1000000000000000000000000000000000000000 for f32; use another value, or ignore the column"
    );
}

#[test]
fn f32_numbers_are_rounded_once() {
    // Halfway between two F32 when first rounded to F64, just above when not.
    let (x, _) = numbers("a,price\n1.00000005960464477540,0\n");
    assert_eq!(x, ["1.00000005960464477540".parse::<f32>().unwrap()]);
    let options = CsvOptions { dtype: DType::F64, ..price() };
    let data = read("a,price\n0.1,1e300\n", &options).unwrap().dataset;
    assert_eq!(data.targets().to_vec::<f64>().unwrap(), [1e300]);
}

#[test]
fn byte_order_mark_line_ends_and_quotes_are_understood() {
    let want = (vec![1.0, 3.0], vec![2.0, 4.0]);
    for text in [
        "a,price\n1,2\n3,4\n",
        "\u{feff}a,price\n1,2\n3,4\n",
        "\u{feff}\"a\",price\n1,2\n3,4\n",
        "a,price\r\n1,2\r\n3,4\r\n",
        "a,price\n1,2\n3,4",
        "a,price\r\n1,2\r\n3,4\r",
        "\"a\",\"price\"\n\"1\",\"2\"\n\"3\",\"4\"",
        "\n\na,price\n\n1,2\n\r\n3,4\n\n",
    ] {
        assert_eq!(numbers(text), want, "{text:?}");
    }
    let text = "x,\"the \"\"kind\"\", named\"\n1,\"a, b\"\n2,\"line\nbreak\"\n3,\"say \"\"hi\"\"\"\n";
    let data = read(text, &CsvOptions::class_names("the \"kind\", named")).unwrap().dataset;
    assert_eq!(data.class_names().unwrap(), ["a, b", "line\nbreak", "say \"hi\""]);
}

#[test]
fn whole_numbers_may_name_columns() {
    let data = read("0,1,2\n5,6,7\n", &CsvOptions::regression(["2"])).unwrap().dataset;
    assert_eq!(data.feature_names().unwrap(), ["0", "1"]);
}

#[test]
fn a_table_of_a_million_columns_is_read() {
    let mut options = CsvOptions::regression([0usize]);
    options.has_header = false;
    let data = read("1,".repeat(1_000_000) + "1", &options).unwrap().dataset;
    assert_eq!(data.features().shape(), [1, 1_000_000]);
}
