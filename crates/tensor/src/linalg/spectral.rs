//! Eigenvalues and singular values.

use super::*;
use crate::tensor::with_dtype;
use faer::Par;
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::{evd, svd};

/// Whether the element of largest size, the first of equals, is negative.
fn points_down<T: Real>(x: &[T]) -> bool {
    let mut largest = T::ZERO;
    for &x in x {
        if crate::Element::to_f64(x).abs() > crate::Element::to_f64(largest).abs() {
            largest = x;
        }
    }
    largest < T::ZERO
}

fn negate<T: Real>(x: &mut [T]) {
    x.iter_mut().for_each(|x| *x = -*x);
}

impl Tensor {
    /// The eigenvalues λ (n, rising) and eigenvectors V (n × n) of [`Tensor::eigh`] as one packed tensor.
    pub fn eigh_packed(&self) -> Result<Tensor> {
        self.symmetric("eigh", true)
    }

    /// (λ, V) with A = V·diag(λ)·Vᵀ for symmetric matrices. Only A's lower half is used.
    ///
    /// Shapes: λ `(.., n)`, rising; V `(.., n, n)`, orthonormal columns, the component of largest size of each positive.
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not finite, with their place.
    pub fn eigh(&self) -> Result<(Tensor, Tensor)> {
        let (n, packed) = (check_square("eigh", self)?, self.eigh_packed()?);
        Ok((packed.narrow(-1, 0, n)?, packed.packed_matrix(n, n, n)?))
    }

    /// The eigenvalues alone, rising, see [`Tensor::eigh`].
    pub fn eigvalsh(&self) -> Result<Tensor> {
        self.symmetric("eigvalsh", false)
    }

    fn symmetric(&self, op: &'static str, vectors: bool) -> Result<Tensor> {
        use evd::ComputeEigenvectors::{No, Yes};
        let n = check_square(op, self)?;
        let size = if vectors { n + n * n } else { n };
        with_dtype!(self.dtype(), T, float => map(op, self, size, |a: View<T>, out| {
            let mut of = vec![T::ZERO; n * n];
            a.load(&mut of)?;
            if n == 0 {
                return Ok(());
            }
            let compute = if vectors { Yes } else { No };
            let scratch = evd::self_adjoint_evd_scratch::<T>(n, compute, Par::Seq, Default::default());
            let mut memory = MemBuffer::new(scratch);
            let (values, v) = out.split_at_mut(n);
            evd::self_adjoint_evd(
                columns(&of, n, n),
                DiagMut::from_slice_mut(values),
                vectors.then(|| columns_mut(v, n, n)),
                Par::Seq,
                MemStack::new(&mut memory),
                Default::default(),
            )
            .map_err(|_| Fault::NoConvergence)?;
            if vectors {
                v.chunks_exact_mut(n.max(1)).filter(|v| points_down(v)).for_each(negate);
            }
            Ok(())
        }), else _dtype => Err(wrong_dtype(op, self)))
    }

    /// U (m × k), σ (k) and V (n × k) of [`Tensor::svd`] as one packed tensor.
    pub fn svd_packed(&self) -> Result<Tensor> {
        self.singular("svd", true)
    }

    /// (U, σ, Vᵀ) with A = U·diag(σ)·Vᵀ, thin.
    ///
    /// Shapes: U `(.., m, k)`, σ `(.., k)`, falling, Vᵀ `(.., k, n)`, k = min(m, n). The component of largest size of each
    /// column of U is positive. Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not
    /// finite, with their place. Differs from PyTorch in: always thin; the signs.
    pub fn svd(&self) -> Result<(Tensor, Tensor, Tensor)> {
        let (m, n) = check_matrix("svd", self)?;
        let (k, packed) = (m.min(n), self.svd_packed()?);
        let vt = packed.packed_matrix(m * k + k, n, k)?.t()?;
        Ok((packed.packed_matrix(0, m, k)?, packed.narrow(-1, m * k, k)?, vt))
    }

