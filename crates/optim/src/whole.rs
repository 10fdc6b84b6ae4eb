//! What optimizers share whose step looks at a parameter as a whole: its norm, its rows and columns, its place in an average.

use crate::error::{Result, require};
use crate::groups::Groups;
use crate::slots::{Names, Plan, Slots, Update};
use crate::state::OptimizerState;
use autodiff::Gradients;
use nn::Module;
use tensor::fused::{self, AdamItem, SgdItem};
use tensor::{DType, Tensor};

/// What all of them have.
pub(crate) struct Core {
    pub(crate) op: &'static str,
    pub(crate) lr: f64,
    /// By a schedule, which may set 0.
    lr_was_set: bool,
    pub(crate) groups: Groups,
    pub(crate) slots: Slots,
}

impl Core {
    /// `sets`: see [`Slots::one_of`].
    pub(crate) fn new(op: &'static str, lr: f64, sets: Vec<Names>) -> Self {
        let slots = Slots::one_of(op, sets);
        Self { op, lr, lr_was_set: false, groups: Groups::default(), slots }
    }

    /// Refuses a learning rate that is not positive; 0 is right where a schedule set it.
    pub(crate) fn check_lr(&self) -> Result<()> {
        let allowed = self.lr > 0.0 || self.lr_was_set;
        require(self.op, "the learning rate must be finite and positive", "lr", self.lr, allowed)
    }

    pub(crate) fn check_share(&self, name: &str, x: f64) -> Result<()> {
        require(self.op, "a decay rate must lie in 0..1", name, x, (0.0..1.0).contains(&x))
    }

    pub(crate) fn check_not_negative(&self, name: &str, x: f64) -> Result<()> {
        require(self.op, "a setting must be finite and not negative", name, x, x >= 0.0)
    }

    pub(crate) fn set_lr(&mut self, lr: f64) -> Result<()> {
        require(self.op, "the learning rate must be finite and not negative", "lr", lr, lr >= 0.0)?;
        (self.lr, self.lr_was_set) = (lr, true);
        Ok(())
    }

    /// A step of all parameters, each by `rule` with its own learning rate; moments as `plan` has them.
    pub(crate) fn make(
        &mut self,
        model: &mut dyn Module,
        grads: &Gradients,
        plan: &dyn Fn(&str, &Tensor) -> Plan,
        mut rule: impl FnMut(f64, Update) -> Result<()>,
    ) -> Result<()> {
        let updates = self.slots.updates_by(model, grads, &self.groups, plan)?;
        each(self.op, updates, |update| rule(self.lr * update.settings.lr_scale, update))?;
        self.slots.advance(grads);
        Ok(())
    }

    pub(crate) fn state(&self) -> OptimizerState {
        self.slots.state(self.lr)
    }

    pub(crate) fn load_state(&mut self, state: OptimizerState) -> Result<()> {
        let lr = self.slots.load(state)?;
        self.set_lr(lr)
    }
}

/// What [`Optimizer`](crate::Optimizer) asks for beside a step, of a struct whose field `core` is a [`Core`].
macro_rules! beside_step {
    () => {
        fn lr(&self) -> f64 {
            self.core.lr
        }
        fn set_lr(&mut self, lr: f64) -> Result<()> {
            self.core.set_lr(lr)
        }
        fn steps(&self) -> u64 {
            self.core.slots.steps
        }
    };
    (state) => {
        beside_step!();
        fn state(&self) -> OptimizerState {
            self.core.state()
        }
        fn load_state(&mut self, state: OptimizerState) -> Result<()> {
            self.core.load_state(state)
        }
    };
}
pub(crate) use beside_step;

/// Makes these updates one after the other; parameters of BF16 and F16 in F32, rounded at the end, moments too.
pub(crate) fn each(
    op: &'static str,
    updates: Vec<Update>,
    mut rule: impl FnMut(Update) -> Result<()>,
) -> Result<()> {
    if let Some(update) = updates.iter().find(|update| !update.param.dtype().is_float()) {
        return Err(tensor::Error::DTypeMismatch {
            op,
            rule: "parameters must be floats",
            dtypes: vec![update.param.dtype()],
            repair: "leave this one out",
        }
        .into());
    }
    for Update { param, grad, rows, settings, step, moments } in updates {
        if param.dtype().compute() == param.dtype() {
            rule(Update { param, grad, rows, settings, step, moments })?;
            continue;
        }
        let wide = |x: &Tensor| x.to_dtype(x.dtype().compute());
        let (mut wider, grad) = (wide(param)?, wide(grad)?);
        let mut wider_moments = moments.iter().map(wide).collect::<tensor::Result<Vec<_>>>()?;
        rule(Update { param: &mut wider, grad: &grad, rows, settings, step, moments: &mut wider_moments })?;
        *param = wider.to_dtype(param.dtype())?;
        for (kept, new) in moments.iter_mut().zip(wider_moments) {
            *kept = new.to_dtype(kept.dtype())?;
        }
    }
    Ok(())
}

/// `x ← x − by·y`
pub(crate) fn subtract(x: &mut Tensor, y: &Tensor, by: f64) -> Result<()> {
    let item = SgdItem { param: x, grad: y, velocity: None, lr: by, weight_decay: 0.0 };
    let plain = fused::SgdConfig { momentum: 0.0, dampening: 0.0, nesterov: false, step: 1, grad_scale: 1.0 };
    Ok(fused::sgd_update(&mut [item], &plain)?)
}

/// `x ← x + share·(y − x)`
pub(crate) fn toward(x: &mut Tensor, y: &Tensor, share: f64) -> Result<()> {
    let gap = x.sub(y)?;
    subtract(x, &gap, share)
}

/// Takes `grad` into Adam's moments m and v, and returns the step against which the parameter goes: `−m̂ / (√v̂ + ε)`.
pub(crate) fn adam_step(
    grad: &Tensor,
    m: &mut Tensor,
    v: &mut Tensor,
    (beta1, beta2, eps): (f64, f64, f64),
    step: u64,
) -> Result<Tensor> {
    let mut along = Tensor::zeros(grad.shape(), grad.dtype())?;
    let item = AdamItem { param: &mut along, grad, m, v, lr: 1.0, weight_decay: 0.0 };
    let config = fused::AdamConfig { beta1, beta2, eps, decoupled: true, step, grad_scale: 1.0 };
    fused::adam_update(&mut [item], &config)?;
    Ok(along)
}

/// `√Σ x²`, summed in doubles.
pub(crate) fn norm(x: &Tensor) -> Result<f64> {
    Ok(fused::sum_of_squares(&[x])?.sqrt())
}

/// `√(Σ x² / n)`
pub(crate) fn root_mean_square(x: &Tensor) -> Result<f64> {
    Ok((fused::sum_of_squares(&[x])? / x.len() as f64).sqrt())
}

/// The distance from 1 to the next number, and the smallest normal one, of F32 or F64.
pub(crate) fn limits(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F64 => (f64::EPSILON, f64::MIN_POSITIVE),
        _ => (f32::EPSILON as f64, f32::MIN_POSITIVE as f64),
    }
}
