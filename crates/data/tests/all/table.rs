use crate::message;
use data::{Split, Table, TableColumn, TableOptions, parse_table, read_table};
use proptest::prelude::*;

fn parse(text: &str) -> data::Result<Table> {
    parse_table(text.as_bytes(), &TableOptions::default())
}

fn texts(cells: &[Option<&str>]) -> TableColumn {
    TableColumn::Text(cells.iter().map(|cell| cell.map(String::from)).collect())
}

#[test]
fn kinds_of_columns_are_found_out() {
    let text = "id,city,rent,note\n1,Oslo,1e3,\n2,NA, 2.5 ,\n3,\"a, b\",?,\n";
    let table = parse(text).unwrap();
    assert_eq!(table.names(), ["id", "city", "rent", "note"]);
    assert_eq!(table.column("id").unwrap(), &TableColumn::Numbers(vec![Some(1.0), Some(2.0), Some(3.0)]));
    assert_eq!(table.column("city").unwrap(), &texts(&[Some("Oslo"), None, Some("a, b")]));
    assert_eq!(table.column("rent").unwrap(), &TableColumn::Numbers(vec![Some(1000.0), Some(2.5), None]));
    assert_eq!(table.column("note").unwrap(), &TableColumn::Numbers(vec![None, None, None]));
    assert_eq!(
        table.schema().to_string(),
        "3 rows, 4 columns\n  id    numbers  0 missing, 1 to 3\n  city  text     1 missing, 2 distinct: \"Oslo\", \"a, b\"\n  \
         rent  numbers  1 missing, 2.5 to 1000\n  note  numbers  3 missing\n"
    );
    // What no float can be is text, and said so by the schema.
    for cell in ["inf", "1e400", "0x1F", "1,5", "１"] {
        let table = parse(&format!("x\n1\n\"{cell}\"\n")).unwrap();
        assert_eq!(table.column("x").unwrap(), &texts(&[Some("1"), Some(cell)]));
    }
    let options = TableOptions { text: vec!["zip".into()], ..TableOptions::tsv() };
    let table = parse_table("zip\tx\r\n0123\t\"4\"\r\n".as_bytes(), &options).unwrap();
    assert_eq!(table.column("zip").unwrap(), &texts(&[Some("0123")]));
    assert_eq!(table.column("x").unwrap(), &TableColumn::Numbers(vec![Some(4.0)]));
    let options = TableOptions { has_header: false, ..Default::default() };
    assert_eq!(parse_table("a,1\n".as_bytes(), &options).unwrap().names(), ["column 0", "column 1"]);
}

#[test]
fn columns_become_targets_and_labels() {
    let table = parse("y,c,gap\n1,b,\n2,a,3\n").unwrap();
    assert_eq!(table.targets("y").unwrap().to_vec::<f32>().unwrap(), [1.0, 2.0]);
    let classes = table.distinct("c").unwrap();
    assert_eq!(table.labels("c", &classes).unwrap().to_vec::<i64>().unwrap(), [1, 0]);
    assert_eq!(
        message(table.targets("gap")),
        "[table] every row must have a target in the range of f32; got None in row 0 of \"gap\"; leave the row out"
    );
    assert_eq!(
        message(table.labels("c", &classes[..1])),
        "[table] every row must have a class that is known; got \"b\" in row 0 of \"c\" for \"a\"; \
         name it, or leave the row out"
    );
    assert_eq!(message(table.targets("c")), "[table] targets must be numbers; got text in \"c\"; use labels");
    assert_eq!(
        message(table.labels("y", &classes)),
        "[table] labels must be text; got numbers in \"y\"; use targets"
    );
    assert_eq!(
        message(table.distinct("y")),
        "[table] categories must be text; got numbers in \"y\"; give a column of text"
    );
    let split = Split { train: vec![1], validation: vec![0], test: vec![] };
    assert_eq!(table.train_part(&split).unwrap().column("c").unwrap(), &texts(&[Some("a")]));
    assert!(message(table.select(&[2])).contains("got 2 at position 0"));
    assert!(message(table.select(&[])).contains("0 rows"));
}

