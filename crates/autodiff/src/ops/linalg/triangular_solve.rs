//! Solutions of triangular systems, `X = T⁻¹·B`.   `dB = T⁻ᵀ·g`, `dT` the half of `−dB·Xᵀ` that was read
//!
//! Source: Giles, "An extended collection of matrix derivative results", 2008, section 2.3.

use super::solve::{eliminate, regular};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::{Tensor, Triangular};

/// `X = T⁻¹·B`, T as `how` says. Saves T's matrix and X.
pub struct TriangularSolve {
    how: Triangular,
}

impl Op for TriangularSolve {
    fn name(&self) -> &'static str {
        "triangular_solve"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].triangular_solve(x[1], self.how)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, vector, how) = (saved.output(), saved.shape(1).len() == 1, self.how);
        let column = |x: &Var| if vector { x.unsqueeze(-1) } else { Ok(x.clone()) };
        let back = Triangular { transposed: !how.transposed, ..how };
        let db = saved.input(0).triangular_solve(&column(grad)?, back)?;
        let da = saved.if_needed(0, || {
            let full = match how.transposed {
                false => db.matmul(&column(&x)?.t()?)?,
                true => column(&x)?.matmul(&db.t()?)?,
            };
            let full = full.neg()?;
            if how.upper { full.triu(how.unit.into()) } else { full.tril(-isize::from(how.unit)) }
        })?;
        Ok(Grads::from_iter([da, Some(if vector { db.squeeze(-1)? } else { db })]))
    }
}

impl Var {
    /// The solution of a triangular system, see [`Tensor::triangular_solve`].
    pub fn triangular_solve(&self, b: &Var, how: Triangular) -> Result<Var> {
        Var::apply(TriangularSolve { how }, &[self, b])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(407);
    let mut spec = OpSpec::new("triangular_solve");
    for i in 0..8 {
        let how = Triangular { upper: i & 1 == 1, transposed: i & 2 == 2, unit: i & 4 == 4 };
        spec = spec
            .case(format!("{how:?}"), [regular(&mut s, &[3, 3]), s.uniform([3, 2], -1.0, 1.0)], [3, 2], move |x| {
                x[0].triangular_solve(&x[1], how)
            })
            .reference(move |x| {
                let half = if how.upper { x[0].triu(how.unit.into()) } else { x[0].tril(-isize::from(how.unit)) };
                let ones = Tensor::eye(3, tensor::DType::F64).and_then(|eye| eye.mul_scalar(how.unit.into()));
                let full = half.and_then(|half| half.add(&ones?));
                let full = full.and_then(|full| if how.transposed { full.t() } else { Ok(full) });
                full.map(|full| eliminate(&full, &x[1])).unwrap_or_default()
            });
    }
    let how = Triangular::default();
    vec![
        spec.case("vector, batch", [regular(&mut s, &[2, 2, 2]), s.uniform([2], -1.0, 1.0)], [2, 2], move |x| {
            x[0].triangular_solve(&x[1], how)
        })
        .case("size 0", [s.empty([0, 0]), s.empty([0, 2])], [0, 2], move |x| x[0].triangular_solve(&x[1], how))
        .error(
            [s.tensor(vec![1.0, 0.0, 2.0, 0.0], [2, 2]), s.uniform([2, 1], 0.0, 1.0)],
            move |x| x[0].triangular_solve(&x[1], how),
            "[triangular_solve] a matrix must not be singular; got a singular matrix at pivot 1; add a multiple of the identity, or use pinv or lstsq",
        ),
    ]
}
