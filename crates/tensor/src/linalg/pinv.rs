//! The pseudo-inverse and least squares.

use super::*;

impl Tensor {
    /// The Moore-Penrose inverse, `V·diag(1/σ)·Uᵀ` with 0 for σ up to `rtol·σ₁`; `max(m, n)·ε` unless given.
    ///
    /// Shapes: `(.., m, n)` to `(.., n, m)`. Errors: as [`Tensor::svd`].
    pub fn pinv(&self, rtol: Option<f64>) -> Result<Tensor> {
        let (m, n) = check_matrix("pinv", self)?;
        let k = m.min(n);
        let packed = self.singular("pinv", true)?;
        let (u, s) = (packed.packed_matrix(0, m, k)?, packed.narrow(-1, m * k, k)?);
        let v = packed.packed_matrix(m * k + k, n, k)?;
        if k == 0 {
            return v.matmul(&u.t()?);
        }
        let bound = s.narrow(-1, 0, 1)?.mul_scalar(rtol.unwrap_or(self.rank_rtol(m, n)))?;
        let zero = s.le(&bound)?;
        let inverse = s.masked_fill(&zero, 1.0)?.recip()?.masked_fill(&zero, 0.0)?;
        v.mul(&inverse.unsqueeze(-2)?)?.matmul(&u.t()?)
    }

    /// The X of least norm among those that make ‖A·X − B‖ least: A⁺·B, by singular values.
    ///
    /// Shapes: A `(.., m, n)`, B `(.., m, k)` or a vector `(m)`. Errors: as [`Tensor::pinv`] and [`Tensor::matmul`].
    /// Differs from PyTorch in: the solution alone, also where A has not full rank.
    pub fn lstsq(&self, b: &Tensor) -> Result<Tensor> {
        self.pinv(None)?.matmul(b)
    }

    /// The part of σ₁ up to which a singular value of an m × n matrix counts as 0.
    pub(super) fn rank_rtol(&self, m: usize, n: usize) -> f64 {
        m.max(n) as f64 * if self.dtype() == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 }
    }

    /// The number of singular values above `max(m, n)·ε·σ₁` (or `rtol·σ₁`): `(.., m, n)` to `(..)`, I64.
    ///
    /// Errors: as [`Tensor::svd`].
    pub fn matrix_rank(&self, rtol: Option<f64>) -> Result<Tensor> {
        let (m, n) = check_matrix("matrix_rank", self)?;
        if m.min(n) == 0 {
            return Tensor::zeros(&self.shape()[..self.rank() - 2], DType::I64);
        }
        let values = self.singular("matrix_rank", false)?;
        let bound = values.narrow(-1, 0, 1)?.mul_scalar(rtol.unwrap_or(self.rank_rtol(m, n)))?;
        values.gt(&bound)?.to_dtype(DType::I64)?.sum(&[-1])
    }
}
