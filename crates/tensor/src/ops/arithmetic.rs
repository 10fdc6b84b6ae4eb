//! `+ − × ÷`, powers, extremes and clamping, element by element, with NumPy's broadcasting.

use super::division::refuse_zero;
use super::widen::in_wider;
use crate::dtype::{DType, Element, Float, Number};
use crate::error::{Error, Result};
use crate::layout::broadcast_shapes;
use crate::loops::map::{Map, Zip, map, zip, zip_mut};
use crate::tensor::{Tensor, with_dtype};
use std::ops;

macro_rules! binary_fn {
    ($($name:ident[$bound:ident] $cost:literal: |$x:ident, $y:ident| $body:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        impl<T: $bound> Zip<T, T> for $name {
            const COST: usize = $cost;
            #[inline(always)]
            fn at(self, $x: T, $y: T) -> T {
                $body
            }
        }
    )*};
}

binary_fn! {
    Add[Number] 1: |x, y| x.add(y);
    Sub[Number] 1: |x, y| x.sub(y);
    Mul[Number] 1: |x, y| x.mul(y);
    Div[Number] 2: |x, y| x.div(y);
    Maximum[Number] 1: |x, y| x.max(y);
    Minimum[Number] 1: |x, y| x.min(y);
}

/// `α·x`, `x + α` and the rest, with a number that is no tensor.
macro_rules! scalar_fn {
    ($($name:ident[$bound:ident]: |$x:ident, $a:ident| $body:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name<T>(T);
        impl<T: $bound> Map<T, T> for $name<T> {
            #[inline(always)]
            fn at(self, $x: T) -> T {
                let $a = self.0;
                $body
            }
        }
    )*};
}

scalar_fn! {
    AddScalar[Number]: |x, a| x.add(a);
    MulScalar[Number]: |x, a| x.mul(a);
}

#[derive(Clone, Copy)]
struct Clamp<T>(T, T);
impl<T: Number> Map<T, T> for Clamp<T> {
    #[inline(always)]
    fn at(self, x: T) -> T {
        let x = if x < self.0 { self.0 } else { x };
        if x > self.1 { self.1 } else { x }
    }
}

/// Both operands must have one dtype; nothing is promoted silently.
pub(crate) fn same_dtype(op: &'static str, x: &Tensor, y: &Tensor) -> Result<DType> {
    if x.dtype() == y.dtype() {
        return Ok(x.dtype());
    }
    Err(Error::DTypeMismatch {
        op,
        rule: "operands must have one dtype",
        dtypes: vec![x.dtype(), y.dtype()],
        repair: "convert one with to_dtype",
    })
}

/// The refusal of a dtype that has no such operation.
pub(crate) fn wrong_dtype(op: &'static str, rule: &'static str, dtype: DType) -> Error {
    let repair = match dtype {
        DType::BF16 | DType::F16 => "convert with to_dtype(F32) first",
        _ => "convert with to_dtype first",
    };
    Error::DTypeMismatch { op, rule, dtypes: vec![dtype], repair }
}

macro_rules! binary_op {
    ($($(#[$meta:meta])* $name:ident => $f:ident, $class:ident, $rule:literal;)*) => {
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Shapes broadcast by NumPy's rule. Errors: `DTypeMismatch` unless both have one suitable dtype;
            /// `ShapeMismatch` where the shapes do not broadcast.
            pub fn $name(&self, y: &Tensor) -> Result<Tensor> {
                let op = stringify!($name);
                in_wider!(narrowed[self, y], |x| x[0].$name(x[1]));
                let dtype = same_dtype(op, self, y)?;
                let shape = broadcast_shapes(op, self.shape(), y.shape())?;
                with_dtype!(dtype, T, $class => zip::<T, T, _>(op, &shape, self, y, $f),
                    else dtype => Err(wrong_dtype(op, $rule, dtype)))
            }
        )*}
    };
}

