//! What a user can hang into the training loop.

use crate::error::Result;
use crate::history::EpochRecord;
use nn::Module;

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

/// Called by the training loop. Each method does nothing unless it is written.
pub trait Callback {
    /// After each optimizer step, with its loss.
    fn on_step(&mut self, _at: Position, _loss: f64, _model: &mut dyn Module) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// After each epoch, its validation included.
    fn on_epoch(&mut self, _record: &EpochRecord, _model: &mut dyn Module) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// After the last epoch, before the best weights are put back.
    fn on_end(&mut self, _model: &mut dyn Module) -> Result<()> {
        Ok(())
    }
}
