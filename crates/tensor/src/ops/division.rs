//! Remainders, whole quotients and whole powers. Integers refuse what has no value and wrap what does not fit.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::integer::Integer;
use super::widen::in_wider;
use crate::dtype::Number;
use crate::error::{Error, Result};
use crate::layout::broadcast_shapes;
use crate::loops::map::{Zip, zip};
use crate::math::Math;
use crate::tensor::{Tensor, with_dtype};

/// From this quotient on its whole part is not exact in `f64`.
const FAR: f64 = (1u64 << 52) as f64;

/// What is left of x after whole y's, with the sign of x, for a quotient below `FAR`. Exact: the fused product leaves a
/// number of no more digits than x and y have.
#[inline(always)]
fn fmod_near(x: f64, y: f64) -> f64 {
    let r = (-(x / y).trunc()).mul_add(y, x);
    // A quotient just below a whole number may have been rounded to it.
    let r =
        if (r != 0.0) & (r.is_sign_negative() != x.is_sign_negative()) { r + y.abs().copysign(x) } else { r };
    let r = if r == 0.0 { r.copysign(x) } else { r };
    // Nothing is taken off by an infinite y.
    if (y.abs() == f64::INFINITY) & (x.abs() < f64::INFINITY) { x } else { r }
}

/// The remainder with the sign of y, from that with the sign of x.
#[inline(always)]
fn with_sign_of<T: Number>(r: T, y: T) -> T {
    if (r != T::ZERO) & ((r < T::ZERO) != (y < T::ZERO)) { r.add(y) } else { r }
}

macro_rules! floats {
    ($($t:ident, $fmod:path;)*) => {$(
        impl Quotient for $t {
            #[inline(always)]
            fn is_far(self, y: $t) -> bool {
                // Without the quotients that are no number.
                (f64::from(self) / f64::from(y)).abs() >= FAR
            }
            #[inline(always)]
            fn fmod(self, y: $t) -> $t {
                let r = fmod_near(self.into(), y.into()) as $t;
                // NaN keeps its bits.
                let r = if y.is_nan() { y } else { r };
                if self.is_nan() { self } else { r }
            }
            #[inline(never)]
            fn fmod_far(self, y: $t) -> $t {
                $fmod(self, y)
            }
            #[inline(always)]
            fn remainder_of(y: $t, r: $t) -> $t {
                let r = with_sign_of(r, y);
                if r == 0.0 { r.copysign(y) } else { r }
            }
            #[inline(always)]
            fn floor_divide_of(self, y: $t, r: $t) -> $t {
                let near = (self - r) / y;
                let near = if (r != 0.0) & ((r < 0.0) != (y < 0.0)) { near - 1.0 } else { near };
                // Whole but for rounding.
                let whole = near.round_ties_even();
                let whole = if whole == 0.0 { whole.copysign(self / y) } else { whole };
                if y == 0.0 { self / y } else { whole }
            }
        }
    )*};
}

/// The parts of a division with a remainder.
trait Quotient: Number {
    /// Whether `fmod` is wrong.
    fn is_far(self, y: Self) -> bool;
    /// The remainder with the sign of `self`.
    fn fmod(self, y: Self) -> Self;
    /// The same where it is far.
    fn fmod_far(self, y: Self) -> Self;
    /// The remainder with the sign of `y`, from `fmod`.
    fn remainder_of(y: Self, r: Self) -> Self;
    /// The quotient rounded down, from `fmod`.
    fn floor_divide_of(self, y: Self, r: Self) -> Self;
}
floats! {
    f32, libm::fmodf;
    f64, libm::fmod;
}

impl<T: Integer> Quotient for T {
    #[inline(always)]
    fn is_far(self, _: T) -> bool {
        false
    }
    #[inline(always)]
    fn fmod(self, y: T) -> T {
        self.rem(y)
    }
    #[inline(always)]
    fn fmod_far(self, y: T) -> T {
        self.rem(y)
    }
    #[inline(always)]
    fn remainder_of(y: T, r: T) -> T {
        with_sign_of(r, y)
    }
    #[inline(always)]
    fn floor_divide_of(self, y: T, r: T) -> T {
        let down = (r != T::ZERO) & ((r < T::ZERO) != (y < T::ZERO));
        let q = self.div(y);
        if down { q.sub(T::ONE) } else { q }
    }
}

/// Refuses a divisor with a 0 in it, if it is an integer.
pub(crate) fn refuse_zero(op: &'static str, y: &Tensor) -> Result<()> {
    let zero = with_dtype!(y.dtype(), T, integer => any(y, |y: T| y == T::ZERO)?, else _dtype => false);
    if !zero {
        return Ok(());
    }
    Err(Error::InvalidArgument {
        op,
        rule: "an integer cannot be divided by 0",
        got: "a divisor with a 0 in it".into(),
        repair: "mask the zeros or convert to floats",
    })
}

