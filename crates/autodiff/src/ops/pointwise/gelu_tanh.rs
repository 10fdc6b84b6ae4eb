//! Gaussian error linear unit by tanh, `y = x·s`, `s = (1 + tanh(v/2))/2`.   `dx = g·(s + x·s·(1 − s)·v')`
//!
//! With `v = 2·√(2/π)·(x + c·x³)`, so that `s = σ(v)`, and c = 0.044715. It differs from `gelu` by less than 5e-4.
//! Limits: 0 at −∞, x at ∞. Source: Hendrycks & Gimpel 2016.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::pointwise::sigmoid::sigmoid_grad;
use crate::var::Var;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};
use tensor::Tensor;

/// The coefficient c, which the authors fitted; it has no closed form.
const CUBIC: f64 = 0.044715;
/// `2·√(2/π)`
const SCALE: f64 = 2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

/// `y = x·σ(v(x))`. Saves the input.
pub struct GeluTanh;

impl Op for GeluTanh {
    fn name(&self) -> &'static str {
        "gelu_tanh"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].gelu_tanh()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([gelu_tanh_grad(&saved.input(0), grad)?])
    }
}

/// `dx = g·(s + x·s·(1 − s)·v')` of `(x, g)`, in one pass.   `dx' = g'·g·s·(1 − s)·(2·v' + x·(v'' + (1 − 2·s)·v'²))`
pub struct GeluTanhGrad;

impl Op for GeluTanhGrad {
    fn name(&self) -> &'static str {
        "gelu_tanh_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].gelu_tanh_grad(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, g) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || gelu_tanh_bend(&x, &grad.mul(&g)?))?;
        let dg = saved.if_needed(1, || gelu_tanh_grad(&x, grad))?;
        Ok(Grads::from_iter([dx, dg]))
    }
}

/// The gradient of the operand `x` of gelu_tanh.
pub(crate) fn gelu_tanh_grad(x: &Var, grad: &Var) -> Result<Var> {
    Var::apply(GeluTanhGrad, &[x, grad])
}

/// The second derivative of gelu_tanh at `x`, times `u`.
pub(crate) fn gelu_tanh_bend(x: &Var, u: &Var) -> Result<Var> {
    let squared = x.square()?;
    let s = squared.mul_scalar(CUBIC)?.add_scalar(1.0)?.mul(x)?.mul_scalar(SCALE)?.sigmoid()?;
    let dv = squared.mul_scalar(3.0 * CUBIC)?.add_scalar(1.0)?.mul_scalar(SCALE)?;
    let ddv = x.mul_scalar(6.0 * CUBIC * SCALE)?;
    let bend = s.mul_scalar(-2.0)?.add_scalar(1.0)?.mul(&dv.square()?)?.add(&ddv)?;
    sigmoid_grad(&s, u)?.mul(&bend.mul(x)?.add(&dv.mul_scalar(2.0)?)?)
}

impl Var {
    /// `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`. Errors: `DTypeMismatch` unless a float.
    pub fn gelu_tanh(&self) -> Result<Var> {
        Var::apply(GeluTanh, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(115);
    vec![
        OpSpec::new("gelu_tanh")
            .case("both sides of 0", [s.uniform([3, 4], -4.0, 4.0)], [3, 4], |x| x[0].gelu_tanh())
            .reference_pointwise(|x| {
                x / 2.0 * (1.0 + libm::tanh(libm::sqrt(2.0 / PI) * (x + CUBIC * x * x * x)))
            })
            .case(
                "far out, NaN, infinities",
                [s.tensor(vec![1e30, -1e30, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].gelu_tanh(),
            )
            .reference(|_| vec![1e30, 0.0, 0.0, f64::NAN, f64::INFINITY, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].gelu_tanh())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].gelu_tanh())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].gelu_tanh(),
                "[gelu_tanh] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("gelu_tanh_grad")
            .case("of gelu_tanh", [s.uniform([7], -3.0, 3.0), s.uniform([7], -1.0, 1.0)], [7], |x| {
                gelu_tanh_grad(&x[0], &x[1])
            })
            .reference_pairwise(|x, g| {
                let t = libm::tanh(libm::sqrt(2.0 / PI) * (x + CUBIC * x * x * x));
                let inner = libm::sqrt(2.0 / PI) * (1.0 + 3.0 * CUBIC * x * x);
                g * ((1.0 + t) / 2.0 + x / 2.0 * (1.0 - t * t) * inner)
            })
            .case(
                "far out, infinities",
                [
                    s.tensor(vec![1e30, -1e30, f64::INFINITY, f64::NEG_INFINITY], [4]),
                    s.tensor(vec![2.0; 4], [4]),
                ],
                [4],
                |x| gelu_tanh_grad(&x[0], &x[1]),
            )
            .reference(|_| vec![2.0, 0.0, 2.0, 0.0])
            .no_derivative()
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| gelu_tanh_grad(&x[0], &x[1])),
    ]
}
