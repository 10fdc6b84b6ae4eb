use crate::csv::{price, read};
use crate::message;
use data::{Cell, Csv, CsvOptions, Fault, OnBadRow, Target, parse_csv, read_csv};
use tensor::DType;

/// The message for a bad cell in column 1, line 2.
fn bad_cell(cell: impl AsRef<[u8]>) -> String {
    let mut text = b"a,price\n".to_vec();
    text.extend(cell.as_ref());
    text.extend(b",1\n");
    message(read(text, &price()))
}

#[test]
fn short_and_long_rows_are_refused_by_line() {
    assert_eq!(
        message(read("a,b,price\n1,2,3\n4,5\n", &price())),
        "[csv] every row must be readable; got line 3: 2 fields instead of 3; correct it, or skip bad rows"
    );
    assert_eq!(
        message(read("a,b,price\n1,2,3,\n", &price())),
        "[csv] every row must be readable; got line 2: 4 fields instead of 3; correct it, or skip bad rows"
    );
    assert_eq!(
        message(read("a,b,price\n1\n", &price())),
        "[csv] every row must be readable; got line 2: 1 field instead of 3; correct it, or skip bad rows"
    );
}

#[test]
fn a_cell_that_is_no_number_is_refused_by_line_column_and_text() {
    for (cell, shown) in [
        ("abc", "\"abc\" is not a number"),
        ("", "the cell is empty"),
        ("   ", "the cell is empty"),
        ("\"1,5\"", "\"1,5\" is not a number"),
        ("0x1F", "\"0x1F\" is not a number"),
        ("1_000", "\"1_000\" is not a number"),
        ("1 2", "\"1 2\" is not a number"),
        ("１", "\"１\" is not a number"),
        ("1e400", "\"1e400\" is too large for f32"),
        ("-1e39", "\"-1e39\" is too large for f32"),
        ("nan", "\"nan\" is not finite"),
        ("NaN", "\"NaN\" is not finite"),
        ("inf", "\"inf\" is not finite"),
        ("-Infinity", "\"-Infinity\" is not finite"),
    ] {
        let column = "line 2, column 1 (\"a\")";
        assert_eq!(
            bad_cell(cell),
            format!("[csv] every row must be readable; got {column}: {shown}; correct it, or skip bad rows")
        );
    }
}

#[test]
fn a_quote_that_is_never_closed_is_refused_by_the_line_it_opened_in() {
    let text = "a,price\n1,2\n3,\"4\n5,6\n7,8\n";
    for on_bad_row in [OnBadRow::Fail, OnBadRow::Skip { at_most: 9 }] {
        assert_eq!(
            message(read(text, &CsvOptions { on_bad_row, ..price() })),
            "[csv] a quote must be closed; got the end of the file with the quote of line 3 open; \
             close it, or double the quotes inside the field"
        );
    }
    // The quote after a byte order mark opens a field, too.
    assert!(message(read("\u{feff}\"a,price\n1,2\n", &price())).contains("with the quote of line 1 open"));
}

#[test]
fn text_after_a_closing_quote_is_refused_by_line() {
    assert_eq!(
        message(read("a,price\n1,2\n\"3\"4,5\n", &price())),
        "[csv] a closing quote must end its field; got text after it in line 3; double the quotes inside the field"
    );
}

#[test]
fn lines_are_counted_with_blank_lines_and_line_ends_in_quotes() {
    for newline in ["\n", "\r\n"] {
        let text = format!(
            "a,kind{newline}{newline}1,\"x{newline}y\"{newline}{newline}{newline}bad,z{newline}2,\"y{newline}\"{newline}worse,z"
        );
        let options =
            CsvOptions { on_bad_row: OnBadRow::Skip { at_most: 9 }, ..CsvOptions::class_names("kind") };
        let skipped = read(&text, &options).unwrap().skipped;
        assert_eq!(skipped.iter().map(|bad| bad.line).collect::<Vec<_>>(), [7, 10], "{text:?}");
    }
    // A bad row is named by the line it begins in.
    let text = "kind,a\n\"x\ny\",bad\n";
    assert!(message(read(text, &CsvOptions::class_names("kind"))).contains("got line 2, column 2"));
}

