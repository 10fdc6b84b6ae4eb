//! The hyperbolic tangent.

use super::exp::{cut, divide, half_exp_m1, keep_nan};
use super::real::Real;

/// −h / (1 + h) with h = (e^(−2|x|) − 1) / 2, with the sign of x. Numerator and denominator carry what rounding took
/// from them, so one formula serves all x without cancellation.
#[inline(always)]
pub fn tanh<T: Real>(x: T) -> T {
    let one = T::of(1.0);
    let (h, dh) = half_exp_m1(cut(T::of(-2.0) * x.magnitude(), -T::EXP_M1_FLAT, T::of(0.0)));
    let below = one + h;
    let lost = (h - (below - one)) + dh;
    let y = divide(h, dh, below, lost);
    keep_nan(x, y.signed_as(x))
}
