//! What only integers have: bits, shifts, common divisors and multiples. Nothing here can fail or panic: what does not
//! fit the type wraps, in every build.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::{DType, Number};
use crate::error::Result;
use crate::layout::broadcast_shapes;
use crate::loops::map::{Map, Zip, map, zip};
use crate::tensor::{Tensor, with_dtype};

/// What the functions of integers need of one.
pub(crate) trait Integer: Number {
    /// `self % y` with the sign of `self`; the lowest integer by −1 is 0. `y` must not be 0.
    fn rem(self, y: Self) -> Self;
    /// `selfⁿ` for `n ≥ 0`, wrapping.
    fn power(self, n: Self) -> Self;
    /// `self · 2ⁿ`, 0 where n is not below the width.
    fn shl(self, n: Self) -> Self;
    /// `self / 2ⁿ`, rounded down; 0 or −1 where n is not below the width.
    fn shr(self, n: Self) -> Self;
    /// The greatest common divisor.
    fn gcd(self, y: Self) -> Self;
    /// The least common multiple.
    fn lcm(self, y: Self) -> Self;
}

macro_rules! integer {
    ($($t:ident, |$x:ident| $magnitude:expr;)*) => {$(
        impl Integer for $t {
            #[inline(always)]
            fn rem(self, y: $t) -> $t {
                self.wrapping_rem(y)
            }
            #[inline]
            fn power(self, n: $t) -> $t {
                let (mut base, mut n, mut out): ($t, $t, $t) = (self, n, 1);
                while n > 0 {
                    if n & 1 == 1 {
                        out = out.wrapping_mul(base);
                    }
                    base = base.wrapping_mul(base);
                    n >>= 1;
                }
                out
            }
            #[inline(always)]
            fn shl(self, n: $t) -> $t {
                // A negative count is beyond the width as an unsigned number.
                if (n as u64) < u64::from($t::BITS) { self.wrapping_shl(n as u32) } else { 0 }
            }
            #[inline(always)]
            fn shr(self, n: $t) -> $t {
                let gone = if self < Self::ZERO { !0 } else { 0 };
                if (n as u64) < u64::from($t::BITS) { self.wrapping_shr(n as u32) } else { gone }
            }
            #[inline]
            fn gcd(self, y: $t) -> $t {
                let magnitude = |$x: $t| $magnitude;
                let (mut a, mut b) = (magnitude(self), magnitude(y));
                while b != 0 {
                    (a, b) = (b, a % b);
                }
                a as $t
            }
            #[inline]
            fn lcm(self, y: $t) -> $t {
                let magnitude = |$x: $t| $magnitude;
                let divisor = magnitude(self.gcd(y));
                if divisor == 0 { 0 } else { (magnitude(self) / divisor).wrapping_mul(magnitude(y)) as $t }
            }
        }
    )*};
}
integer! {
    i64, |x| x.unsigned_abs();
    u8, |x| x;
}

macro_rules! integer_op {
    ($($(#[$meta:meta])* $name:ident($f:ident) $method:ident;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f;
            impl<T: Integer> Zip<T, T> for $f {
                #[inline(always)]
                fn at(self, x: T, y: T) -> T {
                    x.$method(y)
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Shapes broadcast by NumPy's rule. Errors: `DTypeMismatch` unless both are integers of one type;
            /// `ShapeMismatch` where the shapes do not broadcast.
            pub fn $name(&self, y: &Tensor) -> Result<Tensor> {
                let op = stringify!($name);
                in_wider!(narrowed[self, y], |x| x[0].$name(x[1]));
                let dtype = same_dtype(op, self, y)?;
                let shape = broadcast_shapes(op, self.shape(), y.shape())?;
                with_dtype!(dtype, T, integer => zip::<T, T, _>(op, &shape, self, y, $f),
                    else dtype => Err(wrong_dtype(op, "operands must be integers", dtype)))
            }
        )*}
    };
}

integer_op! {
    /// `x·2ʸ`: the bits moved up by `y`, and zeros. 0 where `y` is negative or not below the width of the type.
    bitwise_left_shift(ShiftLeft) shl;
    /// `⌊x/2ʸ⌋`: the bits moved down by `y`, and copies of the sign. Where `y` is negative or not below the width of the
    /// type, nothing but the sign is left: 0, or −1 for x below 0.
    bitwise_right_shift(ShiftRight) shr;
    /// The greatest common divisor, 0 or more; of 0 and 0 it is 0. That of the lowest with itself or 0 does
    /// not fit, and wraps to the lowest.
    gcd(Gcd) gcd;
    /// The least common multiple, 0 or more; 0 where either is 0. It wraps where it does not fit.
    lcm(Lcm) lcm;
}

macro_rules! bit_op {
    ($($(#[$meta:meta])* $name:ident($f:ident) $op:tt;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f;
            impl<T: Copy + std::ops::BitAnd<Output = T> + std::ops::BitOr<Output = T> + std::ops::BitXor<Output = T>>
                Zip<T, T> for $f
            {
                #[inline(always)]
                fn at(self, x: T, y: T) -> T {
                    x $op y
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Shapes broadcast by NumPy's rule. Errors: `DTypeMismatch` unless both are integers of one type, or
            /// booleans; `ShapeMismatch` where the shapes do not broadcast.
            pub fn $name(&self, y: &Tensor) -> Result<Tensor> {
                let op = stringify!($name);
                in_wider!(narrowed[self, y], |x| x[0].$name(x[1]));
                let dtype = same_dtype(op, self, y)?;
                let shape = broadcast_shapes(op, self.shape(), y.shape())?;
                if dtype == DType::Bool {
                    return zip::<bool, bool, _>(op, &shape, self, y, $f);
                }
                with_dtype!(dtype, T, integer => zip::<T, T, _>(op, &shape, self, y, $f),
                    else dtype => Err(wrong_dtype(op, "operands must be integers or booleans", dtype)))
            }
        )*}
    };
}

bit_op! {
    /// The bits that are set in both.
    bitwise_and(BitAnd) &;
    /// The bits that are set in either.
    bitwise_or(BitOr) |;
    /// The bits that are set in one of the two.
    bitwise_xor(BitXor) ^;
}

#[derive(Clone, Copy)]
struct BitNot;
impl<T: std::ops::Not<Output = T>> Map<T, T> for BitNot {
    #[inline(always)]
    fn at(self, x: T) -> T {
        !x
    }
}

impl Tensor {
    /// The bits that are not set; of booleans, the other one.
    ///
    /// Errors: `DTypeMismatch` unless integers or booleans.
    pub fn bitwise_not(&self) -> Result<Tensor> {
        let op = "bitwise_not";
        in_wider!(narrowed[self], |x| x[0].bitwise_not());
        if self.dtype() == DType::Bool {
            return map::<bool, bool, _>(op, self, BitNot);
        }
        with_dtype!(self.dtype(), T, integer => map::<T, T, _>(op, self, BitNot),
            else dtype => Err(wrong_dtype(op, "the operand must be integers or booleans", dtype)))
    }
}
