//! `y = ln(x/(1 − x))`, the inverse of the logistic function.   `dx = g/(x·(1 − x))`
//!
//! ∓∞ at 0 and 1, NaN outside. Clamp first where that must not be.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = ln(x/(1 − x))`. Saves the input.
pub struct Logit;

impl Op for Logit {
    fn name(&self) -> &'static str {
        "logit"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].logit()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x = saved.input(0);
        grads([grad.div(&x.sub(&x.square()?)?)?])
    }
}

impl Var {
    /// `ln(x/(1 − x))`, the inverse of [`Var::sigmoid`]; ∓∞ at 0 and 1, NaN outside. Errors: `DTypeMismatch` unless a float.
    pub fn logit(&self) -> Result<Var> {
        Var::apply(Logit, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(257);
    let call = |x: &[Var]| x[0].logit();
    vec![
        OpSpec::of_floats(
            "logit",
            call,
            |x| 2.0 * libm::atanh(2.0 * x - 1.0),
            |shape| s.uniform(shape, 0.1, 0.9),
        )
        .at(
            "at the ends, outside, NaN",
            call,
            &[
                (0.5, 0.0),
                (0.0, f64::NEG_INFINITY),
                (1.0, f64::INFINITY),
                (-0.1, f64::NAN),
                (1.1, f64::NAN),
                (f64::NAN, f64::NAN),
            ],
        ),
    ]
}
