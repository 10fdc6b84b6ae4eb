//! Sums, means, extremes, counts and variances over any axes.
//!
//! Every function takes `axes`, negative ones counted from the end; none named means all. The reduced axes are left
//! out of the result; the `_keep` twins leave them in with size 1. Each output is a function of the values that meet
//! in it and of their order along the reduced axes, to the bit: strides, threads and neighbours change nothing.

use super::arithmetic::wrong_dtype;
use super::widen::in_wider;
use crate::dtype::{DType, Element, Float, Number};
use crate::error::{Error, Result};
use crate::layout::{Dims, Layout, resolve_axes, resolve_axis};
use crate::loops::map::{Map, map_mut};
use crate::loops::reduce::{Fold, fold_line, reduce};
use crate::parallel::for_chunks;
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

macro_rules! fold {
    ($($(#[$meta:meta])* $name:ident[$($bound:tt)+]: $T:ty => $Acc:ty, $identity:expr, |$x:ident| $take:expr, |$a:ident, $b:ident| $meet:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;
        impl<T: $($bound)+> Fold<$T> for $name {
            type Acc = $Acc;
            #[inline(always)]
            fn identity(self) -> $Acc {
                $identity
            }
            #[inline(always)]
            fn take(self, $x: $T) -> $Acc {
                $take
            }
            #[inline(always)]
            fn meet(self, $a: $Acc, $b: $Acc) -> $Acc {
                $meet
            }
        }
    )*};
}

fold! {
    /// Σ x; −0 is what a float sum starts from, since −0 + x is x for every x.
    Sum[Number]: T => T, T::ZERO.neg(), |x| x, |a, b| a.add(b);
    /// Σ x in wrapping 64 bits.
    SumWide[Element]: T => i64, 0, |x| x.to_i64(), |a, b| a.wrapping_add(b);
    /// Σ x²
    SumSquares[Number]: T => T, T::ZERO.neg(), |x| x.mul(x), |a, b| a.add(b);
    /// Π x
    Product[Number]: T => T, T::ONE, |x| x, |a, b| a.mul(b);
    /// The larger; NaN wins. One instruction, and a second for NaN in `a`.
    Max[Number]: T => T, T::LOWEST, |x| x, |a, b| {
        let larger = if a > b { a } else { b };
        if a.is_nan() { a } else { larger }
    };
    /// The smaller; NaN wins.
    Min[Number]: T => T, T::HIGHEST, |x| x, |a, b| {
        let smaller = if a < b { a } else { b };
        if a.is_nan() { a } else { smaller }
    };
    /// Elements that are not 0.
    CountNonzero[Element]: T => i64, 0, |x| (x != T::default()) as i64, |a, b| a + b;
}

/// Whether any (`OF = true`) or every (`OF = false`) element is not 0.
#[derive(Clone, Copy)]
struct Exists<const OF: bool>;
impl<T: Element, const OF: bool> Fold<T> for Exists<OF> {
    type Acc = bool;
    #[inline(always)]
    fn identity(self) -> bool {
        !OF
    }
    #[inline(always)]
    fn take(self, x: T) -> bool {
        x != T::default()
    }
    #[inline(always)]
    fn meet(self, a: bool, b: bool) -> bool {
        if OF { a | b } else { a & b }
    }
}

#[derive(Clone, Copy)]
struct DivideBy<T>(T);
impl<T: Float> Map<T, T> for DivideBy<T> {
    const COST: usize = 2;
    #[inline(always)]
    fn at(self, x: T) -> T {
        x.div(self.0)
    }
}

/// The result of `reduce` with the reduced axes put back as 1 where `keep`.
fn finish(out: Tensor, shape: &[usize], reduced: &[bool], keep: bool) -> Tensor {
    if !keep {
        return out;
    }
    let kept: Dims = shape.iter().zip(reduced).map(|(&d, &r)| if r { 1 } else { d }).collect();
    let offset = out.layout().offset;
    out.with_layout(Layout { offset, ..Layout::contiguous(&kept) })
}

simd_fn! {
    /// Where in each row of `len` elements the first that equals the row's extreme stands; NaN is the extreme of all.
    fn arg_rows[T: Number, F: Fold<T, Acc = T>](f: F, x: &[T], len: usize, out: &mut [i64]) {
        for (x, out) in x.chunks_exact(len).zip(out) {
            let best = fold_line(f, x);
            let is_best = |x: T| x == best || x.is_nan();
            let mut from = 0;
            for block in x.chunks(64) {
                let mut found = false;
                for &x in block {
                    found |= is_best(x);
                }
                if found {
                    break;
                }
                from += block.len();
            }
            *out = (from + x[from..].iter().position(|&x| is_best(x)).unwrap_or(0)) as i64;
        }
    }
}

fn empty_reduction(op: &'static str, rule: &'static str, x: &Tensor, reduced: &[bool]) -> Result<()> {
    let axes: Vec<usize> = (0..x.rank()).filter(|&i| reduced[i]).collect();
    match axes.iter().any(|&i| x.shape()[i] == 0) {
        true => Err(Error::EmptyReduction { op, rule, shape: x.shape().to_vec(), axes }),
        false => Ok(()),
    }
}

/// How many elements meet in each output.
fn met_len(shape: &[usize], reduced: &[bool]) -> usize {
    shape.iter().zip(reduced).map(|(&d, &r)| if r { d } else { 1 }).product()
}

macro_rules! keeping {
    ($($(#[$meta:meta])* $name:ident, $keep:ident => $inner:ident($($arg:ident: $ty:ty),*);)*) => {
        impl Tensor {$(
            $(#[$meta])*
            pub fn $name(&self, axes: &[isize] $(, $arg: $ty)*) -> Result<Tensor> {
                self.$inner(stringify!($name), axes, false $(, $arg)*)
            }
            #[doc = concat!("[`Tensor::", stringify!($name), "`] with the reduced axes left in, of size 1.")]
            pub fn $keep(&self, axes: &[isize] $(, $arg: $ty)*) -> Result<Tensor> {
                self.$inner(stringify!($keep), axes, true $(, $arg)*)
            }
        )*}
    };
}

keeping! {
    /// `Σ x` over `axes`; 0 where nothing meets.
    ///
    /// Floats keep their dtype; integers and booleans give I64, which wraps. The error of a float sum of `n` elements
    /// is at most `(⌈n/32⌉ + 5) · u · Σ|x|` for `n ≤ 1024` and `(37 + ⌈log₂(n/1024)⌉) · u · Σ|x|` beyond, with
    /// `u = ε/2`. Errors: `InvalidAxis`.
    ///
    /// ```
    /// let x = tensor::Tensor::arange(6, tensor::DType::F32)?.reshape(&[2, 3])?;
    /// assert_eq!(x.sum(&[0])?.to_vec::<f32>()?, [3.0, 5.0, 7.0]);
    /// assert_eq!(x.sum_keep(&[-1])?.shape(), [2, 1]);
    /// assert_eq!(x.sum(&[])?.item()?, 15.0);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    sum, sum_keep => sum_axes();
    /// `Σ x / n` over `axes`, of floats; NaN where nothing meets. Errors: `InvalidAxis`, `DTypeMismatch`.
    mean, mean_keep => mean_axes();
    /// `Π x` over `axes`; 1 where nothing meets. Floats keep their dtype; integers and booleans give I64, which wraps.
    /// Errors: `InvalidAxis`.
    prod, prod_keep => prod_axes();
    /// The largest element over `axes`; NaN wins. Errors: `InvalidAxis`, `DTypeMismatch` for booleans,
    /// `EmptyReduction` over an axis of size 0.
    max, max_keep => max_axes();
    /// The smallest element over `axes`; NaN wins. Errors: as [`Tensor::max`].
    min, min_keep => min_axes();
    /// `Σ (x − mean)² / (n − correction)` over `axes`, of floats, in two passes: first the mean, then the squares.
    ///
    /// `correction` 1 estimates the variance that a sample was drawn from, 0 is the variance of the values themselves.
    /// NaN or infinite where `n ≤ correction`. Errors: `InvalidAxis`, `DTypeMismatch`.
    var, var_keep => var_axes(correction: usize);
    /// Whether any element over `axes` is not 0 (`false` where nothing meets), as Bool. Errors: `InvalidAxis`.
    any, any_keep => any_axes();
    /// Whether every element over `axes` is not 0 (`true` where nothing meets), as Bool. Errors: `InvalidAxis`.
    all, all_keep => all_axes();
    /// How many elements over `axes` are not 0, as I64; NaN counts. Errors: `InvalidAxis`.
    count_nonzero, count_nonzero_keep => count_axes();
}

impl Tensor {
    fn sum_axes(&self, op: &'static str, axes: &[isize], keep: bool) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        let out = self.sum_flagged(op, &reduced)?;
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    fn sum_flagged(&self, op: &'static str, reduced: &[bool]) -> Result<Tensor> {
        in_wider!(rounded[self], |x| x[0].sum_flagged(op, reduced));
        match self.dtype() {
            DType::F32 => reduce::<f32, _>(op, self, reduced, 0.0, Sum),
            DType::F64 => reduce::<f64, _>(op, self, reduced, 0.0, Sum),
            DType::I64 => reduce::<i64, _>(op, self, reduced, 0, SumWide),
            DType::U8 => reduce::<u8, _>(op, self, reduced, 0, SumWide),
            DType::Bool => self.with_bools_as_u8().sum_flagged(op, reduced),
            _ => self.to_dtype(DType::I64)?.sum_flagged(op, reduced),
        }
    }

    fn mean_axes(&self, op: &'static str, axes: &[isize], keep: bool) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        in_wider!(narrowed[self], |x| x[0].mean_axes(op, axes, keep));
        let n = met_len(self.shape(), &reduced);
        let out = with_dtype!(self.dtype(), T, float => {
            let sum = reduce::<T, _>(op, self, &reduced, T::ZERO, Sum)?;
            map_mut::<T, _>(op, sum, DivideBy(T::of(n as f64)))?
        }, else dtype => return Err(wrong_dtype(op, "the operand must be a float", dtype)));
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    fn prod_axes(&self, op: &'static str, axes: &[isize], keep: bool) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        in_wider!(rounded[self], |x| x[0].prod_axes(op, axes, keep));
        let out = match self.dtype() {
            DType::F32 => reduce::<f32, _>(op, self, &reduced, 1.0, Product)?,
            DType::F64 => reduce::<f64, _>(op, self, &reduced, 1.0, Product)?,
            _ => reduce::<i64, _>(op, &self.to_dtype(DType::I64)?, &reduced, 1, Product)?,
        };
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    fn max_axes(&self, op: &'static str, axes: &[isize], keep: bool) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        empty_reduction(op, "an empty axis has no maximum", self, &reduced)?;
        in_wider!(narrowed[self], |x| x[0].max_axes(op, axes, keep));
        let out = with_dtype!(self.dtype(), T, number => reduce::<T, _>(op, self, &reduced, T::LOWEST, Max)?,
            else dtype => return Err(wrong_dtype(op, "the operand must be a number", dtype)));
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    fn min_axes(&self, op: &'static str, axes: &[isize], keep: bool) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        empty_reduction(op, "an empty axis has no minimum", self, &reduced)?;
        in_wider!(narrowed[self], |x| x[0].min_axes(op, axes, keep));
        let out = with_dtype!(self.dtype(), T, number => reduce::<T, _>(op, self, &reduced, T::HIGHEST, Min)?,
            else dtype => return Err(wrong_dtype(op, "the operand must be a number", dtype)));
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    fn var_axes(&self, op: &'static str, axes: &[isize], keep: bool, correction: usize) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        if !self.dtype().is_float() {
            return Err(wrong_dtype(op, "the operand must be a float", self.dtype()));
        }
        in_wider!(narrowed[self], |x| x[0].var_axes(op, axes, keep, correction));
        let centred = self.sub(&self.mean_axes(op, axes, true)?)?;
        let n = met_len(self.shape(), &reduced).saturating_sub(correction);
        let out = with_dtype!(self.dtype(), T, float => {
            let squares = reduce::<T, _>(op, &centred, &reduced, T::ZERO, SumSquares)?;
            map_mut::<T, _>(op, squares, DivideBy(T::of(n as f64)))?
        }, else dtype => return Err(wrong_dtype(op, "the operand must be a float", dtype)));
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    fn any_axes(&self, op: &'static str, axes: &[isize], keep: bool) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        in_wider!(widened[self], |x| x[0].any_axes(op, axes, keep));
        let out = with_dtype!(self.dtype(), T, number => reduce::<T, _>(op, self, &reduced, false, Exists::<true>)?,
            else _bool => return self.with_bools_as_u8().any_axes(op, axes, keep));
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    fn all_axes(&self, op: &'static str, axes: &[isize], keep: bool) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        in_wider!(widened[self], |x| x[0].all_axes(op, axes, keep));
        let out = with_dtype!(self.dtype(), T, number => reduce::<T, _>(op, self, &reduced, true, Exists::<false>)?,
            else _bool => return self.with_bools_as_u8().all_axes(op, axes, keep));
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    fn count_axes(&self, op: &'static str, axes: &[isize], keep: bool) -> Result<Tensor> {
        let reduced = resolve_axes(op, axes, self.rank())?;
        in_wider!(widened[self], |x| x[0].count_axes(op, axes, keep));
        let out = with_dtype!(self.dtype(), T, number => reduce::<T, _>(op, self, &reduced, 0, CountNonzero)?,
            else _bool => return self.with_bools_as_u8().count_axes(op, axes, keep));
        Ok(finish(out, self.shape(), &reduced, keep))
    }

    /// The sum over what broadcasting `shape` to this tensor's shape repeated, so that the result has `shape`: the
    /// gradient of that broadcast. Costs nothing where nothing was repeated.
    ///
    /// Errors: `ShapeMismatch` unless `shape` broadcasts to this shape; `DTypeMismatch` unless floats.
    ///
    /// ```
    /// let grad = tensor::Tensor::ones([4, 3], tensor::DType::F32)?;
    /// assert_eq!(grad.sum_to([1, 3])?.to_vec::<f32>()?, [4.0; 3]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn sum_to(&self, shape: impl AsRef<[usize]>) -> Result<Tensor> {
        let (from, to) = (self.shape(), shape.as_ref());
        if from == to {
            return Ok(self.clone());
        }
        let lead = from.len().checked_sub(to.len());
        let fits = |lead: usize| from[lead..].iter().zip(to).all(|(&f, &t)| f == t || t == 1);
        let Some(lead) = lead.filter(|&lead| fits(lead)) else {
            return Err(Error::ShapeMismatch {
                op: "sum_to",
                rule: "the target shape must broadcast to the tensor's",
                shapes: vec![from.to_vec(), to.to_vec()],
                repair: "sum over axes by number with sum",
            });
        };
        if !self.dtype().is_float() {
            return Err(wrong_dtype("sum_to", "the operand must be a float", self.dtype()));
        }
        let reduced: Vec<bool> = (0..from.len()).map(|i| i < lead || from[i] != to[i - lead]).collect();
        let out = match met_len(from, &reduced) {
            1 if self.is_contiguous() => self.clone(),
            1 => self.contiguous()?,
            _ => self.sum_flagged("sum_to", &reduced)?,
        };
        let offset = out.layout().offset;
        Ok(out.with_layout(Layout { offset, ..Layout::contiguous(to) }))
    }

    /// Where along `axis` the largest element stands, the first of equals, as I64; the first NaN where there is one.
    /// The axis is left out of the result.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` for booleans; `EmptyReduction` for an axis of size 0.
    pub fn argmax(&self, axis: isize) -> Result<Tensor> {
        in_wider!(widened[self], |x| x[0].argmax(axis));
        with_dtype!(self.dtype(), T, number => self.arg::<T, _>("argmax", "an empty axis has no maximum", axis, Max),
            else dtype => Err(wrong_dtype("argmax", "the operand must be a number", dtype)))
    }

    /// Where along `axis` the smallest element stands; otherwise as [`Tensor::argmax`].
    pub fn argmin(&self, axis: isize) -> Result<Tensor> {
        in_wider!(widened[self], |x| x[0].argmin(axis));
        with_dtype!(self.dtype(), T, number => self.arg::<T, _>("argmin", "an empty axis has no minimum", axis, Min),
            else dtype => Err(wrong_dtype("argmin", "the operand must be a number", dtype)))
    }

    fn arg<T: Number, F: Fold<T, Acc = T>>(
        &self,
        op: &'static str,
        rule: &'static str,
        axis: isize,
        f: F,
    ) -> Result<Tensor> {
        let axis = resolve_axis(op, axis, self.rank())?;
        let mut reduced = vec![false; self.rank()];
        reduced[axis] = true;
        empty_reduction(op, rule, self, &reduced)?;
        let (rows, len) = (self.layout().without_axis(axis), self.shape()[axis]);
        let mut order: Vec<usize> = (0..self.rank()).filter(|&i| i != axis).collect();
        order.push(axis);
        let moved = self.with_layout(self.layout().permuted(&order)).contiguous()?;
        let x = moved.as_slice::<T>().unwrap_or_default();
        Tensor::build(op, &rows.shape, |out: &mut [i64]| {
            for_chunks(out, (1usize << 15).div_ceil(len), |start, out| {
                arg_rows(f, &x[start * len..(start + out.len()) * len], len, out);
            });
        })
    }
}
