//! Functions of `f32` that are computed in `f64`, where a few terms are enough and nothing overflows: within 0.51 units
//! in the last place, or what the table of [`super`] says.
//!
//! Straight lines like the rest of the folder, so that loops over them vectorise.

use super::Math;
use super::coefficients::wide;
use super::exp::cut;
use super::real::{Real, horner};
use std::f64::consts::{FRAC_PI_2, LN_2, LOG10_2, PI, SQRT_2};

/// `y` as `f32`, or `x` where it is NaN. A NaN must not go through `f64` and back, which may change its bits.
#[inline(always)]
pub fn keep_nan(x: f32, y: f64) -> f32 {
    if x.is_nan() { x } else { y as f32 }
}

/// `z` as `f32`, or the first of `x` and `y` that is NaN.
#[inline(always)]
fn keep_nans(x: f32, y: f32, z: f64) -> f32 {
    keep_nan(if x.is_nan() { x } else { y }, z)
}

/// log₂ a, right to 2⁻⁴⁵ of itself, for a = 0, ∞ or a normal positive number, as every `f32` is; a NaN gives anything.
#[inline(always)]
fn log2_positive(a: f64) -> f64 {
    const ROOT: u64 = f64::to_bits(std::f64::consts::FRAC_1_SQRT_2);
    const EXPONENT_0: f64 = (1u64 << 52) as f64;
    let shifted = a.to_bits().wrapping_add(f64::to_bits(1.0) - ROOT);
    let m = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(ROOT));
    let k = f64::from_bits((shifted >> 52) | EXPONENT_0.to_bits()) - EXPONENT_0 - 1023.0;
    let s = (m - 1.0) / (m + 1.0);
    let y = s.mul_add(horner(s * s, wide::LOG2), k);
    let y = if a == 0.0 { f64::NEG_INFINITY } else { y };
    if a == f64::INFINITY { a } else { y }
}

/// 2ᵗ, right to 2⁻³³ of itself; beyond ±200 what `f32` makes 0 or ∞ of.
#[inline(always)]
fn exp2_of(t: f64) -> f64 {
    let t = cut(t, -200.0, 200.0);
    let n_magic = t + f64::MAGIC;
    let f = t - (n_magic - f64::MAGIC);
    horner(f, wide::EXP2).mul_add(f, 1.0) * f64::power_of_2(n_magic)
}

/// xʸ by 2^(y log₂ |x|), with every special case of IEEE 754.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    let (a, e) = (f64::from(x).abs(), f64::from(y));
    let power = exp2_of(e * log2_positive(a));
    let whole = e.trunc() == e;
    let half = 0.5 * e;
    let odd = whole & (half.trunc() != half);
    let power = if x.is_sign_negative() & odd { -power } else { power };
    // A negative number has whole powers only.
    let power = if (x < 0.0) & !whole & (a != f64::INFINITY) { f64::NAN } else { power };
    let one = (x == 1.0) | (y == 0.0) | ((a == 1.0) & (e.abs() == f64::INFINITY));
    if one { 1.0 } else { keep_nans(x, y, power) }
}

/// log₂ x times `factor`.
#[inline(always)]
fn log(x: f32, factor: f64) -> f32 {
    let y = log2_positive(f64::from(x).abs()) * factor;
    keep_nan(x, if x < 0.0 { f64::NAN } else { y })
}

#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    keep_nan(x, exp2_of(x.into()))
}

#[inline(always)]
pub fn log2(x: f32) -> f32 {
    log(x, 1.0)
}

#[inline(always)]
pub fn log10(x: f32) -> f32 {
    log(x, LOG10_2)
}

/// asin a for 0 ≤ a ≤ 1 as `(turn, p)`, which is p, or π/2 − 2 p if `turn`; NaN beyond 1.
#[inline(always)]
fn asin_positive(a: f64) -> (bool, f64) {
    let turn = a > 0.5;
    let v = if turn { 0.5 * (1.0 - a) } else { a * a };
    let s = if turn { v.sqrt() } else { a };
    (turn, s * horner(v, wide::ASIN).mul_add(v, 1.0))
}

#[inline(always)]
pub fn asin(x: f32) -> f32 {
    let (turn, p) = asin_positive(f64::from(x).abs());
    keep_nan(x, (if turn { FRAC_PI_2 - 2.0 * p } else { p }).copysign(x.into()))
}

