//! `z = √(x² + y²)`, free of overflow on the way.   `dx = g·x/z`, `dy = g·y/z`
//!
//! At the origin the derivatives are NaN.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `√(x² + y²)`. Saves both inputs.
pub struct Hypot;

impl Op for Hypot {
    fn name(&self) -> &'static str {
        "hypot"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].hypot(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let z = grad.div(&x.hypot(&y)?)?;
        let dx = saved.if_needed(0, || z.mul(&x))?;
        let dy = saved.if_needed(1, || z.mul(&y))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `√(x² + y²)`, free of overflow on the way.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::hypot`].
    pub fn hypot(&self, y: &Var) -> Result<Var> {
        Var::apply(Hypot, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(242);
    let call = |x: &[Var]| x[0].hypot(&x[1]);
    let spec = OpSpec::of_pairs(
        "hypot",
        call,
        |x, y| libm::sqrt(x * x + y * y),
        |a, b| [s.away_from_zero(a, 0.2, 2.0), s.away_from_zero(b, 0.2, 2.0)],
    );
    let inf = f64::INFINITY;
    vec![spec.at_pairs(
        "large, infinite",
        call,
        &[(3e200, 4e200, 5e200), (inf, f64::NAN, inf), (0.0, 0.0, 0.0)],
    )]
}
