//! `y = 1 − erf x`.   `dx = −g·2/√π·e^(−x²)`
//!
//! Accurate also where it is small; 2 at −∞, 0 at ∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = 1 − erf x`. Saves the input.
pub struct Erfc;

impl Op for Erfc {
    fn name(&self) -> &'static str {
        "erfc"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].erfc()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let slope = saved.input(0).square()?.neg()?.exp()?;
        grads([slope.mul(grad)?.mul_scalar(-std::f64::consts::FRAC_2_SQRT_PI)?])
    }
}

impl Var {
    /// `1 − erf x`, accurate also where it is small. Errors: `DTypeMismatch` unless a float.
    pub fn erfc(&self) -> Result<Var> {
        Var::apply(Erfc, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(214);
    vec![
        OpSpec::new("erfc")
            .case("both signs", [s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].erfc())
            .reference_pointwise(|x| 1.0 - libm::erf(x))
            .case("infinities, NaN", [s.tensor(vec![f64::INFINITY, f64::NEG_INFINITY, 0.0, f64::NAN], [4])], [4], |x| x[0].erfc())
            .reference(|_| vec![0.0, 2.0, 1.0, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].erfc())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].erfc())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].erfc(),
                "[erfc] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
