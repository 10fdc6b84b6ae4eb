//! An optimizer's state, as it is saved.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tensor::Tensor;

/// What an optimizer remembers, by parameter path and name of the moment (`m`, `v`, `momentum`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OptimizerState {
    /// Which optimizer it is of.
    pub kind: String,
    /// Updates made.
    pub steps: u64,
    /// The learning rate.
    pub lr: f64,
    /// Moments of each parameter.
    pub moments: BTreeMap<String, BTreeMap<String, Tensor>>,
}
