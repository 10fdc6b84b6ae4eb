//! LU factorization with row exchanges, `A = P·L·U`.   `dA = P·L⁻ᵀ·(tril(Lᵀ·L̄, −1) + triu(Ū·Uᵀ))·U⁻ᵀ` for square matrices
//!
//! P is constant between exchanges. Source: de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals using
//! triangular factorization", 2011, section 3.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads, not_differentiable};
use crate::ops::packed::matrix;
use crate::var::Var;
use tensor::{Tensor, Triangular};

/// L, U and P, packed. Saves them. Only square matrices have a gradient.
pub struct Lu;

impl Op for Lu {
    fn name(&self) -> &'static str {
        "lu"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].lu_packed()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let n = match saved.shape(0) {
            &[.., m, n] if m == n => n,
            _ => return not_differentiable("lu"),
        };
        let (p, l, u) = unpack(&saved.output(), n, n)?;
        let (_, gl, gu) = unpack(grad, n, n)?;
        let inner = l.t()?.matmul(&gl)?.tril(-1)?.add(&gu.matmul(&u.t()?)?.triu(0)?)?;
        let left = l.triangular_solve(&inner, Triangular { transposed: true, unit: true, ..Default::default() })?;
        // X·U⁻ᵀ is the transpose of U⁻¹·Xᵀ.
        let whole = u.triangular_solve(&left.t()?, Triangular { upper: true, ..Default::default() })?.t()?;
        grads([p.detach().matmul(&whole)?])
    }
}

fn unpack(packed: &Var, m: usize, n: usize) -> Result<(Var, Var, Var)> {
    let k = m.min(n);
    let p = matrix(packed, m * k + k * n, m, m)?;
    Ok((p, matrix(packed, 0, m, k)?, matrix(packed, m * k, k, n)?))
}

impl Var {
    /// (P, L, U), see [`Tensor::lu`]. Only square matrices have a gradient; a singular one is refused going backward.
    pub fn lu(&self) -> Result<(Var, Var, Var)> {
        let (m, n) = match self.shape() {
            &[.., m, n] => (m, n),
            _ => (0, 0),
        };
        unpack(&Var::apply(Lu, &[self])?, m, n)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(413);
    let exchange = s.tensor(vec![0.5, 2.0, -0.3, 2.0, 0.3, 0.4, 0.1, -0.2, 1.5], [1, 3, 3]);
    vec![
        OpSpec::new("lu")
            .case("L and U", [exchange.clone()], [1, 3, 3], |x| x[0].lu().and_then(|(_, l, u)| l.add(&u.square()?)))
            .case("product", [exchange], [1, 3, 3], |x| x[0].lu().and_then(|(p, l, u)| p.matmul(&l)?.matmul(&u)))
            .reference(|x| x[0].to_vec().unwrap_or_default())
            .case("batch", [super::solve::regular(&mut s, &[2, 2, 2])], [2, 2, 2], |x| Ok(x[0].lu()?.2))
            .case("tall", [s.uniform([3, 2], -1.0, 1.0)], [3, 3], |x| Ok(x[0].detach().lu()?.0))
            .no_derivative()
            .case("size 0", [s.empty([2, 0, 0])], [2, 0, 0], |x| Ok(x[0].lu()?.1))
            .error(
                [s.tensor(vec![1.0, f64::NAN, 0.0, 1.0], [2, 2])],
                |x| Ok(x[0].lu()?.1),
                "[lu] a matrix must be finite; got NaN or infinity at row 0, column 1; find the operation that made it",
            ),
    ]
}
