//! Halves of matrices, `tril` and `triu`.   The gradient's same half

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The half of a matrix on one side of a diagonal. Saves nothing.
pub struct Triangle {
    diagonal: isize,
    upper: bool,
}

impl Op for Triangle {
    fn name(&self) -> &'static str {
        "triangle"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(if self.upper { x[0].triu(self.diagonal)? } else { x[0].tril(self.diagonal)? })
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([triangle(grad, self.diagonal, self.upper)?])
    }
}

/// The upper or lower half, with `diagonal`.
pub(super) fn triangle(x: &Var, diagonal: isize, upper: bool) -> Result<Var> {
    Var::apply(Triangle { diagonal, upper }, &[x])
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(406);
    vec![
        OpSpec::new("triangle")
            .case("lower", [s.uniform([2, 2], -1.0, 1.0)], [2, 2], |x| triangle(&x[0], 0, false))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[0], 0.0, x[2], x[3]]
            })
            .case("upper of a batch", [s.uniform([2, 3, 2], -1.0, 1.0)], [2, 3, 2], |x| triangle(&x[0], 1, true))
            .case("empty", [s.empty([0, 2, 2])], [0, 2, 2], |x| triangle(&x[0], 0, false)),
    ]
}
