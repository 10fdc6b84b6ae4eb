//! QR factorization.

use super::*;
use crate::tensor::with_dtype;
use faer::Conj;
use faer::dyn_stack::StackReq;
use faer::linalg::householder as house;
use faer::linalg::qr::no_pivoting::factor as qr;

/// QR of the columns in `a` (m × n), one of them more than [`small::QR`]: R's upper half stays in `a`, Q (m × k) goes to `q`.
fn factorize<T: Real>(
    a: &mut [T],
    (m, n): (usize, usize),
    q: &mut [T],
    scales: &mut Room<T>,
    stack: &mut Stack,
) -> Result<(), Fault> {
    let k = m.min(n);
    let block = qr::recommended_block_size::<T>(m, n);
    let scales = scales.zeros(block * k)?;
    let size = StackReq::any_of(&[
        qr::qr_in_place_scratch::<T>(m, n, block, Par::Seq, Default::default()),
        house::apply_block_householder_on_the_left_in_place_scratch::<T>(m, block, k),
    ]);
    let stack = stack.get(size)?;
    qr::qr_in_place(columns_mut(a, m, n), columns_mut(scales, block, k), Par::Seq, stack, Default::default());
    q.fill(T::ZERO);
    (0..k).for_each(|j| q[j * m + j] = T::ONE);
    // The reflections of a block, the last first, change what is right of and below its corner alone.
    let (a, scales, mut q) = (columns(a, m, n), columns(scales, block, k), columns_mut(q, m, k));
    for j in (0..k).step_by(block).rev() {
        let b = block.min(k - j);
        house::apply_block_householder_on_the_left_in_place_with_conj(
            a.submatrix(j, j, m - j, b),
            scales.submatrix(0, j, b, b),
            Conj::No,
            q.as_mut().submatrix_mut(j, j, m - j, k - j),
            Par::Seq,
            stack,
        );
    }
    Ok(())
}

/// QR of a small matrix, worked on row by row in `both` and `rows`.
fn by_rows<T: Real>(
    a: View<T>,
    both: &mut [T],
    rows: &mut [T],
    q: &mut [T],
    r: &mut [T],
) -> Result<(), Fault> {
    let (m, n) = (a.rows, a.cols);
    let k = m.min(n);
    a.t().load(both).map_err(|_| a.not_finite())?;
    small::qr(both, m, n, rows);
    r.fill(T::ZERO);
    for i in 0..k {
        // Signs that leave no element of R's diagonal negative.
        let flip = both[i * n + i] < T::ZERO;
        let sign = |x: T| if flip { -x } else { x };
        (i..n).for_each(|j| r[j * k + i] = sign(both[i * n + j]));
        (0..m).for_each(|l| q[i * m + l] = sign(rows[l * k + i]));
    }
    Ok(())
}

impl Tensor {
    /// Q (m × k) and R (k × n), k = min(m, n), of [`Tensor::qr`] as one packed tensor.
    pub fn qr_packed(&self) -> Result<Tensor> {
        let (m, n) = check_matrix("qr", self)?;
        let k = m.min(n);
        type Work<T> = (Room<T>, Room<T>, Stack);
        let size = packed_size("qr", self, &[(m, k), (k, n)])?;
        with_dtype!(self.dtype(), T, float => map("qr", self, size, |a: View<T>, work: &mut Work<T>, out| {
            let both = work.0.get(m * n)?;
            let (q, r) = out.split_at_mut(m * k);
            if m <= small::QR && n <= small::QR {
                return by_rows(a, both, work.1.get(m * k)?, q, r);
            }
            a.load(both)?;
            factorize(both, (m, n), q, &mut work.1, &mut work.2)?;
            for (j, column) in r.chunks_exact_mut(k).enumerate() {
                let above = k.min(j + 1);
                column[..above].copy_from_slice(&both[j * m..j * m + above]);
                column[above..].fill(T::ZERO);
            }
            for i in (0..k).filter(|&i| both[i * m + i] < T::ZERO) {
                (i..n).for_each(|j| r[j * k + i] = -r[j * k + i]);
                q[i * m..(i + 1) * m].iter_mut().for_each(|x| *x = -*x);
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
