//! Products of matrices, every element summed in one order.
//!
//! Element (i, j) of a product is Σₖ a(i, k)·b(k, j), summed as faer's kernels for x86-64 do: k in blocks of
//! [`K_BLOCK`], inside a block a chain of fused multiply-adds from 0, the blocks' sums added left to right. All paths
//! here keep that order, so that an element depends on its row, its column and nothing else: not on the number of
//! rows beside it, the layout of the operands or the thread count.
//!
//! | shape | path |
//! |---|---|
//! | one row or one column; up to four rows and contiguous columns | [`matvec`], as fast as memory |
//! | small, or few columns; any, where faer has another order | [`small`], tiles in registers |
//! | the rest | [`gemm`], faer on parts of the output |
//! | bytes with bytes | [`int8`], exact |
//! | a weight of BF16 or I8 | [`narrow`], in registers for a few rows, else in blocks for the others |

mod gemm;
pub(crate) mod int8;
mod matvec;
mod narrow;
mod small;
#[cfg(test)]
mod tests;

use crate::kernels::vector::{self, Scalar};
use crate::parallel;
use crate::{DType, Float};
pub(crate) use narrow::matmul_narrow;

/// Length of the chains that a sum over k is cut into; that of faer's kernels.
pub(crate) const K_BLOCK: usize = 512;

/// A strided matrix: element (i, j) is `data[offset + i·row_stride + j·col_stride]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mat<'a, T> {
    pub data: &'a [T],
    pub offset: usize,
    pub rows: usize,
    pub cols: usize,
    pub row_stride: isize,
    pub col_stride: isize,
}

impl<'a, T> Mat<'a, T> {
    /// A matrix whose rows lie one after the other.
    #[cfg(test)]
    pub(crate) fn row_major(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self { data, offset: 0, rows, cols, row_stride: cols as isize, col_stride: 1 }
    }

    /// Rows as columns; nothing is copied.
    pub(crate) fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// The lowest and highest index that an element has, relative to the first; (0, −1) if there are no elements, and
    /// none if they cannot be told.
    fn reach(&self) -> Option<(isize, isize)> {
        if self.rows == 0 || self.cols == 0 {
            return Some((0, -1));
        }
        let row = isize::try_from(self.rows - 1).ok()?.checked_mul(self.row_stride)?;
        let col = isize::try_from(self.cols - 1).ok()?.checked_mul(self.col_stride)?;
        Some((row.min(0).checked_add(col.min(0))?, row.max(0).checked_add(col.max(0))?))
    }

    /// Panics unless every element lies in `data`, with each of `offsets` for `offset`. All pointers below rest on this.
    fn check(&self, offsets: &[usize]) {
        let inside = |low: isize, high: isize, offset: usize| {
            let at = |i: isize| isize::try_from(offset).ok().and_then(|o| o.checked_add(i));
            matches!((at(low), at(high)), (Some(l), Some(h)) if l >= 0 && (h as usize) < self.data.len())
        };
        let good = match self.reach() {
            Some((low, high)) if low <= high => offsets.iter().all(|&o| inside(low, high, o)),
            reach => reach.is_some(),
        };
        assert!(good, "invariant: a matrix lies inside its data");
    }

    /// The matrix inside kernels when it begins at `offset`.
    fn raw(&self, offset: usize) -> Raw<T> {
        // In bounds by `check` if there are elements; else never followed.
        Raw { p: self.data.as_ptr().wrapping_add(offset), rs: self.row_stride, cs: self.col_stride }
    }
}

/// What is done to a product, row by row, before it leaves: bias first, then the rectifier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epilogue<'a, T> {
    /// n numbers, added to each row.
    pub bias: Option<&'a [T]>,
    /// max(0, ·); NaN stays NaN.
    pub relu: bool,
}

impl<T> Epilogue<'_, T> {
    /// Leaves the product as it is.
    pub(crate) const NONE: Self = Self { bias: None, relu: false };
}

/// A matrix inside kernels: element (i, j) at `p + i·rs + j·cs`.
struct Raw<T> {
    p: *const T,
    rs: isize,
    cs: isize,
}

impl<T> Clone for Raw<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Raw<T> {}

