//! `y = 1/√x`.   `dx = −½·g·y³`
//!
//! ∞ at 0, NaN below.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = 1/√x`. Saves the result.
pub struct Rsqrt;

impl Op for Rsqrt {
    fn name(&self) -> &'static str {
        "rsqrt"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].rsqrt()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let y = saved.output();
        grads([y.square()?.mul(&y)?.mul(grad)?.mul_scalar(-0.5)?])
    }
}

impl Var {
    /// `1/√x`; ∞ at 0, NaN below. Errors: `DTypeMismatch` unless a float.
    pub fn rsqrt(&self) -> Result<Var> {
        Var::apply(Rsqrt, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(201);
    vec![
        OpSpec::new("rsqrt")
            .case("positive", [s.uniform([3, 4], 0.5, 4.0)], [3, 4], |x| x[0].rsqrt())
            .reference_pointwise(|x| libm::exp(-0.5 * libm::log(x)))
            .case("at 0, below, at ∞", [s.tensor(vec![0.0, -1.0, f64::INFINITY, f64::NAN], [4])], [4], |x| x[0].rsqrt())
            .reference(|_| vec![f64::INFINITY, f64::NAN, 0.0, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].rsqrt())
            .case("large", [s.uniform([70_001], 0.1, 3.0)], [70_001], |x| x[0].rsqrt())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].rsqrt(),
                "[rsqrt] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
