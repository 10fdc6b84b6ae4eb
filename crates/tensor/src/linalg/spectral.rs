//! Eigenvalues of symmetric matrices and singular values.
//!
//! Up to [`MOST`] rows by reflections to a band and rotations of that; beyond by faer, which divides and conquers.

use super::bidiagonal::{self, Nobody};
use super::rotate::{Rotated, Turns, follow, scale_of};
use super::*;
use crate::parallel;
use crate::tensor::with_dtype;
use faer::Conj;
use faer::diag::DiagMut;
use faer::linalg::householder as house;
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::linalg::{evd, svd};
use std::sync::Mutex;

/// Sizes up to which rotations are faster.
const MOST: usize = 512;

/// What one matrix is worked on with.
struct Work<T> {
    scratch: Room<T>,
    left: Turns<T>,
    right: Turns<T>,
    reflections: Room<T>,
    factors: Room<T>,
    numbers: Vec<f64>,
    stack: Stack,
}

impl<T> Default for Work<T> {
    fn default() -> Self {
        Self {
            scratch: Room::default(),
            left: Turns::default(),
            right: Turns::default(),
            reflections: Room::default(),
            factors: Room::default(),
            numbers: Vec::new(),
            stack: Stack::default(),
        }
    }
}

/// The diagonal and its neighbour, of a band of n rows.
fn numbers(all: &mut Vec<f64>, n: usize) -> (&mut [f64], &mut [f64]) {
    all.clear();
    all.resize(2 * n, 0.0);
    let (d, e) = all.split_at_mut(n);
    (d, &mut e[..n - 1])
}

/// Multiplies by a power of two that brings the largest element near 1, where squares would not be finite; returns it.
pub(super) fn near_1<T: Real>(of: &mut [T]) -> f64 {
    let scale = scale_of(of);
    if scale != 1.0 {
        of.iter_mut().for_each(|x| *x = T::of(crate::Element::to_f64(*x) * scale));
    }
    scale
}

/// Multiplies `x` by the product of the reflections in the columns of `basis`, the first one leftmost.
fn reflect<T: Real>(
    basis: MatRef<T>,
    scales: &[T],
    x: MatMut<T>,
    factors: &mut Room<T>,
    stack: &mut Stack,
) -> Result<(), Fault> {
    /// Columns that one thread takes.
    const TOGETHER: usize = 64;
    let k = scales.len();
    if k == 0 {
        return Ok(());
    }
    let block = recommended_block_size::<T>(basis.nrows(), k);
    let mut factors = columns_mut(factors.zeros(block * k)?, block, k);
    for j in (0..k).step_by(block) {
        let b = block.min(k - j);
        let mut own = factors.as_mut().submatrix_mut(0, j, b, b);
        // faer keeps 1/τ, and infinity for no reflection.
        (0..b).for_each(|i| own[(i, i)] = Number::div(<T as Number>::ONE, scales[j + i]));
        let basis = basis.submatrix(j, j, basis.nrows() - j, b);
        house::upgrade_householder_factor(own, basis, b, 1, Par::Seq);
    }
    let (factors, basis) = (factors.as_ref(), basis.subcols(0, k));
    // Columns go their own ways; how many together depends on the sizes alone.
    let mut parts = Vec::new();
    let mut rest = x;
    while rest.ncols() > TOGETHER {
        let (part, after) = rest.split_at_col_mut(TOGETHER);
        parts.push(Mutex::new(part));
        rest = after;
    }
    parts.push(Mutex::new(rest));
    let size = house::apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(
        basis.nrows(),
        block,
        TOGETHER,
    );
    let fault = Mutex::new(None);
    let one = |i: usize, stack: &mut Stack| {
        let mut part = parts[i].lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match stack.get(size) {
            Ok(stack) => house::apply_block_householder_sequence_on_the_left_in_place_with_conj(
                basis,
                factors,
                Conj::No,
                part.as_mut(),
                Par::Seq,
                stack,
            ),
            Err(found) => *fault.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(found),
        }
    };
    match parallel::threads() {
        1 => (0..parts.len()).for_each(|i| one(i, stack)),
        _ => parallel::run(parts.len(), |i| one(i, &mut Stack::default())),
    }
    match fault.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}

/// Eigenvalues and vectors of the lower half of `of`.
fn by_faer<T: Real>(
    of: &[T],
    n: usize,
    values: &mut [T],
    v: &mut [T],
    scale: f64,
    stack: &mut Stack,
) -> Result<(), Fault> {
    let compute = evd::ComputeEigenvectors::Yes;
    let stack = stack.get(evd::self_adjoint_evd_scratch::<T>(n, compute, Par::Seq, Default::default()))?;
    let (d, vectors) = (DiagMut::from_slice_mut(values), columns_mut(v, n, n));
    evd::self_adjoint_evd(columns(of, n, n), d, Some(vectors), Par::Seq, stack, Default::default())
        .map_err(|_| Fault::NoConvergence)?;
    values.iter_mut().for_each(|x| *x = T::of(crate::Element::to_f64(*x) / scale));
    v.chunks_exact_mut(n).filter(|v| points_down(v)).for_each(negate);
    Ok(())
}

