//! The largest whole number not above x.   `dx = 0`
//!
//! The derivative is 0 everywhere but at the steps, where none exists and 0 is returned too, as in PyTorch. NaN and infinities stay.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The largest whole number not above x. Saves nothing.
pub struct Floor;

impl Op for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].floor()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::constant(Tensor::zeros(grad.shape(), grad.dtype())?)])
    }
}

impl Var {
    /// The largest whole number not above x. Errors: `DTypeMismatch` unless a float.
    pub fn floor(&self) -> Result<Var> {
        Var::apply(Floor, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(217);
    vec![
        OpSpec::new("floor")
            .case("between the steps", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].floor())
            .reference_pointwise(|x| x - libm::fmod(x, 1.0) - if libm::fmod(x, 1.0) < 0.0 { 1.0 } else { 0.0 })
            .case("at a step, NaN, infinities", [s.tensor(vec![-1.5, 3.0, f64::NAN, f64::INFINITY], [4])], [4], |x| x[0].floor())
            .reference(|_| vec![-2.0, 3.0, f64::NAN, f64::INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].floor())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].floor())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].floor(),
                "[floor] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
