//! Positions given by a tensor of indices: reading there, and adding there, which is how gradients of reading go.
//!
//! Indices are checked before any work; negative ones are an error, not counted from the end. Where an index repeats,
//! additions happen in the order of the indices, whatever the number of threads: work is split by destination.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::{DType, Number};
use crate::error::{Error, Result};
use crate::kernels::along::{Along, first_outside};
use crate::layout::{Dims, Layout, Strides, resolve_axis};
use crate::parallel::{Disjoint, for_chunks, for_ranges, threads};
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};
use crate::word::{Word, with_words};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;
/// Columns below which a row is not worth splitting.
const COLUMNS: usize = 32;

/// The indices, contiguous and all in `0..len`.
pub(super) fn checked(op: &'static str, indices: &Tensor, len: usize) -> Result<Tensor> {
    let indices = unchecked(op, indices)?;
    match first_outside(as_indices(&indices), len) {
        usize::MAX => Ok(indices),
        position => Err(Error::IndexOutOfBounds { op, index: as_indices(&indices)[position], len, position }),
    }
}

/// The indices, contiguous, which whoever reads them checks.
pub(super) fn unchecked(op: &'static str, indices: &Tensor) -> Result<Tensor> {
    match indices.dtype() {
        DType::I64 => indices.contiguous(),
        dtype => Err(wrong_dtype(op, "indices must be i64", dtype)),
    }
}

/// What [`checked`] has checked.
pub(super) fn as_indices(indices: &Tensor) -> &[i64] {
    indices.as_slice::<i64>().unwrap_or(&[])
}

/// `shape` with `axis` replaced by the axes of the indices.
fn replaced(shape: &[usize], axis: usize, by: &[usize]) -> Dims {
    shape[..axis].iter().chain(by).chain(&shape[axis + 1..]).copied().collect()
}

/// Whether what lies behind `axis` stands row by row in memory, and nothing lies before it.
fn rows_are_neighbours(layout: &Layout, axis: usize) -> bool {
    let row = Layout {
        shape: Dims::from_slice(&layout.shape[axis + 1..]),
        strides: Strides::from_slice(&layout.strides[axis + 1..]),
        offset: 0,
    };
    layout.shape[..axis].iter().all(|&d| d == 1) && row.is_contiguous()
}

/// The refusal of index and source shapes that do not belong together.
pub(super) fn mismatch(
    op: &'static str,
    rule: &'static str,
    shapes: &[&[usize]],
    repair: &'static str,
) -> Error {
    Error::ShapeMismatch { op, rule, shapes: shapes.iter().map(|s| s.to_vec()).collect(), repair }
}

simd_fn! {
    /// y += x
    fn add_to[T: Number](x: &[T], y: &mut [T]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = y.add(x);
        }
    }
}

/// Rows of `inner` elements out of `x`, seen as `[outer, len, inner]`.
fn select_rows<W: Word>(x: &Tensor, axis: usize, idx: &[i64], out: &mut [W]) {
    let layout = x.layout();
    let inner: usize = layout.shape[axis + 1..].iter().product();
    let (slab, step) = ((layout.shape[axis] * inner) as isize, layout.strides[axis]);
    if out.is_empty() {
        return;
    }
    let data = x.words::<W>();
    if inner == 1 && step == 1 {
        return for_chunks(out, (GRAIN / idx.len()).max(1) * idx.len(), |start, out| {
            for (o, out) in out.chunks_exact_mut(idx.len()).enumerate() {
                let row = layout.offset + (start / idx.len() + o) * slab as usize;
                let row = &data[row..row + layout.shape[axis]];
                out.iter_mut().zip(idx).for_each(|(out, &i)| *out = row[i as usize]);
            }
        });
    }
    for_chunks(out, (GRAIN / inner).max(1) * inner, |start, out| {
        let (mut o, mut k) = (start / inner / idx.len(), start / inner % idx.len());
        for row in out.chunks_exact_mut(inner) {
            let at = (layout.offset as isize + o as isize * slab + idx[k] as isize * step) as usize;
            match row {
                [one] => *one = data[at],
                row => row.copy_from_slice(&data[at..at + inner]),
            }
            k += 1;
            if k == idx.len() {
                (o, k) = (o + 1, 0);
            }
        }
    });
}

/// `out[idx[k], :] += src[k, :]`
fn add_slab<T: Number>(out: &mut [T], src: &[T], idx: &[i64], inner: usize) {
    if inner == 1 {
        for (&x, &i) in src.iter().zip(idx) {
            let y = &mut out[i as usize];
            *y = y.add(x);
        }
        return;
    }
    for (row, &i) in src.chunks_exact(inner).zip(idx) {
        add_to(row, &mut out[i as usize * inner..][..inner]);
    }
}

