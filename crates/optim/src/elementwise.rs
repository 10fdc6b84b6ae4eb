//! Optimizers whose step looks at one element at a time.

use crate::error::{Result, require};
use crate::groups::{Groups, Settings};
use crate::optimizer::Optimizer;
use crate::rows::Part;
use crate::slots::Slots;
use crate::state::OptimizerState;
use autodiff::Gradients;
use nn::Module;
use tensor::fused::{RuleItem, UpdateRule, rule_update};

/// What all of them have.
struct Core {
    op: &'static str,
    lr: f64,
    /// By a schedule, which may set 0.
    lr_was_set: bool,
    weight_decay: f64,
    rule: UpdateRule,
    groups: Groups,
    slots: Slots,
}

impl Core {
    fn new(op: &'static str, lr: f64, weight_decay: f64, rule: UpdateRule) -> Self {
        // In alphabetical order, as the rule takes them.
        let names: &'static [&'static str] = match rule {
            UpdateRule::RmsProp { momentum, centered, .. } => match (centered, momentum > 0.0) {
                (false, false) => &["square_avg"],
                (true, false) => &["grad_avg", "square_avg"],
                (false, true) => &["momentum_buffer", "square_avg"],
                (true, true) => &["grad_avg", "momentum_buffer", "square_avg"],
            },
            UpdateRule::Adagrad { .. } => &["sum"],
            UpdateRule::Adadelta { .. } => &["acc_delta", "square_avg"],
            UpdateRule::Adamax { .. } => &["exp_avg", "exp_inf"],
            UpdateRule::Lion { .. } => &["exp_avg"],
            _ => &["exp_avg", "exp_avg_sq"],
        };
        Self {
            op,
            lr,
            lr_was_set: false,
            weight_decay,
            rule,
            groups: Groups::default(),
            slots: Slots::new(op, names),
        }
    }

    /// Refuses settings outside their range. A learning rate of 0 is right where a schedule set it.
    fn check(&self) -> Result<()> {
        let op = self.op;
        let share = |name: &str, x: f64| {
            require(op, "a decay rate must lie in 0..1", name, x, (0.0..1.0).contains(&x))
        };
        let not_negative =
            |name: &str, x: f64| require(op, "a setting must be finite and not negative", name, x, x >= 0.0);
        require(
            op,
            "the learning rate must be finite and positive",
            "lr",
            self.lr,
            self.lr > 0.0 || self.lr_was_set,
        )?;
        not_negative("weight_decay", self.weight_decay)?;
        match self.rule {
            UpdateRule::RmsProp { alpha, eps, momentum, .. } => {
                share("alpha", alpha)?;
                not_negative("eps", eps)?;
                not_negative("momentum", momentum)
            }
            UpdateRule::Adagrad { lr_decay, eps } => {
                not_negative("lr_decay", lr_decay)?;
                not_negative("eps", eps)
            }
            UpdateRule::Adadelta { rho, eps } => {
                share("rho", rho)?;
                not_negative("eps", eps)
            }
            UpdateRule::Lion { beta1, beta2 } => {
                share("beta1", beta1)?;
                share("beta2", beta2)
            }
            UpdateRule::Adamax { beta1, beta2, eps }
            | UpdateRule::RAdam { beta1, beta2, eps }
            | UpdateRule::NAdam { beta1, beta2, eps, .. } => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                not_negative("eps", eps)
            }
        }
    }

    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
        self.check()?;
        // Adagrad's sums do not decay, so a row without a gradient stays as it is.
        let stays = matches!(self.rule, UpdateRule::Adagrad { .. });
        let by_rows = |settings: &Settings| stays && settings.weight_decay == 0.0;
        let updates = self.slots.updates_by_rows(model, grads, &self.groups, self.weight_decay, &by_rows)?;
        let mut parts = Part::take(updates)?;
        let mut items: Vec<RuleItem> = parts
            .iter_mut()
            .map(Part::update)
            .map(|update| RuleItem {
                param: update.param,
                grad: update.grad,
                moments: update.moments,
                step: update.step,
                lr: self.lr * update.settings.lr_scale,
                weight_decay: update.settings.weight_decay,
            })
            .collect();
        rule_update(&mut items, self.rule)?;
        drop(items);
        Part::put_back(parts)?;
        self.slots.advance(grads);
        Ok(())
    }

    fn set_lr(&mut self, lr: f64) -> Result<()> {
        require(self.op, "the learning rate must be finite and not negative", "lr", lr, lr >= 0.0)?;
        (self.lr, self.lr_was_set) = (lr, true);
        Ok(())
    }
}

