//! The pseudo-inverse, P = A⁺.   `dA = −Pᵀ·g·Pᵀ + (1 − A·P)·gᵀ·P·Pᵀ + Pᵀ·P·gᵀ·(1 − P·A)`
//!
//! Source: Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
//! variables separate", 1973, equation 4.12; holds where the rank does not change near A.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `A⁺`. Saves A and the result.
pub struct Pinv {
    rtol: Option<f64>,
}

impl Op for Pinv {
    fn name(&self) -> &'static str {
        "pinv"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].pinv(self.rtol)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (a, p) = (saved.input(0), saved.output());
        let (pt, gt) = (p.t()?, grad.t()?);
        let (left, right) = (gt.matmul(&p)?.matmul(&pt)?, pt.matmul(&p)?.matmul(&gt)?);
        let inside = pt.matmul(grad)?.matmul(&pt)?;
        let left = left.sub(&a.matmul(&p.matmul(&left)?)?)?;
        let right = right.sub(&right.matmul(&p)?.matmul(&a)?)?;
        grads([left.add(&right)?.sub(&inside)?])
    }
}

impl Var {
    /// The Moore-Penrose inverse, see [`Tensor::pinv`].
    pub fn pinv(&self, rtol: Option<f64>) -> Result<Var> {
        Var::apply(Pinv { rtol }, &[self])
    }

    /// The X of least norm among those that make ‖A·X − B‖ least, see [`Tensor::lstsq`].
    pub fn lstsq(&self, b: &Var) -> Result<Var> {
        self.pinv(None)?.matmul(b)
    }
}

/// `(AᵀA)⁻¹Aᵀ` of a matrix with 2 columns.
fn normal(x: &[Tensor]) -> Vec<f64> {
    let a = x[0].to_vec::<f64>().unwrap_or_default();
    let sum = |i: usize, j: usize| a.chunks_exact(2).map(|row| row[i] * row[j]).sum::<f64>();
    let (p, q, r) = (sum(0, 0), sum(0, 1), sum(1, 1));
    let det = p * r - q * q;
    let row = |x: f64, y: f64| a.chunks_exact(2).map(move |a| (x * a[0] + y * a[1]) / det).collect::<Vec<_>>();
    [row(r, -q), row(-q, p)].concat()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(411);
    let call = |x: &[Var]| x[0].pinv(None);
    let tall = |s: &mut Samples| {
        let a = s.uniform([3, 2], -0.3, 0.3).to_vec::<f64>().unwrap_or_default();
        s.tensor(vec![a[0] + 1.0, a[1], a[2], a[3] - 2.0, a[4] + 1.0, a[5]], [3, 2])
    };
    vec![
        OpSpec::new("pinv")
            .case("tall", [tall(&mut s)], [2, 3], call)
            .reference(normal)
            .case("wide", [tall(&mut s).t().unwrap_or_else(|_| s.empty([0, 0]))], [3, 2], call)
            .case("least squares", [tall(&mut s), s.uniform([3], -1.0, 1.0)], [2], |x| x[0].lstsq(&x[1]))
            .case("empty", [s.empty([0, 3, 2])], [0, 2, 3], call)
            .case("large", [s.uniform([8, 40, 30], -1.0, 1.0)], [8, 30, 40], call)
            .large()
            .error(
                [s.tensor(vec![1.0, f64::NAN, 0.0, 1.0], [2, 2])],
                call,
                "[pinv] a matrix must be finite; got NaN or infinity at row 0, column 1; find the operation that made it",
            ),
    ]
}
