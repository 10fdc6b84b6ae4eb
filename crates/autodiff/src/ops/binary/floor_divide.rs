//! `z = ⌊x/y⌋`, as Python's `//`.   `dx = dy = 0`
//!
//! The derivative is 0 everywhere but at the steps, where none exists and 0 is returned too. Integers refuse y = 0.
//! Differs from PyTorch in: there it has no derivative.

use super::fmod::off_steps;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `⌊x/y⌋`. Saves nothing.
pub struct FloorDivide;

impl Op for FloorDivide {
    fn name(&self) -> &'static str {
        "floor_divide"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].floor_divide(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let zero = |i| saved.if_needed(i, || Ok(Var::constant(Tensor::zeros(saved.shape(i), grad.dtype())?)));
        Ok(Grads::from_iter([zero(0)?, zero(1)?]))
    }
}

impl Var {
    /// `⌊x/y⌋`, as Python's `//`.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::floor_divide`].
    pub fn floor_divide(&self, y: &Var) -> Result<Var> {
        Var::apply(FloorDivide, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(263);
    let call = |x: &[Var]| x[0].floor_divide(&x[1]);
    let inf = f64::INFINITY;
    vec![
        OpSpec::of_number_pairs("floor_divide", call, |x, y| libm::floor(x / y), |a, b| off_steps(&mut s, a, b))
            .at_pairs("signs, ends", call, &[(7.0, 2.0, 3.0), (-7.0, 2.0, -4.0), (1.0, 0.0, inf), (-1.0, inf, -1.0)])
            .case("integers", [Tensor::scalar(-7i64), Tensor::scalar(2i64)], [], call)
            .reference(|_| vec![-4.0])
            .error(
                [Tensor::scalar(2i64), Tensor::scalar(0i64)],
                call,
                "[floor_divide] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats",
            ),
    ]
}
