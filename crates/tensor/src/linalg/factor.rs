//! Cholesky and QR factorizations.

use super::*;
use crate::tensor::with_dtype;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::householder as house;
use faer::linalg::qr::no_pivoting::factor as qr;
use faer::{Conj, Par};

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
        let packed = with_dtype!(self.dtype(), T, float => map("cholesky", self, n * n, |a: View<T>, out| {
            a.load(out)?;
            if n == 0 {
                return Ok(());
            }
            let mut memory =
                MemBuffer::new(llt::cholesky_in_place_scratch::<T>(n, Par::Seq, Default::default()));
            let stack = MemStack::new(&mut memory);
            llt::cholesky_in_place(columns_mut(out, n, n), Default::default(), Par::Seq, stack, Default::default())
                .map_err(|llt::LltError::NonPositivePivot { index }| Fault::NotPositive(index))?;
            (1..n).for_each(|j| out[j * n..j * n + j].fill(T::ZERO));
            Ok(())
        }), else _dtype => Err(wrong_dtype("cholesky", self)))?;
        packed.packed_matrix(0, n, n)
    }

    /// Q (m × k) and R (k × n), k = min(m, n), of [`Tensor::qr`] as one packed tensor.
    pub fn qr_packed(&self) -> Result<Tensor> {
        let (m, n) = check_matrix("qr", self)?;
        let k = m.min(n);
        with_dtype!(self.dtype(), T, float => map("qr", self, m * k + k * n, |a: View<T>, out| {
            let mut both = vec![T::ZERO; m * n];
            a.load(&mut both)?;
            if k == 0 {
                return Ok(());
            }
            let block = qr::recommended_block_size::<T>(m, n);
            let mut factors = vec![T::ZERO; block * k];
            let scratch = qr::qr_in_place_scratch::<T>(m, n, block, Par::Seq, Default::default()).or(
                house::apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(m, block, k),
            );
            let mut memory = MemBuffer::new(scratch);
            qr::qr_in_place(
                columns_mut(&mut both, m, n),
                columns_mut(&mut factors, block, k),
                Par::Seq,
                MemStack::new(&mut memory),
                Default::default(),
            );
            let (q, r) = out.split_at_mut(m * k);
            (0..k).for_each(|j| q[j * m + j] = T::ONE);
            house::apply_block_householder_sequence_on_the_left_in_place_with_conj(
                columns(&both, m, n).subcols(0, k),
                columns(&factors, block, k),
                Conj::No,
                columns_mut(q, m, k),
                Par::Seq,
                MemStack::new(&mut memory),
            );
            let flip: Vec<bool> = (0..k).map(|i| both[i * m + i] < T::ZERO).collect();
            for j in 0..n {
                for i in 0..k.min(j + 1) {
                    let x = both[j * m + i];
                    r[j * k + i] = if flip[i] { -x } else { x };
                }
            }
            for (column, _) in q.chunks_exact_mut(m).zip(&flip).filter(|(_, flip)| **flip) {
                column.iter_mut().for_each(|x| *x = -*x);
            }
            Ok(())
        }), else _dtype => Err(wrong_dtype("qr", self)))
    }

    /// (Q, R) with A = Q·R, reduced: Q `(.., m, k)` has orthonormal columns, R `(.., k, n)` is upper triangular, k = min(m, n).
    ///
    /// R's diagonal is not negative, which makes the factors of a matrix of full rank unique. Errors: `ShapeMismatch`,
    /// `DTypeMismatch`; `InvalidArgument` for values that are not finite. Differs from PyTorch in: the signs.
    pub fn qr(&self) -> Result<(Tensor, Tensor)> {
        let (m, n) = check_matrix("qr", self)?;
        let (k, packed) = (m.min(n), self.qr_packed()?);
        Ok((packed.packed_matrix(0, m, k)?, packed.packed_matrix(m * k, k, n)?))
    }
}
