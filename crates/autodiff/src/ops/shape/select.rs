//! One position of an axis, which goes.   `dx` is g there, 0 elsewhere

use super::slice::{on_axis, unslice};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{SliceArg, Tensor};

/// A view of position `index` of `axis`. Saves nothing.
pub struct Select {
    axis: isize,
    index: isize,
}

impl Op for Select {
    fn name(&self) -> &'static str {
        "select"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].select(self.axis, self.index)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([unslice(grad, saved.shape(0), self.args(saved))?])
    }
    fn adds_to(&self) -> Option<usize> {
        Some(0)
    }
    fn add_grad(&self, saved: &Saved, grad: &Var, sum: Tensor) -> Result<Tensor> {
        Ok(sum.slice_add_owned(&self.args(saved), grad.value())?)
    }
}

impl Select {
    /// As a slice.
    fn args(&self, saved: &Saved) -> Vec<SliceArg> {
        on_axis(saved.shape(0).len(), self.axis, SliceArg::Index(self.index))
    }
}

impl Var {
    /// One position of an axis, negative ones counted from the end; the axis goes. Errors: as [`Tensor::select`].
    pub fn select(&self, axis: isize, index: isize) -> Result<Var> {
        Var::apply(Select { axis, index }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(55);
    vec![
        OpSpec::new("select")
            .case("a column", [s.uniform([3, 4], -1.0, 1.0)], [3], |x| x[0].select(-1, -2))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[2], x[6], x[10]]
            })
            .case("one of few", [s.uniform([3], -1.0, 1.0)], [], |x| x[0].select(0, 1))
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].select(1, 1))
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].select(0, 2),
                "[select] the position must exist; got index 2 on axis 0 of [2, 3]; use an index of -size..size",
            ),
    ]
}
