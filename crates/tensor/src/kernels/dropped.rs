//! Dropout, given what is kept: one pass, alone and added to a residual. The mask is one byte for an element.

use crate::dtype::{DType, Float};
use crate::error::{Error, Result};
use crate::kernels::fused::same_shape;
use crate::ops::arithmetic::{same_dtype, wrong_dtype};
use crate::ops::widen::in_wider;
use crate::parallel::for_chunks;
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;

simd_fn! {
    fn dropped_slice[T: Float](x: &[T], kept: &[bool], scale: T, out: &mut [T]) {
        for ((out, &x), &kept) in out.iter_mut().zip(x).zip(kept) {
            *out = x.mul(if kept { scale } else { T::ZERO });
        }
    }
    fn add_dropped_slice[T: Float](x: &[T], y: &[T], kept: &[bool], scale: T, out: &mut [T]) {
        for (((out, &x), &y), &kept) in out.iter_mut().zip(x).zip(y).zip(kept) {
            *out = x.add(y.mul(if kept { scale } else { T::ZERO }));
        }
    }
}

/// The mask's elements in a row, and its shape and dtype are right.
fn checked(op: &'static str, x: &Tensor, kept: &Tensor) -> Result<Tensor> {
    if kept.dtype() != DType::Bool {
        return Err(Error::DTypeMismatch {
            op,
            rule: "the mask must be boolean",
            dtypes: vec![kept.dtype()],
            repair: "make it with a comparison or to_dtype",
        });
    }
    same_shape(op, x, kept)?;
    kept.contiguous()
}

/// `scale·x` where `kept` holds, `0·x` elsewhere, so that NaN stays NaN.
///
/// Errors: `ShapeMismatch`, `DTypeMismatch` unless x is a float and `kept` a boolean of its shape.
///
/// ```
/// use tensor::{Tensor, fused::dropped};
/// let (x, kept) = (Tensor::from_slice(&[1.0, 2.0], [2])?, Tensor::from_slice(&[true, false], [2])?);
/// assert_eq!(dropped(&x, &kept, 2.0)?.to_vec::<f64>()?, [2.0, 0.0]);
/// # Ok::<(), tensor::Error>(())
/// ```
pub fn dropped(x: &Tensor, kept: &Tensor, scale: f64) -> Result<Tensor> {
    in_wider!(rounded[x], |x| dropped(x[0], kept, scale));
    with_dtype!(x.dtype(), T, float => {
        let (mask, x) = (checked("dropped", x, kept)?, x.contiguous()?);
        let (x, shape) = (x.as_slice::<T>().unwrap_or_default(), kept.shape());
        let mask = mask.as_slice::<bool>().unwrap_or_default();
        Tensor::build("dropped", shape, |out: &mut [T]| {
            for_chunks(out, GRAIN, |start, out| {
                let range = start..start + out.len();
                dropped_slice(&x[range.clone()], &mask[range], T::of(scale), out);
            });
        })
    }, else dtype => Err(wrong_dtype("dropped", "the operand must be a float", dtype)))
}

/// `x + dropped(y)`, with the bits of the two; BF16 and F16 are rounded once, at the end.
///
/// Errors: as [`dropped`], and unless x and y have one shape and dtype.
pub fn add_dropped(x: &Tensor, y: &Tensor, kept: &Tensor, scale: f64) -> Result<Tensor> {
    let op = "add_dropped";
    let dtype = same_dtype(op, x, y)?;
    same_shape(op, x, y)?;
    in_wider!(narrowed[x, y], |x| add_dropped(x[0], x[1], kept, scale));
    with_dtype!(dtype, T, float => {
        let mask = checked(op, x, kept)?;
        let (x, y, shape) = (x.contiguous()?, y.contiguous()?, x.shape());
        let [x, y] = [&x, &y].map(|t| t.as_slice::<T>().unwrap_or_default());
        let mask = mask.as_slice::<bool>().unwrap_or_default();
        Tensor::build(op, shape, |out: &mut [T]| {
            for_chunks(out, GRAIN, |start, out| {
                let range = start..start + out.len();
                add_dropped_slice(&x[range.clone()], &y[range.clone()], &mask[range], T::of(scale), out);
            });
        })
    }, else dtype => Err(wrong_dtype(op, "operands must be floats", dtype)))
}
