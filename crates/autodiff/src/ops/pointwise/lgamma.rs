//! `y = ln |Γ(x)|`.   `dx = g·ψ(x)`, ψ the digamma function
//!
//! ∞ at 0 and at negative whole numbers, where the derivative is not defined.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = ln |Γ(x)|`. Saves the input.
pub struct Lgamma;

impl Op for Lgamma {
    fn name(&self) -> &'static str {
        "lgamma"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].lgamma()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).digamma()?.mul(grad)?])
    }
}

impl Var {
    /// `ln |Γ(x)|`; ∞ at 0 and at negative whole numbers. Errors: `DTypeMismatch` unless a float.
    pub fn lgamma(&self) -> Result<Var> {
        Var::apply(Lgamma, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(215);
    vec![
        OpSpec::new("lgamma")
            .case("positive", [s.uniform([3, 4], 0.5, 4.0)], [3, 4], |x| x[0].lgamma())
            .reference_pointwise(|x| libm::log(libm::tgamma(x)))
            .case("1, 2, poles, ∞", [s.tensor(vec![1.0, 2.0, -3.0, f64::INFINITY], [4])], [4], |x| x[0].lgamma())
            .reference(|_| vec![0.0, 0.0, f64::INFINITY, f64::INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].lgamma())
            .case("large", [s.uniform([70_001], 0.1, 3.0)], [70_001], |x| x[0].lgamma())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].lgamma(),
                "[lgamma] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
