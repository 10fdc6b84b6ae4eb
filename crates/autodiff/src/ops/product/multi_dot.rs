//! The product of a chain of matrices, in the order of least multiplications.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::widened::widened;
use crate::var::Var;
use tensor::Tensor;
use tensor::einsum::multi_dot_order;

impl Var {
    /// The product of a chain of matrices, see [`Tensor::multi_dot`]. Saves the matrices and all products but the last.
    pub fn multi_dot(matrices: &[&Var]) -> Result<Var> {
        let shapes: Vec<&[usize]> = matrices.iter().map(|x| x.shape()).collect();
        let order = multi_dot_order(&shapes)?;
        if let Some(out) = widened(matrices, &Var::multi_dot) {
            return out;
        }
        let mut terms: Vec<Var> = matrices.iter().map(|&x| x.clone()).collect();
        for (i, j) in order {
            terms.push(terms[i].matmul(&terms[j]).map_err(|e| e.named("multi_dot"))?);
        }
        Ok(terms.pop().expect("invariant: the order was made for two matrices at least"))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(37);
    let mut take = |shapes: &[&[usize]]| -> Vec<Tensor> {
        shapes.iter().map(|&shape| s.uniform(shape, -1.0, 1.0)).collect()
    };
    let call = |x: &[Var]| Var::multi_dot(&x.iter().collect::<Vec<_>>());
    // From left to right.
    fn naive(x: &[Tensor]) -> Vec<f64> {
        let mut left = x[0].to_vec::<f64>().unwrap_or_default();
        for x in &x[1..] {
            let (k, n) = (x.shape()[0], x.len() / x.shape()[0]);
            let b = x.to_vec::<f64>().unwrap_or_default();
            left = (0..left.len() / k * n)
                .map(|ij| (0..k).map(|p| left[ij / n * k + p] * b[p * n + ij % n]).sum())
                .collect();
        }
        left
    }
    vec![
        OpSpec::new("multi_dot")
            .case("the right end first", take(&[&[2, 4], &[4, 4], &[4, 3], &[3, 1]]), [2, 1], call)
            .reference(naive)
            .case("row and column", take(&[&[3], &[3, 2], &[2, 4], &[4]]), [], call)
            .reference(naive)
            .case("two", take(&[&[2, 3], &[3, 2]]), [2, 2], call)
            .reference(naive)
            .case("empty", take(&[&[2, 0], &[0, 3], &[3, 2]]), [2, 2], call)
            .error(
                take(&[&[2, 3]]),
                call,
                "[multi_dot] there must be two matrices at least; got 1; a single one needs no product",
            )
            .error(
                take(&[&[2, 3], &[4, 2]]),
                call,
                "[multi_dot] the columns of a matrix must be as many as the rows of the next; got [2, 3] and [4, 2]; transpose one operand with t()",
            )
            .error(
                take(&[&[2, 3], &[3], &[3, 2]]),
                call,
                "[multi_dot] operands must be matrices, but that the first and the last may be vectors; got [3], operand 1; use matmul for batches",
            ),
    ]
}
