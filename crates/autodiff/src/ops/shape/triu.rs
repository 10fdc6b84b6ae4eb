//! The upper triangle of matrices.   `dx` is the upper triangle of g

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The upper triangle of the last two axes, from `diagonal` on. Saves nothing.
pub struct Triu {
    diagonal: isize,
}

impl Op for Triu {
    fn name(&self) -> &'static str {
        "triu"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].triu(self.diagonal)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.triu(self.diagonal)?])
    }
}

impl Var {
    /// The upper triangle of the last two axes: 0 below diagonal `diagonal`. Errors: as [`Tensor::triu`].
    pub fn triu(&self, diagonal: isize) -> Result<Var> {
        Var::apply(Triu { diagonal }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(216);
    vec![
        OpSpec::new("triu")
            .case("the main diagonal", [s.uniform([2, 3], -1.0, 1.0)], [2, 3], |x| x[0].triu(0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[0], x[1], x[2], 0.0, x[4], x[5]]
            })
            .case("beside it, of a batch", [s.uniform([2, 3, 3], -1.0, 1.0)], [2, 3, 3], |x| x[0].triu(1))
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].triu(0))
            .case("large", [s.uniform([300, 401], -1.0, 1.0)], [300, 401], |x| x[0].triu(-3))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].triu(0),
                "[triu] there must be two axes at least, rows and columns; got [2]; add an axis with unsqueeze",
            ),
    ]
}
