//! Adafactor: the second moment of a matrix in the room of a row and a column.

use crate::error::{Result, require};
use crate::groups::Groups;
use crate::optimizer::Optimizer;
use crate::slots::{Names, Plan, Update};
use crate::state::OptimizerState;
use crate::whole::{Core, beside_step, limits, root_mean_square, subtract, toward};
use autodiff::Gradients;
use nn::Module;
use tensor::{Tensor, fused};

/// Settings of [`Adafactor`]; PyTorch's names and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdafactorConfig {
    /// The largest relative step.
    pub lr: f64,
    /// `c`, not above 0: the second moment takes in a share of `t^c` in update t.
    pub beta2_decay: f64,
    /// `ε₁`, below which no root of a second moment goes; `None`: the machine epsilon of the type that is computed in.
    pub eps1: Option<f64>,
    /// `ε₂`: parameters count as at least so large.
    pub eps2: f64,
    /// How large an update may be, in the root of its mean square; at least 1.
    pub d: f64,
    /// `λ`, apart from the gradient.
    pub weight_decay: f64,
}

impl Default for AdafactorConfig {
    fn default() -> Self {
        Self { lr: 1e-2, beta2_decay: -0.8, eps1: None, eps2: 1e-3, d: 1.0, weight_decay: 0.0 }
    }
}

/// Adafactor: no first moment, and of the second only means over rows and columns, so that it needs hardly more memory than the
/// parameters; steps are relative to the size of the parameter.
///
/// `ρ = min(lr, 1/√t)`, `α = max(ε₂, rms(p))·ρ`, `p ← p·(1 − lr·λ)`, with `w = t^c`
/// - for two axes or more, over the last two, `R ← R + w·(mean g² of each row − R)`, `C ← C + w·(mean g² of each column − C)`,
///   `V = R·C / max(mean R, ε₁)`,
/// - for fewer `V ← V + w·(g² − V)`,
///
/// and `u = g/√max(V, ε₁²)`, `p ← p − α·u / max(1, rms(u)/d)`, where `rms(x) = √(Σx²/n)`.
///
/// Shapes of the moments: `row_var (.., m, 1)` and `col_var (.., 1, n)` for a parameter `(.., m, n)`; `variance` of the
/// parameter's shape otherwise. t counts the updates of the parameter itself.
///
/// Source: Shazeer & Stern 2018, arXiv:1804.04235, algorithms 4 to 6. Differs from PyTorch in: for BF16 and F16 ε₁ is the
/// machine epsilon of F32, in which the step is computed; for parameters of several types it is that of each.
///
/// ```
/// use autodiff::Gradients;
/// use nn::{Linear, Module};
/// use optim::{Adafactor, Optimizer};
/// use tensor::Tensor;
/// let mut layer = Linear::from_parts(Tensor::from_vec(vec![2.0, -2.0], [1, 2])?, None)?;
/// let mut grads = Gradients::default();
/// grads.insert(layer.weight.id(), Tensor::from_vec(vec![0.3, 0.3], [1, 2])?);
/// let mut adafactor = Adafactor::new(0.01);
/// adafactor.step(&mut layer, &grads)?;
/// // A hundredth of the weight's size.
/// let w = layer.weight.value().to_vec::<f64>()?;
/// assert!((w[0] - 1.98).abs() < 1e-12 && (w[1] + 2.02).abs() < 1e-12);
/// assert_eq!(adafactor.state().params["weight"].moments["row_var"].shape(), [1, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Adafactor {
    config: AdafactorConfig,
    core: Core,
}

const OP: &str = "adafactor";
const FACTORED: Names = &["col_var", "row_var"];
const WHOLE: Names = &["variance"];

impl Adafactor {
    /// With this largest relative step and the usual settings. One that is not finite and positive is refused by the first
    /// step.
    pub fn new(lr: f64) -> Self {
        Self::with_config(AdafactorConfig { lr, ..Default::default() })
    }

    /// With these settings. One outside its range is refused by the first step, `InvalidArgument`.
    pub fn with_config(config: AdafactorConfig) -> Self {
        Self { config, core: Core::new(OP, config.lr, vec![FACTORED, WHOLE]) }
    }

    /// Settings of their own for some parameters.
    pub fn groups(mut self, groups: Groups) -> Self {
        self.core.groups = groups;
        self
    }

    fn check(&self) -> Result<()> {
        let AdafactorConfig { lr: _, beta2_decay, eps1, eps2, d, weight_decay } = self.config;
        self.core.check_lr()?;
        let rule = "the decay's exponent must be finite and not above 0";
        require(OP, rule, "beta2_decay", beta2_decay, beta2_decay <= 0.0)?;
        self.core.check_not_negative("eps1", eps1.unwrap_or(0.0))?;
        self.core.check_not_negative("eps2", eps2)?;
        require(OP, "the largest update must be finite and at least 1", "d", d, d >= 1.0)?;
        self.core.check_not_negative("weight_decay", weight_decay)
    }
}

/// What is kept of a parameter of this shape.
fn plan(param: &Tensor, weight_decay: f64) -> Plan {
    let (shape, n) = (param.shape(), param.rank());
    if n < 2 {
        return Plan::alike(param, WHOLE, weight_decay);
    }
    let flat = |axis: usize| {
        let mut shape = shape.to_vec();
        shape[axis] = 1;
        (shape, param.dtype())
    };
    Plan { weight_decay, names: FACTORED, moments: vec![flat(n - 2), flat(n - 1)] }
}

/// One step.
fn rule(config: &AdafactorConfig, lr: f64, update: Update) -> Result<()> {
    let Update { param, grad, settings, step, moments, .. } = update;
    if param.len() == 0 {
        return Ok(());
    }
    let (epsilon, tiny) = limits(param.dtype());
    let (t, eps1) = (step as f64, config.eps1.unwrap_or(epsilon));
    let share = libm::pow(t, config.beta2_decay);
    let alpha = root_mean_square(param)?.max(config.eps2) * lr.min(1.0 / t.sqrt());
    if settings.weight_decay > 0.0 {
        fused::scale(param, 1.0 - lr * settings.weight_decay)?;
    }
    let square = grad.square()?;
    // Not below the smallest normal number: 0/0 would stay for ever.
    let variance = match moments {
        [col, row] => {
            toward(row, &square.mean_keep(&[-1])?, share)?;
            toward(col, &square.mean_keep(&[-2])?, share)?;
            let mean = row.mean_keep(&[-2])?.clamp(eps1.max(tiny), f64::INFINITY)?;
            row.div(&mean)?.mul(col)?
        }
        [variance] => {
            toward(variance, &square, share)?;
            variance.clone()
        }
        _ => unreachable!("invariant: a plan has one moment or two"),
    };
    let along = variance.clamp((eps1 * eps1).max(tiny), f64::INFINITY)?.rsqrt()?.mul(grad)?;
    let over = (root_mean_square(&along)? / config.d).max(1.0);
    subtract(param, &along, alpha / over)
}

impl Optimizer for Adafactor {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
        self.check()?;
        let config = &self.config;
        self.core.make(model, grads, &|_, param| plan(param, config.weight_decay), |lr, update| {
            rule(config, lr, update)
        })
    }

    beside_step!(state);
}
