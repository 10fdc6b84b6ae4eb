//! `y` with `erf y = x`.   `dx = g·(√π/2)·e^(y²)`
//!
//! ±∞ at ±1, NaN beyond.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The inverse of the error function. Saves the result.
pub struct Erfinv;

impl Op for Erfinv {
    fn name(&self) -> &'static str {
        "erfinv"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].erfinv()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let slope = saved.output().square()?.exp()?.mul_scalar(1.0 / std::f64::consts::FRAC_2_SQRT_PI)?;
        grads([slope.mul(grad)?])
    }
}

impl Var {
    /// The number whose error function is x; ±∞ at ±1, NaN beyond. Errors: `DTypeMismatch` unless a float.
    pub fn erfinv(&self) -> Result<Var> {
        Var::apply(Erfinv, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(256);
    let call = |x: &[Var]| x[0].erfinv();
    vec![OpSpec::of_floats("erfinv", call, by_halves, |shape| s.uniform(shape, -0.9, 0.9)).at(
        "at the ends, beyond, NaN",
        call,
        &[(0.0, 0.0), (1.0, f64::INFINITY), (-1.0, f64::NEG_INFINITY), (1.5, f64::NAN), (f64::NAN, f64::NAN)],
    )]
}

/// The interval that holds y, halved until nothing is left of it.
fn by_halves(x: f64) -> f64 {
    let (mut lo, mut hi) = (-4.0, 4.0);
    for _ in 0..60 {
        let y = 0.5 * (lo + hi);
        if libm::erf(y) < x { lo = y } else { hi = y }
    }
    hi
}
