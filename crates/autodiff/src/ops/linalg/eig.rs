//! Eigenvalues and eigenvectors of general matrices, `A·V = V·diag(λ)`, complex numbers as pairs of real ones.
//!
//! `dA = Re(V⁻ᴴ·(diag(λ̄) + conj(F) ∘ (Vᴴ·H))·Vᴴ)`, H = V̄ − V·diag(Re s) − i·e_p·diag(Im s/r), s = diag(Vᴴ·V̄)
//!
//! Fᵢⱼ = 1/(λⱼ − λᵢ). What H takes away from V̄ is what the choice of a multiple fixes: vectors have length 1 and their
//! largest component, p, is a real r. Source: Giles 2008, section 3.1, with those two conditions differentiated as well.
//!
//! Where values are as good as equal, no further apart than `GAP`·ε of the largest, F is 0: their vectors have no
//! derivative; the choice keeps gradients finite, and right for functions of V that do not depend on which basis of the
//! common space was found. A matrix without a basis of eigenvectors has no derivative at all: there, where V's condition
//! number is above 1/(64·n·ε), V's pseudo-inverse is taken for its inverse, which is finite.

use super::eigh::{GAP, epsilon};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::choice::{by_matrix, inverse};
use crate::ops::declared::declared;
use crate::ops::packed::{matrix, scale_columns};
use crate::var::Var;
use tensor::Tensor;

/// λ, Re V and Im V, packed. Saves them.
pub struct Eig;

/// A complex matrix or row.
struct Complex {
    re: Var,
    im: Var,
}

impl Complex {
    /// λ `(.., 1, n)` and V out of the packed form.
    fn unpack(packed: &Var, n: usize) -> Result<(Self, Self)> {
        let row = |start: usize| packed.narrow(-1, start, n)?.unsqueeze(-2);
        let values = Self { re: row(0)?, im: row(n)? };
        let square = |start: usize| matrix(packed, start, n, n);
        Ok((values, Self { re: square(2 * n)?, im: square(2 * n + n * n)? }))
    }

    /// `selfᴴ·y`
    fn adjoint_times(&self, y: &Self) -> Result<Self> {
        let (re, im) = (self.re.t()?, self.im.t()?);
        Ok(Self {
            re: re.matmul(&y.re)?.add(&im.matmul(&y.im)?)?,
            im: re.matmul(&y.im)?.sub(&im.matmul(&y.re)?)?,
        })
    }

    /// `self·yᴴ`
    fn times_adjoint(&self, y: &Self) -> Result<Self> {
        let (re, im) = (y.re.t()?, y.im.t()?);
        Ok(Self {
            re: self.re.matmul(&re)?.add(&self.im.matmul(&im)?)?,
            im: self.im.matmul(&re)?.sub(&self.re.matmul(&im)?)?,
        })
    }
}

impl Op for Eig {
    fn name(&self) -> &'static str {
        "eig"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].eig_packed()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let n = *saved.shape(0).last().unwrap_or(&0);
        let (values, v) = Complex::unpack(&saved.output(), n)?;
        let (g_values, g) = Complex::unpack(grad, n)?;
        if grad.value().len() == 0 {
            return grads([v.re]);
        }
        let inner = v.adjoint_times(&free(&v, &g)?)?;
        let gaps = |x: &Var| x.sub(&x.t()?);
        let (dr, di) = (gaps(&values.re)?, gaps(&values.im)?);
        let inverse = inverse_squares(&values, &dr, &di)?;
        let eye = Var::constant(Tensor::eye(n, v.re.dtype())?);
        let part = |x: Var, g: &Var| x.mul(&inverse)?.add(&eye.mul(g)?);
        let inner = Complex {
            re: part(dr.mul(&inner.re)?.sub(&di.mul(&inner.im)?)?, &g_values.re)?,
            im: part(dr.mul(&inner.im)?.add(&di.mul(&inner.re)?)?, &g_values.im)?,
        };
        grads([real_solution(&v, &inner.times_adjoint(&v)?)?])
    }
}

