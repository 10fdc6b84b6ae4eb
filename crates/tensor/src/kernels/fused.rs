//! Fused loops for the crates above: what would take several passes over memory as separate tensor functions.
//!
//! Everything here is deterministic: sums follow the order law of reductions, and updates are element by element, so
//! threads change nothing. Small work stays on the calling thread.

pub use super::cross_entropy::{CrossEntropy, CrossEntropyConfig, cross_entropy, cross_entropy_grad};
pub use super::dropped::{add_dropped, dropped};
pub use super::gated::{gated, gated_grad};
pub use super::linear_cross_entropy::{LinearCrossEntropy, LinearCrossEntropyGrads};
pub use super::rules::{RuleItem, UpdateRule, rule_update};
pub use super::update::{AdamConfig, AdamItem, SgdConfig, SgdItem, adam_update, sgd_update};
pub use crate::ops::attention::{Attention, AttentionConfig, attention, attention_grad};

use crate::dtype::{Float, Number};
use crate::error::{Error, Result};
use crate::loops::map::{Zip, zip};
use crate::loops::reduce::{CHUNK, LANES, meet_lanes, meet_pairwise};
use crate::ops::arithmetic::{same_dtype, wrong_dtype};
use crate::ops::reduce::Sum;
use crate::ops::widen::in_wider;
use crate::parallel::for_chunks;
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

/// Keys whose weights are summed together in attention, counted from the first one.
pub const KEY_CHUNK: usize = CHUNK;

/// Chunks a thread takes at a time.
const GRAIN: usize = (1 << 15) / CHUNK;

simd_fn! {
    /// `Σ (x − y)²` over each chunk.
    fn squared_gaps[T: Float](x: &[T], y: &[T], out: &mut [T]) {
        for ((x, y), out) in x.chunks(CHUNK).zip(y.chunks(CHUNK)).zip(out) {
            let mut lanes = [T::ZERO; LANES];
            let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
            for (x, y) in x.iter().zip(y) {
                for l in 0..LANES {
                    let gap = x[l].sub(y[l]);
                    lanes[l] = lanes[l].add(gap.mul(gap));
                }
            }
            let mut tail = [T::ZERO; LANES];
            for ((tail, &x), &y) in tail.iter_mut().zip(x_rest).zip(y_rest) {
                let gap = x.sub(y);
                *tail = gap.mul(gap);
            }
            for l in 0..LANES {
                lanes[l] = lanes[l].add(tail[l]);
            }
            *out = meet_lanes::<T, Sum>(Sum, lanes);
        }
    }

    /// `Σ x²` over a chunk, in doubles.
    fn squares[T: Float](x: &[T]) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let (blocks, rest) = x.as_chunks::<LANES>();
        for x in blocks {
            for l in 0..LANES {
                let x = x[l].to_f64();
                lanes[l] += x * x;
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane += x.to_f64() * x.to_f64();
        }
        meet_lanes::<f64, Sum>(Sum, lanes)
    }
}

simd_fn! {
    fn times[T: Float](x: &mut [T], by: T) {
        for x in x {
            *x = x.mul(by);
        }
    }
}

/// `by · x`, written over x where its buffer is not shared. Errors: `DTypeMismatch` unless x is a float.
pub fn scale(x: &mut Tensor, by: f64) -> Result<()> {
    if x.dtype().is_narrow() {
        *x = x.mul_scalar(by)?;
        return Ok(());
    }
    let bytes = x.len() * x.dtype().size();
    with_dtype!(x.dtype(), T, float => {
        let x = x.as_mut_slice::<T>().ok_or(Error::OutOfMemory { op: "scale", bytes })?;
        for_chunks(x, GRAIN * CHUNK, |_, run| times(run, T::of(by)));
        Ok(())
    }, else dtype => Err(wrong_dtype("scale", "the operand must be a float", dtype)))
}

pub(crate) fn same_shape(op: &'static str, x: &Tensor, y: &Tensor) -> Result<()> {
    match x.shape() == y.shape() {
        true => Ok(()),
        false => Err(Error::ShapeMismatch {
            op,
            rule: "shapes must be equal",
            shapes: vec![x.shape().to_vec(), y.shape().to_vec()],
            repair: "reshape or expand one operand",
        }),
    }
}