binary_op! {
    /// `x + y`
    add => Add, number, "operands must be numbers";
    /// `x − y`
    sub => Sub, number, "operands must be numbers";
    /// `x · y`
    mul => Mul, number, "operands must be numbers";
    /// The larger of `x` and `y`; NaN wins.
    maximum => Maximum, number, "operands must be numbers";
    /// The smaller of `x` and `y`; NaN wins.
    minimum => Minimum, number, "operands must be numbers";
}

impl Tensor {
    /// `x / y`. Integers truncate; `i64::MIN / −1` wraps to `i64::MIN`.
    ///
    /// Errors: as [`Tensor::add`], and `InvalidArgument` for an integer divided by 0.
    pub fn div(&self, y: &Tensor) -> Result<Tensor> {
        in_wider!(narrowed[self, y], |x| x[0].div(x[1]));
        let dtype = same_dtype("div", self, y)?;
        let shape = broadcast_shapes("div", self.shape(), y.shape())?;
        refuse_zero("div", y)?;
        with_dtype!(dtype, T, number => zip::<T, T, _>("div", &shape, self, y, Div),
            else dtype => Err(wrong_dtype("div", "operands must be numbers", dtype)))
    }

    /// `x + α`, in the dtype that the tensor is computed in.
    pub fn add_scalar(&self, alpha: f64) -> Result<Tensor> {
        in_wider!(narrowed[self], |x| x[0].add_scalar(self.dtype().scalar(alpha)));
        with_dtype!(self.dtype(), T, number => map::<T, T, _>("add_scalar", self, AddScalar(T::from_f64(alpha))),
            else dtype => Err(wrong_dtype("add_scalar", "the operand must be a number", dtype)))
    }

    /// `α · x`, in the dtype that the tensor is computed in.
    pub fn mul_scalar(&self, alpha: f64) -> Result<Tensor> {
        in_wider!(narrowed[self], |x| x[0].mul_scalar(self.dtype().scalar(alpha)));
        with_dtype!(self.dtype(), T, number => map::<T, T, _>("mul_scalar", self, MulScalar(T::from_f64(alpha))),
            else dtype => Err(wrong_dtype("mul_scalar", "the operand must be a number", dtype)))
    }

    /// `x + y` for operands of one shape and dtype, written over `x` where its buffer is not shared.
    ///
    /// Errors: `ShapeMismatch` or `DTypeMismatch` unless shape and dtype are equal.
    pub fn add_owned(self, y: &Tensor) -> Result<Tensor> {
        let dtype = same_dtype("add_owned", &self, y)?;
        if self.shape() != y.shape() {
            return Err(Error::ShapeMismatch {
                op: "add_owned",
                rule: "shapes must be equal",
                shapes: vec![self.shape().to_vec(), y.shape().to_vec()],
                repair: "use add, which broadcasts",
            });
        }
        in_wider!(narrowed[&self, y], |x| x[0].add(x[1]));
        with_dtype!(dtype, T, number => zip_mut::<T, _>("add_owned", self, y, Add),
            else dtype => Err(wrong_dtype("add_owned", "operands must be numbers", dtype)))
    }

    /// `min(max(x, lo), hi)`; NaN stays NaN. ±∞ leaves a side open, as does a bound outside an integer's range.
    ///
    /// Errors: `InvalidArgument` where `lo > hi` or either is NaN, and for integers where a bound is not whole;
    /// `DTypeMismatch` for booleans.
    pub fn clamp(&self, lo: f64, hi: f64) -> Result<Tensor> {
        if lo > hi || lo.is_nan() || hi.is_nan() {
            return Err(Error::InvalidArgument {
                op: "clamp",
                rule: "bounds must be numbers with lo <= hi",
                got: format!("lo {lo}, hi {hi}"),
                repair: "swap or correct them",
            });
        }
        let whole = |bound: f64| bound == Float::trunc(bound);
        if !(self.dtype().is_float() || self.dtype() == DType::Bool || whole(lo) && whole(hi)) {
            return Err(Error::InvalidArgument {
                op: "clamp",
                rule: "bounds of integers must be whole",
                got: format!("lo {lo}, hi {hi} for {}", self.dtype()),
                repair: "round them or convert to floats",
            });
        }
        let scalar = |bound| self.dtype().scalar(bound);
        in_wider!(narrowed[self], |x| x[0].clamp(scalar(lo), scalar(hi)));
        with_dtype!(self.dtype(), T, number => map::<T, T, _>("clamp", self, Clamp(T::from_f64(lo), T::from_f64(hi))),
            else dtype => Err(wrong_dtype("clamp", "the operand must be a number", dtype)))
    }
}

