//! Linear algebra on faer, batched over the leading axes, for f32 and f64.
//!
//! Every matrix is copied once, column by column, into memory that a factorization works in; in that pass it is checked to
//! be finite. faer runs with `Par::Seq`: threads take whole matrices, so that results do not depend on their number.
//! Factorizations with several results write them into one *packed* tensor `[…, k]`; the methods return views of it.

mod exp;
mod factor;
mod solve;
mod spectral;

pub use solve::Triangular;

use crate::dtype::{DType, Float, Number};
use crate::error::{Error, Result};
use crate::layout::{Layout, broadcast_shapes};
use crate::ops::matmul::leading;
use crate::parallel;
use crate::tensor::Tensor;
use faer::traits::RealField;
use faer::{MatMut, MatRef};
use std::sync::Mutex;

/// A type that faer factorizes.
pub(crate) trait Real: Float + RealField {}
impl Real for f32 {}
impl Real for f64 {}

/// Multiply-adds, cubes of sizes, that are worth a thread.
const GRAIN: usize = 1 << 16;

/// What is wrong with one matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Not finite at (row, column).
    NotFinite(usize, usize),
    /// No pivot at this step.
    Singular(usize),
    /// A pivot that is not positive at this step.
    NotPositive(usize),
    /// The iteration for eigenvalues did not end.
    NoConvergence,
}

impl Fault {
    fn error(self, op: &'static str, matrix: usize, batched: bool) -> Error {
        let of = if batched { format!(" of matrix {matrix} of the batch") } else { String::new() };
        let refuse = |rule, got: String, repair| Error::InvalidArgument { op, rule, got, repair };
        match self {
            Fault::NotFinite(i, j) => refuse(
                "a matrix must be finite",
                format!("NaN or infinity at row {i}, column {j}{of}"),
                "find the operation that made it",
            ),
            Fault::Singular(k) => refuse(
                "a matrix must not be singular",
                format!("a zero pivot at {k}{of}"),
                "add a multiple of the identity, or use pinv or lstsq",
            ),
            Fault::NotPositive(k) => refuse(
                "a matrix must be positive definite",
                format!("a pivot that is not positive at {k}{of}"),
                "add a multiple of the identity, or check that the matrix is symmetric",
            ),
            Fault::NoConvergence => refuse(
                "the iteration for eigenvalues must end",
                format!("no convergence{}", if batched { of } else { String::new() }),
                "scale the matrix to a norm near 1",
            ),
        }
    }
}

/// Refuses what has fewer than two axes or is no float.
pub(crate) fn check_matrix(op: &'static str, a: &Tensor) -> Result<(usize, usize)> {
    if !matches!(a.dtype(), DType::F32 | DType::F64) {
        return Err(wrong_dtype(op, a));
    }
    match a.shape() {
        &[.., m, n] => Ok((m, n)),
        _ => Err(Error::ShapeMismatch {
            op,
            rule: "there must be two axes at least, rows and columns",
            shapes: vec![a.shape().to_vec()],
            repair: "add an axis with unsqueeze",
        }),
    }
}

fn wrong_dtype(op: &'static str, a: &Tensor) -> Error {
    Error::DTypeMismatch {
        op,
        rule: "a matrix must be of floats",
        dtypes: vec![a.dtype()],
        repair: "convert with to_dtype(F32) or F64",
    }
}

/// The size of a square matrix.
pub(crate) fn check_square(op: &'static str, a: &Tensor) -> Result<usize> {
    match check_matrix(op, a)? {
        (m, n) if m == n => Ok(n),
        _ => Err(Error::ShapeMismatch {
            op,
            rule: "matrices must be square",
            shapes: vec![a.shape().to_vec()],
            repair: "use lstsq, pinv, qr or svd for other shapes",
        }),
    }
}

/// One matrix in a tensor's buffer.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T> {
    data: &'a [T],
    at: usize,
    rows: usize,
    cols: usize,
    rs: isize,
    cs: isize,
}

impl<T: Real> View<'_, T> {
    fn get(&self, i: usize, j: usize) -> T {
        self.data[(self.at as isize + i as isize * self.rs + j as isize * self.cs) as usize]
    }

    /// Copies into `out`, column by column, and refuses what is not finite. Tiles keep both sides in the cache.
    fn load(&self, out: &mut [T]) -> Result<(), Fault> {
        const TILE: usize = 16;
        let mut sum = T::ZERO;
        for i0 in (0..self.rows).step_by(TILE) {
            let i1 = (i0 + TILE).min(self.rows);
            for j in 0..self.cols {
                for i in i0..i1 {
                    let x = self.get(i, j);
                    // 0·x is 0 for finite x, else NaN.
                    sum += x * T::ZERO;
                    out[j * self.rows + i] = x;
                }
            }
        }
        if Float::is_finite(sum) { Ok(()) } else { Err(self.not_finite()) }
    }

    /// The first element in row-major order that is not finite.
    fn not_finite(&self) -> Fault {
        let at = (0..self.rows * self.cols)
            .find(|&ij| !Float::is_finite(self.get(ij / self.cols, ij % self.cols)));
        let at = at.unwrap_or(0);
        Fault::NotFinite(at / self.cols, at % self.cols)
    }
}

