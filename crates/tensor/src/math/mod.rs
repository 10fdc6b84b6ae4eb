//! Elementary functions with stated error bounds, written so that loops over them vectorise.
//!
//! They are straight lines of additions, products, fused products and selections: no branch, no table, no call. A
//! slice loop inside `simd_fn!` therefore runs 8 or 16 `f32` at a time, and since products are fused only where the
//! source says so, every SIMD level and every position in a slice gives the same bits. (At the baseline level of x86-64,
//! which has no fused product, each one is a library call: right, and slow.)
//!
//! One thing is left to the scalar functions of the `libm` crate, which are the same at every level: `sin`, `cos` and
//! `tan` of numbers beyond 2⁴⁴ (`f32`) or 2⁴⁰ (`f64`), which take hundreds of bits of π. Loops look for them when they are
//! done with a slice.
//!
//! # Errors
//!
//! The bound is what the tests assert. Found is the largest error, in units in the last place of the true value, over
//! all 2³² inputs for `f32` (`IRONLOOM_MATH_STRIDE=1 cargo test --release -p tensor --test math_accuracy` repeats
//! that) and over 140,000 random ones for `f64`, the harder ranges tried more closely. Every increasing function of the first table keeps
//! the order of all neighbouring `f32`.
//!
//! | function | `f32`: found | bound | `f64`: found | bound | method |
//! |---|---|---|---|---|---|
//! | `exp` | 0.84 | 1 | 0.84 | 1 | eˣ = 2ⁿ eʳ with abs r ≤ ½ ln 2; polynomial of degree 7 or 12 |
//! | `exp_m1` | 0.89 | 1 | 1.08 | 1.5 | 2ⁿ (eʳ − 1) + (2ⁿ − 1), summed in two parts |
//! | `ln` | 0.90 | 1 | 0.86 | 1 | k ln 2 + ln m, √½ ≤ m < √2; polynomial in m − 1 (`f32`), in atanh's argument (`f64`) |
//! | `ln_1p` | 0.93 | 1 | 0.88 | 1 | ln of 1 + x and of what rounding took from it |
//! | `tanh` | 0.76 | 1 | 0.79 | 1 | from e^(−2 abs x) − 1, in two parts |
//! | `sigmoid` | 0.77 | 1 | 0.76 | 1 | from e^(−abs x), in two parts |
//! | `erf` | 1.00 | 1 | 1.07 | 1.5 | x + x P(x²), and from 1 on 1 − e^(Q(x) − x²) (`f32`), 1 − 2Φ(−√2 x) (`f64`) |
//! | `norm_cdf` | 1.43 | 1.5 | 1.46 | 2 | ½ + x P(x²), and e^(−x²/2) times a polynomial over abs x + c from 1 on |
//! | `norm_pdf` | 0.79 | 1 | 0.75 | 1 | e^(−x²/2) with all digits of x² |
//! | `sin`, `cos` | 0.51 | 1 | 0.77 | 1 | sin of x − nπ in `f64` (`f32`); sin or cos of x − nπ/2 in two parts (`f64`) |
//! | `tan` | 0.80 | 1 | 0.95 | 1.5 | their quotient, in two parts (`f64`) |
//! | `pow` | 0.51 | 1 | 0.83 | 1 | 2^(y log₂ x) in `f64` (`f32`); e^(y ln x), the logarithm in two parts (`f64`) |
//!
//! Of `sin`, `cos`, `tan` and `pow` every 2003rd `f32` and 300,000 random pairs were tried. The operations on `f32` that
//! have no function here (`exp2`, `log2`, `log10`, the inverse and hyperbolic functions, `erfc`, `erfinv`, `logit`, `sinc`)
//! are computed in `f64` too, within 0.51 units; `erfinv`, `logit` and `sinc` of `f64` within 3.
//!
//! The activations, which multiply by a distribution function, are allowed more in `f32`, for under half the time. Their
//! errors were found over every 101st `f32`; those of slopes are in units in the last place of the larger of the two
//! terms, which cancel where the slope is 0. In `f64` they are composed of the functions above, with no bound tested.
//!
//! | function | `f32`: found | bound | method |
//! |---|---|---|---|
//! | `silu` | 2.31 | 2.5 | x / (1 + e⁻ˣ) |
//! | `silu_slope` | 3.73 | 4 | s (1 + x (1 − s)) with s = 1 / (1 + e⁻ˣ), 1 − s = e⁻ˣ s |
//! | `gelu` | 5.49 | 6 | x Φ(−abs x), Φ(−z) = e^(−z²/2) times a ratio of polynomials; from x > 0 taken off x |
//! | `gelu_slope` | 3.22 | 4 | the same with Φ(−z) − z φ(z) |
//! | `gelu_tanh` | 1.98 | 2.5 | as `silu`, the cubic in two parts |
//! | `gelu_tanh_slope` | 4.60 | 5 | as `silu_slope` |
//!
//! Results below 2⁻¹²⁷ of `gelu` and below 2⁻¹²⁴ of `gelu_slope` may be 0 in `f32`; the others underflow gradually.
//!
//! Results are relative to the true value also in the tails: `norm_cdf(-13.0)` is a subnormal `f32`, right to its last
//! bit. Overflow goes to ∞, underflow through the subnormals to 0, ±0 keeps its sign where the function is 0
//! there, and NaN comes back with its bits.
//!
//! The polynomials are computed by `coefficients.py`, which writes `coefficients.rs`.

