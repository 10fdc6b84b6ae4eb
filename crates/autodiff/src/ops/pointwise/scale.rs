//! `y = α·x` and `y = x + α` with a number α that is no tensor.   `dx = α·g` and `dx = g`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = α·x`. Saves nothing.
pub struct MulScalar(pub f64);

impl Op for MulScalar {
    fn name(&self) -> &'static str {
        "mul_scalar"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].mul_scalar(self.0)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.mul_scalar(self.0)?])
    }
}

/// `y = x + α`. Saves nothing.
pub struct AddScalar(pub f64);

impl Op for AddScalar {
    fn name(&self) -> &'static str {
        "add_scalar"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].add_scalar(self.0)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.clone()])
    }
}

impl Var {
    /// `α·x`, in the tensor's dtype. Errors: `DTypeMismatch` for booleans.
    pub fn mul_scalar(&self, alpha: f64) -> Result<Var> {
        Var::apply(MulScalar(alpha), &[self])
    }

    /// `x + α`, in the tensor's dtype. Errors: `DTypeMismatch` for booleans.
    pub fn add_scalar(&self, alpha: f64) -> Result<Var> {
        Var::apply(AddScalar(alpha), &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(4);
    vec![
        OpSpec::new("mul_scalar")
            .case("by −1.5", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].mul_scalar(-1.5))
            .reference_pointwise(|x| -x - x / 2.0)
            .case("empty", [s.empty([0])], [0], |x| x[0].mul_scalar(2.0)),
        OpSpec::new("add_scalar")
            .case("0.25", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].add_scalar(0.25))
            .reference_pointwise(|x| (4.0 * x + 1.0) / 4.0)
            .case("empty", [s.empty([0])], [0], |x| x[0].add_scalar(2.0)),
    ]
}
