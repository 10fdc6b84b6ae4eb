//! `y = arcsin x`.   `dx = g/√(1 − x²)`
//!
//! NaN outside [−1, 1]; the derivative is ∞ at its ends.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = arcsin x`. Saves the input.
pub struct Asin;

impl Op for Asin {
    fn name(&self) -> &'static str {
        "asin"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].asin()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x = saved.input(0);
        grads([grad.div(&x.square()?.neg()?.add_scalar(1.0)?.sqrt()?)?])
    }
}

impl Var {
    /// The angle in `[−π/2, π/2]` whose sine is x; NaN outside `[−1, 1]`. Errors: `DTypeMismatch` unless a float.
    pub fn asin(&self) -> Result<Var> {
        Var::apply(Asin, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(206);
    vec![
        OpSpec::new("asin")
            .case("inside", [s.uniform([3, 4], -0.9, 0.9)], [3, 4], |x| x[0].asin())
            .reference_pointwise(|x| 2.0 * libm::atan(x / (1.0 + libm::sqrt(1.0 - x * x))))
            .case("the ends, outside", [s.tensor(vec![1.0, -1.0, 1.5, f64::NAN], [4])], [4], |x| x[0].asin())
            .reference(|_| vec![std::f64::consts::FRAC_PI_2, -std::f64::consts::FRAC_PI_2, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].asin())
            .case("large", [s.uniform([70_001], -1.0, 1.0)], [70_001], |x| x[0].asin())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].asin(),
                "[asin] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
