//! `y = −x`.   `dx = −g`
//!
//! Exact; saves nothing.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = −x`. Saves nothing.
pub struct Neg;

impl Op for Neg {
    fn name(&self) -> &'static str {
        "neg"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].neg()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.neg()?])
    }
}

impl Var {
    /// `−x`. Errors: `DTypeMismatch` for booleans.
    pub fn neg(&self) -> Result<Var> {
        Var::apply(Neg, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(101);
    vec![
        OpSpec::new("neg")
            .case("both sides of 0", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].neg())
            .reference_pointwise(|x| x - 2.0 * x)
            .case(
                "NaN, infinities",
                [s.tensor(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [3])],
                [3],
                |x| x[0].neg(),
            )
            .reference(|_| vec![f64::NAN, f64::NEG_INFINITY, f64::INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].neg())
            .case("large", [s.uniform([200_003], -3.0, 3.0)], [200_003], |x| x[0].neg())
            .large()
            .error(
                [Tensor::scalar(true)],
                |x| x[0].neg(),
                "[neg] the operand must be a number; got bool; convert with to_dtype first",
            ),
    ]
}
