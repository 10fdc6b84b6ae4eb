//! Functions of one element.

use super::arithmetic::wrong_dtype;
use super::widen::in_wider;
use crate::dtype::{DType, Float, Number};
use crate::error::Result;
use crate::loops::map::{Map, map};
use crate::math::Math;
use crate::tensor::{Tensor, with_dtype};

macro_rules! unary {
    ($($(#[$meta:meta])* $name:ident($f:ident, $class:ident: $bound:ident, cost $cost:literal, $rule:literal): |$x:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f;
            impl<T: $bound> Map<T, T> for $f {
                const COST: usize = $cost;
                #[inline(always)]
                fn at(self, $x: T) -> T {
                    $body
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            pub fn $name(&self) -> Result<Tensor> {
                let op = stringify!($name);
                in_wider!(narrowed[self], |x| x[0].$name());
                with_dtype!(self.dtype(), T, $class => map::<T, T, _>(op, self, $f),
                    else dtype => Err(wrong_dtype(op, $rule, dtype)))
            }
        )*}
    };
}

unary! {
    /// `−x`
    neg(Neg, number: Number, cost 1, "the operand must be a number"): |x| x.neg();
    /// `|x|`; the lowest integer stays as it is.
    abs(Abs, number: Number, cost 1, "the operand must be a number"): |x| x.abs();
    /// `x²`
    square(Square, number: Number, cost 1, "the operand must be a number"): |x| x.mul(x);
    /// −1, 0 or 1; NaN stays NaN.
    sign(Sign, number: Number, cost 1, "the operand must be a number"): |x| {
        let one = if x > T::ZERO { T::ONE } else { T::ZERO.sub(T::ONE) };
        if x == T::ZERO || x.is_nan() { x } else { one }
    };
    /// `max(x, 0)`; NaN stays NaN.
    relu(Relu, number: Number, cost 1, "the operand must be a number"): |x| if x < T::ZERO { T::ZERO } else { x };
    /// `√x`; NaN below 0.
    sqrt(Sqrt, float: Float, cost 2, "the operand must be a float"): |x| Float::sqrt(x);
    /// `1/√x`; ∞ at 0, NaN below.
    rsqrt(Rsqrt, float: Float, cost 4, "the operand must be a float"): |x| T::ONE.div(Float::sqrt(x));
    /// The largest whole number not above x.
    floor(Floor, float: Float, cost 1, "the operand must be a float"): |x| Float::floor(x);
    /// The smallest whole number not below x.
    ceil(Ceil, float: Float, cost 1, "the operand must be a float"): |x| Float::ceil(x);
    /// The nearest whole number, ties to the even one.
    round(Round, float: Float, cost 1, "the operand must be a float"): |x| Float::round(x);
    /// The whole part of x.
    trunc(Trunc, float: Float, cost 1, "the operand must be a float"): |x| Float::trunc(x);
    /// `x − trunc x`: 0, or of the sign of x; NaN at ±∞.
    frac(Frac, float: Float, cost 1, "the operand must be a float"): |x| x.sub(Float::trunc(x));
    /// `x/(1 + |x|)`; ±1 at ±∞.
    softsign(Softsign, float: Float, cost 2, "the operand must be a float"): |x| {
        let y = x.div(T::ONE.add(x.abs()));
        // ∞/∞ has no value.
        if x.abs() == T::HIGHEST { if x > T::ZERO { T::ONE } else { T::ONE.neg() } } else { y }
    };
    /// `x·π/180`, degrees in radians.
    deg2rad(Deg2Rad, float: Float, cost 1, "the operand must be a float"): |x| x.mul(T::of(std::f64::consts::PI / 180.0));
    /// `x·180/π`, radians in degrees.
    rad2deg(Rad2Deg, float: Float, cost 1, "the operand must be a float"): |x| x.mul(T::of(180.0 / std::f64::consts::PI));
    /// `1/x`
    recip(Recip, float: Float, cost 2, "the operand must be a float"): |x| T::ONE.div(x);
    /// `eˣ`
    exp(Exp, float: Float, cost 4, "the operand must be a float"): |x| Math::exp(x);
    /// `eˣ − 1`
    exp_m1(ExpM1, float: Float, cost 4, "the operand must be a float"): |x| Math::exp_m1(x);
    /// `ln x`; −∞ at 0, NaN below.
    ln(Ln, float: Float, cost 4, "the operand must be a float"): |x| Math::ln(x);
    /// `ln(1 + x)`
    ln_1p(Ln1p, float: Float, cost 4, "the operand must be a float"): |x| Math::ln_1p(x);
    /// `tanh x`
    tanh(Tanh, float: Float, cost 4, "the operand must be a float"): |x| Math::tanh(x);
    /// `1/(1 + e⁻ˣ)`
    sigmoid(Sigmoid, float: Float, cost 4, "the operand must be a float"): |x| Math::sigmoid(x);
    /// The error function `2/√π ∫₀ˣ e^(−t²) dt`.
    erf(Erf, float: Float, cost 4, "the operand must be a float"): |x| Math::erf(x);
}

#[derive(Clone, Copy)]
struct Cube;
impl<T: Float> Map<T, T> for Cube {
    #[inline(always)]
    fn at(self, x: T) -> T {
        x.mul(x).mul(x)
    }
}

#[derive(Clone, Copy)]
struct PowScalar(f64);
impl<T: Float> Map<T, T> for PowScalar {
    const COST: usize = if matches!(T::DTYPE, DType::F32) { 8 } else { 16 };
    #[inline(always)]
    fn at(self, x: T) -> T {
        Math::pow(x, T::of(self.0))
    }
}

impl Tensor {
    /// `xᵖ` for one number `p`. Powers 1, 2, 3, ½ and −1 are the products, the root and the quotient that they name,
    /// which are also faster; `x⁰` is 1 for every `x`, NaN too; NaN where `x < 0` and `p` is no integer.
    ///
    /// Errors: `DTypeMismatch` unless a float.
    pub fn pow_scalar(&self, p: f64) -> Result<Tensor> {
        let op = "pow_scalar";
        in_wider!(narrowed[self], |x| x[0].pow_scalar(p));
        with_dtype!(self.dtype(), T, float => {
            if p == 1.0 {
                Ok(self.clone())
            } else if p == 2.0 {
                map::<T, T, _>(op, self, Square)
            } else if p == 3.0 {
                map::<T, T, _>(op, self, Cube)
            } else if p == 0.5 {
                map::<T, T, _>(op, self, Sqrt)
            } else if p == -1.0 {
                map::<T, T, _>(op, self, Recip)
            } else {
                map::<T, T, _>(op, self, PowScalar(p))
            }
        }, else dtype => Err(wrong_dtype(op, "the operand must be a float", dtype)))
    }
}

/// What [`Tensor::nan_to_num`] puts in the place of NaN and of infinities.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NanToNum {
    /// In the place of NaN.
    pub nan: f64,
    /// In the place of ∞; none: the largest finite number of the type.
    pub pos_inf: Option<f64>,
    /// In the place of −∞; none: the lowest finite number of the type.
    pub neg_inf: Option<f64>,
}

#[derive(Clone, Copy)]
struct Replace<T>(T, T, T);
impl<T: Float> Map<T, T> for Replace<T> {
    #[inline(always)]
    fn at(self, x: T) -> T {
        if x.is_nan() {
            self.0
        } else if x == T::HIGHEST {
            self.1
        } else if x == T::LOWEST {
            self.2
        } else {
            x
        }
    }
}

impl Tensor {
    /// NaN and infinities replaced, by default by 0 and by the largest and lowest number of the type. Integers and
    /// booleans have none and stay.
    pub fn nan_to_num(&self, to: NanToNum) -> Result<Tensor> {
        let op = "nan_to_num";
        let number = |given: Option<f64>, most: f64| given.unwrap_or(most);
        let most = match self.dtype() {
            DType::BF16 => crate::bf16::MAX.to_f64(),
            _ => crate::f16::MAX.to_f64(),
        };
        let narrow = NanToNum {
            pos_inf: Some(number(to.pos_inf, most)),
            neg_inf: Some(number(to.neg_inf, -most)),
            ..to
        };
        in_wider!(rounded[self], |x| x[0].nan_to_num(narrow));
        match self.dtype() {
            DType::F32 => {
                let (pos, neg) = (number(to.pos_inf, f32::MAX.into()), number(to.neg_inf, f32::MIN.into()));
                map::<f32, f32, _>(op, self, Replace(to.nan as f32, pos as f32, neg as f32))
            }
            DType::F64 => {
                let (pos, neg) = (number(to.pos_inf, f64::MAX), number(to.neg_inf, f64::MIN));
                map::<f64, f64, _>(op, self, Replace(to.nan, pos, neg))
            }
            _ => Ok(self.clone()),
        }
    }
}
