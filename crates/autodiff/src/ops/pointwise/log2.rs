//! `y = log₂ x`.   `dx = g/(x·ln 2)`
//!
//! −∞ at 0, NaN below.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = log₂ x`. Saves the input.
pub struct Log2;

impl Op for Log2 {
    fn name(&self) -> &'static str {
        "log2"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].log2()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.input(0).mul_scalar(std::f64::consts::LN_2)?)?])
    }
}

impl Var {
    /// `log₂ x`; −∞ at 0, NaN below. Errors: `DTypeMismatch` unless a float.
    pub fn log2(&self) -> Result<Var> {
        Var::apply(Log2, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(203);
    vec![
        OpSpec::new("log2")
            .case("positive", [s.uniform([3, 4], 0.2, 4.0)], [3, 4], |x| x[0].log2())
            .reference_pointwise(|x| libm::log(x) / std::f64::consts::LN_2)
            .case("at 0, below, at ∞", [s.tensor(vec![0.0, -1.0, f64::INFINITY, 8.0], [4])], [4], |x| x[0].log2())
            .reference(|_| vec![f64::NEG_INFINITY, f64::NAN, f64::INFINITY, 3.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].log2())
            .case("large", [s.uniform([70_001], 0.1, 3.0)], [70_001], |x| x[0].log2())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].log2(),
                "[log2] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