macro_rules! elementwise {
    ($(
        $(#[$meta:meta])* $name:ident, $config:ident, $op:literal {
            lr: $lr:expr, weight_decay: $decay:expr,
            $($(#[$about:meta])* $field:ident: $ty:ty = $default:expr,)*
        } => $rule:expr;
    )*) => {$(
        #[doc = concat!("Settings of [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $config {
            /// Learning rate.
            pub lr: f64,
            /// `λ`
            pub weight_decay: f64,
            $($(#[$about])* pub $field: $ty,)*
        }

        impl Default for $config {
            fn default() -> Self {
                Self { lr: $lr, weight_decay: $decay, $($field: $default,)* }
            }
        }

        $(#[$meta])*
        pub struct $name(Core);

        impl $name {
            /// With this learning rate and the usual settings. One that is not finite and positive is refused by the first step.
            pub fn new(lr: f64) -> Self {
                Self::with_config($config { lr, ..Default::default() })
            }

            /// With these settings. One outside its range is refused by the first step, `InvalidArgument`.
            pub fn with_config(config: $config) -> Self {
                let $config { lr, weight_decay, $($field,)* } = config;
                Self(Core::new($op, lr, weight_decay, $rule))
            }

            /// Settings of their own for some parameters.
            pub fn groups(mut self, groups: Groups) -> Self {
                self.0.groups = groups;
                self
            }
        }

        impl Optimizer for $name {
            fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
                self.0.step(model, grads)
            }
            fn lr(&self) -> f64 {
                self.0.lr
            }
            fn set_lr(&mut self, lr: f64) -> Result<()> {
                self.0.set_lr(lr)
            }
            fn steps(&self) -> u64 {
                self.0.slots.steps
            }
            fn state(&self) -> OptimizerState {
                self.0.slots.state(self.0.lr)
            }
            fn load_state(&mut self, state: OptimizerState) -> Result<()> {
                let lr = self.0.slots.load(state)?;
                self.0.set_lr(lr)
            }
        }
    )*};
}

elementwise! {
    /// RMSprop: the gradient over the root of the mean of its squares, [`UpdateRule::RmsProp`].
    ///
    /// Source: Hinton 2012, lecture 6e; centered: Graves 2013, arXiv:1308.0850. Differs from PyTorch in: nothing.
    ///
    /// ```
    /// use nn::{Context, Layer, Linear};
    /// use optim::{Optimizer, RmsProp};
    /// use tensor::Tensor;
    /// let mut layer = Linear::from_parts(Tensor::from_vec(vec![1.0, 2.0], [1, 2])?, None)?;
    /// let x = Tensor::from_vec(vec![3.0, -4.0], [1, 2])?.into();
    /// let grads = layer.forward(&x, &mut Context::train(&mut tensor::Rng::seed(0)))?.sum(&[])?.backward()?;
    /// RmsProp::new(0.01).step(&mut layer, &grads)?;
    /// // The first mean is a hundredth of the square: ten learning rates along the sign.
    /// let w = layer.weight.value().to_vec::<f64>()?;
    /// assert!((w[0] - 0.9).abs() < 1e-8 && (w[1] - 2.1).abs() < 1e-8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    RmsProp, RmsPropConfig, "rmsprop" {
        lr: 1e-2, weight_decay: 0.0,
        /// How much of the mean of squares stays.
        alpha: f64 = 0.99,
        /// Added to the root.
        eps: f64 = 1e-8,
        /// `μ`, of which 0 is none.
        momentum: f64 = 0.0,
        /// Whether the square of the mean is taken away from the mean of squares.
        centered: bool = false,
    } => UpdateRule::RmsProp { alpha, eps, momentum, centered };

    /// Adagrad: the gradient over the root of the sum of its squares, [`UpdateRule::Adagrad`].
    ///
    /// Of a gradient of rows, without weight decay, only these rows are looked at, to the same bits. Source: Duchi, Hazan & Singer
    /// 2011. Differs from PyTorch in: sums start at 0; weight decay takes a gradient of rows too, as a whole one.
    Adagrad, AdagradConfig, "adagrad" {
        lr: 1e-2, weight_decay: 0.0,
        /// How the learning rate falls: `lr/(1 + (t − 1)·lr_decay)`.
        lr_decay: f64 = 0.0,
        /// Added to the root.
        eps: f64 = 1e-10,
    } => UpdateRule::Adagrad { lr_decay, eps };

    /// Adadelta: steps in the parameter's own unit, [`UpdateRule::Adadelta`].
    ///
    /// Source: Zeiler 2012, arXiv:1212.5701. Differs from PyTorch in: nothing.
    Adadelta, AdadeltaConfig, "adadelta" {
        lr: 1.0, weight_decay: 0.0,
        /// How much of both means stays.
        rho: f64 = 0.9,
        /// Added under both roots.
        eps: f64 = 1e-6,
    } => UpdateRule::Adadelta { rho, eps };

    /// Adamax: Adam with the largest of the decayed gradients in the place of the root, [`UpdateRule::Adamax`].
    ///
    /// Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 2. Differs from PyTorch in: nothing.
    Adamax, AdamaxConfig, "adamax" {
        lr: 2e-3, weight_decay: 0.0,
        /// Decay of the first moment.
        beta1: f64 = 0.9,
        /// Decay of the largest.
        beta2: f64 = 0.999,
        /// Added to gradients' sizes.
        eps: f64 = 1e-8,
    } => UpdateRule::Adamax { beta1, beta2, eps };

    /// NAdam: Adam with Nesterov's look ahead, [`UpdateRule::NAdam`].
    ///
    /// Source: Dozat 2016. Differs from PyTorch in: nothing.
    NAdam, NAdamConfig, "nadam" {
        lr: 2e-3, weight_decay: 0.0,
        /// Decay of the first moment.
        beta1: f64 = 0.9,
        /// Decay of the second moment.
        beta2: f64 = 0.999,
        /// Added to the root.
        eps: f64 = 1e-8,
        /// `ψ`: how the look ahead grows.
        momentum_decay: f64 = 4e-3,
    } => UpdateRule::NAdam { beta1, beta2, eps, momentum_decay };

    /// RAdam: Adam that adapts only where the variance is known, [`UpdateRule::RAdam`].
    ///
    /// Source: Liu et al. 2020, arXiv:1908.03265. Differs from PyTorch in: nothing.
    RAdam, RAdamConfig, "radam" {
        lr: 1e-3, weight_decay: 0.0,
        /// Decay of the first moment.
        beta1: f64 = 0.9,
        /// Decay of the second moment.
        beta2: f64 = 0.999,
        /// Added to the root.
        eps: f64 = 1e-8,
    } => UpdateRule::RAdam { beta1, beta2, eps };

    /// Lion: a step of the learning rate along the sign of the momentum, [`UpdateRule::Lion`]; weight decay apart from the gradient.
    ///
    /// Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
    Lion, LionConfig, "lion" {
        lr: 1e-4, weight_decay: 0.0,
        /// Decay of the momentum in the step.
        beta1: f64 = 0.9,
        /// Decay of the momentum that is kept.
        beta2: f64 = 0.99,
    } => UpdateRule::Lion { beta1, beta2 };
}
