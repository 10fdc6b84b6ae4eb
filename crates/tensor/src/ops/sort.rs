//! Sorting along an axis, and the first few, or one, of a sorted axis.

use super::arithmetic::wrong_dtype;
use super::widen::in_wider;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernels::order::{places_of_rows, sort_rows};
use crate::layout::resolve_axis;
use crate::tensor::Tensor;

/// Which comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The smallest first, NaN last.
    #[default]
    Ascending,
    /// NaN first, then the largest.
    Descending,
}

/// Runs `$body` with `$T` the element type of `$x`, which [`ranked`] gave.
macro_rules! with_rank {
    ($x:expr, $T:ident => $body:expr) => {
        match $x.dtype() {
            DType::F32 => {
                type $T = f32;
                $body
            }
            DType::F64 => {
                type $T = f64;
                $body
            }
            DType::I64 => {
                type $T = i64;
                $body
            }
            _ => {
                type $T = u8;
                $body
            }
        }
    };
}
pub(super) use with_rank;

/// `x` in a type that is computed in and has the same order: booleans as numbers.
pub(super) fn ranked(x: &Tensor) -> Result<Tensor> {
    let x = x.with_bools_as_u8();
    x.to_dtype(x.dtype().compute())
}

/// `x` with `axis` last, contiguous; rows that 32 bits do not count with ranks of 64.
fn rows(x: &Tensor, axis: usize) -> Result<Tensor> {
    let mut x = ranked(x)?;
    x = match x.dtype() {
        DType::F32 if x.shape()[axis] > u32::MAX as usize => x.to_dtype(DType::F64)?,
        DType::U8 if x.shape()[axis] > u32::MAX as usize => x.to_dtype(DType::I64)?,
        _ => x,
    };
    x.transpose(axis as isize, -1)?.contiguous()
}

/// The rows of `x` put back.
fn put_back(x: Tensor, axis: usize) -> Result<Tensor> {
    x.transpose(axis as isize, -1)?.contiguous()
}

/// The shape of `x` with `k` elements on the last axis.
fn with_last(x: &Tensor, k: usize) -> Vec<usize> {
    let mut shape = x.shape().to_vec();
    shape.pop();
    shape.push(k);
    shape
}

impl Tensor {
    /// Where each element of the sorted axis stood, as I64; equal elements keep their order. NaN counts as the largest,
    /// and −0 equals 0.
    ///
    /// Shapes: as this tensor. Errors: `InvalidAxis`.
    pub fn argsort(&self, axis: isize, order: Order) -> Result<Tensor> {
        let axis = resolve_axis("argsort", axis, self.rank())?;
        self.ordered("argsort", axis, self.shape()[axis], order, false).map(|(_, places)| places)
    }

