use crate::message;
use data::{TableColumn, parse_json_lines, read_json_lines};
use proptest::prelude::*;

#[test]
fn members_become_columns_and_what_is_not_there_a_gap() {
    let text = "{\"a\": 1, \"b\": \"x\"}\n\n{\"b\": null, \"c\": true}\r\n{\"a\": -2.5e3}";
    let table = parse_json_lines(text.as_bytes()).unwrap();
    assert_eq!(table.names(), ["a", "b", "c"]);
    assert_eq!(table.column("a").unwrap(), &TableColumn::Numbers(vec![Some(1.0), None, Some(-2500.0)]));
    assert_eq!(table.column("b").unwrap(), &TableColumn::Text(vec![Some("x".into()), None, None]));
    assert_eq!(table.column("c").unwrap(), &TableColumn::Text(vec![None, Some("true".into()), None]));
}

#[test]
fn numbers_are_rounded_to_the_nearest() {
    let table = parse_json_lines("{\"x\":0.09999999999999999}\n".as_bytes()).unwrap();
    assert_eq!(table.column("x").unwrap(), &TableColumn::Numbers(vec![Some(0.09999999999999999)]));
}

#[test]
fn bad_lines_are_refused_by_number() {
    let said = |text: &str| message(parse_json_lines(text.as_bytes()));
    assert_eq!(
        said("{\"a\":1}\n{\"a\":\"x\"}\n"),
        "[json lines] a column must be numbers or text; got text for \"a\" in line 2, where lines before have the other; \
         write one kind"
    );
    for (text, part) in [
        ("{\"a\":1}\n[1]\n", "got line 2: invalid type: sequence, expected an object"),
        (
            "{\"a\":{\"b\":1}}\n",
            "got line 1: invalid type: map, expected a number, a string, true, false or null",
        ),
        ("{\"a\":[1]}\n", "got line 1: invalid type: sequence"),
        ("{\"a\":1,\"a\":2}\n", "got line 1: member \"a\" twice"),
        ("{\"a\":1} x\n", "got line 1: trailing characters"),
        ("{\"a\":1e400}\n", "got line 1: number out of range"),
        ("{\"a\":NaN}\n", "got line 1: "),
        ("{\"a\":1", "got line 1: EOF"),
        ("", "got 0 lines without members"),
        ("{}\n{}\n", "got 2 lines without members"),
    ] {
        assert!(said(text).contains(part), "{text:?}: {}", said(text));
    }
    assert!(said(&format!("{{\"a\":{}", "[".repeat(100_000))).contains("got line 1: invalid type: sequence"));
    assert!(message(parse_json_lines(&b"{\"a\":\"\xff\"}\n"[..])).contains("got line 1: "));
    let dir = tempfile::tempdir().unwrap();
    assert!(message(read_json_lines(dir.path())).contains("regular file"));
}

#[test]
fn a_file_of_gaps_takes_no_memory_for_them() {
    // A column for each of 20,000 lines: 400 million cells of 280 kB.
    let text: String = (0..20_000).map(|i| format!("{{\"c{i}\":1}}\n")).collect();
    assert!(message(parse_json_lines(text.as_bytes())).contains("a table must not be mostly gaps"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn mutated_lines_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index,
    ) {
        let mut bytes = b"{\"a\": 1, \"b\": \"x\\u00e9\"}\n{\"b\": null, \"c\": true}\n{\"a\": -2.5e3}\n".to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = parse_json_lines(&bytes[..]);
        let _ = parse_json_lines(&bytes[..cut.index(bytes.len())]);
    }
}