#[test]
fn tables_that_cannot_be_are_refused() {
    let new = |columns: &[(&str, &[Option<f64>])]| {
        let columns =
            columns.iter().map(|(n, c)| (n.to_string(), TableColumn::Numbers(c.to_vec()))).collect();
        message(Table::new(columns))
    };
    assert_eq!(new(&[]), "[table] a table must have columns and rows; got none; give at least one of each");
    assert_eq!(
        new(&[("a", &[None]), ("b", &[None, None])]),
        "[table] columns must have one length; got 1 rows in \"a\" and 2 in \"b\"; fill gaps with None"
    );
    assert_eq!(
        new(&[("a", &[None]), ("a", &[None])]),
        "[table] column names must be distinct; got \"a\" twice; rename one of them"
    );
    assert_eq!(
        new(&[("a", &[Some(f64::NAN)])]),
        "[table] numbers must be finite; got NaN in row 0 of \"a\"; use None for what is missing"
    );
}

#[test]
fn bad_files_are_refused_by_line() {
    for (text, said) in [
        ("", "a file must hold lines"),
        ("a,b\n", "a line of names only"),
        ("a,a\n1,2\n", "column names must be distinct"),
        ("a,b\n1,2\n3\n", "line 3: 1 field instead of 2"),
        ("a,b\n1,\"2\n", "line 2"),
        ("a,b\n1,\0\n", "line 2, column 2 (\"b\"): \"\\0\" is not text"),
    ] {
        assert!(message(parse(text)).contains(said), "{text:?}: {}", message(parse(text)));
    }
    let wide = ",".repeat(70_000) + "\n";
    let options = TableOptions { has_header: false, ..Default::default() };
    assert!(message(parse_table(wide.as_bytes(), &options)).contains("a table has up to 65,536 columns"));
    let none = TableOptions { text: vec!["b".into()], ..Default::default() };
    assert!(message(parse_table("a\n1\n".as_bytes(), &none)).contains("a column must be in the table"));
    let dir = tempfile::tempdir().unwrap();
    assert!(message(read_table(dir.path(), &TableOptions::default())).contains("regular file"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_table_gives_back_what_was_written(
        numbers in prop::collection::vec(prop::option::of(-1e300f64..1e300), 1..20),
        seed in prop::collection::vec(prop::option::of("[a-zé ,\"]{0,6}x"), 20),
    ) {
        let mut file = "x,t\n".to_string();
        let texts: Vec<Option<String>> =
            seed[..numbers.len()].iter().map(|t| t.as_ref().map(|t| t.trim().to_string())).collect();
        for (x, t) in numbers.iter().zip(&texts) {
            let x = x.map_or(String::new(), |x| format!("{x:?}"));
            let t = t.as_ref().map_or("NA".into(), |t| t.replace('"', "\"\""));
            file += &format!("{x},\"{t}\"\n");
        }
        let table = parse(&file).unwrap();
        prop_assert_eq!(table.column("x").unwrap(), &TableColumn::Numbers(numbers));
        match table.column("t").unwrap() {
            TableColumn::Text(found) => prop_assert_eq!(found, &texts),
            _ => prop_assert!(texts.iter().all(Option::is_none)),
        }
    }

    #[test]
    fn mutated_tables_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index,
    ) {
        let mut bytes = b"id,city,rent\r\n1,\"Os\"\"lo\",1e3\n2,NA,2.5\n3,\"a\nb\",\n".to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            for has_header in [true, false] {
                if let Ok(table) = parse_table(bytes, &TableOptions { has_header, ..Default::default() }) {
                    prop_assert!(!table.schema().to_string().is_empty());
                }
            }
        }
    }
}
