//! Scaled dot-product attention, a block of query rows at a time, so that the matrix of all scores never exists.
//!
//! With `s = scale·q·kᵀ + mask` and m the largest score of a row, forward gives `o = (exp(s − m)·v) / Σ exp(s − m)` and
//! keeps m and the inverse of the sum. Backward makes the weights `p` again: `dv = pᵀ·g`, `ds = p∘(g·vᵀ − Σ g∘o)`,
//! `dq = scale·ds·k`, `dk = scale·dsᵀ·q`. Products follow the order law of [`super::matmul`] and sums along a row that of
//! [`crate::loops::reduce`]; keys that a row does not see add exact zeros. So a row of `o` depends on its query, the keys
//! it sees and nothing else. Sums over queries add blocks of [`block_rows`] in order, head after head.
//! Sources: Vaswani et al. 2017; Dao et al. 2022 (what is kept and what is made again).

use super::matmul::{Epilogue, Mat, matmul};
use super::softmax::{dot_line, exp_line};
use crate::dtype::Float;
use crate::loops::reduce::fold_line;
use crate::ops::reduce::Max;
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;

/// Scores that a block holds, so that it stays in the second cache.
const BLOCK: usize = 1 << 15;

/// Matrices of one layout, one for each head of each sample.
#[derive(Clone, Copy)]
pub(crate) struct Heads<'a, T> {
    pub mat: Mat<'a, T>,
    pub offsets: &'a [usize],
}

impl<'a, T> Heads<'a, T> {
    /// Rows `start..end` of matrix `i`.
    fn rows(self, i: usize, start: usize, end: usize) -> Mat<'a, T> {
        let offset =
            self.offsets[i] as isize + if start < end { start as isize * self.mat.row_stride } else { 0 };
        Mat { offset: offset as usize, rows: end - start, ..self.mat }
    }

    /// Row `r` of matrix `i`, whose elements are neighbours.
    fn row(self, i: usize, r: usize) -> &'a [T] {
        let at = self.offsets[i] as isize + r as isize * self.mat.row_stride;
        &self.mat.data[at as usize..][..self.mat.cols]
    }
}

/// What each query sees, and the sizes.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a, T> {
    pub scale: T,
    /// Added to the scores; rows of neighbours.
    pub mask: Option<Heads<'a, T>>,
    /// Whether query i sees keys 0 to `offset + i` alone.
    pub causal: bool,
    pub offset: usize,
    /// Queries, keys, and heads of queries in a sample.
    pub n: usize,
    pub m: usize,
    pub heads: usize,
    /// Heads of queries that share a head of keys.
    pub group: usize,
}

impl<'a, T: Float> Sight<'a, T> {
    /// Keys that query `r` sees, counted from the first.
    fn end(&self, r: usize) -> usize {
        if self.causal { self.m.min(self.offset.saturating_add(r + 1)) } else { self.m }
    }

    fn mask_row(&self, head: usize, r: usize) -> &'a [T] {
        self.mask.map_or(&[], |mask| mask.row(head, r))
    }

    /// Rows of queries that are worked on together; a function of shapes alone.
    fn block_rows(&self) -> usize {
        (BLOCK / self.m.max(1)).clamp(16, 64)
    }
}

/// `s·scale + mask` for the first `end` keys, −∞ for the rest.
#[inline(always)]
fn look<T: Float>(s: &[T], scale: T, mask: &[T], end: usize, room: &mut [T]) {
    let (seen, hidden) = room.split_at_mut(end);
    if mask.is_empty() {
        for (room, &s) in seen.iter_mut().zip(s) {
            *room = s.mul(scale);
        }
    } else {
        for ((room, &s), &mask) in seen.iter_mut().zip(s).zip(mask) {
            *room = s.mul_add(scale, mask);
        }
    }
    hidden.fill(T::LOWEST);
}

simd_fn! {
    /// Products to weights that are still to be divided; `(m, 1/Σ)`, and weights of 0 for a row that sees nothing.
    fn weigh[T: Float](s: &mut [T], scale: T, mask: &[T], end: usize, room: &mut [T]) -> (T, T) {
        look(s, scale, mask, end, room);
        let max = fold_line(Max, room);
        if max == T::LOWEST {
            s.fill(T::ZERO);
            return (max, T::ZERO);
        }
        let sum = exp_line(room, max, s);
        (max, T::ONE.div(sum))
    }

    /// Products to weights, from what [`weigh`] found.
    fn weigh_again[T: Float](s: &mut [T], scale: T, mask: &[T], end: usize, found: (T, T), room: &mut [T]) {
        if found.0 == T::LOWEST {
            return s.fill(T::ZERO);
        }
        look(s, scale, mask, end, room);
        exp_line(room, found.0, s);
        for s in s.iter_mut() {
            *s = s.mul(found.1);
        }
    }

    /// `g·v` to the slope of the products.
    fn slope[T: Float](p: &[T], dp: &mut [T], g: &[T], o: &[T], scale: T) {
        let drift = dot_line(g, o);
        for (dp, &p) in dp.iter_mut().zip(p) {
            *dp = dp.sub(drift).mul(p).mul(scale);
        }
    }

    fn scaled[T: Float](x: &[T], by: T, out: &mut [T]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x.mul(by);
        }
    }

    fn add_to[T: Float](out: &mut [T], x: &[T]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = out.add(x);
        }
    }
}