/// The mean squared error `Σ (x − y)² / n`, a tensor of rank 0; NaN where there are no elements.
///
/// Errors: `ShapeMismatch` or `DTypeMismatch` unless both have one shape and one float dtype.
///
/// ```
/// let (x, y) = (tensor::Tensor::ones([2, 2], tensor::DType::F32)?, tensor::Tensor::zeros([2, 2], tensor::DType::F32)?);
/// assert_eq!(tensor::fused::mse(&x, &y)?.item()?, 1.0);
/// # Ok::<(), tensor::Error>(())
/// ```
pub fn mse(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    in_wider!(narrowed[x, y], |x| mse(x[0], x[1]));
    let dtype = same_dtype("mse", x, y)?;
    same_shape("mse", x, y)?;
    let (x, y) = (x.contiguous()?, y.contiguous()?);
    with_dtype!(dtype, T, float => {
        let (x, y) = (x.as_slice::<T>().unwrap_or_default(), y.as_slice::<T>().unwrap_or_default());
        let mut one = [T::ZERO];
        let mut many = Vec::new();
        let partials = match x.len().div_ceil(CHUNK) {
            0 | 1 => &mut one[..],
            chunks => {
                many.resize(chunks, T::ZERO);
                &mut many[..]
            }
        };
        for_chunks(partials, GRAIN, |first, out| {
            let range = first * CHUNK..((first + out.len()) * CHUNK).min(x.len());
            squared_gaps(&x[range.clone()], &y[range], out);
        });
        meet_pairwise::<T, Sum>(Sum, partials, 1);
        Ok(Tensor::scalar(partials[0].div(T::of(x.len() as f64))))
    }, else dtype => Err(wrong_dtype("mse", "operands must be floats", dtype)))
}

#[derive(Clone, Copy)]
struct ScaledGap<T>(T);
impl<T: Float> Zip<T, T> for ScaledGap<T> {
    #[inline(always)]
    fn at(self, x: T, y: T) -> T {
        x.sub(y).mul(self.0)
    }
}

/// The gradient of [`mse`] by `x`: `2·(x − y)·g/n`, where `g` is the gradient of the error, one number. That by `y`
/// is its negative.
///
/// Errors: as [`mse`], and `ShapeMismatch` unless `g` has exactly one element.
pub fn mse_grad(x: &Tensor, y: &Tensor, g: &Tensor) -> Result<Tensor> {
    in_wider!(narrowed[x, y], |x| mse_grad(x[0], x[1], g));
    let dtype = same_dtype("mse_grad", x, y)?;
    same_shape("mse_grad", x, y)?;
    let g = g.item()?;
    with_dtype!(dtype, T, float => {
        let factor = T::of(2.0 * g / x.len() as f64);
        zip::<T, T, _>("mse_grad", x.shape(), x, y, ScaledGap(factor))
    }, else dtype => Err(wrong_dtype("mse_grad", "operands must be floats", dtype)))
}

/// `Σ x²` over every element of every tensor, accumulated in doubles: the square of the global norm. The tensors are
/// summed one after another, each in chunks met pairwise.
///
/// Errors: `DTypeMismatch` unless all are floats.
pub fn sum_of_squares(tensors: &[&Tensor]) -> Result<f64> {
    let wide =
        |t: &&Tensor| if t.dtype().is_float() { t.to_dtype(t.dtype().compute()) } else { Ok((*t).clone()) };
    let tensors = tensors.iter().map(|t| wide(t)?.contiguous()).collect::<Result<Vec<_>>>()?;
    // The first chunk of each tensor, and the number of all.
    let mut firsts = Vec::with_capacity(tensors.len());
    let mut chunks = 0;
    for t in &tensors {
        if !t.dtype().is_float() {
            return Err(wrong_dtype("sum_of_squares", "operands must be floats", t.dtype()));
        }
        firsts.push(chunks);
        chunks += t.len().div_ceil(CHUNK);
    }
    let mut partials = vec![0.0f64; chunks];
    for_chunks(&mut partials, GRAIN, |first, out| {
        for (unit, out) in (first..).zip(out) {
            let i = firsts.partition_point(|&f| f <= unit) - 1;
            let (t, start) = (&tensors[i], (unit - firsts[i]) * CHUNK);
            let range = start..t.len().min(start + CHUNK);
            *out = match (t.as_slice::<f32>(), t.as_slice::<f64>()) {
                (Some(x), _) => squares(&x[range]),
                (_, Some(x)) => squares(&x[range]),
                _ => 0.0,
            };
        }
    });
    let mut total = 0.0;
    for (i, &first) in firsts.iter().enumerate() {
        let end = firsts.get(i + 1).copied().unwrap_or(chunks);
        if first < end {
            meet_pairwise::<f64, Sum>(Sum, &mut partials[first..end], 1);
            total += partials[first];
        }
    }
    Ok(total)
}
