//! `y = ln σ(x)`.   `dx = g·σ(−x)`
//!
//! Computed without overflow at any x. Limits: x at −∞, 0 at ∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::pointwise::sigmoid::sigmoid_grad;
use crate::var::Var;
use tensor::Tensor;

/// `y = ln σ(x)`. Saves the input.
pub struct LogSigmoid;

impl Op for LogSigmoid {
    fn name(&self) -> &'static str {
        "log_sigmoid"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].log_sigmoid()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([log_sigmoid_grad(&saved.input(0), grad)?])
    }
}

/// `dx = g·(1 − s)` of `(x, g)` with `s = σ(x)`, in one pass.   `dx' = −g'·g·s·(1 − s)`, `dg = g'·(1 − s)`
pub struct LogSigmoidGrad;

impl Op for LogSigmoidGrad {
    fn name(&self) -> &'static str {
        "log_sigmoid_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].log_sigmoid_grad(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, g) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || sigmoid_grad(&x.sigmoid()?, &grad.mul(&g)?)?.neg())?;
        let dg = saved.if_needed(1, || log_sigmoid_grad(&x, grad))?;
        Ok(Grads::from_iter([dx, dg]))
    }
}

/// The gradient of the operand `x` of log_sigmoid.
pub(crate) fn log_sigmoid_grad(x: &Var, grad: &Var) -> Result<Var> {
    Var::apply(LogSigmoidGrad, &[x, grad])
}

impl Var {
    /// `ln σ(x)`, the logarithm of the logistic function. Errors: `DTypeMismatch` unless a float.
    pub fn log_sigmoid(&self) -> Result<Var> {
        Var::apply(LogSigmoid, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(118);
    vec![
        OpSpec::new("log_sigmoid")
            .case("both sides of 0", [s.uniform([3, 4], -4.0, 4.0)], [3, 4], |x| x[0].log_sigmoid())
            .reference_pointwise(|x| -libm::log(1.0 + libm::exp(-x)))
            .case(
                "far out, NaN, infinities",
                [s.tensor(vec![1e30, -1e30, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].log_sigmoid(),
            )
            .reference(|_| vec![0.0, -1e30, -std::f64::consts::LN_2, f64::NAN, 0.0, f64::NEG_INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].log_sigmoid())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].log_sigmoid())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].log_sigmoid(),
                "[log_sigmoid] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("log_sigmoid_grad")
            .case("of log_sigmoid", [s.uniform([7], -3.0, 3.0), s.uniform([7], -1.0, 1.0)], [7], |x| {
                log_sigmoid_grad(&x[0], &x[1])
            })
            .reference_pairwise(|x, g| g * (1.0 - libm::tanh(x / 2.0)) / 2.0)
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| log_sigmoid_grad(&x[0], &x[1])),
    ]
}
