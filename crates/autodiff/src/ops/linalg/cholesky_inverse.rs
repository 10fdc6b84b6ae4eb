//! The inverse from a Cholesky factor, `Y = (L·Lᵀ)⁻¹`.   `dL` is the lower half of `−Y·(g + gᵀ)·Y·L`
//!
//! Source: Giles, "An extended collection of matrix derivative results", 2008, section 2.2.3, for the inverse of A = L·Lᵀ.

use super::cholesky::definite;
use super::solve::eliminate;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{DType, Tensor};

/// `(L·Lᵀ)⁻¹`. Saves L and the result.
pub struct CholeskyInverse;

impl Op for CholeskyInverse {
    fn name(&self) -> &'static str {
        "cholesky_inverse"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cholesky_inverse()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let y = saved.output();
        let both = grad.add(&grad.t()?)?;
        let right = y.matmul(&saved.input(0).tril(0)?)?;
        grads([y.matmul(&both.matmul(&right)?)?.neg()?.tril(0)?])
    }
}

impl Var {
    /// (L·Lᵀ)⁻¹, where this is L, see [`Tensor::cholesky_inverse`].
    pub fn cholesky_inverse(&self) -> Result<Var> {
        Var::apply(CholeskyInverse, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(416);
    let call = |x: &[Var]| definite(&x[0])?.cholesky()?.cholesky_inverse();
    vec![
        OpSpec::new("cholesky_inverse")
            .case("matrix", [s.uniform([1, 3, 3], -1.0, 1.0)], [1, 3, 3], call)
            .reference(|x| {
                let eye = Tensor::eye(3, DType::F64).unwrap_or_else(|_| x[0].clone());
                let a = x[0].t().and_then(|t| x[0].matmul(&t)?.add(&eye)).unwrap_or_else(|_| x[0].clone());
                eliminate(&a, &eye)
            })
            .case("batch", [s.uniform([2, 2, 2], -1.0, 1.0)], [2, 2, 2], call)
            .case("of the lower half", [super::solve::regular(&mut s, &[1, 3, 3])], [1, 3, 3], |x| {
                x[0].cholesky_inverse()
            })
            .case("size 0", [s.empty([2, 0, 0])], [2, 0, 0], |x| x[0].cholesky_inverse())
            .case("large", [s.uniform([8, 40, 40], -1.0, 1.0)], [8, 40, 40], call)
            .large()
            .error(
                [s.tensor(vec![1.0, 0.0, 2.0, 0.0], [2, 2])],
                |x| x[0].cholesky_inverse(),
                "[cholesky_inverse] a matrix must not be singular; got a singular matrix at pivot 1; add a multiple of the identity, or use pinv or lstsq",
            ),
    ]
}
