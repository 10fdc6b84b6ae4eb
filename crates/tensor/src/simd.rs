//! Run-time dispatch: one kernel body, compiled for each instruction-set level, chosen by what the CPU has.
//!
//! A kernel is an ordinary Rust loop; [`simd_fn!`] compiles it three times (baseline, AVX2 with FMA, AVX-512) and
//! calls the widest one that runs here. The loop is the same in each, in the same order, and products are fused
//! explicitly with `mul_add`, so that every level gives the same bits; only the speed differs.
//! On other architectures the baseline body is all there is (NEON is part of the baseline of aarch64).

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction-set level that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SimdLevel {
    /// What every CPU of the target has.
    Baseline = 1,
    /// x86-64-v3: AVX2 and FMA.
    Avx2 = 2,
    /// x86-64-v4: AVX-512 F, BW, CD, DQ and VL.
    Avx512 = 3,
}

static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The level that kernels run at: the widest the CPU has, unless [`limit_simd_level`] set a lower one.
#[inline]
pub fn simd_level() -> SimdLevel {
    match LEVEL.load(Ordering::Relaxed) {
        1 => SimdLevel::Baseline,
        2 => SimdLevel::Avx2,
        3 => SimdLevel::Avx512,
        _ => {
            let found = detect();
            LEVEL.store(found as u8, Ordering::Relaxed);
            found
        }
    }
}

/// Runs kernels at `level` at most, for comparing levels in a test; returns the level now in force.
pub fn limit_simd_level(level: SimdLevel) -> SimdLevel {
    let now = level.min(detect());
    LEVEL.store(now as u8, Ordering::Relaxed);
    now
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn detect() -> SimdLevel {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => SimdLevel::Avx512,
        (true, false) => SimdLevel::Avx2,
        _ => SimdLevel::Baseline,
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn detect() -> SimdLevel {
    SimdLevel::Baseline
}

/// Defines kernels that are compiled for every [`SimdLevel`] and dispatched when called.
///
/// ```text
/// simd_fn! {
///     /// y += alpha · x
///     pub(crate) fn axpy[T: Float](alpha: T, x: &[T], y: &mut [T]) {
///         for (y, &x) in y.iter_mut().zip(x) { *y = alpha.mul_add(x, *y); }
///     }
/// }
/// ```
///
/// `, wide if CONDITION =>` before the body leaves the wider levels out where the condition, a constant, is false: for
/// element types that are too rare to be worth the code. Generic parameters stand in square brackets; arguments are plain `name: Type`. What the body calls must be
/// `#[inline(always)]` to be compiled at the same level.
macro_rules! simd_fn {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident $([$($generics:tt)*])? ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $(, wide if $wide:expr =>)? $body:block)*) => {$(
        $(#[$meta])*
        #[inline]
        $vis fn $name $(<$($generics)*>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::needless_lifetimes)]
            fn body $(<$($generics)*>)? ($($arg: $ty),*) $(-> $ret)? $body

            // Out of line, so that it is there once and not at every call.
            #[inline(never)]
            fn baseline $(<$($generics)*>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }

            #[cfg(target_arch = "x86_64")]
            if true $(&& $wide)? {
                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$($generics)*>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma")]
                fn avx512 $(<$($generics)*>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                match $crate::simd::simd_level() {
                    // SAFETY: the level is never above what `detect` found on this CPU.
                    $crate::simd::SimdLevel::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::simd::SimdLevel::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::simd::SimdLevel::Baseline => {}
                }
            }
            baseline($($arg),*)
        }
    )*};
}
pub(crate) use simd_fn;

#[cfg(test)]
mod tests {
    simd_fn! {
        fn axpy[T: crate::Float](alpha: T, x: &[T], y: &mut [T]) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = alpha.mul_add(x, *y);
            }
        }
    }

    #[test]
    fn a_kernel_runs_at_the_level_of_this_cpu() {
        let mut y = vec![1.0f32; 37];
        axpy(2.0, &[3.0; 37], &mut y);
        assert!(y.iter().all(|&y| y == 7.0));
    }
}
