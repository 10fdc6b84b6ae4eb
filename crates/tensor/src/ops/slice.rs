//! `x.slice(s![1.., -1, ..;2])`: NumPy's basic indexing as a view.

use crate::error::{Error, Result};
use crate::tensor::Tensor;
use std::ops::{Range, RangeFrom, RangeFull, RangeTo};

/// What [`Tensor::slice`] does with one axis; [`s!`](crate::s) writes a list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SliceArg {
    /// One position; the axis goes.
    Index(isize),
    /// The positions `start`, `start + step`, … before `end`; negative bounds count from the end of the axis, and
    /// bounds outside are brought inside. A missing bound is the end of the axis on its side.
    Range {
        /// The first position.
        start: Option<isize>,
        /// The first position no longer taken.
        end: Option<isize>,
        /// The distance between positions; from the back where negative.
        step: isize,
    },
    /// A new axis of size 1.
    NewAxis,
    /// All axes that the other arguments leave, once.
    Ellipsis,
}

impl SliceArg {
    /// The same range with another step. Other arguments have no step: they stay, and the list is then refused.
    #[must_use]
    pub fn step(self, step: isize) -> Self {
        match self {
            SliceArg::Range { start, end, .. } => SliceArg::Range { start, end, step },
            _ => SliceArg::Range { start: None, end: None, step: 0 },
        }
    }

    fn range(start: Option<isize>, end: Option<isize>) -> Self {
        SliceArg::Range { start, end, step: 1 }
    }
}

impl From<RangeFull> for SliceArg {
    fn from(_: RangeFull) -> Self {
        SliceArg::range(None, None)
    }
}

macro_rules! slice_arg {
    ($($t:ty),*) => {$(
        impl From<$t> for SliceArg {
            fn from(index: $t) -> Self {
                SliceArg::Index(super::into_shape::Size::to_isize(index))
            }
        }
        impl From<Range<$t>> for SliceArg {
            fn from(r: Range<$t>) -> Self {
                use super::into_shape::Size;
                SliceArg::range(Some(r.start.to_isize()), Some(r.end.to_isize()))
            }
        }
        impl From<RangeFrom<$t>> for SliceArg {
            fn from(r: RangeFrom<$t>) -> Self {
                SliceArg::range(Some(super::into_shape::Size::to_isize(r.start)), None)
            }
        }
        impl From<RangeTo<$t>> for SliceArg {
            fn from(r: RangeTo<$t>) -> Self {
                SliceArg::range(None, Some(super::into_shape::Size::to_isize(r.end)))
            }
        }
    )*};
}
slice_arg!(usize, isize, i64, i32);

/// Arguments of [`Tensor::slice`](crate::Tensor::slice), one for each axis: an integer takes one position and drops
/// the axis, a range takes a part of it, `..` all of it; `; step` after a range takes every `step`-th position, from
/// the back if negative. Negative integers count from the end. `NewAxis` adds an axis, `Ellipsis` stands for `..` as
/// often as needed.
///
/// ```
/// use tensor::{DType, Ellipsis, NewAxis, Tensor, s};
/// let x = Tensor::arange(24, DType::I64)?.reshape([2, 3, 4])?;
/// assert_eq!(x.slice(s![1, .., -1])?.to_vec::<i64>()?, [15, 19, 23]);
/// assert_eq!(x.slice(s![0, 1..-1, ..;2])?.to_vec::<i64>()?, [4, 6]);
/// assert_eq!(x.slice(s![Ellipsis, 0, ..;-1])?.to_vec::<i64>()?, [3, 2, 1, 0, 15, 14, 13, 12]);
/// assert_eq!(x.slice(s![.., NewAxis, ..2])?.shape(), [2, 1, 2, 4]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[macro_export]
macro_rules! s {
    ($($arg:expr $(; $step:expr)?),* $(,)?) => {
        &[$($crate::SliceArg::from($arg)$(.step($step))?),*] as &[$crate::SliceArg]
    };
}

/// First position and number of positions of a range on an axis of `len`, by Python's rules; `step` is not 0.
fn resolve_range(start: Option<isize>, end: Option<isize>, step: isize, len: usize) -> (usize, usize) {
    let len = len as isize;
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let bound = |b: isize| (if b < 0 { b + len } else { b }).clamp(low, high);
    let start = start.map_or(if step > 0 { low } else { high }, bound);
    let end = end.map_or(if step > 0 { high } else { low }, bound);
    let span = if step > 0 { end - start } else { start - end };
    match span {
        ..=0 => (0, 0),
        _ => (start as usize, (span as usize).div_ceil(step.unsigned_abs())),
    }
}

impl Tensor {
    /// Part of every axis, as [`s!`](crate::s) describes it; axes that no argument names are taken whole. A view.
    ///
    /// Errors: `InvalidArgument` for more arguments than axes, a second `Ellipsis`, an index that does not exist, a
    /// step of 0 or a step on what is no range. Bounds of ranges never are an error.
    pub fn slice(&self, args: &[SliceArg]) -> Result<Tensor> {
        let refuse = |rule, repair| {
            let got = format!("{args:?} for {:?}", self.shape());
            Err(Error::InvalidArgument { op: "slice", rule, got, repair })
        };
        let named = args.iter().filter(|a| matches!(a, SliceArg::Index(_) | SliceArg::Range { .. })).count();
        if named > self.rank() {
            return refuse("there must be an axis for every argument", "drop some arguments");
        }
        if args.iter().filter(|a| matches!(a, SliceArg::Ellipsis)).count() > 1 {
            return refuse("Ellipsis may stand once", "write .. for the axes meant");
        }
        // `axis` counts in the result, `old` in this tensor.
        let (mut layout, mut axis, mut old) = (self.layout().clone(), 0, 0);
        for &arg in args {
            match arg {
                SliceArg::Index(index) => {
                    let at = self.position("slice", old, index)?;
                    layout = layout.stepped(axis, at, 1, 1).without_axis(axis);
                    old += 1;
                }
                SliceArg::Range { step: 0, .. } => {
                    return refuse(
                        "only a range takes a step, and not 0",
                        "use a step of 1 or more, or -1 or less",
                    );
                }
                SliceArg::Range { start, end, step } => {
                    let (start, len) = resolve_range(start, end, step, self.shape()[old]);
                    layout = layout.stepped(axis, start, len, step);
                    axis += 1;
                    old += 1;
                }
                SliceArg::NewAxis => {
                    layout = layout.with_axis(axis);
                    axis += 1;
                }
                SliceArg::Ellipsis => {
                    axis += self.rank() - named;
                    old += self.rank() - named;
                }
            }
        }
        Ok(self.with_layout(layout))
    }
}
