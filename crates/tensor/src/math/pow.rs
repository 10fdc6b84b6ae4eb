//! xʸ in `f64`; that of `f32` is in `wide.rs`.

use super::coefficients::double;
use super::exp::{cut, one_plus, reduce, scale};
use super::real::{Real, horner};

/// ⅔ and what its rounding lost.
const TWO_THIRDS: (f64, f64) = (2.0 / 3.0, 2.0 / 3.0 / (1u64 << 54) as f64);

/// a + b, rounded, and what the rounding lost; |a| ≥ |b| or a = 0.
#[inline(always)]
fn sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    (s, (a - s) + b)
}

/// ln a in two parts, right to some 2⁻⁶⁵ of itself, for positive finite a: k ln 2 + 2s + ⅔ s³ + … with s in two parts.
#[inline(always)]
fn ln_parts(a: f64) -> (f64, f64) {
    let (m, k) = a.split();
    let f = m - 1.0;
    let below = m + 1.0;
    let below_lost = m - (below - 1.0);
    let inverse = 1.0 / below;
    let s = f * inverse;
    let s_lost = ((-s).mul_add(below, f) - s * below_lost) * inverse;
    let v = s * s;
    let v_lost = s.mul_add(s, -v) + 2.0 * s * s_lost;
    let cube = s * v;
    let cube_lost = s.mul_add(v, -cube) + s.mul_add(v_lost, s_lost * v);
    let third = cube * TWO_THIRDS.0;
    let third_lost =
        cube.mul_add(TWO_THIRDS.0, -third) + cube.mul_add(TWO_THIRDS.1, cube_lost * TWO_THIRDS.0);
    let (head, lost) = sum(k * f64::LN2_HI, 2.0 * s);
    let (head, lost_again) = sum(head, third);
    let rest =
        (cube * v).mul_add(horner(v, double::LN_REST), k.mul_add(f64::LN2_LO, 2.0 * s_lost + third_lost));
    sum(head, rest + (lost + lost_again))
}

/// xʸ by e^(y ln |x|), with every special case of IEEE 754.
#[inline(always)]
pub fn pow(x: f64, y: f64) -> f64 {
    let a = x.abs();
    let (ln, ln_lost) = ln_parts(a);
    let edge = if a == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    let ln = if (a == 0.0) | (a == f64::INFINITY) { edge } else { ln };
    let product = y * ln;
    let product_lost = y.mul_add(ln, -product) + y * ln_lost;
    // Beyond, only infinities come of it.
    let product_lost = if product.abs() < 800.0 { product_lost } else { 0.0 };
    let (n, r, t) = reduce(cut(product, f64::EXP_MIN, f64::EXP_MAX), product_lost);
    let power = scale(one_plus(r, t).0, n);
    let whole = y.trunc() == y;
    let half = 0.5 * y;
    let odd = whole & (half.trunc() != half);
    let power = if x.is_sign_negative() & odd { -power } else { power };
    // A negative number has whole powers only.
    let power = if (x < 0.0) & !whole & (a != f64::INFINITY) { f64::NAN } else { power };
    let power = if x.is_nan() | y.is_nan() { if x.is_nan() { x } else { y } } else { power };
    let one = (x == 1.0) | (y == 0.0) | ((a == 1.0) & (y.abs() == f64::INFINITY));
    if one { 1.0 } else { power }
}
