//! `y = ∛x`, of negative numbers too.   `dx = g/(3·y²)`
//!
//! At 0 the derivative is ∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = ∛x`. Saves the result.
pub struct Cbrt;

impl Op for Cbrt {
    fn name(&self) -> &'static str {
        "cbrt"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cbrt()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.output().square()?.mul_scalar(3.0)?)?])
    }
}

impl Var {
    /// `∛x`, of negative numbers too. Errors: `DTypeMismatch` unless a float.
    pub fn cbrt(&self) -> Result<Var> {
        Var::apply(Cbrt, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(255);
    let call = |x: &[Var]| x[0].cbrt();
    let root = |x: f64| libm::copysign(libm::exp(libm::log(libm::fabs(x)) / 3.0), x);
    vec![OpSpec::of_floats("cbrt", call, root, |shape| s.away_from_zero(shape, 0.2, 3.0)).at(
        "exact, infinite",
        call,
        &[(0.0, 0.0), (-27.0, -3.0), (f64::NEG_INFINITY, f64::NEG_INFINITY), (f64::NAN, f64::NAN)],
    )]
}
