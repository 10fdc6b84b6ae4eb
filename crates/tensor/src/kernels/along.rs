//! Reading and writing where indices say along one axis; the indices are checked on the way, a block at a time.
//!
//! What indices of different places off the axis name are different places, so work is divided over those, and each
//! meets its indices in row-major order.

use crate::error::{Error, Result};
use crate::layout::{Dims, Layout, Strides};
use crate::loops::walk::Walk;
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;
use crate::word::Plain;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 13;
/// Indices that are checked at a time.
const BLOCK: usize = 512;
/// Neighbouring lines that go along the axis together: few enough that what they may name stays in the second cache.
const TILE: usize = 64;

simd_fn! {
    /// Whether all indices lie in `0..len`: neither they nor what they leave has a sign.
    fn all_below(indices: &[i64], len: i64) -> bool {
        let mut signs = 0;
        for &i in indices {
            signs |= i | (len - 1).wrapping_sub(i);
        }
        signs >= 0
    }
}

/// The first of `indices` that does not lie in `0..len`, `usize::MAX` if all do.
pub(crate) fn first_outside(indices: &[i64], len: usize) -> usize {
    let bad = AtomicUsize::new(usize::MAX);
    for_ranges(indices.len().div_ceil(BLOCK), GRAIN / BLOCK, |blocks| {
        for block in blocks {
            let start = block * BLOCK;
            let indices = &indices[start..indices.len().min(start + BLOCK)];
            if !all_below(indices, len as i64) {
                let at = indices.iter().position(|&i| i as u64 >= len as u64).unwrap_or(0);
                bad.fetch_min(start + at, Ordering::Relaxed);
            }
        }
    });
    bad.into_inner()
}

/// The layout of `target` under the shape of the indices, standing still along `axis`: the index says where.
fn under_indices(target: &Layout, axis: usize, shape: &[usize]) -> Layout {
    let mut layout = target.clone();
    layout.shape = Dims::from_slice(shape);
    layout.strides[axis] = 0;
    layout
}

/// How contiguous indices of one shape, not empty, meet a target along one axis.
pub(crate) struct Along<'a> {
    op: &'static str,
    indices: &'a [i64],
    /// The size and the step of the target's axis.
    len: usize,
    step: isize,
    /// Places off the axis and off the run: where their indices begin, and the target.
    leads: usize,
    walk: Walk<2>,
    /// Indices along the axis, and how far apart they are.
    k: usize,
    k_step: usize,
    /// Neighbouring indices behind the axis, and the target's step there.
    run: usize,
    run_step: isize,
}

/// Neighbouring indices; where the target of the first begins, and how far the next is from it.
type Piece = (Range<usize>, usize, isize);

impl<'a> Along<'a> {
    pub(crate) fn new(
        op: &'static str,
        target: &Layout,
        axis: usize,
        indices: &'a [i64],
        shape: &[usize],
    ) -> Self {
        let (own, under) = (Layout::contiguous(shape), under_indices(target, axis, shape));
        let (mut run, mut run_step, mut cut) = (1, 1, shape.len());
        while cut > axis + 1 {
            let (size, stride) = (shape[cut - 1], under.strides[cut - 1]);
            if size != 1 && run == 1 {
                (run, run_step) = (size, stride);
            } else if size != 1 && stride == run_step * run as isize {
                run *= size;
            } else if size != 1 {
                break;
            }
            cut -= 1;
        }
        let lead = |x: &Layout| Layout {
            shape: (0..cut).filter(|&i| i != axis).map(|i| x.shape[i]).collect::<Dims>(),
            strides: (0..cut).filter(|&i| i != axis).map(|i| x.strides[i]).collect::<Strides>(),
            offset: x.offset,
        };
        let (own_lead, under_lead) = (lead(&own), lead(&under));
        Self {
            op,
            indices,
            len: target.shape[axis],
            step: target.strides[axis],
            leads: own_lead.len(),
            walk: Walk::new([&own_lead, &under_lead]),
            k: shape[axis],
            k_step: own.strides[axis] as usize,
            run,
            run_step,
        }
    }

