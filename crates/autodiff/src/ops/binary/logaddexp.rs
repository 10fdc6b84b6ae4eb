//! `z = ln(eˣ + eʸ)`.   `dx = g·σ(x − y)`, `dy = g·σ(y − x)`
//!
//! Free of overflow; the larger where the other is −∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `ln(eˣ + eʸ)`. Saves both inputs.
pub struct Logaddexp;

impl Op for Logaddexp {
    fn name(&self) -> &'static str {
        "logaddexp"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].logaddexp(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || x.sub(&y)?.sigmoid()?.mul(grad))?;
        let dy = saved.if_needed(1, || y.sub(&x)?.sigmoid()?.mul(grad))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `ln(eˣ + eʸ)`, free of overflow.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::logaddexp`].
    pub fn logaddexp(&self, y: &Var) -> Result<Var> {
        Var::apply(Logaddexp, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(244);
    let call = |x: &[Var]| x[0].logaddexp(&x[1]);
    let plain = |x, y| libm::log(libm::exp(x) + libm::exp(y));
    let spec =
        OpSpec::of_pairs("logaddexp", call, plain, |a, b| [s.uniform(a, -2.0, 2.0), s.uniform(b, -2.0, 2.0)]);
    let (none, nan) = (f64::NEG_INFINITY, f64::NAN);
    let double = 1000.0 + std::f64::consts::LN_2;
    vec![spec.at_pairs(
        "far out, infinite",
        call,
        &[(1000.0, 1000.0, double), (none, 3.0, 3.0), (none, none, none), (nan, 0.0, nan)],
    )]
}