    /// The singular values alone, falling, see [`Tensor::svd`].
    pub fn svdvals(&self) -> Result<Tensor> {
        self.singular("svdvals", false)
    }

    fn singular(&self, op: &'static str, vectors: bool) -> Result<Tensor> {
        use svd::ComputeSvdVectors::{No, Thin};
        let (m, n) = check_matrix(op, self)?;
        let k = m.min(n);
        let size = if vectors { m * k + k + n * k } else { k };
        with_dtype!(self.dtype(), T, float => map(op, self, size, |a: View<T>, out| {
            let mut of = vec![T::ZERO; m * n];
            a.load(&mut of)?;
            if k == 0 {
                return Ok(());
            }
            let compute = if vectors { Thin } else { No };
            let mut memory =
                MemBuffer::new(svd::svd_scratch::<T>(m, n, compute, compute, Par::Seq, Default::default()));
            let (u, rest) = out.split_at_mut(if vectors { m * k } else { 0 });
            let (values, v) = rest.split_at_mut(k);
            svd::svd(
                columns(&of, m, n),
                DiagMut::from_slice_mut(values),
                vectors.then(|| columns_mut(u, m, k)),
                vectors.then(|| columns_mut(v, n, k)),
                Par::Seq,
                MemStack::new(&mut memory),
                Default::default(),
            )
            .map_err(|_| Fault::NoConvergence)?;
            if vectors {
                for (u, v) in u.chunks_exact_mut(m).zip(v.chunks_exact_mut(n)).filter(|(u, _)| points_down(u)) {
                    negate(u);
                    negate(v);
                }
            }
            Ok(())
        }), else _dtype => Err(wrong_dtype(op, self)))
    }

    /// The number of singular values above `max(m, n)·ε·σ₁` (or `rtol·σ₁`): `(.., m, n)` to `(..)`, I64.
    ///
    /// Errors: as [`Tensor::svd`].
    pub fn matrix_rank(&self, rtol: Option<f64>) -> Result<Tensor> {
        let (m, n) = check_matrix("matrix_rank", self)?;
        let values = self.singular("matrix_rank", false)?;
        if m.min(n) == 0 {
            return Tensor::zeros(&self.shape()[..self.rank() - 2], DType::I64);
        }
        let epsilon = if self.dtype() == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 };
        let rtol = rtol.unwrap_or(m.max(n) as f64 * epsilon);
        let bound = values.narrow(-1, 0, 1)?.mul_scalar(rtol)?;
        values.gt(&bound)?.to_dtype(DType::I64)?.sum(&[-1])
    }

    /// The eigenvalues of general matrices, each as its real and imaginary part: `(.., n, n)` to `(.., n, 2)`.
    ///
    /// Conjugate pairs stand together, the one with the positive imaginary part first. Errors: as [`Tensor::eigh`].
    pub fn eigvals(&self) -> Result<Tensor> {
        let n = check_square("eigvals", self)?;
        use evd::ComputeEigenvectors::No;
        let packed = with_dtype!(self.dtype(), T, float => map("eigvals", self, 2 * n, |a: View<T>, out| {
            let mut of = vec![T::ZERO; n * n];
            a.load(&mut of)?;
            if n == 0 {
                return Ok(());
            }
            let mut memory = MemBuffer::new(evd::evd_scratch::<T>(n, No, No, Par::Seq, Default::default()));
            let (re, im) = out.split_at_mut(n);
            evd::evd_real(
                columns(&of, n, n),
                DiagMut::from_slice_mut(re),
                DiagMut::from_slice_mut(im),
                None,
                None,
                Par::Seq,
                MemStack::new(&mut memory),
                Default::default(),
            )
            .map_err(|_| Fault::NoConvergence)
        }), else _dtype => Err(wrong_dtype("eigvals", self)))?;
        packed.packed_matrix(0, n, 2)
    }
}
