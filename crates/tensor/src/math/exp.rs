//! eˣ, eˣ − 1 and the logistic function, on one reduction: x = n ln 2 + r with |r| ≤ ½ ln 2.

use super::real::{Real, horner};

/// (n + `MAGIC`, r, t) with e^(x+dx) = 2ⁿ (1 + r + t): n ln 2 is taken off x in two parts, r is what is left, rounded,
/// and t holds the terms of degree 2 and up and what the rounding lost. n = 0 leaves r = x. `dx` is tiny beside 1.
#[inline(always)]
pub fn reduce<T: Real>(x: T, dx: T) -> (T, T, T) {
    let n_magic = x.fma(T::of(std::f64::consts::LOG2_E), T::MAGIC);
    let n = n_magic - T::MAGIC;
    let head = (-n).fma(T::LN2_HI, x); // exact
    let rest = (-n).fma(T::LN2_LO, dx);
    let r = head + rest;
    let lost = (head - r) + rest;
    (n_magic, r, (r * r).fma(horner(r, T::EXP), lost))
}

/// 1 + r + t as a rounded sum and what the rounding lost.
#[inline(always)]
pub fn one_plus<T: Real>(r: T, t: T) -> (T, T) {
    let one = T::of(1.0);
    let high = one + r;
    let low = ((one - high) + r) + t;
    let sum = high + low;
    (sum, (high - sum) + low)
}

/// y · 2ⁿ from n + `MAGIC`, gradually underflowing.
#[inline(always)]
pub fn scale<T: Real>(y: T, n_magic: T) -> T {
    let (a, b) = T::power_of_2_pair(n_magic);
    y * a * b
}

/// `x` where it is NaN, so that its bits are the same whatever a CPU makes of NaNs on the way; else `y`.
#[inline(always)]
pub fn keep_nan<T: Real>(x: T, y: T) -> T {
    #[allow(clippy::eq_op)]
    if x == x { y } else { x }
}

/// `x` cut to [lo, hi]; NaN stays.
#[inline(always)]
pub fn cut<T: Real>(x: T, lo: T, hi: T) -> T {
    let x = if x < lo { lo } else { x };
    if x > hi { hi } else { x }
}

/// Rounds three times after the polynomial, each time a number below ½ before the last: less exact than
/// [`one_plus`] of [`reduce`], and a sixth cheaper.
#[inline(always)]
pub fn exp<T: Real>(x: T) -> T {
    let cut = cut(x, T::EXP_MIN, T::EXP_MAX);
    let n_magic = cut.fma(T::of(std::f64::consts::LOG2_E), T::MAGIC);
    let n = n_magic - T::MAGIC;
    let head = (-n).fma(T::LN2_HI, cut); // exact
    let rest = -n * T::LN2_LO;
    let r = head + rest;
    let tail = (r * r).fma(horner(r, T::EXP), rest);
    keep_nan(x, scale(T::of(1.0) + (head + tail), n_magic))
}

/// eˣ − 1 as a rounded sum and what the rounding lost, divided by 2; for −`EXP_M1_FLAT` ≤ x ≤ `EXP_MAX`.
///
/// It is 2ⁿ (r + t) + (2ⁿ − 1). Half of it cannot overflow where the whole does not.
#[inline(always)]
pub fn half_exp_m1<T: Real>(x: T) -> (T, T) {
    let (n, r, t) = reduce(x, T::of(0.0));
    let half_scale = T::power_of_2(n - T::of(1.0));
    let half = T::of(0.5);
    let base = half_scale - half;
    let high = half_scale.fma(r, base);
    // Either term of the base may be the one that loses digits.
    let second = base - half_scale;
    let base_lost = (half_scale - (base - second)) - (half + second);
    let lost = half_scale.fma(r, base - high) + base_lost;
    let low = half_scale.fma(t, lost);
    let sum = high + low;
    (sum, (high - sum) + low)
}

#[inline(always)]
pub fn exp_m1<T: Real>(x: T) -> T {
    let y = T::of(2.0) * half_exp_m1(cut(x, -T::EXP_M1_FLAT, T::EXP_MAX)).0;
    // Halving would cost a subnormal its last bit, and −0 its sign.
    let y = if x.magnitude() < T::TINY { x } else { y };
    keep_nan(x, y)
}

/// (a + da) / (b + db), rounded nearly once, for da and db tiny beside a and b.
#[inline(always)]
pub fn divide<T: Real>(a: T, da: T, b: T, db: T) -> T {
    let inverse = T::of(1.0) / b;
    let q = a * inverse;
    let rest = (-q).fma(b, a) + (-q).fma(db, da);
    rest.fma(inverse, q)
}

/// 1 / (1 + e⁻ˣ), as t / (1 + t) with t = eˣ below 0, as 1 / (1 + e⁻ˣ) above: t never overflows, and the small
/// results keep their precision down to the subnormals.
#[inline(always)]
pub fn sigmoid<T: Real>(x: T) -> T {
    let zero = T::of(0.0);
    let one = T::of(1.0);
    let (n, r, t) = reduce(cut(-x.magnitude(), T::EXP_MIN, zero), zero);
    let (y, dy) = one_plus(r, t);
    let (a, b) = T::power_of_2_pair(n);
    let power = a * b;
    let below = power.fma(y, one);
    let lost = power.fma(dy, power.fma(y, one - below));
    let negative = x < zero;
    let (top, dtop) = if negative { (y, dy) } else { (one, zero) };
    let (a, b) = if negative { (a, b) } else { (one, one) };
    keep_nan(x, divide(top, dtop, below, lost) * a * b)
}
