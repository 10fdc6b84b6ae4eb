//! Layer and root-mean-square normalisation, row by row: every pass over a row after the first finds it in the first
//! cache.
//!
//! With m the mean of a row (0 without centring), `r = 1/√(Σ (x − m)²/n + eps)` and `x̂ = (x − m)·r`, forward gives
//! `x̂·w + b`; backward, with `u = g·w`, `dx = r·(u − mean u − x̂·mean(u·x̂))` (without `mean u` if not centred),
//! `dw = Σ g·x̂` and `db = Σ g` over the rows. Sums along a row follow the order law of [`crate::loops::reduce`];
//! those over rows run through blocks of [`block_rows`] and meet pairwise.

use crate::dtype::Float;
use crate::loops::reduce::{CHUNK, LANES, fold_line, meet_lanes, meet_pairwise};
use crate::ops::reduce::Sum;
use crate::parallel::{Disjoint, for_chunks, for_ranges};
use crate::simd::simd_fn;
use smallvec::SmallVec;

/// Elements a thread takes at a time, at least.
const GRAIN: usize = 1 << 13;
/// Most blocks that the sums over rows are cut into.
const BLOCKS: usize = 64;

/// How rows are normalised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Norm {
    /// Elements of a row.
    pub len: usize,
    pub eps: f64,
    /// Whether the mean is taken off.
    pub center: bool,
}

