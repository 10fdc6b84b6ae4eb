//! `y = eˣ`.   `dx = g·y`
//!
//! Limits: 0 at −∞, ∞ at ∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = eˣ`. Saves the result.
pub struct Exp;

impl Op for Exp {
    fn name(&self) -> &'static str {
        "exp"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].exp()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.mul(&saved.output())?])
    }
}

impl Var {
    /// `eˣ`. Errors: `DTypeMismatch` unless a float.
    pub fn exp(&self) -> Result<Var> {
        Var::apply(Exp, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(106);
    vec![
        OpSpec::new("exp")
            .case("both sides of 0", [s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].exp())
            .reference_pointwise(|x| libm::cosh(x) + libm::sinh(x))
            .case(
                "overflow, underflow, NaN, infinities",
                [s.tensor(vec![1e4, -1e4, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].exp(),
            )
            .reference(|_| vec![f64::INFINITY, 0.0, 1.0, f64::NAN, f64::INFINITY, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].exp())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].exp())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].exp(),
                "[exp] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
