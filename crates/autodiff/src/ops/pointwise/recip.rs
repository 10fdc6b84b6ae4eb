//! `y = 1/x`.   `dx = −g·y²`
//!
//! Limits: 0 at ±∞; ±∞ at ±0.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = 1/x`. Saves the result.
pub struct Recip;

impl Op for Recip {
    fn name(&self) -> &'static str {
        "recip"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].recip()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.output().square()?.mul(grad)?.neg()?])
    }
}

impl Var {
    /// `1/x`. Errors: `DTypeMismatch` unless a float.
    pub fn recip(&self) -> Result<Var> {
        Var::apply(Recip, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(104);
    vec![
        OpSpec::new("recip")
            .case("both sides of 0", [s.away_from_zero([3, 4], 0.25, 2.0)], [3, 4], |x| x[0].recip())
            .reference_pointwise(|x| libm::pow(x, -1.0))
            .case(
                "zeros, NaN, infinities",
                [s.tensor(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [5])],
                [5],
                |x| x[0].recip(),
            )
            .reference(|_| vec![f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].recip())
            .case("large", [s.uniform([70_001], 0.5, 3.0)], [70_001], |x| x[0].recip())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].recip(),
                "[recip] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
