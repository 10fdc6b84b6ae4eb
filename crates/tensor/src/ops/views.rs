//! Other shapes of the same elements: reshape, permute, expand, narrow, split. Only `reshape` and `flatten` ever copy,
//! and only where no strides can express the result.

use crate::error::{Error, Result};
use crate::layout::{Dims, Layout, checked_len, resolve_axis};
use crate::ops::into_shape::IntoShape;
use crate::tensor::Tensor;

/// The refusal of `got`.
fn invalid(op: &'static str, rule: &'static str, got: String, repair: &'static str) -> Error {
    Error::InvalidArgument { op, rule, got, repair }
}

impl Tensor {
    /// The same elements in row-major order under another shape. One size may be −1: it is what the others leave.
    ///
    /// A view where strides can express it (always, if contiguous), else a copy.
    ///
    /// Errors: `ShapeMismatch` or `InvalidArgument` unless the sizes make up exactly the elements there are, also
    /// where the −1 could be anything because another size is 0; `ShapeOverflow`.
    ///
    /// ```
    /// let x = tensor::Tensor::arange(6, tensor::DType::F32)?;
    /// assert_eq!(x.reshape([2, -1])?.shape(), [2, 3]);
    /// assert_eq!(x.reshape([2, 3])?.reshape(x.shape())?.shape(), [6]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn reshape(&self, shape: impl IntoShape) -> Result<Tensor> {
        let shape = self.complete("reshape", &shape.sizes())?;
        self.reshaped(&shape)
    }

    /// `shape` has as many elements as this tensor.
    fn reshaped(&self, shape: &[usize]) -> Result<Tensor> {
        match self.layout().reshaped(shape) {
            Some(layout) => Ok(self.with_layout(layout)),
            None => Ok(self.copied()?.with_layout(Layout::contiguous(shape))),
        }
    }

    /// `sizes` with the −1 found, and of as many elements as this tensor.
    fn complete(&self, op: &'static str, sizes: &[isize]) -> Result<Dims> {
        let got = || format!("{:?} to {sizes:?}", self.shape());
        if sizes.iter().any(|&d| d < -1) {
            return Err(invalid(
                op,
                "sizes must be 0 or more, or -1 to be found",
                got(),
                "correct the sizes",
            ));
        }
        let open = sizes.iter().position(|&d| d == -1);
        if open.is_some_and(|open| sizes[open + 1..].contains(&-1)) {
            return Err(invalid(op, "one size at most may be -1", got(), "give all sizes but one"));
        }
        let mut shape: Dims = sizes.iter().map(|d| d.unsigned_abs()).collect();
        let known = checked_len(op, &shape, self.dtype())?;
        if let Some(open) = open {
            if known == 0 {
                return Err(invalid(op, "the other sizes must decide the -1", got(), "give all sizes"));
            }
            if !self.len().is_multiple_of(known) {
                let repair = "choose sizes whose product divides it";
                return Err(invalid(op, "the other sizes must divide the number of elements", got(), repair));
            }
            shape[open] = self.len() / known;
            checked_len(op, &shape, self.dtype())?;
        } else if known != self.len() {
            return Err(Error::ShapeMismatch {
                op,
                rule: "the new shape must have as many elements as the old",
                shapes: vec![self.shape().to_vec(), shape.to_vec()],
                repair: "change the sizes, or give one as -1",
            });
        }
        Ok(shape)
    }

    /// Axes `start_axis` to `end_axis`, that one included, made one. A scalar becomes a vector of one element.
    ///
    /// Errors: `InvalidAxis`; `InvalidArgument` where the end stands before the start.
    pub fn flatten(&self, start_axis: isize, end_axis: isize) -> Result<Tensor> {
        let rank = self.rank().max(1);
        let start = resolve_axis("flatten", start_axis, rank)?;
        let end = resolve_axis("flatten", end_axis, rank)?;
        if end < start {
            let got = format!("axes {start_axis} to {end_axis} of {:?}", self.shape());
            return Err(invalid(
                "flatten",
                "the end axis must not stand before the start axis",
                got,
                "swap them",
            ));
        }
        if self.rank() == 0 {
            return self.reshaped(&[1]);
        }
        let mut shape = Dims::from_slice(&self.shape()[..start]);
        shape.push(self.shape()[start..=end].iter().product());
        shape.extend_from_slice(&self.shape()[end + 1..]);
        self.reshaped(&shape)
    }

    /// Axis `i` of the result is axis `axes[i]` of this tensor. A view.
    ///
    /// Errors: `InvalidAxis`; `InvalidArgument` unless every axis is named once.
    ///
    /// ```
    /// let x = tensor::Tensor::zeros([2, 3, 5], tensor::DType::F32)?;
    /// assert_eq!(x.permute([-1, 0, 1])?.shape(), [5, 2, 3]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn permute(&self, axes: impl AsRef<[isize]>) -> Result<Tensor> {
        let (axes, rank) = (axes.as_ref(), self.rank());
        let mut order = Dims::new();
        for &axis in axes {
            let resolved = resolve_axis("permute", axis, rank)?;
            if order.contains(&resolved) {
                return Err(Error::InvalidAxis {
                    op: "permute",
                    rule: "an axis may be named once",
                    axis,
                    rank,
                });
            }
            order.push(resolved);
        }
        if order.len() != rank {
            let got = format!("axes {axes:?} for {:?}", self.shape());
            return Err(invalid(
                "permute",
                "every axis must be named",
                got,
                "name the missing axes where they shall go",
            ));
        }
        Ok(self.with_layout(self.layout().permuted(&order)))
    }

    /// Two axes swapped. A view. Errors: `InvalidAxis`.
    pub fn transpose(&self, axis0: isize, axis1: isize) -> Result<Tensor> {
        let a = resolve_axis("transpose", axis0, self.rank())?;
        let b = resolve_axis("transpose", axis1, self.rank())?;
        let mut layout = self.layout().clone();
        layout.shape.swap(a, b);
        layout.strides.swap(a, b);
        Ok(self.with_layout(layout))
    }

    /// The last two axes swapped: of a matrix its transpose, of a batch of matrices each one's. A view.
    ///
    /// Differs from PyTorch's `t`, as its `mT`: vectors are refused, more than two axes are not.
    /// Errors: `ShapeMismatch` below rank 2.
    pub fn t(&self) -> Result<Tensor> {
        if self.rank() < 2 {
            return Err(Error::ShapeMismatch {
                op: "t",
                rule: "there must be two axes to swap",
                shapes: vec![self.shape().to_vec()],
                repair: "add an axis with unsqueeze",
            });
        }
        self.transpose(-2, -1)
    }

    /// Without an axis of size 1. A view.
    ///
    /// Differs from PyTorch in: an axis of another size is refused, not left.
    /// Errors: `InvalidAxis`; `InvalidArgument` where the size is not 1.
    pub fn squeeze(&self, axis: isize) -> Result<Tensor> {
        let resolved = resolve_axis("squeeze", axis, self.rank())?;
        if self.shape()[resolved] != 1 {
            let got = format!("axis {axis} of {:?}", self.shape());
            return Err(invalid(
                "squeeze",
                "the axis must have size 1",
                got,
                "select one position of it or leave it",
            ));
        }
        Ok(self.with_layout(self.layout().without_axis(resolved)))
    }

    /// With a new axis of size 1, which is axis `axis` of the result. A view.
    ///
    /// Errors: `InvalidAxis`, whose rank is the result's.
    pub fn unsqueeze(&self, axis: isize) -> Result<Tensor> {
        let rank = self.rank() + 1;
        let resolved = resolve_axis("unsqueeze", axis, rank).map_err(|_| Error::InvalidAxis {
            op: "unsqueeze",
            rule: "the new axis must be one of the result's",
            axis,
            rank,
        })?;
        Ok(self.with_layout(self.layout().with_axis(resolved)))
    }

    /// Repeated to `shape` as broadcasting would: new axes in front, axes of size 1 to any size; −1 keeps a size.
    /// A view with stride 0.
    ///
    /// A view may have more elements than memory could hold: results as large are refused with `OutOfMemory`, while
    /// reductions of it are computed, as in PyTorch, in time that its elements take. Whoever takes sizes from outside
    /// bounds [`Tensor::len`].
    ///
    /// Errors: `ShapeMismatch` where this shape does not broadcast to that one; `InvalidArgument` for other negative
    /// sizes, or −1 for a new axis; `ShapeOverflow`.
    pub fn expand(&self, shape: impl IntoShape) -> Result<Tensor> {
        let sizes = shape.sizes();
        let lead = sizes.len().saturating_sub(self.rank());
        let mut target = Dims::new();
        for (i, &d) in sizes.iter().enumerate() {
            match d {
                0.. => target.push(d as usize),
                -1 if i >= lead => target.push(self.shape()[i - lead]),
                _ => {
                    let got = format!("{:?} to {sizes:?}", self.shape());
                    let rule = "sizes must be 0 or more, or -1 to keep one there is";
                    return Err(invalid("expand", rule, got, "correct the sizes"));
                }
            }
        }
        let fits = self.rank() <= target.len()
            && self.shape().iter().zip(&target[lead..]).all(|(&from, &to)| from == to || from == 1);
        if !fits {
            return Err(Error::ShapeMismatch {
                op: "expand",
                rule: "aligned at the last axis, sizes must stay or grow from 1",
                shapes: vec![self.shape().to_vec(), target.to_vec()],
                repair: "unsqueeze or reshape first",
            });
        }
        checked_len("expand", &target, self.dtype())?;
        Ok(self.with_layout(self.layout().expanded(&target)))
    }

    /// Positions `start..start + len` of an axis. A view.
    ///
    /// Errors: `InvalidAxis`; `InvalidArgument` where the range passes the end.
    pub fn narrow(&self, axis: isize, start: usize, len: usize) -> Result<Tensor> {
        let resolved = resolve_axis("narrow", axis, self.rank())?;
        if start.checked_add(len).is_none_or(|end| end > self.shape()[resolved]) {
            let got = format!("start {start}, len {len} on axis {axis} of {:?}", self.shape());
            return Err(invalid(
                "narrow",
                "the range must end inside the axis",
                got,
                "shorten or move the range",
            ));
        }
        Ok(self.with_layout(self.layout().stepped(resolved, start, len, 1)))
    }

    /// One position of an axis, negative ones counted from the end; the axis goes. A view.
    ///
    /// Errors: `InvalidAxis`; `InvalidArgument` where there is no such position.
    pub fn select(&self, axis: isize, index: isize) -> Result<Tensor> {
        let resolved = resolve_axis("select", axis, self.rank())?;
        let at = self.position("select", resolved, index)?;
        Ok(self.with_layout(self.layout().stepped(resolved, at, 1, 1).without_axis(resolved)))
    }

    /// The position that `index` names on `axis`, negative ones counted from the end.
    pub(crate) fn position(&self, op: &'static str, axis: usize, index: isize) -> Result<usize> {
        let len = self.shape()[axis] as isize;
        let at = if index < 0 { index + len } else { index };
        if (0..len).contains(&at) {
            return Ok(at as usize);
        }
        let got = format!("index {index} on axis {axis} of {:?}", self.shape());
        Err(invalid(op, "the position must exist", got, "use an index of -size..size"))
    }

    /// An axis in reverse order. A view. Errors: `InvalidAxis`.
    pub fn flip(&self, axis: isize) -> Result<Tensor> {
        let axis = resolve_axis("flip", axis, self.rank())?;
        let len = self.shape()[axis];
        Ok(self.with_layout(self.layout().stepped(axis, len.saturating_sub(1), len, -1)))
    }

    /// An axis cut into parts of the given sizes, in order. Views.
    ///
    /// Errors: `InvalidAxis`; `InvalidArgument` unless the sizes add up to the axis.
    pub fn split(&self, axis: isize, sizes: &[usize]) -> Result<Vec<Tensor>> {
        let resolved = resolve_axis("split", axis, self.rank())?;
        let total = sizes.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        if total != Some(self.shape()[resolved]) {
            let got = format!("sizes {sizes:?} on axis {axis} of {:?}", self.shape());
            return Err(invalid("split", "the sizes must add up to the axis", got, "correct the sizes"));
        }
        let mut start = 0;
        sizes
            .iter()
            .map(|&len| {
                let part = self.narrow(axis, start, len);
                start += len;
                part
            })
            .collect()
    }

    /// An axis cut into at most `chunks` parts of equal size, the last perhaps smaller. Views.
    ///
    /// Parts have `⌈size / chunks⌉` positions, as in PyTorch, so there may be fewer of them than asked for.
    /// Errors: `InvalidAxis`; `InvalidArgument` for 0 chunks.
    pub fn chunk(&self, axis: isize, chunks: usize) -> Result<Vec<Tensor>> {
        let len = self.shape()[resolve_axis("chunk", axis, self.rank())?];
        if chunks == 0 {
            let got = format!("0 chunks of axis {axis} of {:?}", self.shape());
            return Err(invalid("chunk", "there must be one chunk at least", got, "ask for 1 or more"));
        }
        let size = len.div_ceil(chunks).max(1);
        (0..len.div_ceil(size).max(1))
            .map(|i| self.narrow(axis, i * size, size.min(len - i * size)))
            .collect()
    }

    /// The diagonal of the last two axes, as the last axis. A view.
    ///
    /// Shapes: `[…, m, n]` to `[…, min(m, n)]`. Errors: `ShapeMismatch` below rank 2.
    pub fn diagonal(&self) -> Result<Tensor> {
        let rank = self.rank();
        if rank < 2 {
            return Err(Error::ShapeMismatch {
                op: "diagonal",
                rule: "there must be two axes",
                shapes: vec![self.shape().to_vec()],
                repair: "add an axis with unsqueeze",
            });
        }
        let mut layout = self.layout().without_axis(rank - 1);
        layout.shape[rank - 2] = self.shape()[rank - 2].min(self.shape()[rank - 1]);
        layout.strides[rank - 2] += self.layout().strides[rank - 1];
        Ok(self.with_layout(layout))
    }
}
