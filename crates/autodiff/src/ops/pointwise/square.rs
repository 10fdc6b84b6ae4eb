//! `y = x²`.   `dx = 2·x·g`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = x²`. Saves the input.
pub struct Square;

impl Op for Square {
    fn name(&self) -> &'static str {
        "square"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].square()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).mul(grad)?.mul_scalar(2.0)?])
    }
}

impl Var {
    /// `x²`. Errors: `DTypeMismatch` for booleans.
    pub fn square(&self) -> Result<Var> {
        Var::apply(Square, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(3);
    vec![
        OpSpec::new("square")
            .case("both sides of 0", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].square())
            .reference_pointwise(|x| x.abs() * x.abs())
            .case("empty", [s.empty([0])], [0], |x| x[0].square()),
    ]
}
