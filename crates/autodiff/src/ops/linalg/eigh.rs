//! Eigenvalues and vectors of symmetric matrices, `A = V·diag(λ)·Vᵀ`.   `dA = sym(V·(diag(λ̄) + F ∘ (Vᵀ·V̄))·Vᵀ)`
//!
//! Fᵢⱼ = 1/(λⱼ − λᵢ), and 0 where the two are as good as equal: no further apart than `GAP` of the largest. There the
//! vectors have no derivative; the choice keeps gradients finite, and right for all functions that do not depend on
//! which basis of the common space was found. Source: Giles 2008, section 3.1.

use super::cholesky::symmetric;
use crate::ops::packed::{matrix, scale_columns};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{DType, Tensor};

/// Values closer than this part of the largest count as equal, in units of ε.
pub(super) const GAP: f64 = 64.0;

/// Distance from 1 to the next larger number.
pub(super) fn epsilon(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 }
}

/// λ and V, packed. Saves them.
pub struct Eigh;

impl Op for Eigh {
    fn name(&self) -> &'static str {
        "eigh"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].eigh_packed()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let n = *saved.shape(0).last().unwrap_or(&0);
        let (values, v) = unpack(&saved.output(), n)?;
        let (g_values, g_v) = unpack(grad, n)?;
        let inner = v.t()?.matmul(&g_v)?.mul(&inverse_gaps(&values)?)?;
        let eye = Var::constant(Tensor::eye(n, values.dtype())?);
        let inner = inner.add(&scale_columns(&eye, &g_values)?)?;
        grads([symmetric(&v.matmul(&inner)?.matmul(&v.t()?)?)?])
    }
}

fn unpack(packed: &Var, n: usize) -> Result<(Var, Var)> {
    Ok((packed.narrow(-1, 0, n)?, matrix(packed, n, n, n)?))
}

/// `1/(xⱼ − xᵢ)` at (i, j), 0 where it is no more than [`GAP`]·ε of the largest value.
pub(super) fn inverse_gaps(x: &Var) -> Result<Var> {
    let gaps = x.unsqueeze(-2)?.sub(&x.unsqueeze(-1)?)?;
    if x.value().len() == 0 {
        return Ok(gaps);
    }
    let bound = x.value().abs()?.max_keep(&[-1])?.unsqueeze(-1)?.mul_scalar(GAP * epsilon(x.dtype()))?;
    // An equal pair gets the divisor 1 and then the factor 0.
    let equal = gaps.value().abs()?.le(&bound)?;
    let apart = equal.logical_not()?.to_dtype(x.dtype())?;
    gaps.masked_fill(&equal, 1.0)?.recip()?.mul(&Var::constant(apart))
}

impl Var {
    /// (λ, V) of symmetric matrices, see [`Tensor::eigh`]. Gradients are finite where eigenvalues are equal.
    pub fn eigh(&self) -> Result<(Var, Var)> {
        unpack(&Var::apply(Eigh, &[self])?, *self.shape().last().unwrap_or(&0))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(409);
    let values = |x: &[Var]| Ok(symmetric(&x[0])?.eigh()?.0);
    let vectors = |x: &[Var]| Ok(symmetric(&x[0])?.eigh()?.1);
    let apart = |s: &mut Samples| s.tensor(vec![1.0, 0.3, -0.2, 0.1, 2.5, 0.4, 0.2, -0.3, 4.0], [3, 3]);
    vec![
        OpSpec::new("eigh")
            .case("values", [s.uniform([2, 2], -1.0, 1.0)], [2], values)
            .reference(|x| {
                let a = x[0].to_vec::<f64>().unwrap_or_default();
                let (mean, off) = ((a[0] + a[3]) / 2.0, (a[1] + a[2]) / 2.0);
                let root = libm::hypot((a[0] - a[3]) / 2.0, off);
                vec![mean - root, mean + root]
            })
            .case("vectors", [apart(&mut s)], [3, 3], vectors)
            .case("batch", [s.uniform([2, 2, 2], -1.0, 1.0)], [2, 2], values)
            .case("size 0", [s.empty([2, 0, 0])], [2, 0], values)
            .case("large", [s.uniform([8, 40, 40], -1.0, 1.0)], [8, 40, 40], vectors)
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| Ok(x[0].eigh()?.1),
                "[eigh] matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_eigenvalues_have_finite_gradients_and_their_sum_the_right_one() -> Result<()> {
        let a = Var::variable(Tensor::eye(3, DType::F64)?);
        let (values, v) = a.eigh()?;
        let grads = values.sum(&[])?.add(&v.square()?.sum(&[])?)?.backward()?;
        let da = grads.of(&a).map(|g| g.to_vec::<f64>()).transpose()?.unwrap_or_default();
        let eye = Tensor::eye(3, DType::F64)?.to_vec::<f64>()?;
        assert!(da.iter().zip(eye).all(|(x, y)| (x - y).abs() < 1e-14), "{da:?}");
        Ok(())
    }
}
