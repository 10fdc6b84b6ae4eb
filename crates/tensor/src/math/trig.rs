//! Sine, cosine and tangent.
//!
//! The nearest multiple of π/2 (or of π) is taken off x in parts of 53 bits, with fused products. That is exact enough up
//! to [`Trig::is_far`]; beyond, the multiple has to be taken off with hundreds of bits of π, which `libm` does for one
//! element at a time. `f32` is computed in `f64`, whose reduction needs no second part of the remainder.
//!
//! Source: W. J. Cody, W. Waite, *Software Manual for the Elementary Functions*, 1980; S. Gal, B. Bachelis 1991 for the
//! second part of the remainder.

use super::coefficients::{double, wide};
use super::exp::{divide, keep_nan};
use super::real::{Real, horner};
use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, FRAC_PI_2, PI};

/// π/2 − `FRAC_PI_2`, and what that leaves.
const FRAC_PI_2_PARTS: [f64; 2] = [6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];
/// π − `PI`
const PI_LO: f64 = 2.0 * FRAC_PI_2_PARTS[0];

/// What is different for `f32` and `f64`.
pub trait Trig: Copy {
    /// Whether x is so large, or infinite, that `*_near` is wrong.
    fn is_far(self) -> bool;
    /// sin x unless far.
    fn sin_near(self) -> Self;
    /// cos x unless far.
    fn cos_near(self) -> Self;
    /// tan x unless far.
    fn tan_near(self) -> Self;
    /// sin x where it is far.
    fn sin_far(self) -> Self;
    /// cos x where it is far.
    fn cos_far(self) -> Self;
    /// tan x where it is far.
    fn tan_far(self) -> Self;
}

/// All bits of `x`, and the sign turned over if the lowest bit of `turns` is set.
#[inline(always)]
fn turned(x: f64, turns: u64) -> f64 {
    f64::from_bits(x.to_bits() ^ (turns << 63))
}

/// sin x for `half` of 0, cos x for `half` of ½, right to some 2⁻³³: with h − `half` the whole number nearest to
/// x/π − `half`, it is sin(x − hπ) with the sign of that whole number, and turned over for the cosine.
#[inline(always)]
fn half_turns(x: f64, half: f64) -> f64 {
    let n_magic = x.mul_add(FRAC_1_PI, -half) + f64::MAGIC;
    let h = (n_magic - f64::MAGIC) + half;
    let r = (-h).mul_add(PI_LO, (-h).mul_add(PI, x));
    let v = r * r;
    let y = r * horner(v, wide::SIN).mul_add(v, 1.0);
    turned(y, n_magic.to_bits() ^ u64::from(half != 0.0))
}

/// `f32` up to here: the multiple of π times what its two parts leave of π is still far below any remainder, of which
/// 2⁻³¹ is the least there is.
const FAR_F32: f32 = (1u64 << 44) as f32;

impl Trig for f32 {
    #[inline(always)]
    fn is_far(self) -> bool {
        self.abs() >= FAR_F32
    }
    #[inline(always)]
    fn sin_near(self) -> f32 {
        keep_nan(self, half_turns(self.into(), 0.0) as f32)
    }
    #[inline(always)]
    fn cos_near(self) -> f32 {
        keep_nan(self, half_turns(self.into(), 0.5) as f32)
    }
    #[inline(always)]
    fn tan_near(self) -> f32 {
        let x = f64::from(self);
        let n_magic = x.mul_add(FRAC_2_PI, f64::MAGIC);
        let n = n_magic - f64::MAGIC;
        let r = (-n).mul_add(FRAC_PI_2_PARTS[0], (-n).mul_add(FRAC_PI_2, x));
        let v = r * r;
        let sine = r * horner(v, wide::SIN).mul_add(v, 1.0);
        let cosine = (v * v).mul_add(horner(v, wide::COS), v.mul_add(-0.5, 1.0));
        let odd = n_magic.to_bits() & 1 == 1;
        let (top, below) = if odd { (-cosine, sine) } else { (sine, cosine) };
        keep_nan(self, (top / below) as f32)
    }
    #[inline(never)]
    fn sin_far(self) -> f32 {
        libm::sinf(self)
    }
    #[inline(never)]
    fn cos_far(self) -> f32 {
        libm::cosf(self)
    }
    #[inline(never)]
    fn tan_far(self) -> f32 {
        libm::tanf(self)
    }
}

/// (sin r, what its rounding lost, cos r, what its rounding lost, n) with x = nπ/2 + r and |r| ≤ π/4; of n the low bits.
#[inline(always)]
fn quarter_turns(x: f64) -> (f64, f64, f64, f64, u64) {
    let n_magic = x.mul_add(FRAC_2_PI, f64::MAGIC);
    let n = n_magic - f64::MAGIC;
    let head = (-n).mul_add(FRAC_PI_2, x); // exact
    let part = n * FRAC_PI_2_PARTS[0];
    let part_lost = n.mul_add(FRAC_PI_2_PARTS[0], -part);
    // Either of the two may be the larger one.
    let r = head - part;
    let second = r - head;
    let lost = (head - (r - second)) - (part + second);
    let low = (-n).mul_add(FRAC_PI_2_PARTS[1], lost - part_lost);
    let v = r * r;
    let half = 0.5 * v;
    let tail = (r * v).mul_add(horner(v, double::SIN), low * (1.0 - half));
    let sine = r + tail;
    let head = 1.0 - half;
    let rest = ((1.0 - head) - half) + (v * v).mul_add(horner(v, double::COS), -(r * low));
    let cosine = head + rest;
    (sine, (r - sine) + tail, cosine, (head - cosine) + rest, n_magic.to_bits())
}

/// `f64` up to here, where the multiple of π/2 times what its three parts leave of it is below 2⁻¹²⁰, and the least
/// remainder 2⁻⁶².
const FAR_F64: f64 = (1u64 << 40) as f64;

impl Trig for f64 {
    #[inline(always)]
    fn is_far(self) -> bool {
        self.abs() >= FAR_F64
    }
    #[inline(always)]
    fn sin_near(self) -> f64 {
        let (sine, _, cosine, _, n) = quarter_turns(self);
        let y = turned(if n & 1 == 1 { cosine } else { sine }, n >> 1);
        // Sums make +0 of −0.
        let y = if self == 0.0 { self } else { y };
        keep_nan(self, y)
    }
    #[inline(always)]
    fn cos_near(self) -> f64 {
        let (sine, _, cosine, _, n) = quarter_turns(self);
        let y = turned(if n & 1 == 1 { sine } else { cosine }, n.wrapping_add(1) >> 1);
        keep_nan(self, y)
    }
    #[inline(always)]
    fn tan_near(self) -> f64 {
        let (sine, sine_lost, cosine, cosine_lost, n) = quarter_turns(self);
        let odd = n & 1 == 1;
        let (top, top_lost) = if odd { (-cosine, -cosine_lost) } else { (sine, sine_lost) };
        let (below, below_lost) = if odd { (sine, sine_lost) } else { (cosine, cosine_lost) };
        let y = divide(top, top_lost, below, below_lost);
        let y = if self == 0.0 { self } else { y };
        keep_nan(self, y)
    }
    #[inline(never)]
    fn sin_far(self) -> f64 {
        libm::sin(self)
    }
    #[inline(never)]
    fn cos_far(self) -> f64 {
        libm::cos(self)
    }
    #[inline(never)]
    fn tan_far(self) -> f64 {
        libm::tan(self)
    }
}
