//! `y = eˣ − 1`.   `dx = g·(y + 1)`
//!
//! Keeps all digits near 0, where `exp` and a subtraction would lose them. Limits: −1 at −∞, ∞ at ∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = eˣ − 1`. Saves the result.
pub struct ExpM1;

impl Op for ExpM1 {
    fn name(&self) -> &'static str {
        "exp_m1"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].exp_m1()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.output().add_scalar(1.0)?.mul(grad)?])
    }
}

impl Var {
    /// `eˣ − 1`, accurate near 0. Errors: `DTypeMismatch` unless a float.
    pub fn exp_m1(&self) -> Result<Var> {
        Var::apply(ExpM1, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(107);
    vec![
        OpSpec::new("exp_m1")
            .case("both sides of 0", [s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].exp_m1())
            .reference_pointwise(|x| 2.0 * libm::sinh(x / 2.0) * libm::exp(x / 2.0))
            .case("near 0, scaled up", [s.tensor(vec![1e-9, -1e-9], [2])], [2], |x| {
                x[0].exp_m1()?.mul_scalar(1e9)
            })
            .reference_pointwise(|x| 1e9 * (x + x * x / 2.0))
            .case(
                "overflow, NaN, infinities",
                [s.tensor(vec![1e4, -1e4, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [6])],
                [6],
                |x| x[0].exp_m1(),
            )
            .reference(|_| vec![f64::INFINITY, -1.0, 0.0, f64::NAN, f64::INFINITY, -1.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].exp_m1())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].exp_m1())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].exp_m1(),
                "[exp_m1] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
