//! Softmax, its logarithm, the logarithm of its denominator, and their gradients, along any axis.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::Float;
use crate::error::{Error, Result};
use crate::kernels::softmax::{
    GRAIN, log_softmax_grad_rows, log_softmax_rows, logsumexp_rows, softmax_grad_rows, softmax_rows,
};
use crate::layout::{Dims, Layout, resolve_axis};
use crate::parallel::for_chunks;
use crate::tensor::{Tensor, with_dtype};

/// The layout with `axis` moved to the end.
fn axis_last(layout: &Layout, axis: usize) -> Layout {
    let mut order: Vec<usize> = (0..layout.shape.len()).filter(|&i| i != axis).collect();
    order.push(axis);
    layout.permuted(&order)
}

/// `rows` at the rows of `operands` along `axis`, into a tensor of the same shape.
fn along<T: Float, const N: usize>(
    op: &'static str,
    operands: [&Tensor; N],
    axis: isize,
    rows: impl Fn([&[T]; N], usize, &mut [T]) + Sync,
) -> Result<Tensor> {
    let first = operands[0];
    let axis = resolve_axis(op, axis, first.rank())?;
    let len = first.shape()[axis];
    let moved = operands.map(|t| t.with_layout(axis_last(t.layout(), axis)).contiguous());
    let mut lines = [const { &[] as &[T] }; N];
    for (line, moved) in lines.iter_mut().zip(&moved) {
        *line = moved.as_ref().map_err(Error::clone)?.as_slice().unwrap_or_default();
    }
    let shape = axis_last(first.layout(), axis).shape;
    let out = Tensor::build(op, &shape, |out: &mut [T]| {
        if len == 0 {
            return;
        }
        for_chunks(out, GRAIN.div_ceil(len) * len, |start, out| {
            rows(lines.map(|x| &x[start..start + out.len()]), len, out);
        });
    })?;
    if axis + 1 == first.rank() {
        return Ok(out);
    }
    let mut back: Vec<usize> = (0..first.rank() - 1).collect();
    back.insert(axis, first.rank() - 1);
    out.with_layout(out.layout().permuted(&back)).contiguous()
}

fn same_shape(op: &'static str, y: &Tensor, g: &Tensor) -> Result<()> {
    match y.shape() == g.shape() {
        true => Ok(()),
        false => Err(Error::ShapeMismatch {
            op,
            rule: "the gradient must have the result's shape",
            shapes: vec![y.shape().to_vec(), g.shape().to_vec()],
            repair: "expand the gradient",
        }),
    }
}

impl Tensor {
    /// `exp(x) / Σ exp(x)` along `axis`, computed from `x − max x`.
    ///
    /// Along an axis of size 0 nothing is computed. NaN, +∞ or nothing but −∞ in a row makes the row NaN. Errors:
    /// `InvalidAxis`, `DTypeMismatch` unless floats.
    ///
    /// ```
    /// let x = tensor::Tensor::from_vec(vec![0.0f64, 0.0, f64::NEG_INFINITY], [3])?;
    /// assert_eq!(x.softmax(0)?.to_vec::<f64>()?, [0.5, 0.5, 0.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn softmax(&self, axis: isize) -> Result<Tensor> {
        in_wider!(narrowed[self], |x| x[0].softmax(axis));
        with_dtype!(self.dtype(), T, float => along::<T, 1>("softmax", [self], axis, |[x], len, out| softmax_rows(x, len, out)),
            else dtype => Err(wrong_dtype("softmax", "the operand must be a float", dtype)))
    }

    /// `x − ln Σ exp(x)` along `axis`; accurate where the softmax itself would round to 0 or 1. Otherwise as
    /// [`Tensor::softmax`].
    pub fn log_softmax(&self, axis: isize) -> Result<Tensor> {
        in_wider!(narrowed[self], |x| x[0].log_softmax(axis));
        with_dtype!(self.dtype(), T, float => along::<T, 1>("log_softmax", [self], axis, |[x], len, out| log_softmax_rows(x, len, out)),
            else dtype => Err(wrong_dtype("log_softmax", "the operand must be a float", dtype)))
    }

    /// `ln Σ exp(x)` along `axis`, which is left out of the result; −∞ for an axis of size 0 and for rows of −∞.
    ///
    /// Errors: as [`Tensor::softmax`].
    pub fn logsumexp(&self, axis: isize) -> Result<Tensor> {
        in_wider!(narrowed[self], |x| x[0].logsumexp(axis));
        let op = "logsumexp";
        let axis = resolve_axis(op, axis, self.rank())?;
        let len = self.shape()[axis];
        let moved = self.with_layout(axis_last(self.layout(), axis)).contiguous()?;
        let shape: Dims = self.layout().without_axis(axis).shape;
        with_dtype!(self.dtype(), T, float => {
            let x = moved.as_slice::<T>().unwrap_or_default();
            Tensor::build(op, &shape, |out: &mut [T]| match len {
                0 => out.fill(T::of(f64::NEG_INFINITY)),
                _ => for_chunks(out, GRAIN.div_ceil(len), |start, out| {
                    logsumexp_rows(&x[start * len..(start + out.len()) * len], len, out);
                }),
            })
        }, else dtype => Err(wrong_dtype(op, "the operand must be a float", dtype)))
    }

    /// The gradient of [`Tensor::softmax`] from its result `y` (this tensor) and the gradient `g` of that:
    /// `y·(g − Σ g·y)` along `axis`.
    ///
    /// Errors: `InvalidAxis`; `ShapeMismatch` or `DTypeMismatch` unless `g` has the shape and dtype of `y`.
    pub fn softmax_grad(&self, g: &Tensor, axis: isize) -> Result<Tensor> {
        in_wider!(narrowed[self, g], |x| x[0].softmax_grad(x[1], axis));
        let dtype = same_dtype("softmax_grad", self, g)?;
        same_shape("softmax_grad", self, g)?;
        with_dtype!(dtype, T, float => along::<T, 2>("softmax_grad", [self, g], axis, |[y, g], len, out| softmax_grad_rows(y, g, len, out)),
            else dtype => Err(wrong_dtype("softmax_grad", "the operand must be a float", dtype)))
    }

    /// The gradient of [`Tensor::log_softmax`] from its result `y` (this tensor) and the gradient `g` of that:
    /// `g − exp(y)·Σ g` along `axis`. Errors: as [`Tensor::softmax_grad`].
    pub fn log_softmax_grad(&self, g: &Tensor, axis: isize) -> Result<Tensor> {
        in_wider!(narrowed[self, g], |x| x[0].log_softmax_grad(x[1], axis));
        let dtype = same_dtype("log_softmax_grad", self, g)?;
        same_shape("log_softmax_grad", self, g)?;
        with_dtype!(dtype, T, float => along::<T, 2>("log_softmax_grad", [self, g], axis, |[y, g], len, out| log_softmax_grad_rows(y, g, len, out)),
            else dtype => Err(wrong_dtype("log_softmax_grad", "the operand must be a float", dtype)))
    }
}
