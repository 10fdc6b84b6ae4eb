//! A run in TensorBoard.

use crate::callback::{Callback, Flow, RunStart, StepRecord};
use crate::error::Result;
use crate::events::EventWriter;
use crate::history::{EpochRecord, MetricValues};
use nn::Module;
use std::path::PathBuf;

/// Logs a run as event files for TensorBoard: `step/loss`, `step/lr` and `step/grad_norm` of steps, `train/..` and `valid/..` of
/// epochs, and histograms of the weights if they are asked for, all over the number of steps. A resumed run makes a file of its own
/// that replaces what was logged behind its checkpoint.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use train::{Progress, TensorBoardLog, TrainConfig, Trainer};
/// let log = TensorBoardLog::new(dir.path().join("runs/first")).steps(10).histograms();
/// let trainer = Trainer::new(TrainConfig { progress: Progress::Silent, ..Default::default() }).callback(log);
/// // … trainer.fit(..), then: tensorboard --logdir runs
/// # drop(trainer);
/// ```
pub struct TensorBoardLog {
    dir: PathBuf,
    /// There from the start of the run on.
    events: Option<EventWriter>,
    every: u64,
    histograms: bool,
}

impl TensorBoardLog {
    /// Into this folder, which is made when the run begins; every step, no histograms.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), events: None, every: 1, histograms: false }
    }

    /// One of so many steps only.
    pub fn steps(mut self, every: u64) -> Self {
        self.every = every.max(1);
        self
    }

    /// With a histogram of each parameter behind each epoch. One with a number that is not finite is left out.
    pub fn histograms(mut self) -> Self {
        self.histograms = true;
        self
    }
}

impl Callback for TensorBoardLog {
    fn wants_grad_norm(&self) -> bool {
        true
    }
    fn on_start(&mut self, run: &RunStart, _: &mut dyn Module) -> Result<()> {
        self.events = Some(match run.resumed {
            None => EventWriter::create(&self.dir)?,
            // The first step that will be logged again.
            Some(at) => EventWriter::resume(&self.dir, at.step + 1)?,
        });
        Ok(())
    }
    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        let Some(events) = self.events.as_mut().filter(|_| step.at.step.is_multiple_of(self.every)) else {
            return Ok(Flow::Continue);
        };
        let norm = step.grad_norm.map(|norm| ("step/grad_norm", norm));
        events.scalars(
            step.at.step,
            [("step/loss", step.loss), ("step/lr", step.lr)].into_iter().chain(norm),
        )?;
        Ok(Flow::Continue)
    }
    fn on_epoch(&mut self, record: &EpochRecord, model: &mut dyn Module) -> Result<Flow> {
        let Some(events) = &mut self.events else { return Ok(Flow::Continue) };
        let named = |part: &'static str, values: &MetricValues| {
            values.iter().map(|(name, value)| (format!("{part}/{name}"), value)).collect::<Vec<_>>()
        };
        let mut values = named("train", &record.train);
        values.extend(record.valid.iter().flat_map(|valid| named("valid", valid)));
        values.push(("epoch".to_string(), record.epoch as f64));
        events.scalars(record.step, values)?;
        if self.histograms {
            for (path, param) in model.named_params() {
                let value = param.value();
                if value.len() > 0 && tensor::fused::sum_of_squares(&[value])?.is_finite() {
                    events.histogram_tensor(&path, record.step, value)?;
                }
            }
        }
        events.flush()?;
        Ok(Flow::Continue)
    }
    fn on_end(&mut self, _: &mut dyn Module) -> Result<()> {
        self.events.as_mut().map_or(Ok(()), EventWriter::flush)
    }
}
