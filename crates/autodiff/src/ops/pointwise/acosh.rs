//! `y = arcosh x`.   `dx = g/√(x² − 1)`
//!
//! NaN below 1, where the derivative is ∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = arcosh x`. Saves the input.
pub struct Acosh;

impl Op for Acosh {
    fn name(&self) -> &'static str {
        "acosh"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].acosh()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.input(0).square()?.add_scalar(-1.0)?.sqrt()?)?])
    }
}

impl Var {
    /// The number of 0 or more whose hyperbolic cosine is x; NaN below 1. Errors: `DTypeMismatch` unless a float.
    pub fn acosh(&self) -> Result<Var> {
        Var::apply(Acosh, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(212);
    vec![
        OpSpec::new("acosh")
            .case("above 1", [s.uniform([3, 4], 1.2, 4.0)], [3, 4], |x| x[0].acosh())
            .reference_pointwise(|x| libm::log(x + libm::sqrt(x * x - 1.0)))
            .case("at 1, below, at ∞", [s.tensor(vec![1.0, 0.5, f64::INFINITY, f64::NAN], [4])], [4], |x| x[0].acosh())
            .reference(|_| vec![0.0, f64::NAN, f64::INFINITY, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].acosh())
            .case("large", [s.uniform([70_001], 1.0, 3.0)], [70_001], |x| x[0].acosh())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].acosh(),
                "[acosh] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
