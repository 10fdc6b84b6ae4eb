//! What makes a step: batches whose gradients are summed, averages of weights, steps that are left out, callbacks in between.

use crate::{circle, fingerprint, mlp, quiet, task};
use autodiff::{Gradients, Var};
use data::{Batch, Dataset, Source};
use nn::Module;
use optim::{Ema, Sgd};
use std::cell::RefCell;
use tensor::{DType, Tensor};
use train::{
    Averaging, Callback, Error, Flow, Meter, OnNotFinite, Position, Result, RunStart, StepRecord, Task,
    TrainConfig, Trainer,
};

/// Keeps every step's record and the weights behind it.
#[derive(Default)]
struct Steps(RefCell<Vec<(StepRecord, u64)>>);

impl Callback for &Steps {
    fn wants_grad_norm(&self) -> bool {
        true
    }
    fn wants_grad_noise(&self) -> bool {
        true
    }
    fn on_step(&mut self, step: &StepRecord, model: &mut dyn Module) -> Result<Flow> {
        self.0.borrow_mut().push((*step, model.state_dict().fingerprint()?));
        Ok(Flow::Continue)
    }
}

/// An epoch of plain descent on 105 rows: loss and norm of each step, and the weights.
fn epoch(batch_size: usize, accumulate: usize) -> (Vec<StepRecord>, Vec<f64>) {
    let steps = Steps::default();
    let (mut model, rows) = (mlp(0), circle(105, 0));
    let config = TrainConfig {
        epochs: 1,
        batch_size,
        accumulate,
        restore_best: false,
        clip_norm: Some(0.1),
        ..quiet()
    };
    let fit = Trainer::new(config)
        .callback(&steps)
        .fit(&mut model, &mut Sgd::new(0.5), &task(), &rows, None)
        .unwrap();
    let steps: Vec<StepRecord> = steps.0.into_inner().iter().map(|(step, _)| *step).collect();
    assert_eq!(fit.steps as usize, steps.len());
    let weights = model.state_dict();
    (
        steps,
        weights.iter().flat_map(|(_, x)| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap()).collect(),
    )
}

#[test]
fn batches_that_are_summed_step_as_one_batch_of_all_their_rows() {
    // 105 rows: three steps of 32, and one of 9 rows, which are a batch of 8 and one of 1.
    let (whole, weights) = epoch(32, 1);
    let (parts, found) = epoch(8, 4);
    assert_eq!((whole.len(), parts.len()), (4, 4));
    for (a, b) in whole.iter().zip(&parts) {
        // Sums of 32 terms in another order, through four steps: 32·ε of F32.
        assert!((a.loss - b.loss).abs() < 4e-6 * a.loss, "{a:?} {b:?}");
        let (a, b) = (a.grad_norm.unwrap(), b.grad_norm.unwrap());
        assert!((a - b).abs() < 4e-6 * a && a > 0.1, "{a} {b}");
    }
    assert!(weights.iter().zip(&found).all(|(a, b)| (a - b).abs() < 4e-6), "{weights:?} {found:?}");
    let noise = parts[0].noise.unwrap();
    assert_eq!((noise.batch_rows, noise.step_rows, whole[0].noise), (8.0, 32.0, None));
    // The square of a mean is at most the mean of squares.
    assert!(
        noise.step_square < noise.batch_square && noise.step_square == parts[0].grad_norm.unwrap().powi(2)
    );
    assert_eq!(parts.iter().map(|step| step.at.batch).collect::<Vec<_>>(), [4, 8, 12, 14]);
}

/// A moving average of its own.
struct Averages(RefCell<Ema>);

impl Callback for &Averages {
    fn on_step(&mut self, _: &StepRecord, model: &mut dyn Module) -> Result<Flow> {
        self.0.borrow_mut().update(model)?;
        Ok(Flow::Continue)
    }
}

