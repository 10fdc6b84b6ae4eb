//! `y = x/(1 + |x|)`.   `dx = g/(1 + |x|)²`
//!
//! ±1 at ±∞. Source: J. Bergstra et al. 2009.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = x/(1 + |x|)`. Saves the input.
pub struct Softsign;

impl Op for Softsign {
    fn name(&self) -> &'static str {
        "softsign"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].softsign()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let below = saved.input(0).abs()?.add_scalar(1.0)?;
        grads([grad.div(&below.square()?)?])
    }
}

impl Var {
    /// `x/(1 + |x|)`; ±1 at ±∞. Errors: `DTypeMismatch` unless a float.
    pub fn softsign(&self) -> Result<Var> {
        Var::apply(Softsign, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(252);
    let call = |x: &[Var]| x[0].softsign();
    let reference = |x: f64| if x < 0.0 { 1.0 / (1.0 - x) - 1.0 } else { 1.0 - 1.0 / (1.0 + x) };
    vec![OpSpec::of_floats("softsign", call, reference, |shape| s.away_from_zero(shape, 0.1, 3.0)).at(
        "at 0, infinite",
        call,
        &[(0.0, 0.0), (f64::INFINITY, 1.0), (f64::NEG_INFINITY, -1.0), (f64::NAN, f64::NAN)],
    )]
}