/// V's gradient without the directions in which length and phase do not let it go.
fn free(v: &Complex, g: &Complex) -> Result<Complex> {
    let dot = |a: Var, b: Var| a.add(&b)?.sum_keep(&[-2]);
    let s_re = dot(v.re.mul(&g.re)?, v.im.mul(&g.im)?)?;
    let s_im = dot(v.re.mul(&g.im)?, v.im.mul(&g.re)?.neg()?)?;
    // 1 at the component that was made real, the largest of those that are; 0 elsewhere.
    let n = v.re.shape()[v.re.rank() - 1];
    let complex = v.im.value().ne(&Tensor::zeros([], v.im.dtype())?)?;
    let at = v.re.value().masked_fill(&complex, -1.0)?.argmax(-2)?;
    let at = Var::constant(at.one_hot(n, v.re.dtype())?.t()?);
    let r = v.re.mul(&at)?.sum_keep(&[-2])?;
    Ok(Complex {
        re: g.re.sub(&v.re.mul(&s_re)?)?,
        im: g.im.sub(&v.im.mul(&s_re)?)?.sub(&at.mul(&s_im.div(&r)?)?)?,
    })
}

/// `1/|λⱼ − λᵢ|²`, 0 where the two are as good as equal.
fn inverse_squares(values: &Complex, dr: &Var, di: &Var) -> Result<Var> {
    let squares = dr.square()?.add(&di.square()?)?;
    let sizes = values.re.value().square()?.add(&values.im.value().square()?)?;
    let gap = GAP * epsilon(dr.dtype());
    let bound = sizes.max_keep(&[-1])?.mul_scalar(gap * gap)?;
    let equal = squares.value().le(&bound)?;
    let apart = Var::constant(equal.logical_not()?.to_dtype(dr.dtype())?);
    squares.masked_fill(&equal, 1.0)?.recip()?.mul(&apart)
}

/// `Re X` with Vᴴ·X = Y, through the real matrix [[Re Vᵀ, Im Vᵀ], [−Im Vᵀ, Re Vᵀ]] of twice the size.
fn real_solution(v: &Complex, y: &Complex) -> Result<Var> {
    let n = v.re.shape()[v.re.rank() - 1];
    let (re, im) = (v.re.t()?, v.im.t()?);
    let top = Var::cat(&[&re, &im], -1)?;
    let both = Var::cat(&[&top, &Var::cat(&[&im.neg()?, &re], -1)?], -2)?;
    let y = Var::cat(&[&y.re, &y.im], -2)?;
    let most = 1.0 / (64.0 * n as f64 * epsilon(y.dtype()));
    let (_, ill) = inverse(both.value(), most)?;
    let x = by_matrix(&ill, &[&both, &y], |ill, x| {
        if ill { x[0].pinv(Some(1.0 / most))?.matmul(&x[1]) } else { x[0].solve(&x[1]) }
    })?;
    x.narrow(-2, 0, n)
}

impl Var {
    /// (λ, Re V, Im V) of general matrices, see [`Tensor::eig`].
    ///
    /// Gradients are finite where eigenvalues are equal, and where there is no basis of eigenvectors; see
    /// [the rule](crate::ops::linalg::eig). Differs from PyTorch in: it is not refused that a function depends on which
    /// multiple of a vector is taken; that choice is differentiated.
    pub fn eig(&self) -> Result<(Var, Var, Var)> {
        let n = *self.shape().last().unwrap_or(&0);
        let packed = Var::apply(Eig, &[self])?;
        let square = |start: usize| matrix(&packed, start, n, n);
        Ok((matrix(&packed, 0, n, 2)?, square(2 * n)?, square(2 * n + n * n)?))
    }

