//! Functions of one element that fewer networks run. Straight lines are inlined into a loop of their own; `libm`'s are
//! called for one element at a time through one loop a dtype, so that a function costs a program no more code than
//! itself.

use super::arithmetic::wrong_dtype;
use super::widen::in_wider;
use crate::dtype::{DType, Float};
use crate::error::{Error, Result};
use crate::loops::map::{Map, map};
use crate::math::trig::Trig;
use crate::math::{gamma, inverse, wide};
use crate::tensor::Tensor;

/// A function that is called for each element.
#[derive(Clone, Copy)]
struct Each<T>(fn(T) -> T);
impl<T: Copy + 'static> Map<T, T> for Each<T> {
    const COST: usize = 16;
    #[inline(always)]
    fn at(self, x: T) -> T {
        (self.0)(x)
    }
}

/// A function that is a straight line, as a type whose `at` is it: called through `Fn` a long one would not be inlined, and
/// then not compiled for the level of its loop.
macro_rules! line {
    ($t:ident: $f:path) => {{
        #[derive(Clone, Copy)]
        struct Line;
        impl Map<$t, $t> for Line {
            const COST: usize = 8;
            #[inline(always)]
            fn at(self, x: $t) -> $t {
                $f(x)
            }
        }
        Line
    }};
}

fn each(
    op: &'static str,
    x: &Tensor,
    single: impl Map<f32, f32>,
    double: impl Map<f64, f64>,
) -> Result<Tensor> {
    in_wider!(narrowed[x], |x| each(op, x[0], single, double));
    match x.dtype() {
        DType::F32 => map(op, x, single),
        DType::F64 => map(op, x, double),
        dtype => Err(wrong_dtype(op, "the operand must be a float", dtype)),
    }
}

macro_rules! functions {
    ($($(#[$meta:meta])* $name:ident: $single:expr, $double:expr;)*) => {
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Errors: `DTypeMismatch` unless a float.
            pub fn $name(&self) -> Result<Tensor> {
                each(stringify!($name), self, $single, $double)
            }
        )*}
    };
}

functions! {
    /// `2ˣ`
    exp2: line!(f32: wide::exp2), Each(libm::exp2);
    /// `log₂ x`; −∞ at 0, NaN below.
    log2: line!(f32: wide::log2), Each(libm::log2);
    /// `log₁₀ x`; −∞ at 0, NaN below.
    log10: line!(f32: wide::log10), Each(libm::log10);
    /// `∛x`, of negative numbers too.
    cbrt: Each(libm::cbrtf), Each(libm::cbrt);
    /// The angle in `[−π/2, π/2]` whose sine is x; NaN outside `[−1, 1]`.
    asin: line!(f32: wide::asin), Each(libm::asin);
    /// The angle in `[0, π]` whose cosine is x; NaN outside `[−1, 1]`.
    acos: line!(f32: wide::acos), Each(libm::acos);
    /// The angle in `(−π/2, π/2)` whose tangent is x.
    atan: line!(f32: wide::atan), Each(libm::atan);
    /// `sinh x = (eˣ − e⁻ˣ)/2`
    sinh: line!(f32: wide::sinh), Each(libm::sinh);
    /// `cosh x = (eˣ + e⁻ˣ)/2`
    cosh: line!(f32: wide::cosh), Each(libm::cosh);
    /// The number whose hyperbolic sine is x.
    asinh: line!(f32: wide::asinh), Each(libm::asinh);
    /// The number of 0 or more whose hyperbolic cosine is x; NaN below 1.
    acosh: line!(f32: wide::acosh), Each(libm::acosh);
    /// The number whose hyperbolic tangent is x; ±∞ at ±1, NaN beyond.
    atanh: line!(f32: wide::atanh), Each(libm::atanh);
    /// `1 − erf x`, accurate also where it is small.
    erfc: line!(f32: wide::erfc), Each(libm::erfc);
    /// The number whose error function is x; ±∞ at ±1, NaN beyond.
    erfinv: line!(f32: inverse::erfinv_f32), line!(f64: inverse::erfinv);
    /// `ln(x/(1 − x))`, the inverse of [`Tensor::sigmoid`]; ∓∞ at 0 and 1, NaN outside.
    logit: line!(f32: inverse::logit_f32), line!(f64: inverse::logit);
    /// `sin(πx)/(πx)`, 1 at 0 and exactly 0 at other whole numbers; NaN at ±∞.
    sinc: line!(f32: inverse::sinc_f32), line!(f64: inverse::sinc);
    /// `ln |Γ(x)|`; ∞ at 0 and at negative whole numbers.
    lgamma: Each(libm::lgammaf), Each(libm::lgamma);
    /// `ψ(x) = d ln Γ(x)/dx`; ∓∞ at ±0, NaN at negative whole numbers.
    digamma: Each(|x: f32| gamma::digamma(x.into()) as f32), Each(gamma::digamma);
}

macro_rules! trigonometric {
    ($($(#[$meta:meta])* $name:ident($f:ident, $near:ident, $far:ident);)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f;
            impl<T: Float> Map<T, T> for $f {
                const COST: usize = 4;
                const HAS_FAR: bool = true;
                #[inline(always)]
                fn at(self, x: T) -> T {
                    x.$near()
                }
                #[inline(always)]
                fn is_far(self, x: T) -> bool {
                    Trig::is_far(x)
                }
                #[inline(always)]
                fn far(self, x: T) -> T {
                    x.$far()
                }
            }
        )*
        functions! {$( $(#[$meta])* $name: $f, $f; )*}
    };
}

trigonometric! {
    /// `sin x`, x in radians; NaN at ±∞.
    sin(Sin, sin_near, sin_far);
    /// `cos x`, x in radians; NaN at ±∞.
    cos(Cos, cos_near, cos_far);
    /// `tan x`, x in radians; NaN at ±∞.
    tan(Tan, tan_near, tan_far);
}

/// The highest order of polygamma: its series needs (n + 1)! as a double.
const MAX_ORDER: u32 = 169;

/// The same derivative of digamma at every element.
#[derive(Clone, Copy)]
struct Polygamma(u32);
impl Map<f64, f64> for Polygamma {
    const COST: usize = 64;
    #[inline(always)]
    fn at(self, x: f64) -> f64 {
        gamma::polygamma(self.0, x)
    }
}
impl Map<f32, f32> for Polygamma {
    const COST: usize = 64;
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        gamma::polygamma(self.0, x.into()) as f32
    }
}

impl Tensor {
    /// `ψ⁽ⁿ⁾(x)`, the n-th derivative of [`Tensor::digamma`]. Below 0 NaN for n > 1, as in SciPy.
    ///
    /// Errors: `DTypeMismatch` unless a float; `InvalidArgument` for n > 169, where (n + 1)! exceeds a double.
    pub fn polygamma(&self, n: u32) -> Result<Tensor> {
        if n > MAX_ORDER {
            return Err(Error::InvalidArgument {
                op: "polygamma",
                rule: "the order must not exceed 169, whose factor still fits a double",
                got: n.to_string(),
                repair: "use a lower order",
            });
        }
        in_wider!(narrowed[self], |x| x[0].polygamma(n));
        match self.dtype() {
            DType::F32 => map::<f32, f32, _>("polygamma", self, Polygamma(n)),
            DType::F64 => map::<f64, f64, _>("polygamma", self, Polygamma(n)),
            dtype => Err(wrong_dtype("polygamma", "the operand must be a float", dtype)),
        }
    }
}
