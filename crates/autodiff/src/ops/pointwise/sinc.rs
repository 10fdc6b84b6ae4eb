//! `y = sin(πx)/(πx)`, 1 at 0.   `dx = g·(cos(πx) − y)/x`, 0 at 0
//!
//! Within ¼ of 0, where the difference cancels, the derivative is its power series, so that it and its own derivatives
//! are right there too. NaN at ±∞. Differs from PyTorch in: the second derivative at 0 is −π²/3, not 0.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use std::f64::consts::PI;
use tensor::Tensor;

/// Below it the derivative is its series.
const NEAR: f64 = 0.25;
/// Terms of the series: the first left out is below 10⁻²⁰ of the sum for |x| < ¼.
const TERMS: u32 = 9;

/// `Σ (−1)ᵏ π²ᵏ⁺² (2k + 2)/(2k + 3)! x²ᵏ⁺¹` with the other sign: the derivative's power series.
fn series(x: &Var) -> Result<Var> {
    let square = x.square()?;
    let coefficient = |k: u32| {
        let factorial: f64 = (1..=2 * k + 3).map(f64::from).product();
        let power: f64 = (0..=2 * k + 1).map(|_| PI).product();
        (if k.is_multiple_of(2) { -1.0 } else { 1.0 }) * power * f64::from(2 * k + 2) / factorial
    };
    let mut sum = square.mul_scalar(coefficient(TERMS - 1))?;
    for k in (1..TERMS - 1).rev() {
        sum = sum.add_scalar(coefficient(k))?.mul(&square)?;
    }
    sum.add_scalar(coefficient(0))?.mul(x)
}

/// `y = sin(πx)/(πx)`. Saves the input and the result.
pub struct Sinc;

impl Op for Sinc {
    fn name(&self) -> &'static str {
        "sinc"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sinc()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.output());
        let bound = Tensor::full([], NEAR, x.dtype())?;
        let near = x.value().abs()?.lt(&bound)?;
        let one = Var::constant(Tensor::ones([], x.dtype())?);
        let zero = Var::constant(Tensor::zeros([], x.dtype())?);
        // Each side is kept from where it has no finite derivative: what is not chosen must not be NaN either.
        let far = Var::where_(&near, &one, &x)?;
        let slope = far.mul_scalar(PI)?.cos()?.sub(&y)?.div(&far)?;
        grads([Var::where_(&near, &series(&Var::where_(&near, &x, &zero)?)?, &slope)?.mul(grad)?])
    }
}

impl Var {
    /// `sin(πx)/(πx)`, 1 at 0 and exactly 0 at other whole numbers; NaN at ±∞. Errors: `DTypeMismatch` unless a float.
    pub fn sinc(&self) -> Result<Var> {
        Var::apply(Sinc, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(258);
    let call = |x: &[Var]| x[0].sinc();
    // Euler's product for the sine by half angles: sinc x = Π cos(πx/2ᵏ).
    let product = |x: f64| (1..60).map(|k| libm::cos(PI * x / libm::exp2(f64::from(k)))).product();
    vec![
        OpSpec::of_floats("sinc", call, product, |shape| s.uniform(shape, -2.0, 2.0))
            .case("near 0", [s.uniform([7], -0.3, 0.3)], [7], call)
            .reference_pointwise(product)
            .case("at 0", [s.tensor(vec![0.0], [1])], [1], call)
            .reference(|_| vec![1.0])
            .at(
                "whole, infinite",
                call,
                &[(1.0, 0.0), (-3.0, 0.0), (f64::INFINITY, f64::NAN), (f64::NAN, f64::NAN)],
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_derivative_at_0_is_minus_a_third_of_pi_squared() -> Result<()> {
        let x = Var::variable(Tensor::scalar(0.0f64));
        let slope = crate::grad_of(&[(&x.sinc()?, None)], &[&x])?.remove(0).expect("a gradient");
        let second = slope.backward()?.of(&x).expect("a second derivative").item()?;
        assert!((second + PI * PI / 3.0).abs() < 1e-14);
        Ok(())
    }
}
