//! A model and its optimizer as they are, to be put back after something was tried out.

use crate::error::{Error, Result};
use crate::weights;
use nn::Module;
use optim::Optimizer;

/// Runs `part` on a model and its optimizer and puts both back as they were, whatever came of it. `part` is given a copy of the
/// weights, which is outside of the tensors' memory, so that it does not count where that is measured.
pub(crate) fn tried<M: Module, T>(
    model: &mut M,
    optimizer: &mut dyn Optimizer,
    part: impl FnOnce(&mut M, &mut dyn Optimizer, &Kept) -> Result<T>,
) -> Result<T> {
    let kept = Kept(weights::encode(&model.state_dict())?);
    let (state, lr) = (optimizer.state(), optimizer.lr());
    let result = part(model, optimizer, &kept);
    model.load_state_dict(&kept.weights()?)?;
    optimizer.load_state(state)?;
    optimizer.set_lr(lr)?;
    result
}

/// Weights as bytes.
pub(crate) struct Kept(Vec<u8>);

impl Kept {
    /// The weights as tensors.
    pub(crate) fn weights(&self) -> Result<nn::StateDict> {
        weights::decode(&self.0).map_err(|(_, got)| Error::encode("keep", "weights", got))
    }
}
