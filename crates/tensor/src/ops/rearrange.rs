//! Windows that slide along an axis, and axes moved.

use crate::error::{Error, Result};
use crate::layout::{Dims, checked_len, resolve_axis};
use crate::ops::slice::SliceArg;
use crate::ops::widen::in_wider;
use crate::tensor::Tensor;

/// The axis, and how many windows of `size` there are, `step` apart.
fn windows(shape: &[usize], axis: isize, size: usize, step: usize) -> Result<(usize, usize)> {
    let op = "unfold";
    let resolved = resolve_axis(op, axis, shape.len())?;
    let n = shape[resolved];
    if size == 0 || step == 0 || size > n {
        return Err(Error::InvalidArgument {
            op,
            rule: "size and step must be 1 or more, and a window must fit in the axis",
            got: format!("size {size}, step {step} on axis {axis} of {shape:?}"),
            repair: "use smaller windows, or pad first",
        });
    }
    Ok((resolved, (n - size) / step + 1))
}

impl Tensor {
    /// Windows of `size` positions that slide along an axis by `step`: the axis counts windows, a new last axis the
    /// positions in each. A view, in which windows may overlap.
    ///
    /// Shapes: `[…, n, …]` to `[…, (n − size) / step + 1, …, size]`.
    /// Errors: `InvalidAxis`; `InvalidArgument` for a size or step of 0, or a window longer than the axis; `ShapeOverflow`.
    ///
    /// ```
    /// let x = tensor::Tensor::arange(4, tensor::DType::F32)?;
    /// assert_eq!(x.unfold(0, 2, 1)?.to_vec::<f32>()?, [0.0, 1.0, 1.0, 2.0, 2.0, 3.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Result<Tensor> {
        let (axis, count) = windows(self.shape(), axis, size, step)?;
        let stride = self.layout().strides[axis];
        let mut layout = self.layout().stepped(axis, 0, count, step as isize).with_axis(self.rank());
        layout.shape[self.rank()] = size;
        layout.strides[self.rank()] = stride;
        checked_len("unfold", &layout.shape, self.dtype())?;
        Ok(self.with_layout(layout))
    }

    /// The gradient of [`Tensor::unfold`]: zeros of `shape` with each window of this added where it was read, the
    /// first position of all windows first.
    ///
    /// Errors: as `unfold` of a tensor of `shape`; `ShapeMismatch` unless this has the shape that gives;
    /// `DTypeMismatch` for booleans.
    pub fn unfold_adjoint(&self, shape: &[usize], axis: isize, size: usize, step: usize) -> Result<Tensor> {
        let (axis, count) = windows(shape, axis, size, step)?;
        let mut unfolded = Dims::from_slice(shape);
        unfolded[axis] = count;
        unfolded.push(size);
        if self.shape() != &unfolded[..] {
            return Err(Error::ShapeMismatch {
                op: "unfold_adjoint",
                rule: "the gradient must have the shape of the windows",
                shapes: vec![self.shape().to_vec(), unfolded.to_vec()],
                repair: "give the shape before unfolding",
            });
        }
        in_wider!(narrowed[self], |x| x[0].unfold_adjoint(shape, axis as isize, size, step));
        let mut dx = Tensor::zeros(shape, self.dtype())?;
        let mut args = vec![SliceArg::from(..); axis + 1];
        for at in 0..size {
            let end = at + (count - 1) * step + 1;
            args[axis] =
                SliceArg::Range { start: Some(at as isize), end: Some(end as isize), step: step as isize };
            let sum = dx.slice(&args)?.add(&self.select(-1, at as isize)?)?;
            dx = dx.slice_scatter_owned(&args, &sum)?;
        }
        Ok(dx)
    }

    /// Axis `from` moved so that it is axis `to` of the result; the others keep their order. A view.
    ///
    /// Errors: `InvalidAxis`.
    pub fn moveaxis(&self, from: isize, to: isize) -> Result<Tensor> {
        let source = resolve_axis("moveaxis", from, self.rank())?;
        let target = resolve_axis("moveaxis", to, self.rank())?;
        let mut order: Dims = (0..self.rank()).filter(|&a| a != source).collect();
        order.insert(target, source);
        Ok(self.with_layout(self.layout().permuted(&order)))
    }
}
