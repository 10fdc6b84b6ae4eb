//! Scaled dot-product attention, a block of query rows at a time, so that the matrix of all scores never exists.
//!
//! With `s = scale·q·kᵀ + mask` and m the largest score of a row, forward gives `o = (exp(s − m)·v) / Σ exp(s − m)` and
//! keeps m and the inverse of the sum. Backward makes the weights `p` again: `dv = pᵀ·g`, `ds = p∘(g·vᵀ − Σ g∘o)`,
//! `dq = scale·ds·k`, `dk = scale·dsᵀ·q`. Where weights are dropped, `p∘d` multiplies values and `g·vᵀ∘d` comes back.
//!
//! Products follow the order law of [`super::matmul`] and sums along a row that of [`crate::loops::reduce`]; keys that a
//! row does not see add exact zeros, and whole chunks of them in front are left out where zeros would be added. So a row
//! of `o` depends on its query, the keys it sees, their places and nothing else. Sums over queries add blocks of
//! [`Sight::block_rows`] in order, head after head.
//! Sources: Vaswani et al. 2017; Dao et al. 2022 (what is kept and what is made again).

use super::matmul::{Epilogue, Mat, matmul};
use super::softmax::{dot_line, exp_line_behind};
use crate::dtype::Float;
use crate::loops::reduce::{CHUNK, fold_line};
use crate::ops::reduce::Max;
use crate::parallel::{Disjoint, for_ranges};
use crate::rng::Rng;
use crate::simd::simd_fn;
use std::ops::Range;

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
    /// Whether a query at place i sees keys 0 to i alone.
    pub causal: bool,
    /// Whether it sees only the keys fewer than this many places from it.
    pub window: Option<usize>,
    /// The place of the first query of each sample among its keys.
    pub offsets: &'a [usize],
    /// For each head what a score loses by a place between query and key.
    pub slopes: &'a [T],
    /// The probability with which weights are dropped, and what decides.
    pub dropout: Option<(f64, &'a Rng)>,
    /// Queries, keys, and heads of queries in a sample.
    pub n: usize,
    pub m: usize,
    pub heads: usize,
    /// Heads of queries that share a head of keys.
    pub group: usize,
}

/// What one query sees: the keys `seen` of a block that begins with key `first`.
struct Row<'a, T> {
    first: usize,
    seen: Range<usize>,
    scale: T,
    mask: &'a [T],
    slope: T,
    place: usize,
}

impl<'a, T: Float> Sight<'a, T> {
    fn place(&self, head: usize, r: usize) -> usize {
        self.offsets[head / self.heads].saturating_add(r)
    }

    /// Keys that query `r` sees.
    fn keys(&self, head: usize, r: usize) -> Range<usize> {
        let place = self.place(head, r);
        let after = if self.causal { 1 } else { self.window.unwrap_or(usize::MAX) };
        let end = self.m.min(place.saturating_add(after));
        let start = self.window.map_or(0, |window| place.saturating_add(1).saturating_sub(window));
        start.min(end)..end
    }

    /// Keys that are worked on for queries `first` to `last`: all that one of them sees, from the beginning of a chunk on.
    fn block(&self, head: usize, first: usize, last: usize) -> Range<usize> {
        let (start, end) = (self.keys(head, first).start, self.keys(head, last - 1).end);
        start.min(end) / CHUNK * CHUNK..end
    }

    fn row(&self, head: usize, r: usize, block: &Range<usize>) -> Row<'a, T> {
        let seen = self.keys(head, r);
        Row {
            first: block.start,
            seen: seen.start - block.start..seen.end - block.start,
            scale: self.scale,
            mask: self.mask.map_or(&[], |mask| &mask.row(head, r)[block.clone()]),
            slope: self.slopes.get(head % self.heads).copied().unwrap_or(T::ZERO),
            place: self.place(head, r),
        }
    }

    /// What the weights of query `r` for the keys of a block are multiplied by; whether anything is dropped.
    fn drops(
        &self,
        head: usize,
        r: usize,
        block: &Range<usize>,
        kept: &mut [bool],
        factors: &mut [T],
    ) -> bool {
        let Some((p, rng)) = self.dropout else { return false };
        rng.bernoulli_at(((head * self.n + r) * self.m + block.start) as u64, 1.0 - p, kept);
        let scale = if p < 1.0 { T::of(1.0 / (1.0 - p)) } else { T::ZERO };
        for (factor, &kept) in factors.iter_mut().zip(&*kept) {
            *factor = if kept { scale } else { T::ZERO };
        }
        true
    }

    /// Rows of queries that are worked on together; a function of shapes alone.
    fn block_rows(&self) -> usize {
        (BLOCK / self.m.max(1)).clamp(16, 64)
    }
}

