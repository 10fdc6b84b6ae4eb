//! `y = arsinh x`.   `dx = g/√(x² + 1)`
//!
//! ±∞ at ±∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = arsinh x`. Saves the input.
pub struct Asinh;

impl Op for Asinh {
    fn name(&self) -> &'static str {
        "asinh"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].asinh()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.div(&saved.input(0).square()?.add_scalar(1.0)?.sqrt()?)?])
    }
}

impl Var {
    /// The number whose hyperbolic sine is x. Errors: `DTypeMismatch` unless a float.
    pub fn asinh(&self) -> Result<Var> {
        Var::apply(Asinh, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(211);
    vec![
        OpSpec::new("asinh")
            .case("both signs", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].asinh())
            .reference_pointwise(|x| libm::copysign(libm::log(x.abs() + libm::sqrt(x * x + 1.0)), x))
            .case("infinities, NaN", [s.tensor(vec![f64::INFINITY, f64::NEG_INFINITY, 0.0, f64::NAN], [4])], [4], |x| x[0].asinh())
            .reference(|_| vec![f64::INFINITY, f64::NEG_INFINITY, 0.0, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].asinh())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].asinh())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].asinh(),
                "[asinh] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
