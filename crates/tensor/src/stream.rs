//! Results that are larger than caches: stores that go past them.
//!
//! A line that is stored to is read first, and takes the place of another. Of a result that is not in a cache when the next operation
//! comes, neither is of use: it doubles what memory has to do. Kernels of convolutions, which store whole lines, do so with
//! [`Vector::stream`](crate::kernels::vector::Vector::stream); a [`fence`] then ends a piece of work. Through a room that is copied
//! so, element by element functions were slower than with plain stores, since nothing is computed meanwhile.

use crate::simd::{SimdLevel, simd_level};

/// Bytes from which a result is large. Of 12.8 MB, the gradient of a 3×3 window in steps of 2 took 0.85 of the time, with
/// a last cache of 32 MB.
const LARGE: usize = 12 << 20;

/// Whether stores to `out` are to go past the caches: it is large, and one store fills a line. Stores of quarters of a
/// line are slower than plain ones.
pub(crate) fn is_large<T>(out: &[T]) -> bool {
    size_of_val(out) >= LARGE && simd_level() == SimdLevel::Avx512
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
