use crate::message;
use data::{
    BucketConfig, LengthBuckets, Loader, Source, TextLanes, TextWindows, Vocab, VocabConfig, VocabUnit,
    pad_sequences, read_text,
};
use proptest::prelude::*;

fn counting(n: usize) -> Vec<usize> {
    (0..n).collect()
}

fn config(min_count: usize, unknown: Option<&str>, specials: &[&str]) -> VocabConfig {
    VocabConfig { min_count, unknown: unknown.map(String::from), specials: crate::names(specials) }
}

#[test]
fn characters_are_numbered_by_code_point() {
    let vocab = Vocab::chars("zürich, züri\n").unwrap();
    assert_eq!(vocab.tokens(), ["\n", " ", ",", "c", "h", "i", "r", "z", "ü"]);
    assert_eq!(vocab.unit(), VocabUnit::Characters);
    assert_eq!(vocab.encode("zü\n").unwrap(), [7, 8, 0]);
    assert_eq!(vocab.encode("").unwrap(), [0; 0]);
}

#[test]
fn words_are_numbered_by_count_and_rare_ones_are_unknown() {
    let text = "b a c a\tb\n d  a";
    let vocab = Vocab::words(text, &config(2, Some("?"), &["<pad>", "<end>"])).unwrap();
    assert_eq!(vocab.tokens(), ["<pad>", "<end>", "?", "a", "b"]);
    assert_eq!(vocab.encode(text).unwrap(), [4, 3, 2, 3, 4, 2, 3]);
    assert_eq!(vocab.decode(&[4, 3, 2, 1, 0]).unwrap(), "b a ? <end> <pad>");
    assert_eq!([vocab.token("<end>"), vocab.token("a"), vocab.token("d")], [Some(1), Some(3), None]);
    // Of equal counts, by code point.
    let all = Vocab::words(text, &VocabConfig::default()).unwrap();
    assert_eq!(all.tokens(), ["a", "b", "c", "d"]);
}

#[test]
fn a_text_cannot_name_a_special_token() {
    let vocab = Vocab::words("a b", &config(1, Some("?"), &["<end>"])).unwrap();
    assert_eq!(vocab.encode("a <end> ?").unwrap(), [2, 1, 1]);
    let vocab = Vocab::words("a b", &config(1, None, &["<end>"])).unwrap();
    assert!(message(vocab.encode("a <end>")).contains("got \"<end>\" at byte 2;"));
}

