//! What a user can hang into the training loop.

use crate::error::Result;
use crate::history::EpochRecord;
use autodiff::Gradients;
use nn::Module;
use std::path::Path;

/// Whether training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// On to the next step or epoch.
    Continue,
    /// No further step: the epoch in progress is measured as it stands, and the run ends.
    Stop,
}

/// Where a run stands; with seed and configuration, all that the loop itself needs to go on from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Batches of this epoch that are done.
    pub batch: usize,
    /// Optimizer steps since the start of the run.
    pub step: u64,
}

/// A run, before its first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunStart {
    /// Epochs in all.
    pub epochs: usize,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Where it goes on, if it was resumed.
    pub resumed: Option<Position>,
}

/// A step that was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRecord {
    /// Behind the step.
    pub at: Position,
    /// The mean loss over its rows.
    pub loss: f64,
    /// The learning rate it was made with.
    pub lr: f64,
    /// The global norm of the gradient before it was clipped: where clipping, skipping or a callback asks for it.
    pub grad_norm: Option<f64>,
    /// How far the batches of the step were apart: where a callback asks for it, and there are several.
    pub noise: Option<NoiseSample>,
    /// Whether the step was left out, since it was not finite.
    pub skipped: bool,
}

/// Squares of the gradients of a step's batches and of the step itself, for [`optim::GradientNoise::update`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseSample {
    /// Rows of a batch, on average.
    pub batch_rows: f64,
    /// The mean over the batches of the square of the gradient's norm.
    pub batch_square: f64,
    /// Rows of the step.
    pub step_rows: f64,
    /// The square of the norm of the step's gradient.
    pub step_square: f64,
}

/// Called by the training loop. Each method does nothing unless it is written.
pub trait Callback {
    /// Whether [`StepRecord::grad_norm`] is wanted, which costs a pass over all gradients.
    fn wants_grad_norm(&self) -> bool {
        false
    }

    /// Whether [`StepRecord::noise`] is wanted, which costs a pass over the gradients of each batch.
    fn wants_grad_noise(&self) -> bool {
        false
    }

    /// Before the first step, behind [`restore`](Self::restore) where the run was resumed.
    fn on_start(&mut self, _run: &RunStart, _model: &mut dyn Module) -> Result<()> {
        Ok(())
    }

    /// Before the first step of an epoch, counted from 1. Not where a run goes on in the middle of it.
    fn on_epoch_start(&mut self, _epoch: usize, _model: &mut dyn Module) -> Result<()> {
        Ok(())
    }

    /// Before each optimizer step, behind clipping; gradients may be changed. `at` is where the run stands before the step.
    fn on_gradients(&mut self, _at: Position, _model: &dyn Module, _grads: &mut Gradients) -> Result<()> {
        Ok(())
    }

    /// After each optimizer step.
    fn on_step(&mut self, _step: &StepRecord, _model: &mut dyn Module) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// After each epoch, its validation included. The model has the weights of the last step, not their averages.
    fn on_epoch(&mut self, _record: &EpochRecord, _model: &mut dyn Module) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// After a checkpoint was written.
    fn on_save(&mut self, _path: &Path) -> Result<()> {
        Ok(())
    }

    /// After the last epoch, before the best weights are put back.
    fn on_end(&mut self, _model: &mut dyn Module) -> Result<()> {
        Ok(())
    }

    /// The name under which a checkpoint keeps what it remembers; none by default, and then it is not asked.
    fn name(&self) -> Option<&str> {
        None
    }

    /// What it has to remember in a checkpoint.
    fn state(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Goes on from what [`state`](Self::state) of the same name gave.
    fn restore(&mut self, _state: &[u8]) -> Result<()> {
        Ok(())
    }
}
