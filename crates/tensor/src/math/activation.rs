//! The activations that multiply by a distribution function, x·F(x), and their slopes: `gelu`, `gelu_tanh`, `silu`.
//!
//! In `f64` they are composed of the functions of this folder. In `f32` each has one exponential and one division and
//! carries second parts only where a large exponent would multiply an error: a few units in the last place, for under
//! half the time.

use super::Math;
use super::coefficients::single;
use super::exp::{cut, keep_nan};
use super::real::{Real, horner};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// What `f32` and `f64` do each in its own way.
pub trait Activation: Sized {
    /// x Φ(x)
    fn gelu(self) -> Self;
    /// Φ(x) + x φ(x)
    fn gelu_slope(self) -> Self;
    /// x σ(v(x)), see [`Math::gelu_tanh`]
    fn gelu_tanh(self) -> Self;
    /// d/dx x σ(v(x))
    fn gelu_tanh_slope(self) -> Self;
    /// x σ(x)
    fn silu(self) -> Self;
    /// d/dx x σ(x)
    fn silu_slope(self) -> Self;
}

/// The cubic coefficient that Hendrycks & Gimpel 2016 fitted; it has no closed form.
const CUBIC: f64 = 0.044715;
/// v(x) = `SLOPE`·(x + `CUBIC`·x³), so that (1 + tanh(v/2))/2 = σ(v).
const SLOPE: f64 = 2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

/// 1.5·2²³ + 127: adding it to n leaves the exponent field of 2ⁿ in the low bits.
const BIASED: f32 = 12_582_912.0 + 127.0;
/// The denominators 1 + 2ʸ are held divided by 2⁴⁰, so that they overflow for no result that is not 0.
const SHIFT: f32 = 40.0;
/// 2^−`SHIFT`
const SCALE: f32 = 1.0 / (1u64 << 40) as f32;

/// `x`, or `least` where x is below it; NaN stays.
#[inline(always)]
fn at_least(x: f32, least: f32) -> f32 {
    if x < least { least } else { x }
}

/// `x`, or `most` where x is above it or NaN, so that no NaN is on the way to the result but x itself.
#[inline(always)]
fn at_most(x: f32, most: f32) -> f32 {
    if x < most { x } else { most }
}

/// 2ⁿ from n + `BIASED`; −127 gives 0, 128 gives ∞.
#[inline(always)]
fn power_of_2(n_biased: f32) -> f32 {
    f32::from_bits(n_biased.to_bits() << 23)
}

/// (t, p) with t p = 2^(−x (y + dy) − `SHIFT`) for −167 ≤ x (y + dy) ≤ 86: p is a power of 2 and t from √½ to √2. The
/// product x y is not rounded before the whole part of the exponent is taken off.
#[inline(always)]
fn exp2_negative_product(x: f32, y: f32, dy: f32) -> (f32, f32) {
    let n_biased = (-x).mul_add(y, BIASED - SHIFT);
    let n = n_biased - (BIASED - SHIFT);
    let fraction = (-x).mul_add(dy, (-x).mul_add(y, -n));
    (horner(fraction, single::EXP2).mul_add(fraction, 1.0), power_of_2(n_biased))
}

/// e⁻ˣ in the form of `exp2_negative_product`.
#[inline(always)]
fn exp_negative(x: f32) -> (f32, f32) {
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    exp2_negative_product(x, LOG2_E as f32, (LOG2_E - LOG2_E as f32 as f64) as f32)
}

/// Below it, x σ(x) and its derivative round to 0.
const SILU_MIN: f32 = -109.0;
/// Above it, σ rounds to 1 by far.
const SIGMOID_ONE: f32 = 40.0;
/// The same for v(x).
const GELU_TANH_MIN: f32 = -11.05;
/// The same for v(x).
const GELU_TANH_ONE: f32 = 7.5;

/// e^(−v(x)) in the form of `exp2_negative_product`: v/x = a + b x² with its rounding errors, for |x| ≤ 11.05.
#[inline(always)]
fn exp_negative_inner(x: f32) -> (f32, f32) {
    const A: f64 = SLOPE * std::f64::consts::LOG2_E;
    const B: f64 = A * CUBIC;
    // A multiple of 2⁻²⁰, so that A − y below is exact.
    const A_HI: f32 = ((A * (1u64 << 20) as f64 + 0.5) as u64 as f64 / (1u64 << 20) as f64) as f32;
    const A_LO: f32 = (A - A_HI as f64) as f32;
    const B_HI: f32 = B as f32;
    const B_LO: f32 = (B - B_HI as f64) as f32;
    let square = x * x;
    let square_lost = x.mul_add(x, -square);
    let y = square.mul_add(B_HI, A_HI);
    let lost = square_lost.mul_add(B_HI, square.mul_add(B_HI, A_HI - y));
    exp2_negative_product(x, y, lost + square.mul_add(B_LO, A_LO))
}

/// x / (1 + t p 2^`SHIFT`), and x itself above `one`.
#[inline(always)]
fn gated(x: f32, bounded: f32, (t, p): (f32, f32), one: f32) -> f32 {
    let y = bounded / t.mul_add(p, SCALE) * SCALE;
    if x > one { x } else { y }
}

/// s (1 + k (1 − s)) with s = 1 / (1 + t p 2^`SHIFT`).
#[inline(always)]
fn gated_slope((t, p): (f32, f32), k: f32) -> f32 {
    let tail = t * p;
    let s = 1.0 / (tail + SCALE);
    s * k.mul_add(tail * s, 1.0) * SCALE
}