/// Singular values, and vectors if they are wanted, of a tall matrix.
fn singular_by_faer<T: Real>(
    of: &[T],
    (m, k): (usize, usize),
    (left, values, right): (&mut [T], &mut [T], &mut [T]),
    vectors: bool,
    stack: &mut Stack,
) -> Result<(), Fault> {
    use svd::ComputeSvdVectors::{No, Thin};
    let compute = if vectors { Thin } else { No };
    let stack = stack.get(svd::svd_scratch::<T>(m, k, compute, compute, Par::Seq, Default::default()))?;
    svd::svd(
        columns(of, m, k),
        DiagMut::from_slice_mut(values),
        vectors.then(|| columns_mut(left, m, k)),
        vectors.then(|| columns_mut(right, k, k)),
        Par::Seq,
        stack,
        Default::default(),
    )
    .map_err(|_| Fault::NoConvergence)
}

/// As [`singular_by_faer`], through a bidiagonal matrix.
fn bidiagonalised<T: Real>(
    of: &mut [T],
    (m, k): (usize, usize),
    (left, values, right): (&mut [T], &mut [T], &mut [T]),
    vectors: bool,
    scale: f64,
    work: &mut Work<T>,
) -> Result<(), Fault> {
    let (d, e) = numbers(&mut work.numbers, k);
    let (scales, scratch) = work.scratch.get(5 * k + 3 * m)?.split_at_mut(2 * k);
    let reflections = work.reflections.get(k * k)?;
    bidiagonal::reduce(of, m, k, d, e, reflections, scales, scratch);
    let epsilon = crate::Element::to_f64(T::EPSILON);
    let mut order: Vec<usize> = (0..k).collect();
    let mut search = bidiagonal::Search::new(d, e, epsilon);
    let (ended, sides) = if vectors {
        let both = [Rotated::identity(k, &mut work.left)?, Rotated::identity(k, &mut work.right)?];
        let (ended, both) = follow(both, |sides| search.go_on(sides));
        (ended, Some(both))
    } else {
        (search.go_on(&mut Nobody) == Some(true), None)
    };
    if !ended {
        return Err(Fault::NoConvergence);
    }
    order.sort_by(|&i, &j| d[j].abs().total_cmp(&d[i].abs()));
    values.iter_mut().zip(&order).for_each(|(out, &i)| *out = T::of(d[i].abs() / scale));
    let Some([u, v]) = sides else { return Ok(()) };
    left.fill(T::ZERO);
    u.finish(&order, |_| false, left, m);
    v.finish(&order, |j| d[j] < 0.0, right, k);
    let (left_scales, right_scales) = scales.split_at(k);
    reflect(columns(of, m, k), left_scales, columns_mut(left, m, k), &mut work.factors, &mut work.stack)?;
    let basis = columns(reflections, k, k).submatrix(1, 0, k - 1, k - 1);
    let right = columns_mut(right, k, k).submatrix_mut(1, 0, k - 1, k);
    reflect(basis, &right_scales[..k - 1], right, &mut work.factors, &mut work.stack)
}

/// Whether the element of largest size, the first of equals, is negative.
fn points_down<T: Real>(x: &[T]) -> bool {
    let size = small::size(x);
    x.iter().find(|&&x| Number::abs(x) == size).is_some_and(|&x| x < T::ZERO)
}

fn negate<T: Real>(x: &mut [T]) {
    x.iter_mut().for_each(|x| *x = -*x);
}

impl Tensor {
    /// The eigenvalues λ (n, rising) and eigenvectors V (n × n) of [`Tensor::eigh`] as one packed tensor.
    pub fn eigh_packed(&self) -> Result<Tensor> {
        self.symmetric("eigh", true)
    }

    /// (λ, V) with A = V·diag(λ)·Vᵀ for symmetric matrices. Only A's lower half is used.
    ///
    /// Shapes: λ `(.., n)`, rising; V `(.., n, n)`, orthonormal columns, the component of largest size of each positive.
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not finite, with their place.
    pub fn eigh(&self) -> Result<(Tensor, Tensor)> {
        let (n, packed) = (check_square("eigh", self)?, self.eigh_packed()?);
        Ok((packed.narrow(-1, 0, n)?, packed.packed_matrix(n, n, n)?))
    }

    /// The eigenvalues alone, rising, see [`Tensor::eigh`].
    pub fn eigvalsh(&self) -> Result<Tensor> {
        self.symmetric("eigvalsh", false)
    }

