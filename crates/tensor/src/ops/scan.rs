//! Scans: each element of the result is made of those before it along one axis.
//!
//! A line is met in its order, one element after another, whatever the number of threads: work is divided over lines.

use super::arithmetic::{same_dtype, wrong_dtype};
use crate::dtype::{DType, Float, Number};
use crate::error::{Error, Result};
use crate::layout::resolve_axis;
use crate::parallel::{Disjoint, for_chunks, for_ranges};
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 14;
/// Neighbouring lines that go along their axis together.
const WIDTH: usize = 256;
/// Lines that stand in one piece of memory and are followed side by side, so that one's latency hides another's.
const LINES: usize = 4;

/// One step along a line, of up to two operands.
trait Step<T>: Copy + Send + Sync {
    fn first(self, x: T, y: T) -> T;
    fn next(self, h: T, x: T, y: T) -> T;
}

macro_rules! step {
    ($($name:ident[$bound:ident]: |$h:ident, $x:ident, $y:ident| $first:expr, $next:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        #[allow(unused_variables)]
        impl<T: $bound> Step<T> for $name {
            #[inline(always)]
            fn first(self, $x: T, $y: T) -> T {
                $first
            }
            #[inline(always)]
            fn next(self, $h: T, $x: T, $y: T) -> T {
                $next
            }
        }
    )*};
}

step! {
    Sum[Number]: |h, x, y| x, h.add(x);
    Product[Number]: |h, x, y| x, h.mul(x);
    Recurrence[Float]: |h, x, y| y, h.mul_add(x, y);
}

simd_fn! {
    /// The next element of each of many lines.
    fn next_row[T: Number, S: Step<T>](s: S, h: &[T], x: &[T], y: &[T], out: &mut [T]) {
        for (((out, &h), &x), &y) in out.iter_mut().zip(h).zip(x).zip(y) {
            *out = s.next(h, x, y);
        }
    }
}

/// Whole lines of `n` elements each.
fn scan_lines<T: Number, S: Step<T>>(s: S, x: &[T], y: &[T], n: usize, out: &mut [T]) {
    let groups = out.chunks_mut(LINES * n).zip(x.chunks(LINES * n)).zip(y.chunks(LINES * n));
    for ((out, x), y) in groups {
        if out.len() < LINES * n {
            for ((out, x), y) in out.chunks_exact_mut(n).zip(x.chunks_exact(n)).zip(y.chunks_exact(n)) {
                out[0] = s.first(x[0], y[0]);
                for i in 1..n {
                    out[i] = s.next(out[i - 1], x[i], y[i]);
                }
            }
            continue;
        }
        let mut h: [T; LINES] = std::array::from_fn(|r| s.first(x[r * n], y[r * n]));
        for (r, &h) in h.iter().enumerate() {
            out[r * n] = h;
        }
        for i in 1..n {
            for (r, h) in h.iter_mut().enumerate() {
                let at = r * n + i;
                *h = s.next(*h, x[at], y[at]);
                out[at] = *h;
            }
        }
    }
}

fn scan<T: Number, S: Step<T>>(
    op: &'static str,
    s: S,
    x: &Tensor,
    y: &Tensor,
    axis: usize,
) -> Result<Tensor> {
    let (n, inner) = (x.shape()[axis], x.shape()[axis + 1..].iter().product::<usize>());
    let (x, y) = (x.contiguous()?, y.contiguous()?);
    let (xs, ys) = (x.as_slice::<T>().unwrap_or_default(), y.as_slice::<T>().unwrap_or_default());
    Tensor::build(op, x.shape(), |out: &mut [T]| {
        if out.is_empty() {
            return;
        }
        if inner == 1 {
            let lines = (GRAIN / n).max(1).next_multiple_of(LINES);
            return for_chunks(out, lines * n, |start, out| {
                let range = start..start + out.len();
                scan_lines(s, &xs[range.clone()], &ys[range], n, out);
            });
        }
        let blocks = inner.div_ceil(WIDTH);
        let slabs = out.len() / (n * inner);
        let grain = (GRAIN / n / WIDTH.min(inner)).max(1);
        let whole = Disjoint::new(out);
        for_ranges(slabs * blocks, grain, |pieces| {
            for piece in pieces {
                let start = piece % blocks * WIDTH;
                let width = WIDTH.min(inner - start);
                for i in 0..n {
                    let at = (piece / blocks * n + i) * inner + start;
                    let (x, y) = (&xs[at..at + width], &ys[at..at + width]);
                    // SAFETY: `out` stays borrowed, and a piece takes columns of a slab that no other piece takes.
                    let row = unsafe { whole.slice(at..at + width) };
                    if i == 0 {
                        row.iter_mut().zip(x).zip(y).for_each(|((o, &x), &y)| *o = s.first(x, y));
                    } else {
                        // SAFETY: as above; the row before lies `inner ≥ width` in front of this one.
                        let before = unsafe { whole.slice(at - inner..at - inner + width) };
                        next_row(s, before, x, y, row);
                    }
                }
            }
        });
    })
}

/// Integers and booleans count in 64 bits.
fn widened(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() { Ok(x.clone()) } else { x.to_dtype(DType::I64) }
}

impl Tensor {
    /// The sums of all elements up to each along `axis`: `out[k] = Σ x[i], i ≤ k`.
    ///
    /// Floats keep their dtype; integers and booleans give I64, which wraps. Sums go from front to back. Errors:
    /// `InvalidAxis`.
    ///
    /// ```
    /// let x = tensor::Tensor::arange(4, tensor::DType::F32)?;
    /// assert_eq!(x.cumsum(0)?.to_vec::<f32>()?, [0.0, 1.0, 3.0, 6.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn cumsum(&self, axis: isize) -> Result<Tensor> {
        let axis = resolve_axis("cumsum", axis, self.rank())?;
        let x = widened(self)?;
        with_dtype!(x.dtype(), T, number => scan::<T, _>("cumsum", Sum, &x, &x, axis),
            else dtype => Err(wrong_dtype("cumsum", "the operand must be a number", dtype)))
    }

    /// The products of all elements up to each along `axis`. Otherwise as [`Tensor::cumsum`].
    pub fn cumprod(&self, axis: isize) -> Result<Tensor> {
        let axis = resolve_axis("cumprod", axis, self.rank())?;
        let x = widened(self)?;
        with_dtype!(x.dtype(), T, number => scan::<T, _>("cumprod", Product, &x, &x, axis),
            else dtype => Err(wrong_dtype("cumprod", "the operand must be a number", dtype)))
    }

    /// `h[k] = a[k]·h[k − 1] + b[k]` along `axis`, each step rounded once, with `h[0] = b[0]`; this tensor is `a`.
    ///
    /// Shapes: both and the result have one. Errors: `InvalidAxis`; `ShapeMismatch`; `DTypeMismatch` unless floats of
    /// one dtype.
    pub fn linear_recurrence(&self, b: &Tensor, axis: isize) -> Result<Tensor> {
        let op = "linear_recurrence";
        let axis = resolve_axis(op, axis, self.rank())?;
        if self.shape() != b.shape() {
            return Err(Error::ShapeMismatch {
                op,
                rule: "both operands must have one shape",
                shapes: vec![self.shape().to_vec(), b.shape().to_vec()],
                repair: "expand one of them",
            });
        }
        with_dtype!(same_dtype(op, self, b)?, T, float => scan::<T, _>(op, Recurrence, self, b, axis),
            else dtype => Err(wrong_dtype(op, "operands must be floats", dtype)))
    }
}
