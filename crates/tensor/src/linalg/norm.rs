//! Norms of matrices and condition numbers.

use super::*;

/// A norm of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatrixNorm {
    /// √Σ a²
    Frobenius,
    /// The sum of the singular values.
    Nuclear,
    /// The largest sum of sizes in a column; NumPy's 1.
    One,
    /// The smallest sum of sizes in a column; NumPy's −1.
    MinOne,
    /// The largest singular value; NumPy's 2.
    Two,
    /// The smallest singular value; NumPy's −2.
    MinTwo,
    /// The largest sum of sizes in a row.
    Infinity,
    /// The smallest sum of sizes in a row.
    MinInfinity,
}

impl Tensor {
    /// A norm of the last two axes: `(.., m, n)` to `(..)`.
    ///
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; as [`Tensor::svd`] where singular values are asked for; `EmptyReduction`
    /// for the largest or smallest of nothing.
    pub fn matrix_norm(&self, norm: MatrixNorm) -> Result<Tensor> {
        check_matrix("matrix_norm", self)?;
        let values = || self.singular("matrix_norm", false);
        match norm {
            MatrixNorm::Frobenius => self.square()?.sum(&[-2, -1])?.sqrt(),
            MatrixNorm::Nuclear => values()?.sum(&[-1]),
            MatrixNorm::One => self.abs()?.sum(&[-2])?.max(&[-1]),
            MatrixNorm::MinOne => self.abs()?.sum(&[-2])?.min(&[-1]),
            MatrixNorm::Two => values()?.max(&[-1]),
            MatrixNorm::MinTwo => values()?.min(&[-1]),
            MatrixNorm::Infinity => self.abs()?.sum(&[-1])?.max(&[-1]),
            MatrixNorm::MinInfinity => self.abs()?.sum(&[-1])?.min(&[-1]),
        }
    }

    /// The condition number σ₁/σₖ, ∞ for a singular matrix: `(.., m, n)` to `(..)`. Errors: as [`Tensor::matrix_norm`].
    pub fn cond(&self) -> Result<Tensor> {
        check_matrix("cond", self)?;
        let s = self.singular("cond", false)?;
        s.max(&[-1])?.div(&s.min(&[-1])?)
    }
}
