//! What an LU factorization with row exchanges gives: solutions, inverses, determinants; and triangular systems.

use super::*;
use crate::ops::arithmetic::same_dtype;
use crate::tensor::with_dtype;
use faer::Par;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::triangular_solve as tri;

/// Factorizes the columns in `a` (m × n) in place; returns where each row came from, and whether exchanges are odd.
fn lu<T: Real>(a: &mut [T], m: usize, n: usize) -> (Vec<usize>, bool) {
    let (mut from, mut to) = (vec![0usize; m], vec![0usize; m]);
    let mut memory = MemBuffer::new(lu_in_place_scratch::<usize, T>(m, n, Par::Seq, Default::default()));
    let stack = MemStack::new(&mut memory);
    let (info, _) =
        lu_in_place(columns_mut(a, m, n), &mut from, &mut to, Par::Seq, stack, Default::default());
    (from, info.transposition_count % 2 == 1)
}

/// The first zero on the diagonal.
fn zero_pivot<T: Real>(a: &[T], n: usize) -> Result<(), Fault> {
    match (0..n).find(|&k| a[k * n + k] == T::ZERO || !Float::is_finite(a[k * n + k])) {
        Some(k) => Err(Fault::Singular(k)),
        None => Ok(()),
    }
}

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
fn right_side(op: &'static str, a: &Tensor, b: &Tensor) -> Result<(usize, usize, bool, Vec<usize>)> {
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
fn solution(x: Tensor, n: usize, k: usize, vector: bool) -> Result<Tensor> {
    if vector { Ok(x) } else { x.packed_matrix(0, n, k) }
}

impl Tensor {
    /// The solution X of A·X = B, by LU with row exchanges.
    ///
    /// Shapes: A `(.., n, n)`, B `(.., n, k)` or a vector `(n)`; leading axes broadcast. The result has B's form.
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for a singular matrix, with the pivot, and for
    /// values that are not finite, with their place. Differs from PyTorch in: a right side is a vector only if it has
    /// one axis.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let a = Tensor::from_vec(vec![2.0, 0.0, 0.0, 4.0], [2, 2])?;
    /// let b = Tensor::from_vec(vec![2.0, 2.0], [2])?;
    /// assert_eq!(a.solve(&b)?.to_vec::<f64>()?, [1.0, 0.5]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn solve(&self, b: &Tensor) -> Result<Tensor> {
        let (n, k, vector, lead) = right_side("solve", self, b)?;
        let lb = if vector { b.layout().with_axis(1) } else { b.layout().clone() };
        let x = with_dtype!(self.dtype(), T, float => {
            let (a, rhs) = (Batch::<T>::new(self, self.layout(), &lead), Batch::<T>::new(b, &lb, &lead));
            for_each("solve", &lead, n * k, n * n * (n + k), |i, out: &mut [T]| {
                solve_one(a.at(i), out, n, k, |out, j, row, from| out[j * n + row] = rhs.at(i).get(from, j))?;
                Ok(())
            })
        }, else _dtype => Err(wrong_dtype("solve", self)))?;
        if !x.is_finite()?.all_true()? && !b.is_finite()?.all_true()? {
            return Err(Error::InvalidArgument {
                op: "solve",
                rule: "the right side must be finite",
                got: "NaN or infinity in it".into(),
                repair: "find the operation that made it",
            });
        }
        solution(x, n, k, vector)
    }

    /// The inverse, by LU with row exchanges.
    ///
    /// Shapes: `(.., n, n)` to the same. Errors: as [`Tensor::solve`].
    pub fn inv(&self) -> Result<Tensor> {
        let n = check_square("inv", self)?;
        let x = with_dtype!(self.dtype(), T, float => map("inv", self, n * n, |a: View<T>, out| {
            solve_one(a, out, n, n, |out, j, row, from| out[j * n + row] = if from == j { T::ONE } else { T::ZERO })
        }), else _dtype => Err(wrong_dtype("inv", self)))?;
        x.packed_matrix(0, n, n)
    }

    /// The sign and the logarithm of the absolute value of the determinant, `[…, 2]`: never an overflow.
    ///
    /// A singular matrix has sign 0 and logarithm −∞; a matrix of size 0 has sign 1 and logarithm 0.
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not finite.
    pub fn slogdet_packed(&self) -> Result<Tensor> {
        self.determinant("slogdet", 2, |out, pivots| {
            out[0] = pivots.iter().fold(out[0], |sign, &p| {
                if p == 0.0 {
                    0.0
                } else if p < 0.0 {
                    -sign
                } else {
                    sign
                }
            });
            out[1] = pivots.iter().map(|p| libm::log(p.abs())).sum();
        })
    }

    /// Sign and logarithm of the determinant, see [`Tensor::slogdet_packed`]; each `[…]`.
    pub fn slogdet(&self) -> Result<(Tensor, Tensor)> {
        let packed = self.slogdet_packed()?;
        Ok((packed.select(-1, 0)?, packed.select(-1, 1)?))
    }

    /// The determinant, the product of the pivots of LU: `(.., n, n)` to `(..)`; 1 for n = 0.
    ///
    /// Errors: as [`Tensor::slogdet_packed`].
    pub fn det(&self) -> Result<Tensor> {
        self.determinant("det", 1, |out, pivots| out[0] *= pivots.iter().product::<f64>())?.select(-1, 0)
    }

    /// `finish(out, pivots)` with `out[0]` the sign of the row exchanges.
    fn determinant(
        &self,
        op: &'static str,
        size: usize,
        finish: impl Fn(&mut [f64], &[f64]) + Sync,
    ) -> Result<Tensor> {
        let n = check_square(op, self)?;
        with_dtype!(self.dtype(), T, float => map(op, self, size, |a: View<T>, out| {
            let mut lu_of = vec![T::ZERO; n * n];
            a.load(&mut lu_of)?;
            let odd = lu(&mut lu_of, n, n).1;
            let pivots: Vec<f64> = (0..n).map(|k| crate::Element::to_f64(lu_of[k * n + k])).collect();
            // A pivot after a zero one is undefined; the determinant is 0 all the same.
            let singular = pivots.iter().any(|&p| p == 0.0 || p.is_nan());
            let mut y = [if odd { -1.0 } else { 1.0 }, 0.0];
            if singular { finish(&mut y, &[0.0]) } else { finish(&mut y, &pivots) }
            out.iter_mut().zip(y).for_each(|(out, y)| *out = T::of(y));
            Ok(())
        }), else _dtype => Err(wrong_dtype(op, self)))
    }

    /// The solution X of T·X = B for a triangular T, half of a matrix; the other half does not count, but must be finite too.
    ///
    /// Shapes: as [`Tensor::solve`]. Errors: as there; a zero on the diagonal is singular.
    pub fn triangular_solve(&self, b: &Tensor, how: Triangular) -> Result<Tensor> {
        let op = "triangular_solve";
        let (n, k, vector, lead) = right_side(op, self, b)?;
        let lb = if vector { b.layout().with_axis(1) } else { b.layout().clone() };
        let x = with_dtype!(self.dtype(), T, float => {
            let (a, rhs) = (Batch::<T>::new(self, self.layout(), &lead), Batch::<T>::new(b, &lb, &lead));
            for_each(op, &lead, n * k, n * n * k, |i, out: &mut [T]| {
                let mut t = vec![T::ZERO; n * n];
                a.at(i).load(&mut t)?;
                if !how.unit {
                    zero_pivot(&t, n)?;
                }
                rhs.at(i).load(out)?;
                let (t, x) = (columns(&t, n, n), columns_mut(out, n, k));
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

    /// L, U and the row exchanges of A = P·L·U as one packed tensor: L (m × k), U (k × n), P (m × m), k = min(m, n).
    ///
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not finite.
    pub fn lu_packed(&self) -> Result<Tensor> {
        let (m, n) = check_matrix("lu", self)?;
        let k = m.min(n);
        with_dtype!(self.dtype(), T, float => map("lu", self, m * k + k * n + m * m, |a: View<T>, out| {
            let mut both = vec![T::ZERO; m * n];
            a.load(&mut both)?;
            let (from, _) = lu(&mut both, m, n);
            let (l, rest) = out.split_at_mut(m * k);
            let (u, p) = rest.split_at_mut(k * n);
            for j in 0..n {
                let column = &both[j * m..(j + 1) * m];
                u[j * k..j * k + k.min(j + 1)].copy_from_slice(&column[..k.min(j + 1)]);
                if j < k {
                    l[j * m + j] = T::ONE;
                    l[j * m + j + 1..(j + 1) * m].copy_from_slice(&column[j + 1..]);
                }
            }
            from.iter().enumerate().for_each(|(i, &from)| p[i * m + from] = T::ONE);
            Ok(())
        }), else _dtype => Err(wrong_dtype("lu", self)))
    }

    /// (P, L, U) with A = P·L·U; L has ones on its diagonal. Shapes: `(.., m, m)`, `(.., m, k)`, `(.., k, n)`.
    ///
    /// Errors: as [`Tensor::lu_packed`]. A singular matrix has a U with a zero on its diagonal.
    pub fn lu(&self) -> Result<(Tensor, Tensor, Tensor)> {
        let (m, n) = check_matrix("lu", self)?;
        let (k, packed) = (m.min(n), self.lu_packed()?);
        let p = packed.packed_matrix(m * k + k * n, m, m)?;
        Ok((p, packed.packed_matrix(0, m, k)?, packed.packed_matrix(m * k, k, n)?))
    }

    fn all_true(&self) -> Result<bool> {
        Ok(self.to_dtype(DType::I64)?.sum(&[])?.item()? == self.len() as f64)
    }
}

/// Solves with one matrix; `put(out, column, row, from)` writes row `from` of the right side to `row`.
fn solve_one<T: Real>(
    a: View<T>,
    out: &mut [T],
    n: usize,
    k: usize,
    put: impl Fn(&mut [T], usize, usize, usize),
) -> Result<(), Fault> {
    let mut both = vec![T::ZERO; n * n];
    a.load(&mut both)?;
    let (from, _) = lu(&mut both, n, n);
    zero_pivot(&both, n)?;
    for j in 0..k {
        from.iter().enumerate().for_each(|(row, &from)| put(out, j, row, from));
    }
    let both = columns(&both, n, n);
    tri::solve_unit_lower_triangular_in_place(both, columns_mut(out, n, k), Par::Seq);
    tri::solve_upper_triangular_in_place(both, columns_mut(out, n, k), Par::Seq);
    Ok(())
}
