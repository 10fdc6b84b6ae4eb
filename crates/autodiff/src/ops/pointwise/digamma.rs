//! `y = ψ(x) = d ln Γ(x)/dx`.   `dx = g·ψ′(x)`
//!
//! ∓∞ at ±0, NaN at negative whole numbers. See [`Var::polygamma`] for its derivatives.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = ψ(x)`. Saves the input.
pub struct Digamma;

impl Op for Digamma {
    fn name(&self) -> &'static str {
        "digamma"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].digamma()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).polygamma(1)?.mul(grad)?])
    }
}

impl Var {
    /// `ψ(x) = d ln Γ(x)/dx`; ∓∞ at ±0, NaN at negative whole numbers. Errors: `DTypeMismatch` unless a float.
    pub fn digamma(&self) -> Result<Var> {
        Var::apply(Digamma, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(216);
    vec![
        OpSpec::new("digamma")
            .case("positive", [s.uniform([3, 4], 0.5, 4.0)], [3, 4], |x| x[0].digamma())
            .reference_pointwise(by_recurrence)
            .case("0, poles, ∞", [s.tensor(vec![0.0, -2.0, f64::INFINITY, f64::NAN], [4])], [4], |x| x[0].digamma())
            .reference(|_| vec![f64::NEG_INFINITY, f64::NAN, f64::INFINITY, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].digamma())
            .case("large", [s.uniform([70_001], 0.1, 3.0)], [70_001], |x| x[0].digamma())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].digamma(),
                "[digamma] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}

/// `ψ(x) = ψ(x + n) − Σ 1/(x + k)` with n so large that `ψ(z) = ln z − 1/(2z) − 1/(12z²) + 1/(120z⁴)` is good to all digits.
fn by_recurrence(x: f64) -> f64 {
    let n = 1000;
    let sum: f64 = (0..n).rev().map(|k| 1.0 / (x + f64::from(k))).sum();
    let z = x + f64::from(n);
    libm::log(z) - 0.5 / z - 1.0 / (12.0 * z * z) + 1.0 / (120.0 * z * z * z * z) - sum
}
