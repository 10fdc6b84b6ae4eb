//! Cholesky factors, `A = L·Lᵀ`.   `dA = sym(L⁻ᵀ·Φ(Lᵀ·g)·L⁻¹)`, Φ: the lower half, its diagonal halved
//!
//! Source: Murray, "Differentiation of the Cholesky decomposition", 2016, equation 10. Only A's lower half is read, but the
//! gradient is that of a symmetric A, half on each side, as PyTorch's.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{Tensor, Triangular};

/// `L`. Saves the result.
pub struct Cholesky;

impl Op for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cholesky()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let l = saved.output();
        let product = l.t()?.matmul(grad)?;
        let phi = product.tril(-1)?.add(&product.tril(0)?)?.mul_scalar(0.5)?;
        let how = Triangular { transposed: true, ..Default::default() };
        // (L⁻ᵀ·(L⁻ᵀ·Φ)ᵀ) is the transpose of L⁻ᵀ·Φ·L⁻¹.
        let s = l.triangular_solve(&l.triangular_solve(&phi, how)?.t()?, how)?;
        grads([symmetric(&s)?])
    }
}

/// `(x + xᵀ)/2`
pub(super) fn symmetric(x: &Var) -> Result<Var> {
    x.add(&x.t()?)?.mul_scalar(0.5)
}

impl Var {
    /// The lower Cholesky factor, see [`Tensor::cholesky`].
    pub fn cholesky(&self) -> Result<Var> {
        Var::apply(Cholesky, &[self])
    }

    /// The solution X of (L·Lᵀ)·X = B, where this is L. Shapes and errors: as [`Tensor::triangular_solve`].
    pub fn cholesky_solve(&self, b: &Var) -> Result<Var> {
        let y = self.triangular_solve(b, Triangular::default())?;
        self.triangular_solve(&y, Triangular { transposed: true, ..Default::default() })
    }
}

/// `x·xᵀ + 1`
pub(super) fn definite(x: &Var) -> Result<Var> {
    let n = *x.shape().last().unwrap_or(&0);
    x.matmul(&x.t()?)?.add(&Var::constant(Tensor::eye(n, x.dtype())?))
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(405);
    let call = |x: &[Var]| definite(&x[0])?.cholesky();
    vec![
        OpSpec::new("cholesky")
            .case("matrix", [s.uniform([3, 3], -1.0, 1.0)], [3, 3], call)
            .case("of 2 × 2", [s.tensor(vec![4.0, 1.0, 1.0, 3.0], [1, 2, 2])], [1, 2, 2], |x| symmetric(&x[0])?.cholesky())
            .reference(|_| vec![2.0, 0.0, 0.5, libm::sqrt(2.75)])
            .case("batch", [s.uniform([2, 2, 2], -1.0, 1.0)], [2, 2, 2], call)
            .case("solve", [s.uniform([2, 2], -1.0, 1.0), s.uniform([2, 3], -1.0, 1.0)], [2, 3], |x| {
                definite(&x[0])?.cholesky()?.cholesky_solve(&x[1])
            })
            .case("size 0", [s.empty([2, 0, 0])], [2, 0, 0], |x| x[0].cholesky())
            .case("large", [s.uniform([8, 40, 40], -1.0, 1.0)], [8, 40, 40], call)
            .large()
            .error(
                [s.tensor(vec![1.0, 2.0, 2.0, 1.0], [2, 2])],
                |x| x[0].cholesky(),
                "[cholesky] a matrix must be positive definite; got one that is not at pivot 1; add a multiple of the identity, or check that the matrix is symmetric",
            ),
    ]
}