#[test]
fn averages_are_measured_and_kept_and_training_goes_on_from_the_last_weights() {
    let (train, valid) = (circle(105, 0), circle(50, 1));
    for warmup in [false, true] {
        let by_hand = Ema::new(0.9).unwrap();
        let by_hand = Averages(RefCell::new(if warmup { by_hand.warmup() } else { by_hand }));
        let average = Some(Averaging::Ema { decay: 0.9, warmup });
        let run = |average, restore_best, by_hand: Option<&Averages>| {
            let mut model = mlp(0);
            let config = TrainConfig { average, restore_best, ..quiet() };
            let mut trainer = Trainer::new(config);
            if let Some(by_hand) = by_hand {
                trainer = trainer.callback(by_hand);
            }
            let fit = trainer.fit(&mut model, &mut Sgd::new(0.5), &task(), &train, Some(&valid)).unwrap();
            (fit, model)
        };
        let (fit, model) = run(average, false, Some(&by_hand));
        let expected = by_hand.0.borrow().state().fingerprint().unwrap();
        assert_eq!(fingerprint(&model), expected);
        let values = Trainer::new(quiet()).evaluate(&model, &task(), &valid).unwrap().values;
        assert_eq!(fit.history.last().unwrap().valid, Some(values));
        // Another measure of the same steps.
        let (plain, last) = run(None, false, None);
        assert_ne!(fingerprint(&last), expected);
        let losses = |fit: &train::Fit| -> Vec<_> {
            fit.history.epochs().iter().map(|record| record.train.get("loss")).collect()
        };
        assert_eq!(losses(&plain), losses(&fit), "training itself does not know of averages");
        let (best, model) = run(average, true, None);
        assert_eq!(fingerprint(&model), best.best.fingerprint().unwrap());
    }
}

/// The mean of the weights at the ends of epochs, by hand.
struct Ends(RefCell<optim::Swa>, usize);

impl Callback for &Ends {
    fn on_epoch(&mut self, record: &train::EpochRecord, model: &mut dyn Module) -> Result<Flow> {
        if record.epoch >= self.1 {
            self.0.borrow_mut().update(model)?;
        }
        Ok(Flow::Continue)
    }
}

#[test]
fn the_mean_of_the_last_epochs_is_measured_and_kept_and_saved() {
    let (train, valid) = (circle(105, 0), circle(50, 1));
    let run = |dir: Option<&std::path::Path>, by_hand: Option<&Ends>, stop_at: usize| {
        let mut model = mlp(0);
        let config = TrainConfig {
            epochs: 6,
            average: Some(Averaging::Swa { from_epoch: 3 }),
            restore_best: false,
            checkpoints: dir.map(train::CheckpointConfig::new),
            ..quiet()
        };
        let mut trainer = Trainer::new(config).callback(FailsIn(stop_at));
        if let Some(by_hand) = by_hand {
            trainer = trainer.callback(by_hand);
        }
        let fit = trainer.fit(&mut model, &mut Sgd::new(0.5), &task(), &train, Some(&valid));
        (fit, model)
    };
    let by_hand = Ends(RefCell::default(), 3);
    let (fit, model) = run(None, Some(&by_hand), 0);
    assert_eq!(by_hand.0.borrow().steps(), 4);
    assert_eq!(fingerprint(&model), by_hand.0.borrow().state().fingerprint().unwrap());
    let values = Trainer::new(quiet()).evaluate(&model, &task(), &valid).unwrap().values;
    assert_eq!(fit.unwrap().history.last().unwrap().valid, Some(values));
    let dir = tempfile::tempdir().unwrap();
    assert!(run(Some(dir.path()), None, 5).0.is_err());
    let (fit, resumed) = run(Some(dir.path()), None, 0);
    assert_eq!((fit.unwrap().history.len(), fingerprint(&resumed)), (6, fingerprint(&model)));
}

/// Fails at the first step of an epoch.
struct FailsIn(usize);

impl Callback for FailsIn {
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        match step.at.epoch == self.0 {
            true => Err(Error::NotFinite { loss: f64::NAN, epoch: self.0, step: step.at.step }),
            false => Ok(Flow::Continue),
        }
    }
}

