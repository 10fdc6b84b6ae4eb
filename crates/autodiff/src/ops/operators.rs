//! `+ − × ÷` on values, and with numbers.
//!
//! Each panics with the text of the named function's error; use the named functions where that must not happen.
//!
//! ```
//! use autodiff::Var;
//! use tensor::Tensor;
//!
//! let x = Var::variable(Tensor::from_vec(vec![1.0, 2.0], [2])?);
//! let y = (1.0 - &x) * &x / 2.0;
//! assert_eq!(y.value().to_vec::<f64>()?, [0.0, -1.0]);
//! # Ok::<(), autodiff::Error>(())
//! ```

use crate::error::Result;
use crate::var::Var;
use std::ops;
use tensor::Tensor;

#[track_caller]
fn or_panic(result: Result<Var>) -> Var {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

impl Var {
    /// `α` as a constant of rank 0 and of this value's dtype.
    fn number(&self, alpha: f64) -> Result<Var> {
        Ok(Var::constant(Tensor::full([], alpha, self.dtype())?))
    }
}

/// One operator for each pairing of values and references: `|x, y|` for two values, `|x, a|` and `|a, x|` with a number.
macro_rules! operator {
    ($($trait:ident $method:ident, |$x:ident, $a:ident| $right:expr, $left:expr;)*) => {$(
        operator!(@pair $trait $method, Var, Var);
        operator!(@pair $trait $method, Var, &Var);
        operator!(@pair $trait $method, &Var, Var);
        operator!(@pair $trait $method, &Var, &Var);
        operator!(@number $trait $method, Var, |$x, $a| $right, $left);
        operator!(@number $trait $method, &Var, |$x, $a| $right, $left);
    )*};
    (@pair $trait:ident $method:ident, $lhs:ty, $rhs:ty) => {
        impl ops::$trait<$rhs> for $lhs {
            type Output = Var;
            #[track_caller]
            fn $method(self, y: $rhs) -> Var {
                or_panic(Var::$method(self.as_ref(), y.as_ref()))
            }
        }
    };
    (@number $trait:ident $method:ident, $var:ty, |$x:ident, $a:ident| $right:expr, $left:expr) => {
        impl ops::$trait<f64> for $var {
            type Output = Var;
            #[track_caller]
            fn $method(self, $a: f64) -> Var {
                let $x: &Var = self.as_ref();
                or_panic($right)
            }
        }
        impl ops::$trait<$var> for f64 {
            type Output = Var;
            #[track_caller]
            fn $method(self, x: $var) -> Var {
                let ($a, $x): (f64, &Var) = (self, x.as_ref());
                or_panic($left)
            }
        }
    };
}

operator! {
    Add add, |x, a| x.add_scalar(a), x.add_scalar(a);
    Sub sub, |x, a| x.add_scalar(-a), x.number(a).and_then(|a| Var::sub(&a, x));
    Mul mul, |x, a| x.mul_scalar(a), x.mul_scalar(a);
    Div div, |x, a| x.number(a).and_then(|a| Var::div(x, &a)), x.number(a).and_then(|a| Var::div(&a, x));
}

impl ops::Neg for &Var {
    type Output = Var;
    #[track_caller]
    fn neg(self) -> Var {
        or_panic(Var::neg(self))
    }
}

impl ops::Neg for Var {
    type Output = Var;
    #[track_caller]
    fn neg(self) -> Var {
        or_panic(Var::neg(&self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x() -> Var {
        Var::variable(Tensor::from_vec(vec![1.0, 2.0, -4.0], [3]).expect("3 elements"))
    }

    fn values(x: Var) -> Vec<f64> {
        x.value().to_vec().expect("f64")
    }

    #[test]
    fn operators_are_the_named_functions() {
        let (x, y) = (x(), Var::from(Tensor::scalar(2.0)));
        assert_eq!(values(&x + &y), [3.0, 4.0, -2.0]);
        assert_eq!(values(x.clone() - &y), [-1.0, 0.0, -6.0]);
        assert_eq!(values(&x * y.clone()), [2.0, 4.0, -8.0]);
        assert_eq!(values(x.clone() / y), [0.5, 1.0, -2.0]);
        assert_eq!(values(-&x), [-1.0, -2.0, 4.0]);
        assert_eq!(values(-x), [-1.0, -2.0, 4.0]);
    }

    #[test]
    fn numbers_stand_on_either_side() {
        let x = x();
        assert_eq!(values(&x + 1.0), [2.0, 3.0, -3.0]);
        assert_eq!(values(1.0 + &x), [2.0, 3.0, -3.0]);
        assert_eq!(values(&x - 1.0), [0.0, 1.0, -5.0]);
        assert_eq!(values(1.0 - &x), [0.0, -1.0, 5.0]);
        assert_eq!(values(&x * 2.0), [2.0, 4.0, -8.0]);
        assert_eq!(values(2.0 * &x), [2.0, 4.0, -8.0]);
        assert_eq!(values(&x / 3.0), [1.0 / 3.0, 2.0 / 3.0, -4.0 / 3.0]);
        assert_eq!(values(2.0 / x), [2.0, 1.0, -0.5]);
    }

    #[test]
    fn gradients_pass_through_operators() {
        let x = x();
        let loss = ((1.0 - &x) / 2.0 + 8.0 / &x - 3.0 * &x).sum(&[]).expect("a sum");
        let grads = loss.backward().expect("a gradient");
        // −1/2 − 8/x² − 3
        assert_eq!(grads.of(&x).map(|g| g.to_vec::<f64>()), Some(Ok(vec![-11.5, -5.5, -4.0])));
    }

    #[test]
    #[should_panic(
        expected = "[add] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; \
                               got [3] and [2]; reshape or expand one operand"
    )]
    fn operators_panic_with_the_text_of_the_error() {
        let y = Var::from(Tensor::from_vec(vec![0.0, 1.0], [2]).expect("2 elements"));
        let _ = x() + y;
    }
}