/// `(m, r)` of a row.
#[inline(always)]
fn moments<T: Float>(x: &[T], how: Norm) -> (T, T) {
    let n = T::of(how.len as f64);
    let mean = if how.center { fold_line(Sum, x).div(n) } else { T::ZERO };
    let mut partials: SmallVec<[T; 16]> = SmallVec::new();
    for x in x.chunks(CHUNK) {
        let mut lanes = [T::ZERO; LANES];
        let (blocks, rest) = x.as_chunks::<LANES>();
        for x in blocks {
            for l in 0..LANES {
                let gap = x[l].sub(mean);
                lanes[l] = gap.mul_add(gap, lanes[l]);
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            let gap = x.sub(mean);
            *lane = gap.mul_add(gap, *lane);
        }
        partials.push(meet_lanes::<T, Sum>(Sum, lanes));
    }
    meet_pairwise::<T, Sum>(Sum, &mut partials, 1);
    (mean, T::ONE.div(Float::sqrt(partials[0].div(n).add(T::of(how.eps)))))
}

/// `(Σ u, Σ u·x̂)` over a chunk.
#[inline(always)]
fn meet_chunk<T: Float>(x: &[T], g: &[T], w: &[T], mean: T, scale: T) -> (T, T) {
    let (mut sums, mut dots) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    let ((x, x_rest), (g, g_rest), (w, w_rest)) =
        (x.as_chunks::<LANES>(), g.as_chunks::<LANES>(), w.as_chunks::<LANES>());
    for ((x, g), w) in x.iter().zip(g).zip(w) {
        for l in 0..LANES {
            let (normal, u) = (x[l].sub(mean).mul(scale), g[l].mul(w[l]));
            sums[l] = sums[l].add(u);
            dots[l] = u.mul_add(normal, dots[l]);
        }
    }
    for l in 0..x_rest.len() {
        let (normal, u) = (x_rest[l].sub(mean).mul(scale), g_rest[l].mul(w_rest[l]));
        sums[l] = sums[l].add(u);
        dots[l] = u.mul_add(normal, dots[l]);
    }
    (meet_lanes::<T, Sum>(Sum, sums), meet_lanes::<T, Sum>(Sum, dots))
}

simd_fn! {
    fn norm_rows[T: Float](x: &[T], w: &[T], b: &[T], how: Norm, out: &mut [T]) {
        for (x, out) in x.chunks_exact(how.len).zip(out.chunks_exact_mut(how.len)) {
            let (mean, scale) = moments(x, how);
            for (((out, &x), &w), &b) in out.iter_mut().zip(x).zip(w).zip(b) {
                *out = x.sub(mean).mul(scale).mul_add(w, b);
            }
        }
    }

    /// A block of rows: their `dx`, and their sums added to `dw` and `db`.
    fn norm_grad_rows[T: Float](x: &[T], g: &[T], w: &[T], how: Norm, dx: &mut [T], dw: &mut [T], db: &mut [T]) {
        let n = T::of(how.len as f64);
        let rows = x.chunks_exact(how.len).zip(g.chunks_exact(how.len)).zip(dx.chunks_exact_mut(how.len));
        for ((x, g), dx) in rows {
            let (mean, scale) = moments(x, how);
            let (mut sums, mut dots): (SmallVec<[T; 16]>, SmallVec<[T; 16]>) = Default::default();
            for ((x, g), w) in x.chunks(CHUNK).zip(g.chunks(CHUNK)).zip(w.chunks(CHUNK)) {
                let (sum, dot) = meet_chunk(x, g, w, mean, scale);
                sums.push(sum);
                dots.push(dot);
            }
            meet_pairwise::<T, Sum>(Sum, &mut sums, 1);
            meet_pairwise::<T, Sum>(Sum, &mut dots, 1);
            let (sum, dot) = (if how.center { sums[0].div(n) } else { T::ZERO }, dots[0].div(n));
            let sums = dw.iter_mut().zip(db.iter_mut());
            for ((((dx, &x), &g), &w), (dw, db)) in dx.iter_mut().zip(x).zip(g).zip(w).zip(sums) {
                let normal = x.sub(mean).mul(scale);
                *dx = T::ZERO.sub(normal).mul_add(dot, g.mul(w).sub(sum)).mul(scale);
                *dw = g.mul_add(normal, *dw);
                *db = db.add(g);
            }
        }
    }

    /// Runs of `width`, met pairwise, neighbours first, into the first.
    fn meet_runs[T: Float](runs: &mut [T], width: usize) {
        let mut parts = runs.len() / width;
        while parts > 1 {
            for i in 0..parts.div_ceil(2) {
                let (left, rest) = runs.split_at_mut((2 * i + 1) * width);
                let left_at = 2 * i * width;
                if 2 * i + 1 < parts {
                    for (left, &right) in left[left_at..].iter_mut().zip(&rest[..width]) {
                        *left = left.add(right);
                    }
                }
                runs.copy_within(left_at..left_at + width, i * width);
            }
            parts = parts.div_ceil(2);
        }
    }
}

/// Normalises the rows of `x`; `w` and `b` have one element for each place in a row, which is not empty.
pub(crate) fn norm<T: Float>(x: &[T], w: &[T], b: &[T], how: Norm, out: &mut [T]) {
    for_chunks(out, GRAIN.div_ceil(how.len) * how.len, |start, out| {
        norm_rows(&x[start..start + out.len()], w, b, how, out);
    });
}

/// Rows that are summed by one thread; a function of shapes alone.
fn block_rows(rows: usize, len: usize) -> usize {
    rows.div_ceil(BLOCKS).max(GRAIN.div_ceil(len))
}

/// The elements that [`norm_grad`] wants as `room`.
pub(crate) fn grad_room(rows: usize, len: usize) -> usize {
    rows.div_ceil(block_rows(rows, len)) * 2 * len
}

/// The gradients: `dx` of every row, and `dw` and `db`, which are left as the first two runs of `room`.
pub(crate) fn norm_grad<T: Float>(x: &[T], g: &[T], w: &[T], how: Norm, dx: &mut [T], room: &mut [T]) {
    let len = how.len;
    let rows = dx.len() / len;
    let block = block_rows(rows, len);
    room.fill(T::ZERO);
    let (whole, sums) = (Disjoint::new(dx), Disjoint::new(room));
    for_ranges(rows.div_ceil(block), 1, |blocks| {
        for i in blocks {
            let range = i * block * len..((i + 1) * block).min(rows) * len;
            // SAFETY: `dx` stays borrowed, and each block of rows is handed out once.
            let dx = unsafe { whole.slice(range.clone()) };
            // SAFETY: `room` stays borrowed; each block has two runs of its own.
            let sums = unsafe { sums.slice(2 * i * len..2 * (i + 1) * len) };
            let (dw, db) = sums.split_at_mut(len);
            norm_grad_rows(&x[range.clone()], &g[range], w, how, dx, dw, db);
        }
    });
    if rows > 0 {
        meet_runs(room, 2 * len);
    }
}
