//! `y = √x`.   `dx = g/(2·y)`
//!
//! The derivative at 0 is ∞; below 0 the result is NaN.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = √x`. Saves the result.
pub struct Sqrt;

impl Op for Sqrt {
    fn name(&self) -> &'static str {
        "sqrt"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sqrt()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.output())?.mul_scalar(0.5)?])
    }
}

impl Var {
    /// `√x`; NaN below 0. Errors: `DTypeMismatch` unless a float.
    pub fn sqrt(&self) -> Result<Var> {
        Var::apply(Sqrt, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(105);
    vec![
        OpSpec::new("sqrt")
            .case("positive", [s.uniform([3, 4], 0.3, 4.0)], [3, 4], |x| x[0].sqrt())
            .reference_pointwise(|x| libm::exp(libm::log(x) / 2.0))
            .case(
                "zero, negative, NaN, infinity",
                [s.tensor(vec![0.0, -1.0, f64::NAN, f64::INFINITY], [4])],
                [4],
                |x| x[0].sqrt(),
            )
            .reference(|_| vec![0.0, f64::NAN, f64::NAN, f64::INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].sqrt())
            .case("large", [s.uniform([70_001], 0.3, 4.0)], [70_001], |x| x[0].sqrt())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].sqrt(),
                "[sqrt] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
