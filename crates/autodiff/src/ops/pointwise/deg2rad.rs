//! `y = x·π/180`, degrees in radians.   `dx = g·π/180`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = x·π/180`. Saves nothing.
pub struct Deg2rad;

impl Op for Deg2rad {
    fn name(&self) -> &'static str {
        "deg2rad"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].deg2rad()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.deg2rad()?])
    }
}

impl Var {
    /// `x·π/180`, degrees in radians. Errors: `DTypeMismatch` unless a float.
    pub fn deg2rad(&self) -> Result<Var> {
        Var::apply(Deg2rad, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(253);
    let call = |x: &[Var]| x[0].deg2rad();
    vec![OpSpec::of_floats(
        "deg2rad",
        call,
        |x| x / 360.0 * std::f64::consts::TAU,
        |shape| s.uniform(shape, -3.0, 3.0),
    )]
}
