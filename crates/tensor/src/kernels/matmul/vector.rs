//! Registers: the few vector operations that the products need, for each instruction-set level.
//!
//! The kernels are generic over [`Vector`]; [`vector_fn!`] compiles them per level, as `simd_fn!` does for plain
//! loops. Lanes are independent and products are fused everywhere, so that the width never shows in a result.

use crate::Float;

/// A register of floats.
///
/// # Safety
/// Every method needs the instruction set of the type (`avx2,fma` for 256 bits, `avx512f` for 512); pointers must be
/// valid for the lanes that the method touches, and need no alignment.
pub(super) unsafe trait Vector<T>: Copy {
    /// Elements it holds.
    const LANES: usize;
    /// Whether `store_first` is one instruction.
    const MASKED_STORES: bool;
    /// Chooses leading lanes.
    type Mask: Copy;
    /// x in every lane.
    unsafe fn splat(x: T) -> Self;
    /// `LANES` elements from `p`.
    unsafe fn load(p: *const T) -> Self;
    /// `LANES` elements to `p`.
    unsafe fn store(self, p: *mut T);
    /// The first `n` lanes, 0 ≤ n ≤ `LANES`.
    unsafe fn first(n: usize) -> Self::Mask;
    /// The lanes of `mask` from `p`, 0 in the others; no other memory is touched.
    unsafe fn load_first(p: *const T, mask: Self::Mask) -> Self;
    /// The lanes of `mask` to `p`; no other memory is touched.
    unsafe fn store_first(self, p: *mut T, mask: Self::Mask);
    /// self · a + b, rounded once.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// self + a
    unsafe fn add(self, a: Self) -> Self;
    /// 0 in the lanes where self ≤ limit: max(0, self) with NaN kept if that is 0, and self if it is NaN.
    unsafe fn rectified(self, limit: Self) -> Self;
}

/// A register that can take in a square block and turn it around.
///
/// # Safety
/// As for [`Vector`].
pub(super) unsafe trait Turn<T>: Vector<T> {
    /// Register j holds element j of each of the first `LANES` rows, at most 8; the registers after `LANES` are 0.
    unsafe fn load_turned(rows: &[*const T; 8]) -> [Self; 8];
}

/// A float type with its registers, by level.
pub(super) trait Scalar: Float {
    /// Four lanes of plain code.
    type Plain: Turn<Self>;
    /// 256 bits.
    type Half: Turn<Self>;
    /// 512 bits.
    type Wide: Vector<Self>;
}

/// Four lanes of plain code, for CPUs that have no kernels of their own here.
#[derive(Clone, Copy)]
pub(super) struct Lanes<T>([T; 4]);

