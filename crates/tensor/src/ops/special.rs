//! Functions that no hot loop of a network runs: `libm`'s, called for one element at a time through one loop a dtype,
//! so that a function costs a program no more code than itself.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::broadcast_shapes;
use crate::loops::map::{Map, Zip, map, zip};
use crate::math::gamma;
use crate::tensor::Tensor;

#[derive(Clone, Copy)]
struct Each<T>(fn(T) -> T);
impl<T: Copy + 'static> Map<T, T> for Each<T> {
    const COST: usize = 16;
    #[inline(always)]
    fn at(self, x: T) -> T {
        (self.0)(x)
    }
}

#[derive(Clone, Copy)]
struct EachPair<T>(fn(T, T) -> T);
impl<T: Copy + 'static> Zip<T, T> for EachPair<T> {
    const COST: usize = 16;
    #[inline(always)]
    fn at(self, x: T, y: T) -> T {
        (self.0)(x, y)
    }
}

fn each(op: &'static str, x: &Tensor, single: fn(f32) -> f32, double: fn(f64) -> f64) -> Result<Tensor> {
    in_wider!(narrowed[x], |x| each(op, x[0], single, double));
    match x.dtype() {
        DType::F32 => map(op, x, Each(single)),
        DType::F64 => map(op, x, Each(double)),
        dtype => Err(wrong_dtype(op, "the operand must be a float", dtype)),
    }
}

fn each_pair(
    op: &'static str,
    x: &Tensor,
    y: &Tensor,
    single: fn(f32, f32) -> f32,
    double: fn(f64, f64) -> f64,
) -> Result<Tensor> {
    in_wider!(narrowed[x, y], |x| each_pair(op, x[0], x[1], single, double));
    let dtype = same_dtype(op, x, y)?;
    let shape = broadcast_shapes(op, x.shape(), y.shape())?;
    match dtype {
        DType::F32 => zip(op, &shape, x, y, EachPair(single)),
        DType::F64 => zip(op, &shape, x, y, EachPair(double)),
        dtype => Err(wrong_dtype(op, "operands must be floats", dtype)),
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
    exp2: libm::exp2f, libm::exp2;
    /// `log₂ x`; −∞ at 0, NaN below.
    log2: libm::log2f, libm::log2;
    /// `log₁₀ x`; −∞ at 0, NaN below.
    log10: libm::log10f, libm::log10;
    /// `tan x`, x in radians; NaN at ±∞.
    tan: libm::tanf, libm::tan;
    /// The angle in `[−π/2, π/2]` whose sine is x; NaN outside `[−1, 1]`.
    asin: libm::asinf, libm::asin;
    /// The angle in `[0, π]` whose cosine is x; NaN outside `[−1, 1]`.
    acos: libm::acosf, libm::acos;
    /// The angle in `(−π/2, π/2)` whose tangent is x.
    atan: libm::atanf, libm::atan;
    /// `sinh x = (eˣ − e⁻ˣ)/2`
    sinh: libm::sinhf, libm::sinh;
    /// `cosh x = (eˣ + e⁻ˣ)/2`
    cosh: libm::coshf, libm::cosh;
    /// The number whose hyperbolic sine is x.
    asinh: libm::asinhf, libm::asinh;
    /// The number of 0 or more whose hyperbolic cosine is x; NaN below 1.
    acosh: libm::acoshf, libm::acosh;
    /// The number whose hyperbolic tangent is x; ±∞ at ±1, NaN beyond.
    atanh: libm::atanhf, libm::atanh;
    /// `1 − erf x`, accurate also where it is small.
    erfc: libm::erfcf, libm::erfc;
    /// `ln |Γ(x)|`; ∞ at 0 and at negative whole numbers.
    lgamma: libm::lgammaf, libm::lgamma;
    /// `ψ(x) = d ln Γ(x)/dx`; ∓∞ at ±0, NaN at negative whole numbers.
    digamma: |x| gamma::digamma(x.into()) as f32, gamma::digamma;
}

macro_rules! pair_functions {
    ($($(#[$meta:meta])* $name:ident: $single:expr, $double:expr;)*) => {
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Shapes broadcast by NumPy's rule. Errors: `DTypeMismatch` unless both are floats of one type;
            /// `ShapeMismatch` where the shapes do not broadcast.
            pub fn $name(&self, y: &Tensor) -> Result<Tensor> {
                each_pair(stringify!($name), self, y, $single, $double)
            }
        )*}
    };
}

pair_functions! {
    /// The angle of the point whose ordinate is this and whose abscissa is `y`, in `[−π, π]`.
    atan2: libm::atan2f, libm::atan2;
    /// `√(x² + y²)`, free of overflow on the way; ∞ where either is infinite.
    hypot: libm::hypotf, libm::hypot;
    /// `|x|` with the sign of `y`.
    copysign: libm::copysignf, libm::copysign;
    /// `ln(eˣ + eʸ)`, free of overflow.
    logaddexp: |x, y| log_add_exp(x.into(), y.into()) as f32, log_add_exp;
    /// `x·ln y`, and 0 where x is 0 and y is not NaN.
    xlogy: |x, y| x_log_y(x.into(), y.into()) as f32, x_log_y;
}

fn log_add_exp(x: f64, y: f64) -> f64 {
    let (low, high) = if x < y { (x, y) } else { (y, x) };
    // Equal infinities have no difference.
    if low == high { high + std::f64::consts::LN_2 } else { high + libm::log1p(libm::exp(low - high)) }
}

fn x_log_y(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * libm::log(y) }
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
