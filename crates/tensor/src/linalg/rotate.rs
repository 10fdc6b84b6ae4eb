//! Products of plane rotations, applied to the columns of a matrix in panels of rows that stay in the cache.
//!
//! A rotation by φ is made of three shears, which take three fused operations an element where its matrix takes four: with
//! t = tan(φ/2) = s / (1 + c), x += t·y, y −= s·x, x += t·y. No factor exceeds 1 where c ≥ 0, so that no error grows.
//! Source: Paeth, "A fast algorithm for general raster rotation", 1986.

use super::tridiagonal::TINY;
use super::{Fault, Real, Room};
use crate::kernels::vector::{Scalar, Vector, vector_fn};
use crate::parallel::{Disjoint, run};
use smallvec::SmallVec;
use std::sync::Mutex;

/// Rows of a panel: two vectors of f32, four of f64, with AVX-512.
const ROWS: usize = 32;
/// Rotations that are collected before they are applied.
const MANY: usize = 1 << 12;

/// Rotations of neighbouring columns, sweep by sweep.
pub(super) struct Rotations<T> {
    /// t and s of each rotation.
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

    /// The next rotation of the sweep: columns (x, y) become (c·x + s·y, c·y − s·x); then y is the next one's x. c ≥ 0.
    pub(super) fn turn(&mut self, c: f64, s: f64) {
        debug_assert!(c >= 0.0 || c.is_nan(), "invariant: a rotation by a right angle at most");
        self.turns.push((T::of(s / (1.0 + c)), T::of(s)));
        if let Some((_, count)) = self.sweeps.last_mut() {
            *count += 1;
        }
    }

    /// Whether there are so many that they should be applied before the next sweep.
    pub(super) fn are_many(&self) -> bool {
        self.turns.len() >= MANY
    }

    /// One more than the last column that is rotated; 0 if there is none.
    fn columns(&self) -> usize {
        self.sweeps.iter().map(|(first, count)| first + count + 1).max().unwrap_or(0)
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
            assert!(rotations.columns() * ROWS <= *size, "invariant: rotated columns exist");
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
                    // SAFETY: the columns were seen to be there.
                    unsafe { rotate(panel.as_mut_ptr(), &rotations.turns, &rotations.sweeps) }
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

/// Registers of a column that are worked on together: with them, both sweeps and all factors stay in registers.
const TOGETHER: usize = 2;

vector_fn! {
    /// # Safety
    /// `panel` must be columns of [`ROWS`] rows, as many as the sweeps turn, and no other thread's.
    unsafe fn rotate<T, H, W>(panel: *mut T, turns: &[(T, T)], sweeps: &[(usize, usize)]) {
        for row in (0..ROWS).step_by(TOGETHER * W::LANES) {
            // SAFETY: the caller's promise; rows of a panel are whole registers.
            unsafe { rotate_rows::<T, W>(panel.add(row), turns, sweeps) }
        }
    }
}

/// # Safety
/// The instruction set of V, and as for [`rotate`], from a row of the panel on.
#[inline(always)]
unsafe fn rotate_rows<T: Scalar, V: Vector<T>>(panel: *mut T, turns: &[(T, T)], sweeps: &[(usize, usize)]) {
    let (mut turns, mut sweeps) = (turns, sweeps);
    while let [(first, count), rest @ ..] = sweeps {
        let (own, after) = turns.split_at(*count);
        (turns, sweeps) = (after, rest);
        // A sweep of the same columns, but for the last ones, follows a column behind, where they still are in registers: a
        // column comes and goes once for both.
        let behind = match rest {
            [(then, others), rest @ ..] if then == first && (1..=*count).contains(others) => {
                let (behind, after) = turns.split_at(*others);
                (turns, sweeps) = (after, rest);
                behind
            }
            _ => &[],
        };
        let Some((&turn, own)) = own.split_first() else { continue };
        let both = own.len().min(behind.len());
        // SAFETY: a sweep of `count` turns touches `count` columns after its first one, which the caller promises.
        unsafe {
            let column = |k: usize| panel.add((first + k) * ROWS);
            let mut x = loaded::<T, V>(column(0));
            let mut y = turned(&mut x, loaded(column(1)), turn);
            for (k, (&turn, &then)) in own.iter().zip(behind).enumerate() {
                let next = turned(&mut x, loaded(column(k + 2)), turn);
                store(turned(&mut y, next, then), column(k));
            }
            if let [then] = behind[both..] {
                store(turned(&mut y, x, then), column(both));
                store(y, column(both + 1));
                continue;
            }
            store(y, column(both));
            for (k, &turn) in own.iter().enumerate().skip(both) {
                store(turned(&mut x, loaded(column(k + 2)), turn), column(k + 1));
            }
            store(x, column(*count));
        }
    }
}

/// # Safety
/// The instruction set of V; the registers must be readable.
#[inline(always)]
unsafe fn loaded<T: Scalar, V: Vector<T>>(from: *const T) -> [V; TOGETHER] {
    // SAFETY: the caller's promise.
    unsafe { [V::load(from), V::load(from.add(V::LANES))] }
}

/// # Safety
/// The instruction set of V; the registers must be writable.
#[inline(always)]
unsafe fn store<T: Scalar, V: Vector<T>>(x: [V; TOGETHER], to: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        x[0].store(to);
        x[1].store(to.add(V::LANES));
    }
}

/// Columns (x, y) become (c·x + s·y, c·y − s·x): returns the first, and the second is the next x.
///
/// # Safety
/// The instruction set of V.
#[inline(always)]
unsafe fn turned<T: Scalar, V: Vector<T>>(
    x: &mut [V; TOGETHER],
    y: [V; TOGETHER],
    (t, s): (T, T),
) -> [V; TOGETHER] {
    let mut out = y;
    // SAFETY: the caller's promise.
    unsafe {
        let (t, less_s) = (V::splat(t), V::splat(s.neg()));
        for i in 0..TOGETHER {
            let sheared = t.mul_add(y[i], x[i]);
            x[i] = less_s.mul_add(sheared, y[i]);
            out[i] = t.mul_add(x[i], sheared);
        }
    }
    out
}

/// (c, s, r) with c·x + s·y = r, c·y − s·x = 0 and c ≥ 0, for x and y of a matrix whose norm is near 1.
#[inline(always)]
pub(super) fn givens(x: f64, y: f64) -> (f64, f64, f64) {
    let square = x * x + y * y;
    // Too small to matter, and to divide by.
    if y == 0.0 || square < TINY * TINY {
        return (1.0, 0.0, x);
    }
    // 1 / r as r / r²: the division does not wait for the root.
    let r = square.sqrt().copysign(x);
    let inverse = r * (1.0 / square);
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