/// `out[o, idx[k], :] += src[o, k, :]`, both contiguous, `inner` elements to a row, `len` rows to a slab of `out`.
fn add_rows<T: Number>(out: &mut [T], src: &[T], idx: &[i64], len: usize, inner: usize) {
    let work = idx.len() * inner;
    if src.is_empty() {
        return;
    }
    if out.len() > len * inner {
        let slab = len * inner;
        let per = (GRAIN / work).max(1);
        return for_chunks(out, per * slab, |start, out| {
            for (o, out) in out.chunks_exact_mut(slab).enumerate() {
                add_slab(out, &src[(start / slab + o) * work..][..work], idx, inner);
            }
        });
    }
    if inner == 1 {
        return add_slab(out, src, idx, inner);
    }
    let width = match work < GRAIN || inner < COLUMNS {
        true => inner,
        false => inner.div_ceil(threads()).next_multiple_of(COLUMNS),
    };
    let whole = Disjoint::new(out);
    for_ranges(inner, width, |columns| {
        for (row, &i) in src.chunks_exact(inner).zip(idx) {
            let at = i as usize * inner;
            // SAFETY: `out` stays borrowed; pieces take columns that no other piece takes, one row at a time.
            let y = unsafe { whole.slice(at + columns.start..at + columns.end) };
            add_to(&row[columns.clone()], y);
        }
    });
}

