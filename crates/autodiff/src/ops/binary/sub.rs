//! `z = x − y`, shapes broadcast.   `dx = g`, `dy = −g`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `z = x − y`. Saves nothing; the engine sums what broadcasting repeated.
pub struct Sub;

impl Op for Sub {
    fn name(&self) -> &'static str {
        "sub"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sub(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dy = saved.if_needed(1, || grad.neg())?;
        Ok(Grads::from_iter([Some(grad.clone()), dy]))
    }
}

impl Var {
    /// `x − y`, shapes broadcast. Errors: as [`Tensor::sub`].
    pub fn sub(&self, y: &Var) -> Result<Var> {
        Var::apply(Sub, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(130);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -2.0, 2.0), s.uniform(b, -2.0, 2.0)];
    let call = |x: &[Var]| x[0].sub(&x[1]);
    vec![
        OpSpec::new("sub")
            .case("same shape", pair(&[3, 4], &[3, 4]), [3, 4], call)
            .reference_pairwise(|a, b| -(b + -a))
            .case("a row repeats", pair(&[2, 3], &[3]), [2, 3], call)
            .case("the left repeats", pair(&[3, 1], &[3, 4]), [3, 4], call)
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("from a scalar", pair(&[], &[2, 2]), [2, 2], call)
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[300, 401], &[401]), [300, 401], call)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                call,
                "[sub] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand",
            )
            .error(
                [Tensor::scalar(1.0f64), Tensor::scalar(1i64)],
                call,
                "[sub] operands must have one dtype; got f64 and i64; convert one with to_dtype",
            ),
    ]
}