impl<T> Raw<T> {
    /// Where element (i, j) lies; only to be followed if there is one.
    #[inline(always)]
    fn at(self, i: usize, j: usize) -> *const T {
        self.p.wrapping_offset(i as isize * self.rs + j as isize * self.cs)
    }
    fn from(self, i: usize, j: usize) -> Self {
        Self { p: self.at(i, j), ..self }
    }
    fn t(self) -> Self {
        Self { p: self.p, rs: self.cs, cs: self.rs }
    }
    /// Its elements, row by row.
    ///
    /// # Safety
    /// (i, j) must be readable for all i < `rows` and j < `cols`.
    unsafe fn copied(self, rows: usize, cols: usize) -> Vec<T>
    where
        T: Copy,
    {
        // SAFETY: the caller's promise.
        (0..rows).flat_map(|i| (0..cols).map(move |j| unsafe { *self.at(i, j) })).collect()
    }
}

/// A product inside kernels, or a part of one: out (m, n), its rows `ld` apart, = a (m, k) · b (k, n), then bias (null
/// for none) and rectifier. All pointers were checked at the door; parts of one `out` may be written by several threads.
///
/// "The pointers of `p` are valid for its sizes" means below: `ld` is n at least; `out` may be written at i·ld + j, `a`
/// may be read at (i, l), `b` at (l, j) and `bias`, unless it is null, at j, for all i < m, j < n and l < k; none of what
/// is read lies in what is written.
struct Product<T> {
    out: *mut T,
    ld: usize,
    a: Raw<T>,
    b: Raw<T>,
    m: usize,
    n: usize,
    k: usize,
    bias: *const T,
    relu: bool,
}

impl<T> Clone for Product<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Product<T> {}

// SAFETY: the operands are borrowed slices of a `Sync` type, and threads are given parts whose outputs do not overlap.
unsafe impl<T: Sync + Send> Sync for Product<T> {}

impl<T> Product<T> {
    /// The part of the output with rows i.. and columns j.., m × n in size.
    fn part(self, i: usize, j: usize, m: usize, n: usize) -> Self {
        Self {
            out: self.out.wrapping_add(i * self.ld + j),
            a: self.a.from(i, 0),
            b: self.b.from(0, j),
            m,
            n,
            bias: if self.bias.is_null() { self.bias } else { self.bias.wrapping_add(j) },
            ..self
        }
    }
}

/// out (m, n), row-major and contiguous, = a (m, k) · b (k, n), then the epilogue.
///
/// Panics if the sizes do not fit each other or an operand reaches outside its data.
pub(crate) fn matmul<T: Float>(out: &mut [T], a: Mat<T>, b: Mat<T>, epilogue: Epilogue<T>) {
    a.check(&[a.offset]);
    b.check(&[b.offset]);
    assert_eq!(a.cols, b.rows, "invariant: inner sizes of a product are equal");
    assert_eq!(
        Some(out.len()),
        a.rows.checked_mul(b.cols),
        "invariant: the output has the size of the product"
    );
    if let Some(bias) = epilogue.bias {
        assert_eq!(bias.len(), b.cols, "invariant: a bias is as long as a row");
    }
    let product = Product {
        out: out.as_mut_ptr(),
        ld: b.cols,
        a: a.raw(a.offset),
        b: b.raw(b.offset),
        m: a.rows,
        n: b.cols,
        k: a.cols,
        bias: epilogue.bias.map_or(std::ptr::null(), |b| b.as_ptr()),
        relu: epilogue.relu,
    };
    // SAFETY: the checks above.
    unsafe { typed(product, parallel::threads()) }
}

/// Independent products: `out[i]` (m, n) = aᵢ (m, k) · bᵢ (k, n), where aᵢ is `a` with `a_offsets[i]` for its
/// offset and bᵢ likewise; the results lie one after the other.
///
/// Panics if the sizes do not fit each other or an operand reaches outside its data.
pub(crate) fn batched<T: Float>(
    out: &mut [T],
    a: Mat<T>,
    a_offsets: &[usize],
    b: Mat<T>,
    b_offsets: &[usize],
) {
    assert_eq!(a_offsets.len(), b_offsets.len(), "invariant: both operands have the batch's offsets");
    if a_offsets.is_empty() {
        return assert!(out.is_empty(), "invariant: the output has the size of all products");
    }
    a.check(a_offsets);
    b.check(b_offsets);
    assert_eq!(a.cols, b.rows, "invariant: inner sizes of a product are equal");
    let size = a.rows.checked_mul(b.cols);
    assert_eq!(
        Some(out.len()),
        size.and_then(|s| s.checked_mul(a_offsets.len())),
        "invariant: the output has the size of all products"
    );
    let first = Product {
        out: out.as_mut_ptr(),
        ld: b.cols,
        a: a.raw(a.offset),
        b: b.raw(b.offset),
        m: a.rows,
        n: b.cols,
        k: a.cols,
        bias: std::ptr::null(),
        relu: false,
    };
    let one = |i: usize, threads: usize| {
        // SAFETY: the checks above; results of different i do not overlap.
        unsafe { typed(first.sibling(i, a.raw(a_offsets[i]), b.raw(b_offsets[i])), threads) }
    };
    let (batch, threads, flops) = (a_offsets.len(), parallel::threads(), first.flops());
    if threads > 1 && (batch >= 2 * threads || flops < gemm::PART_FLOPS) {
        // Whole products to threads, several at a time if they are small.
        let grain = (gemm::PART_FLOPS / flops.max(1)).clamp(1, batch.div_ceil(threads));
        parallel::for_ranges(batch, grain, |range| range.for_each(|i| one(i, 1)));
    } else {
        (0..batch).for_each(|i| one(i, threads));
    }
}

