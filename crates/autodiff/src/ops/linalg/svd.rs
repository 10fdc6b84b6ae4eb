//! Singular values and vectors, `A = U·diag(σ)·Vᵀ`, thin.
//!
//! `dA = U·(F∘(UᵀŪ − ŪᵀU)·S + S·F∘(VᵀV̄ − V̄ᵀV) + diag(σ̄))·Vᵀ + (1 − UUᵀ)·Ū·S⁻¹·Vᵀ + U·S⁻¹·V̄ᵀ·(1 − VVᵀ)`
//!
//! Fᵢⱼ = 1/(σⱼ² − σᵢ²), and 0 where the two are as good as equal, as in [`eigh`](super::eigh); 1/σᵢ is 0 likewise where σᵢ is.
//! Source: Townsend, "Differentiating the singular value decomposition", 2016, equation 31.

use super::eigh::{GAP, epsilon, inverse_gaps};
use crate::ops::packed::{matrix, scale_columns};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// U, σ and V, packed. Saves them.
pub struct Svd;

impl Op for Svd {
    fn name(&self) -> &'static str {
        "svd"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].svd_packed()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let &[.., m, n] = saved.shape(0) else { return Ok(Grads::from_iter([None])) };
        let k = m.min(n);
        let (u, s, v) = unpack(&saved.output(), m, n)?;
        let (gu, gs, gv) = unpack(grad, m, n)?;
        let f = inverse_gaps(&s)?.mul(&inverse_sums(&s)?)?;
        let turn = |x: &Var, g: &Var| {
            let product = x.t()?.matmul(g)?;
            product.sub(&product.t()?)?.mul(&f)
        };
        let eye = Var::constant(Tensor::eye(k, s.dtype())?);
        let inner = scale_columns(&turn(&u, &gu)?, &s)?
            .add(&turn(&v, &gv)?.mul(&s.unsqueeze(-1)?)?)?
            .add(&scale_columns(&eye, &gs)?)?;
        let mut left = u.matmul(&inner)?;
        if m > k {
            left = left.add(&scale_columns(&outside(&u, &gu)?, &inverse(&s)?)?)?;
        }
        let mut da = left.matmul(&v.t()?)?;
        if n > k {
            da = da.add(&scale_columns(&u, &inverse(&s)?)?.matmul(&outside(&v, &gv)?.t()?)?)?;
        }
        grads([da])
    }
}

fn unpack(packed: &Var, m: usize, n: usize) -> Result<(Var, Var, Var)> {
    let k = m.min(n);
    Ok((matrix(packed, 0, m, k)?, packed.narrow(-1, m * k, k)?, matrix(packed, m * k + k, n, k)?))
}

/// `(1 − x·xᵀ)·g`
fn outside(x: &Var, g: &Var) -> Result<Var> {
    g.sub(&x.matmul(&x.t()?.matmul(g)?)?)
}

/// `1/x`, 0 where x is 0 or as good as.
fn guarded(x: &Var, bound: &Tensor) -> Result<Var> {
    let zero = x.value().le(bound)?;
    let keep = zero.logical_not()?.to_dtype(x.dtype())?;
    x.masked_fill(&zero, 1.0)?.recip()?.mul(&Var::constant(keep))
}

fn bound(s: &Var) -> Result<Tensor> {
    Ok(s.value().max_keep(&[-1])?.mul_scalar(GAP * epsilon(s.dtype()))?)
}

fn inverse(s: &Var) -> Result<Var> {
    if s.value().len() == 0 { Ok(s.clone()) } else { guarded(s, &bound(s)?) }
}

/// `1/(σᵢ + σⱼ)`
fn inverse_sums(s: &Var) -> Result<Var> {
    let sums = s.unsqueeze(-2)?.add(&s.unsqueeze(-1)?)?;
    if sums.value().len() == 0 { Ok(sums) } else { guarded(&sums, &bound(s)?.unsqueeze(-1)?) }
}

impl Var {
    /// (U, σ, Vᵀ), thin, see [`Tensor::svd`]. Gradients are finite where singular values are equal.
    pub fn svd(&self) -> Result<(Var, Var, Var)> {
        let (m, n) = match self.shape() {
            &[.., m, n] => (m, n),
            _ => (0, 0),
        };
        let (u, s, v) = unpack(&Var::apply(Svd, &[self])?, m, n)?;
        Ok((u, s, v.t()?))
    }
}

/// Matrices whose singular values are at least some tenths apart.
pub(super) fn apart(s: &mut Samples, shape: &[usize]) -> Tensor {
    let n = shape[1].min(shape[0]);
    let a = s.uniform(shape, -0.3, 0.3).to_vec::<f64>().unwrap_or_default();
    let diagonal = |i: usize| if i / shape[1] == i % shape[1] { (n - i / shape[1]) as f64 } else { 0.0 };
    s.tensor(a.iter().enumerate().map(|(i, a)| a + diagonal(i)).collect(), shape)
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(410);
    vec![
        OpSpec::new("svd")
            .case("values", [apart(&mut s, &[2, 2])], [2], |x| Ok(x[0].svd()?.1))
            .reference(|x| {
                // σ₁ ± σ₂ from the Frobenius norm and the determinant.
                let a = x[0].to_vec::<f64>().unwrap_or_default();
                let (sum, det) = (a.iter().map(|a| a * a).sum::<f64>(), (a[0] * a[3] - a[1] * a[2]).abs());
                let (plus, minus) = ((sum + 2.0 * det).sqrt(), (sum - 2.0 * det).sqrt());
                vec![(plus + minus) / 2.0, (plus - minus) / 2.0]
            })
            .case("square, U", [apart(&mut s, &[3, 3])], [3, 3], |x| Ok(x[0].svd()?.0))
            .case("tall, U", [apart(&mut s, &[4, 2])], [4, 2], |x| Ok(x[0].svd()?.0))
            .case("tall, V", [apart(&mut s, &[3, 2])], [2, 2], |x| Ok(x[0].svd()?.2))
            .case("wide, all", [apart(&mut s, &[2, 3])], [2, 3], |x| {
                let (u, s, vt) = x[0].svd()?;
                scale_columns(&u, &s.square()?)?.matmul(&vt)?.add(&vt)
            })
            .case("empty", [s.empty([0, 3, 2])], [0, 2], |x| Ok(x[0].svd()?.1))
            .case("large", [s.uniform([8, 40, 30], -1.0, 1.0)], [8, 30], |x| Ok(x[0].svd()?.1))
            .large()
            .error(
                [s.tensor(vec![1.0, f64::INFINITY, 0.0, 1.0], [2, 2])],
                |x| Ok(x[0].svd()?.0),
                "[svd] a matrix must be finite; got NaN or infinity at row 0, column 1; find the operation that made it",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::DType;

    #[test]
    fn equal_singular_values_have_finite_gradients_and_their_sum_the_right_one() -> Result<()> {
        let a = Var::variable(Tensor::eye(3, DType::F64)?);
        let (u, s, vt) = a.svd()?;
        let grads = s.sum(&[])?.add(&u.square()?.add(&vt.square()?)?.sum(&[])?)?.backward()?;
        let da = grads.of(&a).map(|g| g.to_vec::<f64>()).transpose()?.unwrap_or_default();
        let eye = Tensor::eye(3, DType::F64)?.to_vec::<f64>()?;
        assert!(da.iter().zip(eye).all(|(x, y)| (x - y).abs() < 1e-14), "{da:?}");
        Ok(())
    }
}
