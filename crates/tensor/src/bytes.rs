//! Elements as little-endian bytes, which is how files hold them.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::checked_len;
use crate::tensor::Tensor;
use crate::word::with_words;

impl Tensor {
    /// The elements in row-major order as little-endian bytes; booleans as 0 and 1.
    pub fn to_le_bytes(&self) -> Result<Vec<u8>> {
        let x = self.contiguous()?;
        with_words!(self.dtype(), W => {
            let mut bytes = vec![0; self.len() * size_of::<W>()];
            let (out, _) = bytes.as_chunks_mut::<{ size_of::<W>() }>();
            for (out, x) in out.iter_mut().zip(x.contiguous_words::<W>()) {
                *out = x.to_le_bytes();
            }
            Ok(bytes)
        })
    }

    /// The tensor whose elements `bytes` holds as [`Tensor::to_le_bytes`] writes them. Nothing is trusted: this is the
    /// door for files.
    ///
    /// Errors: `ShapeOverflow`; `InvalidArgument` unless the bytes are exactly as many as shape and dtype need, and
    /// booleans 0 or 1. Checked before anything is allocated.
    pub fn from_le_bytes(bytes: &[u8], shape: impl AsRef<[usize]>, dtype: DType) -> Result<Tensor> {
        let (op, shape) = ("from_le_bytes", shape.as_ref());
        let need = checked_len(op, shape, dtype)? * dtype.size();
        if bytes.len() != need {
            return Err(Error::InvalidArgument {
                op,
                rule: "the bytes must be as many as shape and dtype need",
                got: format!("{} bytes for {shape:?} of {dtype}, {need} bytes", bytes.len()),
                repair: "check that the data is complete and described right",
            });
        }
        let not_bool = if dtype == DType::Bool { bytes.iter().position(|&b| b > 1) } else { None };
        if let Some(position) = not_bool {
            return Err(Error::InvalidArgument {
                op,
                rule: "a boolean must be 0 or 1",
                got: format!("{} at position {position}", bytes[position]),
                repair: "check that the data is booleans",
            });
        }
        with_words!(dtype, W => Self::build_words(op, shape, dtype, |out: &mut [W]| {
            let (bytes, _) = bytes.as_chunks::<{ size_of::<W>() }>();
            for (out, &x) in out.iter_mut().zip(bytes) {
                *out = W::from_le_bytes(x);
            }
        }))
    }
}
