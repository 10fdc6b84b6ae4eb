//! Conversion between element types.

use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::loops::map::{Map, map};
use crate::tensor::{Tensor, with_dtype};

/// Rust's `as`. Through whichever of `f64` and `i64` loses nothing on the way.
#[derive(Clone, Copy)]
struct Cast;
impl<T: Element, U: Element> Map<T, U> for Cast {
    #[inline(always)]
    fn at(self, x: T) -> U {
        if matches!(T::DTYPE, DType::I64) { U::from_i64(x.to_i64()) } else { U::from_f64(x.to_f64()) }
    }
}

impl Tensor {
    /// The elements converted to `dtype`; this tensor itself if it has that dtype.
    ///
    /// Floats round to nearest, ties to even. To integers they truncate and saturate: NaN becomes 0, `1e30` the
    /// highest `i64`, 300 becomes 255 as `u8` and −1 becomes 0. To booleans: false for 0 and −0, else true, NaN too.
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
        if dtype == self.dtype() {
            return Ok(self.clone());
        }
        with_dtype!(self.dtype(), T, all => to::<T>(self, dtype))
    }
}

/// The elements, which are of type `T`, converted to `dtype`.
fn to<T: Element>(x: &Tensor, dtype: DType) -> Result<Tensor> {
    with_dtype!(dtype, U, all => map::<T, U, _>("to_dtype", x, Cast))
}
