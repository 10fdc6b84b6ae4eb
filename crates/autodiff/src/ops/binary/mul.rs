//! `z = x·y` element by element, shapes broadcast.   `dx = g·y`, `dy = g·x`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `z = x·y`. Saves both inputs.
pub struct Mul;

impl Op for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].mul(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dx = saved.if_needed(0, || grad.mul(&saved.input(1)))?;
        let dy = saved.if_needed(1, || grad.mul(&saved.input(0)))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `x·y` element by element, shapes broadcast. Errors: as [`Tensor::mul`].
    pub fn mul(&self, y: &Var) -> Result<Var> {
        Var::apply(Mul, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(11);
    vec![
        OpSpec::new("mul")
            .case("same shape", [s.uniform([3, 4], -2.0, 2.0), s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].mul(&x[1]))
            .reference(|x| {
                let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                // (a + b)²/4 − (a − b)²/4
                a.iter().zip(b).map(|(a, b)| ((a + b) * (a + b) - (a - b) * (a - b)) / 4.0).collect()
            })
            .case("a column repeats", [s.uniform([3, 1], -2.0, 2.0), s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].mul(&x[1]))
            .case("both repeat", [s.uniform([2, 1, 3], -2.0, 2.0), s.uniform([4, 1], -2.0, 2.0)], [2, 4, 3], |x| x[0].mul(&x[1]))
            .case("empty", [s.empty([0, 2]), s.uniform([2], -1.0, 1.0)], [0, 2], |x| x[0].mul(&x[1]))
            .case("large", [s.uniform([300, 401], -1.0, 1.0), s.uniform([401], -1.0, 1.0)], [300, 401], |x| x[0].mul(&x[1]))
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), s.uniform([4], 0.0, 1.0)],
                |x| x[0].mul(&x[1]),
                "[mul] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand",
            ),
    ]
}
