//! Elementary functions with stated error bounds, written so that loops over them vectorise.
//!
//! Placeholder bodies on `libm` stand here until the vector forms land.

/// Elementary functions of a float. Branch-free, so that the compiler can run many at a time.
pub trait Math: Copy {
    /// eˣ
    fn exp(self) -> Self;
    /// eˣ − 1, accurate near 0.
    fn exp_m1(self) -> Self;
    /// ln x; −∞ at 0, NaN below.
    fn ln(self) -> Self;
    /// ln(1 + x), accurate near 0.
    fn ln_1p(self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
    /// 1 / (1 + e⁻ˣ)
    fn sigmoid(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// xʸ
    fn pow(self, y: Self) -> Self;
    /// sin x
    fn sin(self) -> Self;
    /// cos x
    fn cos(self) -> Self;
}

macro_rules! on_libm {
    ($t:ident, $exp:ident, $expm1:ident, $log:ident, $log1p:ident, $tanh:ident, $erf:ident, $pow:ident, $sin:ident, $cos:ident) => {
        impl Math for $t {
            #[inline(always)]
            fn exp(self) -> Self {
                libm::$exp(self)
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                libm::$expm1(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                libm::$log(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                libm::$log1p(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                libm::$tanh(self)
            }
            #[inline(always)]
            fn sigmoid(self) -> Self {
                1.0 / (1.0 + libm::$exp(-self))
            }
            #[inline(always)]
            fn erf(self) -> Self {
                libm::$erf(self)
            }
            #[inline(always)]
            fn pow(self, y: Self) -> Self {
                libm::$pow(self, y)
            }
            #[inline(always)]
            fn sin(self) -> Self {
                libm::$sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                libm::$cos(self)
            }
        }
    };
}
on_libm!(f32, expf, expm1f, logf, log1pf, tanhf, erff, powf, sinf, cosf);
on_libm!(f64, exp, expm1, log, log1p, tanh, erf, pow, sin, cos);
