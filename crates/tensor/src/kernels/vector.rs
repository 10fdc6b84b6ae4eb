//! Registers: the few vector operations that the products need, for each instruction-set level.
//!
//! The kernels are generic over [`Vector`]; [`vector_fn!`] compiles them per level, as `simd_fn!` does for plain
//! loops. Lanes are independent and products are fused everywhere, so that the width never shows in a result.

mod widen;

use crate::Float;
pub(crate) use widen::{Narrow, Widen};

/// A register of floats.
///
/// # Safety
/// Every method needs the instruction set of the type (`avx2,fma` for 256 bits, `avx512f` for 512); pointers must be
/// valid for the lanes that the method touches, and need no alignment.
pub(crate) unsafe trait Vector<T>: Copy {
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
    /// `LANES` elements to `p`, which is aligned to as many bytes, past the caches: a [fence](crate::stream::fence) must
    /// come before another thread is told of them.
    unsafe fn stream(self, p: *mut T);
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
    /// self − a
    unsafe fn sub(self, a: Self) -> Self;
    /// 0 in the lanes where self ≤ limit: max(0, self) with NaN kept if that is 0, and self if it is NaN.
    unsafe fn rectified(self, limit: Self) -> Self;
}

/// A register that can take in a square block and turn it around.
///
/// # Safety
/// As for [`Vector`].
pub(crate) unsafe trait Turn<T>: Vector<T> {
    /// Register j holds element j of each of the first `LANES` rows, at most 8; the registers after `LANES` are 0. Bits
    /// are moved and not looked at.
    unsafe fn load_turned(rows: &[*const T; 8]) -> [Self; 8];
}

/// A float type with its registers, by level.
pub(crate) trait Scalar: Float {
    /// Four lanes of plain code.
    type Plain: Turn<Self>;
    /// 256 bits.
    type Half: Turn<Self>;
    /// 512 bits.
    type Wide: Vector<Self>;
}

/// The lanes of the widest registers of the level that kernels run at.
pub(crate) fn lanes<T: Scalar>() -> usize {
    match crate::simd::simd_level() {
        crate::simd::SimdLevel::Avx512 => T::Wide::LANES,
        crate::simd::SimdLevel::Avx2 => T::Half::LANES,
        crate::simd::SimdLevel::Baseline => T::Plain::LANES,
    }
}

/// Four lanes of plain code, for CPUs that have no kernels of their own here.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<T>([T; 4]);

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
    unsafe fn stream(self, p: *mut T) {
        // SAFETY: handed on to the caller.
        unsafe { self.store(p) }
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
    unsafe fn sub(self, a: Self) -> Self {
        Lanes(std::array::from_fn(|i| self.0[i].sub(a.0[i])))
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
        let mut turned = [Lanes([T::ZERO; 4]); 8];
        for i in 0..4 {
            for j in 0..4 {
                // SAFETY: the caller promises four elements in each of the first four rows.
                turned[j].0[i] = unsafe { rows[i].add(j).read_unaligned() };
            }
        }
        turned
    }
}

/// Asks for the memory at `p`, which need not be there, before it is read.
#[inline(always)]
pub(crate) fn prefetch<T>(p: *const T) {
    ask::<false, T>(p);
}

/// The same, for what is read later than the nearest cache keeps it: into the second one.
#[inline(always)]
pub(crate) fn prefetch_second<T>(p: *const T) {
    ask::<true, T>(p);
}

#[inline(always)]
fn ask<const SECOND: bool, T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which touches no memory that the program could see.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        match SECOND {
            true => _mm_prefetch::<_MM_HINT_T1>(p.cast()),
            false => _mm_prefetch::<_MM_HINT_T0>(p.cast()),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// max(0, x); NaN stays.
#[inline(always)]
pub(crate) fn relu<T: Float>(x: T) -> T {
    if x <= T::ZERO { T::ZERO } else { x }
}

#[cfg(target_arch = "x86_64")]
mod x86;

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
/// where `H` and `W` are the registers to use: plain ones; 256 bits for both; 256 and 512 bits. What stands under
/// `# Safety` there is all that a caller promises: the instruction set is seen to here.
macro_rules! vector_fn {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident<$t:ident, $h:ident, $w:ident>($($arg:ident : $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis unsafe fn $name<$t: $crate::kernels::vector::Scalar>($($arg: $ty),*) {
            use $crate::kernels::vector::{Scalar, Turn, Vector};
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
pub(crate) use vector_fn;
