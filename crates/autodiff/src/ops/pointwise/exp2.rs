//! `y = 2ˣ`.   `dx = g·y·ln 2`
//!
//! Overflows to ∞, underflows to 0.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = 2ˣ`. Saves the result.
pub struct Exp2;

impl Op for Exp2 {
    fn name(&self) -> &'static str {
        "exp2"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].exp2()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.output().mul(grad)?.mul_scalar(std::f64::consts::LN_2)?])
    }
}

impl Var {
    /// `2ˣ`. Errors: `DTypeMismatch` unless a float.
    pub fn exp2(&self) -> Result<Var> {
        Var::apply(Exp2, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(202);
    vec![
        OpSpec::new("exp2")
            .case("both signs", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].exp2())
            .reference_pointwise(|x| libm::exp(x * std::f64::consts::LN_2))
            .case("far out, NaN", [s.tensor(vec![2000.0, -2000.0, f64::INFINITY, f64::NAN], [4])], [4], |x| x[0].exp2())
            .reference(|_| vec![f64::INFINITY, 0.0, f64::INFINITY, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].exp2())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].exp2())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].exp2(),
                "[exp2] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