impl<T> Product<T> {
    /// Product i of a batch that this is the first of.
    fn sibling(&self, i: usize, a: Raw<T>, b: Raw<T>) -> Self {
        Self { out: self.out.wrapping_add(i * self.m * self.n), a, b, ..*self }
    }

    /// m·n·k: multiply-adds, saturating.
    fn flops(&self) -> usize {
        self.m.saturating_mul(self.n).saturating_mul(self.k)
    }

    /// The same product for another name of its type.
    fn cast<U>(self) -> Product<U> {
        let raw = |r: Raw<T>| Raw { p: r.p.cast(), rs: r.rs, cs: r.cs };
        Product {
            out: self.out.cast(),
            ld: self.ld,
            a: raw(self.a),
            b: raw(self.b),
            m: self.m,
            n: self.n,
            k: self.k,
            bias: self.bias.cast(),
            relu: self.relu,
        }
    }
}

/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs.
unsafe fn typed<T: Float>(p: Product<T>, threads: usize) {
    // SAFETY: handed on; `T` is the type it is cast to, since `DTYPE` differs between the implementors of `Float`.
    unsafe {
        match T::DTYPE {
            DType::F32 => dispatch(p.cast::<f32>(), threads),
            _ => dispatch(p.cast::<f64>(), threads),
        }
    }
}

/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs.
unsafe fn dispatch<T: Scalar + gemm::Faer>(p: Product<T>, threads: usize) {
    debug_assert!(p.m < 2 || p.ld >= p.n, "invariant: rows of the output do not overlap");
    // SAFETY: handed on to the caller; parts of a split product do not overlap, and copies of operands have k columns,
    // or n, as they say.
    unsafe {
        if p.m == 0 || p.n == 0 {
            return;
        }
        if p.k == 0 {
            for i in 0..p.m {
                std::slice::from_raw_parts_mut(p.out.add(i * p.ld), p.n).fill(T::ZERO);
            }
            finish(&p);
        } else if matvec::wins(&p) {
            matvec::matvec(&p, threads);
        } else if small::wins(&p) {
            gemm::split(&p, threads, 1, |p| small::product(p));
        } else {
            // faer turns operands that run backward along k, and the order with them.
            let a = (p.a.cs < 0).then(|| p.a.copied(p.m, p.k));
            let b = (p.b.rs < 0).then(|| p.b.copied(p.k, p.n));
            let raw = |copy: &Option<Vec<T>>, of: Raw<T>, cols: usize| match copy {
                Some(copy) => Raw { p: copy.as_ptr(), rs: cols as isize, cs: 1 },
                None => of,
            };
            let p = Product { a: raw(&a, p.a, p.k), b: raw(&b, p.b, p.n), ..p };
            gemm::turned(&p, threads);
        }
    }
}

crate::simd::simd_fn! {
    /// Adds the bias, if there is one, and rectifies, if so wished.
    fn finish_row[T: Float](row: &mut [T], bias: Option<&[T]>, relu: bool) {
        match (bias, relu) {
            (Some(bias), true) => for (x, &b) in row.iter_mut().zip(bias) { *x = vector::relu(x.add(b)) },
            (Some(bias), false) => for (x, &b) in row.iter_mut().zip(bias) { *x = x.add(b) },
            (None, true) => for x in row { *x = vector::relu(*x) },
            (None, false) => {}
        }
    }
}

/// The epilogue over a product that is in place.
///
/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs.
unsafe fn finish<T: Float>(p: &Product<T>) {
    if p.bias.is_null() && !p.relu {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        let bias = (!p.bias.is_null()).then(|| std::slice::from_raw_parts(p.bias, p.n));
        for i in 0..p.m {
            finish_row(std::slice::from_raw_parts_mut(p.out.add(i * p.ld), p.n), bias, p.relu);
        }
    }
}
