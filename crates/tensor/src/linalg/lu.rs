//! What an LU factorization with row exchanges gives: solutions, inverses, determinants.

use super::triangular::{right, right_side, solution};
use super::*;
use crate::tensor::with_dtype;
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::{triangular_inverse, triangular_solve as tri};

/// Rows from which on an inverse is made of those of the factors, not by solving for the identity.
const LARGE: usize = 128;

/// What one factorization works with.
pub(super) struct Work<T> {
    /// The factors, column by column.
    both: Room<T>,
    /// A second matrix.
    other: Room<T>,
    column: Room<T>,
    /// Where each row came from, and where it went.
    from: Vec<usize>,
    to: Vec<usize>,
    stack: Stack,
}

impl<T> Default for Work<T> {
    fn default() -> Self {
        Self {
            both: Room::default(),
            other: Room::default(),
            column: Room::default(),
            from: Vec::new(),
            to: Vec::new(),
            stack: Stack::default(),
        }
    }
}

/// Factorizes `a` into `both` (m × n, column by column); `from` says where each row came from. Whether exchanges are odd.
fn factorize<T: Real>(
    a: View<T>,
    both: &mut [T],
    from: &mut Vec<usize>,
    to: &mut Vec<usize>,
    stack: &mut Stack,
) -> Result<bool, Fault> {
    let (m, n) = (a.rows, a.cols);
    a.load(both)?;
    from.resize(m, 0);
    if m <= small::LU && n <= small::LU {
        return Ok(small::lu(both, m, n, from));
    }
    to.resize(m, 0);
    let odd = if m.min(n) >= blocked::LARGE {
        blocked::lu(both, (m, n), from, to, stack)?
    } else {
        let stack = stack.get(lu_in_place_scratch::<usize, T>(m, n, Par::Seq, Default::default()))?;
        let (info, _) = lu_in_place(columns_mut(both, m, n), from, to, Par::Seq, stack, Default::default());
        info.transposition_count % 2 == 1
    };
    if (0..m.min(n)).all(|k| both[k * m + k] != T::ZERO && Float::is_finite(both[k * m + k])) {
        return Ok(odd);
    }
    // Of a singular matrix faer makes NaN; step by step, what has no pivot is left out.
    a.load(both)?;
    Ok(small::lu(both, m, n, from))
}

/// The first pivot that is none.
pub(super) fn zero_pivot<T: Real>(a: &[T], n: usize) -> Result<(), Fault> {
    match (0..n).find(|&k| a[k * n + k] == T::ZERO || !Float::is_finite(a[k * n + k])) {
        Some(k) => Err(Fault::Singular(k)),
        None => Ok(()),
    }
}

/// Moves row `from[i]` of the n × k columns in `x` to row i; or back, if `back`.
fn exchange<T: Real>(x: &mut [T], from: &[usize], column: &mut Room<T>, back: bool) -> Result<(), Fault> {
    let n = from.len();
    let column = column.get(n)?;
    for x in x.chunks_exact_mut(n.max(1)) {
        column.copy_from_slice(x);
        for (i, &from) in from.iter().enumerate() {
            if back { x[from] = column[i] } else { x[i] = column[from] }
        }
    }
    Ok(())
}

/// Solves A·X = B, or Aᵀ·X = B, in `x` (n × k), with A's factors.
fn solve_with<T: Real>(
    both: &[T],
    from: &[usize],
    x: &mut [T],
    k: usize,
    transposed: bool,
    column: &mut Room<T>,
) -> Result<(), Fault> {
    let n = from.len();
    zero_pivot(both, n)?;
    if !transposed {
        exchange(x, from, column, false)?;
    }
    if n <= small::LU && k <= small::COLUMNS {
        small::solve(both, n, x, transposed);
    } else {
        let both = columns(both, n, n);
        if transposed {
            tri::solve_lower_triangular_in_place(both.transpose(), columns_mut(x, n, k), Par::Seq);
            tri::solve_unit_upper_triangular_in_place(both.transpose(), columns_mut(x, n, k), Par::Seq);
        } else {
            tri::solve_unit_lower_triangular_in_place(both, columns_mut(x, n, k), Par::Seq);
            tri::solve_upper_triangular_in_place(both, columns_mut(x, n, k), Par::Seq);
        }
    }
    if transposed {
        exchange(x, from, column, true)?;
    }
    Ok(())
}

