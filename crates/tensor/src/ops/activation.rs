//! Activation functions and their gradients, each one pass.

use super::arithmetic::{same_dtype, wrong_dtype};
use crate::dtype::{Float, Number};
use crate::error::Result;
use crate::layout::broadcast_shapes;
use crate::loops::map::{Zip, zip};
use crate::tensor::{Tensor, with_dtype};

macro_rules! gradient {
    ($($(#[$meta:meta])* $name:ident($f:ident, $class:ident: $bound:ident, cost $cost:literal, $rule:literal): |$x:ident, $g:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f;
            impl<T: $bound> Zip<T, T> for $f {
                const COST: usize = $cost;
                #[inline(always)]
                fn at(self, $x: T, $g: T) -> T {
                    $body
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            pub fn $name(&self, grad: &Tensor) -> Result<Tensor> {
                let op = stringify!($name);
                let dtype = same_dtype(op, self, grad)?;
                let shape = broadcast_shapes(op, self.shape(), grad.shape())?;
                with_dtype!(dtype, T, $class => zip::<T, T, _>(op, &shape, self, grad, $f),
                    else dtype => Err(wrong_dtype(op, $rule, dtype)))
            }
        )*}
    };
}

gradient! {
    /// `g where y > 0, else 0`, of a rectifier's result `y`.
    relu_grad(ReluGrad, number: Number, cost 1, "operands must be numbers"): |y, g| if y > T::ZERO { g } else { T::ZERO };
    /// `g·(1 − y²)`, of the result `y` of tanh.
    tanh_grad(TanhGrad, float: Float, cost 1, "operands must be floats"): |y, g| g.mul(y.mul(y).neg().add(T::ONE));
}
