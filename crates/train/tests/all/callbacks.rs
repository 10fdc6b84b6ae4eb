//! Callbacks: when they are called, with what, and how they stop a run.

use crate::{circle, fingerprint, mlp, quiet, task};
use nn::Module;
use optim::Sgd;
use std::cell::RefCell;
use train::{Callback, EpochRecord, Flow, Result, StepRecord, TrainConfig, Trainer};

/// Writes down every call, and stops the run after a step or an epoch.
struct Diary<'a> {
    name: &'static str,
    log: &'a RefCell<Vec<String>>,
    stop_after_step: u64,
    stop_after_epoch: usize,
}

impl<'a> Diary<'a> {
    fn new(name: &'static str, log: &'a RefCell<Vec<String>>) -> Self {
        Self { name, log, stop_after_step: u64::MAX, stop_after_epoch: usize::MAX }
    }
    fn note(&self, what: String) {
        self.log.borrow_mut().push(format!("{}: {what}", self.name));
    }
}

impl Callback for Diary<'_> {
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        assert!(step.loss.is_finite() && !step.skipped);
        let at = step.at;
        self.note(format!("step {} is batch {} of epoch {}", at.step, at.batch, at.epoch));
        Ok(if at.step >= self.stop_after_step { Flow::Stop } else { Flow::Continue })
    }
    fn on_epoch(&mut self, record: &EpochRecord, _: &mut dyn Module) -> Result<Flow> {
        self.note(format!("epoch {} at step {}", record.epoch, record.step));
        Ok(if record.epoch >= self.stop_after_epoch { Flow::Stop } else { Flow::Continue })
    }
    fn on_end(&mut self, _: &mut dyn Module) -> Result<()> {
        self.note("end".into());
        Ok(())
    }
}

/// 20 rows in batches of 16: two steps an epoch.
fn run(diaries: Vec<Diary>, epochs: usize) -> train::Fit {
    let (mut model, train) = (mlp(0), circle(20, 0));
    let trainer = Trainer::new(TrainConfig { epochs, ..quiet() });
    let mut trainer = diaries.into_iter().fold(trainer, |trainer, diary| trainer.callback(diary));
    trainer.fit(&mut model, &mut Sgd::new(0.1), &task(), &train, None).unwrap()
}

#[test]
fn they_are_called_after_each_step_and_epoch_and_at_the_end_in_the_order_they_were_added() {
    let log = RefCell::default();
    let fit = run(vec![Diary::new("a", &log), Diary::new("b", &log)], 2);
    let events = [
        "step 1 is batch 1 of epoch 1",
        "step 2 is batch 2 of epoch 1",
        "epoch 1 at step 2",
        "step 3 is batch 1 of epoch 2",
        "step 4 is batch 2 of epoch 2",
        "epoch 2 at step 4",
        "end",
    ];
    let expected: Vec<String> = events.iter().flat_map(|e| [format!("a: {e}"), format!("b: {e}")]).collect();
    assert_eq!(log.into_inner(), expected);
    assert!(!fit.stopped_early);
}

#[test]
fn a_stop_after_a_step_ends_the_epoch_there_and_the_others_hear_of_it() {
    let log = RefCell::default();
    let fit = run(vec![Diary { stop_after_step: 3, ..Diary::new("a", &log) }, Diary::new("b", &log)], 5);
    assert_eq!((fit.steps, fit.history.len(), fit.stopped_early), (3, 2, true));
    assert_eq!(
        log.into_inner()[6..],
        [
            "a: step 3 is batch 1 of epoch 2",
            "b: step 3 is batch 1 of epoch 2",
            "a: epoch 2 at step 3",
            "b: epoch 2 at step 3",
            "a: end",
            "b: end"
        ]
    );
}

#[test]
fn a_stop_after_an_epoch_makes_it_the_last() {
    let log = RefCell::default();
    let fit = run(vec![Diary { stop_after_epoch: 2, ..Diary::new("a", &log) }], 5);
    assert_eq!((fit.steps, fit.history.len(), fit.stopped_early), (4, 2, true));
    assert_eq!(log.into_inner().last().unwrap(), "a: end");
    let fit = run(vec![Diary { stop_after_epoch: 5, ..Diary::new("a", &RefCell::default()) }], 5);
    assert!(!fit.stopped_early, "after the last epoch there is nothing to stop");
}

/// Fails at a step.
struct Failing;

impl Callback for Failing {
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        match step.at.step {
            2 => Err(tensor::Tensor::from_vec(vec![1.0], [2]).unwrap_err().into()),
            _ => Ok(Flow::Continue),
        }
    }
}

#[test]
fn an_error_of_a_callback_ends_the_run_with_the_weights_of_the_last_step() {
    let (mut model, train) = (mlp(0), circle(20, 0));
    let before = fingerprint(&model);
    let mut trainer = Trainer::new(quiet()).callback(Failing);
    let error = trainer.fit(&mut model, &mut Sgd::new(0.1), &task(), &train, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "[from_vec] the shape must have as many elements as the data; got [1] and [2]; change the shape or the data"
    );
    assert_ne!(fingerprint(&model), before);
}
