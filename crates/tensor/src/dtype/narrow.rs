//! The types that are kept and not computed in: [`bf16`], [`f16`], `i32`, `i8`, and how they are reached from wider ones.
//!
//! The conversions of floats are on bits and without branches, so that loops over them are vectorised at every level.

use super::{DType, Element, sealed::Sealed};
use half::{bf16, f16};

impl DType {
    /// The type that elements of this one are computed in: BF16 and F16 in F32, I32 and I8 in I64, every other in its
    /// own. Results go back to the type: floats rounded once, to the nearest, ties to even; integers modulo 2³² or 2⁸.
    pub const fn compute(self) -> DType {
        match self {
            DType::BF16 | DType::F16 => DType::F32,
            DType::I32 | DType::I8 => DType::I64,
            own => own,
        }
    }

    /// Whether it is computed in another type.
    #[inline]
    pub(crate) const fn is_narrow(self) -> bool {
        matches!(self, DType::BF16 | DType::F16 | DType::I32 | DType::I8)
    }

    /// The bits of `value` as an element of this type, in the lowest bytes.
    pub(crate) fn bits_of(self, value: f64) -> u64 {
        match self {
            DType::F32 => (value as f32).to_bits().into(),
            DType::F64 => value.to_bits(),
            DType::I64 => value as i64 as u64,
            DType::U8 => (value as u8).into(),
            DType::Bool => (value != 0.0).into(),
            DType::BF16 => <bf16 as Element>::from_f64(value).to_bits().into(),
            DType::F16 => <f16 as Element>::from_f64(value).to_bits().into(),
            DType::I32 => (value as i32 as u32).into(),
            DType::I8 => (value as i8 as u8).into(),
        }
    }

    /// A number that meets a tensor of this type: integers take it as `to_dtype` would, floats as it is.
    pub(crate) fn scalar(self, x: f64) -> f64 {
        match self {
            DType::I32 => (x as i32).into(),
            DType::I8 => (x as i8).into(),
            _ => x,
        }
    }
}

/// To the nearest, ties to even; NaN stays NaN, quiet.
#[inline(always)]
pub(crate) fn bf16_of(x: f32) -> bf16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    let nan = bits >> 16 | 0x40;
    bf16::from_bits(if x.is_nan() { nan } else { rounded } as u16)
}

#[inline(always)]
pub(crate) fn f32_of_bf16(x: bf16) -> f32 {
    f32::from_bits((x.to_bits() as u32) << 16)
}

/// To the nearest, ties to even; NaN stays NaN, quiet. An addition rounds in each range: of floats below the least normal
/// number, where the sum's last place is that of the result; of bits above.
#[inline(always)]
pub(crate) fn f16_of(x: f32) -> f16 {
    const INFINITY: u32 = 0x7c00;
    // The exponents, in place, of 2¹⁶ and of the least normal number, 2⁻¹⁴; and of 1/2, whose last place is 2⁻²⁴.
    const TOO_LARGE: u32 = (127 + 16) << 23;
    const NORMAL: u32 = (127 - 14) << 23;
    const HALF: u32 = 126 << 23;
    let sign = x.to_bits() >> 16 & 0x8000;
    let bits = x.to_bits() & 0x7fff_ffff;
    let small = (f32::from_bits(bits) + f32::from_bits(HALF)).to_bits().wrapping_sub(HALF);
    let normal = bits.wrapping_sub((127 - 15) << 23).wrapping_add(0xfff + (bits >> 13 & 1)) >> 13;
    let nan = INFINITY | 0x200 | (bits >> 13 & 0x3ff);
    let finite = if bits < NORMAL { small } else { normal };
    let special = if x.is_nan() { nan } else { INFINITY };
    f16::from_bits((sign | if bits >= TOO_LARGE { special } else { finite }) as u16)
}

#[inline(always)]
pub(crate) fn f32_of_f16(x: f16) -> f32 {
    const LEAST: u32 = (127 - 14) << 23;
    let (sign, bits) = ((x.to_bits() as u32 & 0x8000) << 16, (x.to_bits() as u32 & 0x7fff) << 13);
    let normal = bits + ((127 - 15) << 23);
    // Below the least normal number there is no leading 1: put one there and take it away.
    let small = (f32::from_bits(bits + LEAST) - f32::from_bits(LEAST)).to_bits();
    let special = bits + ((255 - 31) << 23);
    let magnitude = if bits < 1 << 23 { small } else { normal };
    f32::from_bits(sign | if bits >= 31 << 23 { special } else { magnitude })
}

/// `x` rounded to odd: where it is between two singles, that whose last bit is 1. Rounded once more to a type of fewer
/// digits the result is what `x` itself gives. Source: Boldo and Melquiond 2008.
#[inline(always)]
pub(crate) fn odd_of_f64(x: f64) -> f32 {
    let y = x as f32;
    let is_above = (y as f64).abs() > x.abs();
    let odd = y.to_bits().wrapping_sub(is_above as u32) | 1;
    if y as f64 == x || x.is_nan() { y } else { f32::from_bits(odd) }
}

