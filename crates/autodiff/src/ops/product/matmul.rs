//! Matrix product in NumPy's ranks, `z = x·y`.   `dx = g·yᵀ`, `dy = xᵀ·g`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `z = x·y`. Saves both inputs; strided operands are multiplied where they stand.
pub struct MatMul;

impl Op for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].matmul(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        // A vector is a row on the left and a column on the right; the gradient gets its axis back.
        let (x, y) = (saved.input(0), saved.input(1));
        let (left, right) = (x.rank() == 1, y.rank() == 1);
        let x = if left { x.unsqueeze(0)? } else { x };
        let y = if right { y.unsqueeze(1)? } else { y };
        let g = if left { grad.unsqueeze(if right { -1 } else { -2 })? } else { grad.clone() };
        let g = if right { g.unsqueeze(-1)? } else { g };
        let drop_axis = |dx: Var, vector: bool, axis: isize| if vector { dx.sum(&[axis]) } else { Ok(dx) };
        let dx = saved.if_needed(0, || drop_axis(g.matmul(&y.t()?)?, left, -2))?;
        let dy = saved.if_needed(1, || drop_axis(x.t()?.matmul(&g)?, right, -1))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// The matrix product, see [`Tensor::matmul`].
    pub fn matmul(&self, y: &Var) -> Result<Var> {
        Var::apply(MatMul, &[self, y])
    }
}

/// `Σ x(i, p)·y(p, j)` by three loops, for matrices.
fn naive(x: &[Tensor]) -> Vec<f64> {
    let (m, k, n) = (x[0].shape()[0], x[0].shape()[1], x[1].shape()[1]);
    let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
    (0..m * n).map(|ij| (0..k).map(|p| a[ij / n * k + p] * b[p * n + ij % n]).sum()).collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(30);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -1.0, 1.0), s.uniform(b, -1.0, 1.0)];
    let call = |x: &[Var]| x[0].matmul(&x[1]);
    vec![
        OpSpec::new("matmul")
            .case("matrices", pair(&[3, 5], &[5, 4]), [3, 4], call)
            .reference(naive)
            .case("row by matrix", pair(&[5], &[5, 4]), [4], call)
            .case("matrix by column", pair(&[3, 5], &[5]), [3], call)
            .case("dot", pair(&[5], &[5]), [], call)
            .case("batches", pair(&[2, 3, 4], &[2, 4, 2]), [2, 3, 2], call)
            .case("one matrix for a batch", pair(&[2, 3, 4], &[4, 2]), [2, 3, 2], call)
            .case("batches that broadcast", pair(&[2, 1, 2, 3], &[3, 3, 2]), [2, 3, 2, 2], call)
            .case("batch by vector", pair(&[2, 3, 4], &[4]), [2, 3], call)
            .case("vector by batch", pair(&[3], &[2, 3, 4]), [2, 4], call)
            .case("no inner axis", pair(&[2, 0], &[0, 3]), [2, 3], call)
            .reference(|_| vec![0.0; 6])
            .case("no rows", pair(&[0, 3], &[3, 4]), [0, 4], call)
            .case("large", pair(&[130, 600], &[600, 140]), [130, 140], call)
            .large()
            .error(
                pair(&[2, 3], &[4, 5]),
                call,
                "[matmul] the last axis of the left operand must equal the second-to-last of the right; got [2, 3] and [4, 5]; transpose one operand with t()",
            )
            .error(
                pair(&[2, 3, 4], &[5, 4, 3]),
                call,
                "[matmul] the axes before the last two must broadcast; got [2, 3, 4] and [5, 4, 3]; reshape or expand one operand",
            )
            .error(
                pair(&[], &[4]),
                call,
                "[matmul] operands must have at least one axis; got [] and [4]; multiply by a scalar with mul",
            ),
    ]
}
