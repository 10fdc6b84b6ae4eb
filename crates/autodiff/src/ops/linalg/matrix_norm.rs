//! Norms of matrices and condition numbers, composed of sums, maxima and singular values.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
pub use tensor::MatrixNorm;
use tensor::Tensor;

impl Var {
    /// A norm of the last two axes: `(.., m, n)` to `(..)`.
    ///
    /// The Frobenius norm of a matrix of zeros has a gradient of NaN. Errors: as [`Tensor::svd`]; `EmptyReduction` for the
    /// largest or smallest of nothing.
    pub fn matrix_norm(&self, norm: MatrixNorm) -> Result<Var> {
        self.norm_of(norm).map_err(|e| e.named("matrix_norm"))
    }

    fn norm_of(&self, norm: MatrixNorm) -> Result<Var> {
        let refused = self.dtype().is_float() && self.dtype().compute() != self.dtype();
        if self.rank() < 2 || refused {
            self.value().matrix_norm(norm)?;
        }
        match norm {
            MatrixNorm::Frobenius => self.square()?.sum(&[-2, -1])?.sqrt(),
            MatrixNorm::Nuclear => self.svdvals()?.sum(&[-1]),
            MatrixNorm::One => self.abs()?.sum(&[-2])?.max(&[-1]),
            MatrixNorm::MinOne => self.abs()?.sum(&[-2])?.min(&[-1]),
            MatrixNorm::Two => self.svdvals()?.max(&[-1]),
            MatrixNorm::MinTwo => self.svdvals()?.min(&[-1]),
            MatrixNorm::Infinity => self.abs()?.sum(&[-1])?.max(&[-1]),
            MatrixNorm::MinInfinity => self.abs()?.sum(&[-1])?.min(&[-1]),
        }
    }

    /// The condition number σ₁/σₖ, ∞ for a singular matrix: `(.., m, n)` to `(..)`. Errors: as [`Var::matrix_norm`].
    pub fn cond(&self) -> Result<Var> {
        let s = self.svdvals().map_err(|e| e.named("cond"))?;
        s.max(&[-1])?.div(&s.min(&[-1])?)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(412);
    let a = s.tensor(vec![3.0, 0.5, -1.0, -0.2, 1.5, 0.3], [2, 3]);
    let sizes = |x: &[Tensor]| x[0].abs().and_then(|x| x.to_vec::<f64>()).unwrap_or_default();
    let column = |a: &[f64], j: usize| a[j] + a[j + 3];
    let row = |a: &[f64], i: usize| a[3 * i] + a[3 * i + 1] + a[3 * i + 2];
    // Singular values of 2 rows, from the Frobenius norm and the determinant of A·Aᵀ.
    let values = |x: &[Tensor]| {
        let a = x[0].to_vec::<f64>().unwrap_or_default();
        let dot = |i: usize, j: usize| (0..3).map(|k| a[3 * i + k] * a[3 * j + k]).sum::<f64>();
        let (sum, det) = (dot(0, 0) + dot(1, 1), (dot(0, 0) * dot(1, 1) - dot(0, 1) * dot(0, 1)).sqrt());
        let (plus, minus) = ((sum + 2.0 * det).sqrt(), (sum - 2.0 * det).sqrt());
        [(plus + minus) / 2.0, (plus - minus) / 2.0]
    };
    use MatrixNorm::{Frobenius, Infinity, MinInfinity, MinOne, MinTwo, Nuclear, One, Two};
    let norm = |norm| move |x: &[Var]| x[0].matrix_norm(norm);
    let one = || [a.clone()];
    vec![
        OpSpec::new("matrix_norm")
            .case("Frobenius", one(), [], norm(Frobenius))
            .reference(move |x| vec![sizes(x).iter().map(|a| a * a).sum::<f64>().sqrt()])
            .case("1", one(), [], norm(One))
            .reference(move |x| vec![column(&sizes(x), 0)])
            .case("−1", one(), [], norm(MinOne))
            .reference(move |x| vec![column(&sizes(x), 2)])
            .case("∞", one(), [], norm(Infinity))
            .reference(move |x| vec![row(&sizes(x), 0)])
            .case("−∞", one(), [], norm(MinInfinity))
            .reference(move |x| vec![row(&sizes(x), 1)])
            .case("2", one(), [], norm(Two))
            .reference(move |x| vec![values(x)[0]])
            .case("−2", one(), [], norm(MinTwo))
            .reference(move |x| vec![values(x)[1]])
            .case("nuclear", one(), [], norm(Nuclear))
            .reference(move |x| vec![values(x).iter().sum()])
            .case("condition", one(), [], |x| x[0].cond())
            .reference(move |x| vec![values(x)[0] / values(x)[1]])
            .case("batch", [s.uniform([2, 3, 2], 0.1, 1.0)], [2], norm(Frobenius))
            .case("empty", [s.empty([0, 2, 2])], [0], norm(Nuclear))
            .error(
                [s.uniform([3], 0.0, 1.0)],
                norm(Two),
                "[matrix_norm] there must be two axes at least, rows and columns; got [3]; add an axis with unsqueeze",
            ),
    ]
}
