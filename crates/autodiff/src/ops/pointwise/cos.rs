//! `y = cos x`, x in radians.   `dx = −g·sin x`
//!
//! NaN at ±∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = cos x`. Saves the input.
pub struct Cos;

impl Op for Cos {
    fn name(&self) -> &'static str {
        "cos"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cos()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).sin()?.mul(grad)?.neg()?])
    }
}

impl Var {
    /// `cos x`, x in radians. Errors: `DTypeMismatch` unless a float.
    pub fn cos(&self) -> Result<Var> {
        Var::apply(Cos, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(111);
    vec![
        OpSpec::new("cos")
            .case("a period and more", [s.uniform([3, 4], -4.0, 4.0)], [3, 4], |x| x[0].cos())
            .reference_pointwise(|x| 1.0 - 2.0 * libm::sin(x / 2.0) * libm::sin(x / 2.0))
            .case(
                "NaN, infinities",
                [s.tensor(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [4])],
                [4],
                |x| x[0].cos(),
            )
            .reference(|_| vec![1.0, f64::NAN, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].cos())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].cos())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].cos(),
                "[cos] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
