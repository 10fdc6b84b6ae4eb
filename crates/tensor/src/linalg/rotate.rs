//! Products of plane rotations, applied to the columns of a matrix in panels of rows that stay in the cache.

use super::{Fault, Real, Room};
use crate::dtype::Float;
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;

/// Rows of a panel: two vectors of f32, four of f64, with AVX-512.
const ROWS: usize = 32;
/// Rotations that are collected before they are applied.
const MANY: usize = 1 << 13;

/// What one [`Rotated`] needs, for the next one.
pub(super) struct Turns<T> {
    panels: Room<T>,
    /// Cosine and sine of each rotation.
    turns: Vec<(T, T)>,
    /// The first column of each sweep, and its rotations.
    sweeps: Vec<(usize, usize)>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { panels: Room::default(), turns: Vec::new(), sweeps: Vec::new() }
    }
}

/// A matrix of n rows and columns, in panels: a panel holds [`ROWS`] rows, column by column. It begins as the identity.
pub(super) struct Rotated<'a, T> {
    panels: &'a mut [T],
    turns: &'a mut Vec<(T, T)>,
    sweeps: &'a mut Vec<(usize, usize)>,
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
        room.turns.clear();
        room.sweeps.clear();
        Ok(Self { panels, turns: &mut room.turns, sweeps: &mut room.sweeps, n })
    }

    /// Begins a sweep at the columns `first` and `first + 1`.
    pub(super) fn sweep(&mut self, first: usize) {
        if self.turns.len() >= MANY {
            self.apply();
        }
        self.sweeps.push((first, 0));
    }

    /// The next rotation of the sweep: columns (x, y) become (c·x + s·y, c·y − s·x); then y is the next one's x.
    pub(super) fn turn(&mut self, c: f64, s: f64) {
        self.turns.push((T::of(c), T::of(s)));
        if let Some((_, count)) = self.sweeps.last_mut() {
            *count += 1;
        }
    }

    fn apply(&mut self) {
        let (size, panels) = (ROWS * self.n, Disjoint::new(self.panels));
        let (turns, sweeps) = (&*self.turns, &*self.sweeps);
        let work = turns.len() * ROWS * 4;
        for_ranges(self.n.div_ceil(ROWS), (super::GRAIN / work.max(1)).max(1), |range| {
            for p in range {
                // SAFETY: each panel is handed out once, and they do not overlap.
                let panel = unsafe { panels.slice(p * size..(p + 1) * size) };
                rotate(panel, turns, sweeps);
            }
        });
        self.turns.clear();
        self.sweeps.clear();
    }

    /// Column j of `out` (rows `rows` apart) is column `order[j]`, with its sign turned where `negate` says so.
    pub(super) fn finish(
        mut self,
        order: &[usize],
        negate: impl Fn(usize) -> bool,
        out: &mut [T],
        rows: usize,
    ) {
        self.apply();
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
                    y[i] = c.mul_add(y[i], s.mul(x[i]).neg());
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
