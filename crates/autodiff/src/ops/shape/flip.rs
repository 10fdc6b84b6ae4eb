//! An axis in reverse order.   `dx = g`, reversed back

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// A view that runs backward along `axis`. Saves nothing.
pub struct Flip {
    axis: isize,
}

impl Op for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].flip(self.axis)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.flip(self.axis)?])
    }
}

impl Var {
    /// An axis in reverse order. Errors: `InvalidAxis`.
    pub fn flip(&self, axis: isize) -> Result<Var> {
        Var::apply(Flip { axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(58);
    vec![
        OpSpec::new("flip")
            .case("rows", [s.uniform([3, 2], -1.0, 1.0)], [3, 2], |x| x[0].flip(0))
            .reference(|x| {
                x[0].to_vec::<f64>().unwrap_or_default().chunks(2).rev().flatten().copied().collect()
            })
            .case("columns", [s.uniform([3, 2], -1.0, 1.0)], [3, 2], |x| x[0].flip(-1))
            .case("empty", [s.empty([0, 2])], [0, 2], |x| x[0].flip(0))
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].flip(1),
                "[flip] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
