//! Overwriting at indices, choosing by a mask, and tuples of indices as one number.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::index::{as_indices, checked, fits_indices, mismatch, unchecked};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernels::along::Along;
use crate::kernels::compact::Held;
use crate::layout::{Dims, Layout, broadcast_shapes, checked_len, resolve_axis};
use crate::parallel::for_chunks;
use crate::tensor::Tensor;
use crate::word::with_words;

/// The shape that `x` and a mask broadcast to.
fn masked_shape(x: &Tensor, mask: &Tensor) -> Result<Dims> {
    match mask.dtype() {
        DType::Bool => broadcast_shapes("masked_select", x.shape(), mask.shape()),
        dtype => Err(wrong_dtype("masked_select", "the mask must be boolean", dtype)),
    }
}

impl Tensor {
    /// This tensor with each element of `src` written where its index says: `out[i, indices[i, j, k], k] = src[i, j, k]`
    /// for axis 1 of rank 3. Where indices repeat, the last in row-major order stays.
    ///
    /// Shapes: the indices as for [`Tensor::gather`], `src` as the indices.
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless the indices are `I64` and `src` of this dtype; `ShapeMismatch`;
    /// `IndexOutOfBounds`. Differs from PyTorch in: repeated indices have a rule.
    pub fn scatter(&self, axis: isize, indices: &Tensor, src: &Tensor) -> Result<Tensor> {
        let axis = resolve_axis("scatter", axis, self.rank())?;
        let dtype = same_dtype("scatter", self, src)?;
        fits_indices("scatter", self.shape(), axis, indices)?;
        if src.shape() != indices.shape() {
            let rule = "source and indices must have one shape";
            return Err(mismatch("scatter", rule, &[src.shape(), indices.shape()], "narrow the larger"));
        }
        let (indices, src) = (unchecked("scatter", indices)?, src.contiguous()?);
        let target = Layout::contiguous(self.shape());
        let along = Along::new("scatter", &target, axis, as_indices(&indices), indices.shape());
        let mut result = self.copied()?;
        with_words!(dtype, W => {
            let (out, src) = (result.as_mut_words::<W>()?, src.contiguous_words::<W>());
            if !src.is_empty() {
                along.write(src, out, |y, x| *y = x)?;
            }
            Ok(result)
        })
    }

