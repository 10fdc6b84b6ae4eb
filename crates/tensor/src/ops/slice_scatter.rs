//! Writing where a slice reads: the other direction of `x.slice(s![..])`.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::slice::SliceArg;
use super::widen::in_wider;
use crate::dtype::Number;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::loops::walk::Walk;
use crate::parallel::{Disjoint, for_ranges};
use crate::tensor::{Tensor, with_dtype};
use crate::word::{Plain, with_words};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;

/// `src`, read as `from` says, into the positions of `out` that `to` names, no position twice.
pub(crate) fn write<T: Plain>(out: &mut [T], to: &Layout, src: &[T], from: &Layout) {
    put(out, to, src, from, <[T]>::copy_from_slice);
}

/// As [`write()`], by `put(positions, elements)` for as many as lie side by side.
fn put<T: Plain>(out: &mut [T], to: &Layout, src: &[T], from: &Layout, put: impl Fn(&mut [T], &[T]) + Sync) {
    let walk = Walk::new([to, from]);
    let whole = Disjoint::new(out);
    for_ranges(to.len(), GRAIN, |range| {
        walk.runs(range, |_, [to, from], len| {
            if walk.inner == [1, 1] {
                // SAFETY: `out` stays borrowed; a run has positions of its own, and a piece writes one run at a time.
                let run = unsafe { whole.slice(to..to + len) };
                return put(run, &src[from..from + len]);
            }
            for i in 0..len as isize {
                let at = (to as isize + i * walk.inner[0]) as usize;
                // SAFETY: `out` stays borrowed; no other run has this position, and this one writes it once.
                let one = unsafe { whole.slice(at..at + 1) };
                put(one, std::slice::from_ref(&src[(from as isize + i * walk.inner[1]) as usize]));
            }
        });
    });
}

impl Tensor {
    /// This tensor with the part that `args` name, as in [`Tensor::slice`], replaced by `src`; NumPy's `x[args] = src`
    /// on a copy.
    ///
    /// Shapes: `src` has the shape that `slice` gives. Errors: as `slice`; `ShapeMismatch`; `DTypeMismatch` unless the
    /// dtypes are equal.
    ///
    /// ```
    /// use tensor::{DType, Tensor, s};
    /// let x = Tensor::zeros([2, 3], DType::I64)?;
    /// let y = x.slice_scatter(s![1, ..;2], &Tensor::from_vec(vec![7i64, 8], [2])?)?;
    /// assert_eq!(y.to_vec::<i64>()?, [0, 0, 0, 7, 0, 8]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn slice_scatter(&self, args: &[SliceArg], src: &Tensor) -> Result<Tensor> {
        self.clone().slice_scatter_owned(args, src)
    }

    /// [`Tensor::slice_scatter`], written over this tensor where its buffer is not shared.
    pub fn slice_scatter_owned(self, args: &[SliceArg], src: &Tensor) -> Result<Tensor> {
        let (mut whole, to) = self.with_part("slice_scatter", args, src)?;
        if src.len() > 0 {
            with_words!(whole.dtype(), W => write(whole.as_mut_words::<W>()?, &to, src.words(), src.layout()));
        }
        Ok(whole)
    }

    /// This tensor with `src` added to the part that `args` name: the gradient of [`Tensor::slice`], added to another.
    ///
    /// Shapes and errors: as for [`Tensor::slice_scatter`]; `DTypeMismatch` for booleans too.
    ///
    /// ```
    /// use tensor::{DType, Tensor, s};
    /// let x = Tensor::ones([2, 3], DType::F32)?;
    /// let y = x.slice_add(s![1, ..;2], &Tensor::from_vec(vec![7f32, 8.0], [2])?)?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 1.0, 1.0, 8.0, 1.0, 9.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn slice_add(&self, args: &[SliceArg], src: &Tensor) -> Result<Tensor> {
        self.clone().slice_add_owned(args, src)
    }

    /// [`Tensor::slice_add`], written over this tensor where its buffer is not shared.
    pub fn slice_add_owned(self, args: &[SliceArg], src: &Tensor) -> Result<Tensor> {
        in_wider!(narrowed[&self, src], |x| x[0].slice_add(args, x[1]));
        let (mut whole, to) = self.with_part("slice_add", args, src)?;
        with_dtype!(whole.dtype(), T, number => {
            let add = |to: &mut [T], x: &[T]| to.iter_mut().zip(x).for_each(|(to, &x)| *to = Number::add(*to, x));
            if src.len() > 0 && let Some(out) = whole.as_mut_slice::<T>() {
                put(out, &to, src.data(), src.layout(), add);
            }
            Ok(whole)
        }, else dtype => Err(wrong_dtype("slice_add", "operands must be numbers", dtype)))
    }

    /// This tensor with a buffer of its own, if `src` fits the part that `args` name, and where that part lies in it.
    fn with_part(mut self, op: &'static str, args: &[SliceArg], src: &Tensor) -> Result<(Tensor, Layout)> {
        same_dtype(op, &self, src)?;
        let part = self.slice(args)?;
        if part.shape() != src.shape() {
            return Err(Error::ShapeMismatch {
                op,
                rule: "the source must have the shape of the slice",
                shapes: vec![src.shape().to_vec(), part.shape().to_vec()],
                repair: "expand the source or change the slice",
            });
        }
        drop(part);
        let whole = if src.len() == 0 || self.is_unique() { self } else { self.copied()? };
        let mut to = whole.slice(args)?.layout().clone();
        // A part without elements may lie anywhere.
        to.offset = to.offset.saturating_sub(whole.layout().offset);
        Ok((whole, to))
    }
}
