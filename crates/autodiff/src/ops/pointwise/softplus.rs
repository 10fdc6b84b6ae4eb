//! `y = ln(1 + eˣ)`.   `dx = g·σ(x)`
//!
//! Computed without overflow at any x and without a threshold; PyTorch with beta = 1 returns x above 20. Limits: 0 at −∞, x at ∞.
//! Source: Dugas et al. 2001.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::pointwise::sigmoid::sigmoid_grad;
use crate::var::Var;
use tensor::Tensor;

/// `y = ln(1 + eˣ)`. Saves the input.
pub struct Softplus;

impl Op for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].softplus()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([softplus_grad(&saved.input(0), grad)?])
    }
}

/// `dx = g·s` of `(x, g)` with `s = σ(x)`, in one pass.   `dx' = g'·g·s·(1 − s)`, `dg = g'·s`
pub struct SoftplusGrad;

impl Op for SoftplusGrad {
    fn name(&self) -> &'static str {
        "softplus_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].softplus_grad(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, g) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || sigmoid_grad(&x.sigmoid()?, &grad.mul(&g)?))?;
        let dg = saved.if_needed(1, || softplus_grad(&x, grad))?;
        Ok(Grads::from_iter([dx, dg]))
    }
}

/// The gradient of the operand `x` of softplus.
pub(crate) fn softplus_grad(x: &Var, grad: &Var) -> Result<Var> {
    Var::apply(SoftplusGrad, &[x, grad])
}

impl Var {
    /// `ln(1 + eˣ)`, a smooth rectifier. Errors: `DTypeMismatch` unless a float.
    pub fn softplus(&self) -> Result<Var> {
        Var::apply(Softplus, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(117);
    vec![
        OpSpec::new("softplus")
            .case("both sides of 0", [s.uniform([3, 4], -4.0, 4.0)], [3, 4], |x| x[0].softplus())
            .reference_pointwise(|x| libm::log(1.0 + libm::exp(x)))
            .case(
                "far out, NaN, infinities",
                [s.tensor(vec![1e30, -1e30, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].softplus(),
            )
            .reference(|_| vec![1e30, 0.0, std::f64::consts::LN_2, f64::NAN, f64::INFINITY, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].softplus())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].softplus())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].softplus(),
                "[softplus] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("softplus_grad")
            .case("of softplus", [s.uniform([7], -3.0, 3.0), s.uniform([7], -1.0, 1.0)], [7], |x| {
                softplus_grad(&x[0], &x[1])
            })
            .reference_pairwise(|x, g| g * (1.0 + libm::tanh(x / 2.0)) / 2.0)
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| softplus_grad(&x[0], &x[1])),
    ]
}