    /// Writes `src[k, …]` over row `rows[k]`, in place where the buffer is not shared. Where a row is named twice, the
    /// last stays.
    ///
    /// Shapes: this `(n, …)`, rows `(k)` and `src` `(k, …)`. Errors: `DTypeMismatch` unless the rows are `I64` and `src` of
    /// this dtype; `ShapeMismatch`; `IndexOutOfBounds`. Nothing is written then.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let mut table = Tensor::from_vec(vec![0.0f32, 1.0, 10.0, 11.0], [2, 2])?;
    /// let new = Tensor::from_vec(vec![5.0f32, 6.0], [1, 2])?;
    /// table.set_rows(&Tensor::from_vec(vec![1i64], [1])?, &new)?;
    /// assert_eq!(table.to_vec::<f32>()?, [0.0, 1.0, 5.0, 6.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn set_rows(&mut self, rows: &Tensor, src: &Tensor) -> Result<()> {
        let op = "set_rows";
        let dtype = same_dtype(op, self, src)?;
        let row = self.shape().get(1..);
        if row.is_none()
            || rows.rank() != 1
            || src.shape().split_first() != Some((&rows.len(), row.unwrap_or(&[])))
        {
            let shapes = [src.shape(), rows.shape(), self.shape()];
            let rule = "the source must have a row of this tensor for each index of rank 1";
            return Err(mismatch(op, rule, &shapes, "reshape the source or the indices"));
        }
        let (rows, src) = (checked(op, rows, self.shape()[0])?, src.contiguous()?);
        if src.len() == 0 {
            return Ok(());
        }
        let inner = src.len() / rows.len();
        with_words!(dtype, W => {
            let (out, src) = (self.as_mut_words::<W>()?, src.contiguous_words::<W>());
            for (row, &i) in src.chunks_exact(inner).zip(as_indices(&rows)) {
                out[i as usize * inner..][..inner].copy_from_slice(row);
            }
            Ok(())
        })
    }

    /// `value` at the positions of `axis` that `indices` names.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless the indices are `I64`; `IndexOutOfBounds`.
    pub fn index_fill(&self, axis: isize, indices: &Tensor, value: f64) -> Result<Tensor> {
        self.masked_fill(&self.index_mask("index_fill", axis, indices)?, value)
    }

    /// True at the positions of `axis` that `indices` names, of size 1 on the other axes.
    #[doc(hidden)]
    pub fn index_mask(&self, op: &'static str, axis: isize, indices: &Tensor) -> Result<Tensor> {
        let axis = resolve_axis(op, axis, self.rank())?;
        let indices = checked(op, indices, self.shape()[axis])?;
        let mut shape = vec![1; self.rank()];
        shape[axis] = self.shape()[axis];
        Self::build(op, &shape, |out: &mut [bool]| {
            out.fill(false);
            as_indices(&indices).iter().for_each(|&i| out[i as usize] = true);
        })
    }

    /// The flat positions of the elements that are not 0, in order, as I64 of rank 1.
    pub fn flat_nonzero(&self) -> Result<Tensor> {
        let mask = self.to_dtype(DType::Bool)?.contiguous()?;
        let held = Held::new(mask.as_slice::<bool>().unwrap_or_default());
        Self::build("nonzero", &[held.len], |out: &mut [i64]| held.collect(out, |i| i as i64))
    }

    /// The positions of the elements that are not 0, one row each, in row-major order. NaN is not 0.
    ///
    /// Shapes: `[n₁, …, n_r]` to I64 `[count, r]`.
    pub fn nonzero(&self) -> Result<Tensor> {
        let flat = self.flat_nonzero()?;
        let (shape, rank) = (self.shape(), self.rank());
        let flat = as_indices(&flat);
        Self::build("nonzero", &[flat.len(), rank], |out: &mut [i64]| {
            let Some((&last, front)) = shape.split_last() else { return };
            for_chunks(out, rank << 12, |start, out| {
                // The coordinates in front of the last axis are those of the element before, mostly.
                let (mut prefix, mut row) = (vec![0; rank - 1], -(last as i64));
                for (tuple, &position) in out.chunks_exact_mut(rank).zip(&flat[start / rank..]) {
                    if position - row >= last as i64 {
                        row = position - position % last as i64;
                        let mut rest = row / last as i64;
                        for (out, &d) in prefix.iter_mut().zip(front).rev() {
                            (*out, rest) = (rest % d as i64, rest / d as i64);
                        }
                    }
                    tuple[..rank - 1].copy_from_slice(&prefix);
                    tuple[rank - 1] = position - row;
                }
            });
        })
    }

    /// The elements where the boolean `mask` holds, in row-major order; both broadcast.
    ///
    /// Shapes: the result has rank 1. Errors: `DTypeMismatch` unless the mask is boolean; `ShapeMismatch`.
    pub fn masked_select(&self, mask: &Tensor) -> Result<Tensor> {
        let shape = masked_shape(self, mask)?;
        let (x, mask) = (self.expand(&shape[..])?.contiguous()?, mask.expand(&shape[..])?.contiguous()?);
        let held = Held::new(mask.as_slice::<bool>().unwrap_or_default());
        with_words!(self.dtype(), W => {
            let x = x.contiguous_words::<W>();
            Self::build_words("masked_select", &[held.len], self.dtype(), |out: &mut [W]| held.collect(out, |i| x[i]))
        })
    }

    /// The shape that this tensor and `mask` broadcast to, and where the mask holds in it, flat.
    #[doc(hidden)]
    pub fn masked_positions(&self, mask: &Tensor) -> Result<(Vec<usize>, Tensor)> {
        let shape = masked_shape(self, mask)?.to_vec();
        let positions = mask.expand(&shape[..])?.flat_nonzero()?;
        Ok((shape, positions))
    }

    /// The elements at flat row-major positions.
    ///
    /// Shapes: those of the indices. Errors: `DTypeMismatch` unless they are `I64`; `IndexOutOfBounds`.
    pub fn take(&self, indices: &Tensor) -> Result<Tensor> {
        self.reshape([self.len()])?.index_select(0, indices).map_err(|e| e.named("take"))
    }

    /// [`Tensor::gather`] after both have been broadcast on every axis but `axis`.
    ///
    /// Errors: as there. Source: `numpy.take_along_axis`.
    pub fn take_along_axis(&self, axis: isize, indices: &Tensor) -> Result<Tensor> {
        let (x, i) = self.along_axis_shapes(axis, indices)?;
        self.expand(&x[..])?.gather(axis, &indices.expand(&i[..])?)
    }

    /// The shapes that [`Tensor::take_along_axis`] gives to this tensor and the indices.
    #[doc(hidden)]
    pub fn along_axis_shapes(&self, axis: isize, indices: &Tensor) -> Result<(Vec<usize>, Vec<usize>)> {
        let op = "take_along_axis";
        let resolved = resolve_axis(op, axis, self.rank())?;
        if indices.rank() != self.rank() {
            let shapes = [indices.shape(), self.shape()];
            return Err(mismatch(op, "indices must have the tensor's rank", &shapes, "reshape the indices"));
        }
        let (mut x, mut i) = (self.shape().to_vec(), indices.shape().to_vec());
        (x[resolved], i[resolved]) = (1, 1);
        let mut x = broadcast_shapes(op, &x, &i)?.to_vec();
        i.clone_from(&x);
        (x[resolved], i[resolved]) = (self.shape()[resolved], indices.shape()[resolved]);
        Ok((x, i))
    }

    /// Tuples of indices into axes of sizes `dims`, on the last axis of this tensor, as flat row-major positions.
    ///
    /// Shapes: I64 `[…, k]` with `k` the number of `dims` to I64 `[…]`.
    /// Errors: `DTypeMismatch` unless I64; `ShapeMismatch`; `IndexOutOfBounds`; `ShapeOverflow` for `dims` that no tensor
    /// has. Source: `numpy.ravel_multi_index`.
    pub fn ravel_indices(&self, dims: &[usize]) -> Result<Tensor> {
        self.raveled("ravel_indices", dims)
    }

    fn raveled(&self, op: &'static str, dims: &[usize]) -> Result<Tensor> {
        if self.dtype() != DType::I64 {
            return Err(wrong_dtype(op, "indices must be i64", self.dtype()));
        }
        let k = dims.len();
        if self.shape().last() != Some(&k) || k == 0 {
            let rule = "the last axis of the indices must have an index for each axis they point into";
            return Err(mismatch(op, rule, &[self.shape(), dims], "reshape the indices"));
        }
        // So that no position is beyond an i64.
        checked_len(op, dims, DType::U8)?;
        let all = self.contiguous()?;
        let all = as_indices(&all);
        for (position, &index) in all.iter().enumerate() {
            let len = dims[position % k];
            if index as u64 >= len as u64 {
                return Err(Error::IndexOutOfBounds { op, index, len, position });
            }
        }
        Self::build(op, &self.shape()[..self.rank() - 1], |out: &mut [i64]| {
            for (out, tuple) in out.iter_mut().zip(all.chunks_exact(k)) {
                *out = tuple.iter().zip(dims).fold(0, |at, (&i, &d)| at * d as i64 + i);
            }
        })
    }

    /// The slices that tuples of indices name: `out[…] = x[indices[…, 0], …, indices[…, k − 1]]`.
    ///
    /// Shapes: `x` of rank at least `k` and I64 `[…, k]` give `[…]` and behind it the axes of `x` after the first `k`.
    /// Errors: `DTypeMismatch`; `ShapeMismatch`; `IndexOutOfBounds`. Source: ONNX `GatherND`.
    pub fn gather_nd(&self, indices: &Tensor) -> Result<Tensor> {
        let ((rows, k), flat) = self.nd_positions("gather_nd", indices)?;
        let shape = [flat.shape(), &self.shape()[k..]].concat();
        self.reshape([rows, self.shape()[k..].iter().product()])?.index_select(0, &flat)?.reshape(&shape[..])
    }

    /// This tensor with slices of `src` added where tuples of indices say: the gradient of [`Tensor::gather_nd`].
    ///
    /// Additions to one position happen in the order of the indices. Shapes: `src` as `gather_nd` would give.
    /// Errors: as there, and where `src` is not so.
    pub fn scatter_nd_add(&self, indices: &Tensor, src: &Tensor) -> Result<Tensor> {
        let (x, flat, src) = self.nd_rows("scatter_nd_add", indices, src)?;
        x.index_add(0, &flat, &src)?.reshape(self.shape())
    }

    /// This tensor with slices of `src` written where tuples of indices say: PyTorch's `index_put`. Where tuples repeat, the
    /// last stays.
    ///
    /// Shapes: `src` as [`Tensor::gather_nd`] would give. Errors: as there, and where `src` is not so.
    /// Source: ONNX `ScatterND`.
    pub fn scatter_nd(&self, indices: &Tensor, src: &Tensor) -> Result<Tensor> {
        let (x, flat, src) = self.nd_rows("scatter_nd", indices, src)?;
        let flat = flat.reshape([flat.len(), 1])?.expand(src.shape())?;
        x.scatter(0, &flat, &src)?.reshape(self.shape())
    }

    /// The slices that tuples of indices name as rows, which tuple names which, and those of `src`.
    fn nd_rows(&self, op: &'static str, indices: &Tensor, src: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let ((rows, k), flat) = self.nd_positions(op, indices)?;
        let wanted = [flat.shape(), &self.shape()[k..]].concat();
        if src.shape() != &wanted[..] {
            let rule = "the source must have the shape that gather_nd would give";
            return Err(mismatch(op, rule, &[src.shape(), &wanted], "reshape the source"));
        }
        let inner: usize = self.shape()[k..].iter().product();
        let src = src.reshape([flat.len(), inner])?;
        Ok((self.reshape([rows, inner])?, flat.reshape([flat.len()])?, src))
    }

    /// Rows of the first `k` axes together and `k`, and which row each tuple of indices names.
    #[doc(hidden)]
    pub fn nd_positions(&self, op: &'static str, indices: &Tensor) -> Result<((usize, usize), Tensor)> {
        let k = indices.shape().last().copied().unwrap_or(0);
        if k == 0 || k > self.rank() {
            let rule = "the last axis of the indices must have 1 to rank elements";
            return Err(mismatch(op, rule, &[indices.shape(), self.shape()], "reshape the indices"));
        }
        let dims = &self.shape()[..k];
        Ok(((dims.iter().product(), k), indices.raveled(op, dims)?))
    }
}
