//! The natural logarithm, of x and of 1 + x.

use super::coefficients::{double, single};
use super::real::{Real, horner};

/// ln(1+f) − f for √½ ≤ 1+f ≤ √2, as f² (−½ + f P(f)).
#[inline(always)]
pub fn tail_f32(f: f32) -> f32 {
    f * f * f.mul_add(horner(f, single::LN), -0.5)
}

/// ln(1+f) − f for √½ ≤ 1+f ≤ √2: with s = f/(2+f), ln(1+f) is 2 atanh s = 2s + s R(s²), and 2s = f − f²/2 + s f²/2.
#[inline(always)]
pub fn tail_f64(f: f64) -> f64 {
    let s = f / (2.0 + f);
    let half_square = 0.5 * f * f;
    let v = s * s;
    s.mul_add(v.mul_add(horner(v, double::LN), half_square), -half_square)
}

/// ln(2ᵏ (1 + f)) + low for √½ ≤ 1+f ≤ √2: the head is summed exactly, so that only the last addition rounds.
#[inline(always)]
fn ln_parts<T: Real>(k: T, f: T, low: T) -> T {
    let base = k * T::LN2_HI; // exact
    let head = base + f;
    let lost = (base - head) + f;
    head + (k.fma(T::LN2_LO, T::ln_tail(f)) + (lost + low))
}

/// `y` where lowest < x < ∞; −∞ at `lowest`, NaN below, x for ∞ and NaN.
#[inline(always)]
fn special<T: Real>(x: T, lowest: T, y: T) -> T {
    let edge = if x == lowest { T::of(f64::NEG_INFINITY) } else { x };
    let edge = if x < lowest { T::of(f64::NAN) } else { edge };
    if x > lowest && x < T::of(f64::INFINITY) { y } else { edge }
}

#[inline(always)]
pub fn ln<T: Real>(x: T) -> T {
    let (m, k) = x.split();
    special(x, T::of(0.0), ln_parts(k, m - T::of(1.0), T::of(0.0)))
}

/// With u = 1 + x rounded, the logarithm of u + c, where c is what the rounding lost.
#[inline(always)]
pub fn ln_1p<T: Real>(x: T) -> T {
    let one = T::of(1.0);
    let u = one + x;
    let c = if x < one { x - (u - one) } else { one - (u - x) };
    let (m, k) = u.split();
    // u + c is 2ᵏ (m + c 2⁻ᵏ); beyond 2⁶⁴ it makes no difference, and 2⁻ᵏ might be subnormal.
    let c = c * T::power_of_2(T::MAGIC - if k > T::of(64.0) { T::of(64.0) } else { k });
    let f0 = m - one;
    let f = f0 + c;
    let rest = (f0 - f) + c; // 0 where k is 0: f is x
    let y = ln_parts(k, f, (-rest).fma(f, rest)); // rest / (1 + f), nearly
    // Sums make +0 of −0.
    let y = if x == T::of(0.0) { x } else { y };
    special(x, -one, y)
}
