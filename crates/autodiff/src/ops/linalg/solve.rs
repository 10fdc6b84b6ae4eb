//! Solutions of linear systems, `X = A⁻¹·B`.   `dB = A⁻ᵀ·g`, `dA = −dB·Xᵀ`
//!
//! Source: Giles, "An extended collection of matrix derivative results", 2008, section 2.3.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `X = A⁻¹·B`, or `A⁻ᵀ·B`. Saves A, X and A's factors, with which the gradient is solved for too.
#[derive(Default)]
pub struct Solve {
    factors: Option<(Tensor, Tensor)>,
    transposed: bool,
    /// Whether there will be a gradient that wants the factors.
    keeps: bool,
}

impl Op for Solve {
    fn name(&self) -> &'static str {
        "solve"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        if let Some((factors, order)) = &self.factors {
            return Ok(factors.lu_solve(order, x[1], self.transposed)?);
        }
        if !self.keeps {
            return Ok(x[0].solve(x[1])?);
        }
        let (y, factors, order) = x[0].solve_ex(x[1])?;
        self.factors = Some((factors, order));
        Ok(y)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, vector) = (saved.output(), saved.shape(1).len() == 1);
        let column = |x: &Var| if vector { x.unsqueeze(-1) } else { Ok(x.clone()) };
        let back = Solve { factors: self.factors.clone(), transposed: !self.transposed, keeps: true };
        let db = Var::apply(back, &[&saved.input(0), &column(grad)?])?;
        let da = saved.if_needed(0, || {
            let (left, right) = if self.transposed { (column(&x)?, db.clone()) } else { (db.clone(), column(&x)?) };
            left.matmul(&right.t()?)?.neg()
        })?;
        Ok(Grads::from_iter([da, Some(if vector { db.squeeze(-1)? } else { db })]))
    }
}

impl Var {
    /// The solution X of A·X = B, see [`Tensor::solve`].
    pub fn solve(&self, b: &Var) -> Result<Var> {
        let keeps = self.is_tracked() || b.is_tracked();
        Var::apply(Solve { keeps, ..Solve::default() }, &[self, b])
    }
}

/// Matrices of `shape` that are far from singular: uniform, with 3 added on the diagonal.
pub(super) fn regular(s: &mut Samples, shape: &[usize]) -> Tensor {
    let n = shape[shape.len() - 1];
    let eye = Tensor::eye(n, tensor::DType::F64).and_then(|eye| eye.mul_scalar(3.0));
    let a = s.uniform(shape, -1.0, 1.0);
    eye.and_then(|eye| a.add(&eye)).expect("invariant: the shapes of a sample broadcast")
}

/// By Gauss-Jordan elimination without row exchanges.
pub(super) fn eliminate(a: &Tensor, b: &Tensor) -> Vec<f64> {
    let n = a.shape()[a.rank() - 1];
    let (mut a, mut b) = (a.to_vec::<f64>().unwrap_or_default(), b.to_vec::<f64>().unwrap_or_default());
    let k = b.len() / n;
    for p in 0..n {
        let pivot = a[p * n + p];
        (0..n).for_each(|j| a[p * n + j] /= pivot);
        (0..k).for_each(|j| b[p * k + j] /= pivot);
        for i in (0..n).filter(|&i| i != p) {
            let f = a[i * n + p];
            (0..n).for_each(|j| a[i * n + j] -= f * a[p * n + j]);
            (0..k).for_each(|j| b[i * k + j] -= f * b[p * k + j]);
        }
    }
    b
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(401);
    let call = |x: &[Var]| x[0].solve(&x[1]);
    let mut pair = |a: &[usize], b: &[usize]| [regular(&mut s, a), s.uniform(b, -1.0, 1.0)];
    // Condition numbers of the samples are below 10. A leading axis of 1: the contract repeats what is first on axis 0,
    // which makes a matrix alone singular.
    vec![
        OpSpec::new("solve")
            .case("matrix", pair(&[1, 3, 3], &[3, 2]), [1, 3, 2], call)
            .reference(|x| eliminate(&x[0], &x[1]))
            .case("vector", pair(&[1, 3, 3], &[3]), [1, 3], call)
            .reference(|x| eliminate(&x[0], &x[1]))
            .case("batches that broadcast", pair(&[2, 1, 2, 2], &[3, 2, 1]), [2, 3, 2, 1], call)
            .case("one vector for a batch", pair(&[2, 2, 2], &[2]), [2, 2], call)
            .case("size 0", pair(&[0, 0], &[0, 2]), [0, 2], call)
            .case("no right side", pair(&[1, 2, 2], &[2, 0]), [1, 2, 0], call)
            .case("large", pair(&[8, 40, 40], &[8, 40, 3]), [8, 40, 3], call)
            .large()
            .error(
                pair(&[2, 2], &[3, 1]),
                call,
                "[solve] the right side must be a vector (n) or have n rows, (.., n, k), for matrices (.., n, n); got [2, 2] and [3, 1]; transpose the right side, or add an axis with unsqueeze(-1) for a batch of vectors",
            ),
    ]
}
