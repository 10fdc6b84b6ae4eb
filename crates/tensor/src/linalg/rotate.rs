//! Products of plane rotations, applied to the columns of a matrix in panels of rows that stay in the cache.

use super::{Fault, Real, Room};
use crate::dtype::Float;
use crate::parallel::{Disjoint, run};
use crate::simd::simd_fn;
use smallvec::SmallVec;
use std::sync::Mutex;

/// Rows of a panel: two vectors of f32, four of f64, with AVX-512.
const ROWS: usize = 32;
/// Rotations that are collected before they are applied.
const MANY: usize = 1 << 12;

/// Rotations of neighbouring columns, sweep by sweep.
pub(super) struct Rotations<T> {
    /// Cosine and sine of each rotation.
    turns: Vec<(T, T)>,
    /// The first column of each sweep, and its rotations.
    sweeps: Vec<(usize, usize)>,
}

impl<T> Default for Rotations<T> {
    fn default() -> Self {
        Self { turns: Vec::new(), sweeps: Vec::new() }
    }
}

impl<T: Real> Rotations<T> {
    /// Begins a sweep at the columns `first` and `first + 1`.
    pub(super) fn sweep(&mut self, first: usize) {
        self.sweeps.push((first, 0));
    }

    /// The next rotation of the sweep: columns (x, y) become (c·x + s·y, c·y − s·x); then y is the next one's x.
    pub(super) fn turn(&mut self, c: f64, s: f64) {
        self.turns.push((T::of(c), T::of(s)));
        if let Some((_, count)) = self.sweeps.last_mut() {
            *count += 1;
        }
    }

    /// Whether there are so many that they should be applied before the next sweep.
    pub(super) fn are_many(&self) -> bool {
        self.turns.len() >= MANY
    }

    fn clear(&mut self) {
        self.turns.clear();
        self.sweeps.clear();
    }
}

/// What one [`Rotated`] needs, for the next one.
pub(super) struct Turns<T> {
    panels: Room<T>,
    ready: Rotations<T>,
    next: Rotations<T>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { panels: Room::default(), ready: Rotations::default(), next: Rotations::default() }
    }
}

/// A matrix of n rows and columns, in panels: a panel holds [`ROWS`] rows, column by column. It begins as the identity.
pub(super) struct Rotated<'a, T> {
    panels: &'a mut [T],
    ready: &'a mut Rotations<T>,
    next: &'a mut Rotations<T>,
    n: usize,
}

impl<'a, T: Real> Rotated<'a, T> {
    pub(super) fn identity(n: usize, room: &'a mut Turns<T>) -> Result<Self, Fault> {
        let panels = room.panels.zeros(n.div_ceil(ROWS) * ROWS * n)?;
        for (p, panel) in panels.chunks_exact_mut(ROWS * n.max(1)).enumerate() {
            for i in 0..ROWS.min(n - p * ROWS) {
                panel[(p * ROWS + i) * ROWS + i] = crate::dtype::Number::ONE;
            }
        }
        Ok(Self { panels, ready: &mut room.ready, next: &mut room.next, n })
    }

    /// Column j of `out` (rows `rows` apart) is column `order[j]`, with its sign turned where `negate` says so.
    pub(super) fn finish(self, order: &[usize], negate: impl Fn(usize) -> bool, out: &mut [T], rows: usize) {
        for (out, &from) in out.chunks_exact_mut(rows).zip(order) {
            for (p, out) in out[..self.n].chunks_mut(ROWS).enumerate() {
                let column = &self.panels[(p * self.n + from) * ROWS..][..out.len()];
                if negate(from) {
                    out.iter_mut().zip(column).for_each(|(out, &x)| *out = -x);
                } else {
                    out.copy_from_slice(column);
                }
            }
        }
    }
}

