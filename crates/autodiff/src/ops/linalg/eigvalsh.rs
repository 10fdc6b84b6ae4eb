//! Eigenvalues of symmetric matrices.   `dA = V·diag(g)·Vᵀ`
//!
//! Vectors are looked for only when the gradient is. Where eigenvalues are equal, a gradient that is equal for them is
//! right, and any other is that of one basis of the common space. Source: Giles 2008, section 3.1.

use super::cholesky::symmetric;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::packed::scale_columns;
use crate::var::Var;
use tensor::Tensor;

/// λ. Saves A.
pub struct Eigvalsh;

impl Op for Eigvalsh {
    fn name(&self) -> &'static str {
        "eigvalsh"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].eigvalsh()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (_, v) = saved.input(0).eigh()?;
        grads([scale_columns(&v, grad)?.matmul(&v.t()?)?])
    }
}

impl Var {
    /// The eigenvalues of symmetric matrices, rising, see [`Tensor::eigvalsh`]. The gradient costs [`Var::eigh`].
    pub fn eigvalsh(&self) -> Result<Var> {
        Var::apply(Eigvalsh, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(417);
    let values = |x: &[Var]| symmetric(&x[0])?.eigvalsh();
    vec![
        OpSpec::new("eigvalsh")
            .case("matrix", [s.uniform([2, 2], -1.0, 1.0)], [2], values)
            .reference(|x| {
                let a = x[0].to_vec::<f64>().unwrap_or_default();
                let (mean, off) = ((a[0] + a[3]) / 2.0, (a[1] + a[2]) / 2.0);
                let root = libm::hypot((a[0] - a[3]) / 2.0, off);
                vec![mean - root, mean + root]
            })
            .case("batch", [s.uniform([2, 3, 3], -1.0, 1.0)], [2, 3], values)
            .case("size 0", [s.empty([2, 0, 0])], [2, 0], values)
            .case("large", [s.uniform([8, 40, 40], -1.0, 1.0)], [8, 40], values)
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].eigvalsh(),
                "[eigvalsh] matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes",
            ),
    ]
}
