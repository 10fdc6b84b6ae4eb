//! Stochastic gradient descent.

use crate::error::{Error, Result, require};
use crate::groups::{Groups, Settings};
use crate::optimizer::Optimizer;
use crate::rows::Part;
use crate::slots::Slots;
use crate::state::OptimizerState;
use autodiff::Gradients;
use nn::Module;
use std::collections::BTreeMap;
use tensor::fused::{self, SgdItem};

/// Settings of [`Sgd`]; PyTorch's names and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdConfig {
    /// Learning rate.
    pub lr: f64,
    /// `μ`: how much of the velocity stays; 0 keeps none.
    pub momentum: f64,
    /// How much less of the gradient enters the velocity.
    pub dampening: f64,
    /// Look ahead along the velocity. Source: Nesterov 1983, as in Sutskever et al. 2013.
    pub nesterov: bool,
    /// `λ`, added to the gradient as `λ·p`.
    pub weight_decay: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { lr: 1e-3, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0 }
    }
}

/// Stochastic gradient descent, with momentum, Nesterov's look-ahead and weight decay.
///
/// `g ← g + λ·p`, `v ← μ·v + (1 − dampening)·g` (v = g in the first update), `p ← p − lr·v`, or `p − lr·(g + μ·v)` with
/// Nesterov. Of a gradient of rows, without momentum and weight decay, only these rows are looked at, to the same bits. Differs
/// from PyTorch in: momentum and weight decay take such a gradient too, as a whole one.
///
/// ```
/// use nn::{Context, Layer, Linear};
/// use optim::{Optimizer, Sgd};
/// use tensor::Tensor;
/// let mut layer = Linear::from_parts(Tensor::from_vec(vec![1.0, 2.0], [1, 2])?, None)?;
/// let x = Tensor::from_vec(vec![3.0, 4.0], [1, 2])?.into();
/// let mut cx = Context::train(&mut tensor::Rng::seed(0));
/// let grads = layer.forward(&x, &mut cx)?.sum(&[])?.backward()?; // dw = x
/// Sgd::new(0.5).step(&mut layer, &grads)?;
/// assert_eq!(layer.weight.value().to_vec::<f64>()?, [-0.5, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sgd {
    config: SgdConfig,
    /// By a schedule, which may set 0.
    lr_was_set: bool,
    groups: Groups,
    slots: Slots,
}

const OP: &str = "sgd";

impl Sgd {
    /// Plain descent. A learning rate that is not finite and positive is refused by the first step.
    pub fn new(lr: f64) -> Self {
        Self::with_config(SgdConfig { lr, ..Default::default() })
    }

    /// With these settings. One outside its range, or Nesterov without momentum or with dampening, is refused by the
    /// first step, `InvalidArgument`.
    pub fn with_config(config: SgdConfig) -> Self {
        let names: &[_] = if config.momentum > 0.0 { &["velocity"] } else { &[] };
        Self { config, lr_was_set: false, groups: Groups::default(), slots: Slots::new(OP, names) }
    }

    /// Refuses settings outside their range. A learning rate of 0 is right where a schedule set it.
    fn check(&self) -> Result<()> {
        let SgdConfig { lr, momentum, dampening, nesterov, weight_decay } = self.config;
        require(OP, "the learning rate must be finite and positive", "lr", lr, lr > 0.0 || self.lr_was_set)?;
        require(OP, "momentum must lie in 0..1", "momentum", momentum, (0.0..1.0).contains(&momentum))?;
        require(OP, "dampening must lie in 0..=1", "dampening", dampening, (0.0..=1.0).contains(&dampening))?;
        require(
            OP,
            "weight decay must be finite and not negative",
            "weight_decay",
            weight_decay,
            weight_decay >= 0.0,
        )?;
        if nesterov && (momentum == 0.0 || dampening > 0.0) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "Nesterov needs momentum and no dampening",
                got: format!("momentum {momentum}, dampening {dampening}"),
                repair: "correct the configuration",
            });
        }
        Ok(())
    }

    /// Settings of their own for some parameters.
    pub fn groups(mut self, groups: Groups) -> Self {
        self.groups = groups;
        self
    }
}

impl Optimizer for Sgd {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
        self.check()?;
        let SgdConfig { lr, momentum, dampening, nesterov, weight_decay } = self.config;
        // A velocity begins as the gradient, in the parameter's own first update.
        let mut by_step: BTreeMap<u64, Vec<SgdItem>> = BTreeMap::new();
        // Without a velocity and a decay, a row without a gradient stays.
        let by_rows = |settings: &Settings| momentum == 0.0 && settings.weight_decay == 0.0;
        let updates = self.slots.updates_by_rows(model, grads, &self.groups, weight_decay, &by_rows)?;
        let mut parts = Part::take(updates)?;
        for update in parts.iter_mut().map(Part::update) {
            let (lr, weight_decay) = (lr * update.settings.lr_scale, update.settings.weight_decay);
            let (param, grad, velocity) = (update.param, update.grad, update.moments.first_mut());
            by_step.entry(update.step).or_default().push(SgdItem { param, grad, velocity, lr, weight_decay });
        }
        for (step, mut items) in by_step {
            let config = fused::SgdConfig { momentum, dampening, nesterov, step, grad_scale: 1.0 };
            fused::sgd_update(&mut items, &config)?;
        }
        Part::put_back(parts)?;
        self.slots.advance(grads);
        Ok(())
    }
    fn lr(&self) -> f64 {
        self.config.lr
    }
    fn set_lr(&mut self, lr: f64) -> Result<()> {
        require(OP, "the learning rate must be finite and not negative", "lr", lr, lr >= 0.0)?;
        (self.config.lr, self.lr_was_set) = (lr, true);
        Ok(())
    }
    fn steps(&self) -> u64 {
        self.slots.steps
    }
    fn state(&self) -> OptimizerState {
        self.slots.state(self.config.lr)
    }
    fn load_state(&mut self, state: OptimizerState) -> Result<()> {
        let lr = self.slots.load(state)?;
        self.set_lr(lr)
    }
}
