//! Same bits: at any thread count, on a second run, in any company.

use crate::{circle, fingerprint, quiet, task, with_threads};
use data::{Augment, Augmented, Dataset, Source, Workers};
use models::{Mlp, MlpConfig};
use nn::{Activation, Context, Flatten, Layer, Linear, Sequential};
use optim::{AdamW, CosineWarmup};
use tensor::{DType, Rng, Tensor};
use train::{Classification, TrainConfig, Trainer};

/// Weights and predictions after a run with everything that could differ: shuffling, dropout, clipping, a schedule, a
/// last batch that is not full, sizes that kernels split.
fn run(data: &Dataset, valid: &Dataset, classes: &[&str], sizes: &[usize], seed: u64) -> (u64, Vec<u32>) {
    let config = MlpConfig { activation: Activation::Gelu, dropout: 0.2, ..Default::default() };
    let mut model = Mlp::with_config(sizes, &config, &mut Rng::seed(seed)).unwrap();
    let config = TrainConfig { epochs: 2, batch_size: 48, seed, clip_norm: Some(0.5), ..quiet() };
    let mut trainer = Trainer::new(config).schedule(CosineWarmup::new(0.01, 0.0, 3, 20).unwrap());
    let task = Classification::new(classes.iter().copied());
    let fit = trainer.fit(&mut model, &mut AdamW::new(0.01), &task, data, Some(valid)).unwrap();
    assert!(fit.history.last().unwrap().valid.is_some());
    let outputs = trainer.predict(&model, valid.features()).unwrap().to_vec::<f32>().unwrap();
    (fingerprint(&model), outputs.into_iter().map(f32::to_bits).collect())
}

#[test]
fn weights_are_the_same_at_1_2_3_and_8_threads_and_on_a_second_run() {
    let digits = data::digits().unwrap();
    let (train, valid) = (digits.select(&Vec::from_iter(0..500)), digits.select(&Vec::from_iter(500..700)));
    let (train, valid) = (train.unwrap(), valid.unwrap());
    let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let runs =
        [1, 1, 2, 3, 8].map(|n| with_threads(n, || run(&train, &valid, &names, &[64, 200, 130, 10], 0)));
    for (i, other) in runs.iter().enumerate().skip(1) {
        assert!(*other == runs[0], "run {i}: weights {:x} for {:x}", other.0, runs[0].0);
    }
}

#[test]
fn losses_and_weights_are_the_same_for_any_number_of_workers_and_threads() {
    let digits = data::digits().unwrap().select(&Vec::from_iter(0..300)).unwrap();
    let images = digits.features().reshape([300, 1, 8, 8]).unwrap();
    let names = digits.class_names().unwrap().to_vec();
    let images = Dataset::classification(images, digits.targets().clone(), names.clone()).unwrap();
    let run = |workers: usize| {
        let steps = vec![Augment::RandomCrop { padding: 1 }, Augment::HorizontalFlip { p: 0.5 }];
        let shifted = Augmented::new(&images, steps, 3).unwrap();
        let workers = Workers { threads: workers, prefetch: 2 };
        let config = TrainConfig { workers, batch_size: 32, ..quiet() };
        let rng = &mut Rng::seed(1);
        let mut model = Sequential::new().push(Flatten).push(Linear::new(64, 10, rng).unwrap());
        let task = Classification::new(names.clone());
        let fit = Trainer::new(config).fit(&mut model, &mut AdamW::new(0.01), &task, &shifted, None).unwrap();
        let losses: Vec<Option<f64>> = fit.history.epochs().iter().map(|r| r.train.get("loss")).collect();
        (losses, fingerprint(&model))
    };
    let first = run(0);
    for workers in [1, 2, 4] {
        assert_eq!(run(workers), first, "{workers} workers");
    }
    for threads in [1, 2, 3, 8] {
        assert_eq!(with_threads(threads, || run(2)), first, "{threads} threads");
    }
}

/// Panics at a row in the second epoch, as a faulty decoder does.
struct Faulty(Dataset);

impl Source for Faulty {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn batch(&self, rows: &[usize]) -> data::Result<data::Batch> {
        self.0.batch(rows)
    }
    fn batch_in(&self, epoch: u64, rows: &[usize]) -> data::Result<data::Batch> {
        assert!(epoch == 0 || !rows.contains(&17), "row 17 cannot be read");
        self.0.batch(rows)
    }
}

