//! Scans: each element of the result is made of those before it along one axis.
//!
//! A line is met in its order, one element after another. Of sums, and of products of integers, a line of more than
//! [`CHUNK`] elements is cut into chunks of that length: each is met alone, and then joined with all that came before it. That depends on
//! the length of the line and on nothing else, so neither threads nor neighbouring lines show in the result.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::{DType, Float, Number};
use crate::error::{Error, Result};
use crate::layout::resolve_axis;
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 14;
/// Neighbouring lines that go along their axis together.
const WIDTH: usize = 256;
/// Lines that stand in one piece of memory and are followed side by side, so that one's latency hides another's.
const LINES: usize = 4;

/// Elements of a line that are met one after another, where chunks can be joined.
const CHUNK: usize = 1 << 12;

/// One step along a line, of up to two operands.
trait Step<T>: Copy + Send + Sync {
    /// Whether `next(h, x)` joins what came before with a chunk that began anew, too.
    const JOINS: bool;
    fn first(self, x: T, y: T) -> T;
    fn next(self, h: T, x: T, y: T) -> T;
}

macro_rules! step {
    ($($name:ident[$bound:ident], joins $joins:expr, |$h:ident, $x:ident, $y:ident| $first:expr, $next:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        #[allow(unused_variables)]
        impl<T: $bound> Step<T> for $name {
            const JOINS: bool = $joins;
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
    Sum[Number], joins true, |h, x, y| x, h.add(x);
    // Of floats a chunk may overflow or vanish where the line does not.
    Product[Number], joins !T::DTYPE.is_float(), |h, x, y| x, h.mul(x);
    Recurrence[Float], joins false, |h, x, y| y, h.mul_add(x, y);
}

simd_fn! {
    /// The next element of each of many lines.
    fn next_row[T: Number, S: Step<T>](s: S, h: &[T], x: &[T], y: &[T], out: &mut [T]) {
        for (((out, &h), &x), &y) in out.iter_mut().zip(h).zip(x).zip(y) {
            *out = s.next(h, x, y);
        }
    }
}

simd_fn! {
    /// What came before, joined with each element: of one line, or a row of the next of each of many lines.
    fn join[T: Number, S: Step<T>](s: S, before: &[T], x: &mut [T]) {
        match *before {
            [h] => x.iter_mut().for_each(|x| *x = s.next(h, *x, *x)),
            _ => {
                for row in x.chunks_exact_mut(before.len()) {
                    for (x, &h) in row.iter_mut().zip(before) {
                        *x = s.next(h, *x, *x);
                    }
                }
            }
        }
    }
}

/// Joins the chunks of scans along `n` elements, `inner` lines side by side.
fn join_chunks<T: Number, S: Step<T>>(s: S, n: usize, inner: usize, out: &mut [T]) {
    let (slab, chunks) = (n * inner, n.div_ceil(CHUNK));
    // For each chunk but the first of a slab, the last elements of those before it, joined.
    let mut before = Vec::with_capacity(out.len() / slab * (chunks - 1) * inner);
    for out in out.chunks_exact(slab) {
        for chunk in 1..chunks {
            let from = before.len();
            before.extend_from_slice(&out[(chunk * CHUNK - 1) * inner..][..inner]);
            if chunk > 1 {
                let (h, x) = before.split_at_mut(from);
                let h = &h[from - inner..];
                x.iter_mut().zip(h).for_each(|(x, &h)| *x = s.next(h, *x, *x));
            }
        }
    }
    let whole = Disjoint::new(out);
    for_ranges(before.len() / inner, 1, |joints| {
        for joint in joints {
            let (start, chunk) = (joint / (chunks - 1) * n, joint % (chunks - 1) + 1);
            let rows = start + chunk * CHUNK..start + n.min((chunk + 1) * CHUNK);
            // SAFETY: `out` stays borrowed, and each chunk is met once.
            let x = unsafe { whole.slice(rows.start * inner..rows.end * inner) };
            join(s, &before[joint * inner..][..inner], x);
        }
    });
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
    let chunk = if S::JOINS { n.min(CHUNK) } else { n };
    Tensor::build(op, x.shape(), |out: &mut [T]| {
        if out.is_empty() {
            return;
        }
        if inner == 1 {
            scan_rows(s, xs, ys, n, chunk, out);
        } else {
            scan_columns(s, xs, ys, n, inner, chunk, out);
        }
        if chunk < n {
            join_chunks(s, n, inner, out);
        }
    })
}

/// Lines of `n` neighbours each, in chunks that begin anew.
fn scan_rows<T: Number, S: Step<T>>(s: S, x: &[T], y: &[T], n: usize, chunk: usize, out: &mut [T]) {
    // Chunks are lines of their own, but for the shorter one at the end of a longer line.
    let (line, grain) = match chunk == n {
        true => (n, (GRAIN / n).max(1).next_multiple_of(LINES)),
        false => (LINES * chunk, 1),
    };
    let (lines, parts) = (out.len() / n, n.div_ceil(line));
    let out = Disjoint::new(out);
    for_ranges(lines * parts, grain, |pieces| {
        let (mut from, mut to) = (pieces.start * n, pieces.end * n);
        if parts > 1 {
            let (first, part) = (pieces.start / parts * n, pieces.start % parts);
            (from, to) = (first + part * line, first + n.min((part + 1) * line));
        }
        let whole = from + (to - from) / chunk * chunk;
        for (range, n) in [(from..whole, chunk), (whole..to, to - whole)] {
            if !range.is_empty() {
                // SAFETY: the whole result stays borrowed, and each piece is met once.
                scan_lines(s, &x[range.clone()], &y[range.clone()], n, unsafe { out.slice(range) });
            }
        }
    });
}

/// `inner` lines of `n` elements side by side, in chunks that begin anew.
fn scan_columns<T: Number, S: Step<T>>(
    s: S,
    x: &[T],
    y: &[T],
    n: usize,
    inner: usize,
    chunk: usize,
    out: &mut [T],
) {
    let (blocks, chunks) = (inner.div_ceil(WIDTH), n.div_ceil(chunk));
    let slabs = out.len() / (n * inner);
    let whole = Disjoint::new(out);
    for_ranges(slabs * chunks * blocks, GRAIN / chunk / WIDTH.min(inner), |pieces| {
        for piece in pieces {
            let (start, row) = (piece % blocks * WIDTH, piece / blocks);
            let (slab, from) = (row / chunks, row % chunks * chunk);
            let width = WIDTH.min(inner - start);
            for i in from..n.min(from + chunk) {
                let at = (slab * n + i) * inner + start;
                let (x, y) = (&x[at..at + width], &y[at..at + width]);
                // SAFETY: `out` stays borrowed, and a piece takes a part of columns that no other piece takes.
                let row = unsafe { whole.slice(at..at + width) };
                if i == from {
                    row.iter_mut().zip(x).zip(y).for_each(|((o, &x), &y)| *o = s.first(x, y));
                } else {
                    // SAFETY: as above; the row before lies `inner ≥ width` in front of this one.
                    let before = unsafe { whole.slice(at - inner..at - inner + width) };
                    next_row(s, before, x, y, row);
                }
            }
        }
    });
}

/// Integers and booleans count in 64 bits.
fn widened(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() { Ok(x.clone()) } else { x.to_dtype(DType::I64) }
}

impl Tensor {
    /// The sums of all elements up to each along `axis`: `out[k] = Σ x[i], i ≤ k`.
    ///
    /// Floats keep their dtype; integers and booleans give I64, which wraps. Sums go from front to back, in chunks of
    /// 4,096 elements that are then joined. Errors: `InvalidAxis`.
    ///
    /// ```
    /// let x = tensor::Tensor::arange(4, tensor::DType::F32)?;
    /// assert_eq!(x.cumsum(0)?.to_vec::<f32>()?, [0.0, 1.0, 3.0, 6.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn cumsum(&self, axis: isize) -> Result<Tensor> {
        in_wider!(rounded[self], |x| x[0].cumsum(axis));
        let axis = resolve_axis("cumsum", axis, self.rank())?;
        let x = widened(self)?;
        with_dtype!(x.dtype(), T, number => scan::<T, _>("cumsum", Sum, &x, &x, axis),
            else dtype => Err(wrong_dtype("cumsum", "the operand must be a number", dtype)))
    }

    /// The products of all elements up to each along `axis`, of floats one after the other, however long the line. Otherwise
    /// as [`Tensor::cumsum`].
    pub fn cumprod(&self, axis: isize) -> Result<Tensor> {
        in_wider!(rounded[self], |x| x[0].cumprod(axis));
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
        in_wider!(narrowed[self, b], |x| x[0].linear_recurrence(x[1], axis));
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
