//! The inverse of the error function, the logit and sin(πx)/(πx), in `f64`; `f32` is computed there too.

use super::Math;
use super::coefficients::wide::SIN;
use super::exp::keep_nan;
use super::real::{Real, horner};
use super::trig::Trig;
use super::wide;
use std::f64::consts::{FRAC_2_PI, FRAC_2_SQRT_PI, PI, SQRT_2};

/// How often the step below is taken: each has a third of the error's digits to begin with.
const STEPS: usize = 3;

/// y with erf y = x; ±∞ at ±1, NaN beyond.
///
/// S. Winitzki's closed form (*A handy approximation for the error function and its inverse*, 2008), right to 4·10⁻³,
/// and steps of Halley's method, whose residual is taken from erf below ½ and from 1 − erf above.
#[inline(always)]
pub fn erfinv(x: f64) -> f64 {
    const A: f64 = 8.0 * (PI - 3.0) / (3.0 * PI * (4.0 - PI));
    let a = x.abs();
    let log = Math::ln_1p(-a * a);
    let base = log.mul_add(0.5, FRAC_2_PI / A);
    let mut y = ((base * base - log / A).sqrt() - base).max(0.0).sqrt();
    for _ in 0..STEPS {
        let below = Math::erf(y) - a;
        let above = (1.0 - a) - 2.0 * Math::norm_cdf(-SQRT_2 * y);
        let residual = if a < 0.5 { below } else { above };
        let step = residual / FRAC_2_SQRT_PI * Math::exp(y * y);
        y -= step / y.mul_add(step, 1.0);
    }
    let y = if a < f64::MIN_POSITIVE { a / FRAC_2_SQRT_PI } else { y };
    let y = if a == 1.0 { f64::INFINITY } else { y };
    let y = if a > 1.0 { f64::NAN } else { y };
    keep_nan(x, y.signed_as(x))
}

/// ln(x / (1 − x)); ∓∞ at 0 and 1, NaN outside.
///
/// From ¼ on it is the logarithm of 1 + (2x − 1) / (1 − x), which keeps its digits at ½.
#[inline(always)]
pub fn logit(x: f64) -> f64 {
    let apart = Math::ln(x) - Math::ln_1p(-x);
    let one = Math::ln_1p((2.0 * x - 1.0) / (1.0 - x));
    keep_nan(x, if x < 0.25 { apart } else { one })
}

#[inline(always)]
pub fn erfinv_f32(x: f32) -> f32 {
    wide::keep_nan(x, erfinv(x.into()))
}

#[inline(always)]
pub fn logit_f32(x: f32) -> f32 {
    wide::keep_nan(x, logit(x.into()))
}

/// sin(πx)/(πx), 1 at 0; exactly 0 at other whole numbers.
#[inline(always)]
pub fn sinc(x: f64) -> f64 {
    let (r, odd) = whole_apart(x);
    signed(x, Trig::sin_near(PI * r), odd)
}

/// As [`sinc`], right to 2⁻³³.
#[inline(always)]
pub fn sinc_f32(single: f32) -> f32 {
    let x = f64::from(single);
    let (r, odd) = whole_apart(x);
    let (t, v) = (PI * r, (PI * r) * (PI * r));
    wide::keep_nan(single, signed(x, t * horner(v, SIN).mul_add(v, 1.0), odd))
}

/// x less the nearest whole number, and whether that is odd.
#[inline(always)]
fn whole_apart(x: f64) -> (f64, bool) {
    let n = x.round_ties_even();
    (x - n, (0.5 * n).trunc() != 0.5 * n)
}

#[inline(always)]
fn signed(x: f64, sine: f64, odd: bool) -> f64 {
    let y = (if odd { -sine } else { sine }) / (PI * x);
    keep_nan(x, if x == 0.0 { 1.0 } else { y })
}
