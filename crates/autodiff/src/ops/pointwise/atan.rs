//! `y = arctan x`.   `dx = g/(1 + x²)`
//!
//! ±π/2 at ±∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = arctan x`. Saves the input.
pub struct Atan;

impl Op for Atan {
    fn name(&self) -> &'static str {
        "atan"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].atan()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.input(0).square()?.add_scalar(1.0)?)?])
    }
}

impl Var {
    /// The angle in `(−π/2, π/2)` whose tangent is x. Errors: `DTypeMismatch` unless a float.
    pub fn atan(&self) -> Result<Var> {
        Var::apply(Atan, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(208);
    vec![
        OpSpec::new("atan")
            .case("both signs", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].atan())
            .reference_pointwise(|x| libm::asin(x / libm::sqrt(1.0 + x * x)))
            .case("infinities, NaN", [s.tensor(vec![f64::INFINITY, f64::NEG_INFINITY, 0.0, f64::NAN], [4])], [4], |x| x[0].atan())
            .reference(|_| vec![std::f64::consts::FRAC_PI_2, -std::f64::consts::FRAC_PI_2, 0.0, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].atan())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].atan())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].atan(),
                "[atan] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