#[test]
fn a_worker_that_panics_is_an_error_of_the_run() {
    let source = Faulty(circle(100, 0));
    for threads in [0, 1, 3] {
        let config = TrainConfig { workers: Workers { threads, prefetch: 1 }, ..quiet() };
        let mut model = Mlp::new([2, 4, 2], &mut Rng::seed(0)).unwrap();
        let fit = Trainer::new(config).fit(&mut model, &mut AdamW::new(0.01), &task(), &source, None);
        let error = fit.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("row 17 cannot be read"), "{threads} workers: {error}");
    }
}

#[test]
fn the_seed_decides() {
    let (train, valid) = (circle(100, 0), circle(50, 1));
    let seed = |seed| run(&train, &valid, &["a", "b"], &[2, 8, 2], seed);
    assert!(seed(0) == seed(0) && seed(0) != seed(1));
}

/// Every sample alone and in batches of 2, 3, 7 and 64, at their places in them.
fn company_does_not_matter(sizes: &[usize], dtype: DType) {
    let rng = &mut Rng::seed(2);
    let mut config = MlpConfig::default();
    config.linear.dtype = dtype;
    let model = Mlp::with_config(sizes, &config, rng).unwrap();
    let x = rng.normal([64, sizes[0]], 0.0, 1.0, dtype).unwrap();
    let forward = |x: Tensor| model.forward(&x.into(), &mut Context::eval()).unwrap().into_value();
    let alone: Vec<Tensor> = (0..64).map(|i| forward(x.narrow(0, i, 1).unwrap())).collect();
    for batch in [2, 3, 7, 64] {
        for start in (0..64).step_by(batch) {
            let rows = batch.min(64 - start);
            let together = forward(x.narrow(0, start, rows).unwrap());
            for i in 0..rows {
                let own = together.narrow(0, i, 1).unwrap();
                assert!(own.bit_eq(&alone[start + i]), "{sizes:?} {dtype}: sample {} in {rows}", start + i);
            }
        }
    }
    // One more axis in front, and the loop's own batches.
    let one = x.narrow(0, 5, 1).unwrap().squeeze(0).unwrap();
    assert!(forward(one).unsqueeze(0).unwrap().bit_eq(&alone[5]), "{sizes:?} {dtype}: without a batch axis");
    let all = Tensor::cat(&alone.iter().collect::<Vec<_>>(), 0).unwrap();
    for eval_batch_size in [1, 5, 64, 1000] {
        let trainer = Trainer::new(TrainConfig { eval_batch_size, ..quiet() });
        assert!(
            trainer.predict(&model, &x).unwrap().bit_eq(&all),
            "predicted in batches of {eval_batch_size}"
        );
    }
}

#[test]
fn a_sample_has_the_same_output_alone_and_in_any_batch() {
    for threads in [1, 2] {
        with_threads(threads, || {
            company_does_not_matter(&[64, 128, 10], DType::F32);
            company_does_not_matter(&[64, 128, 10], DType::F64);
            // Beyond a block of 512 products, at it, and one off.
            company_does_not_matter(&[513, 1030, 512, 511, 3], DType::F32);
            company_does_not_matter(&[784, 512, 1], DType::F32);
        });
    }
}

#[test]
fn measures_of_an_evaluation_do_not_depend_on_its_batches() {
    let (model, data) = (crate::mlp(0), circle(100, 3));
    let evaluate = |eval_batch_size| {
        let trainer = Trainer::new(TrainConfig { eval_batch_size, ..quiet() });
        trainer.evaluate(&model, &task(), &data).unwrap().values
    };
    let whole = evaluate(100);
    for size in [1, 7, 99] {
        let values = evaluate(size);
        assert_eq!(values.get("accuracy"), whole.get("accuracy"));
        let (a, b) = (values.get("loss").unwrap(), whole.get("loss").unwrap());
        // A mean of singles: a hundred terms of order 1, rounded once each.
        assert!((a - b).abs() < 100.0 * f64::from(f32::EPSILON), "{a} for {b}");
    }
}