#[test]
fn tables_without_header_target_or_rows_are_refused() {
    for (text, options, error) in [
        ("", price(), "a file must hold lines; got an empty file; give a file with data"),
        ("\u{feff}", price(), "a file must hold lines; got an empty file; give a file with data"),
        ("\n\r\n\n", price(), "a file must hold lines; got an empty file; give a file with data"),
        (
            "a,price\n",
            price(),
            "a table must hold a row that can be read; got a line of names only; give a file with data",
        ),
        (
            "a,price\nx,1\n",
            CsvOptions { on_bad_row: OnBadRow::Skip { at_most: 1 }, ..price() },
            "a table must hold a row that can be read; got 1 bad rows and no other; give a file with data",
        ),
        (
            "a,cost\n1,2\n",
            price(),
            r#"a column must be named in the first line; got "price" for a table of "a", "cost"; correct the name"#,
        ),
        (
            "a,price,a\n1,2,3\n",
            price(),
            r#"column names must be distinct; got "a" for columns 1 and 3; rename one of them"#,
        ),
        (
            "a,,price\n1,2,3\n",
            price(),
            "every column must have a name in the first line; got none for column 2; name the column",
        ),
        (
            "5.1,3.5,0\n4.9,3,0\n",
            price(),
            "the first line must name the columns; got numbers only: \"5.1\", \"3.5\", \"0\"; \
             add a line of names, or set has_header to false",
        ),
        (
            "price\n1\n",
            price(),
            "a table must have a column that is a feature; got 1 target and 0 ignored columns of 1; \
             ignore less, or check the delimiter",
        ),
        (
            "a,price\n1,2\n",
            CsvOptions::regression([2usize]),
            "a column counted from 0 must be there; got column 2 of 2; correct its number",
        ),
        (
            "a,price\n1,2\n",
            CsvOptions::regression(["price", "price"]),
            "a column can be a target or ignored, once; got column 1 twice; name it once",
        ),
        (
            "1,2\n",
            CsvOptions { has_header: false, ..price() },
            "columns have no names without a first line that gives them; got \"price\"; \
             give the place of the column, counted from 0, or set has_header",
        ),
    ] {
        assert_eq!(message(read(text, &options)), format!("[csv] {error}"), "{text:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_by_line_and_column() {
    let row = |shown: &str| {
        format!(
            "[csv] every row must be readable; got line 2, column 1 (\"a\"): {shown} is not text in UTF-8; \
             correct it, or skip bad rows"
        )
    };
    assert_eq!(bad_cell(b"1\xff"), row("\"1\u{fffd}\""));
    assert_eq!(bad_cell("1\0"), row("\"1\\0\""));
    assert_eq!(
        message(read(b"a,pri\xffce\n1,2\n", &price())),
        "[csv] column names must be text in UTF-8; got other bytes for column 2; save the file as UTF-8"
    );
    assert!(message(read("a,price\0\n1,2\n", &price())).contains("got other bytes for column 2"));
}

#[test]
fn a_line_above_the_limit_is_refused_before_it_is_held() {
    /// Endless digits without a line end.
    struct Endless(usize);
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += buffer.len();
            assert!(self.0 < 100_000, "read far beyond the limit");
            buffer.fill(b'1');
            Ok(buffer.len())
        }
    }
    let options = CsvOptions { max_line: 50_000, ..price() };
    let text = "[csv] a line must fit the limit; got more than 50000 bytes in line 1; \
                check the quotes and line ends of the file, or raise max_line";
    assert_eq!(message(parse_csv(Endless(0), &options)), text);
    let short = CsvOptions { max_line: 7, ..price() };
    assert_eq!(read("a,price\n123,456\n", &short).unwrap().dataset.len(), 1);
    assert!(
        message(read("a,price\n1234,456\n", &CsvOptions { max_line: 7, ..price() })).contains("in line 2")
    );
}

#[test]
fn labels_that_are_no_class_are_refused_by_line() {
    for (label, shown) in [
        ("3.7", "3.7"),
        ("-1", "-1"),
        ("1e9", "1e9"),
        ("10", "10"),
        ("99999999999", "99999999999"),
        ("cat", "cat"),
    ] {
        assert_eq!(
            message(read(format!("x,y\n1,9\n2,{label}\n"), &CsvOptions::class_numbers("y", 10))),
            format!(
                "[csv] every row must be readable; got line 3, column 2 (\"y\"): \"{shown}\" is not a class of 0..10; \
                 correct it, or skip bad rows"
            )
        );
    }
    assert_eq!(
        message(read("x,y\n1,\n", &CsvOptions::class_names("y"))),
        "[csv] every row must be readable; got line 2, column 2 (\"y\"): the cell is empty; \
         correct it, or skip bad rows"
    );
}

const THREE_BAD: &str = "a,price\n1,2\nx,2\n3,4\n5\n7,y\n9,9\n";

