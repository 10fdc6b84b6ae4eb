//! Sorted sets, places in a sorted row, and counts.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::index::as_indices;
use super::sort::{Order, ranked, with_rank};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::kernels::rank::{extent, ranks};
use crate::parallel::{Disjoint, for_chunks, for_ranges};
use crate::tensor::Tensor;

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 13;
/// Values that are searched for side by side, so that one's latency hides another's.
const LANES: usize = 16;
/// Counts that stay near the thread that counts, beside those of others.
const NEAR: usize = 1 << 13;

/// What [`Tensor::unique`] finds.
#[derive(Debug, Clone)]
pub struct Unique {
    /// The different values in order, of rank 1; NaN last, and only one.
    pub values: Tensor,
    /// For each element where its value stands in `values`, in the shape of the tensor, I64.
    pub inverse: Tensor,
    /// How often each value occurs, I64.
    pub counts: Tensor,
}

/// How many of the sorted `row` lie below each of `values`, or below or at it. As many steps for each, so that they go
/// side by side; one by one, for loads from many places at once are slower.
fn search_lanes(right: bool, row: &[u64], values: &[u64; LANES], out: &mut [i64; LANES]) {
    let goes_behind = |x: u64, v: u64| (x < v) | (right & (x == v));
    let (mut from, mut len) = ([0usize; LANES], row.len());
    while len > 1 {
        let half = len / 2;
        for (from, &v) in from.iter_mut().zip(values) {
            let x = row[*from + half - 1];
            *from += if goes_behind(x, v) { half } else { 0 };
        }
        len -= half;
    }
    for ((out, &from), &v) in out.iter_mut().zip(&from).zip(values) {
        let x = row[from];
        *out = (from + usize::from(goes_behind(x, v))) as i64;
    }
}

/// Whether neighbours differ: where each group of equals begins. All NaN are equal.
fn beginnings<T: Element>(x: &[T], out: &mut [bool]) {
    for_chunks(out, GRAIN, |start, out| {
        for (i, out) in (start..).zip(out) {
            let (a, b) = (x[i.saturating_sub(1)], x[i]);
            #[allow(clippy::eq_op)]
            let nan = a != a && b != b;
            *out = i == 0 || (a != b && !nan);
        }
    });
}

/// The groups of equal neighbours of `x`, of rank 1, whose elements stood at `places`, if they were moved.
fn groups(op: &'static str, x: &Tensor, places: Option<&Tensor>, shape: &[usize]) -> Result<Unique> {
    let len = x.len();
    let same = ranked(x)?;
    let begins = Tensor::build(op, &[len], |out: &mut [bool]| {
        with_rank!(same, T => beginnings(same.as_slice::<T>().unwrap_or_default(), out));
    })?;
    let begins = begins.flat_nonzero()?;
    let starts = as_indices(&begins);
    let end = |group: usize| starts.get(group + 1).map_or(len, |&end| end as usize);
    let counts = Tensor::build(op, &[starts.len()], |out: &mut [i64]| {
        out.iter_mut()
            .zip(starts)
            .enumerate()
            .for_each(|(group, (out, &start))| *out = end(group) as i64 - start);
    })?;
    let inverse = Tensor::build(op, shape, |out: &mut [i64]| {
        let whole = Disjoint::new(out);
        for_ranges(starts.len(), GRAIN, |range| {
            for group in range {
                let members = starts[group] as usize..end(group);
                match places {
                    // SAFETY: `out` stays borrowed, and groups do not overlap.
                    None => unsafe { whole.slice(members) }.fill(group as i64),
                    Some(places) => {
                        for &place in &as_indices(places)[members] {
                            // SAFETY: `out` stays borrowed; the places are a permutation, and each is met once.
                            unsafe { *whole.at(place as usize) = group as i64 };
                        }
                    }
                }
            }
        });
    })?;
    Ok(Unique { values: x.index_select(0, &begins)?, inverse, counts })
}

