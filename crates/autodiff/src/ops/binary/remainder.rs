//! `z = x − y·⌊x/y⌋`, the remainder with the sign of y, as Python's `%`.   `dx = g`, `dy = −g·⌊x/y⌋`
//!
//! The value jumps where x/y is whole, and the derivatives do not. NaN for y = 0; integers refuse that.

use super::fmod::{off_steps, rule};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `x − y·⌊x/y⌋`, the remainder with the sign of y, as Python's `%`. Saves both inputs and the result.
pub struct Remainder;

impl Op for Remainder {
    fn name(&self) -> &'static str {
        "remainder"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].remainder(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        rule(saved, grad)
    }
}

impl Var {
    /// `x − y·⌊x/y⌋`, the remainder with the sign of y, as Python's `%`.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::remainder`].
    pub fn remainder(&self, y: &Var) -> Result<Var> {
        Var::apply(Remainder, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(262);
    let call = |x: &[Var]| x[0].remainder(&x[1]);
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    vec![
        OpSpec::of_number_pairs("remainder", call, |x, y| x - y * libm::floor(x / y), |a, b| off_steps(&mut s, a, b))
            .at_pairs("signs, ends", call, &[(7.5, 2.0, 1.5), (-7.5, 2.0, 0.5), (7.5, -2.0, -0.5), (1.0, inf, 1.0), (inf, 1.0, nan), (1.0, 0.0, nan)])
            .case("integers", [Tensor::scalar(-7i64), Tensor::scalar(2i64)], [], call)
            .reference(|_| vec![1.0])
            .error(
                [Tensor::scalar(2i64), Tensor::scalar(0i64)],
                call,
                "[remainder] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats",
            )
            .error(
                [Tensor::scalar(true), Tensor::scalar(true)],
                call,
                "[remainder] operands must be numbers; got bool; convert with to_dtype first",
            ),
    ]
}
