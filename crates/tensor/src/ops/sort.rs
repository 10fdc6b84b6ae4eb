//! Sorting along an axis, and the first few of a sorted axis.
//!
//! Elements are mapped to integers of the same order, with the position behind: all keys differ, so that every way of
//! sorting is stable and gives one result. NaN counts as the largest, and −0 equals 0.

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::resolve_axis;
use crate::parallel::{Disjoint, for_ranges};
use crate::tensor::Tensor;

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 13;
/// Rows from this length on are sorted by digits.
const DIGITS_FROM: usize = 1 << 10;

/// Which comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The smallest first, NaN last.
    #[default]
    Ascending,
    /// NaN first, then the largest.
    Descending,
}

/// An element's rank and, behind it, its position.
trait Key: Copy + Default + Ord + Send + Sync {
    /// Bytes of the rank, and how many bits the position takes below it.
    const BYTES: usize;
    const POSITION: usize;
    fn position(self) -> i64;
    fn byte(self, i: usize) -> usize;
}

impl Key for u64 {
    const BYTES: usize = 4;
    const POSITION: usize = 32;
    #[inline(always)]
    fn position(self) -> i64 {
        (self as u32) as i64
    }
    #[inline(always)]
    fn byte(self, i: usize) -> usize {
        (self >> (Self::POSITION + 8 * i)) as u8 as usize
    }
}

impl Key for u128 {
    const BYTES: usize = 8;
    const POSITION: usize = 64;
    #[inline(always)]
    fn position(self) -> i64 {
        (self as u64) as i64
    }
    #[inline(always)]
    fn byte(self, i: usize) -> usize {
        (self >> (Self::POSITION + 8 * i)) as u8 as usize
    }
}

#[inline(always)]
fn rank_f32(x: f32) -> u32 {
    match (x + 0.0).to_bits() {
        _ if x.is_nan() => u32::MAX,
        bits if bits >> 31 == 1 => !bits,
        bits => bits | 1 << 31,
    }
}

#[inline(always)]
fn rank_f64(x: f64) -> u64 {
    match (x + 0.0).to_bits() {
        _ if x.is_nan() => u64::MAX,
        bits if bits >> 63 == 1 => !bits,
        bits => bits | 1 << 63,
    }
}

/// By digits of the rank, the least first; each pass keeps the order of equals.
fn sort_keys<K: Key>(keys: &mut Vec<K>, spare: &mut Vec<K>) {
    if keys.len() < DIGITS_FROM {
        return keys.sort_unstable();
    }
    spare.resize(keys.len(), K::default());
    let mut counts = vec![[0usize; 256]; K::BYTES];
    for &key in keys.iter() {
        for (i, counts) in counts.iter_mut().enumerate() {
            counts[key.byte(i)] += 1;
        }
    }
    for (i, counts) in counts.iter_mut().enumerate() {
        if counts.contains(&keys.len()) {
            continue;
        }
        let mut at = 0;
        for count in counts.iter_mut() {
            at += std::mem::replace(count, at);
        }
        for &key in keys.iter() {
            let at = &mut counts[key.byte(i)];
            spare[*at] = key;
            *at += 1;
        }
        std::mem::swap(keys, spare);
    }
}

/// The positions of the first `k` of each sorted row of `n`.
fn first_positions<T: Element, K: Key>(
    x: &[T],
    n: usize,
    k: usize,
    key: impl Fn(T, usize) -> K + Sync,
    out: &mut [i64],
) {
    if n == 0 || k == 0 {
        return;
    }
    let whole = Disjoint::new(out);
    for_ranges(x.len() / n, (GRAIN / n).max(1), |rows| {
        let (mut keys, mut spare) = (Vec::with_capacity(n), Vec::new());
        for row in rows {
            keys.clear();
            keys.extend(x[row * n..(row + 1) * n].iter().enumerate().map(|(i, &x)| key(x, i)));
            if k < n {
                keys.select_nth_unstable(k - 1);
                keys.truncate(k);
                keys.sort_unstable();
            } else {
                sort_keys(&mut keys, &mut spare);
            }
            // SAFETY: `out` stays borrowed, and each row is handed out once.
            let out = unsafe { whole.slice(row * k..(row + 1) * k) };
            out.iter_mut().zip(&keys).for_each(|(out, key)| *out = key.position());
        }
    });
}