#[test]
fn collected_bad_rows_come_in_one_error() {
    let collect = |at_most| CsvOptions { on_bad_row: OnBadRow::Collect { at_most }, ..price() };
    assert_eq!(
        message(read(THREE_BAD, &collect(10))),
        "[csv] every row must be readable; got 3 bad rows: line 3, column 1 (\"a\"): \"x\" is not a number, \
         line 5: 1 field instead of 2, line 6, column 2 (\"price\"): \"y\" is not a number; \
         correct them, or skip bad rows"
    );
    assert_eq!(
        message(read(THREE_BAD, &collect(2))),
        "[csv] every row must be readable; got 2 bad rows before reading stopped: \
         line 3, column 1 (\"a\"): \"x\" is not a number, line 5: 1 field instead of 2; correct them, or skip bad rows"
    );
    assert_eq!(read("a,price\n1,2\n", &collect(2)).unwrap().dataset.len(), 1);
}

#[test]
fn skipped_rows_are_listed_beside_the_others() {
    let skip = |at_most| CsvOptions { on_bad_row: OnBadRow::Skip { at_most }, ..price() };
    let Csv { dataset, skipped } = read(THREE_BAD, &skip(3)).unwrap();
    assert_eq!(dataset.features().to_vec::<f32>().unwrap(), [1.0, 3.0, 9.0]);
    assert_eq!(skipped.iter().map(|bad| bad.line).collect::<Vec<_>>(), [3, 5, 6]);
    assert_eq!(skipped[0].cell, Some(Cell { column: 1, name: Some("a".to_string()), text: "x".to_string() }));
    assert_eq!((skipped[1].fault, &skipped[1].cell), (Fault::FieldCount { got: 1, want: 2 }, &None));
    assert!(message(read(THREE_BAD, &skip(2))).contains("3 bad rows before reading stopped"));
}

#[test]
fn a_class_met_only_in_a_bad_row_is_no_class() {
    let options = CsvOptions { on_bad_row: OnBadRow::Skip { at_most: 1 }, ..CsvOptions::class_names("y") };
    let data = read("x,y\n1,b\nbad,a\n2,c\n", &options).unwrap().dataset;
    assert_eq!(
        (data.class_names().unwrap().join(" "), data.labels().unwrap()),
        ("b c".to_string(), vec![0, 1])
    );
}

#[test]
fn long_cells_and_long_lists_are_cut_short_in_messages() {
    let cell = "x".repeat(1000);
    assert!(bad_cell(&cell).contains(&format!("\"{}…\" is not a number", "x".repeat(40))));
    let text = format!("a,price\n{}", "x,1\n".repeat(25));
    let error =
        message(read(text, &CsvOptions { on_bad_row: OnBadRow::Collect { at_most: 100 }, ..price() }));
    assert!(error.contains("got 25 bad rows: line 2,") && error.contains(", line 21, "));
    assert!(error.ends_with(", and 5 more; correct them, or skip bad rows"), "{error}");
}

#[test]
fn options_that_cannot_work_are_refused() {
    for (options, error) in [
        (CsvOptions { dtype: DType::I64, ..price() }, "numbers are read as floats; got i64; use f32 or f64"),
        (
            CsvOptions { delimiter: b'"', ..price() },
            "fields are parted by one ASCII character, no quote or line end; got '\"'; use ',', ';' or a tab",
        ),
        (
            CsvOptions { target: Target::Values(vec![]), ..price() },
            "there must be a target; got no target columns; name at least one",
        ),
    ] {
        assert_eq!(message(read("a,price\n1,2\n", &options)), format!("[csv] {error}"));
    }
}

#[test]
fn errors_from_a_file_begin_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    let shown = path.display().to_string();
    assert_eq!(
        message(read_csv(&path, &price())),
        format!(
            "{shown}: [csv] the file must be readable; got No such file or directory (os error 2); \
             check the path and its permissions"
        )
    );
    std::fs::write(&path, "a,price\n1\n").unwrap();
    assert_eq!(
        message(read_csv(&path, &price())),
        format!(
            "{shown}: [csv] every row must be readable; got line 2: 1 field instead of 2; correct it, or skip bad rows"
        )
    );
    std::fs::write(&path, "a,price\n1,2\n").unwrap();
    assert_eq!(read_csv(&path, &price()).unwrap().dataset.len(), 1);
    assert_eq!(
        message(read_csv(dir.path(), &price())),
        format!(
            "{}: [csv] the path must name a regular file; got something else; give the path of a file",
            dir.path().display()
        )
    );
}
