//! `z = x + y`, shapes broadcast.   `dx = g`, `dy = g`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `z = x + y`. Saves nothing; the engine sums what broadcasting repeated.
pub struct Add;

impl Op for Add {
    fn name(&self) -> &'static str {
        "add"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].add(x[1])?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.clone(), grad.clone()])
    }
}

impl Var {
    /// `x + y`, shapes broadcast. Errors: as [`Tensor::add`].
    pub fn add(&self, y: &Var) -> Result<Var> {
        Var::apply(Add, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(10);
    let sum = |x: &[Tensor]| -> Vec<f64> {
        let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
        // (2, 3) + (3): the row repeats.
        a.iter().enumerate().map(|(i, a)| b[i % b.len()] - -a).collect()
    };
    vec![
        OpSpec::new("add")
            .case("same shape", [s.uniform([3, 4], -2.0, 2.0), s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].add(&x[1]))
            .reference(sum)
            .case("a row repeats", [s.uniform([2, 3], -2.0, 2.0), s.uniform([3], -2.0, 2.0)], [2, 3], |x| x[0].add(&x[1]))
            .reference(sum)
            .case("both repeat", [s.uniform([2, 1, 3], -2.0, 2.0), s.uniform([4, 1], -2.0, 2.0)], [2, 4, 3], |x| x[0].add(&x[1]))
            .case("with a scalar", [s.uniform([], -2.0, 2.0), s.uniform([2, 2], -2.0, 2.0)], [2, 2], |x| x[0].add(&x[1]))
            .case("empty against 1", [s.empty([0]), s.uniform([1], -1.0, 1.0)], [0], |x| x[0].add(&x[1]))
            .case("large", [s.uniform([300, 401], -1.0, 1.0), s.uniform([401], -1.0, 1.0)], [300, 401], |x| x[0].add(&x[1]))
            .large()
            .error(
                [s.empty([0, 3]), s.uniform([2], 0.0, 1.0)],
                |x| x[0].add(&x[1]),
                "[add] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [0, 3] and [2]; reshape or expand one operand",
            )
            .error(
                [Tensor::scalar(1.0f64), Tensor::scalar(1.0f32)],
                |x| x[0].add(&x[1]),
                "[add] operands must have one dtype; got f64 and f32; convert one with to_dtype",
            ),
    ]
}
