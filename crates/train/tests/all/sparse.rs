//! Models with sparse tables in the training loop.

use crate::{fingerprint, quiet};
use autodiff::Var;
use data::Dataset;
use nn::{Context, Embedding, EmbeddingConfig, Layer, Linear, Module};
use optim::{Optimizer, Sgd, SparseAdam};
use std::path::Path;
use tensor::{DType, Rng, Tensor};
use train::{
    Averaging, Callback, CheckpointConfig, Classification, Error, Fit, Flow, Result, StepRecord, TrainConfig,
    Trainer,
};

const VOCAB: usize = 40;

/// The mean vector of a text's words, and a line through it.
#[derive(Clone, Module)]
struct Words {
    table: Embedding,
    line: Linear,
}

impl Layer for Words {
    fn forward(&self, x: &Var, cx: &mut Context) -> nn::Result<Var> {
        let h = cx.call("table", &self.table, x)?.mean(&[1])?;
        cx.call("line", &self.line, &h)
    }
}

fn words(sparse: bool) -> Words {
    let rng = &mut Rng::seed(3);
    let config = EmbeddingConfig { sparse, ..Default::default() };
    let table = Embedding::with_config(VOCAB, 8, &config, rng).unwrap();
    Words { table, line: Linear::new(8, 2, rng).unwrap() }
}

/// Texts of six words, of two classes: whether more words are of the first half.
fn texts(rows: usize, seed: u64) -> Dataset {
    let x = Rng::seed(seed).uniform([rows, 6], 0.0, VOCAB as f64, DType::F64).unwrap();
    let x = x.floor().unwrap().to_dtype(DType::I64).unwrap();
    let first = |text: &[i64]| text.iter().filter(|&&word| word < VOCAB as i64 / 2).count();
    let labels = x.to_vec::<i64>().unwrap().chunks(6).map(|text| i64::from(first(text) > 3)).collect();
    let names = vec!["few".to_string(), "many".to_string()];
    Dataset::classification(x, Tensor::from_vec(labels, [rows]).unwrap(), names).unwrap()
}

fn task() -> Classification {
    Classification::new(["few", "many"])
}

/// Fails behind a step, as a machine does.
struct FailsAt(u64);

impl Callback for FailsAt {
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        match step.at.step == self.0 {
            false => Ok(Flow::Continue),
            true => Err(Error::InvalidArgument {
                op: "test",
                rule: "power must be on",
                got: "none".into(),
                repair: "plug it in again",
            }),
        }
    }
}

/// A run of 3 epochs of 4 steps of 2 batches.
fn fit(dir: Option<&Path>, fails_at: u64) -> (Result<Fit>, u64) {
    let checkpoints = dir.map(|dir| CheckpointConfig { every_steps: Some(1), ..CheckpointConfig::new(dir) });
    let average = Some(Averaging::Ema { decay: 0.8, warmup: true });
    let config = TrainConfig { checkpoints, clip_norm: Some(0.1), accumulate: 2, average, ..quiet() };
    let mut model = words(true);
    let mut trainer = Trainer::new(config).callback(FailsAt(fails_at));
    let valid = texts(50, 1);
    let fit = trainer.fit(&mut model, &mut SparseAdam::new(0.05), &task(), &texts(128, 0), Some(&valid));
    (fit, fingerprint(&model))
}

#[test]
fn a_run_with_a_sparse_table_goes_on_to_the_same_bits() {
    let dir = std::env::temp_dir().join(format!("ironloom-sparse-{}", std::process::id()));
    let (whole, weights) = fit(None, u64::MAX);
    let history = |fit: Fit| {
        fit.history.epochs().iter().map(|r| format!("{:?} {:?}", r.train, r.valid)).collect::<Vec<_>>()
    };
    let whole = history(whole.unwrap());
    for fails_at in [1, 6, 8] {
        let _ = std::fs::remove_dir_all(&dir);
        assert!(fit(Some(&dir), fails_at).0.is_err());
        let (resumed, found) = fit(Some(&dir), u64::MAX);
        assert_eq!(history(resumed.unwrap()), whole, "failed at {fails_at}");
        assert_eq!(found, weights, "failed at {fails_at}");
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_loop_with_a_sparse_table_has_the_bits_of_one_with_a_dense_table() {
    let run = |sparse: bool, accumulate: usize| {
        let mut model = words(sparse);
        let optimizer: &mut dyn Optimizer = &mut Sgd::new(0.5);
        let config = TrainConfig { accumulate, ..quiet() };
        let fit = Trainer::new(config).fit(&mut model, optimizer, &task(), &texts(128, 0), None).unwrap();
        assert!(fit.history.epochs().len() == 3 && fit.skipped == 0);
        fingerprint(&model)
    };
    for accumulate in [1, 4] {
        assert_eq!(run(true, accumulate), run(false, accumulate), "{accumulate} batches to a step");
    }
}
