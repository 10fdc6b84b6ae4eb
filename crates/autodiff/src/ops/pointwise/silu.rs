//! Sigmoid linear unit (swish), `y = x·σ(x)`.   `dx = g·s·(1 + x·(1 − s))`, `s = σ(x)`
//!
//! Limits: 0 at −∞, x at ∞. Source: Elfwing, Uchibe & Doya 2017; Ramachandran, Zoph & Le 2017.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::pointwise::sigmoid::sigmoid_grad;
use crate::var::Var;
use tensor::Tensor;

/// `y = x·σ(x)`. Saves the input.
pub struct Silu;

impl Op for Silu {
    fn name(&self) -> &'static str {
        "silu"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].silu()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([silu_grad(&saved.input(0), grad)?])
    }
}

/// `dx = g·s·(1 + x·(1 − s))` of `(x, g)`, in one pass.   `dx' = g'·g·s·(1 − s)·(2 + x·(1 − 2·s))`
pub struct SiluGrad;

impl Op for SiluGrad {
    fn name(&self) -> &'static str {
        "silu_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].silu_grad(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, g) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || silu_bend(&x, &grad.mul(&g)?))?;
        let dg = saved.if_needed(1, || silu_grad(&x, grad))?;
        Ok(Grads::from_iter([dx, dg]))
    }
}

/// The gradient of the operand `x` of silu.
pub(crate) fn silu_grad(x: &Var, grad: &Var) -> Result<Var> {
    Var::apply(SiluGrad, &[x, grad])
}

/// The second derivative of silu at `x`, times `u`.
pub(crate) fn silu_bend(x: &Var, u: &Var) -> Result<Var> {
    let s = x.sigmoid()?;
    let bend = s.mul_scalar(-2.0)?.add_scalar(1.0)?.mul(x)?.add_scalar(2.0)?;
    sigmoid_grad(&s, u)?.mul(&bend)
}

impl Var {
    /// `x·σ(x)`, also known as swish. Errors: `DTypeMismatch` unless a float.
    pub fn silu(&self) -> Result<Var> {
        Var::apply(Silu, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(116);
    vec![
        OpSpec::new("silu")
            .case("both sides of 0", [s.uniform([3, 4], -4.0, 4.0)], [3, 4], |x| x[0].silu())
            .reference_pointwise(|x| x * (1.0 + libm::tanh(x / 2.0)) / 2.0)
            .case(
                "far out, NaN, infinities",
                [s.tensor(vec![1e30, -1e30, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].silu(),
            )
            .reference(|_| vec![1e30, 0.0, 0.0, f64::NAN, f64::INFINITY, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].silu())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].silu())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].silu(),
                "[silu] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("silu_grad")
            .case("of silu", [s.uniform([7], -3.0, 3.0), s.uniform([7], -1.0, 1.0)], [7], |x| {
                silu_grad(&x[0], &x[1])
            })
            .reference_pairwise(|x, g| {
                let t = libm::tanh(x / 2.0);
                g * ((1.0 + t) / 2.0 + x * (1.0 - t * t) / 4.0)
            })
            .case(
                "far out, infinities",
                [
                    s.tensor(vec![1e30, -1e30, f64::INFINITY, f64::NEG_INFINITY], [4]),
                    s.tensor(vec![2.0; 4], [4]),
                ],
                [4],
                |x| silu_grad(&x[0], &x[1]),
            )
            .reference(|_| vec![2.0, 0.0, 2.0, 0.0])
            .no_derivative()
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| silu_grad(&x[0], &x[1])),
    ]
}
