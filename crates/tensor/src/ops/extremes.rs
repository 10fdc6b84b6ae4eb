//! The largest and the smallest element so far, along an axis.

use super::arithmetic::wrong_dtype;
use crate::dtype::{DType, Number};
use crate::error::Result;
use crate::layout::resolve_axis;
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 14;
/// Neighbouring lines that go along their axis together.
const WIDTH: usize = 256;

/// Which element is looked for.
trait Extreme<T>: Copy + Sync {
    /// Whether `x` takes the place of the best so far: the last of equals does, and the last NaN.
    fn wins(self, x: T, best: T) -> bool;
}

#[derive(Clone, Copy)]
struct Largest;
impl<T: Number> Extreme<T> for Largest {
    #[inline(always)]
    fn wins(self, x: T, best: T) -> bool {
        x.is_nan() | (x >= best)
    }
}

#[derive(Clone, Copy)]
struct Smallest;
impl<T: Number> Extreme<T> for Smallest {
    #[inline(always)]
    fn wins(self, x: T, best: T) -> bool {
        x.is_nan() | (x <= best)
    }
}

simd_fn! {
    /// The next element of each of many lines, where `i` of them lie behind, and where the best of each stands.
    fn next_row[T: Number, E: Extreme<T>](
        e: E, i: i64, best: &[T], place: &[i64], x: &[T], values: &mut [T], places: &mut [i64],
    ), wide if matches!(T::DTYPE, DType::F32) => {
        let n = x.len();
        let (best, place, values, places) = (&best[..n], &place[..n], &mut values[..n], &mut places[..n]);
        for j in 0..n {
            let won = e.wins(x[j], best[j]);
            values[j] = if won { x[j] } else { best[j] };
            places[j] = if won { i } else { place[j] };
        }
    }
}

/// One line of neighbours.
fn line<T: Number, E: Extreme<T>>(e: E, x: &[T], values: &mut [T], places: &mut [i64]) {
    let (mut best, mut place) = (x[0], 0);
    for (i, ((value, out), &x)) in values.iter_mut().zip(places).zip(x).enumerate() {
        if e.wins(x, best) {
            (best, place) = (x, i as i64);
        }
        (*value, *out) = (best, place);
    }
}

/// Along axis 1 of a contiguous `[slabs, n, inner]`, which is not empty.
fn scan<T: Number, E: Extreme<T>>(
    e: E,
    x: &[T],
    n: usize,
    inner: usize,
    values: &mut [T],
    places: &mut [i64],
) {
    let (blocks, slabs) = (inner.div_ceil(WIDTH), x.len() / (n * inner));
    let (values, places) = (Disjoint::new(values), Disjoint::new(places));
    for_ranges(slabs * blocks, GRAIN / n / WIDTH.min(inner), |pieces| {
        for piece in pieces {
            let (start, slab) = (piece % blocks * WIDTH, piece / blocks * n);
            let width = if inner == 1 { n } else { WIDTH.min(inner - start) };
            for i in 0..if inner == 1 { 1 } else { n } {
                let at = (slab + i) * inner + start;
                let x = &x[at..at + width];
                // SAFETY: both stay borrowed, and a piece takes columns of a slab that no other piece takes.
                let (value, place) = unsafe { (values.slice(at..at + width), places.slice(at..at + width)) };
                if inner == 1 {
                    line(e, x, value, place);
                } else if i == 0 {
                    value.copy_from_slice(x);
                    place.fill(0);
                } else {
                    let before = at - inner..at - inner + width;
                    // SAFETY: as above; the row before lies `inner ≥ width` in front of this one.
                    let (best, at) = unsafe { (values.slice(before.clone()), places.slice(before)) };
                    next_row(e, i as i64, best, at, x, value, place);
                }
            }
        }
    });
}

impl Tensor {
    /// The largest of all elements up to each along `axis`, and where it stands as I64: the last of equals. A NaN stays.
    ///
    /// Shapes: both as this tensor. Errors: `InvalidAxis`; `DTypeMismatch` for booleans.
    ///
    /// ```
    /// let x = tensor::Tensor::from_vec(vec![1.0f32, 3.0, 2.0], [3])?;
    /// assert_eq!(x.cummax(0)?.0.to_vec::<f32>()?, [1.0, 3.0, 3.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn cummax(&self, axis: isize) -> Result<(Tensor, Tensor)> {
        self.extremes("cummax", axis, true)
    }

    /// The smallest of all elements up to each along `axis`; otherwise as [`Tensor::cummax`].
    pub fn cummin(&self, axis: isize) -> Result<(Tensor, Tensor)> {
        self.extremes("cummin", axis, false)
    }

    fn extremes(&self, op: &'static str, axis: isize, largest: bool) -> Result<(Tensor, Tensor)> {
        if self.dtype().is_narrow() {
            let (values, places) = self.to_dtype(self.dtype().compute())?.extremes(op, axis, largest)?;
            return Ok((values.narrowed_to(self.dtype())?, places));
        }
        let axis = resolve_axis(op, axis, self.rank())?;
        let (n, inner) = (self.shape()[axis], self.shape()[axis + 1..].iter().product());
        let x = self.contiguous()?;
        with_dtype!(self.dtype(), T, number => {
            let data = x.as_slice::<T>().unwrap_or_default();
            let mut values = None;
            let places = Self::build(op, self.shape(), |places: &mut [i64]| {
                values = Some(Self::build(op, self.shape(), |values: &mut [T]| match largest {
                    _ if data.is_empty() => {}
                    true => scan(Largest, data, n, inner, values, places),
                    false => scan(Smallest, data, n, inner, values, places),
                }));
            })?;
            let values = values.expect("invariant: `build` has run")?;
            Ok((values, places))
        }, else dtype => Err(wrong_dtype(op, "the operand must be a number", dtype)))
    }
}