#[test]
fn vocabularies_refuse_what_they_cannot_number() {
    let chars = Vocab::chars("abc").unwrap();
    let cases = [
        (
            message(Vocab::chars("")),
            "[vocab] the text must have a token that occurs often enough; got none that occurs 1 times; give a longer text or lower min_count",
        ),
        (
            message(Vocab::words("a b c", &config(2, Some("?"), &[]))),
            "[vocab] the text must have a token that occurs often enough; got none that occurs 2 times; give a longer text or lower min_count",
        ),
        (
            message(chars.encode("abé?")),
            "[vocab] all of the text must be in the vocabulary; got \"é\" at byte 2; build the vocabulary with an unknown token or from a text that has it",
        ),
        (
            message(chars.decode(&[0, 3])),
            "[vocab] every token must be in the vocabulary; got token 3 at position 1 for 3 tokens; decode with the vocabulary that the tokens were made with",
        ),
        (
            message(Vocab::chars_with("abc", &config(1, None, &["<pad>", "b"]))),
            "[vocab] every token must occur once; got \"b\" as tokens 1 and 3; rename the special one",
        ),
        (
            message(Vocab::words("a", &config(1, Some(""), &[]))),
            "[vocab] a token must be a name, or one character or word; got \"\" as token 0; correct the token",
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn a_vocabulary_comes_back_from_its_file_and_a_spoilt_one_is_refused() {
    let vocab = Vocab::words("b a a", &config(1, Some("?"), &["<pad>"])).unwrap();
    let saved = serde_json::to_string(&vocab).unwrap();
    assert_eq!(
        saved,
        r#"{"version":1,"unit":"words","tokens":["<pad>","?","a","b"],"specials":2,"unknown":1}"#
    );
    assert_eq!(serde_json::from_str::<Vocab>(&saved).unwrap(), vocab);
    for (from, to, error) in [
        ("\"version\":1", "\"version\":2", "got version 2"),
        ("\"b\"", "\"a\"", "got \"a\" as tokens 2 and 3"),
        ("\"b\"", "\"b c\"", "got \"b c\" as token 3"),
        ("words", "characters", ""),
        ("\"specials\":2", "\"specials\":9", "got 4 tokens, 9 of them special"),
        ("\"unknown\":1", "\"unknown\":2", "unknown Some(2)"),
        ("words", "bytes", "unknown variant"),
    ] {
        let result = serde_json::from_str::<Vocab>(&saved.replace(from, to));
        // Words of one character are characters too.
        match error {
            "" => assert!(result.is_ok()),
            _ => assert!(result.unwrap_err().to_string().contains(error), "{to}"),
        }
    }
}

#[test]
fn a_text_file_is_read_as_it_is_and_other_bytes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.txt");
    std::fs::write(&path, "\u{feff}é\r\n").unwrap();
    assert_eq!(read_text(&path).unwrap(), "\u{feff}é\r\n");
    for (bytes, got) in [
        (&b"abc\xffdef"[..], "the byte 0xff at byte position 3"),
        // The middle of a character that is cut off by the end of the file.
        (&b"\xc3\xa9\xe2\x82"[..], "the byte 0xe2 at byte position 2"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let want = format!(
            "{}: [text] a text file must be UTF-8; got {got}; convert the file to UTF-8",
            path.display()
        );
        assert_eq!(message(read_text(&path)), want);
    }
    let missing = folder.path().join("none.txt");
    assert!(
        message(read_text(&missing)).starts_with(&format!("{}: [text] the file must be", missing.display()))
    );
    assert!(message(read_text(folder.path())).contains("[text] the path must name a regular file"));
}

#[test]
fn windows_give_each_token_with_the_one_behind_it() {
    let tokens: Vec<usize> = counting(10).iter().map(|i| i * i).collect();
    // A last window of exactly what is left, and one token more would give one more.
    for (len, stride, rows) in [(10, 3, 3), (9, 3, 2), (10, 1, 7), (4, 3, 1), (10, 4, 2)] {
        let windows = TextWindows::with_stride(&tokens[..len], 3, stride).unwrap();
        assert_eq!(windows.len(), rows, "{len} {stride}");
        let batch = windows.batch(&[rows - 1, 0]).unwrap();
        assert_eq!((batch.features.shape(), batch.targets.shape()), (&[2, 3][..], &[2, 3][..]));
        let begin = (rows - 1) * stride;
        let of = |begin: usize| tokens[begin..begin + 3].iter().map(|&t| t as i64);
        let want: Vec<i64> = of(begin).chain(of(0)).collect();
        assert_eq!(batch.features.to_vec::<i64>().unwrap(), want);
        let want: Vec<i64> = of(begin + 1).chain(of(1)).collect();
        assert_eq!(batch.targets.to_vec::<i64>().unwrap(), want);
    }
}

#[test]
fn windows_are_a_source_for_the_loader() {
    let windows = TextWindows::new(&counting(101), 10).unwrap();
    let loader =
        Loader::new(&windows, data::BatchConfig { batch_size: 4, shuffle: Some(1), ..Default::default() });
    let mut seen: Vec<i64> = Vec::new();
    for batch in loader.unwrap().epoch(0) {
        seen.extend(batch.unwrap().features.to_vec::<i64>().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<i64>>());
}

#[test]
fn lanes_put_together_are_the_text() {
    for (len, n, time) in [(100, 4, 5), (101, 4, 5), (7, 3, 2), (6, 1, 5), (50, 7, 3)] {
        let lanes = TextLanes::new(&counting(len), n, time).unwrap();
        let lane = (len - 1) / n;
        assert_eq!(lanes.parts(), lane / time);
        let mut read: Vec<Vec<i64>> = vec![Vec::new(); n];
        for k in 0..lanes.parts() {
            let batch = lanes.part(k).unwrap();
            assert_eq!((batch.features.shape(), batch.targets.shape()), (&[n, time][..], &[n, time][..]));
            let (x, y) = (batch.features.to_vec::<i64>().unwrap(), batch.targets.to_vec::<i64>().unwrap());
            assert!(x.iter().zip(&y).all(|(x, y)| x + 1 == *y));
            for (read, row) in read.iter_mut().zip(x.chunks(time)) {
                read.extend(row);
            }
        }
        for (j, read) in read.iter().enumerate() {
            let begin = (j * lane) as i64;
            assert_eq!(*read, (begin..begin + (lanes.parts() * time) as i64).collect::<Vec<i64>>());
        }
    }
}

#[test]
fn texts_shorter_than_a_window_and_sizes_of_0_are_refused() {
    let tokens = counting(6);
    let windows = TextWindows::new(&counting(9), 4).unwrap();
    let cases = [
        (
            message(TextWindows::new(&tokens, 6)),
            "[text windows] the text must be longer than one window; got 6 tokens for windows of 6; use shorter windows or a longer text",
        ),
        (
            message(TextWindows::with_stride(&tokens, 2, 0)),
            "[text windows] a window must have a step, and the next one begin behind it; got time 2, stride 0; use at least 1 for both",
        ),
        (
            message(TextWindows::new(&[1, usize::MAX, 2], 1)),
            "[text windows] a token must fit an i64; got 18446744073709551615 at position 1; number tokens from 0",
        ),
        (
            message(windows.batch(&[0, 2])),
            "[text windows] a row must lie in 0..2; got 2 at position 1; check the indices or the data they were made for",
        ),
        (
            message(TextLanes::new(&tokens, 2, 3)),
            "[text lanes] the text must be longer than one part of all lanes; got 6 tokens for 2 lanes of 3 steps; use fewer lanes, fewer steps or a longer text",
        ),
        (
            message(TextLanes::new(&tokens, 0, 3)),
            "[text lanes] there must be a lane and a step; got n 0, time 3; use at least 1 for both",
        ),
        (
            message(TextLanes::new(&counting(7), 2, 3).unwrap().part(1)),
            "[text lanes] there must be a part of this number; got part 1 of 1; begin again at part 0, with a state of zeros",
        ),
        (
            message(pad_sequences::<Vec<usize>>(&[], 0)),
            "[pad_sequences] a batch must have sequences; got 0 sequences; give at least one",
        ),
        (
            message(pad_sequences(&[vec![1], vec![]], 0)),
            "[pad_sequences] a sequence must have a step; got length 0 of sequence 1; leave it out of the batch",
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
    assert!(TextWindows::new(&[], 1).is_err() && TextLanes::new(&[], 1, 1).is_err());
}

#[test]
fn padding_stands_behind_each_sequence() {
    let batch = pad_sequences(&[&[1, 2][..], &[3, 4, 5], &[6]], -1).unwrap();
    assert_eq!(batch.tokens.shape(), [3, 3]);
    assert_eq!(batch.tokens.to_vec::<i64>().unwrap(), [1, 2, -1, 3, 4, 5, 6, -1, -1]);
    assert_eq!(batch.lengths, [2, 3, 1]);
}

#[test]
fn buckets_refuse_what_makes_no_batch() {
    let new = |lengths: &[usize], batch_size, pool| {
        message(LengthBuckets::new(lengths, BucketConfig { batch_size, pool, shuffle: None }))
    };
    let cases = [
        (
            new(&[], 1, 1),
            "[length buckets] there must be sequences to batch; got 0 sequences; give at least one",
        ),
        (
            new(&[1, 0], 1, 1),
            "[length buckets] a sequence must have a step; got length 0 of sequence 1; leave it out",
        ),
        (
            new(&[1], 0, 1),
            "[length buckets] a batch and a pool must hold something; got batch size 0, pool 1; use at least 1 for both",
        ),
        (
            new(&[usize::MAX, 1], 1, 1),
            "[length buckets] the steps of all batches must be countable; got 2 sequences of up to 18446744073709551615 steps; correct the lengths",
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn buckets_waste_little_and_differ_between_epochs_and_seeds() {
    let lengths: Vec<usize> = (0..2000).map(|i| 1 + i * 7919 % 64).collect();
    let of =
        |shuffle| LengthBuckets::new(&lengths, BucketConfig { batch_size: 20, pool: 25, shuffle }).unwrap();
    let (a, b) = (of(Some(3)).epoch(0), of(Some(3)).epoch(1));
    assert_ne!(a.batches, b.batches);
    assert_ne!(a.batches, of(Some(4)).epoch(0).batches);
    assert_eq!(a, of(Some(3)).epoch(0));
    // In a random order a batch of 20 is as long as about 62 of 64 steps where the mean is 32.5.
    assert!(a.waste() < 0.05, "{}", a.waste());
    // Sorted all together, a batch differs by less than two steps.
    let sorted = of(None).epoch(0);
    assert!(sorted.waste() < 2.0 / 32.5, "{}", sorted.waste());
    assert!(sorted.waste() <= a.waste());
    let flat: Vec<usize> = sorted.batches.concat().iter().map(|&i| lengths[i]).collect();
    assert!(flat.is_sorted());
}

proptest! {
    #[test]
    fn buckets_visit_every_sequence_once_and_count_right(
        lengths in prop::collection::vec(1usize..50, 1..200),
        batch_size in 1usize..20,
        pool in 1usize..6,
        shuffle in prop::option::of(any::<u64>()),
        e in 0u64..3,
    ) {
        let epoch = LengthBuckets::new(&lengths, BucketConfig { batch_size, pool, shuffle }).unwrap().epoch(e);
        let mut rows = epoch.batches.concat();
        rows.sort_unstable();
        prop_assert_eq!(rows, (0..lengths.len()).collect::<Vec<_>>());
        let mut padded = 0;
        for batch in &epoch.batches {
            prop_assert!(!batch.is_empty() && batch.len() <= batch_size);
            let of: Vec<usize> = batch.iter().map(|&i| lengths[i]).collect();
            prop_assert!(of.is_sorted());
            padded += of.len() * of[of.len() - 1];
        }
        prop_assert_eq!(epoch.padded, padded);
        prop_assert_eq!(epoch.real, lengths.iter().sum::<usize>());
    }

    #[test]
    fn a_text_of_known_characters_comes_back(text in "\\PC{1,60}") {
        let vocab = Vocab::chars(&text).unwrap();
        let tokens = vocab.encode(&text).unwrap();
        prop_assert!(tokens.iter().all(|&token| token < vocab.len()));
        prop_assert_eq!(vocab.decode(&tokens).unwrap(), text);
    }
}
