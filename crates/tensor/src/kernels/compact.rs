//! What stands where a mask holds, one after another.

use crate::parallel::{Disjoint, for_chunks, for_ranges};
use crate::simd::simd_fn;

/// Elements of a mask that are counted together.
const PIECE: usize = 1 << 13;
/// Elements that are collected before they are written.
const BLOCK: usize = 64;

simd_fn! {
    fn count(mask: &[bool]) -> usize {
        let mut sum = 0;
        for block in mask.chunks(255) {
            let mut few = 0u8;
            for &held in block {
                few += held as u8;
            }
            sum += few as usize;
        }
        sum
    }
}

/// A mask, and where what it holds begins in each of its pieces.
pub(crate) struct Held<'a> {
    mask: &'a [bool],
    starts: Vec<usize>,
    /// How many it holds.
    pub(crate) len: usize,
}

impl<'a> Held<'a> {
    pub(crate) fn new(mask: &'a [bool]) -> Self {
        let mut starts = vec![0; mask.len().div_ceil(PIECE)];
        for_chunks(&mut starts, 4, |first, starts| {
            for (start, mask) in starts.iter_mut().zip(mask[first * PIECE..].chunks(PIECE)) {
                *start = count(mask);
            }
        });
        let mut len = 0;
        for start in &mut starts {
            len += std::mem::replace(start, len);
        }
        Self { mask, starts, len }
    }

    /// `value(i)` for each `i` that the mask holds, in order, into `out` of `len` elements.
    pub(crate) fn collect<T: Copy + Default + Send>(&self, out: &mut [T], value: impl Fn(usize) -> T + Sync) {
        let whole = Disjoint::new(out);
        for_ranges(self.starts.len(), 1, |pieces| {
            let mut room = [T::default(); BLOCK];
            for piece in pieces {
                let (mut i, mut at) = (piece * PIECE, self.starts[piece]);
                let mask = &self.mask[i..self.mask.len().min(i + PIECE)];
                for block in mask.chunks(BLOCK) {
                    // Written at every element and kept where the mask holds, so that nothing is to be guessed.
                    let mut n = 0;
                    for &held in block {
                        room[n % BLOCK] = value(i);
                        n += held as usize;
                        i += 1;
                    }
                    // SAFETY: `out` stays borrowed, and pieces were given places of their own.
                    unsafe { whole.slice(at..at + n) }.copy_from_slice(&room[..n]);
                    at += n;
                }
            }
        });
    }
}
