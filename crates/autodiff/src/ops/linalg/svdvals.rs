//! Singular values.   `dA = U·diag(g)·Vᵀ`
//!
//! Vectors are looked for only when the gradient is. Where values are equal, a gradient that is equal for them is right,
//! and any other is that of one basis of the common space. Source: Giles 2008, section 3.2.

use super::svd::apart;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::packed::scale_columns;
use crate::var::Var;
use tensor::Tensor;

/// σ. Saves A.
pub struct Svdvals;

impl Op for Svdvals {
    fn name(&self) -> &'static str {
        "svdvals"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].svdvals()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (u, _, vt) = saved.input(0).svd()?;
        grads([scale_columns(&u, grad)?.matmul(&vt)?])
    }
}

impl Var {
    /// The singular values, falling, see [`Tensor::svdvals`]. The gradient costs [`Var::svd`].
    pub fn svdvals(&self) -> Result<Var> {
        Var::apply(Svdvals, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(418);
    let call = |x: &[Var]| x[0].svdvals();
    vec![
        OpSpec::new("svdvals")
            .case("square", [apart(&mut s, &[2, 2])], [2], call)
            .reference(|x| {
                // σ₁ ± σ₂ from the Frobenius norm and the determinant.
                let a = x[0].to_vec::<f64>().unwrap_or_default();
                let (sum, det) = (a.iter().map(|a| a * a).sum::<f64>(), (a[0] * a[3] - a[1] * a[2]).abs());
                let (plus, minus) = ((sum + 2.0 * det).sqrt(), (sum - 2.0 * det).sqrt());
                vec![(plus + minus) / 2.0, (plus - minus) / 2.0]
            })
            .case("tall", [apart(&mut s, &[4, 2])], [2], call)
            .case("wide", [apart(&mut s, &[2, 4])], [2], call)
            .case("empty", [s.empty([0, 3, 2])], [0, 2], call)
            .case("large", [s.uniform([8, 40, 30], -1.0, 1.0)], [8, 30], call)
            .large()
            .error(
                [s.tensor(vec![1.0, f64::INFINITY, 0.0, 1.0], [2, 2])],
                call,
                "[svdvals] a matrix must be finite; got NaN or infinity at row 0, column 1; find the operation that made it",
            ),
    ]
}
