//! Activation functions and their gradients, each one pass.
//!
//! At ±∞ each takes its limit.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::{Float, Number};
use crate::error::Result;
use crate::layout::broadcast_shapes;
use crate::loops::map::{Map, Zip, map, zip};
use crate::math::Math;
use crate::tensor::{Tensor, with_dtype};

/// `name[parameters](Kernel, ...)`: a method of one tensor and numbers that are no tensors.
macro_rules! activation {
    ($($(#[$meta:meta])* $name:ident[$($p:ident),*]($f:ident, cost $cost:literal): |$x:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f {
                $($p: f64),*
            }
            impl<T: Float> Map<T, T> for $f {
                const COST: usize = $cost;
                #[inline(always)]
                fn at(self, $x: T) -> T {
                    $(let $p = T::of(self.$p);)*
                    $body
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Errors: `DTypeMismatch` unless a float.
            pub fn $name(&self $(, $p: f64)*) -> Result<Tensor> {
                let op = stringify!($name);
                in_wider!(narrowed[self], |x| x[0].$name($($p),*));
                with_dtype!(self.dtype(), T, float => map::<T, T, _>(op, self, $f { $($p),* }),
                    else dtype => Err(wrong_dtype(op, "the operand must be a float", dtype)))
            }
        )*}
    };
}

/// The same for a method of a tensor and the gradient `g` of a result.
macro_rules! gradient {
    ($($(#[$meta:meta])* $name:ident[$($p:ident),*]($f:ident, $class:ident: $bound:ident, cost $cost:literal, $rule:literal): |$x:ident, $g:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f {
                $($p: f64),*
            }
            impl<T: $bound> Zip<T, T> for $f {
                const COST: usize = $cost;
                #[inline(always)]
                fn at(self, $x: T, $g: T) -> T {
                    $(let $p = T::from_f64(self.$p);)*
                    $body
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Shapes broadcast. Errors: `DTypeMismatch` unless both have one suitable dtype; `ShapeMismatch`.
            pub fn $name(&self, grad: &Tensor $(, $p: f64)*) -> Result<Tensor> {
                let op = stringify!($name);
                in_wider!(narrowed[self, grad], |x| x[0].$name(x[1] $(, $p)*));
                let dtype = same_dtype(op, self, grad)?;
                let shape = broadcast_shapes(op, self.shape(), grad.shape())?;
                with_dtype!(dtype, T, $class => zip::<T, T, _>(op, &shape, self, grad, $f { $($p),* }),
                    else dtype => Err(wrong_dtype(op, $rule, dtype)))
            }
        )*}
    };
}

/// `ln(1 + e^(−|x|))`, the part of softplus that is bounded.
#[inline(always)]
fn ln_1p_exp_neg_abs<T: Float>(x: T) -> T {
    Math::ln_1p(Math::exp(x.abs().neg()))
}

activation! {
    /// `x where x > 0, else slope·x`.
    leaky_relu[slope](LeakyRelu, cost 1): |x| if x > T::ZERO { x } else { slope.mul(x) };
    /// `x where x > 0, else alpha·(eˣ − 1)`.
    elu[alpha](Elu, cost 4): |x| if x > T::ZERO { x } else { alpha.mul(Math::exp_m1(x)) };
    /// `x·Φ(x)`, with Φ the standard normal distribution function; exact, through the error function.
    gelu[](Gelu, cost 8): |x| Math::gelu(x);
    /// `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`, the approximation of [`gelu`](Tensor::gelu) by tanh.
    gelu_tanh[](GeluTanh, cost 8): |x| Math::gelu_tanh(x);
    /// `x·σ(x)`, with σ the sigmoid.
    silu[](Silu, cost 4): |x| Math::silu(x);
    /// `ln(1 + eˣ)`, computed as `max(x, 0) + ln(1 + e^(−|x|))`, which cannot overflow.
    softplus[](Softplus, cost 8): |x| x.max(T::ZERO).add(ln_1p_exp_neg_abs(x));
    /// `ln σ(x)`, computed as `min(x, 0) − ln(1 + e^(−|x|))`, which cannot overflow.
    log_sigmoid[](LogSigmoid, cost 8): |x| x.min(T::ZERO).sub(ln_1p_exp_neg_abs(x));
}

gradient! {
    /// `g where y > 0, else 0`, of a rectifier's result `y`.
    relu_grad[](ReluGrad, number: Number, cost 1, "operands must be numbers"): |y, g| if y > T::ZERO { g } else { T::ZERO };
    /// `g where lo ≤ x ≤ hi, else 0`, of the operand `x` of clamp.
    clamp_grad[lo, hi](ClampGrad, number: Number, cost 1, "operands must be numbers"): |x, g| {
        if x >= lo && x <= hi { g } else { T::ZERO }
    };
    /// `g where y > 0, else slope·g`, of the operand `y` of leaky_relu, or of its result if `slope ≥ 0`.
    leaky_relu_grad[slope](LeakyReluGrad, float: Float, cost 1, "operands must be floats"): |y, g| {
        if y > T::ZERO { g } else { slope.mul(g) }
    };
    /// `g where y > 0, else g·(y + alpha)`, of the result `y` of elu.
    elu_grad[alpha](EluGrad, float: Float, cost 1, "operands must be floats"): |y, g| {
        if y > T::ZERO { g } else { g.mul(y.add(alpha)) }
    };
    /// `g·(1 − y²)`, of the result `y` of tanh.
    tanh_grad[](TanhGrad, float: Float, cost 1, "operands must be floats"): |y, g| g.mul(y.mul(y).neg().add(T::ONE));
    /// `g·y·(1 − y)`, of the result `y` of sigmoid.
    sigmoid_grad[](SigmoidGrad, float: Float, cost 1, "operands must be floats"): |y, g| g.mul(y.mul(T::ONE.sub(y)));
    /// `g·(Φ(x) + x·φ(x))`, of the operand `x` of gelu.
    gelu_grad[](GeluGrad, float: Float, cost 12, "operands must be floats"): |x, g| g.mul(Math::gelu_slope(x));
    /// `g·(s + x·s·(1 − s)·v')`, of the operand `x` of gelu_tanh, with `s = σ(v)` its second factor.
    gelu_tanh_grad[](GeluTanhGrad, float: Float, cost 8, "operands must be floats"): |x, g| g.mul(Math::gelu_tanh_slope(x));
    /// `g·s·(1 + x·(1 − s))`, of the operand `x` of silu, with `s = σ(x)`.
    silu_grad[](SiluGrad, float: Float, cost 4, "operands must be floats"): |x, g| g.mul(Math::silu_slope(x));
    /// `g·σ(x)`, of the operand `x` of softplus.
    softplus_grad[](SoftplusGrad, float: Float, cost 4, "operands must be floats"): |x, g| g.mul(Math::sigmoid(x));
    /// `g·σ(−x)`, of the operand `x` of log_sigmoid.
    log_sigmoid_grad[](LogSigmoidGrad, float: Float, cost 4, "operands must be floats"): |x, g| g.mul(Math::sigmoid(x.neg()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTREMES: [f64; 5] = [f64::NEG_INFINITY, -1e300, 0.0, 1e300, f64::INFINITY];

    fn at_extremes(f: impl Fn(&Tensor) -> Result<Tensor>) -> Vec<f64> {
        f(&Tensor::from_slice(&EXTREMES, [5]).unwrap()).unwrap().to_vec().unwrap()
    }

    #[test]
    fn activations_take_their_limits_at_infinity() {
        for f in [Tensor::gelu, Tensor::gelu_tanh, Tensor::silu] {
            assert_eq!(at_extremes(f), [0.0, 0.0, 0.0, 1e300, f64::INFINITY]);
        }
        let ln_2 = std::f64::consts::LN_2;
        assert_eq!(at_extremes(Tensor::softplus), [0.0, 0.0, ln_2, 1e300, f64::INFINITY]);
        assert_eq!(at_extremes(Tensor::log_sigmoid), [f64::NEG_INFINITY, -1e300, -ln_2, 0.0, 0.0]);
        assert_eq!(at_extremes(|x| x.elu(0.5)), [-0.5, -0.5, 0.0, 1e300, f64::INFINITY]);
    }

    #[test]
    fn gradients_take_their_limits_at_infinity() {
        let one = Tensor::scalar(1.0f64);
        for f in [Tensor::gelu_grad, Tensor::gelu_tanh_grad, Tensor::silu_grad, Tensor::softplus_grad] {
            assert_eq!(at_extremes(|x| f(x, &one)), [0.0, 0.0, 0.5, 1.0, 1.0]);
        }
        assert_eq!(at_extremes(|x| x.log_sigmoid_grad(&one)), [1.0, 1.0, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn nan_stays_nan() {
        let nan = Tensor::scalar(f32::NAN);
        let one = Tensor::scalar(1.0f32);
        for f in [Tensor::gelu, Tensor::gelu_tanh, Tensor::silu, Tensor::softplus, Tensor::log_sigmoid] {
            assert!(f(&nan).unwrap().item().unwrap().is_nan());
        }
        for f in [Tensor::gelu_grad, Tensor::gelu_tanh_grad, Tensor::silu_grad, Tensor::softplus_grad] {
            assert!(f(&nan, &one).unwrap().item().unwrap().is_nan());
        }
        assert!(nan.elu(1.0).unwrap().item().unwrap().is_nan());
        assert!(nan.leaky_relu(0.1).unwrap().item().unwrap().is_nan());
    }
}
