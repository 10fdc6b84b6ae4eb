//! Adam and AdamW.

use crate::error::{Result, require};
use crate::groups::Groups;
use crate::optimizer::Optimizer;
use crate::slots::Slots;
use crate::state::OptimizerState;
use autodiff::Gradients;
use nn::Module;
use std::collections::BTreeMap;
use tensor::fused::{self, AdamItem};

/// Settings of [`Adam`] and [`AdamW`]; PyTorch's names and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Learning rate `α`.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// `λ`; by default 0 for Adam, 0.01 for AdamW.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

/// What both have.
struct Core {
    op: &'static str,
    config: AdamConfig,
    /// By a schedule, which may set 0.
    lr_was_set: bool,
    groups: Groups,
    slots: Slots,
}

impl Core {
    fn new(op: &'static str, config: AdamConfig) -> Self {
        Self { op, config, lr_was_set: false, groups: Groups::default(), slots: Slots::new(op, &["m", "v"]) }
    }

    /// Refuses settings outside their range. A learning rate of 0 is right where a schedule set it.
    fn check(&self) -> Result<()> {
        let (op, AdamConfig { lr, beta1, beta2, eps, weight_decay }) = (self.op, self.config);
        require(op, "the learning rate must be finite and positive", "lr", lr, lr > 0.0 || self.lr_was_set)?;
        require(op, "beta1 must lie in 0..1", "beta1", beta1, (0.0..1.0).contains(&beta1))?;
        require(op, "beta2 must lie in 0..1", "beta2", beta2, (0.0..1.0).contains(&beta2))?;
        require(op, "eps must be finite and not negative", "eps", eps, eps >= 0.0)?;
        require(
            op,
            "weight decay must be finite and not negative",
            "weight_decay",
            weight_decay,
            weight_decay >= 0.0,
        )
    }

    fn set_lr(&mut self, lr: f64) -> Result<()> {
        require(self.op, "the learning rate must be finite and not negative", "lr", lr, lr >= 0.0)?;
        (self.config.lr, self.lr_was_set) = (lr, true);
        Ok(())
    }

    fn step(&mut self, model: &mut dyn Module, grads: &Gradients, decoupled: bool) -> Result<()> {
        self.check()?;
        let AdamConfig { lr, beta1, beta2, eps, weight_decay } = self.config;
        // The bias correction depends on the parameter's own number of updates; mostly they are all the same.
        let mut by_step: BTreeMap<u64, Vec<AdamItem>> = BTreeMap::new();
        for update in self.slots.updates(model, grads, &self.groups, weight_decay)? {
            let [m, v] = update.moments else { unreachable!("invariant: adam keeps two moments") };
            let (lr, weight_decay) = (lr * update.settings.lr_scale, update.settings.weight_decay);
            let item = AdamItem { param: update.param, grad: update.grad, m, v, lr, weight_decay };
            by_step.entry(update.step).or_default().push(item);
        }
        for (step, mut items) in by_step {
            let config = fused::AdamConfig { beta1, beta2, eps, decoupled, step, grad_scale: 1.0 };
            fused::adam_update(&mut items, &config)?;
        }
        self.slots.advance(grads);
        Ok(())
    }
}

macro_rules! adam {
    ($(#[$meta:meta])* $name:ident, $op:literal, $decoupled:literal, $weight_decay:literal) => {
        $(#[$meta])*
        pub struct $name(Core);

        impl $name {
            /// With this learning rate and the usual settings. One that is not finite and positive is refused by the
            /// first step.
            pub fn new(lr: f64) -> Self {
                Self::with_config(AdamConfig { lr, weight_decay: $weight_decay, ..Default::default() })
            }

            /// With these settings. One outside its range is refused by the first step, `InvalidArgument`.
            pub fn with_config(config: AdamConfig) -> Self {
                Self(Core::new($op, config))
            }

            /// Settings of their own for some parameters.
            pub fn groups(mut self, groups: Groups) -> Self {
                self.0.groups = groups;
                self
            }
        }

        impl Optimizer for $name {
            fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
                self.0.step(model, grads, $decoupled)
            }
            fn lr(&self) -> f64 {
                self.0.config.lr
            }
            fn set_lr(&mut self, lr: f64) -> Result<()> {
                self.0.set_lr(lr)
            }
            fn steps(&self) -> u64 {
                self.0.slots.steps
            }
            fn state(&self) -> OptimizerState {
                self.0.slots.state(self.0.config.lr)
            }
            fn load_state(&mut self, state: OptimizerState) -> Result<()> {
                let lr = self.0.slots.load(state)?;
                self.0.set_lr(lr)
            }
        }
    };
}

adam! {
    /// Adam.
    ///
    /// `g ← g + λ·p`, `m ← β₁·m + (1 − β₁)·g`, `v ← β₂·v + (1 − β₂)·g²`,
    /// `p ← p − α·m̂ / (√v̂ + ε)` with `m̂ = m/(1 − β₁ᵗ)`, `v̂ = v/(1 − β₂ᵗ)`.
    ///
    /// t counts the updates of the parameter itself. Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1. Differs
    /// from PyTorch in: nothing.
    ///
    /// ```
    /// use nn::{Context, Layer, Linear};
    /// use optim::{Adam, Optimizer};
    /// use tensor::Tensor;
    /// let mut layer = Linear::from_parts(Tensor::from_vec(vec![1.0, 2.0], [1, 2])?, None)?;
    /// let x = Tensor::from_vec(vec![3.0, -4.0], [1, 2])?.into();
    /// let mut cx = Context::train(&mut tensor::Rng::seed(0));
    /// let grads = layer.forward(&x, &mut cx)?.sum(&[])?.backward()?;
    /// Adam::new(0.1).step(&mut layer, &grads)?;
    /// // The first step is the learning rate, along the sign of the gradient.
    /// let w = layer.weight.value().to_vec::<f64>()?;
    /// assert!((w[0] - 0.9).abs() < 1e-8 && (w[1] - 2.1).abs() < 1e-8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Adam, "adam", false, 0.0
}

adam! {
    /// AdamW: Adam with weight decay apart from the gradient, `p ← p·(1 − α·λ)` before the step of [`Adam`].
    ///
    /// Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2. Differs from PyTorch in: nothing; from the
    /// paper: λ is multiplied by the learning rate, as everybody does.
    AdamW, "adamw", true, 0.01
}
