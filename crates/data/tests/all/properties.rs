use data::{
    BatchConfig, BatchPlan, ClassOrder, CsvOptions, Fractions, IdxOptions, OnBadRow, Target, k_folds,
    k_folds_stratified, parse_csv, parse_idx, split_random, split_stratified, write_idx,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tensor::Tensor;

fn fractions() -> impl Strategy<Value = Fractions> {
    (1u32..100, 0u32..100, 0u32..100).prop_map(|(a, b, c)| {
        let sum = f64::from(a + b + c);
        Fractions { train: f64::from(a) / sum, validation: f64::from(b) / sum, test: f64::from(c) / sum }
    })
}

fn counts(labels: &[i64], rows: &[usize]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    rows.iter().for_each(|&row| *counts.entry(labels[row]).or_insert(0) += 1);
    counts
}

fn sorted(mut rows: Vec<usize>) -> Vec<usize> {
    rows.sort_unstable();
    rows
}

/// A number in the shortest text that reads back as the same bits.
fn csv_of(x: &[f64], columns: usize) -> String {
    let mut text = (0..columns).map(|j| format!("c{j}")).collect::<Vec<_>>().join(",") + "\n";
    for row in x.chunks(columns) {
        for (j, x) in row.iter().enumerate() {
            write!(text, "{}{x:?}", if j > 0 { "," } else { "" }).unwrap();
        }
        text.push('\n');
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_random_split_has_every_row_once_and_sizes_within_one(n in 0usize..400, f in fractions(), seed: u64) {
        // A refusal is right exactly when a wanted part would be empty; the sizes are checked where there is none.
        if let Ok(split) = split_random(n, f, seed) {
            let all = [&split.train[..], &split.validation, &split.test].concat();
            prop_assert_eq!(sorted(all), (0..n).collect::<Vec<_>>());
            for (part, f) in [(&split.train, f.train), (&split.validation, f.validation), (&split.test, f.test)] {
                prop_assert!((part.len() as f64 - f * n as f64).abs() < 1.0 + 1e-6);
                prop_assert_eq!(part.is_empty(), f == 0.0);
            }
        } else {
            let smallest = [f.train, f.validation, f.test].into_iter().filter(|&f| f > 0.0).fold(1.0, f64::min);
            prop_assert!(smallest * (n as f64) < 1.0);
        }
    }

    #[test]
    fn a_stratified_split_has_every_row_once_and_classes_within_one(
        labels in prop::collection::vec(-2i64..4, 0..300), f in fractions(), seed: u64,
    ) {
        let Ok(split) = split_stratified(&labels, f, seed) else { return Ok(()) };
        let n = labels.len();
        let all = [&split.train[..], &split.validation, &split.test].concat();
        prop_assert_eq!(sorted(all), (0..n).collect::<Vec<_>>());
        let total = counts(&labels, &(0..n).collect::<Vec<_>>());
        for (part, f) in [(&split.train, f.train), (&split.validation, f.validation), (&split.test, f.test)] {
            let part_counts = counts(&labels, part);
            for (class, &rows) in &total {
                let got = part_counts.get(class).copied().unwrap_or(0) as f64;
                prop_assert!((got - f * rows as f64).abs() < 1.0 + 1e-6, "class {}: {} of {}", class, got, rows);
            }
        }
        prop_assert_eq!(counts(&labels, &split.train).len(), total.len(), "every class is trained on");
        // Sums stay near, too, unless rare classes were kept for training: one class cannot push another.
        if total.values().all(|&rows| f.train * rows as f64 >= 1.0) {
            prop_assert!((split.train.len() as f64 - f.train * n as f64).abs() < 2.0);
            prop_assert!((split.validation.len() as f64 - f.validation * n as f64).abs() < 2.0);
            prop_assert!((split.test.len() as f64 - f.test * n as f64).abs() < 2.0);
        }
        prop_assert_eq!(split_stratified(&labels, f, seed).unwrap(), split);
    }

    #[test]
    fn folds_hold_every_row_out_once(labels in prop::collection::vec(0i64..4, 2..200), k in 2usize..8, seed: u64) {
        let n = labels.len();
        prop_assume!(k <= n);
        for folds in [k_folds(n, k, seed).unwrap(), k_folds_stratified(&labels, k, seed).unwrap()] {
            let held_out = folds.iter().flat_map(|fold| fold.validation.clone()).collect();
            prop_assert_eq!(sorted(held_out), (0..n).collect::<Vec<_>>());
            for fold in &folds {
                prop_assert_eq!(sorted([&fold.train[..], &fold.validation].concat()), (0..n).collect::<Vec<_>>());
                prop_assert!(fold.validation.len().abs_diff(n / k) <= 1);
            }
        }
    }

    #[test]
    fn an_epoch_visits_every_row_once(
        len in 1usize..500, batch_size in 1usize..600, seed: Option<u64>, epoch: u64,
    ) {
        let plan = BatchPlan::new(len, BatchConfig { batch_size, shuffle: seed, drop_last: false }).unwrap();
        let batches: Vec<Vec<usize>> = plan.epoch(epoch).iter().map(<[usize]>::to_vec).collect();
        prop_assert_eq!(batches.len(), plan.batches());
        prop_assert!(batches[..batches.len() - 1].iter().all(|batch| batch.len() == batch_size));
        prop_assert_eq!(sorted(batches.concat()), (0..len).collect::<Vec<_>>());
        prop_assert_eq!(plan.epoch(epoch), plan.epoch(epoch));
        if seed.is_some() && len >= 20 {
            // Two equal orders of 20 rows: one chance in 20! ≈ 2·10¹⁸.
            prop_assert_ne!(plan.epoch(epoch), plan.epoch(epoch.wrapping_add(1)));
        }
        if let Ok(plan) = BatchPlan::new(len, BatchConfig { batch_size, shuffle: seed, drop_last: true }) {
            let full: Vec<Vec<usize>> = plan.epoch(epoch).iter().map(<[usize]>::to_vec).collect();
            prop_assert_eq!(&full[..], &batches[..len / batch_size]);
        }
    }

    #[test]
    fn csv_gives_back_the_numbers_that_were_written(
        (columns, x) in (2usize..6, 1usize..20).prop_flat_map(|(columns, rows)| {
            (Just(columns), prop::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), columns * rows))
        }),
        crlf: bool,
    ) {
        let mut text = csv_of(&x, columns);
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let options = CsvOptions { dtype: tensor::DType::F64, ..CsvOptions::regression([0usize]) };
        let data = parse_csv(text.as_bytes(), &options).unwrap().dataset;
        let (features, targets) = (data.features().to_vec::<f64>().unwrap(), data.targets().to_vec::<f64>().unwrap());
        let back: Vec<u64> = features
            .chunks(columns - 1)
            .zip(targets)
            .flat_map(|(row, target)| std::iter::once(target).chain(row.iter().copied()))
            .map(f64::to_bits)
            .collect();
        prop_assert_eq!(back, x.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    }

    #[test]
    fn csv_gives_back_any_class_name(names in prop::collection::vec("[ -~\n\r\"é,]*", 1..20)) {
        let names: Vec<String> = names.iter().map(|name| name.trim().to_string()).filter(|n| !n.is_empty()).collect();
        prop_assume!(!names.is_empty());
        let mut text = "x,y\n".to_string();
        for name in &names {
            writeln!(text, "1,\"{}\"", name.replace('"', "\"\"")).unwrap();
        }
        let target = Target::ClassNames { column: "y".into(), order: ClassOrder::FirstSeen };
        let data = parse_csv(text.as_bytes(), &CsvOptions { target, ..CsvOptions::class_names("y") }).unwrap().dataset;
        let classes = data.class_names().unwrap();
        let back: Vec<&str> = data.labels().unwrap().iter().map(|&label| classes[label as usize].as_str()).collect();
        prop_assert_eq!(back, names.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn csv_gives_the_same_rows_however_the_bytes_arrive(
        text in "(a,b\n)?([0-9x\",\r\n]|,|\r\n|1,2\n){0,80}", piece in 1usize..9,
    ) {
        /// Gives at most `piece` bytes at a time.
        struct Slow<'a>(&'a [u8], usize);
        impl std::io::Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let len = self.1.min(self.0.len()).min(buffer.len());
                buffer[..len].copy_from_slice(&self.0[..len]);
                self.0 = &self.0[len..];
                Ok(len)
            }
        }
        let mut options = CsvOptions::regression([0usize]);
        options.on_bad_row = OnBadRow::Skip { at_most: 1000 };
        let show = |read: data::Result<data::Csv>| match read {
            Ok(csv) => format!("{:?} {:?}", csv.dataset.features().to_vec::<f32>(), csv.skipped),
            Err(error) => error.to_string(),
        };
        let whole = show(parse_csv(text.as_bytes(), &options));
        prop_assert_eq!(show(parse_csv(Slow(text.as_bytes(), piece), &options)), whole);
    }

    #[test]
    fn csv_names_the_line_of_every_bad_row(
        rows in prop::collection::vec((any::<bool>(), 0usize..3, 0usize..3), 1..30), crlf: bool,
    ) {
        let newline = if crlf { "\r\n" } else { "\n" };
        let mut text = format!("x,y{newline}");
        let (mut line, mut bad) = (2, Vec::new());
        for (good, blank, inside) in rows {
            text += &newline.repeat(blank);
            line += blank as u64;
            if !good {
                bad.push(line);
            }
            write!(text, "{},\"a{}b\"{newline}", if good { "1" } else { "one" }, newline.repeat(inside)).unwrap();
            line += 1 + inside as u64;
        }
        text += &format!("1,last{newline}");
        let mut options = CsvOptions::class_names("y");
        options.on_bad_row = OnBadRow::Skip { at_most: 1000 };
        let skipped = parse_csv(text.as_bytes(), &options).unwrap().skipped;
        prop_assert_eq!(skipped.iter().map(|bad| bad.line).collect::<Vec<_>>(), bad);
    }

    #[test]
    fn idx_gives_back_the_tensor_that_was_written(shape in prop::collection::vec(0usize..5, 1..5), kind in 0..4) {
        let n: usize = shape.iter().product();
        let x = match kind {
            0 => Tensor::from_vec((0..n).map(|i| (i * 37) as u8).collect(), &shape),
            1 => Tensor::from_vec((0..n).map(|i| i as i64 * 70_000 - 9).collect(), &shape),
            2 => Tensor::from_vec((0..n).map(|i| i as f32 * 0.1 - 1.0).collect(), &shape),
            _ => Tensor::from_vec((0..n).map(|i| i as f64 * 0.1 - 1.0).collect(), &shape),
        }.unwrap();
        let mut bytes = Vec::new();
        write_idx(&x, &mut bytes).unwrap();
        let back = parse_idx(&bytes[..], IdxOptions::default()).unwrap();
        prop_assert_eq!((back.shape(), back.dtype()), (x.shape(), x.dtype()));
        let mut again = Vec::new();
        write_idx(&back, &mut again).unwrap();
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn random_bytes_never_make_a_reader_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..4) {
        let start: &[u8] = match start {
            0 => &[],
            1 => &[0, 0, 8, 2],
            2 => &[0x1f, 0x8b, 8, 0],
            _ => b"a,b\n1,",
        };
        bytes.splice(0..0, start.iter().copied());
        let limit = IdxOptions { max_bytes: 1 << 20 };
        let _ = parse_idx(&bytes[..], limit);
        let mut options = CsvOptions::class_names(0usize);
        for on_bad_row in [OnBadRow::Fail, OnBadRow::Collect { at_most: 3 }, OnBadRow::Skip { at_most: 1000 }] {
            options.on_bad_row = on_bad_row;
            for has_header in [true, false] {
                options.has_header = has_header;
                let _ = parse_csv(&bytes[..], &options);
            }
        }
    }
}
