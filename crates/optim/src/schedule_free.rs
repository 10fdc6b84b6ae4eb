//! AdamW without a schedule: the average of its steps takes the place of a falling learning rate.

use crate::error::{Error, Result, require};
use crate::groups::Groups;
use crate::optimizer::Optimizer;
use crate::slots::{Names, Plan, Update};
use crate::state::OptimizerState;
use crate::whole::{Core, adam_step, beside_step, subtract, toward};
use autodiff::Gradients;
use nn::{Module, StateDict};
use tensor::{DType, Tensor};

/// Settings of [`ScheduleFreeAdamW`]; the names and defaults of the package `schedulefree`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScheduleFreeConfig {
    /// Learning rate `γ`; mostly 1 to 10 times that of AdamW with a schedule.
    pub lr: f64,
    /// `β₁`: how far training stands from z toward the average; above 0.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// `λ`, taken at y.
    pub weight_decay: f64,
    /// Updates in which the learning rate rises from 0.
    pub warmup_steps: u64,
    /// `r`: later steps enter the average with a weight of `tʳ`.
    pub r: f64,
    /// `q`: steps enter the average with a weight of the learning rate to this power.
    pub weight_lr_power: f64,
}

impl Default for ScheduleFreeConfig {
    fn default() -> Self {
        Self {
            lr: 2.5e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            warmup_steps: 0,
            r: 0.0,
            weight_lr_power: 2.0,
        }
    }
}

/// Schedule-free AdamW: gradients are taken at y, steps are made from z, and x, the average of all z, is the result. The
/// learning rate stays, and training may end at any time.
///
/// `y = (1 − β₁)·z + β₁·x`, where gradients are taken; `v ← β₂·v + (1 − β₂)·g²`, `u = g/(√v̂ + ε) + λ·y` with
/// `v̂ = v/(1 − β₂ᵗ)`; `z ← z − γₜ·u`; `x ← (1 − c)·x + c·z` with `c = wₜ/Σw` and `wₜ = tʳ·(max γ)^q`, where
/// `γₜ = γ·min(1, t/warm-up steps)`. Only y, which is in the model, and z are kept.
///
/// **The model holds y.** [`to_eval`](Self::to_eval) puts x in its place, to evaluate and to save the result;
/// [`to_train`](Self::to_train) puts y back, the same bits; who evaluates without them sees y. A step in between is refused.
/// A state that is saved in between holds y too, so that a run may go on from it.
///
/// t counts the updates of the parameter itself. Source: Defazio et al. 2024, arXiv:2405.15682, and its package `schedulefree`.
/// PyTorch has none. Differs from the package in: y is kept while the model holds x, and not computed back from it; t, warm-up
/// and the sum of weights are those of each parameter and not of a group.
///
/// ```
/// use autodiff::Gradients;
/// use nn::{Linear, Module};
/// use optim::{Optimizer, ScheduleFreeAdamW};
/// use tensor::Tensor;
/// let mut layer = Linear::from_parts(Tensor::from_vec(vec![0.0], [1, 1])?, None)?;
/// let mut optimizer = ScheduleFreeAdamW::new(0.1);
/// let mut grads = Gradients::default();
/// grads.insert(layer.weight.id(), Tensor::from_vec(vec![2.0], [1, 1])?);
/// for _ in 0..3 {
///     optimizer.step(&mut layer, &grads)?;
/// }
/// // z went to −0.1, −0.2, −0.3.
/// optimizer.to_eval(&mut layer)?;
/// assert!((layer.weight.value().item()? + 0.2).abs() < 1e-8);
/// optimizer.to_train(&mut layer)?;
/// assert!((layer.weight.value().item()? + 0.1 * 0.3 + 0.9 * 0.2).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ScheduleFreeAdamW {
    config: ScheduleFreeConfig,
    core: Core,
    /// y by path, while the model holds x.
    training: Option<StateDict>,
}

const OP: &str = "schedule_free_adamw";
const NAMES: Names = &["exp_avg_sq", "lr_max", "weight_sum", "z"];
/// What y is called in a saved state.
const Y: &str = "y";

impl ScheduleFreeAdamW {
    /// With this learning rate and the usual settings. One that is not finite and positive is refused by the first step.
    pub fn new(lr: f64) -> Self {
        Self::with_config(ScheduleFreeConfig { lr, ..Default::default() })
    }

    /// With these settings. One outside its range is refused by the first step, `InvalidArgument`.
    pub fn with_config(config: ScheduleFreeConfig) -> Self {
        Self { config, core: Core::new(OP, config.lr, vec![NAMES]), training: None }
    }

    /// Settings of their own for some parameters.
    pub fn groups(mut self, groups: Groups) -> Self {
        self.core.groups = groups;
        self
    }

    /// Whether the model holds the averages.
    pub fn is_eval(&self) -> bool {
        self.training.is_some()
    }

    /// Puts the averages x into `model`, frozen parameters' too; nothing where they are there already.
    ///
    /// Errors: `StateMismatch` if it is not the model that was trained; it is then as it was.
    pub fn to_eval(&mut self, model: &mut dyn Module) -> Result<()> {
        if self.is_eval() {
            return Ok(());
        }
        self.check()?;
        let kept = self.core.slots.by_path();
        fits(model, kept.iter().map(|(path, state)| (path.as_str(), state.moments.get("z"))))?;
        let (mut training, mut averages) = (StateDict::default(), Vec::new());
        for (path, param) in model.named_params() {
            let Some(state) = kept.get(&path) else { continue };
            let y = param.value();
            // z begins with the first update.
            let x = match state.moments.get("z").filter(|_| state.steps > 0) {
                Some(z) => y.add(&z.sub(y)?.mul_scalar(1.0 - 1.0 / self.config.beta1)?)?,
                None => y.clone(),
            };
            training.insert(path, y.clone());
            averages.push(x);
        }
        let params = model.named_params_mut().into_iter().filter(|(path, _)| kept.contains_key(path));
        for ((_, param), x) in params.zip(averages) {
            *param.value_mut() = x;
        }
        self.training = Some(training);
        Ok(())
    }

