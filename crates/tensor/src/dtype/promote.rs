//! The rule by which two element types find one that both convert to.

use super::DType;
use crate::error::Result;
use crate::tensor::Tensor;

impl DType {
    /// The least type that stands above both: what to convert to before operands of two types are put together.
    ///
    /// ```text
    ///               u8           f16
    ///  bool  <   <     >  i32 < i64 <  <     >  f32 < f64
    ///               i8           bf16
    /// ```
    ///
    /// |      | bool | u8 | i8 | i32 | i64 | f16 | bf16 | f32 | f64 |
    /// |------|------|----|----|-----|-----|-----|------|-----|-----|
    /// | bool | bool | u8 | i8 | i32 | i64 | f16 | bf16 | f32 | f64 |
    /// | u8   | u8   | u8 | i32 | i32 | i64 | f16 | bf16 | f32 | f64 |
    /// | i8   | i8   | i32 | i8 | i32 | i64 | f16 | bf16 | f32 | f64 |
    /// | i32  | i32  | i32 | i32 | i32 | i64 | f16 | bf16 | f32 | f64 |
    /// | i64  | i64  | i64 | i64 | i64 | i64 | f16 | bf16 | f32 | f64 |
    /// | f16  | f16  | f16 | f16 | f16 | f16 | f16 | f32 | f32 | f64 |
    /// | bf16 | bf16 | bf16 | bf16 | bf16 | bf16 | f32 | bf16 | f32 | f64 |
    /// | f32  | f32  | f32 | f32 | f32 | f32 | f32 | f32 | f32 | f64 |
    /// | f64  | f64  | f64 | f64 | f64 | f64 | f64 | f64 | f64 | f64 |
    ///
    /// The types are a lattice and this is its join: commutative, associative, idempotent, so that the type of several
    /// operands does not depend on their order. Integers become floats of any size, which round what they cannot hold.
    /// Nothing promotes by itself: operations refuse operands of two types, and numbers that are no tensors never change
    /// a tensor's type.
    ///
    /// Differs from PyTorch in: u8 with i8 gives i32, as there is no i16; operations do not promote.
    ///
    /// ```
    /// use tensor::DType;
    /// assert_eq!(DType::promote(DType::I64, DType::BF16), DType::BF16);
    /// assert_eq!(DType::promote(DType::F16, DType::BF16), DType::F32);
    /// ```
    pub const fn promote(a: DType, b: DType) -> DType {
        match (a.rank(), b.rank()) {
            (i, j) if i < j => b,
            (i, j) if i > j => a,
            _ if a as u8 == b as u8 => a,
            // Two of one rank: what stands above both.
            _ if a.is_float() => DType::F32,
            _ => DType::I32,
        }
    }

    /// The height in the lattice.
    const fn rank(self) -> u8 {
        match self {
            DType::Bool => 0,
            DType::U8 | DType::I8 => 1,
            DType::I32 => 2,
            DType::I64 => 3,
            DType::F16 | DType::BF16 => 4,
            DType::F32 => 5,
            DType::F64 => 6,
        }
    }
}

impl Tensor {
    /// This tensor and `other`, both of the type that [`DType::promote`] gives for theirs.
    ///
    /// Errors: `OutOfMemory`.
    ///
    /// ```
    /// use tensor::{DType, Tensor};
    /// let (x, labels) = (Tensor::ones([2], DType::F32)?, Tensor::arange(2, DType::I64)?);
    /// let (x, labels) = x.promote(&labels)?;
    /// assert_eq!(Tensor::cat(&[&x, &labels], 0)?.to_vec::<f32>()?, [1.0, 1.0, 0.0, 1.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn promote(&self, other: &Tensor) -> Result<(Tensor, Tensor)> {
        let dtype = DType::promote(self.dtype(), other.dtype());
        Ok((self.to_dtype(dtype)?, other.to_dtype(dtype)?))
    }
}
