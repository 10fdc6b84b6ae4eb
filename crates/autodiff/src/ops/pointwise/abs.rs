//! `y = |x|`.   `dx = g·sign x`
//!
//! The derivative at the kink 0 is taken as 0, as in PyTorch; NaN stays NaN.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = |x|`. Saves the input.
pub struct Abs;

impl Op for Abs {
    fn name(&self) -> &'static str {
        "abs"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].abs()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        // The sign is constant wherever it has a derivative.
        grads([grad.mul(&saved.input(0).detach().sign()?)?])
    }
}

impl Var {
    /// `|x|`. Errors: `DTypeMismatch` for booleans.
    pub fn abs(&self) -> Result<Var> {
        Var::apply(Abs, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(102);
    vec![
        OpSpec::new("abs")
            .case("away from the kink", [s.away_from_zero([3, 4], 0.1, 2.0)], [3, 4], |x| x[0].abs())
            .reference_pointwise(|x| libm::sqrt(x * x))
            .case(
                "at the kink, NaN, infinities",
                [s.tensor(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [4])],
                [4],
                |x| x[0].abs(),
            )
            .reference(|_| vec![0.0, f64::NAN, f64::INFINITY, f64::INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].abs())
            .case("large", [s.uniform([200_003], -3.0, 3.0)], [200_003], |x| x[0].abs())
            .large()
            .error(
                [Tensor::scalar(true)],
                |x| x[0].abs(),
                "[abs] the operand must be a number; got bool; convert with to_dtype first",
            ),
    ]
}