#[inline(always)]
pub fn acos(x: f32) -> f32 {
    let (turn, p) = asin_positive(f64::from(x).abs());
    let outer = if x < 0.0 { PI - 2.0 * p } else { 2.0 * p };
    keep_nan(x, if turn { outer } else { FRAC_PI_2 - p.copysign(x.into()) })
}

/// atan of top / below for 0 ≤ both, not both 0 or ∞.
#[inline(always)]
fn atan_positive(top: f64, below: f64) -> f64 {
    let turn = top > below;
    let t = if turn { below / top } else { top / below };
    let p = t * horner(t * t, wide::ATAN).mul_add(t * t, 1.0);
    if turn { FRAC_PI_2 - p } else { p }
}

#[inline(always)]
pub fn atan(x: f32) -> f32 {
    keep_nan(x, atan_positive(f64::from(x).abs(), 1.0).copysign(x.into()))
}

#[inline(always)]
pub fn atan2(y: f32, x: f32) -> f32 {
    let (top, below) = (f64::from(y).abs(), f64::from(x).abs());
    let same = (top == below) & ((top == 0.0) | (top == f64::INFINITY));
    // Equal infinities have the angle of (1, 1), zeros that of (0, 1).
    let (t, b) = if same { (if top == 0.0 { 0.0 } else { 1.0 }, 1.0) } else { (top, below) };
    let angle = atan_positive(t, b);
    let angle = if x.is_sign_negative() { PI - angle } else { angle };
    keep_nans(y, x, angle.copysign(y.into()))
}

#[inline(always)]
pub fn sinh(x: f32) -> f32 {
    let m = Math::exp_m1(cut(f64::from(x).abs(), 0.0, 100.0));
    keep_nan(x, (0.5 * (m + m / (m + 1.0))).copysign(x.into()))
}

#[inline(always)]
pub fn cosh(x: f32) -> f32 {
    let e = Math::exp(cut(f64::from(x).abs(), 0.0, 100.0));
    keep_nan(x, 0.5 * (e + 1.0 / e))
}

#[inline(always)]
pub fn asinh(x: f32) -> f32 {
    let a = cut(f64::from(x).abs(), 0.0, 1e100);
    let y = Math::ln_1p(a + a * a / (1.0 + a.mul_add(a, 1.0).sqrt()));
    let y = if x.is_infinite() { f64::INFINITY } else { y };
    keep_nan(x, y.copysign(x.into()))
}

#[inline(always)]
pub fn acosh(x: f32) -> f32 {
    let t = f64::from(x) - 1.0;
    let y = Math::ln_1p(t + (t * (t + 2.0)).sqrt());
    keep_nan(x, if t < 0.0 { f64::NAN } else { y })
}

#[inline(always)]
pub fn atanh(x: f32) -> f32 {
    let a = f64::from(x).abs();
    keep_nan(x, (0.5 * Math::ln_1p(2.0 * a / (1.0 - a))).copysign(x.into()))
}

#[inline(always)]
pub fn erfc(x: f32) -> f32 {
    keep_nan(x, 2.0 * Math::norm_cdf(-SQRT_2 * f64::from(x)))
}

#[inline(always)]
pub fn hypot(x: f32, y: f32) -> f32 {
    let (a, b) = (f64::from(x), f64::from(y));
    let root = a.mul_add(a, b * b).sqrt();
    let infinite = x.is_infinite() | y.is_infinite();
    if infinite { f32::INFINITY } else { keep_nans(x, y, root) }
}

#[inline(always)]
pub fn logaddexp(x: f32, y: f32) -> f32 {
    let (low, high) = if x < y { (x, y) } else { (y, x) };
    let (low, high) = (f64::from(low), f64::from(high));
    // Equal infinities have no difference.
    let gap = if low == high { 0.0 } else { low - high };
    keep_nans(x, y, high + if gap == 0.0 { LN_2 } else { Math::ln_1p(Math::exp(gap)) })
}

#[inline(always)]
pub fn xlogy(x: f32, y: f32) -> f32 {
    let ln = log2_positive(f64::from(y).abs()) * LN_2;
    let ln = if y < 0.0 { f64::NAN } else { ln };
    if (x == 0.0) & !y.is_nan() { 0.0 } else { keep_nans(x, y, f64::from(x) * ln) }
}
