use crate::message;
use data::Bpe;

/// Bytes as GPT-2 writes them: a space is Ġ, é is Ã©. Truncation, padding and a frame are asked for.
fn json(model: &str) -> String {
    format!(
        r#"{{"version": "1.0",
        "truncation": {{"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}},
        "padding": {{"strategy": {{"Fixed": 9}}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "<pad>"}},
        "added_tokens": [{{"id": 8, "content": "<pad>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}}],
        "normalizer": null,
        "pre_tokenizer": {{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}},
        "post_processor": null, "decoder": {{"type": "ByteLevel", "add_prefix_space": true,
            "trim_offsets": true, "use_regex": true}}, "model": {model}}}"#
    )
}

const MODEL: &str = r#"{"type": "BPE",
    "vocab": {"a": 0, "b": 1, "Ġ": 2, "Ã": 3, "©": 4, "ab": 5, "Ġab": 6, "Ã©": 7},
    "merges": [["a", "b"], ["Ġ", "ab"], ["Ã", "©"]]}"#;

#[test]
fn merges_are_made_in_order_and_bytes_come_back() {
    let bpe = Bpe::parse(json(MODEL).as_bytes()).unwrap();
    assert_eq!(bpe.encode("ab aba abé").unwrap(), [5, 6, 0, 6, 7]);
    assert_eq!(bpe.decode(&[5, 6, 0, 6, 7, 8]).unwrap(), "ab aba abé<pad>");
    assert_eq!(bpe.encode("").unwrap(), [0; 0]);
    assert_eq!((bpe.len(), bpe.token("<pad>"), bpe.token("ba")), (9, Some(8), None));
}

#[test]
fn what_is_no_tokenizer_or_no_token_is_refused() {
    let bpe = Bpe::parse(json(MODEL).as_bytes()).unwrap();
    for token in [9, 10, 1 << 40] {
        assert_eq!(
            message(bpe.decode(&[0, token])),
            format!(
                "[bpe] every token must be one of the tokenizer; got token {token} at position 1 for 9 tokens; decode with the tokenizer that the tokens were made with"
            )
        );
    }
    let random = MODEL.replace("\"BPE\",", "\"BPE\", \"dropout\": 0.5,");
    assert_eq!(
        message(Bpe::parse(json(&random).as_bytes())),
        "[bpe] a text must have one encoding; got a dropout of 0.5; set the model's dropout to null"
    );
    let empty = r#"{"type": "BPE", "vocab": {}, "merges": []}"#;
    let none = json(empty).replace(r#""added_tokens": ["#, r#""added_tokens": [], "x": ["#);
    for bytes in [&b"{}"[..], b"", b"\xff", json("{}").as_bytes(), &json(MODEL).as_bytes()[..300]] {
        assert!(message(Bpe::parse(bytes)).starts_with("[bpe] the file must be a tokenizer.json; got "));
    }
    assert!(message(Bpe::parse(none.as_bytes())).starts_with("[bpe] "));
}

#[test]
fn a_file_is_read_and_named_in_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, json(MODEL)).unwrap();
    assert_eq!(Bpe::read(&path).unwrap().encode("ab").unwrap(), [5]);
    std::fs::write(&path, "[]").unwrap();
    assert!(message(Bpe::read(&path)).starts_with(&format!("{}: [bpe] the file must be", path.display())));
    let missing = folder.path().join("none.json");
    assert!(
        message(Bpe::read(&missing))
            .starts_with(&format!("{}: [bpe] the file must be readable", missing.display()))
    );
}
