//! `y = ln(1 + x)`.   `dx = g/(1 + x)`
//!
//! Keeps all digits near 0. Limits: −∞ at −1, ∞ at ∞; NaN below −1.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = ln(1 + x)`. Saves the input.
pub struct Ln1p;

impl Op for Ln1p {
    fn name(&self) -> &'static str {
        "ln_1p"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].ln_1p()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.input(0).add_scalar(1.0)?)?])
    }
}

impl Var {
    /// `ln(1 + x)`, accurate near 0; −∞ at −1, NaN below. Errors: `DTypeMismatch` unless a float.
    pub fn ln_1p(&self) -> Result<Var> {
        Var::apply(Ln1p, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(109);
    vec![
        OpSpec::new("ln_1p")
            .case("both sides of 0", [s.uniform([3, 4], -0.7, 3.0)], [3, 4], |x| x[0].ln_1p())
            .reference_pointwise(|x| 2.0 * libm::atanh(x / (2.0 + x)))
            .case("near 0, scaled up", [s.tensor(vec![1e-9, -1e-9], [2])], [2], |x| {
                x[0].ln_1p()?.mul_scalar(1e9)
            })
            .reference_pointwise(|x| 1e9 * (x - x * x / 2.0))
            .case(
                "−1, below, NaN, infinity",
                [s.tensor(vec![-1.0, -2.0, 0.0, f64::NAN, f64::INFINITY], [5])],
                [5],
                |x| x[0].ln_1p(),
            )
            .reference(|_| vec![f64::NEG_INFINITY, f64::NAN, 0.0, f64::NAN, f64::INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].ln_1p())
            .case("large", [s.uniform([70_001], -0.7, 3.0)], [70_001], |x| x[0].ln_1p())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].ln_1p(),
                "[ln_1p] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
