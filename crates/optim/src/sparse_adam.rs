//! Adam for tables of which a step sees few rows.

use crate::error::{Error, Result};
use crate::groups::Groups;
use crate::optimizer::Optimizer;
use crate::rows::Part;
use crate::state::OptimizerState;
use crate::whole::{Core, beside_step};
use autodiff::Gradients;
use nn::Module;
use std::collections::BTreeMap;
use tensor::fused::{self, AdamItem};

const OP: &str = "sparse_adam";

/// Settings of [`SparseAdam`]; PyTorch's names and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseAdamConfig {
    /// Learning rate `α`.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
}

impl Default for SparseAdamConfig {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

/// Adam that looks at the rows alone that have a gradient, for embeddings with `sparse`: the time and memory of a step go with
/// the tokens of the batch and not with the table.
///
/// For each row r of the gradient `m ← β₁·m + (1 − β₁)·g`, `v ← β₂·v + (1 − β₂)·g²`,
/// `p ← p − α·√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)`; all other rows of m, v and p stay as they are. t counts the updates of the whole
/// parameter. A rarely seen token is thus moved by the mean of the gradients that it had, where [`Adam`](crate::Adam), which knows
/// no rows, would go on moving it in every step. A gradient that is not of rows is one of all rows, so that one optimizer serves
/// a whole model; ε then is, as in Kingma & Ba 2015, the `ε̂` of the text below algorithm 1.
///
/// The moments are two tensors of the table's size. There is no weight decay, which would change every row: `InvalidArgument`
/// where groups ask for it. Source: PyTorch's `SparseAdam`. Differs from it in: takes gradients that are not of rows.
///
/// ```
/// use nn::{Context, Embedding, EmbeddingConfig, Layer};
/// use optim::{Optimizer, SparseAdam};
/// use tensor::{Rng, Tensor};
/// let config = EmbeddingConfig { sparse: true, ..Default::default() };
/// let mut table = Embedding::with_config(1000, 4, &config, &mut Rng::seed(0))?;
/// let before = table.weight.value().clone();
/// let tokens = Tensor::from_vec(vec![7i64, 2, 7], [3])?.into();
/// let grads = table.forward(&tokens, &mut Context::train(&mut Rng::seed(1)))?.sum(&[])?.backward()?;
/// assert_eq!(grads.rows(table.weight.id()).unwrap().rows().to_vec::<i64>()?, [2, 7]);
/// SparseAdam::new(0.1).step(&mut table, &grads)?;
/// let step = before.sub(table.weight.value())?;
/// assert!((step.narrow(0, 7, 1)?.mean(&[])?.item()? - 0.1).abs() < 1e-6);
/// assert_eq!(step.narrow(0, 8, 992)?.abs()?.max(&[])?.item()?, 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SparseAdam {
    config: SparseAdamConfig,
    core: Core,
}

impl SparseAdam {
    /// With this learning rate and the usual settings. One that is not finite and positive is refused by the first step.
    pub fn new(lr: f64) -> Self {
        Self::with_config(SparseAdamConfig { lr, ..Default::default() })
    }

    /// With these settings. One outside its range is refused by the first step, `InvalidArgument`.
    pub fn with_config(config: SparseAdamConfig) -> Self {
        Self { config, core: Core::new(OP, config.lr, vec![&["m", "v"]]) }
    }

    /// Learning rates of their own for some parameters.
    pub fn groups(mut self, groups: Groups) -> Self {
        self.core.groups = groups;
        self
    }
}

impl Optimizer for SparseAdam {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
        let SparseAdamConfig { beta1, beta2, eps, .. } = self.config;
        self.core.check_lr()?;
        self.core.check_share("beta1", beta1)?;
        self.core.check_share("beta2", beta2)?;
        self.core.check_not_negative("eps", eps)?;
        let Core { lr, groups, slots, .. } = &mut self.core;
        let updates = slots.updates_by_rows(model, grads, groups, 0.0, &|_| true)?;
        if let Some(update) = updates.iter().find(|update| update.settings.weight_decay > 0.0) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there is no weight decay of rows",
                got: format!("weight_decay {}", update.settings.weight_decay),
                repair: "leave it out of the groups, or use AdamW, which changes every row in each step",
            });
        }
        let mut parts = Part::take(updates)?;
        let mut by_step: BTreeMap<u64, Vec<AdamItem>> = BTreeMap::new();
        for update in parts.iter_mut().map(Part::update) {
            let [m, v] = update.moments else { unreachable!("invariant: sparse_adam keeps two moments") };
            let lr = *lr * update.settings.lr_scale;
            let item = AdamItem { param: update.param, grad: update.grad, m, v, lr, weight_decay: 0.0 };
            by_step.entry(update.step).or_default().push(item);
        }
        for (step, mut items) in by_step {
            // The kernel adds its ε to √(v/(1 − β₂ᵗ)), where here it stands beside √v.
            let eps = eps / (1.0 - libm::pow(beta2, step as f64)).sqrt();
            let config = fused::AdamConfig { beta1, beta2, eps, decoupled: true, step, grad_scale: 1.0 };
            fused::adam_update(&mut items, &config)?;
        }
        Part::put_back(parts)?;
        self.core.slots.advance(grads);
        Ok(())
    }
    beside_step!(state);
}
