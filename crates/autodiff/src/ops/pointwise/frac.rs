//! `y = x − trunc x`, the part behind the point, with the sign of x.   `dx = g`
//!
//! The derivative is 1 everywhere but at whole numbers, where none exists and 1 is returned too. NaN at ±∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = x − trunc x`. Saves nothing.
pub struct Frac;

impl Op for Frac {
    fn name(&self) -> &'static str {
        "frac"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].frac()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.clone()])
    }
}

impl Var {
    /// `x − trunc x`, with the sign of x. Errors: `DTypeMismatch` unless a float.
    pub fn frac(&self) -> Result<Var> {
        Var::apply(Frac, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(251);
    let call = |x: &[Var]| x[0].frac();
    vec![OpSpec::of_floats("frac", call, |x| libm::fmod(x, 1.0), |shape| s.uniform(shape, -3.0, 3.0)).at(
        "whole, infinite",
        call,
        &[(-2.0, 0.0), (2.5, 0.5), (f64::INFINITY, f64::NAN), (f64::NAN, f64::NAN)],
    )]
}
