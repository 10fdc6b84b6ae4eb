//! QR factorization, `A = Q·R`.   `dA = (Q̄ + Q·copyltu(R·R̄ᵀ − Q̄ᵀ·Q))·R⁻ᵀ`, copyltu: the lower half mirrored
//!
//! Of a wide A = [X Y], R = [U W]: Q and U come from X and W = Qᵀ·Y, so that Q̄ gets Y·W̄ᵀ added and dY = Q·W̄. Source: Walter and
//! Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum experimental design",
//! 2010, section 3. R's diagonal is positive. A matrix without full rank has no gradient: R is singular.

use crate::ops::packed::matrix;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{Tensor, Triangular};

/// Q and R, packed. Saves them and, if it is wide, A.
pub struct Qr {
    wide: bool,
}

impl Op for Qr {
    fn name(&self) -> &'static str {
        "qr"
    }
    fn saves(&self) -> Saves {
        if self.wide { Saves::inputs(&[0]).and_output() } else { Saves::OUTPUT }
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].qr_packed()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let &[.., m, n] = saved.shape(0) else { return Ok(Grads::from_iter([None])) };
        let k = m.min(n);
        let (q, r) = unpack(&saved.output(), m, n)?;
        let (gq, gr) = unpack(grad, m, n)?;
        if !self.wide {
            return grads([tall(&q, &r, &gq, &gr)?]);
        }
        let (y, gw) = (saved.input(0).narrow(-1, k, n - k)?, gr.narrow(-1, k, n - k)?);
        let gq = gq.add(&y.matmul(&gw.t()?)?)?;
        let dx = tall(&q, &r.narrow(-1, 0, k)?, &gq, &gr.narrow(-1, 0, k)?)?;
        grads([Var::cat(&[&dx, &q.matmul(&gw)?], -1)?])
    }
}

fn unpack(packed: &Var, m: usize, n: usize) -> Result<(Var, Var)> {
    let k = m.min(n);
    Ok((matrix(packed, 0, m, k)?, matrix(packed, m * k, k, n)?))
}

/// The rule for m ≥ n.
fn tall(q: &Var, r: &Var, gq: &Var, gr: &Var) -> Result<Var> {
    let product = r.matmul(&gr.t()?)?.sub(&gq.t()?.matmul(q)?)?;
    let mirrored = product.tril(0)?.add(&product.tril(-1)?.t()?)?;
    let left = gq.add(&q.matmul(&mirrored)?)?;
    // X·R⁻ᵀ is the transpose of R⁻¹·Xᵀ.
    r.triangular_solve(&left.t()?, Triangular { upper: true, ..Default::default() })?.t()
}

impl Var {
    /// (Q, R) of the reduced QR factorization, see [`Tensor::qr`].
    pub fn qr(&self) -> Result<(Var, Var)> {
        let (m, n) = match self.shape() {
            &[.., m, n] => (m, n),
            _ => (0, 0),
        };
        unpack(&Var::apply(Qr { wide: n > m }, &[self])?, m, n)
    }
}

/// By Gram and Schmidt, Q alone, for matrices of 2 columns.
fn gram_schmidt(x: &[Tensor]) -> Vec<f64> {
    let a = x[0].to_vec::<f64>().unwrap_or_default();
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let unit = |x: Vec<f64>| {
        let norm = dot(&x, &x).sqrt();
        x.into_iter().map(|x| x / norm).collect::<Vec<_>>()
    };
    let column = |j: usize| a.iter().skip(j).step_by(2).copied().collect::<Vec<_>>();
    let (first, second) = (unit(column(0)), column(1));
    let along = dot(&first, &second);
    let second = unit(second.iter().zip(&first).map(|(y, x)| y - along * x).collect());
    first.iter().zip(&second).flat_map(|(x, y)| [*x, *y]).collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(408);
    let both = |x: &[Var]| x[0].qr().and_then(|(q, r)| q.matmul(&r.square()?)?.add(&q));
    vec![
        OpSpec::new("qr")
            .case("tall, Q", [s.uniform([4, 2], -1.0, 1.0)], [4, 2], |x| Ok(x[0].qr()?.0))
            .reference(gram_schmidt)
            .case("square, both", [super::solve::regular(&mut s, &[1, 3, 3])], [1, 3, 3], both)
            .case("batch, R", [s.uniform([2, 3, 2], -1.0, 1.0)], [2, 2, 2], |x| Ok(x[0].qr()?.1))
            .case("wide, R", [super::solve::regular(&mut s, &[1, 4, 4]).narrow(1, 0, 2).unwrap_or_else(|_| s.empty([0, 2, 4]))], [1, 2, 4], |x| Ok(x[0].qr()?.1))
            .case("empty", [s.empty([0, 3, 2])], [0, 3, 2], |x| Ok(x[0].qr()?.0))
            .case("large", [s.uniform([8, 50, 40], -1.0, 1.0)], [8, 50, 40], |x| Ok(x[0].qr()?.0))
            .large()
            .error(
                [s.tensor(vec![1.0, f64::NAN, 0.0, 1.0], [2, 2])],
                |x| Ok(x[0].qr()?.0),
                "[qr] a matrix must be finite; got NaN or infinity at row 0, column 1; find the operation that made it",
            ),
    ]
}
