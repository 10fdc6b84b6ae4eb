//! `y = ψ⁽ⁿ⁾(x)`, the n-th derivative of digamma.   `dx = g·ψ⁽ⁿ⁺¹⁾(x)`
//!
//! Below 0 only n = 1 is known, so that the second derivative of digamma there is NaN, as in SciPy.
//! Source: Abramowitz & Stegun 6.4.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = ψ⁽ⁿ⁾(x)`. Saves the input.
pub struct Polygamma {
    n: u32,
}

impl Op for Polygamma {
    fn name(&self) -> &'static str {
        "polygamma"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].polygamma(self.n)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).polygamma(self.n.saturating_add(1))?.mul(grad)?])
    }
}

impl Var {
    /// `ψ⁽ⁿ⁾(x)`, the n-th derivative of [`Var::digamma`]. Below 0 NaN for n > 1. Errors: `DTypeMismatch` unless a float.
    pub fn polygamma(&self, n: u32) -> Result<Var> {
        Var::apply(Polygamma { n }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(230);
    // (−1)ⁿ⁺¹ n! Σ 1/(x + k)ⁿ⁺¹, the sum's tail by its integral and half its first term.
    let series = |n: i32, x: f64| {
        let power = |x: f64| libm::pow(x, f64::from(-n - 1));
        let terms = 100_000;
        let sum: f64 = (0..terms).rev().map(|k| power(x + f64::from(k))).sum();
        let end = x + f64::from(terms);
        let tail = end * power(end) / f64::from(n) + 0.5 * power(end);
        let factorial: f64 = (1..=n).map(f64::from).product();
        if n % 2 == 1 { factorial * (sum + tail) } else { -factorial * (sum + tail) }
    };
    vec![
        OpSpec::new("polygamma")
            .case("n = 1", [s.uniform([3, 4], 0.7, 4.0)], [3, 4], |x| x[0].polygamma(1))
            .reference_pointwise(move |x| series(1, x))
            .case("n = 3", [s.uniform([2, 3], 0.9, 4.0)], [2, 3], |x| x[0].polygamma(3))
            .reference_pointwise(move |x| series(3, x))
            .case("at 0, below 0, NaN", [s.tensor(vec![0.0, -0.5, f64::NAN], [3])], [3], |x| x[0].polygamma(2))
            .reference(|_| vec![f64::NEG_INFINITY, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].polygamma(1))
            .case("large", [s.uniform([20_001], 0.1, 3.0)], [20_001], |x| x[0].polygamma(1))
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].polygamma(1),
                "[polygamma] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
