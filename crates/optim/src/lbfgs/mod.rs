//! L-BFGS: Newton's direction from the last changes of the gradient, for losses without noise.

mod search;
mod state;
mod vector;

pub use state::LbfgsState;

use crate::error::{Error, Result, require};
use autodiff::Gradients;
use nn::Module;
use search::{Trial, strong_wolfe};
use std::collections::VecDeque;
use tensor::Tensor;
use vector::{dot, flat, largest, sum_of_sizes, trainable, write};

/// How [`Lbfgs`] finds the length of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineSearch {
    /// The learning rate itself.
    Fixed,
    /// By the strong conditions of Wolfe, with cubic interpolation.
    #[default]
    StrongWolfe,
}

/// Settings of [`Lbfgs`]; PyTorch's names and, but for the line search, defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LbfgsConfig {
    /// The step length, with which a line search begins.
    pub lr: f64,
    /// Iterations in a step.
    pub max_iter: usize,
    /// Evaluations of the loss in a step; `None`: `max_iter·5/4`.
    pub max_eval: Option<usize>,
    /// A step ends where no entry of the gradient is larger.
    pub tolerance_grad: f64,
    /// A step ends where the parameters or the loss change less.
    pub tolerance_change: f64,
    /// How many changes are remembered.
    pub history_size: usize,
    /// How the length of a step is found.
    pub line_search: LineSearch,
}

impl Default for LbfgsConfig {
    fn default() -> Self {
        Self {
            lr: 1.0,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history_size: 100,
            line_search: LineSearch::StrongWolfe,
        }
    }
}

/// A change of the parameters and what it did to the gradient.
#[derive(Debug, Clone)]
struct Change {
    s: Tensor,
    y: Tensor,
    /// `1/(y·s)`
    rho: f64,
}

/// What an iteration leaves to the next.
#[derive(Debug, Clone)]
struct Last {
    direction: Tensor,
    step_length: f64,
    grad: Tensor,
}

/// L-BFGS, for losses without noise: all data in each evaluation, few parameters, no dropout.
///
/// An iteration goes from the gradient g along `d = −H·g`, where H is the inverse of the second derivative as the last
/// `s = t·d` and `y = g − g_before` have it: `q = −g`; from the last to the first `αᵢ = (sᵢ·q)/(yᵢ·sᵢ)`, `q ← q − αᵢ·yᵢ`;
/// `d = q·(y·s)/(y·y)`; from the first to the last `d ← d + sᵢ·(αᵢ − (yᵢ·d)/(yᵢ·sᵢ))`. Then `p ← p + t·d`, t by the
/// [`LineSearch`]; in the very first iteration it begins at `min(1, 1/Σ|g|)·lr`. A change with `y·s ≤ 1e-10` is not remembered.
///
/// A step makes several iterations and evaluates the loss in each, by a closure; so it is no
/// [`Optimizer`](crate::Optimizer). All parameters that train are one vector; there are no groups and no weight decay.
///
/// Source: Nocedal & Wright 2006, algorithm 7.4. Differs from PyTorch in: the line search is on by default; vectors and sums are
/// F64 whatever the type of the parameters; a loss or a slope that is not finite counts as too high in a line search, and is an
/// error elsewhere; parameters without a gradient are an error in the first evaluation.
///
/// ```
/// use nn::{Context, Linear, Module};
/// use optim::{Error, Lbfgs};
/// use tensor::Tensor;
/// // (a − 1)² + 10·(b − a)², whose lowest point is (1, 1).
/// let mut layer = Linear::from_parts(Tensor::from_vec(vec![-1.0, 2.0], [1, 2])?, None)?;
/// let mut lbfgs = Lbfgs::new(1.0);
/// lbfgs.step(&mut layer, |layer| -> Result<_, Box<dyn std::error::Error>> {
///     let w = Context::train(&mut tensor::Rng::seed(0)).param(&layer.weight);
///     let (a, b) = (w.narrow(1, 0, 1)?, w.narrow(1, 1, 1)?);
///     let loss = a.add_scalar(-1.0)?.square()?.add(&b.sub(&a)?.square()?.mul_scalar(10.0)?)?.sum(&[])?;
///     Ok((loss.item()?, loss.backward()?))
/// })?;
/// assert!(layer.weight.value().to_vec::<f64>()?.iter().all(|w| (w - 1.0).abs() < 1e-5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lbfgs {
    config: LbfgsConfig,
    steps: u64,
    iterations: u64,
    evaluations: u64,
    /// Paths and lengths of what the vectors are made of.
    parts: Vec<(String, usize)>,
    last: Option<Last>,
    /// `(y·s)/(y·y)` of the last change.
    scale: f64,
    changes: VecDeque<Change>,
}

