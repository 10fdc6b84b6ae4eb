//! Element types: [`DType`] names one at run time, [`Element`] and [`Float`] at compile time.

pub(crate) mod narrow;
mod promote;

use crate::math::Math;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of a tensor's elements.
///
/// Operands of two types are refused, never converted silently: convert one with [`Tensor::to_dtype`], or both with
/// [`Tensor::promote`]. A Rust number that meets a tensor, as in `mul_scalar`, is taken in the type that the tensor
/// is computed in.
///
/// - **BF16, F16** are computed in F32 and rounded once for each operation, to the nearest, ties to even; sums, products
///   and norms inside an operation are in F32. Linear algebra and Fourier transforms refuse them.
/// - **I32, I8** are computed in I64 and go back modulo 2³² or 2⁸, so that sums, differences and products wrap.
/// - **Integers** of all kinds: division truncates, by 0 it is an error, and the lowest divided by −1 is the lowest. Sums
///   and products over axes, and scans, give I64. A shift by a negative count, or by the width
///   and more, leaves only the sign.
/// - **Conversions** saturate: what is too large or too small becomes the highest or lowest, NaN 0. See `to_dtype`.
///
/// [`Tensor::to_dtype`]: crate::Tensor::to_dtype
/// [`Tensor::promote`]: crate::Tensor::promote
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// Two's complement, 64 bits; the type of indices and labels.
    I64,
    /// Unsigned, 8 bits; the type of image bytes.
    U8,
    /// `false` or `true`, one byte; the type of masks.
    Bool,
    /// The upper half of a binary32: its range and 8 binary digits.
    BF16,
    /// IEEE 754 binary16: 11 binary digits, up to 65504.
    F16,
    /// Two's complement, 32 bits.
    I32,
    /// Two's complement, 8 bits.
    I8,
}

impl DType {
    /// Every type.
    pub const ALL: [DType; 9] = [
        DType::F32,
        DType::F64,
        DType::BF16,
        DType::F16,
        DType::I64,
        DType::I32,
        DType::I8,
        DType::U8,
        DType::Bool,
    ];

    /// Bytes an element takes.
    pub const fn size(self) -> usize {
        match self {
            DType::F32 | DType::I32 => 4,
            DType::F64 | DType::I64 => 8,
            DType::BF16 | DType::F16 => 2,
            DType::U8 | DType::I8 | DType::Bool => 1,
        }
    }

    /// Whether the elements are floating point numbers, the only ones that have gradients.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64 | DType::BF16 | DType::F16)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::Bool => "bool",
            DType::BF16 => "bf16",
            DType::F16 => "f16",
            DType::I32 => "i32",
            DType::I8 => "i8",
        })
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl Sealed for u8 {}
    impl Sealed for bool {}
}

/// A Rust type that can be an element: `f32`, `f64`, [`half::bf16`], [`half::f16`], `i64`, `i32`, `i8`, `u8`, `bool`.
pub trait Element:
    sealed::Sealed + Copy + Default + PartialEq + PartialOrd + fmt::Debug + fmt::Display + Send + Sync + 'static
{
    /// Its name at run time.
    const DTYPE: DType;
    /// Nearest value of this type; saturating from floats to integers, NaN becomes 0, as Rust's `as`.
    fn from_f64(x: f64) -> Self;
    /// As a double; exact for all but integers beyond 2^53.
    fn to_f64(self) -> f64;
    /// Nearest value of this type; saturating to integers.
    fn from_i64(x: i64) -> Self;
    /// As an integer, saturating; NaN becomes 0.
    fn to_i64(self) -> i64;
}

