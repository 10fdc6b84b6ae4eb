//! `y = artanh x`.   `dx = g/(1 − x²)`
//!
//! ±∞ at ±1, NaN beyond.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = artanh x`. Saves the input.
pub struct Atanh;

impl Op for Atanh {
    fn name(&self) -> &'static str {
        "atanh"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].atanh()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.input(0).square()?.neg()?.add_scalar(1.0)?)?])
    }
}

impl Var {
    /// The number whose hyperbolic tangent is x; ±∞ at ±1, NaN beyond. Errors: `DTypeMismatch` unless a float.
    pub fn atanh(&self) -> Result<Var> {
        Var::apply(Atanh, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(213);
    vec![
        OpSpec::new("atanh")
            .case("inside", [s.uniform([3, 4], -0.9, 0.9)], [3, 4], |x| x[0].atanh())
            .reference_pointwise(|x| 0.5 * libm::log((1.0 + x) / (1.0 - x)))
            .case("the ends, outside", [s.tensor(vec![1.0, -1.0, 1.5, f64::NAN], [4])], [4], |x| x[0].atanh())
            .reference(|_| vec![f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].atanh())
            .case("large", [s.uniform([70_001], -1.0, 1.0)], [70_001], |x| x[0].atanh())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].atanh(),
                "[atanh] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