impl Tensor {
    /// Where each element of the sorted axis stood, as I64; equal elements keep their order. NaN counts as the largest,
    /// and −0 equals 0.
    ///
    /// Shapes: as this tensor. Errors: `InvalidAxis`.
    pub fn argsort(&self, axis: isize, order: Order) -> Result<Tensor> {
        let resolved = resolve_axis("argsort", axis, self.rank())?;
        self.sorted_positions("argsort", resolved, self.shape()[resolved], order)
    }

    /// The elements along `axis` in order, and where each stood (see [`Tensor::argsort`]).
    ///
    /// Errors: `InvalidAxis`.
    ///
    /// ```
    /// use tensor::{Order, Tensor};
    /// let (values, indices) = Tensor::from_vec(vec![3.0f32, 1.0, 2.0], [3])?.sort(0, Order::Ascending)?;
    /// assert_eq!(values.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// assert_eq!(indices.to_vec::<i64>()?, [1, 2, 0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn sort(&self, axis: isize, order: Order) -> Result<(Tensor, Tensor)> {
        let resolved = resolve_axis("sort", axis, self.rank())?;
        let indices = self.sorted_positions("sort", resolved, self.shape()[resolved], order)?;
        Ok((self.gather(axis, &indices)?, indices))
    }

    /// The first `k` elements along `axis` in order, and where each stood: with `Order::Descending` the `k` largest.
    ///
    /// NaN counts as the largest; of equal elements the earlier comes first. Errors: `InvalidAxis`; `InvalidArgument`
    /// where the axis has fewer than `k` elements.
    pub fn topk(&self, k: usize, axis: isize, order: Order) -> Result<(Tensor, Tensor)> {
        let indices = self.top_positions("topk", k, axis, order)?;
        Ok((self.gather(axis, &indices)?, indices))
    }

    fn top_positions(&self, op: &'static str, k: usize, axis: isize, order: Order) -> Result<Tensor> {
        let resolved = resolve_axis(op, axis, self.rank())?;
        let n = self.shape()[resolved];
        if k > n {
            return Err(Error::InvalidArgument {
                op,
                rule: "k must not exceed the axis",
                got: format!("k = {k} for shape {:?} along axis {resolved}", self.shape()),
                repair: "use a smaller k",
            });
        }
        self.sorted_positions(op, resolved, k, order)
    }

    fn sorted_positions(&self, op: &'static str, axis: usize, k: usize, order: Order) -> Result<Tensor> {
        let n = self.shape()[axis];
        // A position takes 32 bits beside a rank of 32 bits; axes that are longer go through wider elements.
        let wider = match self.dtype() {
            _ if n <= u32::MAX as usize => self.clone(),
            DType::F32 => self.to_dtype(DType::F64)?,
            DType::U8 | DType::Bool => self.to_dtype(DType::I64)?,
            DType::F64 | DType::I64 => self.clone(),
        };
        let moved = wider.transpose(axis as isize, -1)?.contiguous()?;
        let mut shape = moved.shape().to_vec();
        let last = shape.len() - 1;
        shape[last] = k;
        let down = order == Order::Descending;
        let (m32, m64) = if down { (u32::MAX, u64::MAX) } else { (0, 0) };
        let narrow = move |rank: u32, i: usize| ((rank ^ m32) as u64) << 32 | i as u64;
        let wide = move |rank: u64, i: usize| ((rank ^ m64) as u128) << 64 | i as u128;
        let out = Tensor::build(op, &shape, |out: &mut [i64]| match moved.dtype() {
            DType::F32 => first_positions(slice::<f32>(&moved), n, k, |x, i| narrow(rank_f32(x), i), out),
            DType::U8 => first_positions(slice::<u8>(&moved), n, k, |x, i| narrow(x as u32, i), out),
            DType::Bool => first_positions(slice::<bool>(&moved), n, k, |x, i| narrow(x as u32, i), out),
            DType::F64 => first_positions(slice::<f64>(&moved), n, k, |x, i| wide(rank_f64(x), i), out),
            DType::I64 => {
                first_positions(slice::<i64>(&moved), n, k, |x, i| wide(x as u64 ^ 1 << 63, i), out)
            }
        })?;
        out.transpose(axis as isize, -1)?.contiguous()
    }
}

/// The elements of a contiguous tensor.
fn slice<T: Element>(x: &Tensor) -> &[T] {
    x.as_slice::<T>().unwrap_or_default()
}
