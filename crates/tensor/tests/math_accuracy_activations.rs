//! The activations of `tensor::math` in `f32` against their stated bounds, with `libm` in `f64` as the truth.

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};
use tensor::math::Math;

/// Every how manyth `f32` is tried. `IRONLOOM_MATH_STRIDE` sets another step.
fn stride() -> usize {
    std::env::var("IRONLOOM_MATH_STRIDE")
        .map_or(2003, |s| s.parse().expect("IRONLOOM_MATH_STRIDE is a number"))
}

/// Finite `f32` of both signs: some of every exponent, and the range where these functions bend more closely.
fn samples() -> impl Iterator<Item = f32> {
    let all = (0..=u32::MAX).step_by(stride()).map(f32::from_bits).filter(|x| x.is_finite());
    all.chain((0..600_000).map(|i| 0.0004 * i as f32 - 120.0))
        .chain((0..600_000).map(|i| 5e-5 * i as f32 - 15.0))
}

/// How far `got` is off, in units in the last place of `scale`; not at all if it is 0 for something below `flushed`.
fn error(got: f32, want: f64, scale: f64, flushed: f64) -> f64 {
    if got == 0.0 && scale.abs() < flushed { 0.0 } else { (f64::from(got) - want).abs() / ulp(scale) }
}

/// One unit in the last place of an `f32` as large as `x`.
fn ulp(x: f64) -> f64 {
    2.0f64.powi(libm::ilogb(x).clamp(-126, 127) - 23)
}

/// (σ(x), 1 − σ(x)), neither by subtraction.
fn sigmoid(x: f64) -> (f64, f64) {
    (1.0 / (1.0 + libm::exp(-x)), 1.0 / (1.0 + libm::exp(x)))
}

/// (v(x), v'(x)) of `gelu_tanh`.
fn inner(x: f64) -> (f64, f64) {
    let slope = (8.0 / PI).sqrt();
    (slope * (x + 0.044715 * x * x * x), slope * (1.0 + 3.0 * 0.044715 * x * x))
}

/// Φ(x)
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The truth as two terms, the second 0 for what is not a slope.
type Terms = fn(f64) -> (f64, f64);

/// Name, function, truth, below which magnitude 0 is right too, bound.
type Case = (&'static str, fn(f32) -> f32, Terms, f64, f64);

fn silu_terms(x: f64) -> (f64, f64) {
    let (s, rest) = sigmoid(x);
    (s, x * s * rest)
}

fn gelu_terms(x: f64) -> (f64, f64) {
    (normal(x), x * libm::exp(-0.5 * x * x) / TAU.sqrt())
}

fn gelu_tanh_terms(x: f64) -> (f64, f64) {
    let (v, dv) = inner(x);
    let (s, rest) = sigmoid(v);
    // Far out v' overflows long after the rest is 0.
    (s, if x.abs() > 100.0 { 0.0 } else { x * dv * s * rest })
}

/// The largest error of `f`, in units in the last place of the larger term of the truth; and where.
fn worst(f: fn(f32) -> f32, truth: Terms, flushed: f64) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    for x in samples() {
        let (a, b) = truth(f64::from(x));
        let error = error(f(x), a + b, a.abs().max(b.abs()), flushed);
        assert!(!error.is_nan(), "{x:e} gives {:e}", f(x));
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

#[test]
fn activations_are_within_their_bounds() {
    let cases: [Case; 3] = [
        ("silu", Math::silu, |x| (x * sigmoid(x).0, 0.0), 0.0, 2.5),
        ("gelu", Math::gelu, |x| (x * normal(x), 0.0), 2.0f64.powi(-127), 6.0),
        ("gelu_tanh", Math::gelu_tanh, |x| (x * sigmoid(inner(x).0).0, 0.0), 0.0, 2.5),
    ];
    for (name, f, truth, flushed, bound) in cases {
        let (error, x) = worst(f, truth, flushed);
        assert!(error <= bound, "{name} of {x:e} is {error} ulps off");
    }
}

#[test]
fn slopes_are_within_their_bounds_of_the_larger_term() {
    let cases: [Case; 3] = [
        ("silu_slope", Math::silu_slope, silu_terms, 0.0, 4.0),
        ("gelu_slope", Math::gelu_slope, gelu_terms, 2.0f64.powi(-124), 4.0),
        ("gelu_tanh_slope", Math::gelu_tanh_slope, gelu_tanh_terms, 0.0, 5.0),
    ];
    for (name, f, truth, flushed, bound) in cases {
        let (error, x) = worst(f, truth, flushed);
        assert!(error <= bound, "{name} of {x:e} is {error} ulps of its larger term off");
    }
}

#[test]
fn activations_take_their_limits_in_f32() {
    let inf = f32::INFINITY;
    for f in [Math::silu, Math::gelu, Math::gelu_tanh] as [fn(f32) -> f32; 3] {
        for x in [-inf, -f32::MAX, -1000.0, -0.0] {
            assert_eq!(f(x).to_bits(), (-0.0f32).to_bits(), "at {x}");
        }
        for x in [0.0, 50.0, f32::MAX, inf] {
            assert_eq!(f(x).to_bits(), x.to_bits(), "at {x}");
        }
        assert!(f(f32::NAN).is_nan() && f(-f32::NAN).is_nan());
    }
    for f in [Math::silu_slope, Math::gelu_slope, Math::gelu_tanh_slope] as [fn(f32) -> f32; 3] {
        assert_eq!([-inf, -f32::MAX, 0.0, 50.0, f32::MAX, inf].map(f), [0.0, 0.0, 0.5, 1.0, 1.0, 1.0]);
        assert!(f(f32::NAN).is_nan() && f(-f32::NAN).is_nan());
    }
}
