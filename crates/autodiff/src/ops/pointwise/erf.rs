//! Error function, `y = 2/√π ∫₀ˣ e^(−t²) dt`.   `dx = g·2/√π·e^(−x²)`
//!
//! Limits: ±1 at ±∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use std::f64::consts::FRAC_2_SQRT_PI;
use tensor::Tensor;

/// `y = erf x`. Saves the input.
pub struct Erf;

impl Op for Erf {
    fn name(&self) -> &'static str {
        "erf"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].erf()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).square()?.neg()?.exp()?.mul(grad)?.mul_scalar(FRAC_2_SQRT_PI)?])
    }
}

impl Var {
    /// The error function `2/√π ∫₀ˣ e^(−t²) dt`. Errors: `DTypeMismatch` unless a float.
    pub fn erf(&self) -> Result<Var> {
        Var::apply(Erf, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(112);
    vec![
        OpSpec::new("erf")
            .case("both sides of 0", [s.uniform([3, 4], -2.5, 2.5)], [3, 4], |x| x[0].erf())
            .reference_pointwise(|x| 1.0 - libm::erfc(x))
            .case(
                "saturated, NaN, infinities",
                [s.tensor(vec![30.0, -30.0, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].erf(),
            )
            .reference(|_| vec![1.0, -1.0, 0.0, f64::NAN, 1.0, -1.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].erf())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].erf())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].erf(),
                "[erf] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
