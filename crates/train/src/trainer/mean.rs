//! Averages of weights over a run.

use super::config::Averaging;
use crate::error::Result;
use nn::{Module, StateDict};
use optim::{Ema, Swa};

/// One of the ways to average, in progress.
pub(crate) enum Mean {
    Ema(Ema),
    Swa { swa: Swa, from_epoch: usize },
}

impl Mean {
    /// Of nothing yet. Errors: a decay outside its range.
    pub(crate) fn new(how: Averaging) -> Result<Self> {
        Ok(match how {
            Averaging::Ema { decay, warmup: true } => Self::Ema(Ema::new(decay)?.warmup()),
            Averaging::Ema { decay, warmup: false } => Self::Ema(Ema::new(decay)?),
            Averaging::Swa { from_epoch } => Self::Swa { swa: Swa::new(), from_epoch },
        })
    }

    /// Takes weights in.
    pub(crate) fn update(&mut self, model: &dyn Module) -> Result<()> {
        let done = match self {
            Self::Ema(ema) => ema.update(model),
            Self::Swa { swa, .. } => swa.update(model),
        };
        Ok(done?)
    }

    /// Behind a step.
    pub(super) fn after_step(&mut self, model: &dyn Module) -> Result<()> {
        if let Self::Ema(_) = self { self.update(model) } else { Ok(()) }
    }

    /// Behind the steps of an epoch, counted from 1.
    pub(super) fn after_epoch(&mut self, epoch: usize, model: &dyn Module) -> Result<()> {
        match self {
            Self::Swa { from_epoch, .. } if epoch >= *from_epoch => self.update(model),
            _ => Ok(()),
        }
    }

    /// Weights that are in it.
    pub(super) fn steps(&self) -> u64 {
        match self {
            Self::Ema(ema) => ema.steps(),
            Self::Swa { swa, .. } => swa.steps(),
        }
    }

    pub(super) fn state(&self) -> &StateDict {
        match self {
            Self::Ema(ema) => ema.state(),
            Self::Swa { swa, .. } => swa.state(),
        }
    }

    pub(super) fn load_state(&mut self, state: StateDict, steps: u64) {
        match self {
            Self::Ema(ema) => ema.load_state(state, steps),
            Self::Swa { swa, .. } => swa.load_state(state, steps),
        }
    }

    /// Averages into the model and its weights out of it, or the other way.
    pub(super) fn swap(&mut self, model: &mut dyn Module) -> Result<()> {
        let done = match self {
            Self::Ema(ema) => ema.swap(model),
            Self::Swa { swa, .. } => swa.swap(model),
        };
        Ok(done?)
    }
}