macro_rules! operator {
    ($($trait:ident $method:ident),*) => {$(
        impl ops::$trait<&Tensor> for &Tensor {
            type Output = Tensor;
            /// Panics with the text of the named function's error.
            #[track_caller]
            fn $method(self, y: &Tensor) -> Tensor {
                match Tensor::$method(self, y) {
                    Ok(out) => out,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        impl ops::$trait<Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, y: Tensor) -> Tensor {
                ops::$trait::$method(&self, &y)
            }
        }
        impl ops::$trait<&Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, y: &Tensor) -> Tensor {
                ops::$trait::$method(&self, y)
            }
        }
        impl ops::$trait<Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, y: Tensor) -> Tensor {
                ops::$trait::$method(self, &y)
            }
        }
    )*};
}
operator!(Add add, Sub sub, Mul mul, Div div);

#[cfg(test)]
mod tests {
    use super::*;

    fn t(data: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_slice(data, shape).unwrap()
    }

    #[test]
    fn operands_broadcast_whatever_their_strides() {
        let a = t(&[1., 2., 3., 4., 5., 6.], &[2, 3]);
        let row = t(&[10., 20., 30.], &[3]);
        let column = t(&[100., 200.], &[2, 1]);
        assert_eq!((&a + &row).to_vec::<f32>().unwrap(), [11., 22., 33., 14., 25., 36.]);
        assert_eq!((&a - &column).to_vec::<f32>().unwrap(), [-99., -98., -97., -196., -195., -194.]);
        assert_eq!((&row * &column).shape(), [2, 3]);
        let at = a.with_layout(a.layout().permuted(&[1, 0]));
        assert_eq!((&at / &t(&[2.], &[1])).to_vec::<f32>().unwrap(), [0.5, 2., 1., 2.5, 1.5, 3.]);
        assert_eq!(
            (&at + &column.with_layout(column.layout().permuted(&[1, 0]))).to_vec::<f32>().unwrap(),
            [101., 204., 102., 205., 103., 206.]
        );
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_named() {
        let error = t(&[0.; 6], &[2, 3]).add(&t(&[0.; 4], &[4])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "[add] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand"
        );
        assert_eq!((t(&[], &[0]) + t(&[1.], &[1])).shape(), [0]);
        assert!(t(&[], &[0]).add(&t(&[1., 2.], &[2])).is_err());
    }

    #[test]
    fn integers_wrap_and_never_divide_by_zero() {
        let x = Tensor::from_vec(vec![i64::MIN, 7], [2]).unwrap();
        let y = Tensor::from_vec(vec![-1i64, 2], [2]).unwrap();
        assert_eq!(x.div(&y).unwrap().to_vec::<i64>().unwrap(), [i64::MIN, 3]);
        let error = x.div(&Tensor::scalar(0i64)).unwrap_err().to_string();
        assert_eq!(
            error,
            "[div] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats"
        );
    }

    #[test]
    fn clamp_keeps_nan_and_refuses_crossed_bounds() {
        let x = t(&[-1., f32::NAN, 3.], &[3]).clamp(0.0, 2.0).unwrap().to_vec::<f32>().unwrap();
        assert!(x[0] == 0.0 && x[1].is_nan() && x[2] == 2.0);
        let error = t(&[0.], &[1]).clamp(1.0, f64::NAN).unwrap_err().to_string();
        assert_eq!(
            error,
            "[clamp] bounds must be numbers with lo <= hi; got lo 1, hi NaN; swap or correct them"
        );
    }
}