/// `x` rounded to odd.
#[inline(always)]
pub(crate) fn odd_of_i64(x: i64) -> f32 {
    const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
    // 53 digits are left of those that do not fit a double; the last says whether any other was there.
    let folded = x & !0x7ff | ((x & 0x7ff != 0) as i64) << 11;
    odd_of_f64(if x.unsigned_abs() <= EXACT { x } else { folded } as f64)
}

macro_rules! half_float {
    ($t:ident, $dtype:ident, $of:ident, $to:ident) => {
        impl Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                $of(odd_of_f64(x))
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                $to(self) as f64
            }
            #[inline(always)]
            fn from_i64(x: i64) -> Self {
                $of(odd_of_i64(x))
            }
            #[inline(always)]
            fn to_i64(self) -> i64 {
                $to(self) as i64
            }
        }
    };
}
half_float!(bf16, BF16, bf16_of, f32_of_bf16);
half_float!(f16, F16, f16_of, f32_of_f16);

macro_rules! narrow_integer {
    ($t:ident, $dtype:ident) => {
        impl Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }
            #[inline(always)]
            fn from_i64(x: i64) -> Self {
                x.clamp($t::MIN.into(), $t::MAX.into()) as $t
            }
            #[inline(always)]
            fn to_i64(self) -> i64 {
                self.into()
            }
        }
    };
}
narrow_integer!(i32, I32);
narrow_integer!(i8, I8);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The nearest of all numbers of a type, ties to the one of even bits: by comparing with each.
    fn nearest<T: Element>(x: f64, all: &[(f64, u16)], beyond: f64, of: impl Fn(u16) -> T) -> T {
        // Infinity stands where the next number would.
        let at = |v: f64| if v.is_infinite() { beyond.copysign(v) } else { v };
        let i = all.partition_point(|&(v, _)| at(v) < x);
        let (low, high) = (all[i.saturating_sub(1)], all[i.min(all.len() - 1)]);
        let (below, above) = (x - at(low.0), at(high.0) - x);
        let low_wins = below < above || below == above && low.1 & 1 == 0;
        of(if low_wins { low.1 } else { high.1 })
    }

    fn all_of<T: Element>(of: impl Fn(u16) -> T) -> Vec<(f64, u16)> {
        let mut all: Vec<(f64, u16)> = (0..=u16::MAX)
            .map(|b| (of(b).to_f64(), b))
            .filter(|(v, b)| !v.is_nan() && *b != 0x8000)
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all
    }

    fn extremes() -> Vec<f64> {
        let halves = (0..=u16::MAX).step_by(7).flat_map(|b| {
            let pair =
                |x: f64, y: f64| [x, (x + y) / 2.0, ((x + y) / 2.0).next_up(), ((x + y) / 2.0).next_down()];
            let next = b.saturating_add(1);
            let f = pair(f16::from_bits(b).to_f64(), f16::from_bits(next).to_f64());
            let b = pair(bf16::from_bits(b).to_f64(), bf16::from_bits(next).to_f64());
            [f, b].concat()
        });
        halves.filter(|x| x.is_finite()).chain([65519.9, 65520.0, 65536.0, 1e300, -1e-300, 5e-324]).collect()
    }

    #[test]
    fn doubles_are_rounded_once_to_the_nearest() {
        let (f, b) = (all_of(f16::from_bits), all_of(bf16::from_bits));
        for x in extremes() {
            let expected = nearest(x, &f, 65536.0, f16::from_bits).to_f64();
            assert_eq!(<f16 as Element>::from_f64(x).to_f64(), expected, "{x:e} as f16");
            let expected = nearest(x, &b, 2f64.powi(128), bf16::from_bits).to_f64();
            assert_eq!(<bf16 as Element>::from_f64(x).to_f64(), expected, "{x:e} as bf16");
        }
    }

    #[test]
    fn singles_convert_as_another_library_does() {
        for bits in (0..=u32::MAX).step_by(65_521).chain((0..=u16::MAX as u32).map(|b| b << 16 | 0x8000)) {
            let x = f32::from_bits(bits);
            assert_eq!(f16_of(x).to_bits(), f16::from_f32(x).to_bits(), "{x:e}");
            assert_eq!(bf16_of(x).to_bits(), bf16::from_f32(x).to_bits(), "{x:e}");
        }
        for bits in 0..=u16::MAX {
            let (f, b) = (f16::from_bits(bits), bf16::from_bits(bits));
            assert!(f32_of_f16(f) == f.to_f32() || f.is_nan() && f32_of_f16(f).is_nan(), "{f:e}");
            assert_eq!(f32_of_bf16(b).to_bits() >> 16, bits as u32);
            assert!(f16_of(f32_of_f16(f)) == f || f.is_nan() && f16_of(f32_of_f16(f)).is_nan());
        }
    }

    proptest! {
        #[test]
        fn integers_are_rounded_once(x: i64, shift in 0..63u32) {
            let x = x >> shift;
            let b = all_of(bf16::from_bits);
            // An exact double stands on the same side of every tie of 8 digits.
            let exact = if x.unsigned_abs() < 1 << 53 { x } else { x & !0x7ff | 0x800 } as f64;
            prop_assert_eq!(<bf16 as Element>::from_i64(x).to_f64(), nearest(exact, &b, 2f64.powi(128), bf16::from_bits).to_f64());
        }
    }
}
