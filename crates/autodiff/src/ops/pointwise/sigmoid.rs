//! Logistic function, `y = 1/(1 + e⁻ˣ)`.   `dx = g·y·(1 − y)`
//!
//! Limits: 0 at −∞, 1 at ∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = σ(x)`. Saves the result.
pub struct Sigmoid;

impl Op for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sigmoid()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([sigmoid_grad(&saved.output(), grad)?])
    }
}

/// `dx = g·y·(1 − y)` of `(y, g)`, in one pass.   `dy = g'·g·(1 − 2·y)`, `dg = g'·y·(1 − y)`
pub struct SigmoidGrad;

impl Op for SigmoidGrad {
    fn name(&self) -> &'static str {
        "sigmoid_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sigmoid_grad(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (y, g) = (saved.input(0), saved.input(1));
        let dy = saved.if_needed(0, || grad.mul(&g)?.mul(&y.mul_scalar(-2.0)?.add_scalar(1.0)?))?;
        let dg = saved.if_needed(1, || sigmoid_grad(&y, grad))?;
        Ok(Grads::from_iter([dy, dg]))
    }
}

/// The gradient of the operand of a sigmoid, from its result `y`.
pub(crate) fn sigmoid_grad(y: &Var, grad: &Var) -> Result<Var> {
    Var::apply(SigmoidGrad, &[y, grad])
}

impl Var {
    /// The logistic function `1/(1 + e⁻ˣ)`. Errors: `DTypeMismatch` unless a float.
    pub fn sigmoid(&self) -> Result<Var> {
        Var::apply(Sigmoid, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(113);
    vec![
        OpSpec::new("sigmoid")
            .case("both sides of 0", [s.uniform([3, 4], -4.0, 4.0)], [3, 4], |x| x[0].sigmoid())
            .reference_pointwise(|x| (1.0 + libm::tanh(x / 2.0)) / 2.0)
            .case(
                "saturated, NaN, infinities",
                [s.tensor(vec![1e4, -1e4, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].sigmoid(),
            )
            .reference(|_| vec![1.0, 0.0, 0.5, f64::NAN, 1.0, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].sigmoid())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].sigmoid())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].sigmoid(),
                "[sigmoid] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("sigmoid_grad")
            .case("of sigmoid", [s.uniform([7], 0.1, 0.9), s.uniform([7], -1.0, 1.0)], [7], |x| {
                sigmoid_grad(&x[0], &x[1])
            })
            .reference_pairwise(|y, g| g * (0.25 - (y - 0.5) * (y - 0.5)))
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| sigmoid_grad(&x[0], &x[1])),
    ]
}
