//! LAMB: Adam with a learning rate for each layer.

use crate::error::Result;
use crate::groups::Groups;
use crate::optimizer::Optimizer;
use crate::slots::{Names, Plan, Update};
use crate::state::OptimizerState;
use crate::whole::{Core, adam_step, beside_step, norm, subtract};
use autodiff::Gradients;
use nn::Module;
use tensor::Tensor;

/// Settings of [`Lamb`]; the paper's names and values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LambConfig {
    /// Learning rate `η`.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// `λ`
    pub weight_decay: f64,
}

impl Default for LambConfig {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-6, weight_decay: 0.01 }
    }
}

/// LAMB: the direction of AdamW, made as long as the parameter itself: for large batches.
///
/// `m ← β₁·m + (1 − β₁)·g`, `v ← β₂·v + (1 − β₂)·g²`, `u = m̂/(√v̂ + ε) + λ·p` with `m̂ = m/(1 − β₁ᵗ)`, `v̂ = v/(1 − β₂ᵗ)`,
/// `p ← p − η·(‖p‖/‖u‖)·u`; the trust ratio `‖p‖/‖u‖` is that of each parameter, and 1 where either norm is 0.
///
/// t counts the updates of the parameter itself. Source: You et al. 2020, arXiv:1904.00962, algorithm 2, with φ the identity.
/// PyTorch has none. Differs from `timm`'s in: gradients are not clipped (use [`clip_grad_norm`](crate::clip_grad_norm)), and
/// every parameter has its ratio, with weight decay or without, which is its `always_adapt`.
///
/// ```
/// use autodiff::Gradients;
/// use nn::{Linear, Module};
/// use optim::{Lamb, LambConfig, Optimizer};
/// use tensor::Tensor;
/// let mut layer = Linear::from_parts(Tensor::from_vec(vec![3.0, 4.0], [1, 2])?, None)?;
/// let mut grads = Gradients::default();
/// grads.insert(layer.weight.id(), Tensor::from_vec(vec![1.0, -2.0], [1, 2])?);
/// Lamb::with_config(LambConfig { lr: 0.1, weight_decay: 0.0, ..Default::default() }).step(&mut layer, &grads)?;
/// // Along the signs, (1, −1) of length √2, at a tenth of the weight's length 5.
/// let (w, by) = (layer.weight.value().to_vec::<f64>()?, 0.5 / 2f64.sqrt());
/// assert!((w[0] - (3.0 - by)).abs() < 1e-6 && (w[1] - (4.0 + by)).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Lamb {
    config: LambConfig,
    core: Core,
}

const OP: &str = "lamb";
const NAMES: Names = &["exp_avg", "exp_avg_sq"];

impl Lamb {
    /// With this learning rate and the usual settings. One that is not finite and positive is refused by the first step.
    pub fn new(lr: f64) -> Self {
        Self::with_config(LambConfig { lr, ..Default::default() })
    }

    /// With these settings. One outside its range is refused by the first step, `InvalidArgument`.
    pub fn with_config(config: LambConfig) -> Self {
        Self { config, core: Core::new(OP, config.lr, vec![NAMES]) }
    }

    /// Settings of their own for some parameters.
    pub fn groups(mut self, groups: Groups) -> Self {
        self.core.groups = groups;
        self
    }

    fn check(&self) -> Result<()> {
        let LambConfig { lr: _, beta1, beta2, eps, weight_decay } = self.config;
        self.core.check_lr()?;
        self.core.check_share("beta1", beta1)?;
        self.core.check_share("beta2", beta2)?;
        self.core.check_not_negative("eps", eps)?;
        self.core.check_not_negative("weight_decay", weight_decay)
    }
}

impl Optimizer for Lamb {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
        self.check()?;
        let LambConfig { lr: _, beta1, beta2, eps, weight_decay } = self.config;
        let plan = |_: &str, param: &Tensor| Plan::alike(param, NAMES, weight_decay);
        self.core.make(model, grads, &plan, |lr, Update { param, grad, settings, step, moments, .. }| {
            let [m, v] = moments else { unreachable!("invariant: lamb keeps two moments") };
            // −u
            let mut along = adam_step(grad, m, v, (beta1, beta2, eps), step)?;
            subtract(&mut along, param, settings.weight_decay)?;
            let (of_param, of_step) = (norm(param)?, norm(&along)?);
            let trust = if of_param > 0.0 && of_step > 0.0 { of_param / of_step } else { 1.0 };
            subtract(param, &along, -lr * trust)
        })
    }

    beside_step!(state);
}
