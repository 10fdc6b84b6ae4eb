//! What cannot be seen from outside the crate: the same bits at every SIMD level and at every place of a slice.

use super::Math;
use crate::Tensor;
use crate::simd::{SimdLevel, limit_simd_level, simd_fn};

simd_fn! {
    fn apply[T: Copy, F: Fn(T) -> T](f: F, x: &[T], y: &mut [T]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = f(x);
        }
    }
}

/// Every 65,537th `f32` and the edges, in a length that leaves a remainder at every vector width.
fn singles() -> Vec<f32> {
    let mut x: Vec<f32> = (0..65_535u32).map(|i| f32::from_bits(i.wrapping_mul(65_537))).collect();
    x.extend([
        f32::NAN,
        -f32::NAN,
        0.0,
        -0.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1.0,
        -1.0,
        f32::MAX,
        f32::MIN,
    ]);
    x
}

/// Bit patterns spread over all of `f64`, and as many over [−32, 32].
fn doubles() -> Vec<f64> {
    let spread = (0..32_767u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut x: Vec<f64> = spread.clone().map(f64::from_bits).collect();
    x.extend(spread.map(|i| (i >> 11) as f64 * 2.0f64.powi(-47) - 32.0));
    x.extend([
        f64::NAN,
        -f64::NAN,
        0.0,
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1.0,
        -1.0,
        f64::MAX,
        f64::MIN,
    ]);
    x
}

macro_rules! compare_levels {
    ($x:expr, $($f:ident),*) => {{
        let x = $x;
        $({
            let runs = [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512].map(|level| {
                limit_simd_level(level);
                let mut y = x.clone();
                apply(|x| Math::$f(x), &x, &mut y);
                y
            });
            for (i, &x) in x.iter().enumerate() {
                let [base, avx2, avx512] = [0, 1, 2].map(|level| runs[level][i].to_bits());
                let alone = Math::$f(x).to_bits();
                assert!(alone == base && base == avx2 && avx2 == avx512, "{} of {x:e}", stringify!($f));
            }
        })*
    }};
}

#[test]
fn every_simd_level_gives_the_same_bits() {
    compare_levels!(
        singles(),
        exp,
        exp_m1,
        ln,
        ln_1p,
        tanh,
        sigmoid,
        silu,
        silu_slope,
        gelu,
        gelu_slope,
        gelu_tanh,
        gelu_tanh_slope,
        erf,
        norm_cdf,
        norm_pdf,
        sin,
        cos,
        tan
    );
    compare_levels!(
        doubles(),
        exp,
        exp_m1,
        ln,
        ln_1p,
        tanh,
        sigmoid,
        silu,
        silu_slope,
        gelu,
        gelu_slope,
        gelu_tanh,
        gelu_tanh_slope,
        erf,
        norm_cdf,
        norm_pdf,
        sin,
        cos,
        tan
    );
    let operands = [
        Tensor::from_slice(&singles(), [singles().len()]),
        Tensor::from_slice(&doubles(), [doubles().len()]),
    ];
    for x in operands.map(Result::unwrap) {
        for (i, f) in wide_functions().into_iter().enumerate() {
            let [base, avx2, avx512] =
                [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512].map(|level| {
                    limit_simd_level(level);
                    f(&x).unwrap()
                });
            assert!(base.bit_eq(&avx2) && avx2.bit_eq(&avx512), "operation {i} of {}", x.dtype());
        }
    }
    limit_simd_level(SimdLevel::Avx512);
}

type Function = fn(&Tensor) -> crate::Result<Tensor>;

/// The operations whose loops are straight lines of this folder's; those of two operands of x and x backwards.
fn wide_functions() -> [Function; 27] {
    [
        Tensor::sin,
        Tensor::cos,
        Tensor::tan,
        Tensor::exp2,
        Tensor::log2,
        Tensor::log10,
        Tensor::asin,
        Tensor::acos,
        Tensor::atan,
        Tensor::sinh,
        Tensor::cosh,
        Tensor::asinh,
        Tensor::acosh,
        Tensor::atanh,
        Tensor::erfc,
        Tensor::erfinv,
        Tensor::logit,
        Tensor::sinc,
        |x| x.pow_scalar(2.7),
        |x| x.pow(&x.flip(0)?),
        |x| x.atan2(&x.flip(0)?),
        |x| x.hypot(&x.flip(0)?),
        |x| x.logaddexp(&x.flip(0)?),
        |x| x.xlogy(&x.flip(0)?),
        |x| x.fmod(&x.flip(0)?),
        |x| x.remainder(&x.flip(0)?),
        |x| x.floor_divide(&x.flip(0)?),
    ]
}
