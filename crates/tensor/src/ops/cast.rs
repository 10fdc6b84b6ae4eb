//! Conversion between element types.
//!
//! One loop over threads for all pairs of types; a pair is a function on the bytes of contiguous elements. Pairs that
//! are rare go through a third type, where that changes no result.

use crate::dtype::narrow::{bf16_of, f16_of, f32_of_bf16, f32_of_f16, odd_of_f64, odd_of_i64};
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::checked_len;
use crate::parallel::for_chunks;
use crate::simd::simd_fn;
use crate::tensor::Tensor;
use crate::word::{Word, with_words};
use bytemuck::{Pod, cast_slice, cast_slice_mut};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;

/// The conversion of as many elements as fit into the bytes of both.
type Way = fn(&[u8], &mut [u8]);

simd_fn! {
    fn each[T: Pod, U: Pod, F: Fn(T) -> U](f: F, x: &[u8], out: &mut [u8]) {
        let (x, out) = (cast_slice::<u8, T>(x), cast_slice_mut::<u8, U>(out));
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f(x);
        }
    }
}

/// Rust's `as`. Through whichever of `f64` and `i64` loses nothing on the way.
#[inline(always)]
fn cast<T: Element, U: Element>(x: T) -> U {
    match T::DTYPE {
        DType::I64 | DType::I32 | DType::I8 => U::from_i64(x.to_i64()),
        _ => U::from_f64(x.to_f64()),
    }
}

/// The elements of `x` as elements of `dtype`, one by one.
fn by(x: &Tensor, dtype: DType, way: Way) -> Result<Tensor> {
    let x = x.contiguous()?;
    let from = x.dtype().size();
    let bytes = with_words!(x.dtype(), W => cast_slice::<W, u8>(x.contiguous_words()));
    with_words!(dtype, W => Tensor::build_words("to_dtype", x.shape(), dtype, |out: &mut [W]| {
        for_chunks(out, GRAIN, |start, out| {
            way(&bytes[start * from..(start + out.len()) * from], cast_slice_mut(out));
        });
    }))
}

/// Whether elements are not 0. Floats have two zeros, which differ in their highest bit.
fn nonzero<W: Word>(x: &Tensor) -> Result<Tensor> {
    let sign = if x.dtype().is_float() { 1 << (8 * size_of::<W>() - 1) } else { 0 };
    let mask = W::of(!sign);
    let x = x.contiguous()?;
    let words = x.contiguous_words::<W>();
    Tensor::build("to_dtype", x.shape(), |out: &mut [bool]| {
        for_chunks(out, GRAIN, |start, out| {
            for (out, &x) in out.iter_mut().zip(&words[start..]) {
                *out = x.masked(mask) != W::default();
            }
        });
    })
}

impl Tensor {
    /// The elements converted to `dtype`; this tensor itself if it has that dtype.
    ///
    /// Floats round to nearest, ties to even, once. To integers they truncate and saturate: NaN becomes 0, `1e30` the
    /// highest `i64`, 300 becomes 255 as `u8` and −1 becomes 0; so do integers to narrower ones. To booleans: false for
    /// 0 and −0, else true, NaN too.
    ///
    /// Differs from PyTorch in: what does not fit saturates, where there it is undefined or wraps.
    ///
    /// ```
    /// use tensor::{DType, Tensor};
    /// let x = Tensor::from_vec(vec![-1.5f32, 2.9, 300.0, f32::NAN], [4])?;
    /// assert_eq!(x.to_dtype(DType::U8)?.to_vec::<u8>()?, [0, 2, 255, 0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn to_dtype(&self, dtype: DType) -> Result<Tensor> {
        use DType::*;
        // A view may have more elements than the result can.
        checked_len("to_dtype", self.shape(), dtype)?;
        // The type that comes next, and the way to it.
        let (next, way): (DType, Way) = match (self.dtype(), dtype) {
            (from, to) if from == to => return Ok(self.clone()),
            (Bool, _) => return self.with_bools_as_u8().to_dtype(dtype),
            (from, Bool) => return with_words!(from, W => nonzero::<W>(self)),
            (BF16, _) => (F32, |x, out| each(f32_of_bf16, x, out)),
            (F16, _) => (F32, |x, out| each(f32_of_f16, x, out)),
            (I32, _) => (I64, |x, out| each(cast::<i32, i64>, x, out)),
            (I8, _) => (I64, |x, out| each(cast::<i8, i64>, x, out)),
            (F32, BF16) => (BF16, |x, out| each(bf16_of, x, out)),
            (F32, F16) => (F16, |x, out| each(f16_of, x, out)),
            // Rounded to odd on the way, so that the last step is the one that rounds.
            (F64, BF16 | F16) => (F32, |x, out| each(odd_of_f64, x, out)),
            (I64, BF16 | F16) => (F32, |x, out| each(odd_of_i64, x, out)),
            (I64, I32) => (I32, |x, out| each(cast::<i64, i32>, x, out)),
            (I64, I8) => (I8, |x, out| each(cast::<i64, i8>, x, out)),
            (I64, U8) => (U8, |x, out| each(cast::<i64, u8>, x, out)),
            (F64, F32) => (F32, |x, out| each(cast::<f64, f32>, x, out)),
            (I64, F32) => (F32, |x, out| each(cast::<i64, f32>, x, out)),
            (F32, F64) => (F64, |x, out| each(cast::<f32, f64>, x, out)),
            (I64, F64) => (F64, |x, out| each(cast::<i64, f64>, x, out)),
            // To an integer, and from U8 to a float, which holds it.
            (F32, _) => (I64, |x, out| each(cast::<f32, i64>, x, out)),
            (F64, _) => (I64, |x, out| each(cast::<f64, i64>, x, out)),
            (U8, F32 | F64 | BF16 | F16) => (F32, |x, out| each(cast::<u8, f32>, x, out)),
            _ => (I64, |x, out| each(cast::<u8, i64>, x, out)),
        };
        by(self, next, way)?.to_dtype(dtype)
    }

    /// A result in the type that `dtype` is computed in, as one of `dtype`: floats rounded, integers modulo 2³² or 2⁸.
    /// Any other result as it is.
    #[doc(hidden)]
    pub fn narrowed_to(&self, dtype: DType) -> Result<Tensor> {
        match (self.dtype(), dtype) {
            (DType::I64, DType::I32) => by(self, dtype, |x, out| each(|x: i64| x as i32, x, out)),
            (DType::I64, DType::I8) => by(self, dtype, |x, out| each(|x: i64| x as i8, x, out)),
            (DType::F32, DType::BF16 | DType::F16) => self.to_dtype(dtype),
            _ => Ok(self.clone()),
        }
    }
}
