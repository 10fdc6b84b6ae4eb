//! `y = arccos x`.   `dx = −g/√(1 − x²)`
//!
//! NaN outside [−1, 1]; the derivative is −∞ at its ends.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = arccos x`. Saves the input.
pub struct Acos;

impl Op for Acos {
    fn name(&self) -> &'static str {
        "acos"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].acos()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x = saved.input(0);
        grads([grad.neg()?.div(&x.square()?.neg()?.add_scalar(1.0)?.sqrt()?)?])
    }
}

impl Var {
    /// The angle in `[0, π]` whose cosine is x; NaN outside `[−1, 1]`. Errors: `DTypeMismatch` unless a float.
    pub fn acos(&self) -> Result<Var> {
        Var::apply(Acos, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(207);
    vec![
        OpSpec::new("acos")
            .case("inside", [s.uniform([3, 4], -0.9, 0.9)], [3, 4], |x| x[0].acos())
            .reference_pointwise(|x| 2.0 * libm::atan(libm::sqrt((1.0 - x) / (1.0 + x))))
            .case("the ends, outside", [s.tensor(vec![1.0, -1.0, 1.5, f64::NAN], [4])], [4], |x| x[0].acos())
            .reference(|_| vec![0.0, std::f64::consts::PI, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].acos())
            .case("large", [s.uniform([70_001], -1.0, 1.0)], [70_001], |x| x[0].acos())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].acos(),
                "[acos] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