impl Tensor {
    /// The different values in order, how often each occurs, and which of them each element is.
    ///
    /// Differs from PyTorch in: all NaN count as one value.
    ///
    /// ```
    /// let u = tensor::Tensor::from_vec(vec![2i64, 5, 2], [3])?.unique()?;
    /// assert_eq!(u.values.to_vec::<i64>()?, [2, 5]);
    /// assert_eq!(u.inverse.to_vec::<i64>()?, [0, 1, 0]);
    /// assert_eq!(u.counts.to_vec::<i64>()?, [2, 1]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn unique(&self) -> Result<Unique> {
        let (sorted, places) = self.reshape([self.len()])?.sort(0, Order::Ascending)?;
        groups("unique", &sorted, Some(&places), self.shape())
    }

    /// As [`Tensor::unique`], without putting them in order: equal neighbours become one, in row-major order.
    pub fn unique_consecutive(&self) -> Result<Unique> {
        groups("unique_consecutive", &self.reshape([self.len()])?.contiguous()?, None, self.shape())
    }

    /// Where each of `values` would go into this sorted row: in front of equals, or behind them if `right`. NaN is last.
    ///
    /// Shapes: this of rank 1; the result is I64 of the shape of `values`. Whether the row is sorted is not checked.
    /// Errors: `ShapeMismatch` unless of rank 1; `DTypeMismatch` unless both have one dtype.
    pub fn searchsorted(&self, values: &Tensor, right: bool) -> Result<Tensor> {
        self.search("searchsorted", "the sorted row must have rank 1", values, right)
    }

    /// In which part each element falls that `edges`, a sorted row, cut the numbers into: 0 before the first, up to and
    /// with it, or without it if `right`. [`Tensor::searchsorted`], seen from the values.
    ///
    /// Errors: `ShapeMismatch` unless the edges have rank 1; `DTypeMismatch` unless both have one dtype.
    pub fn bucketize(&self, edges: &Tensor, right: bool) -> Result<Tensor> {
        edges.search("bucketize", "the edges must have rank 1", self, right)
    }

    fn search(&self, op: &'static str, rule: &'static str, values: &Tensor, right: bool) -> Result<Tensor> {
        if self.rank() != 1 {
            let (shapes, repair) = (vec![self.shape().to_vec()], "select a row");
            return Err(Error::ShapeMismatch { op, rule, shapes, repair });
        }
        same_dtype(op, self, values)?;
        let (row, values) = (ranked(self)?.contiguous()?, ranked(values)?.contiguous()?);
        let n = row.len();
        with_rank!(row, T => Self::build(op, values.shape(), |out: &mut [i64]| {
            let row = row.as_slice::<T>().unwrap_or_default();
            let values = values.as_slice::<T>().unwrap_or_default();
            if n == 0 {
                return out.fill(0);
            }
            if n / 8 > values.len() {
                return for_chunks(out, GRAIN, |start, out| {
                    for (out, v) in out.iter_mut().zip(&values[start..]) {
                        let mut ranked = [0; 2];
                        *out = row.partition_point(|x| {
                            ranks(&[*x, *v], &mut ranked);
                            ranked[0] < ranked[1] || (right && ranked[0] == ranked[1])
                        }) as i64;
                    }
                });
            }
            let mut sorted = vec![0; n];
            ranks(row, &mut sorted);
            for_chunks(out, GRAIN, |start, out| {
                let (mut near, mut found) = ([0; LANES], [0; LANES]);
                for (out, v) in out.chunks_mut(LANES).zip(values[start..].chunks(LANES)) {
                    ranks(v, &mut near);
                    search_lanes(right, &sorted, &near, &mut found);
                    out.copy_from_slice(&found[..out.len()]);
                }
            });
        }))
    }

    /// Whether each element is one of `values`; NaN is none.
    ///
    /// Shapes: a Bool tensor of this shape; the values have any. Errors: `DTypeMismatch` unless both have one dtype.
    /// Source: `numpy.isin`.
    pub fn isin(&self, values: &Tensor) -> Result<Tensor> {
        let op = "isin";
        same_dtype(op, self, values)?;
        let Some(last) = values.len().checked_sub(1) else { return Self::zeros(self.shape(), DType::Bool) };
        let (sorted, _) = values.reshape([values.len()])?.sort(0, Order::Ascending)?;
        let places = sorted.search(op, "", self, false)?.minimum(&Self::scalar(last as i64))?;
        sorted.index_select(0, &places)?.eq(self)
    }

    /// How often each of `0..n` occurs among these I64, or the sum of their `weights`; `n` is at least `min_len` and
    /// reaches to the largest.
    ///
    /// Shapes: any and, for weights, the same, to `[n]`: I64, or the dtype of the weights. Weights are added in order.
    /// Errors: `DTypeMismatch` unless I64, and for weights that are no numbers; `InvalidArgument` for a negative number;
    /// `ShapeMismatch`; `ShapeOverflow`, `OutOfMemory`.
    pub fn bincount(&self, weights: Option<&Tensor>, min_len: usize) -> Result<Tensor> {
        let op = "bincount";
        if self.dtype() != DType::I64 {
            return Err(wrong_dtype(op, "the numbers must be i64", self.dtype()));
        }
        let bins = self.reshape([self.len()])?.contiguous()?;
        let (low, high) = extent(as_indices(&bins));
        if low < 0 {
            let (rule, repair) = ("the numbers must not be negative", "subtract the smallest");
            return Err(Error::InvalidArgument { op, rule, got: low.to_string(), repair });
        }
        let n = min_len.max(if bins.len() == 0 { 0 } else { high as usize + 1 });
        match weights {
            Some(w) if w.shape() != self.shape() => {
                let shapes = vec![w.shape().to_vec(), self.shape().to_vec()];
                let rule = "weights and numbers must have one shape";
                Err(Error::ShapeMismatch { op, rule, shapes, repair: "reshape the weights" })
            }
            Some(w) if w.dtype() == DType::Bool => {
                Err(wrong_dtype(op, "the weights must be numbers", DType::Bool))
            }
            Some(w) => Self::zeros([n], w.dtype())?.index_add_owned(0, &bins, &w.reshape([w.len()])?),
            None => Self::build(op, &[n], |out: &mut [i64]| count(as_indices(&bins), out)),
        }
    }

    /// How many elements lie between neighbours of `edges`: `edges[i] ≤ x < edges[i + 1]`, the last edge included.
    ///
    /// Shapes: any, and sorted edges `[n + 1]`, to I64 `[n]`. What lies outside and NaN are not counted.
    /// Errors: `ShapeMismatch` for fewer than two edges; `DTypeMismatch` unless both have one dtype.
    /// Source: `numpy.histogram`.
    pub fn histogram(&self, edges: &Tensor) -> Result<Tensor> {
        let op = "histogram";
        if edges.rank() != 1 || edges.len() < 2 {
            let (rule, repair) = ("edges must be a row of two or more", "give both ends of each bin");
            return Err(Error::ShapeMismatch { op, rule, shapes: vec![edges.shape().to_vec()], repair });
        }
        let n = edges.len() - 1;
        let counted = edges.search(op, "", self, true)?.bincount(None, n + 2)?;
        let on_last = self.eq(&edges.narrow(0, n, 1)?.reshape(())?)?.count_nonzero(&[])?.item()? as i64;
        let mut counts = as_indices(&counted)[1..=n].to_vec();
        counts[n - 1] += on_last;
        Self::from_vec(counts, [n])
    }
}

/// How often each place of `out` is named; few places are counted by each thread apart, with the same sums.
fn count(bins: &[i64], out: &mut [i64]) {
    out.fill(0);
    let n = out.len();
    if n == 0 || n > NEAR {
        return bins.iter().for_each(|&i| out[i as usize] += 1);
    }
    let piece = (8 * n).max(1 << 16);
    let mut apart = vec![0i64; n * bins.len().div_ceil(piece)];
    for_chunks(&mut apart, n, |start, counts| {
        // Two sets in turn, so that a number that repeats does not wait for itself.
        let mut other = vec![0i64; n];
        let bins = &bins[start / n * piece..bins.len().min((start / n + 1) * piece)];
        for pair in bins.chunks(2) {
            counts[pair[0] as usize] += 1;
            if let Some(&i) = pair.get(1) {
                other[i as usize] += 1;
            }
        }
        counts.iter_mut().zip(&other).for_each(|(count, other)| *count += other);
    });
    for counts in apart.chunks_exact(n) {
        out.iter_mut().zip(counts).for_each(|(out, count)| *out += count);
    }
}
