//! Cholesky factors and what is solved with them.

use super::*;
use crate::tensor::with_dtype;
use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::cholesky::llt::inverse;

impl Tensor {
    /// L with A = L·Lᵀ, lower triangular with a positive diagonal. Only A's lower half is used.
    ///
    /// Shapes: `(.., n, n)` to the same. Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for a matrix that is
    /// not positive definite, with the pivot, and for values that are not finite, with their place.
    ///
    /// ```
    /// let a = tensor::Tensor::from_vec(vec![4.0, 2.0, 2.0, 5.0], [2, 2])?;
    /// assert_eq!(a.cholesky()?.to_vec::<f64>()?, [2.0, 0.0, 1.0, 2.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn cholesky(&self) -> Result<Tensor> {
        let n = check_square("cholesky", self)?;
        let packed = with_dtype!(self.dtype(), T, float => map("cholesky", self, n * n, |a: View<T>, stack: &mut Stack, out| {
            a.load(out)?;
            if n <= small::LU {
                return small::cholesky(out, n).map_or(Ok(()), |k| Err(Fault::NotPositive(k)));
            }
            let stack = stack.get(llt::cholesky_in_place_scratch::<T>(n, Par::Seq, Default::default()))?;
            llt::cholesky_in_place(columns_mut(out, n, n), Default::default(), Par::Seq, stack, Default::default())
                .map_err(|llt::LltError::NonPositivePivot { index }| Fault::NotPositive(index))?;
            (1..n).for_each(|j| out[j * n..j * n + j].fill(T::ZERO));
            Ok(())
        }), else _dtype => Err(wrong_dtype("cholesky", self)))?;
        packed.packed_matrix(0, n, n)
    }

    /// The solution X of (L·Lᵀ)·X = B, where this is L, the lower half of a matrix.
    ///
    /// Shapes and errors: as [`Tensor::triangular_solve`].
    pub fn cholesky_solve(&self, b: &Tensor) -> Result<Tensor> {
        let y = self.triangular_solve(b, Triangular::default())?;
        self.triangular_solve(&y, Triangular { transposed: true, ..Default::default() })
    }

    /// (L·Lᵀ)⁻¹, where this is L, the lower half of a matrix: the inverse of A from [`Tensor::cholesky`], symmetric to the bit.
    ///
    /// Shapes: `(.., n, n)` to the same. Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for a zero on the
    /// diagonal, and for values that are not finite, with their place.
    pub fn cholesky_inverse(&self) -> Result<Tensor> {
        let op = "cholesky_inverse";
        let n = check_square(op, self)?;
        let packed = with_dtype!(self.dtype(), T, float => map(op, self, n * n, |l: View<T>, work: &mut (Room<T>, Stack), out| {
            let l = l.columns(&mut work.0)?;
            super::lu::zero_pivot(l, n)?;
            let stack = work.1.get(inverse::inverse_scratch::<T>(n, Par::Seq))?;
            inverse::inverse(columns_mut(out, n, n), columns(l, n, n), Par::Seq, stack);
            for j in 1..n {
                for i in 0..j {
                    out[j * n + i] = out[i * n + j];
                }
            }
            Ok(())
        }), else _dtype => Err(wrong_dtype(op, self)))?;
        packed.packed_matrix(0, n, n)
    }
}
