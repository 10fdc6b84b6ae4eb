//! One step: the batches whose gradients make it, and their sum.

use super::config::{OnNotFinite, TrainConfig};
use crate::callback::NoiseSample;
use crate::error::{Error, Result};
use crate::task::{Meter, Task};
use autodiff::{Gradients, Var};
use data::Batch;
use nn::{Context, Layer};
use optim::grad_norm;
use tensor::{Rng, fused};

/// Rows of a batch.
pub(super) fn rows(batch: &Batch) -> usize {
    batch.targets.shape().first().copied().unwrap_or(1)
}

/// The gradients of a step that is being made, batch by batch.
pub(crate) struct Step {
    /// What the passes of this step draw from: an address of its own, so that a resumed run draws what the whole run would have.
    rng: Rng,
    /// The loss of the last batch, Σ rows·loss and Σ rows.
    last: f64,
    sum: f64,
    rows: f64,
    /// Batches so far, of how many at most.
    batches: usize,
    of: usize,
    /// Σ rows·gradient; with a single batch the gradient itself.
    grads: Option<Gradients>,
    /// The first loss that was not finite.
    bad: Option<f64>,
    /// Σ |g|² over the batches, if it is wanted and there are several.
    squares: Option<f64>,
}

/// A step whose batches are all there.
pub(crate) struct Made {
    /// The mean loss over the rows.
    pub loss: f64,
    /// The gradient of that mean, unless it is not finite.
    pub grads: Option<Gradients>,
    /// The global norm of it, if anybody asked.
    pub norm: Option<f64>,
    /// How far the batches of the step were apart, if anybody asked.
    pub noise: Option<NoiseSample>,
}

impl Step {
    pub(crate) fn new(rng: Rng, of: usize) -> Self {
        Self { rng, last: 0.0, sum: 0.0, rows: 0.0, batches: 0, of, grads: None, bad: None, squares: None }
    }

    /// The squares of each batch's gradient are wanted.
    pub(crate) fn with_noise(mut self, wanted: bool) -> Self {
        self.squares = (wanted && self.of > 1).then_some(0.0);
        self
    }

    pub(crate) fn is_full(&self) -> bool {
        self.batches == self.of
    }

    /// Forward and backward on a batch. One whose loss is not finite is noted, and adds nothing.
    pub(crate) fn add(
        &mut self,
        model: &impl Layer,
        task: &dyn Task,
        batch: &Batch,
        meter: &mut Meter,
    ) -> Result<()> {
        let mut cx = Context::train(&mut self.rng);
        let output = model.forward(&Var::from(&batch.features), &mut cx)?;
        let loss = task.loss(&output, &batch.targets)?;
        let (value, n) = (loss.item()?, rows(batch) as f64);
        self.batches += 1;
        if !value.is_finite() {
            self.bad.get_or_insert(value);
            return Ok(());
        }
        (self.last, self.sum, self.rows) = (value, self.sum + n * value, self.rows + n);
        let output = output.into_value();
        // Alone it is the mean over its rows already.
        let loss = if self.of == 1 { loss } else { loss.mul_scalar(n)? };
        let new = loss.backward()?;
        if let Some(squares) = &mut self.squares {
            let norm = grad_norm(&new)? / n;
            *squares += norm * norm;
        }
        match &mut self.grads {
            None => self.grads = Some(new),
            Some(sum) => sum.add(new)?,
        }
        meter.add(&output, &batch.targets, value)
    }

    /// The gradient of the mean over all rows. `wants_norm`: whether its norm is asked for in any case.
    pub(crate) fn finish(mut self, wants_norm: bool) -> Result<Made> {
        let mut grads = self.grads.take().filter(|_| self.bad.is_none());
        if let (Some(grads), true) = (&mut grads, self.of > 1) {
            for (_, grad) in grads.values_mut() {
                fused::scale(grad, 1.0 / self.rows)?;
            }
        }
        let wants_norm = wants_norm || self.squares.is_some();
        let norm = grads.as_ref().filter(|_| wants_norm).map(grad_norm).transpose()?;
        if norm.is_some_and(|norm| !norm.is_finite()) {
            grads = None;
        }
        let mean = if self.batches == 1 { self.last } else { self.sum / self.rows };
        let batches = self.batches as f64;
        let sample = |squares: f64, norm: f64| NoiseSample {
            batch_rows: self.rows / batches,
            batch_square: squares / batches,
            step_rows: self.rows,
            step_square: norm * norm,
        };
        let noise = self.squares.zip(norm).filter(|_| self.batches > 1).map(|(s, norm)| sample(s, norm));
        Ok(Made { loss: self.bad.unwrap_or(mean), grads, norm, noise })
    }
}

/// Refuses a step that is not finite, unless it may be left out, `skipped` in a row having been left out before it.
pub(super) fn may_skip(
    config: &TrainConfig,
    skipped: u64,
    made: &Made,
    epoch: usize,
    step: u64,
) -> Result<()> {
    match config.not_finite {
        OnNotFinite::Skip { in_a_row } if skipped < in_a_row => Ok(()),
        _ => match made.norm {
            Some(norm) if made.loss.is_finite() => Err(Error::GradientNotFinite { norm, epoch, step }),
            _ => Err(Error::NotFinite { loss: made.loss, epoch, step }),
        },
    }
}