impl Tensor {
    /// The positions of an axis that `indices` names, in that order, as often as named.
    ///
    /// Shapes: `[…, n, …]` with indices `[…i]` of any rank gives `[…, …i, …]`; so a table `[vocab, d]` with ids
    /// `[batch, time]` on axis 0 gives `[batch, time, d]`.
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless the indices are `I64`; `IndexOutOfBounds`.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let table = Tensor::from_vec(vec![0.0f32, 1.0, 10.0, 11.0, 20.0, 21.0], [3, 2])?;
    /// let ids = Tensor::from_vec(vec![2i64, 0], [2])?;
    /// assert_eq!(table.index_select(0, &ids)?.to_vec::<f32>()?, [20.0, 21.0, 0.0, 1.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn index_select(&self, axis: isize, indices: &Tensor) -> Result<Tensor> {
        let axis = resolve_axis("index_select", axis, self.rank())?;
        let indices = checked("index_select", indices, self.shape()[axis])?;
        let shape = replaced(self.shape(), axis, indices.shape());
        let x = if rows_are_neighbours(self.layout(), axis) { self.clone() } else { self.contiguous()? };
        with_words!(self.dtype(), W => Self::build_words("index_select", &shape, self.dtype(), |out: &mut [W]| {
            select_rows(&x, axis, as_indices(&indices), out);
        }))
    }

    /// One element for each index: `out[i, j, k] = x[i, indices[i, j, k], k]` for axis 1 of rank 3.
    ///
    /// Shapes: the indices have this tensor's rank, and on other axes at most its sizes; the result has their shape.
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless the indices are `I64`; `ShapeMismatch`; `IndexOutOfBounds`.
    pub fn gather(&self, axis: isize, indices: &Tensor) -> Result<Tensor> {
        let axis = resolve_axis("gather", axis, self.rank())?;
        fits_indices("gather", self.shape(), axis, indices)?;
        let indices = unchecked("gather", indices)?;
        let along = Along::new("gather", self.layout(), axis, as_indices(&indices), indices.shape());
        with_words!(self.dtype(), W => {
            let mut read = Ok(());
            let out = Self::build_words("gather", indices.shape(), self.dtype(), |out: &mut [W]| {
                if !out.is_empty() {
                    read = along.read(self.words::<W>(), out);
                }
            })?;
            read.map(|()| out)
        })
    }

    /// This tensor with `src` added at the positions of an axis that `indices` names: the gradient of
    /// [`Tensor::index_select`].
    ///
    /// Additions to one position happen in the order of the indices.
    /// Shapes: those that `index_select` takes, with `src` of the shape it gives.
    /// Errors: as there, and `ShapeMismatch` or `DTypeMismatch` where `src` is not so, or not of this dtype, or booleans.
    pub fn index_add(&self, axis: isize, indices: &Tensor, src: &Tensor) -> Result<Tensor> {
        self.clone().index_add_owned(axis, indices, src)
    }

    /// [`Tensor::index_add`], written over this tensor where its buffer is not shared.
    pub fn index_add_owned(mut self, axis: isize, indices: &Tensor, src: &Tensor) -> Result<Tensor> {
        in_wider!(narrowed[&self, src], |x| x[0].index_add(axis, indices, x[1]));
        let axis = resolve_axis("index_add", axis, self.rank())?;
        let dtype = same_dtype("index_add", &self, src)?;
        let shape = replaced(self.shape(), axis, indices.shape());
        if src.shape() != &shape[..] {
            let shapes = [src.shape(), indices.shape(), self.shape()];
            let rule = "the source must have the shape that index_select would give";
            return Err(mismatch("index_add", rule, &shapes, "reshape the source or the indices"));
        }
        let len = self.shape()[axis];
        let inner = self.shape()[axis + 1..].iter().product();
        let (indices, src) = (checked("index_add", indices, len)?, src.contiguous()?);
        if !self.is_unique() {
            self = self.copied()?;
        }
        with_dtype!(dtype, T, number => {
            if let (Some(out), Some(src)) = (self.as_mut_slice::<T>(), src.as_slice::<T>()) {
                add_rows(out, src, as_indices(&indices), len, inner);
            }
            Ok(self)
        }, else dtype => Err(wrong_dtype("index_add", "operands must be numbers", dtype)))
    }

    /// This tensor with each element of `src` added where its index says: the gradient of [`Tensor::gather`].
    /// `out[i, indices[i, j, k], k] += src[i, j, k]` for axis 1 of rank 3.
    ///
    /// Additions to one position happen in row-major order of the indices.
    /// Shapes: the indices as for `gather`, `src` as the indices.
    /// Errors: as there, and `ShapeMismatch` or `DTypeMismatch` where `src` is not so, or not of this dtype, or booleans.
    pub fn scatter_add(&self, axis: isize, indices: &Tensor, src: &Tensor) -> Result<Tensor> {
        self.clone().scatter_add_owned(axis, indices, src)
    }

    /// [`Tensor::scatter_add`], written over this tensor where its buffer is not shared.
    pub fn scatter_add_owned(mut self, axis: isize, indices: &Tensor, src: &Tensor) -> Result<Tensor> {
        in_wider!(narrowed[&self, src], |x| x[0].scatter_add(axis, indices, x[1]));
        let axis = resolve_axis("scatter_add", axis, self.rank())?;
        let dtype = same_dtype("scatter_add", &self, src)?;
        fits_indices("scatter_add", self.shape(), axis, indices)?;
        if src.shape() != indices.shape() {
            let shapes = [src.shape(), indices.shape()];
            return Err(mismatch(
                "scatter_add",
                "source and indices must have one shape",
                &shapes,
                "narrow the larger",
            ));
        }
        let (indices, src) = (unchecked("scatter_add", indices)?, src.contiguous()?);
        if !self.is_unique() {
            self = self.copied()?;
        }
        let target = Layout::contiguous(self.shape());
        let along = Along::new("scatter_add", &target, axis, as_indices(&indices), indices.shape());
        with_dtype!(dtype, T, number => {
            if let (Some(out), Some(src)) = (self.as_mut_slice::<T>(), src.as_slice::<T>()) && !src.is_empty() {
                along.write(src, out, |y, x| *y = y.add(x))?;
            }
            Ok(self)
        }, else dtype => Err(wrong_dtype("scatter_add", "operands must be numbers", dtype)))
    }

    /// A last axis of `classes` with 1 where the index points and 0 elsewhere.
    ///
    /// Shapes: `[…]` to `[…, classes]`. Errors: `DTypeMismatch` unless these indices are `I64`; `IndexOutOfBounds`;
    /// `ShapeOverflow`, `OutOfMemory`.
    pub fn one_hot(&self, classes: usize, dtype: DType) -> Result<Tensor> {
        let indices = checked("one_hot", self, classes)?;
        let mut shape = Dims::from_slice(self.shape());
        shape.push(classes);
        let idx = as_indices(&indices);
        let one = dtype.bits_of(1.0);
        with_words!(dtype, W => Self::build_words("one_hot", &shape, dtype, |out: &mut [W]| {
            for_chunks(out, classes * (GRAIN / classes.max(1)).max(1), |start, out| {
                out.fill(0);
                for (i, row) in out.chunks_exact_mut(classes).enumerate() {
                    row[idx[start / classes + i] as usize] = W::of(one);
                }
            });
        }))
    }
}

/// Indices of [`Tensor::gather`] have the tensor's rank and, but on `axis`, at most its sizes.
pub(super) fn fits_indices(op: &'static str, shape: &[usize], axis: usize, indices: &Tensor) -> Result<()> {
    let inside = |(i, (&n, &d)): (usize, (&usize, &usize))| i == axis || n <= d;
    if indices.rank() == shape.len() && indices.shape().iter().zip(shape).enumerate().all(inside) {
        return Ok(());
    }
    let rule = "indices must have the tensor's rank and, but on the axis, at most its sizes";
    Err(mismatch(op, rule, &[indices.shape(), shape], "reshape or narrow the indices"))
}
