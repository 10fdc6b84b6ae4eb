//! Results that are larger than caches: stores that go past them.
//!
//! A line that is stored to is read first, and takes the place of another. Of a result that is not in a cache when the next operation
//! comes, neither is of use: it doubles what memory has to do. Kernels hand such results over here a small room at a time,
//! or, where they store whole lines, with [`Vector::stream`](crate::kernels::vector::Vector::stream); a [`fence`] then ends a piece of work.

use crate::parallel::for_chunks;

/// Bytes from which a result is large: with what it is made of, more than the last cache of most processors keeps.
const LARGE: usize = 12 << 20;
/// Elements of a room, which with what it is made of stays in a core's first cache.
const ROOM: usize = 2048;

/// Whether stores to `out` are to go past the caches.
pub(crate) fn is_large<T>(out: &[T]) -> bool {
    size_of_val(out) >= LARGE
}

/// [`for_chunks`], for elements whose values before do not count: `part` may be given a room that is copied into their place. Pieces
/// are of whole units, but for the last.
pub(crate) fn for_fresh_chunks<T: Copy + Default + Send>(
    out: &mut [T],
    grain: usize,
    unit: usize,
    part: impl Fn(usize, &mut [T]) + Sync,
) {
    let grain = (grain / unit).max(1) * unit;
    if !is_large(out) || unit > ROOM {
        return for_chunks(out, grain, part);
    }
    for_chunks(out, grain, |start, out| {
        let mut room = [T::default(); ROOM];
        let piece = ROOM / unit * unit;
        for (i, out) in out.chunks_mut(piece).enumerate() {
            let room = &mut room[..out.len()];
            part(start + i * piece, room);
            copy(room, out);
        }
        fence();
    });
}

/// Copies past the caches.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
    assert_eq!(from.len(), to.len(), "invariant: the room is as long as its place");
    let whole = size_of::<__m128i>();
    let before = to.as_ptr().align_offset(whole).min(to.len());
    let (first, rest) = to.split_at_mut(before);
    first.copy_from_slice(&from[..before]);
    let from = &from[before..];
    let registers = size_of_val(rest) / whole;
    let (source, target) = (from.as_ptr().cast::<__m128i>(), rest.as_mut_ptr().cast::<__m128i>());
    for i in 0..registers {
        // SAFETY: both have as many bytes, and the target is aligned. The instructions are part of x86-64.
        unsafe { _mm_stream_si128(target.add(i), _mm_loadu_si128(source.add(i))) }
    }
    let done = registers * whole / size_of::<T>().max(1);
    rest[done..].copy_from_slice(&from[done..]);
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    to.copy_from_slice(from);
}

/// Makes what this thread has stored past the caches seen before all that it stores from here on.
#[inline]
pub(crate) fn fence() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: part of x86-64, and touches no memory.
    unsafe {
        std::arch::x86_64::_mm_sfence()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_results_arrive_whole_wherever_they_begin() {
        for (skip, unit) in [(0, 1), (1, 1), (3, 7), (5, ROOM + 1), (2, 1000)] {
            let mut all = vec![0u32; LARGE / 4 + 77];
            for_fresh_chunks(&mut all[skip..], 5000, unit, |start, out| {
                assert!(start % unit == 0);
                out.iter_mut().enumerate().for_each(|(i, x)| *x = (start + i) as u32 ^ 0x5bd1_e995);
            });
            assert!(all[..skip].iter().all(|&x| x == 0));
            assert!(
                all[skip..].iter().enumerate().all(|(i, &x)| x == i as u32 ^ 0x5bd1_e995),
                "{skip}, {unit}"
            );
        }
        let mut bytes = vec![0u8; LARGE + 5];
        for_fresh_chunks(&mut bytes[3..], 1 << 15, 1, |start, out| {
            out.iter_mut().enumerate().for_each(|(i, x)| *x = (start + i) as u8);
        });
        assert!(bytes[3..].iter().enumerate().all(|(i, &x)| x == i as u8));
    }
}
