//! Registers of x86-64: 256 bits with AVX2 and FMA, 512 bits with AVX-512.

use super::{Lanes, Scalar, Turn, Vector};
use std::arch::x86_64::*;

/// The masks of `_mm256_maskload_*`: n ones, then zeros, start `8 − n` elements in.
static ONES_THEN_ZEROS_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static ONES_THEN_ZEROS_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

macro_rules! common {
    ($t:ty, $splat:ident, $load:ident, $store:ident, $stream:ident, $fma:ident, $add:ident, $sub:ident) => {
        #[inline(always)]
        unsafe fn splat(x: $t) -> Self {
            // SAFETY: the caller has the instruction set.
            unsafe { $splat(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const $t) -> Self {
            // SAFETY: the caller has the instruction set and promises the elements.
            unsafe { $load(p) }
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut $t) {
            // SAFETY: the caller has the instruction set and promises the elements.
            unsafe { $store(p, self) }
        }
        #[inline(always)]
        unsafe fn stream(self, p: *mut $t) {
            // SAFETY: the caller has the instruction set and promises the elements and their alignment.
            unsafe { $stream(p, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, a: Self, b: Self) -> Self {
            // SAFETY: the caller has the instruction set.
            unsafe { $fma(self, a, b) }
        }
        #[inline(always)]
        unsafe fn add(self, a: Self) -> Self {
            // SAFETY: the caller has the instruction set.
            unsafe { $add(self, a) }
        }
        #[inline(always)]
        unsafe fn sub(self, a: Self) -> Self {
            // SAFETY: the caller has the instruction set.
            unsafe { $sub(self, a) }
        }
    };
}

// SAFETY: the intrinsics do lane by lane what the trait says.
unsafe impl Vector<f32> for __m256 {
    const LANES: usize = 8;
    const MASKED_STORES: bool = false;
    type Mask = (__m256i, usize);
    common!(
        f32,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_stream_ps,
        _mm256_fmadd_ps,
        _mm256_add_ps,
        _mm256_sub_ps
    );
    #[inline(always)]
    unsafe fn first(n: usize) -> Self::Mask {
        // SAFETY: eight elements from 8 − n ≤ 8 on are inside the table of 16.
        (unsafe { _mm256_loadu_si256(ONES_THEN_ZEROS_32.as_ptr().add(8 - n.min(8)).cast()) }, n)
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, mask: Self::Mask) -> Self {
        // SAFETY: the caller has the instruction set and promises the elements of the mask.
        unsafe { _mm256_maskload_ps(p, mask.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, mut p: *mut f32, mask: Self::Mask) {
        let n = mask.1;
        // SAFETY: the pieces of 8, 4, 2 and 1 elements add up to n, which the caller promises.
        unsafe {
            if n >= 8 {
                return _mm256_storeu_ps(p, self);
            }
            let mut rest = _mm256_castps256_ps128(self);
            if n & 4 != 0 {
                _mm_storeu_ps(p, rest);
                rest = _mm256_extractf128_ps::<1>(self);
                p = p.add(4);
            }
            if n & 2 != 0 {
                _mm_storel_epi64(p.cast(), _mm_castps_si128(rest));
                rest = _mm_movehl_ps(rest, rest);
                p = p.add(2);
            }
            if n & 1 != 0 {
                _mm_store_ss(p, rest);
            }
        }
    }
    #[inline(always)]
    unsafe fn rectified(self, limit: Self) -> Self {
        // SAFETY: the caller has the instruction set.
        unsafe { _mm256_and_ps(self, _mm256_cmp_ps::<_CMP_NLE_UQ>(self, limit)) }
    }
}

// SAFETY: the shuffles bring element j of row i to lane i of register j.
unsafe impl Turn<f32> for __m256 {
    #[inline(always)]
    unsafe fn load_turned(r: &[*const f32; 8]) -> [Self; 8] {
        // SAFETY: the caller has the instruction set and promises eight elements in each row.
        unsafe {
            // Squares of four first, in each half; then halves change places. Macros, since a closure would be
            // compiled for the baseline.
            macro_rules! four {
                ($i:literal) => {{
                    let (x0, x1) = (_mm256_loadu_ps(r[$i]), _mm256_loadu_ps(r[$i + 1]));
                    let (x2, x3) = (_mm256_loadu_ps(r[$i + 2]), _mm256_loadu_ps(r[$i + 3]));
                    let (a, b) = (_mm256_unpacklo_ps(x0, x1), _mm256_unpackhi_ps(x0, x1));
                    let (c, d) = (_mm256_unpacklo_ps(x2, x3), _mm256_unpackhi_ps(x2, x3));
                    [
                        _mm256_shuffle_ps::<0x44>(a, c),
                        _mm256_shuffle_ps::<0xee>(a, c),
                        _mm256_shuffle_ps::<0x44>(b, d),
                        _mm256_shuffle_ps::<0xee>(b, d),
                    ]
                }};
            }
            let (x, y) = (four!(0), four!(4));
            [
                _mm256_permute2f128_ps::<0x20>(x[0], y[0]),
                _mm256_permute2f128_ps::<0x20>(x[1], y[1]),
                _mm256_permute2f128_ps::<0x20>(x[2], y[2]),
                _mm256_permute2f128_ps::<0x20>(x[3], y[3]),
                _mm256_permute2f128_ps::<0x31>(x[0], y[0]),
                _mm256_permute2f128_ps::<0x31>(x[1], y[1]),
                _mm256_permute2f128_ps::<0x31>(x[2], y[2]),
                _mm256_permute2f128_ps::<0x31>(x[3], y[3]),
            ]
        }
    }
}

// SAFETY: the intrinsics do lane by lane what the trait says.
unsafe impl Vector<f64> for __m256d {
    const LANES: usize = 4;
    const MASKED_STORES: bool = false;
    type Mask = (__m256i, usize);
    common!(
        f64,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_stream_pd,
        _mm256_fmadd_pd,
        _mm256_add_pd,
        _mm256_sub_pd
    );
    #[inline(always)]
    unsafe fn first(n: usize) -> Self::Mask {
        // SAFETY: four elements from 4 − n ≤ 4 on are inside the table of 8.
        (unsafe { _mm256_loadu_si256(ONES_THEN_ZEROS_64.as_ptr().add(4 - n.min(4)).cast()) }, n)
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f64, mask: Self::Mask) -> Self {
        // SAFETY: the caller has the instruction set and promises the elements of the mask.
        unsafe { _mm256_maskload_pd(p, mask.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, mut p: *mut f64, mask: Self::Mask) {
        let n = mask.1;
        // SAFETY: the pieces of 4, 2 and 1 elements add up to n, which the caller promises.
        unsafe {
            if n >= 4 {
                return _mm256_storeu_pd(p, self);
            }
            let mut rest = _mm256_castpd256_pd128(self);
            if n & 2 != 0 {
                _mm_storeu_pd(p, rest);
                rest = _mm256_extractf128_pd::<1>(self);
                p = p.add(2);
            }
            if n & 1 != 0 {
                _mm_store_sd(p, rest);
            }
        }
    }
    #[inline(always)]
    unsafe fn rectified(self, limit: Self) -> Self {
        // SAFETY: the caller has the instruction set.
        unsafe { _mm256_and_pd(self, _mm256_cmp_pd::<_CMP_NLE_UQ>(self, limit)) }
    }
}

// SAFETY: the shuffles bring element j of row i to lane i of register j.
unsafe impl Turn<f64> for __m256d {
    #[inline(always)]
    unsafe fn load_turned(r: &[*const f64; 8]) -> [Self; 8] {
        // SAFETY: the caller has the instruction set and promises four elements in each of the first four rows.
        unsafe {
            let (x0, x1) = (_mm256_loadu_pd(r[0]), _mm256_loadu_pd(r[1]));
            let (x2, x3) = (_mm256_loadu_pd(r[2]), _mm256_loadu_pd(r[3]));
            let (a, b) = (_mm256_unpacklo_pd(x0, x1), _mm256_unpackhi_pd(x0, x1));
            let (c, d) = (_mm256_unpacklo_pd(x2, x3), _mm256_unpackhi_pd(x2, x3));
            let zero = _mm256_setzero_pd();
            [
                _mm256_permute2f128_pd::<0x20>(a, c),
                _mm256_permute2f128_pd::<0x20>(b, d),
                _mm256_permute2f128_pd::<0x31>(a, c),
                _mm256_permute2f128_pd::<0x31>(b, d),
                zero,
                zero,
                zero,
                zero,
            ]
        }
    }
}

macro_rules! wide {
    ($v:ty, $t:ty, $lanes:literal, $mask:ty, [$($common:tt)*],
     $load_first:ident, $store_first:ident, $cmp:ident, $keep:ident) => {
        // SAFETY: the intrinsics do lane by lane what the trait says.
        unsafe impl Vector<$t> for $v {
            const LANES: usize = $lanes;
            const MASKED_STORES: bool = true;
            type Mask = $mask;
            common!($($common)*);
            #[inline(always)]
            unsafe fn first(n: usize) -> $mask {
                ((1u32 << n.min($lanes)) - 1) as $mask
            }
            #[inline(always)]
            unsafe fn load_first(p: *const $t, mask: $mask) -> Self {
                // SAFETY: the caller has the instruction set and promises the elements of the mask.
                unsafe { $load_first(mask, p) }
            }
            #[inline(always)]
            unsafe fn store_first(self, p: *mut $t, mask: $mask) {
                // SAFETY: the caller has the instruction set and promises the elements of the mask.
                unsafe { $store_first(p, mask, self) }
            }
            #[inline(always)]
            unsafe fn rectified(self, limit: Self) -> Self {
                // SAFETY: the caller has the instruction set.
                unsafe { $keep($cmp::<_CMP_NLE_UQ>(self, limit), self) }
            }
        }
    };
}
wide!(
    __m512,
    f32,
    16,
    __mmask16,
    [
        f32,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_stream_ps,
        _mm512_fmadd_ps,
        _mm512_add_ps,
        _mm512_sub_ps
    ],
    _mm512_maskz_loadu_ps,
    _mm512_mask_storeu_ps,
    _mm512_cmp_ps_mask,
    _mm512_maskz_mov_ps
);
wide!(
    __m512d,
    f64,
    8,
    __mmask8,
    [
        f64,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_stream_pd,
        _mm512_fmadd_pd,
        _mm512_add_pd,
        _mm512_sub_pd
    ],
    _mm512_maskz_loadu_pd,
    _mm512_mask_storeu_pd,
    _mm512_cmp_pd_mask,
    _mm512_maskz_mov_pd
);

impl Scalar for f32 {
    type Plain = Lanes<f32>;
    type Half = __m256;
    type Wide = __m512;
}
impl Scalar for f64 {
    type Plain = Lanes<f64>;
    type Half = __m256d;
    type Wide = __m512d;
}
