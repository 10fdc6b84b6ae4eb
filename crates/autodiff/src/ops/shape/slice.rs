//! Part of every axis, as `s![..]` describes it.   `dx` is g where the slice reads, 0 elsewhere

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{SliceArg, Tensor};

/// A view of the part that `args` name. Saves nothing.
pub struct Slice {
    args: Vec<SliceArg>,
}

impl Op for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].slice(&self.args)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([unslice(grad, saved.shape(0), self.args.clone())?])
    }
    fn adds_to(&self) -> Option<usize> {
        Some(0)
    }
    fn add_grad(&self, _: &Saved, grad: &Var, sum: Tensor) -> Result<Tensor> {
        Ok(sum.slice_add_owned(&self.args, grad.value())?)
    }
}

/// Zeros of `shape` with the operand where `args` read: the gradient of [`Slice`].   `dg` is the slice of the gradient
pub struct Unslice {
    shape: Vec<usize>,
    args: Vec<SliceArg>,
}

impl Op for Unslice {
    fn name(&self) -> &'static str {
        "unslice"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::zeros(&self.shape, x[0].dtype())?.slice_scatter_owned(&self.args, x[0])?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.slice(&self.args)?])
    }
}

/// `grad` put back to where a slice of `shape` by `args` was read.
pub(crate) fn unslice(grad: &Var, shape: &[usize], args: Vec<SliceArg>) -> Result<Var> {
    Var::apply(Unslice { shape: shape.to_vec(), args }, &[grad])
}

/// `args` that take all axes whole, but `axis`, which has been checked, as `arg` says.
pub(crate) fn on_axis(rank: usize, axis: isize, arg: SliceArg) -> Vec<SliceArg> {
    let mut args = vec![SliceArg::from(..); axis.rem_euclid(rank as isize) as usize];
    args.push(arg);
    args
}

impl Var {
    /// Part of every axis, as [`tensor::s!`] describes it. Errors: as [`Tensor::slice`].
    pub fn slice(&self, args: &[SliceArg]) -> Result<Var> {
        Var::apply(Slice { args: args.to_vec() }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    use tensor::{Ellipsis, NewAxis, s};
    let mut s = Samples::new(53);
    vec![
        OpSpec::new("slice")
            .case("an index, a range, a step", [s.uniform([3, 4, 5], -1.0, 1.0)], [2, 3], |x| x[0].slice(s![-1, 1..3, ..;2]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                [1, 2].iter().flat_map(|j| [0, 2, 4].map(|k| x[40 + j * 5 + k])).collect()
            })
            .case("from the back", [s.uniform([2, 5], -1.0, 1.0)], [2, 1, 2], |x| x[0].slice(s![Ellipsis, NewAxis, -2..0;-2]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[3], x[1], x[8], x[6]]
            })
            .case("nothing taken", [s.uniform([2, 5], -1.0, 1.0)], [2, 0], |x| x[0].slice(s![.., 3..3]))
            .case("empty", [s.empty([0, 5])], [0, 2], |x| x[0].slice(s![.., ..2]))
            .case("large", [s.uniform([300, 401], -1.0, 1.0)], [150, 400], |x| x[0].slice(s![..;2, 1..]))
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].slice(s![0, 5]),
                "[slice] the position must exist; got index 5 on axis 1 of [2, 3]; use an index of -size..size",
            ),
        OpSpec::new("unslice")
            .case("into columns", [s.uniform([2, 2], -1.0, 1.0)], [2, 4], |x| unslice(&x[0], &[2, 4], s![.., 1..;2].to_vec()))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![0.0, x[0], 0.0, x[1], 0.0, x[2], 0.0, x[3]]
            })
            .case("empty", [s.empty([2, 0])], [2, 4], |x| unslice(&x[0], &[2, 4], s![.., ..0].to_vec()))
            .reference(|_| vec![0.0; 8]),
    ]
}