/// A matrix in scratch memory.
fn scratch<T>(data: &[T], rows: usize, cols: usize) -> Mat<'_, T> {
    Mat { data, offset: 0, rows, cols, row_stride: cols as isize, col_stride: 1 }
}

fn product<T: Float>(out: &mut [T], a: Mat<T>, b: Mat<T>) {
    matmul(out, a, b, Epilogue::NONE);
}

/// `out`: for each sample, query and head a row of values; `stats`: for each head of each sample and query two numbers.
pub(crate) fn attention<T: Float>([q, k, v]: [Heads<T>; 3], sight: Sight<T>, out: &mut [T], stats: &mut [T]) {
    let (block, width) = (sight.block_rows(), v.mat.cols);
    let blocks = sight.n.div_ceil(block);
    let (out, stats) = (Disjoint::new(out), Disjoint::new(stats));
    for_ranges(q.offsets.len() * blocks, 1, |pieces| {
        let mut room = vec![T::ZERO; sight.m];
        let mut scores = vec![T::ZERO; block.min(sight.n) * sight.m];
        let mut values = vec![T::ZERO; block.min(sight.n) * width];
        for piece in pieces {
            let (head, first) = (piece / blocks, piece % blocks * block);
            let last = sight.n.min(first + block);
            let (rows, end, pair) = (last - first, sight.end(last - 1), head / sight.group);
            let (scores, room) = (&mut scores[..rows * end], &mut room[..end]);
            let values = &mut values[..rows * width];
            product(scores, q.rows(head, first, last), k.rows(pair, 0, end).t());
            let mut found = [(T::ZERO, T::ZERO); 64];
            for (i, found) in found[..rows].iter_mut().enumerate() {
                let r = first + i;
                let row = &mut scores[i * end..][..end];
                *found = weigh(row, sight.scale, sight.mask_row(head, r), sight.end(r), room);
            }
            product(values, scratch(scores, rows, end), v.rows(pair, 0, end));
            for (i, &(max, inverse)) in found[..rows].iter().enumerate() {
                let r = head * sight.n + first + i;
                let at =
                    ((head / sight.heads * sight.n + first + i) * sight.heads + head % sight.heads) * width;
                // SAFETY: `stats` and `out` stay borrowed, and each row of a head is in one piece.
                let (stats, out) = unsafe { (stats.slice(2 * r..2 * r + 2), out.slice(at..at + width)) };
                stats.copy_from_slice(&[max, inverse]);
                scaled(&values[i * width..][..width], inverse, out);
            }
        }
    });
}

/// The gradients of queries, keys and values, each row-major, from the gradient `g` of the result `o` and its `stats`.
/// Elements of a row of `g` and `o` are neighbours.
pub(crate) fn attention_grad<T: Float>(
    [q, k, v, g, o]: [Heads<T>; 5],
    sight: Sight<T>,
    stats: &[T],
    [dq, dk, dv]: [&mut [T]; 3],
) {
    let (block, depth, width) = (sight.block_rows(), q.mat.cols, v.mat.cols);
    let (n, m, group) = (sight.n, sight.m, sight.group);
    let [dq, dk, dv] = [dq, dk, dv].map(Disjoint::new);
    for_ranges(k.offsets.len(), 1, |pairs| {
        let mut room = vec![T::ZERO; m];
        let mut weights = vec![T::ZERO; block.min(n) * m];
        let mut slopes = vec![T::ZERO; block.min(n) * m];
        let mut sums = vec![T::ZERO; m * depth.max(width)];
        for pair in pairs {
            // SAFETY: the gradients stay borrowed, and each pair of keys and values is in one piece.
            let (dk, dv) = unsafe {
                (
                    dk.slice(pair * m * depth..(pair + 1) * m * depth),
                    dv.slice(pair * m * width..(pair + 1) * m * width),
                )
            };
            dk.fill(T::ZERO);
            dv.fill(T::ZERO);
            for head in pair * group..(pair + 1) * group {
                for first in (0..n).step_by(block) {
                    let last = n.min(first + block);
                    let (rows, end) = (last - first, sight.end(last - 1));
                    let (weights, slopes) = (&mut weights[..rows * end], &mut slopes[..rows * end]);
                    let (keys, values) = (k.rows(pair, 0, end), v.rows(pair, 0, end));
                    let (queries, grads) = (q.rows(head, first, last), g.rows(head, first, last));
                    product(weights, queries, keys.t());
                    product(slopes, grads, values.t());
                    for i in 0..rows {
                        let r = first + i;
                        let (at, line) = (2 * (head * n + r), i * end..(i + 1) * end);
                        let (p, found) = (&mut weights[line.clone()], (stats[at], stats[at + 1]));
                        weigh_again(
                            p,
                            sight.scale,
                            sight.mask_row(head, r),
                            sight.end(r),
                            found,
                            &mut room[..end],
                        );
                        slope(p, &mut slopes[line], g.row(head, r), o.row(head, r), sight.scale);
                    }
                    // SAFETY: `dq` stays borrowed, and each head belongs to one pair.
                    let dq = unsafe { dq.slice((head * n + first) * depth..(head * n + last) * depth) };
                    product(dq, scratch(slopes, rows, end), keys);
                    product(&mut sums[..end * depth], scratch(slopes, rows, end).t(), queries);
                    add_to(dk, &sums[..end * depth]);
                    product(&mut sums[..end * width], scratch(weights, rows, end).t(), grads);
                    add_to(dv, &sums[..end * width]);
                }
            }
        }
    });
}
