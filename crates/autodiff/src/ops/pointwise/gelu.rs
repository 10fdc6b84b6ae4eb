//! Gaussian error linear unit, `y = x·Φ(x)`.   `dx = g·(Φ(x) + x·φ(x))`
//!
//! Φ and φ are the distribution function and the density of the standard normal distribution; this is the exact form, see
//! `gelu_tanh` for the approximation. Limits: 0 at −∞, x at ∞. Source: Hendrycks & Gimpel 2016.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};
use tensor::Tensor;

/// `y = x·Φ(x)`. Saves the input.
pub struct Gelu;

impl Op for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].gelu()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([gelu_grad(&saved.input(0), grad)?])
    }
}

/// `dx = g·(Φ(x) + x·φ(x))` of `(x, g)`, in one pass.   `dx' = g'·g·φ(x)·(2 − x²)`, `dg = g'·(Φ(x) + x·φ(x))`
pub struct GeluGrad;

impl Op for GeluGrad {
    fn name(&self) -> &'static str {
        "gelu_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].gelu_grad(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, g) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || gelu_bend(&x, &grad.mul(&g)?))?;
        let dg = saved.if_needed(1, || gelu_grad(&x, grad))?;
        Ok(Grads::from_iter([dx, dg]))
    }
}

/// The gradient of the operand `x` of gelu.
pub(crate) fn gelu_grad(x: &Var, grad: &Var) -> Result<Var> {
    Var::apply(GeluGrad, &[x, grad])
}

/// The second derivative of gelu at `x`, times `u`.
pub(crate) fn gelu_bend(x: &Var, u: &Var) -> Result<Var> {
    let squared = x.square()?;
    let density = squared.mul_scalar(-0.5)?.exp()?.mul_scalar(FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0)?;
    u.mul(&density)?.mul(&squared.neg()?.add_scalar(2.0)?)
}

impl Var {
    /// `x·Φ(x)`, with Φ the standard normal distribution function. Errors: `DTypeMismatch` unless a float.
    pub fn gelu(&self) -> Result<Var> {
        Var::apply(Gelu, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(114);
    vec![
        OpSpec::new("gelu")
            .case("both sides of 0", [s.uniform([3, 4], -4.0, 4.0)], [3, 4], |x| x[0].gelu())
            .reference_pointwise(|x| x * libm::erfc(-x * FRAC_1_SQRT_2) / 2.0)
            .case(
                "far out, NaN, infinities",
                [s.tensor(vec![1e30, -1e30, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].gelu(),
            )
            .reference(|_| vec![1e30, 0.0, 0.0, f64::NAN, f64::INFINITY, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].gelu())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].gelu())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].gelu(),
                "[gelu] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("gelu_grad")
            .case("of gelu", [s.uniform([7], -3.0, 3.0), s.uniform([7], -1.0, 1.0)], [7], |x| {
                gelu_grad(&x[0], &x[1])
            })
            .reference_pairwise(|x, g| {
                let density = libm::exp(-x * x / 2.0) / libm::sqrt(2.0 * PI);
                g * (libm::erfc(-x * FRAC_1_SQRT_2) / 2.0 + x * density)
            })
            .case(
                "far out, infinities",
                [
                    s.tensor(vec![1e30, -1e30, f64::INFINITY, f64::NEG_INFINITY], [4]),
                    s.tensor(vec![2.0; 4], [4]),
                ],
                [4],
                |x| gelu_grad(&x[0], &x[1]),
            )
            .reference(|_| vec![2.0, 0.0, 2.0, 0.0])
            .no_derivative()
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| gelu_grad(&x[0], &x[1])),
    ]
}
