//! `y = sinh x`.   `dx = g·cosh x`
//!
//! Overflows to ±∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = sinh x`. Saves the input.
pub struct Sinh;

impl Op for Sinh {
    fn name(&self) -> &'static str {
        "sinh"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sinh()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).cosh()?.mul(grad)?])
    }
}

impl Var {
    /// `sinh x = (eˣ − e⁻ˣ)/2`. Errors: `DTypeMismatch` unless a float.
    pub fn sinh(&self) -> Result<Var> {
        Var::apply(Sinh, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(209);
    vec![
        OpSpec::new("sinh")
            .case("both signs", [s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].sinh())
            .reference_pointwise(|x| (libm::exp(x) - libm::exp(-x)) / 2.0)
            .case("far out, NaN", [s.tensor(vec![800.0, f64::NEG_INFINITY, 0.0, f64::NAN], [4])], [4], |x| x[0].sinh())
            .reference(|_| vec![f64::INFINITY, f64::NEG_INFINITY, 0.0, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].sinh())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].sinh())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].sinh(),
                "[sinh] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
