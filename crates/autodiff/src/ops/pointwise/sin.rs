//! `y = sin x`, x in radians.   `dx = g·cos x`
//!
//! NaN at ±∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = sin x`. Saves the input.
pub struct Sin;

impl Op for Sin {
    fn name(&self) -> &'static str {
        "sin"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sin()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).cos()?.mul(grad)?])
    }
}

impl Var {
    /// `sin x`, x in radians. Errors: `DTypeMismatch` unless a float.
    pub fn sin(&self) -> Result<Var> {
        Var::apply(Sin, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(110);
    vec![
        OpSpec::new("sin")
            .case("a period and more", [s.uniform([3, 4], -4.0, 4.0)], [3, 4], |x| x[0].sin())
            .reference_pointwise(|x| 2.0 * libm::sin(x / 2.0) * libm::cos(x / 2.0))
            .case(
                "NaN, infinities",
                [s.tensor(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [4])],
                [4],
                |x| x[0].sin(),
            )
            .reference(|_| vec![0.0, f64::NAN, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].sin())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].sin())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].sin(),
                "[sin] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