/// Above it, e^(−z²/2) is taken for 0; it is 2^−126.5 there.
const BELL_MAX: f32 = 13.29;

/// (t, p) with t p = e^(−z²/2) for 0 ≤ z ≤ `BELL_MAX`. With n the nearest whole number to −z²/2 log₂e, it is
/// 2ⁿ e^(−r/2) for r = z² + n 2 ln 2, where z² is never rounded.
#[inline(always)]
fn bell(z: f32) -> (f32, f32) {
    const HALF_LOG2_E: f32 = 0.5 * std::f32::consts::LOG2_E;
    let n_biased = (z * z).mul_add(-HALF_LOG2_E, BIASED);
    let n = n_biased - BIASED;
    let r = n.mul_add(2.0 * f32::LN2_LO, z.mul_add(z, n * (2.0 * f32::LN2_HI)));
    (horner(r, single::EXP_HALF).mul_add(r, 1.0), power_of_2(n_biased))
}

/// Numerator and denominator of Φ(−z) e^(z²/2).
#[inline(always)]
fn ratio(z: f32) -> (f32, f32) {
    // The denominator's highest coefficient is 1.
    let mut below = z + single::RATIO_BELOW[1];
    for &c in &single::RATIO_BELOW[2..] {
        below = below.mul_add(z, c);
    }
    (horner(z, single::RATIO_TOP), below)
}

impl Activation for f32 {
    #[inline(always)]
    fn gelu(self) -> f32 {
        let z = at_most(self.abs(), BELL_MAX);
        let (t, p) = bell(z);
        let (top, below) = ratio(z);
        // x Φ(−|x|): x comes in before the power of 2, lest Φ be subnormal where the product is not.
        let tail = t * top / below * z.copysign(self) * p;
        if self <= 0.0 { tail } else { self - tail }
    }
    #[inline(always)]
    fn gelu_slope(self) -> f32 {
        let z = at_most(self.abs(), BELL_MAX);
        let (t, p) = bell(z);
        let (top, below) = ratio(z);
        let tail = z.mul_add(-f32::PDF_HI, top / below) * t * p;
        keep_nan(self, if self > 0.0 { 1.0 - tail } else { tail })
    }
    #[inline(always)]
    fn gelu_tanh(self) -> f32 {
        let x = at_least(self, GELU_TANH_MIN);
        gated(self, x, exp_negative_inner(at_most(x, GELU_TANH_ONE)), GELU_TANH_ONE)
    }
    #[inline(always)]
    fn gelu_tanh_slope(self) -> f32 {
        let x = at_most(at_least(self, GELU_TANH_MIN), GELU_TANH_ONE);
        let slope = (x * x).mul_add((3.0 * SLOPE * CUBIC) as f32, SLOPE as f32);
        keep_nan(self, gated_slope(exp_negative_inner(x), x * slope))
    }
    #[inline(always)]
    fn silu(self) -> f32 {
        let x = at_least(self, SILU_MIN);
        gated(self, x, exp_negative(at_most(x, SIGMOID_ONE)), SIGMOID_ONE)
    }
    #[inline(always)]
    fn silu_slope(self) -> f32 {
        let x = at_most(at_least(self, SILU_MIN), SIGMOID_ONE);
        keep_nan(self, gated_slope(exp_negative(x), x))
    }
}

/// Beyond ±64 Φ(x) and σ(v(x)) are 0 or 1 in `f64`: what they are multiplied by is bounded there, lest 0 meet ∞.
const NORMAL_BOUND: f64 = 64.0;
/// Beyond ±1024 σ(x) is 0 or 1 in `f64`.
const SIGMOID_BOUND: f64 = 1024.0;

/// (v(x), v'(x))
#[inline(always)]
fn inner(x: f64) -> (f64, f64) {
    let square = x * x;
    let v = x * square.mul_add(SLOPE * CUBIC, SLOPE);
    (v, square.mul_add(3.0 * SLOPE * CUBIC, SLOPE))
}

impl Activation for f64 {
    #[inline(always)]
    fn gelu(self) -> f64 {
        cut(self, -NORMAL_BOUND, f64::INFINITY) * Math::norm_cdf(self)
    }
    #[inline(always)]
    fn gelu_slope(self) -> f64 {
        let x = cut(self, -NORMAL_BOUND, NORMAL_BOUND);
        x.mul_add(Math::norm_pdf(x), Math::norm_cdf(x))
    }
    #[inline(always)]
    fn gelu_tanh(self) -> f64 {
        let v = inner(cut(self, -NORMAL_BOUND, NORMAL_BOUND)).0;
        cut(self, -NORMAL_BOUND, f64::INFINITY) * Math::sigmoid(v)
    }
    #[inline(always)]
    fn gelu_tanh_slope(self) -> f64 {
        let x = cut(self, -NORMAL_BOUND, NORMAL_BOUND);
        let (v, dv) = inner(x);
        let s = Math::sigmoid(v);
        s * (x * dv).mul_add(1.0 - s, 1.0)
    }
    #[inline(always)]
    fn silu(self) -> f64 {
        cut(self, -SIGMOID_BOUND, f64::INFINITY) * Math::sigmoid(self)
    }
    #[inline(always)]
    fn silu_slope(self) -> f64 {
        let s = Math::sigmoid(self);
        s * cut(self, -SIGMOID_BOUND, SIGMOID_BOUND).mul_add(1.0 - s, 1.0)
    }
}
