//! What the functions of this folder need of a float: arithmetic, constants, and its exponent bits.

use super::coefficients::{double, single};
use super::{erf, ln};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `f32` or `f64`, as the functions of this folder see it.
pub trait Real:
    Copy
    + 'static
    + PartialOrd
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// 1.5 · 2^(bits of the fraction). Adding it rounds to an integer, which is left in the low bits.
    const MAGIC: Self;
    /// The head of ln 2, so short that its product with any exponent is exact.
    const LN2_HI: Self;
    /// ln 2 − `LN2_HI`
    const LN2_LO: Self;
    /// 1/√(2π)
    const PDF_HI: Self;
    /// 1/√(2π) − `PDF_HI`
    const PDF_LO: Self;
    /// Below it, eˣ rounds to 0.
    const EXP_MIN: Self;
    /// Above it, eˣ overflows.
    const EXP_MAX: Self;
    /// Below its negative, eˣ − 1 rounds to −1; tanh rounds to 1 above half of it.
    const EXP_M1_FLAT: Self;
    /// Four times the least normal number.
    const TINY: Self;
    /// Above it, Φ(−x) and φ(x) round to 0.
    const NORM_MAX: Self;
    /// Where the polynomials of Φ(−x) are centred.
    const MILLS_CENTRE: Self;
    /// See coefficients.rs.
    const EXP: &'static [Self];
    /// See coefficients.rs.
    const MILLS: &'static [Self];
    /// See coefficients.rs.
    const NEAR: &'static [Self];

    /// The nearest float.
    fn of(x: f64) -> Self;
    /// `self · a + b`, rounded once.
    fn fma(self, a: Self, b: Self) -> Self;
    /// |self|
    fn magnitude(self) -> Self;
    /// |self| with the sign of `x`.
    fn signed_as(self, x: Self) -> Self;
    /// 2ⁿ from n + `MAGIC`, for normal results.
    fn power_of_2(n_magic: Self) -> Self;
    /// (a, b) with a · b = 2ⁿ from n + `MAGIC`: scaling by both in turn overflows and underflows as it should, for n
    /// from twice the lowest exponent to twice the highest.
    fn power_of_2_pair(n_magic: Self) -> (Self, Self);
    /// (m, k) with self = m · 2ᵏ and √½ ≤ m < √2, for positive finite `self`.
    fn split(self) -> (Self, Self);
    /// ln(1+f) − f for √½ ≤ 1+f ≤ √2.
    fn ln_tail(f: Self) -> Self;
    /// erf x for x ≥ 0.
    fn erf_positive(x: Self) -> Self;
}

/// The polynomial with these coefficients, highest degree first.
#[inline(always)]
pub fn horner<T: Real>(x: T, coefficients: &'static [T]) -> T {
    let mut y = coefficients[0];
    for &c in &coefficients[1..] {
        y = y.fma(x, c);
    }
    y
}

impl Real for f32 {
    const MAGIC: f32 = 12_582_912.0;
    const LN2_HI: f32 = 0.693_145_75;
    const LN2_LO: f32 = 1.428_606_8e-6;
    const PDF_HI: f32 = 0.398_942_3;
    const PDF_LO: f32 = -1.133_517e-8;
    const EXP_MIN: f32 = -104.0;
    const EXP_MAX: f32 = 89.0;
    const EXP_M1_FLAT: f32 = 20.0;
    const TINY: f32 = 4.0 * f32::MIN_POSITIVE;
    const NORM_MAX: f32 = 14.5;
    const MILLS_CENTRE: f32 = 4.0;
    const EXP: &'static [f32] = single::EXP;
    const MILLS: &'static [f32] = single::MILLS;
    const NEAR: &'static [f32] = single::NEAR;

