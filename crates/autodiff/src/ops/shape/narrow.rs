//! Positions `start..start + len` of an axis.   `dx` is g there, 0 elsewhere

use super::slice::{on_axis, unslice};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{SliceArg, Tensor};

/// A view of `len` positions of `axis`. Saves nothing.
pub struct Narrow {
    axis: isize,
    start: usize,
    len: usize,
}

impl Op for Narrow {
    fn name(&self) -> &'static str {
        "narrow"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].narrow(self.axis, self.start, self.len)?)
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

impl Narrow {
    /// As a slice.
    fn args(&self, saved: &Saved) -> Vec<SliceArg> {
        let range = SliceArg::from(self.start..self.start + self.len);
        on_axis(saved.shape(0).len(), self.axis, range)
    }
}

impl Var {
    /// Positions `start..start + len` of an axis. Errors: as [`Tensor::narrow`].
    pub fn narrow(&self, axis: isize, start: usize, len: usize) -> Result<Var> {
        Var::apply(Narrow { axis, start, len }, &[self])
    }

    /// An axis cut into parts of the given sizes, in order.
    ///
    /// Errors: `InvalidAxis`; `InvalidArgument` unless the sizes add up to the axis.
    pub fn split(&self, axis: isize, sizes: &[usize]) -> Result<Vec<Var>> {
        // The tensor checks the sizes and says what is wrong.
        self.value().split(axis, sizes)?;
        let mut start = 0;
        let mut part = |&len: &usize| {
            start += len;
            self.narrow(axis, start - len, len)
        };
        sizes.iter().map(&mut part).collect()
    }

    /// An axis cut into at most `chunks` parts of equal size, the last perhaps smaller. Errors: as [`Tensor::chunk`].
    pub fn chunk(&self, axis: isize, chunks: usize) -> Result<Vec<Var>> {
        let parts = self.value().chunk(axis, chunks)?;
        let at = axis.rem_euclid(self.rank() as isize) as usize;
        let sizes: Vec<usize> = parts.iter().map(|part| part.shape()[at]).collect();
        self.split(axis, &sizes)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(54);
    vec![
        OpSpec::new("narrow")
            .case("middle axis", [s.uniform([2, 4, 3], -1.0, 1.0)], [2, 2, 3], |x| x[0].narrow(-2, 1, 2))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(12).flat_map(|plane| plane[3..9].to_vec()).collect()
            })
            .case("nothing taken", [s.uniform([2, 3], -1.0, 1.0)], [2, 0], |x| x[0].narrow(1, 3, 0))
            .case("empty", [s.empty([0, 3])], [0, 2], |x| x[0].narrow(1, 1, 2))
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].narrow(1, 2, 2),
                "[narrow] the range must end inside the axis; got start 2, len 2 on axis 1 of [2, 3]; shorten or move the range",
            ),
        OpSpec::new("split")
            .case("the second of three", [s.uniform([2, 6], -1.0, 1.0)], [2, 3], |x| Ok(x[0].split(1, &[1, 3, 2])?.remove(1)))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(6).flat_map(|row| row[1..4].to_vec()).collect()
            })
            .case("the last chunk", [s.uniform([5, 2], -1.0, 1.0)], [1, 2], |x| Ok(x[0].chunk(0, 3)?.remove(2)))
            .case("empty", [s.empty([0, 6])], [0, 5], |x| Ok(x[0].split(1, &[1, 5])?.remove(1)))
            .error(
                [s.uniform([2, 6], 0.0, 1.0)],
                |x| Ok(x[0].split(1, &[1, 3])?.remove(0)),
                "[split] the sizes must add up to the axis; got sizes [1, 3] on axis 1 of [2, 6]; correct the sizes",
            ),
    ]
}
