//! The error function, and the normal distribution's cumulative and density functions.

use super::coefficients::{double, single};
use super::exp::{cut, keep_nan, one_plus, reduce, scale};
use super::real::{Real, horner};

#[inline(always)]
pub fn erf<T: Real>(x: T) -> T {
    keep_nan(x, T::erf_positive(x.magnitude()).signed_as(x))
}

/// erf x for x ≥ 0: x + x P(x²) near 0; 1 − e^(Q(x) − x²) beyond, one exponential without a division. The exponent is
/// summed in two parts.
#[inline(always)]
pub fn positive_f32(x: f32) -> f32 {
    let square = x * x;
    let near = x.mul_add(horner(square, single::ERF), x);

    let z = cut(x, 1.0, 4.0);
    let square = z * z;
    let lost = z.mul_add(-z, square);
    let (rest, last) = single::LN_ERFC.split_at(single::LN_ERFC.len() - 1);
    let u = z - 2.0;
    let slope = u * horner(u, rest);
    let first = last[0] - square;
    let exponent = first + slope;
    let lost = lost + ((-square - first) + last[0]) + ((first - exponent) + slope);
    let (n, r, t) = reduce(exponent, lost);
    let scale = f32::power_of_2(n);
    let far = (-scale).mul_add(r + t, 1.0 - scale);
    if x < 1.0 { near } else { far }
}

/// erf x for x ≥ 0: x + x P(x²) near 0, 1 − 2 Φ(−√2 x) beyond.
#[inline(always)]
pub fn positive_f64(x: f64) -> f64 {
    let z = if x > 6.0 { 6.0 } else { x };
    let (n, y, dy) = bell(z, -1.0);
    let (m, _) = mills(z * std::f64::consts::SQRT_2);
    let far = (-2.0 * f64::power_of_2(n)).mul_add(y.mul_add(m, dy * m), 1.0);
    let near = x.mul_add(horner(x * x, double::ERF), x);
    if x < 1.0 { near } else { far }
}

/// (n + `MAGIC`, y, dy) with e^(factor·z²) = 2ⁿ (y + dy) for a factor of −1 or −½; the square has all its digits.
#[inline(always)]
fn bell<T: Real>(z: T, factor: T) -> (T, T, T) {
    let square = z * z;
    let lost = z.fma(z, -square);
    let (n, r, t) = reduce(factor * square, factor * lost);
    let (y, dy) = one_plus(r, t);
    (n, y, dy)
}

/// (m, dm) with m + dm = Φ(−z) e^(z²/2) for 1 ≤ z ≤ `NORM_MAX`: smooth and slowly varying, it is w S(t) with
/// w = 1 / (z+c) and S a polynomial in t = (z−c) / (z+c) = 1 − 2c w.
#[inline(always)]
fn mills<T: Real>(z: T) -> (T, T) {
    let one = T::of(1.0);
    let c = T::MILLS_CENTRE;
    let (large, little) = if z > c { (z, c) } else { (c, z) };
    let below = large + little;
    let lost = (large - below) + little;
    let w = one / below;
    // The true quotient is w (1 + rest).
    let rest = (-w).fma(below, one) - w * lost;
    let step = T::of(-2.0) * c * w;
    let t = step.fma(rest, step + one);
    let (s0, slope) = (T::MILLS[T::MILLS.len() - 1], horner(t, &T::MILLS[..T::MILLS.len() - 1]));
    let s = t.fma(slope, s0);
    let ds = t.fma(slope, s0 - s);
    let m = w * s;
    (m, w.fma(s, -m) + w * s.fma(rest, ds))
}

/// ½ + φ(0) x + x³ P(x²) near 0; Φ(−|x|) beyond, or 1 less that above 0: nothing cancels.
#[inline(always)]
pub fn norm_cdf<T: Real>(x: T) -> T {
    let (half, one) = (T::of(0.5), T::of(1.0));
    let v = x * x;
    let linear = x * T::PDF_HI;
    let lost = x.fma(T::PDF_HI, -linear);
    let curve = x.fma(v.fma(horner(v, T::NEAR), T::PDF_LO), lost);
    let sum = half + linear;
    let near = sum + (((half - sum) + linear) + curve);

    let z = x.magnitude();
    let far = if z > T::NORM_MAX { T::NORM_MAX } else { z };
    let (n, y, dy) = bell(far, -half);
    let (m, dm) = mills(far);
    let tail = scale(y.fma(m, dy.fma(m, y * dm)), n);
    let far = if x > T::of(0.0) { one - tail } else { tail };
    keep_nan(x, if z < one { near } else { far })
}

#[inline(always)]
pub fn norm_pdf<T: Real>(x: T) -> T {
    let z = x.magnitude();
    let z = if z > T::NORM_MAX { T::NORM_MAX } else { z };
    let (n, y, dy) = bell(z, T::of(-0.5));
    let low = y.fma(T::PDF_LO, dy * T::PDF_HI);
    keep_nan(x, scale(y.fma(T::PDF_HI, low), n))
}