    /// The eigenvalues of general matrices, see [`Tensor::eigvals`]; where a gradient is wanted, at the cost of [`Var::eig`].
    pub fn eigvals(&self) -> Result<Var> {
        match self.is_tracked() {
            true => Ok(self.eig().map_err(|e| e.named("eigvals"))?.0),
            false => declared("eigvals", self, Tensor::eigvals),
        }
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(415);
    let values = |x: &[Var]| x[0].eigvals();
    // A pair and a real value, no component of a vector as large as another.
    let mixed = s.tensor(vec![1.0, -2.0, 0.3, 1.5, 0.7, -0.2, 0.4, 0.1, -1.2], [1, 3, 3]);
    let real = s.tensor(vec![1.0, 0.3, -0.2, 0.1, 2.5, 0.4, 0.2, -0.3, 4.0], [1, 3, 3]);
    vec![
        OpSpec::new("eig")
            .case("values of a pair", [s.tensor(vec![1.0, -2.0, 2.5, 1.2], [1, 2, 2])], [1, 2, 2], values)
            .reference(|x| {
                let a = x[0].to_vec::<f64>().unwrap_or_default();
                let (mean, half) = ((a[0] + a[3]) / 2.0, (a[0] - a[3]) / 2.0);
                let root = (-(half * half + a[1] * a[2])).sqrt();
                vec![mean, root, mean, -root]
            })
            .case("values, a pair and one", [mixed.clone()], [1, 3, 2], values)
            .case("values, real", [real.clone()], [1, 3, 2], values)
            .case("real parts of vectors", [mixed.clone()], [1, 3, 3], |x| Ok(x[0].eig()?.1))
            .case("imaginary parts of vectors", [mixed.clone()], [1, 3, 3], |x| Ok(x[0].eig()?.2))
            .case("vectors, real", [real], [1, 3, 3], |x| Ok(x[0].eig()?.1))
            .case("all", [mixed], [1, 3, 3], |x| {
                let (values, re, im) = x[0].eig()?;
                let (lr, li) = (values.select(-1, 0)?, values.select(-1, 1)?);
                scale_columns(&re, &lr)?.mul(&im)?.add(&scale_columns(&im.square()?, &li)?)
            })
            .case("batch", [s.uniform([2, 3, 3], 0.0, 1.0)], [2, 3, 2], values)
            .case("empty", [s.empty([0, 2, 2])], [0, 2, 2], values)
            .case("large", [s.uniform([8, 30, 30], -1.0, 1.0)], [8, 30, 30], |x| Ok(x[0].eig()?.2))
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| Ok(x[0].eig()?.1),
                "[eig] matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::DType;

    fn gradient(a: Tensor, f: impl Fn(&Var) -> Result<Var>) -> Result<Vec<f64>> {
        let a = Var::variable(a);
        let grads = f(&a)?.backward()?;
        Ok(grads.of(&a).map(|g| g.to_vec::<f64>()).transpose()?.unwrap_or_default())
    }

    #[test]
    fn equal_eigenvalues_have_finite_gradients_and_their_sum_the_right_one() -> Result<()> {
        let da = gradient(Tensor::eye(3, DType::F64)?, |a| {
            let (values, re, im) = a.eig()?;
            values.sum(&[])?.add(&re.square()?.add(&im.square()?)?.sum(&[])?)
        })?;
        let eye = Tensor::eye(3, DType::F64)?.to_vec::<f64>()?;
        assert!(da.iter().zip(eye).all(|(x, y)| (x - y).abs() < 1e-14), "{da:?}");
        Ok(())
    }

    #[test]
    fn a_matrix_without_a_basis_of_eigenvectors_has_finite_gradients() -> Result<()> {
        let block = Tensor::from_vec(vec![2.0, 1.0, 0.0, 2.0], [2, 2])?;
        let da = gradient(block, |a| {
            let (values, re, _) = a.eig()?;
            values.square()?.sum(&[])?.add(&re.sum(&[])?)
        })?;
        assert!(da.iter().all(|x| x.abs() < 100.0), "{da:?}");
        Ok(())
    }
}
