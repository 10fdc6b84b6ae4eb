//! Eigenvalues and eigenvectors of general matrices.

use super::*;
use crate::tensor::with_dtype;
use faer::diag::DiagMut;
use faer::linalg::evd;

/// Columns `re + i·im` to length 1 and with their largest component, the first of equals, real and positive.
fn normalise<T: Real>(re: &mut [T], im: &mut [T]) {
    let size = |x: T, y: T| Number::max(Number::abs(x), Number::abs(y));
    let mut largest = T::ZERO;
    for (&x, &y) in re.iter().zip(im.iter()) {
        largest = Number::max(largest, size(x, y));
    }
    if largest == T::ZERO {
        return;
    }
    // By the largest first, that no square is too large or too small.
    let (mut sum, mut most, mut at) = (T::ZERO, T::ZERO, 0);
    for (i, (x, y)) in re.iter_mut().zip(im.iter_mut()).enumerate() {
        (*x, *y) = (Number::div(*x, largest), Number::div(*y, largest));
        let square = Number::add(Number::mul(*x, *x), Number::mul(*y, *y));
        sum = Number::add(sum, square);
        if square > most {
            (most, at) = (square, i);
        }
    }
    let scale = Number::mul(Float::sqrt(sum), Float::sqrt(most));
    let (c, s) = (Number::div(re[at], scale), Number::div(im[at], scale));
    for (x, y) in re.iter_mut().zip(im.iter_mut()) {
        let turned = Number::add(Number::mul(*x, c), Number::mul(*y, s));
        *y = Number::sub(Number::mul(*y, c), Number::mul(*x, s));
        *x = turned;
    }
    im[at] = T::ZERO;
}

impl Tensor {
    /// The eigenvalues of general matrices, each as its real and imaginary part: `(.., n, n)` to `(.., n, 2)`.
    ///
    /// Conjugate pairs stand together, the one with the positive imaginary part first. Errors: as [`Tensor::eigh`].
    pub fn eigvals(&self) -> Result<Tensor> {
        let n = check_square("eigvals", self)?;
        self.general("eigvals", n, false)?.packed_matrix(0, n, 2)
    }

    /// (λ, Re V, Im V) with A·V = V·diag(λ) for general matrices.
    ///
    /// Shapes: λ `(.., n, 2)`, as [`Tensor::eigvals`]; the real and the imaginary parts of V `(.., n, n)`, an eigenvector in
    /// each column, of length 1, its component of largest size, the first of equals, real and positive. Errors: as
    /// [`Tensor::eigh`]. Differs from PyTorch in: no complex tensors; which multiple of a vector is taken.
    ///
    /// ```
    /// let turn = tensor::Tensor::from_vec(vec![0.0, -1.0, 4.0, 0.0], [2, 2])?;
    /// let (values, re, im) = turn.eig()?;
    /// let expected = tensor::Tensor::from_vec(vec![0.0, 2.0, 0.0, -2.0], [2, 2])?;
    /// assert!(values.all_close(&expected, 1e-14, 1e-14)?);
    /// assert!((re.select(0, 1)?.to_vec::<f64>()?[0] - 0.8f64.sqrt()).abs() < 1e-14);
    /// assert!((im.select(0, 0)?.to_vec::<f64>()?[0] - 0.2f64.sqrt()).abs() < 1e-14);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn eig(&self) -> Result<(Tensor, Tensor, Tensor)> {
        let (n, packed) = (check_square("eig", self)?, self.eig_packed()?);
        let values = packed.packed_matrix(0, n, 2)?;
        Ok((values, packed.packed_matrix(2 * n, n, n)?, packed.packed_matrix(2 * n + n * n, n, n)?))
    }

    /// λ (n × 2), Re V and Im V (n × n) of [`Tensor::eig`] as one packed tensor.
    pub fn eig_packed(&self) -> Result<Tensor> {
        let n = check_square("eig", self)?;
        self.general("eig", n, true)
    }

    fn general(&self, op: &'static str, n: usize, vectors: bool) -> Result<Tensor> {
        use evd::ComputeEigenvectors::{No, Yes};
        let size = packed_size(op, self, &[(2, n), (if vectors { 2 } else { 0 } * n, n)])?;
        with_dtype!(self.dtype(), T, float => map(op, self, size, |a: View<T>, work: &mut (Room<T>, Stack), out| {
            let of = work.0.get(n * n)?;
            a.load(of)?;
            let scale = super::spectral::near_1(of);
            let right = if vectors { Yes } else { No };
            let stack = work.1.get(evd::evd_scratch::<T>(n, No, right, Par::Seq, Default::default()))?;
            let (values, v) = out.split_at_mut(2 * n);
            let (re, im) = values.split_at_mut(n);
            let (v, vi) = v.split_at_mut(v.len() / 2);
            evd::evd_real(
                columns(of, n, n),
                DiagMut::from_slice_mut(re),
                DiagMut::from_slice_mut(im),
                None,
                vectors.then(|| columns_mut(v, n, n)),
                Par::Seq,
                stack,
                Default::default(),
            )
            .map_err(|_| Fault::NoConvergence)?;
            if scale != 1.0 {
                values.iter_mut().for_each(|x| *x = T::of(crate::Element::to_f64(*x) / scale));
            }
            let im = &values[n..];
            let mut j = 0;
            while vectors && j < n {
                let column = j * n..(j + 1) * n;
                if im[j] == T::ZERO || j + 1 == n {
                    vi[column.clone()].fill(T::ZERO);
                    normalise(&mut v[column.clone()], &mut vi[column]);
                    j += 1;
                    continue;
                }
                // Of a pair the two columns are the first vector's parts; the second is its conjugate.
                let (first, second) = v[j * n..(j + 2) * n].split_at_mut(n);
                normalise(first, second);
                second.iter().zip(&mut vi[j * n..(j + 2) * n]).for_each(|(&y, out)| *out = y);
                second.iter().zip(&mut vi[(j + 1) * n..]).for_each(|(&y, out)| *out = -y);
                second.copy_from_slice(first);
                j += 2;
            }
            Ok(())
        }), else _dtype => Err(wrong_dtype(op, self)))
    }
}
