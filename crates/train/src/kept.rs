//! A model and its optimizer as they are, to be put back after something was tried out.

use crate::error::{Error, Result};
use crate::weights;
use nn::Module;
use optim::{Optimizer, OptimizerState};

/// A copy outside of the tensors' memory, so that it does not count where memory is measured.
pub(crate) struct Kept {
    weights: Vec<u8>,
    optimizer: OptimizerState,
    lr: f64,
}

impl Kept {
    pub(crate) fn of(model: &impl Module, optimizer: &dyn Optimizer) -> Result<Self> {
        let (weights, lr) = (weights::encode(&model.state_dict())?, optimizer.lr());
        Ok(Self { weights, optimizer: optimizer.state(), lr })
    }

    /// A copy of the weights.
    pub(crate) fn weights(&self) -> Result<nn::StateDict> {
        weights::decode(&self.weights).map_err(|(_, got)| Error::encode("keep", "weights", got))
    }

    pub(crate) fn put_back(self, model: &mut impl Module, optimizer: &mut dyn Optimizer) -> Result<()> {
        model.load_state_dict(&self.weights()?)?;
        optimizer.load_state(self.optimizer)?;
        Ok(optimizer.set_lr(self.lr)?)
    }
}
