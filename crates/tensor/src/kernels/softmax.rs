//! Softmax and its kin, row by row: every pass over a row after the first finds it in the first cache.
//!
//! With `m = max x` and `s = Σ exp(x − m)`, `softmax x = exp(x − m)/s`, `log_softmax x = x − m − ln s` and
//! `logsumexp x = m + ln s`; nothing overflows. Sums follow the order law of [`crate::loops::reduce`], so a row's
//! result depends on that row alone.

use crate::dtype::Float;
use crate::loops::reduce::{CHUNK, LANES, fold_line, meet_lanes, meet_pairwise};
use crate::math::Math;
use crate::ops::reduce::{Max, Sum};
use crate::simd::simd_fn;

/// Elements a thread takes at a time, at least.
pub(crate) const GRAIN: usize = 1 << 13;
/// Rows whose logarithms are taken together.
const GROUP: usize = 16;

/// `exp(x − max)` into `room`, and their sum. A chunk at most, and `room` as long.
#[inline(always)]
fn exp_chunk<T: Float>(x: &[T], max: T, room: &mut [T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    let (room_blocks, room_rest) = room.as_chunks_mut::<LANES>();
    for (x, y) in blocks.iter().zip(room_blocks) {
        for l in 0..LANES {
            y[l] = Math::exp(x[l].sub(max));
        }
        for l in 0..LANES {
            lanes[l] = lanes[l].add(y[l]);
        }
    }
    if !rest.is_empty() {
        // A whole block again: the padding becomes exp(−∞) = 0.
        let mut tail = [T::LOWEST; LANES];
        for (tail, &x) in tail.iter_mut().zip(rest) {
            *tail = x;
        }
        for l in 0..LANES {
            tail[l] = Math::exp(tail[l].sub(max));
        }
        for (y, &tail) in room_rest.iter_mut().zip(&tail) {
            *y = tail;
        }
        for l in 0..LANES {
            lanes[l] = lanes[l].add(tail[l]);
        }
    }
    meet_lanes::<T, Sum>(Sum, lanes)
}

/// `Σ exp(x − max)`; the terms are left in `room` where it is as long as `x`, else it holds one chunk at a time.
#[inline(always)]
pub(crate) fn exp_line<T: Float>(x: &[T], max: T, room: &mut [T]) -> T {
    exp_line_behind(0, x, max, room)
}

/// [`exp_line`] with the bits that it has behind so many chunks of −∞.
#[inline(always)]
pub(crate) fn exp_line_behind<T: Float>(chunks: usize, x: &[T], max: T, room: &mut [T]) -> T {
    if x.len() <= CHUNK {
        return exp_chunk(x, max, &mut room[..x.len()]);
    }
    let stays = room.len() >= x.len();
    let mut partials = Vec::with_capacity(chunks + x.len().div_ceil(CHUNK));
    partials.resize(chunks, T::ZERO);
    for (i, x) in x.chunks(CHUNK).enumerate() {
        let at = if stays { i * CHUNK } else { 0 };
        partials.push(exp_chunk(x, max, &mut room[at..at + x.len()]));
    }
    meet_pairwise::<T, Sum>(Sum, &mut partials, 1);
    partials[0]
}

#[inline(always)]
fn dot_chunk<T: Float>(x: &[T], y: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in x.iter().zip(y) {
        for l in 0..LANES {
            lanes[l] = lanes[l].add(x[l].mul(y[l]));
        }
    }
    let mut tail = [T::ZERO; LANES];
    for ((tail, &x), &y) in tail.iter_mut().zip(x_rest).zip(y_rest) {
        *tail = x.mul(y);
    }
    for l in 0..LANES {
        lanes[l] = lanes[l].add(tail[l]);
    }
    meet_lanes::<T, Sum>(Sum, lanes)
}

/// `Σ x·y`, in the order law.
#[inline(always)]
pub(crate) fn dot_line<T: Float>(x: &[T], y: &[T]) -> T {
    if x.len() <= CHUNK {
        return dot_chunk(x, y);
    }
    let mut partials: Vec<T> = x.chunks(CHUNK).zip(y.chunks(CHUNK)).map(|(x, y)| dot_chunk(x, y)).collect();
    meet_pairwise::<T, Sum>(Sum, &mut partials, 1);
    partials[0]
}

simd_fn! {
    pub(crate) fn softmax_rows[T: Float](x: &[T], len: usize, out: &mut [T]) {
        for (x, out) in x.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
            let max = fold_line(Max, x);
            let scale = T::ONE.div(exp_line(x, max, out));
            for out in out.iter_mut() {
                *out = out.mul(scale);
            }
        }
    }

    pub(crate) fn log_softmax_rows[T: Float](x: &[T], len: usize, out: &mut [T]) {
        for (x, out) in x.chunks(len * GROUP).zip(out.chunks_mut(len * GROUP)) {
            let (mut maxima, mut logs) = ([T::ZERO; GROUP], [T::ONE; GROUP]);
            let rows = x.chunks_exact(len).zip(out.chunks_exact_mut(len));
            for ((max, sum), (x, out)) in maxima.iter_mut().zip(&mut logs).zip(rows) {
                *max = fold_line(Max, x);
                *sum = exp_line(x, *max, out);
            }
            for log in &mut logs {
                *log = Math::ln(*log);
            }
            let rows = x.chunks_exact(len).zip(out.chunks_exact_mut(len));
            for ((&max, &log), (x, out)) in maxima.iter().zip(&logs).zip(rows) {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = x.sub(max).sub(log);
                }
            }
        }
    }

    /// `m + ln s`; an infinite `m` is left out of the exponent, which makes −∞ of rows of −∞ and +∞ of those with +∞.
    pub(crate) fn logsumexp_rows[T: Float](x: &[T], len: usize, out: &mut [T]) {
        let mut room = vec![T::ZERO; len.min(CHUNK)];
        let mut maxima = Vec::with_capacity(out.len());
        for (x, out) in x.chunks_exact(len).zip(out.iter_mut()) {
            let max = fold_line(Max, x);
            let max = if max.is_finite() { max } else { T::ZERO };
            maxima.push(max);
            *out = exp_line(x, max, &mut room);
        }
        for (out, &max) in out.iter_mut().zip(&maxima) {
            *out = max.add(Math::ln(*out));
        }
    }

    /// `y·(g − Σ g·y)`
    pub(crate) fn softmax_grad_rows[T: Float](y: &[T], g: &[T], len: usize, out: &mut [T]) {
        for ((y, g), out) in y.chunks_exact(len).zip(g.chunks_exact(len)).zip(out.chunks_exact_mut(len)) {
            let dot = dot_line(g, y);
            for ((out, &y), &g) in out.iter_mut().zip(y).zip(g) {
                *out = y.mul(g.sub(dot));
            }
        }
    }

    /// `g − exp(y)·Σ g`
    pub(crate) fn log_softmax_grad_rows[T: Float](y: &[T], g: &[T], len: usize, out: &mut [T]) {
        for ((y, g), out) in y.chunks_exact(len).zip(g.chunks_exact(len)).zip(out.chunks_exact_mut(len)) {
            let sum = fold_line(Sum, g);
            exp_line(y, T::ZERO, out);
            for (out, &g) in out.iter_mut().zip(g) {
                *out = g.sub(out.mul(sum));
            }
        }
    }
}