mod activation;
mod coefficients;
mod erf;
mod exp;
pub(crate) mod gamma;
pub(crate) mod inverse;
mod ln;
mod pow;
mod real;
mod tanh;
#[cfg(test)]
mod tests;
pub(crate) mod trig;
pub(crate) mod wide;

use activation::Activation;
use trig::Trig;

/// Elementary functions of a float; the error bounds stand in the module's table.
///
/// `f32` and `f64` have inherent functions of the same names, which are the standard library's, of no stated precision,
/// and win over these: call `Math::exp(x)`, not `x.exp()`, where the type is not generic.
pub trait Math: trig::Trig {
    /// eˣ
    fn exp(self) -> Self;
    /// eˣ − 1, accurate near 0.
    fn exp_m1(self) -> Self;
    /// ln x; −∞ at ±0, NaN below.
    fn ln(self) -> Self;
    /// ln(1 + x), accurate near 0; −∞ at −1, NaN below.
    fn ln_1p(self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
    /// The logistic function σ(x) = 1 / (1 + e⁻ˣ), accurate also where it is small.
    fn sigmoid(self) -> Self;
    /// x σ(x)
    fn silu(self) -> Self;
    /// The derivative of `silu`, σ(x) + x σ'(x).
    fn silu_slope(self) -> Self;
    /// The error function, 2/√π ∫₀ˣ e^(−t²) dt.
    fn erf(self) -> Self;
    /// Φ(x) = ½ (1 + erf(x/√2)), the cumulative distribution function of the standard normal distribution, accurate
    /// also where it is small.
    fn norm_cdf(self) -> Self;
    /// φ(x) = e^(−x²/2) / √(2π), the density of the standard normal distribution.
    fn norm_pdf(self) -> Self;
    /// x Φ(x)
    fn gelu(self) -> Self;
    /// The derivative of `gelu`, Φ(x) + x φ(x).
    fn gelu_slope(self) -> Self;
    /// x σ(v) with v = 2 √(2/π) (x + 0.044715 x³), the approximation of `gelu` by tanh: σ(v) = (1 + tanh(v/2)) / 2.
    fn gelu_tanh(self) -> Self;
    /// The derivative of `gelu_tanh`, σ(v) + x σ'(v) v'.
    fn gelu_tanh_slope(self) -> Self;
    /// xʸ
    fn pow(self, y: Self) -> Self;
    /// sin x
    fn sin(self) -> Self;
    /// cos x
    fn cos(self) -> Self;
    /// tan x
    fn tan(self) -> Self;
}

macro_rules! math {
    ($t:ty, $pow:path) => {
        math!(@ $t, $pow, exp = exp::exp, exp_m1 = exp::exp_m1, ln = ln::ln, ln_1p = ln::ln_1p, tanh = tanh::tanh,
            sigmoid = exp::sigmoid, silu = Activation::silu, silu_slope = Activation::silu_slope,
            gelu = Activation::gelu, gelu_slope = Activation::gelu_slope,
            gelu_tanh = Activation::gelu_tanh, gelu_tanh_slope = Activation::gelu_tanh_slope, erf = erf::erf, norm_cdf = erf::norm_cdf, norm_pdf = erf::norm_pdf);
    };
    (@ $t:ty, $pow:path, $($unary:ident = $body:path),*) => {
        impl Math for $t {
            $(#[inline(always)]
            fn $unary(self) -> $t {
                $body(self)
            })*
            #[inline(always)]
            fn pow(self, y: $t) -> $t {
                $pow(self, y)
            }
            #[inline(always)]
            fn sin(self) -> $t {
                if self.is_far() { self.sin_far() } else { self.sin_near() }
            }
            #[inline(always)]
            fn cos(self) -> $t {
                if self.is_far() { self.cos_far() } else { self.cos_near() }
            }
            #[inline(always)]
            fn tan(self) -> $t {
                if self.is_far() { self.tan_far() } else { self.tan_near() }
            }
        }
    };
}
math!(f32, wide::pow);
math!(f64, pow::pow);
