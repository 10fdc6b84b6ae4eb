//! `z = |x|` with the sign of y.   `dx = g·s`, s the sign that z has over x; `dy = 0`
//!
//! At x = 0, where |x| has a kink, dx is 0.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `|x|` with the sign of y. Saves both inputs.
pub struct Copysign;

impl Op for Copysign {
    fn name(&self) -> &'static str {
        "copysign"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].copysign(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let sign = x.value().sign()?.mul(&Tensor::ones([], x.dtype())?.copysign(y.value())?)?;
        let dx = saved.if_needed(0, || grad.mul(&Var::constant(sign)))?;
        let dy = saved.if_needed(1, || Ok(Var::constant(Tensor::zeros(y.shape(), y.dtype())?)))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `|x|` with the sign of `y`.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::copysign`].
    pub fn copysign(&self, y: &Var) -> Result<Var> {
        Var::apply(Copysign, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(243);
    let call = |x: &[Var]| x[0].copysign(&x[1]);
    let signed = |x: f64, y: f64| if y < 0.0 { -x.abs() } else { x.abs() };
    let spec = OpSpec::of_pairs("copysign", call, signed, |a, b| {
        [s.away_from_zero(a, 0.2, 2.0), s.away_from_zero(b, 0.2, 2.0)]
    });
    vec![spec.at_pairs("signed zeros", call, &[(2.0, -0.0, -2.0), (-2.0, 0.0, 2.0)])]
}
