//! What a run does and leaves.

use crate::{circle, fingerprint, mlp, quiet, task};
use autodiff::Var;
use data::Dataset;
use models::Mlp;
use nn::{Context, Layer};
use optim::{Adam, CosineWarmup, Optimizer, Schedule, Sgd};
use std::cell::RefCell;
use std::collections::VecDeque;
use tensor::{DType, Rng, Tensor};
use train::{Direction, EarlyStopping, Part, Regression, Task, TrainConfig, Trainer};

#[test]
fn a_network_learns_what_no_line_can_part() {
    let (mut model, train, valid) = (mlp(0), circle(400, 0), circle(200, 1));
    let mut trainer = Trainer::new(TrainConfig { epochs: 30, ..quiet() });
    let before = trainer.evaluate(&model, &task(), &valid).unwrap();
    let fit = trainer.fit(&mut model, &mut Adam::new(0.02), &task(), &train, Some(&valid)).unwrap();
    let after = trainer.evaluate(&model, &task(), &valid).unwrap();
    let accuracy = |e: &train::Evaluation| e.values.get("accuracy").unwrap();
    // The larger class is about half; a circle of 400 points is learned to well above nine tenths.
    assert!(accuracy(&before) < 0.75 && accuracy(&after) > 0.93, "{before:?} {after:?}");
    assert_eq!((fit.history.len(), fit.steps, fit.stopped_early), (30, 30 * 25, false));
    let last = fit.history.last().unwrap();
    assert_eq!((last.epoch, last.step, last.lr), (30, 750, 0.02));
    assert_eq!(after.confusion.unwrap().accuracy(), after.values.get("accuracy"));
}

#[test]
fn a_line_is_found_by_regression_with_its_measures() {
    let rng = &mut Rng::seed(0);
    let x = rng.normal([200, 2], 0.0, 1.0, DType::F64).unwrap();
    let w = Tensor::from_slice(&[2.0, -3.0], [2, 1]).unwrap();
    let y = x.matmul(&w).unwrap().add_scalar(0.5).unwrap();
    let data = Dataset::regression(x, y).unwrap();
    let config = nn::LinearConfig { dtype: DType::F64, ..Default::default() };
    let mut model = nn::Linear::with_config(2, 1, &config, rng).unwrap();
    let mut trainer = Trainer::new(TrainConfig { epochs: 20, ..quiet() });
    trainer.fit(&mut model, &mut Sgd::new(0.1), &Regression, &data, None).unwrap();
    let weight = model.weight.value().to_vec::<f64>().unwrap();
    // Gradient descent on a well conditioned square: 260 steps that each take a fifth of the error away.
    assert!((weight[0] - 2.0).abs() < 1e-9 && (weight[1] + 3.0).abs() < 1e-9, "{weight:?}");
    let values = trainer.evaluate(&model, &Regression, &data).unwrap().values;
    let names: Vec<&str> = values.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["loss", "mae", "r2"]);
    assert!(values.get("mae").unwrap() < 1e-9 && values.get("r2").unwrap() > 1.0 - 1e-12);
}

/// The loss is a script by epoch: for what follows from measures alone.
struct Scripted {
    /// The loss of each evaluation, one after another.
    valid: RefCell<VecDeque<f64>>,
}

impl Scripted {
    fn new(valid: &[f64]) -> Self {
        Self { valid: RefCell::new(valid.iter().copied().collect()) }
    }
}

impl Task for Scripted {
    fn loss(&self, output: &Var, _: &Tensor) -> train::Result<Var> {
        let loss = output.square()?.mean(&[])?;
        if loss.is_tracked() {
            return Ok(loss);
        }
        Ok(Tensor::scalar(self.valid.borrow_mut().pop_front().unwrap()).into())
    }
    fn meter(&self) -> train::Result<train::Meter> {
        Ok(train::Meter::loss_only())
    }
    fn main_metric(&self) -> (&'static str, Direction) {
        ("loss", Direction::Lower)
    }
}

/// Runs a script of validation losses; the weights after each epoch come back too.
fn scripted(losses: &[f64], config: TrainConfig) -> (train::Fit, Vec<u64>, u64) {
    struct Note<'a>(&'a RefCell<Vec<u64>>);
    impl train::Callback for Note<'_> {
        fn on_epoch(
            &mut self,
            _: &train::EpochRecord,
            model: &mut dyn nn::Module,
        ) -> train::Result<train::Flow> {
            self.0.borrow_mut().push(model.state_dict().fingerprint()?);
            Ok(train::Flow::Continue)
        }
    }
    let (mut model, train, valid) = (mlp(0), circle(32, 0), circle(8, 1));
    let weights = RefCell::new(Vec::new());
    let fit = Trainer::new(config)
        .callback(Note(&weights))
        .fit(&mut model, &mut Sgd::new(0.01), &Scripted::new(losses), &train, Some(&valid))
        .unwrap();
    let end = fingerprint(&model);
    (fit, weights.into_inner(), end)
}

#[test]
fn training_stops_after_patience_epochs_without_a_better_value_and_the_best_weights_return() {
    let early = TrainConfig { epochs: 9, early_stopping: Some(EarlyStopping { patience: 2 }), ..quiet() };
    let (fit, weights, end) = scripted(&[5.0, 3.0, 4.0, 2.0, 2.0, 2.5, 1.0], early.clone());
    assert_eq!(
        (fit.history.len(), fit.best_epoch, fit.stopped_early),
        (6, 4, true),
        "an equal value is not better"
    );
    assert_eq!(end, weights[3]);
    assert_eq!(fit.best.fingerprint().unwrap(), end);
    assert_ne!(end, weights[5]);
    let values: Vec<(usize, f64)> = fit.history.series(Part::Valid, "loss");
    assert_eq!(values, [(1, 5.0), (2, 3.0), (3, 4.0), (4, 2.0), (5, 2.0), (6, 2.5)]);

    let (fit, weights, end) =
        scripted(&[5.0, 3.0, 4.0, 2.0, 2.0, 2.5, 1.0], TrainConfig { restore_best: false, ..early });
    assert_eq!(end, weights[5], "the last weights stay where that is asked for");
    assert_eq!(fit.best.fingerprint().unwrap(), weights[3]);
}

