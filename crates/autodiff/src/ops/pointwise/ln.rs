//! `y = ln x`.   `dx = g/x`
//!
//! Limits: −∞ at 0, ∞ at ∞; NaN below 0.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = ln x`. Saves the input.
pub struct Ln;

impl Op for Ln {
    fn name(&self) -> &'static str {
        "ln"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].ln()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.input(0))?])
    }
}

impl Var {
    /// `ln x`; −∞ at 0, NaN below. Errors: `DTypeMismatch` unless a float.
    pub fn ln(&self) -> Result<Var> {
        Var::apply(Ln, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(108);
    vec![
        OpSpec::new("ln")
            .case("positive", [s.uniform([3, 4], 0.3, 4.0)], [3, 4], |x| x[0].ln())
            .reference_pointwise(|x| 2.0 * libm::atanh((x - 1.0) / (x + 1.0)))
            .case(
                "zero, negative, NaN, infinity",
                [s.tensor(vec![0.0, -1.0, 1.0, f64::NAN, f64::INFINITY], [5])],
                [5],
                |x| x[0].ln(),
            )
            .reference(|_| vec![f64::NEG_INFINITY, f64::NAN, 0.0, f64::NAN, f64::INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].ln())
            .case("large", [s.uniform([70_001], 0.3, 4.0)], [70_001], |x| x[0].ln())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].ln(),
                "[ln] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