    /// Calls `part` for all indices, a block at a time, each block's once they are found to be right. Blocks that may
    /// name one place are met by one thread, in order, unless `reads`.
    ///
    /// Errors: `IndexOutOfBounds`, with all other blocks done.
    fn each(&self, reads: bool, part: impl Fn(Piece) + Sync) -> Result<()> {
        let bad = AtomicUsize::new(usize::MAX);
        let checked = |(range, at, inner): Piece| {
            for start in range.clone().step_by(BLOCK) {
                let block = start..range.end.min(start + BLOCK);
                let indices = &self.indices[block.clone()];
                if all_below(indices, self.len as i64) {
                    let from = at as isize + (start - range.start) as isize * inner;
                    part((block, from as usize, inner));
                } else {
                    let i = indices.iter().position(|&i| i as u64 >= self.len as u64).unwrap_or(0);
                    bad.fetch_min(start + i, Ordering::Relaxed);
                }
            }
        };
        // Along the axis where nothing is behind it, else side by side.
        let line = if self.run == 1 { self.k } else { self.run };
        let tile = match self.run {
            1 if reads => GRAIN,
            1 => line,
            _ => TILE,
        };
        let (tiles, rows) = (line.div_ceil(tile), if self.run == 1 { 1 } else { self.k });
        for_ranges(self.leads * tiles, GRAIN / (tile.min(line) * rows), |pieces| {
            for piece in pieces {
                let from = piece % tiles * tile;
                let width = tile.min(line - from);
                self.walk.runs(piece / tiles..piece / tiles + 1, |_, [index, target], _| match self.run {
                    1 => checked((index + from..index + from + width, target, 0)),
                    _ => {
                        let target = (target as isize + from as isize * self.run_step) as usize;
                        for k in 0..self.k {
                            let index = index + k * self.k_step + from;
                            checked((index..index + width, target, self.run_step));
                        }
                    }
                });
            }
        });
        match bad.into_inner() {
            usize::MAX => Ok(()),
            position => Err(Error::IndexOutOfBounds {
                op: self.op,
                index: self.indices[position],
                len: self.len,
                position,
            }),
        }
    }

    /// `out[i] = data[where index i says]`
    pub(crate) fn read<T: Plain>(&self, data: &[T], out: &mut [T]) -> Result<()> {
        let whole = Disjoint::new(out);
        self.each(true, |(range, at, inner)| {
            // SAFETY: `out` stays borrowed, and each index is met once.
            let out = unsafe { whole.slice(range.clone()) };
            if inner == 0 && self.step == 1 {
                let line = &data[at..at + self.len];
                for (out, &index) in out.iter_mut().zip(&self.indices[range]) {
                    // SAFETY: `each` has checked that the index lies in the axis.
                    *out = unsafe { *line.get_unchecked(index as usize) };
                }
                return;
            }
            for (i, (out, &index)) in out.iter_mut().zip(&self.indices[range]).enumerate() {
                let at = at as isize + i as isize * inner + index as isize * self.step;
                debug_assert!((at as usize) < data.len());
                // SAFETY: the index lies in the axis and all else in the target's layout, which lies in its buffer.
                *out = unsafe { *data.get_unchecked(at as usize) };
            }
        })
    }

    /// `write(out[where index i says], src[i])`, in row-major order for each place of the contiguous target `out`.
    pub(crate) fn write<T: Plain>(
        &self,
        src: &[T],
        out: &mut [T],
        write: impl Fn(&mut T, T) + Sync,
    ) -> Result<()> {
        let whole = Disjoint::new(out);
        self.each(false, |(range, at, inner)| {
            if self.run == 1 && self.step == 1 {
                // SAFETY: `out` stays borrowed, and a line along the axis is all one thread's.
                let line = unsafe { whole.slice(at..at + self.len) };
                for (&x, &index) in src[range.clone()].iter().zip(&self.indices[range]) {
                    // SAFETY: `each` has checked that the index lies in the axis.
                    write(unsafe { line.get_unchecked_mut(index as usize) }, x);
                }
                return;
            }
            for (i, (&x, &index)) in src[range.clone()].iter().zip(&self.indices[range]).enumerate() {
                let at = at as isize + i as isize * inner + index as isize * self.step;
                // SAFETY: `Disjoint::at` has checked the place; it is off the axis where no other thread is, and `out` stays
                // borrowed.
                write(unsafe { &mut *whole.at(at as usize) }, x);
            }
        })
    }
}
