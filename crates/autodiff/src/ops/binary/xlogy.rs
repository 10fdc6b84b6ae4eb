//! `z = x·ln y`, 0 where x is 0.   `dx = g·ln y`, `dy = g·x/y`
//!
//! 0 wins over the logarithm of 0 but not over NaN. There dx is −∞, as the limit is.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `x·ln y`. Saves both inputs.
pub struct Xlogy;

impl Op for Xlogy {
    fn name(&self) -> &'static str {
        "xlogy"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].xlogy(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || y.ln()?.mul(grad))?;
        let dy = saved.if_needed(1, || x.div(&y)?.mul(grad))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `x·ln y`, and 0 where x is 0 and `y` is not NaN.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::xlogy`].
    pub fn xlogy(&self, y: &Var) -> Result<Var> {
        Var::apply(Xlogy, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(245);
    let call = |x: &[Var]| x[0].xlogy(&x[1]);
    let of_power = |x, y| libm::log(libm::pow(y, x));
    let spec =
        OpSpec::of_pairs("xlogy", call, of_power, |a, b| [s.uniform(a, -2.0, 2.0), s.uniform(b, 0.5, 3.0)]);
    let (none, nan) = (f64::NEG_INFINITY, f64::NAN);
    vec![spec.at_pairs(
        "0 times the logarithm of 0, of NaN",
        call,
        &[(0.0, 0.0, 0.0), (0.0, nan, nan), (1.0, 0.0, none)],
    )]
}