/// A⁻¹ = U⁻¹·L⁻¹·P⁻¹ into `out`, from A's factors.
fn invert<T: Real>(both: &[T], from: &[usize], out: &mut [T], other: &mut Room<T>) -> Result<(), Fault> {
    use faer::linalg::matmul::triangular::{BlockStructure as Block, matmul};
    let n = from.len();
    zero_pivot(both, n)?;
    if n < LARGE {
        out.fill(T::ZERO);
        from.iter().enumerate().for_each(|(i, &from)| out[from * n + i] = T::ONE);
        let both = columns(both, n, n);
        tri::solve_unit_lower_triangular_in_place(both, columns_mut(out, n, n), Par::Seq);
        tri::solve_upper_triangular_in_place(both, columns_mut(out, n, n), Par::Seq);
        return Ok(());
    }
    let inverses = other.get(n * n)?;
    let both = columns(both, n, n);
    triangular_inverse::invert_unit_lower_triangular(columns_mut(inverses, n, n), both, Par::Seq);
    triangular_inverse::invert_upper_triangular(columns_mut(inverses, n, n), both, Par::Seq);
    let halves = columns(inverses, n, n);
    let upper = (halves, Block::TriangularUpper);
    let lower = (halves, Block::UnitTriangularLower);
    let product = columns_mut(out, n, n);
    matmul(
        product,
        Block::Rectangular,
        faer::Accum::Replace,
        upper.0,
        upper.1,
        lower.0,
        lower.1,
        <T as Number>::ONE,
        Par::Seq,
    );
    // Columns go where their rows came from.
    let product = other.get(n * n)?;
    product.copy_from_slice(out);
    for (j, &from) in from.iter().enumerate() {
        out[from * n..(from + 1) * n].copy_from_slice(&product[j * n..(j + 1) * n]);
    }
    Ok(())
}