    /// Puts y back into `model`, to train on; nothing where it is there already.
    ///
    /// Errors: `StateMismatch` if it is not the model that was trained; it is then as it was.
    pub fn to_train(&mut self, model: &mut dyn Module) -> Result<()> {
        let Some(training) = &self.training else { return Ok(()) };
        fits(model, training.iter().map(|(path, y)| (path, Some(y))))?;
        for (path, param) in model.named_params_mut() {
            if let Some(y) = training.get(&path) {
                *param.value_mut() = y.clone();
            }
        }
        self.training = None;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let ScheduleFreeConfig {
            lr: _,
            beta1,
            beta2,
            eps,
            weight_decay,
            warmup_steps: _,
            r,
            weight_lr_power,
        } = self.config;
        self.core.check_lr()?;
        let between = beta1 > 0.0 && beta1 < 1.0;
        require(OP, "beta1 must lie between 0 and 1", "beta1", beta1, between)?;
        self.core.check_share("beta2", beta2)?;
        self.core.check_not_negative("eps", eps)?;
        self.core.check_not_negative("weight_decay", weight_decay)?;
        self.core.check_not_negative("r", r)?;
        self.core.check_not_negative("weight_lr_power", weight_lr_power)
    }
}

/// Whether `model` has a parameter of each path, of the shape and type that was kept.
fn fits<'a>(model: &dyn Module, kept: impl Iterator<Item = (&'a str, Option<&'a Tensor>)>) -> Result<()> {
    let params = model.named_params();
    let mut problems = Vec::new();
    for (path, kept) in kept {
        let show = |x: &Tensor| format!("{} {:?}", x.dtype(), x.shape());
        match (params.iter().find(|(own, _)| own == path), kept) {
            (None, _) => problems.push(format!("{path}, which the model has not")),
            (Some((_, param)), Some(kept)) if show(kept) != show(param.value()) => {
                problems.push(format!("{} of {path} {}", show(kept), show(param.value())));
            }
            _ => {}
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::StateMismatch { op: OP, problems }),
    }
}

/// One step.
fn rule(config: &ScheduleFreeConfig, lr: f64, update: Update) -> Result<()> {
    let Update { param: y, grad, settings, step, moments, .. } = update;
    let [v, lr_max, weight_sum, z] = moments else { unreachable!("invariant: four are kept") };
    if step == 1 {
        *z = y.clone();
    }
    let warm = if step < config.warmup_steps { step as f64 / config.warmup_steps as f64 } else { 1.0 };
    let lr = lr * warm;
    let highest = lr.max(lr_max.item()?);
    let weight = libm::pow(step as f64, config.r) * libm::pow(highest, config.weight_lr_power);
    let sum = weight_sum.item()? + weight;
    let share = if sum > 0.0 { weight / sum } else { 0.0 };
    (*lr_max, *weight_sum) = (Tensor::scalar(highest), Tensor::scalar(sum));
    // −u. Without a first moment: it is the gradient itself.
    let mut m = Tensor::zeros(grad.shape(), grad.dtype())?;
    let mut along = adam_step(grad, &mut m, v, (0.0, config.beta2, config.eps), step)?;
    subtract(&mut along, y, settings.weight_decay)?;
    // y moves as x and z do, of which it is made.
    toward(y, z, share)?;
    subtract(y, &along, lr * (config.beta1 * (1.0 - share) - 1.0))?;
    subtract(z, &along, -lr)
}

impl Optimizer for ScheduleFreeAdamW {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
        self.check()?;
        if self.is_eval() {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "a step must be made from the weights of training",
                got: "a model that holds the averages".to_string(),
                repair: "call to_train before it",
            });
        }
        let config = &self.config;
        let plan = |_: &str, param: &Tensor| {
            let (alike, number) = ((param.shape().to_vec(), param.dtype()), (Vec::new(), DType::F64));
            let moments = vec![alike.clone(), number.clone(), number, alike];
            Plan { weight_decay: config.weight_decay, names: NAMES, moments }
        };
        self.core.make(model, grads, &plan, |lr, update| rule(config, lr, update))
    }

    beside_step!();

    fn to_eval(&mut self, model: &mut dyn Module) -> Result<()> {
        ScheduleFreeAdamW::to_eval(self, model)
    }

    fn to_train(&mut self, model: &mut dyn Module) -> Result<()> {
        ScheduleFreeAdamW::to_train(self, model)
    }

    fn state(&self) -> OptimizerState {
        let mut state = self.core.state();
        for (path, y) in self.training.iter().flat_map(StateDict::iter) {
            let param = state.params.get_mut(path).expect("invariant: y is kept of what has a state");
            param.moments.insert(Y.to_string(), y.clone());
        }
        state
    }

    fn load_state(&mut self, mut state: OptimizerState) -> Result<()> {
        let mut training = StateDict::default();
        let mut without = Vec::new();
        for (path, param) in &mut state.params {
            match param.moments.remove(Y) {
                Some(y) => {
                    training.insert(path.clone(), y);
                }
                None => without.push(format!("no {Y} of {path}")),
            }
        }
        if state.kind == OP && !training.is_empty() && !without.is_empty() {
            return Err(Error::StateMismatch { op: OP, problems: without });
        }
        self.core.load_state(state)?;
        self.training = (!training.is_empty()).then_some(training);
        Ok(())
    }
}
