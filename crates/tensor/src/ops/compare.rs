//! Comparisons, masks and choices: what makes a `Bool` tensor and what uses one.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::sort::ranked;
use super::widen::in_wider;
use crate::dtype::{DType, Element, Float, Number};
use crate::error::{Error, Result};
use crate::layout::broadcast_shapes;
use crate::loops::map::{Map, Zip, choose, map, zip};
use crate::tensor::{Tensor, with_dtype};
use crate::word::with_words;

macro_rules! comparison {
    ($($(#[$meta:meta])* $name:ident => $f:ident: |$x:ident, $y:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f;
            impl<T: Number> Zip<T, bool> for $f {
                #[inline(always)]
                fn at(self, $x: T, $y: T) -> bool {
                    $body
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// A `Bool` tensor; shapes broadcast by NumPy's rule. Errors: `DTypeMismatch` unless both have one dtype;
            /// `ShapeMismatch` where the shapes do not broadcast.
            pub fn $name(&self, y: &Tensor) -> Result<Tensor> {
                let op = stringify!($name);
                let dtype = same_dtype(op, self, y)?;
                let shape = broadcast_shapes(op, self.shape(), y.shape())?;
                in_wider!(widened[self, y], |x| x[0].$name(x[1]));
                with_dtype!(dtype, T, number => zip::<T, bool, _>(op, &shape, self, y, $f),
                    else _bool => self.with_bools_as_u8().$name(&y.with_bools_as_u8()))
            }
        )*}
    };
}

comparison! {
    /// `x = y`; false where either is NaN.
    eq => Eq: |x, y| x == y;
    /// `x ≠ y`; true where either is NaN.
    ne => Ne: |x, y| x != y;
    /// `x < y`; false where either is NaN.
    lt => Lt: |x, y| x < y;
    /// `x ≤ y`; false where either is NaN.
    le => Le: |x, y| x <= y;
    /// `x > y`; false where either is NaN.
    gt => Gt: |x, y| x > y;
    /// `x ≥ y`; false where either is NaN.
    ge => Ge: |x, y| x >= y;
}

macro_rules! logic {
    ($($(#[$meta:meta])* $name:ident => $f:ident: |$x:ident, $y:ident| $body:expr;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $f;
            impl Zip<bool, bool> for $f {
                #[inline(always)]
                fn at(self, $x: bool, $y: bool) -> bool {
                    $body
                }
            }
        )*
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Shapes broadcast by NumPy's rule. Errors: `DTypeMismatch` unless both are `Bool`; `ShapeMismatch` where
            /// the shapes do not broadcast.
            pub fn $name(&self, y: &Tensor) -> Result<Tensor> {
                let op = stringify!($name);
                is_bool(op, self)?;
                is_bool(op, y)?;
                let shape = broadcast_shapes(op, self.shape(), y.shape())?;
                zip::<bool, bool, _>(op, &shape, self, y, $f)
            }
        )*}
    };
}

logic! {
    /// True where both are.
    logical_and => And: |x, y| x & y;
    /// True where one is, or both.
    logical_or => Or: |x, y| x | y;
    /// True where one is and the other is not.
    logical_xor => Xor: |x, y| x ^ y;
}

#[derive(Clone, Copy)]
struct Not;
impl Map<bool, bool> for Not {
    #[inline(always)]
    fn at(self, x: bool) -> bool {
        !x
    }
}

#[derive(Clone, Copy)]
struct IsNan;
impl<T: Float> Map<T, bool> for IsNan {
    #[inline(always)]
    fn at(self, x: T) -> bool {
        x.is_nan()
    }
}

#[derive(Clone, Copy)]
struct IsFinite;
impl<T: Float> Map<T, bool> for IsFinite {
    #[inline(always)]
    fn at(self, x: T) -> bool {
        x.is_finite()
    }
}

#[derive(Clone, Copy)]
struct IsInf;
impl<T: Element> Map<T, bool> for IsInf {
    #[inline(always)]
    fn at(self, x: T) -> bool {
        x.to_f64().is_infinite()
    }
}

/// `|x − y| ≤ atol + rtol·|y|`, or equal; the second for infinities and large integers.
#[derive(Clone, Copy)]
struct Close {
    rtol: f64,
    atol: f64,
}
impl<T: Element> Zip<T, bool> for Close {
    #[inline(always)]
    fn at(self, x: T, y: T) -> bool {
        let (a, b) = (x.to_f64(), y.to_f64());
        x == y || (b.is_finite() && (a - b).abs() <= self.atol + self.rtol * b.abs())
    }
}

fn is_bool(op: &'static str, x: &Tensor) -> Result<()> {
    match x.dtype() {
        DType::Bool => Ok(()),
        dtype => Err(wrong_dtype(op, "the operand must be boolean", dtype)),
    }
}

/// `x` where `condition` holds, else `y`.
fn chosen(op: &'static str, condition: &Tensor, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if condition.dtype() != DType::Bool {
        return Err(Error::DTypeMismatch {
            op,
            rule: "the condition must be boolean",
            dtypes: vec![condition.dtype()],
            repair: "make it with a comparison or to_dtype",
        });
    }
    same_dtype(op, x, y)?;
    let shape = broadcast_shapes(op, &broadcast_shapes(op, condition.shape(), x.shape())?, y.shape())?;
    choose(op, &shape, condition, x, y)
}

