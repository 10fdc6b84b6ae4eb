//! Functions of two elements that fewer networks run, as in `special.rs`, and `lerp` of three.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::{DType, Float, Number};
use crate::error::Result;
use crate::layout::broadcast_shapes;
use crate::loops::map::{Zip, Zip3, zip, zip3};
use crate::math::wide;
use crate::tensor::{Tensor, with_dtype};

/// A function that is called for each pair.
#[derive(Clone, Copy)]
struct Each<T>(fn(T, T) -> T);
impl<T: Copy + 'static> Zip<T, T> for Each<T> {
    const COST: usize = 16;
    #[inline(always)]
    fn at(self, x: T, y: T) -> T {
        (self.0)(x, y)
    }
}

/// A function that is a straight line, as a type whose `at` is it: called through `Fn` a long one would not be inlined, and
/// then not compiled for the level of its loop.
macro_rules! line {
    ($t:ident: $f:path) => {{
        #[derive(Clone, Copy)]
        struct Line;
        impl Zip<$t, $t> for Line {
            const COST: usize = 8;
            #[inline(always)]
            fn at(self, x: $t, y: $t) -> $t {
                $f(x, y)
            }
        }
        Line
    }};
}

fn each(
    op: &'static str,
    x: &Tensor,
    y: &Tensor,
    single: impl Zip<f32, f32>,
    double: impl Zip<f64, f64>,
) -> Result<Tensor> {
    in_wider!(narrowed[x, y], |x| each(op, x[0], x[1], single, double));
    let dtype = same_dtype(op, x, y)?;
    let shape = broadcast_shapes(op, x.shape(), y.shape())?;
    match dtype {
        DType::F32 => zip(op, &shape, x, y, single),
        DType::F64 => zip(op, &shape, x, y, double),
        dtype => Err(wrong_dtype(op, "operands must be floats", dtype)),
    }
}

macro_rules! functions {
    ($($(#[$meta:meta])* $name:ident: $single:expr, $double:expr;)*) => {
        impl Tensor {$(
            $(#[$meta])*
            ///
            /// Shapes broadcast by NumPy's rule. Errors: `DTypeMismatch` unless both are floats of one type;
            /// `ShapeMismatch` where the shapes do not broadcast.
            pub fn $name(&self, y: &Tensor) -> Result<Tensor> {
                each(stringify!($name), self, y, $single, $double)
            }
        )*}
    };
}

functions! {
    /// The angle of the point whose ordinate is this and whose abscissa is `y`, in `[−π, π]`.
    atan2: line!(f32: wide::atan2), Each(libm::atan2);
    /// `√(x² + y²)`, free of overflow on the way; ∞ where either is infinite.
    hypot: line!(f32: wide::hypot), Each(libm::hypot);
    /// `|x|` with the sign of `y`.
    copysign: line!(f32: f32::copysign), line!(f64: f64::copysign);
    /// `ln(eˣ + eʸ)`, free of overflow.
    logaddexp: line!(f32: wide::logaddexp), Each(log_add_exp);
    /// `x·ln y`, and 0 where x is 0 and y is not NaN.
    xlogy: line!(f32: wide::xlogy), Each(x_log_y);
    /// The step 0, `y`, 1 for x below, at and above 0; NaN where x is NaN.
    heaviside: line!(f32: step), line!(f64: step);
}

fn log_add_exp(x: f64, y: f64) -> f64 {
    let (low, high) = if x < y { (x, y) } else { (y, x) };
    // Equal infinities have no difference.
    if low == high { high + std::f64::consts::LN_2 } else { high + libm::log1p(libm::exp(low - high)) }
}

fn x_log_y(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * libm::log(y) }
}

#[inline(always)]
fn step<T: Number>(x: T, y: T) -> T {
    let apart = if x > T::ZERO { T::ONE } else { T::ZERO };
    let apart = if x.is_nan() { x } else { apart };
    if x == T::ZERO { y } else { apart }
}

/// `x + w (y − x)`, from whichever end is nearer, so that both ends are met exactly.
#[derive(Clone, Copy)]
struct Lerp;
impl<T: Float> Zip3<T> for Lerp {
    #[inline(always)]
    fn at(self, x: T, y: T, w: T) -> T {
        let gap = y.sub(x);
        let from_y = T::ONE.sub(w).neg().mul_add(gap, y);
        if w < T::of(0.5) { w.mul_add(gap, x) } else { from_y }
    }
}

impl Tensor {
    /// The point between `x` and `y` at `weight`: `x + w (y − x)`; x at 0 and `y` at 1, exactly, unless
    /// their difference is infinite.
    ///
    /// All three broadcast by NumPy's rule. Errors: `DTypeMismatch` unless all are floats of one type;
    /// `ShapeMismatch` where the shapes do not broadcast.
    pub fn lerp(&self, y: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let op = "lerp";
        in_wider!(narrowed[self, y, weight], |x| x[0].lerp(x[1], x[2]));
        same_dtype(op, self, y)?;
        let dtype = same_dtype(op, self, weight)?;
        let shape = broadcast_shapes(op, &broadcast_shapes(op, self.shape(), y.shape())?, weight.shape())?;
        with_dtype!(dtype, T, float => zip3::<T, _>(op, &shape, [self, y, weight], Lerp),
            else dtype => Err(wrong_dtype(op, "operands must be floats", dtype)))
    }
}