fn any<T: Number>(x: &Tensor, f: impl Fn(T) -> bool) -> Result<bool> {
    Ok(x.contiguous()?.as_slice::<T>().is_some_and(|x| x.iter().any(|&x| f(x))))
}

fn is_negative<T: Number>(x: T) -> bool {
    x < T::ZERO
}

macro_rules! divisions {
    ($($(#[$meta:meta])* $name:ident($f:ident), |$x:ident, $y:ident, $r:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f;
            impl<T: Quotient> Zip<T, T> for $f {
                const COST: usize = 8;
                const HAS_FAR: bool = T::DTYPE.is_float();
                #[inline(always)]
                fn at(self, $x: T, $y: T) -> T {
                    let $r = $x.fmod($y);
                    $body
                }
                #[inline(always)]
                fn is_far(self, x: T, y: T) -> bool {
                    x.is_far(y)
                }
                #[inline(always)]
                fn far(self, $x: T, $y: T) -> T {
                    let $r = $x.fmod_far($y);
                    $body
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Shapes broadcast by NumPy's rule. Errors: as [`Tensor::div`].
            pub fn $name(&self, y: &Tensor) -> Result<Tensor> {
                let op = stringify!($name);
                in_wider!(narrowed[self, y], |x| x[0].$name(x[1]));
                let dtype = same_dtype(op, self, y)?;
                let shape = broadcast_shapes(op, self.shape(), y.shape())?;
                refuse_zero(op, y)?;
                with_dtype!(dtype, T, number => zip::<T, T, _>(op, &shape, self, y, $f),
                    else dtype => Err(wrong_dtype(op, "operands must be numbers", dtype)))
            }
        )*}
    };
}

divisions! {
    /// What is left of `x` after whole `y`s, with the sign of `x`: `x − y·trunc(x/y)`, exactly. NaN for a float `y` of 0
    /// and for infinite `x`; x for infinite `y`. The lowest integer by −1 leaves 0.
    fmod(Fmod), |_x, _y, r| r;
    /// What is left of `x` after whole `y`s, with the sign of `y`, as Python's `%`: `x − y·⌊x/y⌋`; for infinite
    /// `y` of the other sign that is `y`. Otherwise as [`Tensor::fmod`].
    remainder(Remainder), |_x, y, r| T::remainder_of(y, r);
    /// `⌊x/y⌋`, as Python's `//`, so that `x = y·⌊x/y⌋ + remainder`. A float `y` of 0 gives `x/y`; the lowest integer by
    /// −1 wraps to itself.
    floor_divide(FloorDivide), |x, y, r| x.floor_divide_of(y, r);
}

/// `xʸ`
#[derive(Clone, Copy)]
struct Pow;
macro_rules! float_power {
    ($($t:ident $cost:literal),*) => {$(
        impl Zip<$t, $t> for Pow {
            const COST: usize = $cost;
            #[inline(always)]
            fn at(self, x: $t, y: $t) -> $t {
                Math::pow(x, y)
            }
        }
    )*};
}
float_power!(f32 8, f64 16);
impl<T: Integer> Zip<T, T> for Pow {
    const COST: usize = 16;
    #[inline(always)]
    fn at(self, x: T, y: T) -> T {
        x.power(y)
    }
}

impl Tensor {
    /// `xʸ`. Floats have every special case of IEEE 754: x⁰ and 1ʸ are 1, NaN or not; NaN where `x < 0` and `y` is no
    /// whole number. Integers wrap.
    ///
    /// Shapes broadcast by NumPy's rule. Errors: `DTypeMismatch` unless both are numbers of one type; `ShapeMismatch`
    /// where the shapes do not broadcast; `InvalidArgument` for an integer raised to a negative power.
    pub fn pow(&self, y: &Tensor) -> Result<Tensor> {
        let op = "pow";
        in_wider!(narrowed[self, y], |x| x[0].pow(x[1]));
        let dtype = same_dtype(op, self, y)?;
        let shape = broadcast_shapes(op, self.shape(), y.shape())?;
        if with_dtype!(dtype, T, integer => any(y, is_negative::<T>)?, else _dtype => false) {
            return Err(Error::InvalidArgument {
                op,
                rule: "an integer cannot be raised to a negative power",
                got: "an exponent below 0".into(),
                repair: "convert to floats",
            });
        }
        with_dtype!(dtype, T, number => zip::<T, T, _>(op, &shape, self, y, Pow),
            else dtype => Err(wrong_dtype(op, "operands must be numbers", dtype)))
    }
}
