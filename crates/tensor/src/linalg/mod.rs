//! Linear algebra on faer, batched over the leading axes, for f32 and f64.
//!
//! Every matrix is copied once, column by column, into memory that a factorization works in, and is then checked to be
//! finite. faer runs with `Par::Seq`: threads take whole matrices, so that results do not depend on their number, and
//! a matrix alone gives the bits that it gives in a batch. Working memory is the pool's, taken once for a run of
//! matrices. Factorizations with several results write them into one *packed* tensor `[…, k]`; the methods return views
//! of it.

mod bidiagonal;
mod blocked;
mod cholesky;
mod eig;
mod exp;
mod fault;
mod lu;
mod norm;
mod pinv;
mod qr;
mod room;
mod rotate;
mod small;
mod spectral;
mod triangular;
mod tridiagonal;

pub use norm::MatrixNorm;
pub use triangular::Triangular;

pub(crate) use fault::Fault;
use room::{Room, Stack};

use crate::dtype::{DType, Float, Number};
use crate::error::{Error, Result};
use crate::kernels::vector::Scalar;
use crate::layout::{Dims, Layout, Strides, broadcast_shapes};
use crate::loops::copy::copy_into;
use crate::parallel;
use crate::tensor::Tensor;
use faer::traits::RealField;
use faer::{MatMut, MatRef, Par};
use smallvec::SmallVec;
use std::sync::Mutex;

/// A type that faer factorizes.
pub(crate) trait Real: Scalar + RealField {}
impl Real for f32 {}
impl Real for f64 {}

/// Multiply-adds, cubes of sizes, that are worth a thread.
const GRAIN: usize = 1 << 16;

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

crate::simd::simd_fn! {
    /// Whether all of `x` are finite.
    pub(crate) fn all_finite[T: Float](x: &[T]) -> bool {
        // 0·x is 0 for finite x, else NaN.
        let mut sums = [T::ZERO; 32];
        let (chunks, rest) = x.as_chunks::<32>();
        for chunk in chunks {
            for (sum, &x) in sums.iter_mut().zip(chunk) {
                *sum = sum.add(x.mul(T::ZERO));
            }
        }
        let mut sum = T::ZERO;
        for x in sums {
            sum = sum.add(x);
        }
        for &x in rest {
            sum = sum.add(x.mul(T::ZERO));
        }
        !sum.is_nan()
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

impl<'a, T: Real> View<'a, T> {
    fn get(&self, i: usize, j: usize) -> T {
        self.data[(self.at as isize + i as isize * self.rs + j as isize * self.cs) as usize]
    }

    /// Rows as columns.
    fn t(&self) -> Self {
        Self { rows: self.cols, cols: self.rows, rs: self.cs, cs: self.rs, ..*self }
    }

    /// Copies into `out`, column by column, and refuses what is not finite.
    fn load(&self, out: &mut [T]) -> Result<(), Fault> {
        /// Elements up to which a plain loop is faster than a planned copy.
        const FEW: usize = 1 << 10;
        if out.len() <= FEW {
            for (j, column) in out.chunks_exact_mut(self.rows.max(1)).enumerate() {
                let at = self.at as isize + j as isize * self.cs;
                for (i, x) in column.iter_mut().enumerate() {
                    *x = self.data[(at + i as isize * self.rs) as usize];
                }
            }
        } else {
            let shape = Dims::from_slice(&[self.cols, self.rows]);
            let strides = Strides::from_slice(&[self.cs, self.rs]);
            copy_into(self.data, &Layout { shape, strides, offset: self.at }, out);
        }
        self.check(out)
    }

    /// The elements column by column: as they stand, if so, else copied into `room`; refused if not finite.
    fn columns<'b>(&self, room: &'b mut Room<T>) -> Result<&'b [T], Fault>
    where
        'a: 'b,
    {
        let len = self.rows * self.cols;
        if self.rs == 1 && self.cs == self.rows as isize {
            let x = &self.data[self.at..self.at + len];
            self.check(x)?;
            return Ok(x);
        }
        let x = room.get(len)?;
        self.load(x)?;
        Ok(x)
    }

    fn check(&self, x: &[T]) -> Result<(), Fault> {
        if all_finite(x) { Ok(()) } else { Err(self.not_finite()) }
    }

    /// The first element in row-major order that is not finite.
    fn not_finite(&self) -> Fault {
        let at = (0..self.rows * self.cols)
            .find(|&ij| !Float::is_finite(self.get(ij / self.cols, ij % self.cols)));
        let at = at.unwrap_or(0);
        Fault::NotFinite(at / self.cols, at % self.cols)
    }
}

/// Where the matrices of one operand begin, under the leading axes that it is broadcast to.
pub(crate) struct Places {
    first: usize,
    /// Size and stride of each leading axis, the last first.
    axes: SmallVec<[(usize, isize); 4]>,
}

impl Places {
    /// Of `layout`, whose last `own` axes are those of one matrix.
    fn new(layout: &Layout, own: usize, lead: &[usize]) -> Self {
        let r = layout.shape.len() - own;
        let leading = Layout {
            shape: Dims::from_slice(&layout.shape[..r]),
            strides: Strides::from_slice(&layout.strides[..r]),
            offset: layout.offset,
        };
        let leading = leading.expanded(lead);
        let axes = leading.shape.iter().copied().zip(leading.strides.iter().copied()).rev();
        Self { first: layout.offset, axes: axes.collect() }
    }

    /// The beginning of matrix `i` in row-major order of the leading axes.
    fn at(&self, i: usize) -> usize {
        let (mut rest, mut at) = (i, self.first as isize);
        for &(size, stride) in &self.axes {
            at += (rest % size) as isize * stride;
            rest /= size;
        }
        at as usize
    }
}

/// The matrices of one operand.
pub(crate) struct Batch<'a, T> {
    first: View<'a, T>,
    places: Places,
}

