//! Writing where a slice reads: the other direction of `x.slice(s![..])`.

use super::arithmetic::same_dtype;
use super::slice::SliceArg;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::loops::walk::Walk;
use crate::parallel::{Disjoint, for_ranges};
use crate::tensor::Tensor;
use crate::word::{Plain, with_words};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;

/// `src`, read as `from` says, into the positions of `out` that `to` names, no position twice.
pub(crate) fn write<T: Plain>(out: &mut [T], to: &Layout, src: &[T], from: &Layout) {
    let walk = Walk::new([to, from]);
    let whole = Disjoint::new(out);
    for_ranges(to.len(), GRAIN, |range| {
        walk.runs(range, |_, [to, from], len| {
            if walk.inner == [1, 1] {
                // SAFETY: `out` stays borrowed; a run has positions of its own, and a piece writes one run at a time.
                let run = unsafe { whole.slice(to..to + len) };
                return run.copy_from_slice(&src[from..from + len]);
            }
            for i in 0..len as isize {
                let at = (to as isize + i * walk.inner[0]) as usize;
                // SAFETY: `out` stays borrowed; no other run has this position, and this one writes it once.
                let one = unsafe { whole.slice(at..at + 1) };
                one[0] = src[(from as isize + i * walk.inner[1]) as usize];
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
    pub fn slice_scatter_owned(mut self, args: &[SliceArg], src: &Tensor) -> Result<Tensor> {
        let dtype = same_dtype("slice_scatter", &self, src)?;
        let part = self.slice(args)?;
        if part.shape() != src.shape() {
            return Err(Error::ShapeMismatch {
                op: "slice_scatter",
                rule: "the source must have the shape of the slice",
                shapes: vec![src.shape().to_vec(), part.shape().to_vec()],
                repair: "expand the source or change the slice",
            });
        }
        drop(part);
        if src.len() == 0 {
            return Ok(self);
        }
        if !self.is_unique() {
            self = self.copied()?;
        }
        let mut to = self.slice(args)?.layout().clone();
        to.offset -= self.layout().offset;
        with_words!(dtype, W => write(self.as_mut_words::<W>()?, &to, src.words(), src.layout()));
        Ok(self)
    }
}