    #[inline(always)]
    fn of(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn fma(self, a: f32, b: f32) -> f32 {
        self.mul_add(a, b)
    }
    #[inline(always)]
    fn magnitude(self) -> f32 {
        self.abs()
    }
    #[inline(always)]
    fn signed_as(self, x: f32) -> f32 {
        self.copysign(x)
    }
    #[inline(always)]
    fn power_of_2(n_magic: f32) -> f32 {
        f32::from_bits(n_magic.to_bits().wrapping_sub(Self::MAGIC.to_bits() - 127) << 23)
    }
    #[inline(always)]
    fn power_of_2_pair(n_magic: f32) -> (f32, f32) {
        let sum = n_magic.to_bits().wrapping_sub(Self::MAGIC.to_bits() - 254);
        let half = sum >> 1;
        (f32::from_bits(half << 23), f32::from_bits(sum.wrapping_sub(half) << 23))
    }
    #[inline(always)]
    fn split(self) -> (f32, f32) {
        const ROOT: u32 = f32::to_bits(std::f64::consts::FRAC_1_SQRT_2 as f32);
        const EXPONENT_0: f32 = (1u64 << 23) as f32;
        let (x, k0) = if self < f32::MIN_POSITIVE { (self * EXPONENT_0, 150.0) } else { (self, 127.0) };
        let shifted = x.to_bits().wrapping_add(f32::to_bits(1.0) - ROOT);
        let m = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(ROOT));
        let k = f32::from_bits((shifted >> 23) | EXPONENT_0.to_bits()) - EXPONENT_0 - k0;
        (m, k)
    }
    #[inline(always)]
    fn ln_tail(f: f32) -> f32 {
        ln::tail_f32(f)
    }
    #[inline(always)]
    fn erf_positive(x: f32) -> f32 {
        erf::positive_f32(x)
    }
}

impl Real for f64 {
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    const LN2_HI: f64 = 0.693_147_180_559_890_3;
    const LN2_LO: f64 = 5.497_923_018_708_371e-14;
    const PDF_HI: f64 = 0.398_942_280_401_432_7;
    const PDF_LO: f64 = -2.492_327_202_277_73e-17;
    const EXP_MIN: f64 = -746.0;
    const EXP_MAX: f64 = 710.0;
    const EXP_M1_FLAT: f64 = 40.0;
    const TINY: f64 = 4.0 * f64::MIN_POSITIVE;
    const NORM_MAX: f64 = 39.0;
    const MILLS_CENTRE: f64 = 4.0;
    const EXP: &'static [f64] = double::EXP;
    const MILLS: &'static [f64] = double::MILLS;
    const NEAR: &'static [f64] = double::NEAR;

    #[inline(always)]
    fn of(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn fma(self, a: f64, b: f64) -> f64 {
        self.mul_add(a, b)
    }
    #[inline(always)]
    fn magnitude(self) -> f64 {
        self.abs()
    }
    #[inline(always)]
    fn signed_as(self, x: f64) -> f64 {
        self.copysign(x)
    }
    #[inline(always)]
    fn power_of_2(n_magic: f64) -> f64 {
        f64::from_bits(n_magic.to_bits().wrapping_sub(Self::MAGIC.to_bits() - 1023) << 52)
    }
    #[inline(always)]
    fn power_of_2_pair(n_magic: f64) -> (f64, f64) {
        let sum = n_magic.to_bits().wrapping_sub(Self::MAGIC.to_bits() - 2046);
        let half = sum >> 1;
        (f64::from_bits(half << 52), f64::from_bits(sum.wrapping_sub(half) << 52))
    }
    #[inline(always)]
    fn split(self) -> (f64, f64) {
        const ROOT: u64 = f64::to_bits(std::f64::consts::FRAC_1_SQRT_2);
        const EXPONENT_0: f64 = (1u64 << 52) as f64;
        let (x, k0) = if self < f64::MIN_POSITIVE { (self * EXPONENT_0, 1075.0) } else { (self, 1023.0) };
        let shifted = x.to_bits().wrapping_add(f64::to_bits(1.0) - ROOT);
        let m = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(ROOT));
        let k = f64::from_bits((shifted >> 52) | EXPONENT_0.to_bits()) - EXPONENT_0 - k0;
        (m, k)
    }
    #[inline(always)]
    fn ln_tail(f: f64) -> f64 {
        ln::tail_f64(f)
    }
    #[inline(always)]
    fn erf_positive(x: f64) -> f64 {
        erf::positive_f64(x)
    }
}
