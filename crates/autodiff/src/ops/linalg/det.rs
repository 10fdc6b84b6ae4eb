//! The determinant.   `dA = g·adj(A)ᵀ`
//!
//! The adjugate is det(A)·A⁻¹ where A is well-conditioned; near and at singular matrices it is taken from A = U·S·Vᵀ as
//! adj(A)ᵀ = ±U·diag(Πⱼ≠ᵢ σⱼ)·Vᵀ, which needs no division. Source: Giles 2008, section 2.2.4, for the former.

use crate::ops::choice::{by_matrix, inverse};
use super::solve::regular;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{DType, Tensor};

/// `det A`. Saves A and the result.
pub struct Det;

/// Condition numbers, of the 1-norm, above this go the way of the singular values.
const ILL: f64 = 1e6;

impl Op for Det {
    fn name(&self) -> &'static str {
        "det"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].det()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let a = saved.input(0);
        let det = saved.output().unsqueeze(-1)?.unsqueeze(-1)?;
        let (inverse, ill) = inverse(a.value(), ILL)?;
        let adjugate_t = by_matrix(&ill, &[&a, &det, &Var::constant(inverse)], |ill, x| match ill {
            true => adjugate_t(&x[0]),
            // The inverse is there; only where it is differentiated again must it be made once more.
            false if x[0].is_tracked() => x[0].inv()?.t()?.mul(&x[1]),
            false => x[2].t()?.mul(&x[1]),
        })?;
        grads([adjugate_t.mul(&grad.unsqueeze(-1)?.unsqueeze(-1)?)?])
    }
}

/// `±U·diag(Πⱼ≠ᵢ σⱼ)·Vᵀ`
fn adjugate_t(a: &Var) -> Result<Var> {
    let (u, s, vt) = a.svd()?;
    let n = *s.shape().last().unwrap_or(&0);
    // det U·det V is ±1, a constant.
    let sign = u.value().matmul(vt.value())?.slogdet()?.0.unsqueeze(-1)?;
    let wide = [s.shape(), &[n]].concat();
    let eye = Tensor::eye(n, DType::Bool)?.expand(wide.as_slice())?;
    let mut others = Var::where_(&eye, &Var::constant(Tensor::ones([], a.dtype())?), &s.unsqueeze(-2)?.expand(&wide)?)?;
    let mut len = n;
    while len > 1 {
        let half = len / 2;
        let product = others.narrow(-1, 0, half)?.mul(&others.narrow(-1, half, half)?)?;
        let rest = others.narrow(-1, 2 * half, len - 2 * half)?;
        others = if rest.shape().last() == Some(&0) { product } else { Var::cat(&[&product, &rest], -1)? };
        len -= half;
    }
    let diagonal = others.squeeze(-1)?.mul(&Var::constant(sign))?;
    u.mul(&diagonal.unsqueeze(-2)?)?.matmul(&vt)
}

impl Var {
    /// The determinant, see [`Tensor::det`]. The gradient is right at singular matrices too.
    pub fn det(&self) -> Result<Var> {
        Var::apply(Det, &[self])
    }

    /// The sum of the diagonal: `(.., m, n)` to `(..)`.
    ///
    /// Errors: `ShapeMismatch` below rank 2.
    pub fn trace(&self) -> Result<Var> {
        self.value().diagonal()?;
        let &[.., m, n] = self.shape() else { return self.sum(&[]) };
        let eye = Tensor::eye(m.max(n), self.dtype())?.narrow(0, 0, m)?.narrow(1, 0, n)?;
        self.mul(&Var::constant(eye))?.sum(&[-2, -1])
    }
}

/// Of 3 × 3, by the rule of Sarrus.
fn sarrus(x: &[Tensor]) -> Vec<f64> {
    let a = x[0].to_vec::<f64>().unwrap_or_default();
    let minor = |i: usize, j: usize| a[3 + i] * a[6 + j] - a[3 + j] * a[6 + i];
    vec![a[0] * minor(1, 2) - a[1] * minor(0, 2) + a[2] * minor(0, 1)]
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(404);
    vec![
        OpSpec::new("det")
            .case("matrix", [regular(&mut s, &[3, 3])], [], |x| x[0].det())
            .reference(sarrus)
            .case("batch", [regular(&mut s, &[2, 2, 2])], [2], |x| x[0].det())
            .case("trace", [s.uniform([2, 3, 4], -1.0, 1.0)], [2], |x| x[0].trace())
            .case("size 0", [s.empty([2, 0, 0])], [2], |x| x[0].det())
            .case("large", [regular(&mut s, &[8, 20, 20])], [8], |x| x[0].det())
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].det(),
                "[det] matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gradient_alone_has_the_bits_that_it_has_beside_singular_matrices() -> Result<()> {
        let mut values = Samples::new(1).uniform([3, 2, 2], -1.0, 1.0).to_vec::<f64>()?;
        values[4..8].copy_from_slice(&[1.0, 2.0, 2.0, 4.0]);
        let gradient = |values: &[f64]| -> Result<Vec<f64>> {
            let a = Var::variable(Tensor::from_slice(values, [values.len() / 4, 2, 2])?);
            let grads = a.det()?.sum(&[])?.backward()?;
            Ok(grads.of(&a).map(|g| g.to_vec::<f64>()).transpose()?.unwrap_or_default())
        };
        let together = gradient(&values)?;
        for i in 0..3 {
            assert_eq!(gradient(&values[4 * i..4 * i + 4])?, together[4 * i..4 * i + 4]);
        }
        Ok(())
    }

    #[test]
    fn the_gradient_at_a_matrix_of_rank_n_minus_1_is_its_cofactors() -> Result<()> {
        let a = Var::variable(Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], [3, 3])?);
        let grads = a.det()?.backward()?;
        let da = grads.of(&a).map(|g| g.to_vec::<f64>()).transpose()?.unwrap_or_default();
        let cofactors = [-3.0, 6.0, -3.0, 6.0, -12.0, 6.0, -3.0, 6.0, -3.0];
        assert!(da.iter().zip(cofactors).all(|(x, y)| (x - y).abs() < 1e-12), "{da:?}");
        Ok(())
    }
}