/// Applies the rotations that `find` gives for each side, some at a time, until it says how it ended. While panels take
/// those, `find` looks for the next ones, on a thread of its own if there is one.
pub(super) fn follow<T: Real, const N: usize>(
    mut sides: [Rotated<T>; N],
    find: impl FnMut(&mut [Rotations<T>; N]) -> Option<bool> + Send,
) -> (bool, [Rotated<T>; N]) {
    let mut ready = sides.each_mut().map(|side| std::mem::take(side.ready));
    let mut next = sides.each_mut().map(|side| std::mem::take(side.next));
    ready.iter_mut().chain(&mut next).for_each(Rotations::clear);
    let finder = Mutex::new((find, None));
    let ended = loop {
        let finding = Mutex::new(&mut next);
        let panels = sides.each_mut().map(|side| (ROWS * side.n, Disjoint::new(side.panels)));
        let jobs = ready.iter().zip(&panels).flat_map(|(rotations, (size, panels))| {
            let count = if rotations.turns.is_empty() { 0 } else { panels.len / size };
            let work = rotations.turns.len() * ROWS * 4;
            let together = (super::GRAIN / work.max(1)).max(1);
            (0..count).step_by(together).map(move |p| (rotations, panels, *size, p..count.min(p + together)))
        });
        let jobs: SmallVec<[_; 32]> = jobs.collect();
        // The search first: all else can be done beside it.
        run(1 + jobs.len(), |i| match i.checked_sub(1) {
            None => {
                let mut finder = finder.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let mut next = finding.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let (find, ended) = &mut *finder;
                if ended.is_none() {
                    *ended = find(&mut next);
                }
            }
            Some(i) => {
                let (rotations, panels, size, ref range) = jobs[i];
                for p in range.clone() {
                    // SAFETY: each panel of a side is in one job, each job is run once, and panels do not overlap.
                    let panel = unsafe { panels.slice(p * size..(p + 1) * size) };
                    rotate(panel, &rotations.turns, &rotations.sweeps);
                }
            }
        });
        drop(jobs);
        std::mem::swap(&mut ready, &mut next);
        next.iter_mut().for_each(Rotations::clear);
        let (_, ended) = &*finder.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match *ended {
            Some(ended) if !ended || ready.iter().all(|rotations| rotations.turns.is_empty()) => break ended,
            _ => {}
        }
    };
    for ((side, ready), next) in sides.iter_mut().zip(ready).zip(next) {
        (*side.ready, *side.next) = (ready, next);
    }
    (ended, sides)
}

simd_fn! {
    fn rotate[T: Float](panel: &mut [T], turns: &[(T, T)], sweeps: &[(usize, usize)]) {
        let (columns, _) = panel.as_chunks_mut::<ROWS>();
        let mut turns = turns;
        for &(first, count) in sweeps {
            let (own, rest) = turns.split_at(count);
            turns = rest;
            let mut x = columns[first];
            for (k, &(c, s)) in own.iter().enumerate() {
                let mut y = columns[first + k + 1];
                let out = &mut columns[first + k];
                for i in 0..ROWS {
                    out[i] = c.mul_add(x[i], s.mul(y[i]));
                    y[i] = s.neg().mul_add(x[i], c.mul(y[i]));
                }
                x = y;
            }
            columns[first + count] = x;
        }
    }
}

/// (c, s, r) with c·x + s·y = r and c·y − s·x = 0.
#[inline(always)]
pub(super) fn givens(x: f64, y: f64) -> (f64, f64, f64) {
    if y == 0.0 {
        return (1.0, 0.0, x);
    }
    let r = (x * x + y * y).sqrt();
    if r == 0.0 {
        return (1.0, 0.0, x);
    }
    let inverse = 1.0 / r;
    (x * inverse, y * inverse, r)
}

/// The power of two that brings the largest of `x` near 1, or 1 where that is not far.
pub(super) fn scale_of<T: Real>(x: &[T]) -> f64 {
    let mut largest = <T as crate::dtype::Number>::ZERO;
    for &x in x {
        largest = crate::dtype::Number::max(largest, crate::dtype::Number::abs(x));
    }
    let (_, exponent) = libm::frexp(largest.to_f64());
    if largest.to_f64() == 0.0 || exponent.abs() < 32 {
        1.0
    } else {
        libm::ldexp(1.0, -exponent.clamp(-1000, 1000))
    }
}
