//! The lower triangle of matrices.   `dx` is the lower triangle of g

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The lower triangle of the last two axes, up to `diagonal`. Saves nothing.
pub struct Tril {
    diagonal: isize,
}

impl Op for Tril {
    fn name(&self) -> &'static str {
        "tril"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].tril(self.diagonal)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.tril(self.diagonal)?])
    }
}

impl Var {
    /// The lower triangle of the last two axes: 0 above diagonal `diagonal`. Errors: as [`Tensor::tril`].
    pub fn tril(&self, diagonal: isize) -> Result<Var> {
        Var::apply(Tril { diagonal }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(215);
    vec![
        OpSpec::new("tril")
            .case("the main diagonal", [s.uniform([2, 3], -1.0, 1.0)], [2, 3], |x| x[0].tril(0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[0], 0.0, 0.0, x[3], x[4], 0.0]
            })
            .case("beside it, of a batch", [s.uniform([2, 3, 3], -1.0, 1.0)], [2, 3, 3], |x| x[0].tril(1))
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].tril(0))
            .case("large", [s.uniform([300, 401], -1.0, 1.0)], [300, 401], |x| x[0].tril(-3))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].tril(0),
                "[tril] there must be two axes at least, rows and columns; got [2]; add an axis with unsqueeze",
            ),
    ]
}