#[test]
fn a_decay_outside_its_range_is_refused() {
    let config = TrainConfig { average: Some(Averaging::Ema { decay: 1.0, warmup: false }), ..quiet() };
    let error = Trainer::new(config).fit(&mut mlp(0), &mut Sgd::new(0.5), &task(), &circle(20, 0), None);
    assert_eq!(
        error.unwrap_err().to_string(),
        "[ema] the decay must lie in 0..1; got decay 1; correct the configuration"
    );
    let config = TrainConfig { accumulate: 0, ..quiet() };
    let error = Trainer::new(config).fit(&mut mlp(0), &mut Sgd::new(0.5), &task(), &circle(20, 0), None);
    assert_eq!(
        error.unwrap_err().to_string(),
        "[fit] a step must have at least one batch; got accumulate 0; set accumulate to 1 or more"
    );
}

/// Rows of which some are NaN.
struct Holes(Dataset, Vec<usize>);

impl Source for Holes {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn batch(&self, rows: &[usize]) -> data::Result<Batch> {
        let Batch { features, targets } = self.0.batch(rows)?;
        let mut values = features.to_vec::<f32>()?;
        for (i, row) in rows.iter().enumerate() {
            if self.1.contains(row) {
                values[2 * i] = f32::NAN;
            }
        }
        Ok(Batch { features: Tensor::from_vec(values, [rows.len(), 2])?, targets })
    }
}

#[test]
fn steps_that_are_not_finite_are_left_out_where_that_is_asked_for() {
    // Seven steps an epoch, one of which meets the row.
    let rows = Holes(circle(105, 0), vec![17]);
    let run = |not_finite| {
        let (steps, mut model) = (Steps::default(), mlp(0));
        let config = TrainConfig { not_finite, restore_best: false, ..quiet() };
        let fit =
            Trainer::new(config).callback(&steps).fit(&mut model, &mut Sgd::new(0.5), &task(), &rows, None);
        (fit, steps.0.into_inner())
    };
    let (fit, steps) = run(OnNotFinite::Skip { in_a_row: 1 });
    let fit = fit.unwrap();
    assert_eq!((fit.steps, fit.skipped, steps.len()), (21, 3, 21));
    let start = fingerprint(&mlp(0));
    for (i, (step, weights)) in steps.iter().enumerate() {
        let before = if i == 0 { start } else { steps[i - 1].1 };
        assert_eq!(step.skipped, step.loss.is_nan());
        assert_eq!(step.skipped, *weights == before, "step {i}");
    }
    assert!(fit.history.epochs().iter().all(|record| record.train.get("loss").unwrap().is_finite()));
    assert!(matches!(run(OnNotFinite::Refuse).0, Err(Error::NotFinite { epoch: 1, .. })));

    let rows = Holes(circle(105, 0), (0..105).collect());
    let config = TrainConfig { not_finite: OnNotFinite::Skip { in_a_row: 4 }, ..quiet() };
    let error = Trainer::new(config).fit(&mut mlp(0), &mut Sgd::new(0.5), &task(), &rows, None).unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 4, .. }), "{error}");
}

/// A loss of 0 whose gradient is infinite.
struct Steep;

impl Task for Steep {
    fn loss(&self, output: &Var, _: &Tensor) -> Result<Var> {
        Ok(output.mul_scalar(0.0)?.abs()?.sqrt()?.sum(&[])?)
    }
    fn meter(&self) -> Result<Meter> {
        Ok(Meter::loss_only())
    }
    fn main_metric(&self) -> (&'static str, train::Direction) {
        ("loss", train::Direction::Lower)
    }
}

