//! Sums over axes.   `dx = g`, repeated along the axes that were summed

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = Σ x` over `axes` (none named: all), which stay with size 1 if `keep`. Saves nothing.
pub struct Sum {
    axes: Vec<isize>,
    keep: bool,
}

impl Op for Sum {
    fn name(&self) -> &'static str {
        if self.keep { "sum_keep" } else { "sum" }
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(if self.keep { x[0].sum_keep(&self.axes)? } else { x[0].sum(&self.axes)? })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([repeat_reduced(grad, saved.shape(0), &self.axes)?])
    }
}

/// The gradient of a reduction, put back to the shape that was reduced.
pub(crate) fn repeat_reduced(grad: &Var, shape: &[usize], axes: &[isize]) -> Result<Var> {
    grad.reshape(kept_shape(shape, axes))?.expand(shape)
}

/// `shape` with size 1 along `axes`, which have been checked (none named: all).
pub(crate) fn kept_shape(shape: &[usize], axes: &[isize]) -> Vec<usize> {
    let mut kept = shape.to_vec();
    if axes.is_empty() {
        kept.fill(1);
    }
    for &axis in axes {
        kept[axis.rem_euclid(shape.len() as isize) as usize] = 1;
    }
    kept
}

/// How many elements meet in each result when `shape` is reduced over `axes`, which have been checked (none named: all).
pub(crate) fn reduced_len(shape: &[usize], axes: &[isize]) -> usize {
    match axes {
        [] => shape.iter().product(),
        axes => axes.iter().map(|&axis| shape[axis.rem_euclid(shape.len() as isize) as usize]).product(),
    }
}

/// The sum over what broadcasting repeated, so that the result has `shape`. Its gradient repeats again.
pub struct SumTo {
    shape: Vec<usize>,
}

impl Op for SumTo {
    fn name(&self) -> &'static str {
        "sum_to"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].sum_to(&self.shape)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.expand(saved.shape(0))?])
    }
}

impl Var {
    /// `Σ x` over `axes`, which are dropped; none named means all.
    ///
    /// Errors: `InvalidAxis`.
    pub fn sum(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Sum { axes: axes.to_vec(), keep: false }, &[self])
    }

    /// `Σ x` over `axes`, which stay with size 1; none named means all. Errors: `InvalidAxis`.
    pub fn sum_keep(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Sum { axes: axes.to_vec(), keep: true }, &[self])
    }

    /// The sum over what broadcasting from `shape` would repeat, so that the result has `shape`.
    ///
    /// Errors: `ShapeMismatch` unless `shape` broadcasts to this one.
    pub fn sum_to(&self, shape: &[usize]) -> Result<Var> {
        Var::apply(SumTo { shape: shape.to_vec() }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(20);
    vec![
        OpSpec::new("sum")
            .case("all", [s.uniform([3, 4], -2.0, 2.0)], [], |x| x[0].sum(&[]))
            .reference(|x| vec![x[0].to_vec::<f64>().unwrap_or_default().iter().sum()])
            .case("axis 0", [s.uniform([3, 4], -2.0, 2.0)], [4], |x| x[0].sum(&[0]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..4).map(|j| (0..3).map(|i| x[i * 4 + j]).sum()).collect()
            })
            .case("outer axes, kept", [s.uniform([2, 3, 4], -2.0, 2.0)], [1, 3, 1], |x| {
                x[0].sum_keep(&[-1, 0])
            })
            .case("of a scalar", [s.uniform([], -1.0, 1.0)], [], |x| x[0].sum(&[]))
            .case("empty", [s.empty([0, 3])], [3], |x| x[0].sum(&[0]))
            .reference(|_| vec![0.0; 3])
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [301], |x| x[0].sum(&[0]))
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].sum(&[2]),
                "[sum] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once",
            ),
        OpSpec::new("sum_to")
            .case("rows and columns", [s.uniform([2, 3, 4], -2.0, 2.0)], [3, 1], |x| x[0].sum_to(&[3, 1]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..3)
                    .map(|j| {
                        (0..2)
                            .flat_map(|i| (0..4).map(move |k| (i, k)))
                            .map(|(i, k)| x[i * 12 + j * 4 + k])
                            .sum()
                    })
                    .collect()
            })
            .case("empty", [s.empty([0, 3])], [1, 3], |x| x[0].sum_to(&[1, 3])),
    ]
}
