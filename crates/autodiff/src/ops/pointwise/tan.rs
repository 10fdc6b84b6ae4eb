//! `y = tan x`, x in radians.   `dx = g·(1 + y²)`
//!
//! NaN at ±∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = tan x`. Saves the result.
pub struct Tan;

impl Op for Tan {
    fn name(&self) -> &'static str {
        "tan"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].tan()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.output().square()?.add_scalar(1.0)?.mul(grad)?])
    }
}

impl Var {
    /// `tan x`, x in radians; NaN at ±∞. Errors: `DTypeMismatch` unless a float.
    pub fn tan(&self) -> Result<Var> {
        Var::apply(Tan, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(205);
    vec![
        OpSpec::new("tan")
            .case("around 0", [s.uniform([3, 4], -1.2, 1.2)], [3, 4], |x| x[0].tan())
            .reference_pointwise(|x| libm::sin(x) / libm::cos(x))
            .case("NaN, infinities", [s.tensor(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [4])], [4], |x| x[0].tan())
            .reference(|_| vec![0.0, f64::NAN, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].tan())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].tan())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].tan(),
                "[tan] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