/// `s·scale + mask − slope·distance` for the keys that are seen, −∞ for the rest.
#[inline(always)]
fn look<T: Float>(s: &[T], row: &Row<T>, room: &mut [T]) {
    let Range { start, end } = row.seen;
    room[..start].fill(T::LOWEST);
    room[end..].fill(T::LOWEST);
    let (s, seen) = (&s[start..end], &mut room[start..end]);
    if row.mask.is_empty() {
        for (room, &s) in seen.iter_mut().zip(s) {
            *room = s.mul(row.scale);
        }
    } else {
        for ((room, &s), &mask) in seen.iter_mut().zip(s).zip(&row.mask[start..end]) {
            *room = s.mul_add(row.scale, mask);
        }
    }
    if row.slope != T::ZERO {
        for (i, room) in seen.iter_mut().enumerate() {
            let distance = T::of((row.first + start + i).abs_diff(row.place) as f64);
            *room = room.sub(row.slope.mul(distance));
        }
    }
}

simd_fn! {
    /// Products to weights that are still to be divided; `(m, 1/Σ)`, and weights of 0 for a row that sees nothing.
    fn weigh[T: Float](s: &mut [T], row: &Row<T>, room: &mut [T]) -> (T, T) {
        look(s, row, room);
        let max = fold_line(Max, room);
        if max == T::LOWEST {
            s.fill(T::ZERO);
            return (max, T::ZERO);
        }
        let sum = exp_line_behind(row.first / CHUNK, room, max, s);
        (max, T::ONE.div(sum))
    }

    /// Products to weights, from what [`weigh`] found.
    fn weigh_again[T: Float](s: &mut [T], row: &Row<T>, found: (T, T), room: &mut [T]) {
        if found.0 == T::LOWEST {
            return s.fill(T::ZERO);
        }
        look(s, row, room);
        exp_line_behind(0, room, found.0, s);
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

    fn times[T: Float](x: &mut [T], by: &[T]) {
        for (x, &by) in x.iter_mut().zip(by) {
            *x = x.mul(by);
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

/// Room for what is dropped of a row.
struct Drops<T> {
    kept: Vec<bool>,
    factors: Vec<T>,
}

impl<T: Float> Drops<T> {
    fn new(sight: &Sight<T>) -> Self {
        let len = if sight.dropout.is_some() { sight.m } else { 0 };
        Self { kept: vec![false; len], factors: vec![T::ZERO; len] }
    }

    /// What the weights of a row are multiplied by, if any is dropped.
    fn of(&mut self, sight: &Sight<T>, head: usize, r: usize, block: &Range<usize>) -> Option<&[T]> {
        let len = block.len().min(self.kept.len());
        let (kept, factors) = (&mut self.kept[..len], &mut self.factors[..len]);
        sight.drops(head, r, block, kept, factors).then_some(factors)
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
        let mut drops = Drops::new(&sight);
        for piece in pieces {
            let (head, first) = (piece / blocks, piece % blocks * block);
            let last = sight.n.min(first + block);
            let (rows, pair) = (last - first, head / sight.group);
            let block = sight.block(head, first, last);
            let len = block.len();
            let (scores, room) = (&mut scores[..rows * len], &mut room[..len]);
            let values = &mut values[..rows * width];
            product(scores, q.rows(head, first, last), k.rows(pair, block.start, block.end).t());
            let mut found = [(T::ZERO, T::ZERO); 64];
            for (i, found) in found[..rows].iter_mut().enumerate() {
                let line = &mut scores[i * len..][..len];
                *found = weigh(line, &sight.row(head, first + i, &block), room);
                if let Some(factors) = drops.of(&sight, head, first + i, &block) {
                    times(line, factors);
                }
            }
            product(values, scratch(scores, rows, len), v.rows(pair, block.start, block.end));
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
        let mut drops = Drops::new(&sight);
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
                    let (rows, seen) = (last - first, sight.block(head, first, last));
                    let len = seen.len();
                    let (weights, slopes) = (&mut weights[..rows * len], &mut slopes[..rows * len]);
                    let keys = k.rows(pair, seen.start, seen.end);
                    let values = v.rows(pair, seen.start, seen.end);
                    let (queries, grads) = (q.rows(head, first, last), g.rows(head, first, last));
                    product(weights, queries, keys.t());
                    product(slopes, grads, values.t());
                    for i in 0..rows {
                        let r = first + i;
                        let (at, line) = (2 * (head * n + r), i * len..(i + 1) * len);
                        let (p, found) = (&mut weights[line.clone()], (stats[at], stats[at + 1]));
                        weigh_again(p, &sight.row(head, r, &seen), found, &mut room[..len]);
                        let dp = &mut slopes[line];
                        let factors = drops.of(&sight, head, r, &seen);
                        if let Some(factors) = factors {
                            times(dp, factors);
                        }
                        slope(p, dp, g.row(head, r), o.row(head, r), sight.scale);
                        if let Some(factors) = factors {
                            times(p, factors);
                        }
                    }
                    // SAFETY: `dq` stays borrowed, and each head belongs to one pair.
                    let dq = unsafe { dq.slice((head * n + first) * depth..(head * n + last) * depth) };
                    product(dq, scratch(slopes, rows, len), keys);
                    product(&mut sums[..len * depth], scratch(slopes, rows, len).t(), queries);
                    add_to(&mut dk[seen.start * depth..], &sums[..len * depth]);
                    product(&mut sums[..len * width], scratch(weights, rows, len).t(), grads);
                    add_to(&mut dv[seen.start * width..], &sums[..len * width]);
                }
            }
        }
    });
}