/// The number that stands for a row in a packed result.
fn row<T: Real>(row: usize) -> T {
    crate::Element::from_i64(row as i64)
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
        if lead != self.shape()[..self.rank() - 2] {
            // A matrix with many right sides is factorized once.
            return Ok(self.solve_ex(b)?.0);
        }
        let lb = if vector { b.layout().with_axis(1) } else { b.layout().clone() };
        let x = with_dtype!(self.dtype(), T, float => {
            let (a, rhs) = (Batch::<T>::new(self, self.layout(), &lead), Batch::<T>::new(b, &lb, &lead));
            for_each("solve", &lead, n * k, cost(n, n, n.saturating_add(k)), |i, work: &mut Work<T>, out: &mut [T]| {
                let Work { both, column, from, to, stack, .. } = work;
                let both = both.get(n * n)?;
                factorize(a.at(i), both, from, to, stack)?;
                rhs.at(i).load(out).map_err(right)?;
                solve_with(both, from, out, k, false, column)
            })
        }, else _dtype => Err(wrong_dtype("solve", self)))?;
        solution(x, n, k, vector)
    }

    /// (F, order): the factors of LU with row exchanges in one matrix, to solve with many times by [`Tensor::lu_solve`].
    ///
    /// U is F's upper half, L the lower one with ones on its diagonal; row i of L·U is row `order[i]` of A.
    /// Shapes: `(.., n, n)` to `(.., n, n)` and I64 `(.., n)`. Errors: `ShapeMismatch`, `DTypeMismatch`;
    /// `InvalidArgument` for values that are not finite. Differs from PyTorch in: the order is one of rows, counted from
    /// 0, not a list of exchanges.
    pub fn lu_factor(&self) -> Result<(Tensor, Tensor)> {
        self.factors("lu_factor")
    }

    /// (X, F, order): the solution of A·X = B, see [`Tensor::solve`], and what [`Tensor::lu_factor`] makes of A.
    pub fn solve_ex(&self, b: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        right_side("solve", self, b)?;
        let (factors, order) = self.factors("solve")?;
        Ok((factors.solve_factorized("solve", &order, b, false)?, factors, order))
    }

    fn factors(&self, op: &'static str) -> Result<(Tensor, Tensor)> {
        let n = check_square(op, self)?;
        let size = packed_size(op, self, &[(n, n), (n, 1)])?;
        let packed = with_dtype!(self.dtype(), T, float => {
            map(op, self, size, |a: View<T>, work: &mut Work<T>, out| {
                let (both, order) = out.split_at_mut(n * n);
                factorize(a, both, &mut work.from, &mut work.to, &mut work.stack)?;
                order.iter_mut().zip(&work.from).for_each(|(out, &from)| *out = row(from));
                Ok(())
            })
        }, else _dtype => Err(wrong_dtype(op, self)))?;
        let order = packed.narrow(-1, n * n, n)?.to_dtype(DType::I64)?;
        Ok((packed.packed_matrix(0, n, n)?, order))
    }

    /// The solution X of A·X = B, or of Aᵀ·X = B, where this and `order` are what [`Tensor::lu_factor`] made of A.
    ///
    /// Bits are those of [`Tensor::solve`]. Shapes: as there, `order` `(.., n)`. Errors: as there; `InvalidArgument` for an
    /// order that does not name each row once.
    pub fn lu_solve(&self, order: &Tensor, b: &Tensor, transposed: bool) -> Result<Tensor> {
        self.solve_factorized("lu_solve", order, b, transposed)
    }

    fn solve_factorized(
        &self,
        op: &'static str,
        order: &Tensor,
        b: &Tensor,
        transposed: bool,
    ) -> Result<Tensor> {
        let (n, k, vector, lead) = right_side(op, self, b)?;
        let rows = check_order(op, self, order)?;
        let lb = if vector { b.layout().with_axis(1) } else { b.layout().clone() };
        let places = Places::new(&Layout::contiguous(order.shape()), 1, &lead);
        let x = with_dtype!(self.dtype(), T, float => {
            let (a, rhs) = (Batch::<T>::new(self, self.layout(), &lead), Batch::<T>::new(b, &lb, &lead));
            for_each(op, &lead, n * k, cost(n, n, k), |i, work: &mut Work<T>, out: &mut [T]| {
                work.from.clear();
                work.from.extend(rows[places.at(i)..][..n].iter().map(|&row| row as usize));
                let both = a.at(i).columns(&mut work.both)?;
                rhs.at(i).load(out).map_err(right)?;
                solve_with(both, &work.from, out, k, transposed, &mut work.column)
            })
        }, else _dtype => Err(wrong_dtype(op, self)))?;
        solution(x, n, k, vector)
    }

    /// The inverse, by LU with row exchanges.
    ///
    /// Shapes: `(.., n, n)` to the same. Errors: as [`Tensor::solve`].
    pub fn inv(&self) -> Result<Tensor> {
        let n = check_square("inv", self)?;
        let x = with_dtype!(self.dtype(), T, float => map("inv", self, n * n, |a: View<T>, work: &mut Work<T>, out| {
            let Work { both, other, from, to, stack, .. } = work;
            let both = both.get(n * n)?;
            factorize(a, both, from, to, stack)?;
            invert(both, from, out, other)
        }), else _dtype => Err(wrong_dtype("inv", self)))?;
        x.packed_matrix(0, n, n)
    }

    /// The inverse, and for each matrix 0 or, if it is singular, 1 and the pivot that is missing: never refused for that.
    ///
    /// Shapes: `(.., n, n)` to the same and I64 `(..)`. The inverse of a singular matrix is 0. Errors: `ShapeMismatch`,
    /// `DTypeMismatch`; `InvalidArgument` for values that are not finite. Differs from PyTorch in: that 0.
    pub fn inv_ex(&self) -> Result<(Tensor, Tensor)> {
        let n = check_square("inv_ex", self)?;
        let size = packed_size("inv_ex", self, &[(n, n), (1, 1)])?;
        let x = with_dtype!(self.dtype(), T, float => {
            map("inv_ex", self, size, |a: View<T>, work: &mut Work<T>, out| {
                let Work { both, other, from, to, stack, .. } = work;
                let (out, info) = out.split_at_mut(n * n);
                let both = both.get(n * n)?;
                factorize(a, both, from, to, stack)?;
                info[0] = T::ZERO;
                match invert(both, from, out, other) {
                    Err(Fault::Singular(k)) => {
                        out.fill(T::ZERO);
                        info[0] = row(k + 1);
                        Ok(())
                    }
                    other => other,
                }
            })
        }, else _dtype => Err(wrong_dtype("inv_ex", self)))?;
        Ok((x.packed_matrix(0, n, n)?, x.select(-1, (n * n) as isize)?.to_dtype(DType::I64)?))
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
        with_dtype!(self.dtype(), T, float => map(op, self, size, |a: View<T>, work: &mut (Work<T>, Vec<f64>), out| {
            let (Work { both, from, to, stack, .. }, pivots) = work;
            let both = both.get(n * n)?;
            let odd = factorize(a, both, from, to, stack)?;
            pivots.clear();
            pivots.extend((0..n).map(|k| crate::Element::to_f64(both[k * n + k])));
            // A pivot after a zero one is undefined; the determinant is 0 all the same.
            let singular = pivots.iter().any(|&p| p == 0.0 || p.is_nan());
            let mut y = [if odd { -1.0 } else { 1.0 }, 0.0];
            if singular { finish(&mut y, &[0.0]) } else { finish(&mut y, pivots) }
            out.iter_mut().zip(y).for_each(|(out, y)| *out = T::of(y));
            Ok(())
        }), else _dtype => Err(wrong_dtype(op, self)))
    }

    /// L, U and the row exchanges of A = P·L·U as one packed tensor: L (m × k), U (k × n), P (m × m), k = min(m, n).
    ///
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not finite.
    pub fn lu_packed(&self) -> Result<Tensor> {
        let (m, n) = check_matrix("lu", self)?;
        let k = m.min(n);
        let size = packed_size("lu", self, &[(m, k), (k, n), (m, m)])?;
        with_dtype!(self.dtype(), T, float => map("lu", self, size, |a: View<T>, work: &mut Work<T>, out| {
            let Work { both, from, to, stack, .. } = work;
            let both = both.get(m * n)?;
            factorize(a, both, from, to, stack)?;
            out.fill(T::ZERO);
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
}

/// The rows that `order` names for each matrix of `lu`, one list after the other as `order`'s own elements.
fn check_order(op: &'static str, lu: &Tensor, order: &Tensor) -> Result<Vec<i64>> {
    let n = lu.shape()[lu.rank() - 1];
    if order.dtype() != DType::I64 || order.shape() != &lu.shape()[..lu.rank() - 1] {
        return Err(Error::ShapeMismatch {
            op,
            rule: "the order must be I64 and have the shape of the factors without their last axis",
            shapes: vec![lu.shape().to_vec(), order.shape().to_vec()],
            repair: "take both from lu_factor",
        });
    }
    let rows = order.to_vec::<i64>()?;
    let mut seen = vec![usize::MAX; n];
    for (i, rows) in rows.chunks_exact(n.max(1)).enumerate() {
        for &row in rows {
            match usize::try_from(row).ok().and_then(|row| seen.get_mut(row)) {
                Some(seen) if *seen != i => *seen = i,
                _ => {
                    return Err(Error::InvalidArgument {
                        op,
                        rule: "an order must name each row once",
                        got: format!("row {row} of {n}"),
                        repair: "take it from lu_factor",
                    });
                }
            }
        }
    }
    Ok(rows)
}