const OP: &str = "lbfgs";

impl Lbfgs {
    /// With this learning rate and the usual settings. One that is not finite and positive is refused by the first step.
    pub fn new(lr: f64) -> Self {
        Self::with_config(LbfgsConfig { lr, ..Default::default() })
    }

    /// With these settings. One outside its range is refused by the first step, `InvalidArgument`.
    pub fn with_config(config: LbfgsConfig) -> Self {
        Self {
            config,
            steps: 0,
            iterations: 0,
            evaluations: 0,
            parts: Vec::new(),
            last: None,
            scale: 1.0,
            changes: VecDeque::new(),
        }
    }

    /// The learning rate.
    pub fn lr(&self) -> f64 {
        self.config.lr
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Iterations made so far, in all steps.
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// How often the loss was evaluated so far.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    fn check(&self) -> Result<()> {
        let LbfgsConfig { lr, max_iter, max_eval, tolerance_grad, tolerance_change, history_size, .. } =
            self.config;
        let count = |name: &str, n: usize| require(OP, "there must be at least one", name, n as f64, n > 0);
        let not_negative =
            |name: &str, x: f64| require(OP, "a setting must be finite and not negative", name, x, x >= 0.0);
        require(OP, "the learning rate must be finite and positive", "lr", lr, lr > 0.0)?;
        count("max_iter", max_iter)?;
        count("max_eval", max_eval.unwrap_or(1))?;
        count("history_size", history_size)?;
        not_negative("tolerance_grad", tolerance_grad)?;
        not_negative("tolerance_change", tolerance_change)
    }

    /// Up to `max_iter` iterations. Returns the loss before them. `closure` computes the loss of a model and its gradients.
    ///
    /// Errors: `InvalidArgument` for a setting outside its range, and for a loss or gradient that is not finite; `NoParameters`;
    /// `NoGradient` in the first evaluation; `BadGradient`; `StateMismatch` if other parameters train than before; and what the
    /// closure returns. The parameters are then those of the last iteration that was finished.
    pub fn step<M, E>(
        &mut self,
        model: &mut M,
        mut closure: impl FnMut(&M) -> Result<(f64, Gradients), E>,
    ) -> Result<f64, E>
    where
        M: Module + ?Sized,
        E: From<Error>,
    {
        self.check()?;
        self.match_to(model)?;
        let mut x = flat(trainable(model).iter().map(|(_, param)| param.value()))?;
        let result = self.iterate(model, &mut x, &mut closure);
        if result.is_err() {
            write(model, &x)?;
        }
        result
    }

    /// As [`step`](Self::step). x: the parameters after the last iteration.
    fn iterate<M, E>(
        &mut self,
        model: &mut M,
        x: &mut Tensor,
        closure: &mut impl FnMut(&M) -> Result<(f64, Gradients), E>,
    ) -> Result<f64, E>
    where
        M: Module + ?Sized,
        E: From<Error>,
    {
        let LbfgsConfig { lr, max_iter, tolerance_grad, tolerance_change, line_search, .. } = self.config;
        let max_eval = self.config.max_eval.unwrap_or(max_iter * 5 / 4);
        let first = self.evaluate(model, closure)?;
        let (loss_before, mut grad) = finite(first)?;
        let (mut loss, mut evaluations, mut iteration) = (loss_before, 1, 0);
        self.steps += 1;
        while iteration < max_iter && largest(&grad)? > tolerance_grad {
            iteration += 1;
            let direction = self.direction(&grad)?;
            let mut step_length = lr;
            if self.iterations == 0 {
                step_length *= (1.0 / sum_of_sizes(&grad)?).min(1.0);
            }
            self.iterations += 1;
            self.last = Some(Last { direction: direction.clone(), step_length, grad: grad.clone() });
            let slope = dot(&grad, &direction)?;
            if slope > -tolerance_change {
                break;
            }
            let before = loss;
            let at = |t: f64| x.add(&direction.mul_scalar(t)?).map_err(Error::from);
            match line_search {
                LineSearch::StrongWolfe => {
                    let start = Trial { t: 0.0, loss, grad, slope };
                    let longest = largest(&direction)?;
                    let rounds = max_eval - evaluations;
                    let (best, tried) =
                        strong_wolfe(&start, step_length, longest, tolerance_change, rounds, |t| {
                            write(model, &at(t)?)?;
                            let (loss, grad) = self.evaluate(model, closure)?;
                            let slope = dot(&grad, &direction)?;
                            let loss =
                                if loss.is_finite() && slope.is_finite() { loss } else { f64::INFINITY };
                            Ok::<_, E>(Trial { t, loss, grad, slope })
                        })?;
                    evaluations += tried;
                    (step_length, loss, grad) = (best.t, best.loss, best.grad);
                    write(model, &at(step_length)?)?;
                }
                LineSearch::Fixed => {
                    write(model, &at(step_length)?)?;
                    // The loss after the last iteration is not asked for.
                    if iteration < max_iter {
                        let now = self.evaluate(model, closure)?;
                        (loss, grad) = finite(now)?;
                        evaluations += 1;
                    }
                }
            }
            // As the model has them, rounded to its types.
            *x = flat(trainable(model).iter().map(|(_, param)| param.value()))?;
            if let Some(last) = &mut self.last {
                last.step_length = step_length;
            }
            let moved = largest(&direction)? * step_length;
            if evaluations >= max_eval
                || moved <= tolerance_change
                || (loss - before).abs() < tolerance_change
            {
                break;
            }
        }
        Ok(loss_before)
    }

