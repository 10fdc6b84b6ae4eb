//! The nearest whole number, ties to the even one.   `dx = 0`
//!
//! The derivative is 0 everywhere but at the steps, where none exists and 0 is returned too, as in PyTorch. NaN and infinities stay.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The nearest whole number, ties to the even one. Saves nothing.
pub struct Round;

impl Op for Round {
    fn name(&self) -> &'static str {
        "round"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].round()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::constant(Tensor::zeros(grad.shape(), grad.dtype())?)])
    }
}

impl Var {
    /// The nearest whole number, ties to the even one. Errors: `DTypeMismatch` unless a float.
    pub fn round(&self) -> Result<Var> {
        Var::apply(Round, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(219);
    vec![
        OpSpec::new("round")
            .case("between the steps", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].round())
            .reference_pointwise(|x| x - libm::remainder(x, 1.0))
            .case("at a step, NaN, infinities", [s.tensor(vec![-1.5, 2.5, f64::NAN, f64::INFINITY], [4])], [4], |x| x[0].round())
            .reference(|_| vec![-2.0, 2.0, f64::NAN, f64::INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].round())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].round())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].round(),
                "[round] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
