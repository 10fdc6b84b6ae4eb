//! Narrow elements, widened to F32 in registers.

use super::{Lanes, Vector};
use crate::dtype::narrow::f32_of_bf16;
use half::bf16;

/// An element that weights are kept in; F32 holds each of its values.
pub(crate) trait Narrow: Copy + Default + Send + Sync + 'static {
    /// Its value.
    fn wide(self) -> f32;
    /// The values of the elements that these bytes are, in the order of memory; what is left of the array is 0.
    fn all_of(bytes: [u8; 4]) -> [f32; 4];
}

impl Narrow for bf16 {
    #[inline(always)]
    fn wide(self) -> f32 {
        f32_of_bf16(self)
    }
    #[inline(always)]
    fn all_of(b: [u8; 4]) -> [f32; 4] {
        let of = |b| bf16::from_bits(u16::from_ne_bytes(b)).wide();
        [of([b[0], b[1]]), of([b[2], b[3]]), 0.0, 0.0]
    }
}

impl Narrow for i8 {
    #[inline(always)]
    fn wide(self) -> f32 {
        self.into()
    }
    #[inline(always)]
    fn all_of(b: [u8; 4]) -> [f32; 4] {
        b.map(|b| (b as i8).wide())
    }
}

/// A register that narrow elements are widened into.
///
/// # Safety
/// As for [`Vector`].
pub(crate) unsafe trait Widen: Vector<f32> {
    /// `LANES` elements from `p`, widened.
    unsafe fn widened<N: Narrow>(p: *const N) -> Self;
    /// Lanes taken as the narrow elements that their bits are: register i holds the i-th of each lane, widened, for as
    /// many as a lane holds.
    unsafe fn parts<N: Narrow>(self) -> [Self; 4];
}

// SAFETY: plain loops over four elements; pointers are the caller's promise.
unsafe impl Widen for Lanes<f32> {
    #[inline(always)]
    unsafe fn widened<N: Narrow>(p: *const N) -> Self {
        // SAFETY: the caller promises four elements.
        Lanes(unsafe { p.cast::<[N; 4]>().read_unaligned() }.map(N::wide))
    }
    #[inline(always)]
    unsafe fn parts<N: Narrow>(self) -> [Self; 4] {
        let lanes = self.0.map(|lane| N::all_of(lane.to_bits().to_ne_bytes()));
        std::array::from_fn(|i| Lanes(lanes.map(|lane| lane[i])))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Narrow, Widen};
    use std::arch::x86_64::*;

    /// Bits that are the upper half of a lane.
    const UPPER: i32 = !0xffff;

    // SAFETY: the intrinsics do lane by lane what the trait says; an element is two bytes of BF16 or one of I8.
    unsafe impl Widen for __m256 {
        #[inline(always)]
        unsafe fn widened<N: Narrow>(p: *const N) -> Self {
            // SAFETY: the caller has the instruction set and promises eight elements.
            unsafe {
                match size_of::<N>() {
                    2 => _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(
                        _mm_loadu_si128(p.cast()),
                    ))),
                    _ => _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(p.cast()))),
                }
            }
        }
        #[inline(always)]
        unsafe fn parts<N: Narrow>(self) -> [Self; 4] {
            // SAFETY: the caller has the instruction set.
            unsafe {
                let x = _mm256_castps_si256(self);
                if size_of::<N>() == 2 {
                    let low = _mm256_castsi256_ps(_mm256_slli_epi32::<16>(x));
                    let high = _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32(UPPER)));
                    return [low, high, low, high];
                }
                [
                    _mm256_cvtepi32_ps(_mm256_srai_epi32::<24>(_mm256_slli_epi32::<24>(x))),
                    _mm256_cvtepi32_ps(_mm256_srai_epi32::<24>(_mm256_slli_epi32::<16>(x))),
                    _mm256_cvtepi32_ps(_mm256_srai_epi32::<24>(_mm256_slli_epi32::<8>(x))),
                    _mm256_cvtepi32_ps(_mm256_srai_epi32::<24>(x)),
                ]
            }
        }
    }

    // SAFETY: the intrinsics do lane by lane what the trait says; an element is two bytes of BF16 or one of I8.
    unsafe impl Widen for __m512 {
        #[inline(always)]
        unsafe fn widened<N: Narrow>(p: *const N) -> Self {
            // SAFETY: the caller has the instruction set and promises sixteen elements.
            unsafe {
                match size_of::<N>() {
                    2 => _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(
                        _mm256_loadu_si256(p.cast()),
                    ))),
                    _ => _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(p.cast()))),
                }
            }
        }
        #[inline(always)]
        unsafe fn parts<N: Narrow>(self) -> [Self; 4] {
            // SAFETY: the caller has the instruction set.
            unsafe {
                let x = _mm512_castps_si512(self);
                if size_of::<N>() == 2 {
                    let low = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(x));
                    let high = _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(UPPER)));
                    return [low, high, low, high];
                }
                [
                    _mm512_cvtepi32_ps(_mm512_srai_epi32::<24>(_mm512_slli_epi32::<24>(x))),
                    _mm512_cvtepi32_ps(_mm512_srai_epi32::<24>(_mm512_slli_epi32::<16>(x))),
                    _mm512_cvtepi32_ps(_mm512_srai_epi32::<24>(_mm512_slli_epi32::<8>(x))),
                    _mm512_cvtepi32_ps(_mm512_srai_epi32::<24>(x)),
                ]
            }
        }
    }
}
