//! An optimizer's state, as it is saved.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tensor::Tensor;

/// What an optimizer remembers. It is checked when an optimizer loads it, and against the model in the next step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OptimizerState {
    /// Which optimizer it is of: `sgd`, `adam`, `adamw` and so on.
    pub kind: String,
    /// Steps made.
    pub steps: u64,
    /// The learning rate.
    pub lr: f64,
    /// What is remembered of each parameter, by path.
    pub params: BTreeMap<String, ParamState>,
}

/// What an optimizer remembers of one parameter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ParamState {
    /// Updates of this parameter: fewer than steps if it was frozen for a while, or had no gradient in some step.
    pub steps: u64,
    /// Tensors by name, mostly of the parameter's shape: `m` and `v` of Adam, `velocity` of descent with momentum.
    pub moments: BTreeMap<String, Tensor>,
}
