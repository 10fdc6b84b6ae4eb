//! The step `z = 0, y, 1` for x below, at and above 0.   `dx = 0`, `dy = g where x is 0, else 0`
//!
//! At the step itself x has no derivative and 0 is returned. NaN where x is NaN.
//! Differs from PyTorch in: there it has no derivative.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// The step with `y` at 0. Saves the first input.
pub struct Heaviside;

impl Op for Heaviside {
    fn name(&self) -> &'static str {
        "heaviside"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].heaviside(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let zero = Tensor::zeros([], grad.dtype())?;
        let dx = saved.if_needed(0, || Ok(Var::constant(Tensor::zeros(saved.shape(0), grad.dtype())?)))?;
        let dy = saved.if_needed(1, || {
            let at = saved.input(0).value().eq(&zero)?;
            Var::where_(&at, grad, &Var::constant(zero.clone()))
        })?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// 0, `y` or 1 where this is below, at or above 0; NaN where it is NaN.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::heaviside`].
    pub fn heaviside(&self, y: &Var) -> Result<Var> {
        Var::apply(Heaviside, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(264);
    let call = |x: &[Var]| x[0].heaviside(&x[1]);
    let step = |x: f64, _| (1.0 + x / x.abs()) / 2.0;
    let spec = OpSpec::of_pairs("heaviside", call, step, |a, b| {
        [s.away_from_zero(a, 0.2, 2.0), s.away_from_zero(b, 0.2, 2.0)]
    });
    vec![spec.at_pairs("at 0, NaN", call, &[(0.0, 0.5, 0.5), (-0.0, 2.0, 2.0), (f64::NAN, 1.0, f64::NAN)])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_at_0_has_the_gradient_of_the_zeros() -> Result<()> {
        let x = Var::constant(Tensor::from_slice(&[-1.0f64, 0.0, 0.0, 2.0], [4])?);
        let y = Var::variable(Tensor::scalar(0.5f64));
        let grads = x.heaviside(&y)?.sum(&[])?.backward()?;
        assert_eq!(grads.of(&y).expect("a gradient").item()?, 2.0);
        Ok(())
    }
}