// SAFETY: plain loops over four elements; pointers are the caller's promise.
unsafe impl<T: Float> Vector<T> for Lanes<T> {
    const LANES: usize = 4;
    const MASKED_STORES: bool = false;
    type Mask = usize;
    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Lanes([x; 4])
    }
    #[inline(always)]
    unsafe fn load(p: *const T) -> Self {
        // SAFETY: the caller promises four elements.
        Lanes(unsafe { p.cast::<[T; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut T) {
        // SAFETY: the caller promises four elements.
        unsafe { p.cast::<[T; 4]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn first(n: usize) -> usize {
        n
    }
    #[inline(always)]
    unsafe fn load_first(p: *const T, mask: usize) -> Self {
        // SAFETY: the caller promises the first `mask` elements.
        Lanes(std::array::from_fn(|i| if i < mask { unsafe { *p.add(i) } } else { T::ZERO }))
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut T, mask: usize) {
        for i in 0..mask.min(4) {
            // SAFETY: the caller promises the first `mask` elements.
            unsafe { *p.add(i) = self.0[i] }
        }
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        Lanes(std::array::from_fn(|i| Float::mul_add(self.0[i], a.0[i], b.0[i])))
    }
    #[inline(always)]
    unsafe fn add(self, a: Self) -> Self {
        Lanes(std::array::from_fn(|i| self.0[i].add(a.0[i])))
    }
    #[inline(always)]
    unsafe fn rectified(self, limit: Self) -> Self {
        Lanes(std::array::from_fn(|i| if self.0[i] <= limit.0[i] { T::ZERO } else { self.0[i] }))
    }
}

// SAFETY: plain loads of what the caller promises.
unsafe impl<T: Float> Turn<T> for Lanes<T> {
    #[inline(always)]
    unsafe fn load_turned(rows: &[*const T; 8]) -> [Self; 8] {
        // SAFETY: the caller promises four elements in each of the first four rows.
        std::array::from_fn(|j| match j {
            0..4 => Lanes(std::array::from_fn(|i| unsafe { *rows[i].add(j) })),
            _ => Lanes([T::ZERO; 4]),
        })
    }
}

/// max(0, x); NaN stays.
#[inline(always)]
pub(super) fn relu<T: Float>(x: T) -> T {
    if x <= T::ZERO { T::ZERO } else { x }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Turn, Vector};
    use std::arch::x86_64::*;

    /// The masks of `_mm256_maskload_*`: n ones, then zeros, start `8 − n` elements in.
    static ONES_THEN_ZEROS_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    static ONES_THEN_ZEROS_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

    macro_rules! common {
        ($t:ty, $splat:ident, $load:ident, $store:ident, $fma:ident, $add:ident) => {
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
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                // SAFETY: the caller has the instruction set.
                unsafe { $fma(self, a, b) }
            }
            #[inline(always)]
            unsafe fn add(self, a: Self) -> Self {
                // SAFETY: the caller has the instruction set.
                unsafe { $add(self, a) }
            }
        };
    }

    // SAFETY: the intrinsics do lane by lane what the trait says.
    unsafe impl Vector<f32> for __m256 {
        const LANES: usize = 8;
        const MASKED_STORES: bool = false;
        type Mask = (__m256i, usize);
        common!(f32, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps);
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
        common!(f64, _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_fmadd_pd, _mm256_add_pd);
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
        [f32, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps],
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
        [f64, _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_fmadd_pd, _mm512_add_pd],
        _mm512_maskz_loadu_pd,
        _mm512_mask_storeu_pd,
        _mm512_cmp_pd_mask,
        _mm512_maskz_mov_pd
    );

    impl super::Scalar for f32 {
        type Plain = super::Lanes<f32>;
        type Half = __m256;
        type Wide = __m512;
    }
    impl super::Scalar for f64 {
        type Plain = super::Lanes<f64>;
        type Half = __m256d;
        type Wide = __m512d;
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod plain {
    use super::{Lanes, Scalar};
    impl Scalar for f32 {
        type Plain = Lanes<f32>;
        type Half = Lanes<f32>;
        type Wide = Lanes<f32>;
    }
    impl Scalar for f64 {
        type Plain = Lanes<f64>;
        type Half = Lanes<f64>;
        type Wide = Lanes<f64>;
    }
}

/// Defines a kernel over vectors, compiled for each level: `fn name<H, W>(args) body` becomes `name<T: Scalar>(args)`,
/// where `H` and `W` are the registers to use: plain ones; 256 bits for both; 256 and 512 bits.
macro_rules! vector_fn {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident<$t:ident, $h:ident, $w:ident>($($arg:ident : $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis unsafe fn $name<$t: $crate::kernels::matmul::vector::Scalar>($($arg: $ty),*) {
            use $crate::kernels::matmul::vector::{Scalar, Turn, Vector};
            #[inline(always)]
            unsafe fn body<$t: Scalar, $h: Turn<$t>, $w: Vector<$t>>($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                unsafe fn avx2<$t: Scalar>($($arg: $ty),*) {
                    // SAFETY: handed on to the caller.
                    unsafe { body::<$t, $t::Half, $t::Half>($($arg),*) }
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma")]
                unsafe fn avx512<$t: Scalar>($($arg: $ty),*) {
                    // SAFETY: handed on to the caller.
                    unsafe { body::<$t, $t::Half, $t::Wide>($($arg),*) }
                }
                match $crate::simd::simd_level() {
                    // SAFETY: the level is never above what this CPU has; the rest is the caller's promise.
                    $crate::simd::SimdLevel::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::simd::SimdLevel::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::simd::SimdLevel::Baseline => {}
                }
            }
            // SAFETY: plain registers need no instruction set; the rest is the caller's promise.
            unsafe { body::<$t, $t::Plain, $t::Plain>($($arg),*) }
        }
    };
}
pub(super) use vector_fn;