#[test]
fn a_gradient_that_is_not_finite_is_refused_where_it_is_clipped_and_left_out_where_that_is_asked_for() {
    let run = |config| {
        let mut model = mlp(0);
        let fit = Trainer::new(config).fit(&mut model, &mut Sgd::new(0.5), &Steep, &circle(20, 0), None);
        (fit, fingerprint(&model))
    };
    let (error, weights) = run(TrainConfig { clip_norm: Some(1.0), ..quiet() });
    assert_eq!(
        error.unwrap_err().to_string(),
        "[fit] the gradient must be finite; got norm NaN in step 0 of epoch 1; lower the learning rate, look for bad \
         data or have such steps skipped"
    );
    assert_eq!(weights, fingerprint(&mlp(0)));
    let (fit, weights) = run(TrainConfig { not_finite: OnNotFinite::Skip { in_a_row: 9 }, ..quiet() });
    assert_eq!((fit.unwrap().skipped, weights), (6, fingerprint(&mlp(0))));
}

/// Notes every event, and takes the gradients away.
struct Everything<'a>(&'a RefCell<Vec<String>>);

impl Callback for Everything<'_> {
    fn on_start(&mut self, run: &RunStart, _: &mut dyn Module) -> Result<()> {
        self.0.borrow_mut().push(format!("start of {} epochs of {} steps", run.epochs, run.steps_per_epoch));
        Ok(())
    }
    fn on_epoch_start(&mut self, epoch: usize, _: &mut dyn Module) -> Result<()> {
        self.0.borrow_mut().push(format!("epoch {epoch}"));
        Ok(())
    }
    fn on_gradients(&mut self, at: Position, _: &dyn Module, grads: &mut Gradients) -> Result<()> {
        self.0.borrow_mut().push(format!("{} gradients before step {}", grads.len(), at.step + 1));
        for (_, grad) in grads.iter_mut() {
            *grad = grad.mul_scalar(0.0)?;
        }
        Ok(())
    }
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        self.0.borrow_mut().push(format!("step {}", step.at.step));
        Ok(Flow::Continue)
    }
    fn on_save(&mut self, path: &std::path::Path) -> Result<()> {
        self.0.borrow_mut().push(format!("{}", path.file_name().unwrap().display()));
        Ok(())
    }
}

#[test]
fn callbacks_hear_of_every_event_and_may_change_gradients() {
    let (log, dir) = (RefCell::default(), tempfile::tempdir().unwrap());
    let checkpoints = Some(train::CheckpointConfig::new(dir.path()));
    let config = TrainConfig { epochs: 1, checkpoints, ..quiet() };
    let mut model = mlp(0);
    Trainer::new(config)
        .callback(Everything(&log))
        .fit(&mut model, &mut Sgd::new(0.5), &task(), &circle(20, 0), None)
        .unwrap();
    assert_eq!(
        log.into_inner(),
        [
            "start of 1 epochs of 2 steps",
            "epoch 1",
            "4 gradients before step 1",
            "step 1",
            "4 gradients before step 2",
            "step 2",
            "step-0000000002.ckpt"
        ]
    );
    assert_eq!(fingerprint(&model), fingerprint(&mlp(0)), "gradients of 0 change nothing");
}

#[test]
fn weights_of_an_optimizer_without_a_schedule_are_measured_and_kept_and_runs_may_follow_each_other() {
    let (train, valid, mut model) = (circle(105, 0), circle(50, 1), mlp(0));
    let mut optimizer = optim::ScheduleFreeAdamW::new(0.02);
    let mut trainer = Trainer::new(TrainConfig { restore_best: false, epochs: 10, ..quiet() });
    let fit = trainer.fit(&mut model, &mut optimizer, &task(), &train, Some(&valid)).unwrap();
    let averages = fingerprint(&model);
    let values = trainer.evaluate(&model, &task(), &valid).unwrap().values;
    assert_eq!(fit.history.last().unwrap().valid, Some(values), "what was measured is what is there");
    optimizer.to_train(&mut model).unwrap();
    assert_ne!(fingerprint(&model), averages);
    optimizer.to_eval(&mut model).unwrap();
    assert_eq!(fingerprint(&model), averages);
    let before = fit.history.last().unwrap().valid.as_ref().unwrap().get("loss").unwrap();
    let fit = trainer.fit(&mut model, &mut optimizer, &task(), &train, Some(&valid)).unwrap();
    assert!(fit.history.last().unwrap().valid.as_ref().unwrap().get("loss").unwrap() < before);
}