    fn symmetric(&self, op: &'static str, vectors: bool) -> Result<Tensor> {
        let n = check_square(op, self)?;
        let size = packed_size(op, self, &[(1, n), (if vectors { n } else { 0 }, n)])?;
        with_dtype!(self.dtype(), T, float => map(op, self, size, |a: View<T>, (room, work): &mut (Room<T>, Work<T>), out| {
            let of = room.get(n * n)?;
            a.load(of)?;
            let scale = near_1(of);
            let (values, v) = out.split_at_mut(n);
            if vectors && n > MOST {
                return by_faer(of, n, values, v, scale, &mut work.stack);
            }
            let (d, e) = numbers(&mut work.numbers, n);
            let (scales, scratch) = work.scratch.get(5 * n)?.split_at_mut(n);
            tridiagonal::reduce(of, n, d, e, scales, scratch);
            let epsilon = crate::Element::to_f64(T::EPSILON);
            if !vectors {
                if !tridiagonal::values(d, e, epsilon) {
                    return Err(Fault::NoConvergence);
                }
                d.sort_unstable_by(f64::total_cmp);
                values.iter_mut().zip(d).for_each(|(out, &mut d)| *out = T::of(d / scale));
                return Ok(());
            }
            let rotated = Rotated::identity(n, &mut work.left)?;
            let mut search = tridiagonal::Search::new(d, e, epsilon);
            let (ended, [rotated]) = follow([rotated], |[rotations]| search.go_on(rotations));
            if !ended {
                return Err(Fault::NoConvergence);
            }
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&i, &j| d[i].total_cmp(&d[j]));
            values.iter_mut().zip(&order).for_each(|(out, &i)| *out = T::of(d[i] / scale));
            rotated.finish(&order, |_| false, v, n);
            let basis = columns(of, n, n).submatrix(1, 0, n - 1, n - 1);
            let v = columns_mut(v, n, n).submatrix_mut(1, 0, n - 1, n);
            reflect(basis, &scales[..n - 1], v, &mut work.factors, &mut work.stack)?;
            out[n..].chunks_exact_mut(n).filter(|v| points_down(v)).for_each(negate);
            Ok(())
        }), else _dtype => Err(wrong_dtype(op, self)))
    }

    /// U (m × k), σ (k) and V (n × k) of [`Tensor::svd`] as one packed tensor.
    pub fn svd_packed(&self) -> Result<Tensor> {
        self.singular("svd", true)
    }

    /// (U, σ, Vᵀ) with A = U·diag(σ)·Vᵀ, thin.
    ///
    /// Shapes: U `(.., m, k)`, σ `(.., k)`, falling, Vᵀ `(.., k, n)`, k = min(m, n). The component of largest size of each
    /// column of U is positive. Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not
    /// finite, with their place. Differs from PyTorch in: always thin; the signs.
    pub fn svd(&self) -> Result<(Tensor, Tensor, Tensor)> {
        let (m, n) = check_matrix("svd", self)?;
        let (k, packed) = (m.min(n), self.svd_packed()?);
        let vt = packed.packed_matrix(m * k + k, n, k)?.t()?;
        Ok((packed.packed_matrix(0, m, k)?, packed.narrow(-1, m * k, k)?, vt))
    }

    /// The singular values alone, falling, see [`Tensor::svd`].
    pub fn svdvals(&self) -> Result<Tensor> {
        self.singular("svdvals", false)
    }

    pub(super) fn singular(&self, op: &'static str, vectors: bool) -> Result<Tensor> {
        let (m, n) = check_matrix(op, self)?;
        let k = m.min(n);
        let vk = if vectors { k } else { 0 };
        let size = packed_size(op, self, &[(m, vk), (1, k), (n, vk)])?;
        with_dtype!(self.dtype(), T, float => map(op, self, size, |a: View<T>, (room, work): &mut (Room<T>, Work<T>), out| {
            // Tall, and turned back in the end.
            let (rows, turned) = (m.max(n), n > m);
            let of = room.get(m * n)?;
            if turned { a.t().load(of).map_err(|_| a.not_finite())? } else { a.load(of)? };
            let scale = near_1(of);
            let (u, rest) = out.split_at_mut(m * vk);
            let (values, v) = rest.split_at_mut(k);
            let (left, right) = if turned { (&mut *v, &mut *u) } else { (&mut *u, &mut *v) };
            if k > MOST && vectors || rows > 4 * k {
                singular_by_faer(of, (rows, k), (left, values, right), vectors, &mut work.stack)?;
                values.iter_mut().for_each(|x| *x = T::of(crate::Element::to_f64(*x) / scale));
            } else {
                bidiagonalised(of, (rows, k), (left, values, right), vectors, scale, work)?;
            }
            if vectors {
                for (u, v) in u.chunks_exact_mut(m).zip(v.chunks_exact_mut(n)).filter(|(u, _)| points_down(u)) {
                    negate(u);
                    negate(v);
                }
            }
            Ok(())
        }), else _dtype => Err(wrong_dtype(op, self)))
    }
}