impl<'a, T: Real> Batch<'a, T> {
    fn new(a: &'a Tensor, layout: &Layout, lead: &[usize]) -> Self {
        let r = layout.shape.len() - 2;
        Self {
            first: View {
                data: a.data(),
                at: layout.offset,
                rows: layout.shape[r],
                cols: layout.shape[r + 1],
                rs: layout.strides[r],
                cs: layout.strides[r + 1],
            },
            places: Places::new(layout, 2, lead),
        }
    }

    /// Matrix i. Its place is found when it is asked for: empty matrices may be more than a list of places has room for.
    fn at(&self, i: usize) -> View<'a, T> {
        View { at: self.places.at(i), ..self.first }
    }
}

/// Runs `each(i, work, out)` on the pieces of `size` elements of a new tensor of shape `[lead…, size]`; `work` is made once
/// for a run of matrices, and a piece holds whatever was in memory. Nothing is run for a result without elements.
///
/// Of several faults that of the first matrix is reported.
pub(crate) fn for_each<T: Real, W: Default>(
    op: &'static str,
    lead: &[usize],
    size: usize,
    work: usize,
    each: impl Fn(usize, &mut W, &mut [T]) -> Result<(), Fault> + Sync,
) -> Result<Tensor> {
    let shape = [lead, &[size]].concat();
    let fault: Mutex<Option<(usize, Fault)>> = Mutex::new(None);
    let out = Tensor::build(op, &shape, |out: &mut [T]| {
        let count = out.len() / size.max(1);
        let whole = parallel::Disjoint::new(out);
        parallel::for_ranges(count, (GRAIN / work.max(1)).max(1), |range| {
            let mut room = W::default();
            for i in range {
                // SAFETY: each i is handed out once, and its piece overlaps no other.
                let piece = unsafe { whole.slice(i * size..(i + 1) * size) };
                if let Err(what) = each(i, &mut room, piece) {
                    let mut fault = fault.lock().unwrap_or_else(|p| p.into_inner());
                    if fault.as_ref().is_none_or(|(first, _)| i < *first) {
                        *fault = Some((i, what));
                    }
                }
            }
        });
    })?;
    match fault.into_inner().unwrap_or_else(|p| p.into_inner()) {
        Some((i, what)) => Err(what.error(op, i, lead)),
        None => Ok(out),
    }
}

/// [`for_each`] over the matrices of one operand.
pub(crate) fn map<T: Real, W: Default>(
    op: &'static str,
    a: &Tensor,
    size: usize,
    each: impl Fn(View<T>, &mut W, &mut [T]) -> Result<(), Fault> + Sync,
) -> Result<Tensor> {
    let (m, n) = check_matrix(op, a)?;
    let lead = &a.shape()[..a.rank() - 2];
    let batch = Batch::<T>::new(a, a.layout(), lead);
    for_each(op, lead, size, cost(m, n, m.min(n)), |i, room, out| each(batch.at(i), room, out))
}

/// The elements of a packed result of matrices of these sizes.
pub(crate) fn packed_size(op: &'static str, a: &Tensor, parts: &[(usize, usize)]) -> Result<usize> {
    let sum = parts.iter().try_fold(0usize, |sum, &(m, n)| sum.checked_add(m.checked_mul(n)?));
    sum.ok_or_else(|| Error::ShapeOverflow { op, shape: a.shape().to_vec(), dtype: a.dtype() })
}

/// Multiply-adds of a product of these sizes, or as many as can be counted.
pub(crate) fn cost(m: usize, n: usize, k: usize) -> usize {
    m.saturating_mul(n).saturating_mul(k)
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
        let part = self.narrow(-1, start, m.saturating_mul(n))?;
        part.reshape([lead, &[n, m]].concat())?.t()
    }
}