/// A number that is computed in: `f32`, `f64`, `i64`, `u8`. Integers wrap, in debug builds too.
pub trait Number: Element {
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The lowest value: −∞ for floats.
    const LOWEST: Self;
    /// The highest value: +∞ for floats.
    const HIGHEST: Self;
    /// `self + y`
    fn add(self, y: Self) -> Self;
    /// `self − y`
    fn sub(self, y: Self) -> Self;
    /// `self · y`
    fn mul(self, y: Self) -> Self;
    /// `self / y`; integers truncate, and `y` must not be 0 (checked by the caller); MIN / −1 = MIN.
    fn div(self, y: Self) -> Self;
    /// `−self`
    fn neg(self) -> Self;
    /// `|self|`; the lowest integer stays as it is.
    fn abs(self) -> Self;
    /// Whether it is not a number.
    fn is_nan(self) -> bool;
    /// The larger; NaN wins.
    #[inline(always)]
    fn max(self, y: Self) -> Self {
        if self > y || self.is_nan() { self } else { y }
    }
    /// The smaller; NaN wins.
    #[inline(always)]
    fn min(self, y: Self) -> Self {
        if self < y || self.is_nan() { self } else { y }
    }
}

/// A floating point number that is computed in: `f32`, `f64`.
pub trait Float: Number + Math {
    /// Distance from 1 to the next larger value.
    const EPSILON: Self;
    /// `self · a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// √self
    fn sqrt(self) -> Self;
    /// The largest whole number not above it.
    fn floor(self) -> Self;
    /// The smallest whole number not below it.
    fn ceil(self) -> Self;
    /// The nearest whole number, ties to the even one.
    fn round(self) -> Self;
    /// The whole part.
    fn trunc(self) -> Self;
    /// Whether it is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Nearest value of this type. A name of its own, so that kernels read `T::of(0.5)`.
    #[inline(always)]
    fn of(x: f64) -> Self {
        Self::from_f64(x)
    }
}

macro_rules! element {
    ($t:ty, $dtype:ident) => {
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn from_i64(x: i64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_i64(self) -> i64 {
                self as i64
            }
        }
    };
}
element!(f32, F32);
element!(f64, F64);

impl Element for i64 {
    const DTYPE: DType = DType::I64;
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x as i64
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn from_i64(x: i64) -> Self {
        x
    }
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self
    }
}

impl Element for u8 {
    const DTYPE: DType = DType::U8;
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x as u8
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn from_i64(x: i64) -> Self {
        x.clamp(0, u8::MAX as i64) as u8
    }
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self as i64
    }
}

impl Element for bool {
    const DTYPE: DType = DType::Bool;
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x != 0.0
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self as u8 as f64
    }
    #[inline(always)]
    fn from_i64(x: i64) -> Self {
        x != 0
    }
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self as i64
    }
}

macro_rules! float {
    ($t:ident) => {
        impl Number for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LOWEST: Self = $t::NEG_INFINITY;
            const HIGHEST: Self = $t::INFINITY;
            #[inline(always)]
            fn add(self, y: Self) -> Self {
                self + y
            }
            #[inline(always)]
            fn sub(self, y: Self) -> Self {
                self - y
            }
            #[inline(always)]
            fn mul(self, y: Self) -> Self {
                self * y
            }
            #[inline(always)]
            fn div(self, y: Self) -> Self {
                self / y
            }
            #[inline(always)]
            fn neg(self) -> Self {
                -self
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }
        }
        impl Float for $t {
            const EPSILON: Self = $t::EPSILON;
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                $t::mul_add(self, a, b)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                $t::floor(self)
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                $t::ceil(self)
            }
            #[inline(always)]
            fn round(self) -> Self {
                $t::round_ties_even(self)
            }
            #[inline(always)]
            fn trunc(self) -> Self {
                $t::trunc(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $t::is_finite(self)
            }
        }
    };
}
float!(f32);
float!(f64);

macro_rules! integer {
    ($t:ident, $abs:expr) => {
        impl Number for $t {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = $t::MIN;
            const HIGHEST: Self = $t::MAX;
            #[inline(always)]
            fn add(self, y: Self) -> Self {
                self.wrapping_add(y)
            }
            #[inline(always)]
            fn sub(self, y: Self) -> Self {
                self.wrapping_sub(y)
            }
            #[inline(always)]
            fn mul(self, y: Self) -> Self {
                self.wrapping_mul(y)
            }
            #[inline(always)]
            fn div(self, y: Self) -> Self {
                self.wrapping_div(y)
            }
            #[inline(always)]
            fn neg(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $abs(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                false
            }
        }
    };
}
integer!(i64, i64::wrapping_abs);
integer!(u8, |x| x);