#[test]
fn without_early_stopping_every_epoch_is_made() {
    let (fit, weights, end) = scripted(&[1.0, 2.0, 3.0, 4.0], TrainConfig { epochs: 4, ..quiet() });
    assert_eq!((fit.history.len(), fit.best_epoch, fit.stopped_early), (4, 1, false));
    assert_eq!(end, weights[0]);
}

#[test]
fn a_run_whose_patience_ends_with_its_last_epoch_did_not_stop_early() {
    let early = TrainConfig { epochs: 3, early_stopping: Some(EarlyStopping { patience: 2 }), ..quiet() };
    assert!(!scripted(&[1.0, 2.0, 3.0], early).0.stopped_early);
}

#[test]
fn higher_is_better_where_that_is_said_and_a_value_that_is_no_number_is_never_best() {
    let config = TrainConfig { epochs: 4, monitor: ("loss".into(), Direction::Higher), ..quiet() };
    assert_eq!(scripted(&[f64::NAN, 2.0, 3.0, 1.0], config.clone()).0.best_epoch, 3);
    assert_eq!(scripted(&[f64::NAN, f64::NAN, 3.0, f64::NAN], config).0.best_epoch, 3);
}

#[test]
fn without_a_validation_part_the_training_measures_decide() {
    let (mut model, train) = (mlp(0), circle(64, 0));
    let fit = Trainer::new(quiet()).fit(&mut model, &mut Adam::new(0.01), &task(), &train, None).unwrap();
    let best = fit.history.best(Part::Train, "loss", Direction::Lower).unwrap().epoch;
    assert_eq!(fit.best_epoch, best);
    assert!(fit.history.epochs().iter().all(|record| record.valid.is_none()));
}

/// A schedule that is its own record.
struct Halving;

impl Schedule for Halving {
    fn lr(&self, step: u64) -> f64 {
        1.0 / (1u64 << step) as f64
    }
}

#[test]
fn the_schedule_sets_the_learning_rate_of_every_step() {
    let (mut model, train) = (mlp(0), circle(40, 0));
    let mut sgd = Sgd::new(9.0);
    let fit =
        Trainer::new(quiet()).schedule(Halving).fit(&mut model, &mut sgd, &task(), &train, None).unwrap();
    // 40 rows in batches of 16 are 3 steps an epoch; the record holds the last one's rate.
    let rates: Vec<f64> = fit.history.epochs().iter().map(|record| record.lr).collect();
    assert_eq!(rates, [2, 5, 8].map(|step| Halving.lr(step)));
    assert_eq!((sgd.lr(), sgd.steps(), fit.steps), (Halving.lr(8), 9, 9));
}

#[test]
fn a_run_is_the_loop_a_person_would_write() {
    let train = circle(40, 0);
    let (mut model, mut sgd) = (mlp(0), Sgd::new(0.1));
    let schedule = CosineWarmup::new(0.5, 0.1, 2, 8).unwrap();
    let config = TrainConfig { clip_norm: Some(0.05), restore_best: false, seed: 4, ..quiet() };
    Trainer::new(config).schedule(schedule).fit(&mut model, &mut sgd, &task(), &train, None).unwrap();

    let (mut own, mut sgd, mut step) = (mlp(0), Sgd::new(0.1), 0);
    let batching = data::BatchConfig { batch_size: 16, shuffle: Some(4), drop_last: false };
    for epoch in 0..3 {
        for batch in data::Loader::new(&train, batching).unwrap().epoch(epoch) {
            let batch = batch.unwrap();
            sgd.set_lr(schedule.lr(step)).unwrap();
            // No dropout, so that any stream will do.
            let y = own.forward(&batch.features.into(), &mut Context::train(&mut Rng::seed(0))).unwrap();
            let mut grads = nn::loss::cross_entropy(&y, &batch.targets).unwrap().backward().unwrap();
            assert!(optim::clip_grad_norm(&mut grads, 0.05).unwrap() > 0.05, "the limit must bite");
            sgd.step(&mut own, &grads).unwrap();
            step += 1;
        }
    }
    assert_eq!(fingerprint(&model), fingerprint(&own));
}

#[test]
fn frozen_layers_stay_through_a_run() {
    let (mut model, train) = (mlp(0), circle(40, 0));
    let before = nn::Module::state_dict(&model);
    nn::Module::freeze(&mut model, "layers.0.*").unwrap();
    Trainer::new(quiet()).fit(&mut model, &mut Adam::new(0.1), &task(), &train, None).unwrap();
    let after = nn::Module::state_dict(&model);
    let same = |path: &str| before.get(path).unwrap().bit_eq(after.get(path).unwrap());
    assert!(same("layers.0.weight") && same("layers.0.bias"));
    assert!(!same("layers.1.weight") && !same("layers.1.bias"));
}

#[test]
fn a_prediction_has_a_row_for_each_row() {
    let model = Mlp::new([3, 4, 2], &mut Rng::seed(0)).unwrap();
    let trainer = Trainer::new(TrainConfig { eval_batch_size: 4, ..quiet() });
    let x = Rng::seed(1).normal([10, 3], 0.0, 1.0, DType::F32).unwrap();
    assert_eq!(trainer.predict(&model, &x).unwrap().shape(), [10, 2]);
}