    /// The elements along `axis` in order, and where each stood (see [`Tensor::argsort`]).
    ///
    /// Errors: `InvalidAxis`. Differs from PyTorch in: the order of equal elements is kept without being asked for.
    ///
    /// ```
    /// use tensor::{Order, Tensor};
    /// let (values, indices) = Tensor::from_vec(vec![3.0f32, 1.0, 2.0], [3])?.sort(0, Order::Ascending)?;
    /// assert_eq!(values.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// assert_eq!(indices.to_vec::<i64>()?, [1, 2, 0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn sort(&self, axis: isize, order: Order) -> Result<(Tensor, Tensor)> {
        let axis = resolve_axis("sort", axis, self.rank())?;
        self.ordered("sort", axis, self.shape()[axis], order, true)
    }

    /// The first `k` elements along `axis` in order, and where each stood: with `Order::Descending` the `k` largest.
    ///
    /// NaN counts as the largest; of equal elements the earlier comes first. Errors: `InvalidAxis`; `InvalidArgument`
    /// where the axis has fewer than `k` elements.
    pub fn topk(&self, k: usize, axis: isize, order: Order) -> Result<(Tensor, Tensor)> {
        let axis = self.axis_of_k("topk", k, axis)?;
        self.ordered("topk", axis, k, order, true)
    }

    fn axis_of_k(&self, op: &'static str, k: usize, axis: isize) -> Result<usize> {
        let axis = resolve_axis(op, axis, self.rank())?;
        if k > self.shape()[axis] {
            return Err(Error::InvalidArgument {
                op,
                rule: "k must not exceed the axis",
                got: format!("k = {k} for shape {:?} along axis {axis}", self.shape()),
                repair: "use a smaller k",
            });
        }
        Ok(axis)
    }

    /// The first `k` elements of the sorted axis, if `with_values`, and where they stood.
    fn ordered(
        &self,
        op: &'static str,
        axis: usize,
        k: usize,
        order: Order,
        with_values: bool,
    ) -> Result<(Tensor, Tensor)> {
        let (moved, n, down) = (rows(self, axis)?, self.shape()[axis], order == Order::Descending);
        let shape = with_last(&moved, k);
        let none = [0];
        let (mut values, mut done) = (None, Ok(()));
        let places = Self::build(op, &shape, |places: &mut [i64]| {
            with_rank!(moved, T => {
                let x = moved.as_slice::<T>().unwrap_or_default();
                let built = Self::build(op, if with_values { &shape } else { &none }, |values: &mut [T]| {
                    done = sort_rows(x, n, k, down, places, values);
                });
                values = Some(built);
            });
        })?;
        done?;
        let values = match values {
            Some(values) if with_values => put_back(values?, axis)?.to_dtype(self.dtype())?,
            _ => self.clone(),
        };
        Ok((values, put_back(places, axis)?))
    }

    /// Where those stand that would be at `places`, which ascend, were the axis sorted: `places.len()` on that axis.
    pub(super) fn places_in_order(&self, op: &'static str, axis: usize, places: &[usize]) -> Result<Tensor> {
        let (moved, n) = (rows(self, axis)?, self.shape()[axis]);
        let out = Self::build(op, &with_last(&moved, places.len()), |out: &mut [i64]| {
            with_rank!(moved, T => {
                places_of_rows(moved.as_slice::<T>().unwrap_or_default(), n, places, out);
            });
        })?;
        put_back(out, axis)
    }

    /// The `k`-th smallest element along `axis`, from 1 on, and where it stands; the axis is left out of the results.
    ///
    /// NaN counts as the largest, and equal elements stand in their order. Errors: `InvalidAxis`; `InvalidArgument`
    /// unless `1 ≤ k ≤ n`.
    ///
    /// ```
    /// let x = tensor::Tensor::from_vec(vec![3.0f32, 1.0, 2.0], [3])?;
    /// assert_eq!(x.kthvalue(2, 0)?.0.item()?, 2.0);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn kthvalue(&self, k: usize, axis: isize) -> Result<(Tensor, Tensor)> {
        let places = self.kth_places(k, axis)?;
        Ok((self.gather(axis, &places)?.select(axis, 0)?, places.select(axis, 0)?))
    }

    /// The second result of [`Tensor::kthvalue`], with the axis left in.
    #[doc(hidden)]
    pub fn kth_places(&self, k: usize, axis: isize) -> Result<Tensor> {
        let op = "kthvalue";
        let axis = resolve_axis(op, axis, self.rank())?;
        if k == 0 || k > self.shape()[axis] {
            return Err(Error::InvalidArgument {
                op,
                rule: "k must lie between 1 and the size of the axis",
                got: format!("k = {k} for shape {:?} along axis {axis}", self.shape()),
                repair: "use another k",
            });
        }
        self.places_in_order(op, axis, &[k - 1])
    }

    /// The value at `q·(n − 1)` of the sorted `axis`, which is left out; between two, on the line that joins them. NaN
    /// where the axis holds one.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless a float; `InvalidArgument` unless `0 ≤ q ≤ 1`; `EmptyReduction`
    /// for an axis of size 0.
    ///
    /// ```
    /// let x = tensor::Tensor::from_vec(vec![4.0f64, 1.0, 3.0, 2.0], [4])?;
    /// assert_eq!(x.quantile(0.25, 0)?.item()?, 1.75);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn quantile(&self, q: f64, axis: isize) -> Result<Tensor> {
        self.quantile_by("quantile", q, axis)
    }

    /// The middle of the sorted `axis`, or the mean of the middle two: [`Tensor::quantile`] of 0.5.
    ///
    /// Errors: as there. Differs from PyTorch in: of two middles their mean, as NumPy, not the lower.
    pub fn median(&self, axis: isize) -> Result<Tensor> {
        self.quantile_by("median", 0.5, axis)
    }

    fn quantile_by(&self, op: &'static str, q: f64, axis: isize) -> Result<Tensor> {
        in_wider!(narrowed[self], |x| x[0].quantile_by(op, q, axis));
        let (places, share) = self.quantile_places(op, q, axis)?;
        let picked = self.gather(axis, &places)?;
        let [low, high, last] = [0, 1, 2].map(|i| picked.select(axis, i));
        let (low, high, last) = (low?, high?, last?);
        let between = low.mul_scalar(1.0 - share)?.add(&high.mul_scalar(share)?)?;
        // Between two of one value there is that value, an infinity too.
        let one = low.eq(&high)?;
        Self::where_(&last.is_nan()?, &last, &Self::where_(&one, &low, &between)?)
    }

    /// On `axis` where the elements stand between which a quantile lies, and the largest; and how far it is from the
    /// first to the second.
    #[doc(hidden)]
    pub fn quantile_places(&self, op: &'static str, q: f64, axis: isize) -> Result<(Tensor, f64)> {
        let axis = resolve_axis(op, axis, self.rank())?;
        if !self.dtype().is_float() {
            return Err(wrong_dtype(op, "the operand must be a float", self.dtype()));
        }
        if !(0.0..=1.0).contains(&q) {
            let (rule, repair) = ("q must lie in 0..=1", "use another q");
            return Err(Error::InvalidArgument { op, rule, got: format!("q = {q}"), repair });
        }
        let Some(last) = self.shape()[axis].checked_sub(1) else {
            let (rule, shape) = ("an empty axis has no quantile", self.shape().to_vec());
            return Err(Error::EmptyReduction { op, rule, shape, axes: vec![axis] });
        };
        let at = q * last as f64;
        let (low, share) = ((at as usize).min(last), at.fract());
        let high = if share > 0.0 { (low + 1).min(last) } else { low };
        Ok((self.places_in_order(op, axis, &[low, high, last])?, share))
    }
}