fn close(op: &'static str, x: &Tensor, y: &Tensor, rtol: f64, atol: f64) -> Result<Tensor> {
    if !(rtol >= 0.0 && atol >= 0.0) {
        return Err(Error::InvalidArgument {
            op,
            rule: "tolerances must be numbers of 0 or more",
            got: format!("rtol {rtol}, atol {atol}"),
            repair: "correct them",
        });
    }
    same_dtype(op, x, y)?;
    let shape = broadcast_shapes(op, x.shape(), y.shape())?;
    let (x, y) = (ranked(x)?, ranked(y)?);
    with_dtype!(x.dtype(), T, number => zip::<T, bool, _>(op, &shape, &x, &y, Close { rtol, atol }),
        else dtype => Err(wrong_dtype(op, "operands must be numbers", dtype)))
}

impl Tensor {
    /// True where this is false. Errors: `DTypeMismatch` unless `Bool`.
    pub fn logical_not(&self) -> Result<Tensor> {
        is_bool("logical_not", self)?;
        map::<bool, bool, _>("logical_not", self, Not)
    }

    /// Whether each element is NaN; never, for integers and booleans.
    pub fn is_nan(&self) -> Result<Tensor> {
        in_wider!(rounded[self], |x| x[0].is_nan());
        with_dtype!(self.dtype(), T, float => map::<T, bool, _>("is_nan", self, IsNan),
            else _dtype => Tensor::full(self.shape(), 0.0, DType::Bool))
    }

    /// Whether each element is neither infinite nor NaN; always, for integers and booleans.
    pub fn is_finite(&self) -> Result<Tensor> {
        in_wider!(rounded[self], |x| x[0].is_finite());
        with_dtype!(self.dtype(), T, float => map::<T, bool, _>("is_finite", self, IsFinite),
            else _dtype => Tensor::full(self.shape(), 1.0, DType::Bool))
    }

    /// Whether each element is ∞ or −∞; never, for integers and booleans.
    pub fn is_inf(&self) -> Result<Tensor> {
        in_wider!(rounded[self], |x| x[0].is_inf());
        with_dtype!(self.dtype(), T, float => map::<T, bool, _>("is_inf", self, IsInf),
            else _dtype => Tensor::full(self.shape(), 0.0, DType::Bool))
    }

    /// The elements of `x` where `condition` holds, those of `y` elsewhere; all three broadcast.
    ///
    /// Errors: `DTypeMismatch` unless the condition is `Bool` and `x`, `y` have one dtype; `ShapeMismatch`.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let x = Tensor::from_vec(vec![-1.0f32, 2.0, f32::NAN], [3])?;
    /// let zero = Tensor::scalar(0.0f32);
    /// assert_eq!(Tensor::where_(&x.gt(&zero)?, &x, &zero)?.to_vec::<f32>()?, [0.0, 2.0, 0.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn where_(condition: &Tensor, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        chosen("where", condition, x, y)
    }

    /// `value`, converted to this dtype, where `mask` holds; this tensor elsewhere. Both broadcast.
    ///
    /// Errors: as [`Tensor::where_`].
    pub fn masked_fill(&self, mask: &Tensor, value: f64) -> Result<Tensor> {
        chosen("masked_fill", mask, &Tensor::full([], value, self.dtype())?, self)
    }

    /// Whether `|x − y| ≤ atol + rtol·|y|`, element by element. Equal infinities are close; NaN is close to nothing,
    /// itself included. Shapes broadcast.
    ///
    /// Errors: as [`Tensor::eq`]; `InvalidArgument` for a tolerance that is negative or NaN.
    pub fn is_close(&self, y: &Tensor, rtol: f64, atol: f64) -> Result<Tensor> {
        close("is_close", self, y, rtol, atol)
    }

    /// Whether [`is_close`](Tensor::is_close) holds everywhere. Errors: as there.
    pub fn all_close(&self, y: &Tensor, rtol: f64, atol: f64) -> Result<bool> {
        let close = close("all_close", self, y, rtol, atol)?.contiguous()?;
        Ok(close.as_slice::<bool>().is_some_and(|close| !close.contains(&false)))
    }

    /// Whether dtype, shape and every bit of every element are equal: NaN equals itself, 0 and −0 differ.
    pub fn bit_eq(&self, y: &Tensor) -> bool {
        if self.dtype() != y.dtype() || self.shape() != y.shape() {
            return false;
        }
        let (Ok(x), Ok(y)) = (self.contiguous(), y.contiguous()) else { return false };
        with_words!(self.dtype(), W => {
            bytemuck::cast_slice::<W, u8>(x.contiguous_words()) == bytemuck::cast_slice::<W, u8>(y.contiguous_words())
        })
    }
}
