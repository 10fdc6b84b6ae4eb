//! `y = −1, 0 or 1`, the sign of x.   `dx = 0`
//!
//! The derivative is 0 everywhere but at the kink 0, where none exists and 0 is returned too, as in PyTorch. NaN stays NaN.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = sign x`. Saves nothing.
pub struct Sign;

impl Op for Sign {
    fn name(&self) -> &'static str {
        "sign"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sign()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::constant(Tensor::zeros(grad.shape(), grad.dtype())?)])
    }
}

impl Var {
    /// −1, 0 or 1; NaN stays NaN. Errors: `DTypeMismatch` for booleans.
    pub fn sign(&self) -> Result<Var> {
        Var::apply(Sign, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(103);
    vec![
        OpSpec::new("sign")
            .case("away from the kink", [s.away_from_zero([3, 4], 0.1, 2.0)], [3, 4], |x| x[0].sign())
            .reference_pointwise(|x| x / x.abs())
            .case(
                "at the kink, NaN, infinities",
                [s.tensor(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [4])],
                [4],
                |x| x[0].sign(),
            )
            .reference(|_| vec![0.0, f64::NAN, 1.0, -1.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].sign())
            .case("large", [s.uniform([200_003], -3.0, 3.0)], [200_003], |x| x[0].sign())
            .large()
            .error(
                [Tensor::scalar(true)],
                |x| x[0].sign(),
                "[sign] the operand must be a number; got bool; convert with to_dtype first",
            ),
    ]
}
