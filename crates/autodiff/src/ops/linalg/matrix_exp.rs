//! The exponential of matrices.   `dA` is the upper right block of exp [[Aᵀ, g], [0, Aᵀ]]
//!
//! Source: Higham, "Functions of matrices", 2008, theorem 3.6 and section 10.6: that block is the Fréchet derivative at Aᵀ
//! in the direction g, which is the adjoint of the derivative at A.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `e^A`. Saves A.
pub struct MatrixExp;

impl Op for MatrixExp {
    fn name(&self) -> &'static str {
        "matrix_exp"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].matrix_exp()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let at = saved.input(0).t()?;
        let n = *at.shape().last().unwrap_or(&0);
        let zero = Var::constant(Tensor::zeros(at.shape(), at.dtype())?);
        let top = Var::cat(&[&at, grad], -1)?;
        let block = Var::cat(&[&top, &Var::cat(&[&zero, &at], -1)?], -2)?;
        grads([block.matrix_exp()?.narrow(-2, 0, n)?.narrow(-1, n, n)?])
    }
}

impl Var {
    /// e^A, see [`Tensor::matrix_exp`].
    pub fn matrix_exp(&self) -> Result<Var> {
        Var::apply(MatrixExp, &[self])
    }
}

/// By 30 terms of the series, for small matrices of size n.
fn series(x: &[Tensor], n: usize) -> Vec<f64> {
    let a = x[0].to_vec::<f64>().unwrap_or_default();
    let mut term: Vec<f64> = (0..n * n).map(|ij| f64::from(ij % (n + 1) == 0)).collect();
    let mut sum = term.clone();
    for k in 1..30 {
        term = (0..n * n)
            .map(|ij| (0..n).map(|p| term[ij / n * n + p] * a[p * n + ij % n]).sum::<f64>() / k as f64)
            .collect();
        sum.iter_mut().zip(&term).for_each(|(sum, term)| *sum += term);
    }
    sum
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(414);
    vec![
        OpSpec::new("matrix_exp")
            .case("matrix", [s.uniform([3, 3], -1.0, 1.0)], [3, 3], |x| x[0].matrix_exp())
            .reference(|x| series(x, 3))
            .case("batch", [s.uniform([2, 2, 2], -1.0, 1.0)], [2, 2, 2], |x| x[0].matrix_exp())
            .case("empty", [s.empty([0, 2, 2])], [0, 2, 2], |x| x[0].matrix_exp())
            .case("large", [s.uniform([4, 30, 30], -1.0, 1.0)], [4, 30, 30], |x| x[0].matrix_exp())
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].matrix_exp(),
                "[matrix_exp] matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes",
            ),
    ]
}
