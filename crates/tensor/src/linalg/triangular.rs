//! Triangular systems.

use super::*;
use crate::ops::arithmetic::same_dtype;
use crate::tensor::with_dtype;
use faer::linalg::triangular_solve as tri;

/// Which half of a matrix [`Tensor::triangular_solve`] reads, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Triangular {
    /// The upper half, else the lower.
    pub upper: bool,
    /// Solve with the transposed matrix.
    pub transposed: bool,
    /// The diagonal is 1 and not read.
    pub unit: bool,
}

/// Checks the right side: `(n, columns, whether it is a vector, leading axes)`.
pub(super) fn right_side(
    op: &'static str,
    a: &Tensor,
    b: &Tensor,
) -> Result<(usize, usize, bool, Vec<usize>)> {
    same_dtype(op, a, b)?;
    let n = check_square(op, a)?;
    let vector = b.rank() == 1;
    let rows = if vector { b.shape().first() } else { b.rank().checked_sub(2).map(|i| &b.shape()[i]) };
    if rows != Some(&n) {
        return Err(Error::ShapeMismatch {
            op,
            rule: "the right side must be a vector (n) or have n rows, (.., n, k), for matrices (.., n, n)",
            shapes: vec![a.shape().to_vec(), b.shape().to_vec()],
            repair: "transpose the right side, or add an axis with unsqueeze(-1) for a batch of vectors",
        });
    }
    let k = if vector { 1 } else { b.shape()[b.rank() - 1] };
    Ok((n, k, vector, shared_lead(op, a, b, vector)?))
}

/// The solution out of its packed form.
pub(super) fn solution(x: Tensor, n: usize, k: usize, vector: bool) -> Result<Tensor> {
    if vector { Ok(x) } else { x.packed_matrix(0, n, k) }
}

/// A refusal of the right side.
pub(super) fn right(fault: Fault) -> Fault {
    match fault {
        Fault::NotFinite(i, j) => Fault::RightNotFinite(i, j),
        fault => fault,
    }
}

impl Tensor {
    /// The solution X of T·X = B for a triangular T, half of a matrix; the other half does not count, but must be finite too.
    ///
    /// Shapes: as [`Tensor::solve`]. Errors: as there; a zero on the diagonal is singular.
    pub fn triangular_solve(&self, b: &Tensor, how: Triangular) -> Result<Tensor> {
        let op = "triangular_solve";
        let (n, k, vector, lead) = right_side(op, self, b)?;
        let lb = if vector { b.layout().with_axis(1) } else { b.layout().clone() };
        let x = with_dtype!(self.dtype(), T, float => {
            let (a, rhs) = (Batch::<T>::new(self, self.layout(), &lead), Batch::<T>::new(b, &lb, &lead));
            for_each(op, &lead, n * k, cost(n, n, k), |i, room: &mut Room<T>, out: &mut [T]| {
                let t = a.at(i).columns(room)?;
                if !how.unit {
                    super::lu::zero_pivot(t, n)?;
                }
                rhs.at(i).load(out).map_err(right)?;
                let (t, x) = (columns(t, n, n), columns_mut(out, n, k));
                let t = if how.transposed { t.transpose() } else { t };
                match (how.upper != how.transposed, how.unit) {
                    (false, false) => tri::solve_lower_triangular_in_place(t, x, Par::Seq),
                    (false, true) => tri::solve_unit_lower_triangular_in_place(t, x, Par::Seq),
                    (true, false) => tri::solve_upper_triangular_in_place(t, x, Par::Seq),
                    (true, true) => tri::solve_unit_upper_triangular_in_place(t, x, Par::Seq),
                }
                Ok(())
            })
        }, else _dtype => Err(wrong_dtype(op, self)))?;
        solution(x, n, k, vector)
    }
}
