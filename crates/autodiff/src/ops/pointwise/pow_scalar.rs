//! `y = xᵖ` with a number p that is no tensor.   `dx = g·p·xᵖ⁻¹`
//!
//! As in PyTorch: `x⁰ = 1` for every x, with derivative 0; at x = 0 the derivative is 0 for p > 1 and ∞ for 0 < p < 1;
//! for x < 0 and a p that is no integer the result is NaN.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = xᵖ`. Saves the input.
pub struct PowScalar(pub f64);

impl Op for PowScalar {
    fn name(&self) -> &'static str {
        "pow_scalar"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].pow_scalar(self.0)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let p = self.0;
        grads([if p == 0.0 {
            Var::constant(Tensor::zeros(grad.shape(), grad.dtype())?)
        } else if p == 1.0 {
            grad.clone()
        } else {
            saved.input(0).pow_scalar(p - 1.0)?.mul(grad)?.mul_scalar(p)?
        }])
    }
}

impl Var {
    /// `xᵖ`. Errors: `DTypeMismatch` unless a float.
    pub fn pow_scalar(&self, p: f64) -> Result<Var> {
        Var::apply(PowScalar(p), &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(120);
    let mut spec = OpSpec::new("pow_scalar");
    for p in [1.0, 2.0, 3.0, 4.0, 5.0] {
        spec = spec
            .case(format!("power {p}"), [s.uniform([7], -2.0, 2.0)], [7], move |x| x[0].pow_scalar(p))
            .reference_pointwise(move |x| (0..p as usize).map(|_| x).product());
    }
    for p in [-2.0, -1.0] {
        spec = spec
            .case(format!("power {p}"), [s.away_from_zero([7], 0.5, 1.5)], [7], move |x| x[0].pow_scalar(p))
            .reference_pointwise(move |x| 1.0 / (0..-p as usize).map(|_| x).product::<f64>());
    }
    for p in [-0.5, 0.5, 2.5] {
        spec = spec
            .case(format!("power {p}"), [s.uniform([7], 0.5, 2.0)], [7], move |x| x[0].pow_scalar(p))
            .reference_pointwise(move |x| libm::exp(p * libm::log(x)));
    }
    let ends = [s.tensor(vec![0.0, -1.0, f64::NAN, f64::INFINITY], [4])];
    vec![
        spec.case("power 0 is 1", ends.clone(), [4], |x| x[0].pow_scalar(0.0))
            .reference(|_| vec![1.0; 4])
            .no_derivative()
            .case("power 0 has derivative 0", [s.uniform([3], -1.0, 1.0)], [3], |x| x[0].pow_scalar(0.0))
            .case("no root of a negative", ends.clone(), [4], |x| x[0].pow_scalar(1.5))
            .reference(|_| vec![0.0, f64::NAN, f64::NAN, f64::INFINITY])
            .no_derivative()
            .case("at 0", [s.tensor(vec![0.0, -0.0], [2])], [2], |x| x[0].pow_scalar(3.0))
            .reference(|_| vec![0.0, 0.0])
            .case("empty", [s.empty([0, 2])], [0, 2], |x| x[0].pow_scalar(1.5))
            .case("large", [s.uniform([20_003], 0.5, 2.0)], [20_003], |x| x[0].pow_scalar(1.5))
            .large()
            .error(
                [Tensor::scalar(2i64)],
                |x| x[0].pow_scalar(2.0),
                "[pow_scalar] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