    /// The loss and the gradients as one vector.
    fn evaluate<M, E>(
        &mut self,
        model: &M,
        closure: &mut impl FnMut(&M) -> Result<(f64, Gradients), E>,
    ) -> Result<(f64, Tensor), E>
    where
        M: Module + ?Sized,
        E: From<Error>,
    {
        let (loss, grads) = closure(model)?;
        let params = trainable(model);
        if self.evaluations == 0 {
            let silent = params.iter().filter(|(_, param)| !grads.contains(param.id()));
            let paths: Vec<String> = silent.map(|(path, _)| path.clone()).collect();
            if !paths.is_empty() {
                return Err(Error::NoGradient { op: OP, paths }.into());
            }
        }
        self.evaluations += 1;
        let mut parts = Vec::with_capacity(params.len());
        for (path, param) in &params {
            let value = param.value();
            let grad = match grads.whole(param.id()).map_err(Error::from)? {
                Some(grad) => grad.clone(),
                None => Tensor::zeros(value.shape(), value.dtype()).map_err(Error::from)?,
            };
            if grad.shape() != value.shape() || grad.dtype() != value.dtype() {
                return Err(Error::BadGradient {
                    op: OP,
                    path: path.clone(),
                    got_dtype: grad.dtype(),
                    got_shape: grad.shape().to_vec(),
                    dtype: value.dtype(),
                    shape: value.shape().to_vec(),
                }
                .into());
            }
            parts.push(grad);
        }
        Ok((loss, flat(parts.iter())?))
    }

    /// Remembers what the last iteration changed, and returns `−H·g`.
    fn direction(&mut self, grad: &Tensor) -> Result<Tensor> {
        let Some(last) = &self.last else { return Ok(grad.neg()?) };
        let (y, s) = (grad.sub(&last.grad)?, last.direction.mul_scalar(last.step_length)?);
        let of_both = dot(&y, &s)?;
        if of_both > 1e-10 {
            if self.changes.len() == self.config.history_size {
                self.changes.pop_front();
            }
            self.scale = of_both / dot(&y, &y)?;
            self.changes.push_back(Change { s, y, rho: 1.0 / of_both });
        }
        let mut q = grad.neg()?;
        let mut alphas = Vec::with_capacity(self.changes.len());
        for Change { s, y, rho } in self.changes.iter().rev() {
            let alpha = dot(s, &q)? * rho;
            q = q.add(&y.mul_scalar(-alpha)?)?;
            alphas.push(alpha);
        }
        let mut d = q.mul_scalar(self.scale)?;
        for (Change { s, y, rho }, alpha) in self.changes.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(y, &d)? * rho;
            d = d.add(&s.mul_scalar(alpha - beta)?)?;
        }
        Ok(d)
    }
}

/// Refuses a loss or a gradient that is not finite.
fn finite((loss, grad): (f64, Tensor)) -> Result<(f64, Tensor)> {
    let sum = sum_of_sizes(&grad)?;
    if loss.is_finite() && sum.is_finite() {
        return Ok((loss, grad));
    }
    Err(Error::InvalidArgument {
        op: OP,
        rule: "the loss and its gradients must be finite",
        got: format!("loss {loss}, sum of gradients {sum}"),
        repair: "lower the learning rate, search along the line or look at the data",
    })
}