/// The matrices of one operand.
pub(crate) struct Batch<'a, T> {
    first: View<'a, T>,
    lead: Layout,
}

impl<'a, T: Real> Batch<'a, T> {
    fn new(a: &'a Tensor, layout: &Layout, lead: &[usize]) -> Self {
        let r = layout.shape.len();
        Self {
            first: View {
                data: a.data(),
                at: 0,
                rows: layout.shape[r - 2],
                cols: layout.shape[r - 1],
                rs: layout.strides[r - 2],
                cs: layout.strides[r - 1],
            },
            lead: leading(layout, lead),
        }
    }

    /// Matrix i. Its place is found when it is asked for: empty matrices may be more than a list of places has room for.
    fn at(&self, i: usize) -> View<'a, T> {
        let (mut rest, mut at) = (i, self.lead.offset as isize);
        for (&d, &step) in self.lead.shape.iter().zip(&self.lead.strides).rev() {
            at += (rest % d) as isize * step;
            rest /= d;
        }
        View { at: at as usize, ..self.first }
    }
}

/// Runs `each(i, out)` on the pieces of `size` elements of a new tensor of shape `[lead…, size]`.
///
/// Of several faults that of the first matrix is reported. Nothing is run for a result without elements.
pub(crate) fn for_each<T: Real>(
    op: &'static str,
    lead: &[usize],
    size: usize,
    work: usize,
    each: impl Fn(usize, &mut [T]) -> Result<(), Fault> + Sync,
) -> Result<Tensor> {
    let shape = [lead, &[size]].concat();
    let fault: Mutex<Option<(usize, Fault)>> = Mutex::new(None);
    let out = Tensor::build(op, &shape, |out: &mut [T]| {
        // Memory from the pool is not cleared.
        out.fill(T::ZERO);
        let count = out.len() / size.max(1);
        let whole = parallel::Disjoint::new(out);
        parallel::for_ranges(count, (GRAIN / work.max(1)).max(1), |range| {
            for i in range {
                // SAFETY: each i is handed out once, and its piece overlaps no other.
                let piece = unsafe { whole.slice(i * size..(i + 1) * size) };
                if let Err(what) = each(i, piece) {
                    let mut fault = fault.lock().unwrap_or_else(|p| p.into_inner());
                    if fault.is_none_or(|(first, _)| i < first) {
                        *fault = Some((i, what));
                    }
                }
            }
        });
    })?;
    match fault.into_inner().unwrap_or_else(|p| p.into_inner()) {
        Some((i, what)) => Err(what.error(op, i, !lead.is_empty())),
        None => Ok(out),
    }
}

/// [`for_each`] over the matrices of one operand.
pub(crate) fn map<T: Real>(
    op: &'static str,
    a: &Tensor,
    size: usize,
    each: impl Fn(View<T>, &mut [T]) -> Result<(), Fault> + Sync,
) -> Result<Tensor> {
    let (m, n) = check_matrix(op, a)?;
    let lead = &a.shape()[..a.rank() - 2];
    let batch = Batch::<T>::new(a, a.layout(), lead);
    for_each(op, lead, size, m.saturating_mul(n).saturating_mul(m.min(n)), |i, out| each(batch.at(i), out))
}

/// The leading axes that two operands share.
pub(crate) fn shared_lead(op: &'static str, a: &Tensor, b: &Tensor, vector: bool) -> Result<Vec<usize>> {
    let own = b.rank() - if vector { 1 } else { 2 };
    broadcast_shapes(op, &a.shape()[..a.rank() - 2], &b.shape()[..own]).map(|lead| lead.to_vec()).map_err(
        |_| Error::ShapeMismatch {
            op,
            rule: "the axes before the last two must broadcast",
            shapes: vec![a.shape().to_vec(), b.shape().to_vec()],
            repair: "reshape or expand one operand",
        },
    )
}

/// A matrix that stands column by column in `x`.
pub(crate) fn columns<T>(x: &[T], m: usize, n: usize) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(x, m, n)
}

/// As [`columns`], to be written.
pub(crate) fn columns_mut<T>(x: &mut [T], m: usize, n: usize) -> MatMut<'_, T> {
    MatMut::from_column_major_slice_mut(x, m, n)
}

impl Tensor {
    /// Part `start..start + m·n` of each row of a packed result, as the matrix that stands there column by column.
    ///
    /// Shapes: `[…, k]` to `[…, m, n]`, a view. Errors: `InvalidArgument` where the part is outside.
    pub fn packed_matrix(&self, start: usize, m: usize, n: usize) -> Result<Tensor> {
        let lead = &self.shape()[..self.rank().saturating_sub(1)];
        self.narrow(-1, start, m.saturating_mul(n))?.reshape([lead, &[n, m]].concat())?.t()
    }
}
