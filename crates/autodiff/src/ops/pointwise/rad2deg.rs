//! `y = x·180/π`, radians in degrees.   `dx = g·180/π`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = x·180/π`. Saves nothing.
pub struct Rad2deg;

impl Op for Rad2deg {
    fn name(&self) -> &'static str {
        "rad2deg"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].rad2deg()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.rad2deg()?])
    }
}

impl Var {
    /// `x·180/π`, radians in degrees. Errors: `DTypeMismatch` unless a float.
    pub fn rad2deg(&self) -> Result<Var> {
        Var::apply(Rad2deg, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(254);
    let call = |x: &[Var]| x[0].rad2deg();
    vec![OpSpec::of_floats(
        "rad2deg",
        call,
        |x| x / std::f64::consts::TAU * 360.0,
        |shape| s.uniform(shape, -3.0, 3.0),
    )]
}
