//! The diagonal of matrices, and diagonal matrices.   `dx` is g on the diagonal, 0 beside it; of the other, its diagonal

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{PadMode, Tensor};

/// The diagonal of the last two axes. A view; saves nothing.
pub struct Diagonal;

impl Op for Diagonal {
    fn name(&self) -> &'static str {
        "diagonal"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].diagonal()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (dx, shape) = (grad.diag()?, saved.shape(0));
        if dx.shape() == shape {
            return grads([dx]);
        }
        let beyond = |axis: usize| (axis as isize, 0, (shape[axis] - dx.shape()[axis]) as isize);
        let rank = shape.len();
        grads([dx.pad(&[beyond(rank - 2), beyond(rank - 1)], PadMode::Constant(0.0))?])
    }
}

/// Matrices with the last axis as their diagonal. Saves nothing.
pub struct Diag;

impl Op for Diag {
    fn name(&self) -> &'static str {
        "diag"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].diag()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.diagonal()?])
    }
}

impl Var {
    /// The diagonal of the last two axes, as the last axis. Errors: as [`Tensor::diagonal`].
    pub fn diagonal(&self) -> Result<Var> {
        Var::apply(Diagonal, &[self])
    }

    /// Matrices with the last axis as their diagonal and 0 elsewhere. Errors: as [`Tensor::diag`].
    pub fn diag(&self) -> Result<Var> {
        Var::apply(Diag, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(218);
    vec![
        OpSpec::new("diagonal")
            .case("of a wide matrix", [s.uniform([2, 3], -1.0, 1.0)], [2], |x| x[0].diagonal())
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[0], x[4]]
            })
            .case("of a batch of squares", [s.uniform([2, 3, 3], -1.0, 1.0)], [2, 3], |x| x[0].diagonal())
            .case("empty", [s.empty([2, 0])], [0], |x| x[0].diagonal())
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].diagonal(),
                "[diagonal] there must be two axes; got [2]; add an axis with unsqueeze",
            ),
        OpSpec::new("diag")
            .case("one", [s.uniform([2], -1.0, 1.0)], [2, 2], |x| x[0].diag())
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[0], 0.0, 0.0, x[1]]
            })
            .case("a batch", [s.uniform([2, 3], -1.0, 1.0)], [2, 3, 3], |x| x[0].diag())
            .case("empty", [s.empty([0])], [0, 0], |x| x[0].diag())
            .error(
                [s.uniform([], 0.0, 1.0)],
                |x| x[0].diag(),
                "[diag] there must be an axis to be the diagonal; got []; add an axis with unsqueeze",
            ),
    ]
}
