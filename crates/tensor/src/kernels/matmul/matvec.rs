//! One row or one column, or a few rows against contiguous columns: as fast as the matrix can be read.

mod along;

use super::{K_BLOCK, Product, Raw, finish_row};
use crate::kernels::vector::{Scalar, relu, vector_fn};
use crate::parallel;
use along::along;
use std::mem::MaybeUninit;

/// Bytes of matrix from which on threads share the work.
const SHARED: usize = 512 * 1024;
/// Outputs whose sums are kept in the nearest cache.
const CHUNK: usize = 2048;
/// Outputs at a time when the matrix must be gathered.
const GATHERED: usize = 16;

/// Whether this is the way: one row, one column, or a few rows where the columns of b are contiguous and too many to
/// be gathered.
pub(super) fn wins<T>(p: &Product<T>) -> bool {
    let few = p.m <= 4 && p.b.rs == 1 && p.b.cs != 1 && p.n >= 32 && p.n.saturating_mul(p.k) >= 1 << 14;
    p.m == 1 || p.n == 1 || few
}

/// The row, the column or the few rows that `p` is, over `threads`.
///
/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs.
pub(super) unsafe fn matvec<T: Scalar>(p: &Product<T>, threads: usize) {
    let (x, w, n, bias_step) = match p.n == 1 && p.m > 1 {
        // One column: the rows of a are the columns of w.
        true => (p.b.t(), p.a.t(), p.m, 0),
        false => (p.a, p.b, p.n, 1),
    };
    let m = if bias_step == 1 { p.m } else { 1 };
    let job = Job {
        out: p.out,
        x: x.p,
        x_row: x.rs,
        step: x.cs,
        w,
        m,
        n,
        k: p.k,
        ld: p.ld,
        bias: p.bias,
        bias_step,
        relu: p.relu,
    };
    let bytes = job.n.saturating_mul(job.k).saturating_mul(size_of::<T>());
    // Rows of w are read a part of each at a time: the parts must stay long.
    let most = if job.w.cs == 1 { (job.n / 512).max(threads) } else { 4 * threads };
    let pieces = (bytes / (SHARED / 2)).min(4 * threads).min(most).min(job.n / 64);
    if threads < 2 || pieces < 2 {
        // SAFETY: handed on to the caller.
        return unsafe { job.part(0, job.n) };
    }
    let grain = job.n.div_ceil(pieces).next_multiple_of(16);
    // SAFETY: parts do not overlap; the rest is the caller's promise.
    parallel::for_ranges(job.n, grain, |range| unsafe { job.part(range.start, range.len()) });
}

/// out(m, n) = x(m, k) · w(k, n), then the epilogue: element (r, i) of x is `x + r·x_row + i·step`, rows of out are
/// `ld` apart, the bias of output j is `bias + j·bias_step`. More rows than one only where the columns of w are
/// contiguous, and at most four.
///
/// "A valid job" means below: m is 1 to 4, and where it is not 1, `w.rs` is; n and k are 1 at least; `out` may be
/// written at r·ld + j, x may be read at (r, i), w at (i, j) and `bias`, unless it is null, at j·bias_step, for all
/// r < m, j < n and i < k; none of what is read lies in what is written, and no other thread is at work there.
#[derive(Clone, Copy)]
struct Job<T> {
    out: *mut T,
    x: *const T,
    x_row: isize,
    step: isize,
    w: Raw<T>,
    m: usize,
    n: usize,
    k: usize,
    ld: usize,
    bias: *const T,
    bias_step: usize,
    relu: bool,
}

// SAFETY: operands are borrowed slices of a `Sync` type; outputs of parts do not overlap.
unsafe impl<T: Send + Sync> Sync for Job<T> {}

impl<T: Scalar> Job<T> {
    /// Panics, where debug assertions are on, unless the numbers of the job are those of a valid one.
    fn check(&self) {
        debug_assert!((1..=4).contains(&self.m) && self.n > 0 && self.k > 0, "invariant: sizes of a job");
        debug_assert!(
            self.m == 1 || self.w.rs == 1,
            "invariant: several rows only against contiguous columns"
        );
    }

    /// Outputs j.. to j + n, finished.
    ///
    /// # Safety
    /// A valid job, of which j + n columns exist.
    unsafe fn part(&self, j: usize, n: usize) {
        debug_assert!(j + n <= self.n, "invariant: a part lies inside its job");
        // SAFETY: the columns exist, the rest is the caller's promise.
        unsafe {
            let part = Self { out: self.out.add(j), w: self.w.from(0, j), n, ..*self };
            part.run();
            for r in 0..self.m {
                let out = std::slice::from_raw_parts_mut(part.out.add(r * self.ld), n);
                if self.bias.is_null() {
                    finish_row(out, None, self.relu);
                } else if self.bias_step == 1 {
                    finish_row(out, Some(std::slice::from_raw_parts(self.bias.add(j), n)), self.relu);
                } else {
                    for y in out {
                        *y = y.add(*self.bias);
                        *y = if self.relu { relu(*y) } else { *y };
                    }
                }
            }
        }
    }

    /// All outputs, without the epilogue.
    ///
    /// # Safety
    /// A valid job.
    unsafe fn run(&self) {
        self.check();
        // SAFETY: the caller's promise, and the condition of each before it.
        unsafe {
            if self.m > 1 {
                along(self);
            } else if self.n < 4 && self.k > K_BLOCK {
                few(self);
            } else if self.w.cs == 1 || self.n == 1 && self.w.rs != 1 {
                across(self);
            } else if self.w.rs == 1 {
                along(self);
            } else {
                self.gather();
            }
        }
    }

    /// For matrices that are contiguous neither way: copies a block, then goes across it.
    ///
    /// # Safety
    /// A valid job of one row.
    unsafe fn gather(&self) {
        debug_assert!(self.m == 1, "invariant: one row is gathered for");
        let mut buffer = [const { MaybeUninit::<T>::uninit() }; GATHERED * K_BLOCK];
        let block: *mut T = buffer.as_mut_ptr().cast();
        let mut sums = [T::ZERO; GATHERED];
        for j in (0..self.n).step_by(GATHERED) {
            let n = (self.n - j).min(GATHERED);
            for start in (0..self.k).step_by(K_BLOCK) {
                let k = (self.k - start).min(K_BLOCK);
                // SAFETY: rows start.. and columns j.. are inside the matrix, k·n elements fit the buffer.
                unsafe {
                    for r in 0..k {
                        for c in 0..n {
                            *block.add(r * n + c) = *self.w.at(start + r, j + c);
                        }
                    }
                    let w = Raw { p: block.cast_const(), rs: n as isize, cs: 1 };
                    let x = self.x.wrapping_offset(start as isize * self.step);
                    across(&Job { out: sums.as_mut_ptr(), x, w, n, k, ..*self });
                    for c in 0..n {
                        let out = self.out.add(j + c);
                        *out = if start == 0 { sums[c] } else { (*out).add(sums[c]) };
                    }
                }
            }
        }
    }
}

vector_fn! {
    /// Few outputs, long sums: lanes are blocks of k, so that no chain waits for itself.
    ///
    /// # Safety
    /// A valid job of one row.
    unsafe fn few<T, H, W>(job: &Job<T>) {
        // SAFETY: positions below k, columns below n: the caller's promise.
        unsafe {
            for j in 0..job.n {
                let w = job.w.from(0, j);
                let mut total = T::ZERO;
                let mut start = 0;
                while start < job.k {
                    let blocks = (job.k - start) / K_BLOCK;
                    let mut sums = [T::ZERO; 8];
                    let done = if blocks < H::LANES {
                        let end = (start + K_BLOCK).min(job.k);
                        for k in start..end {
                            let x = *job.x.wrapping_offset(k as isize * job.step);
                            sums[0] = x.mul_add(*w.at(k, 0), sums[0]);
                        }
                        1
                    } else if job.step == 1 && w.rs == 1 {
                        let (mut xs, mut ws) = ([job.x; 8], [w.p; 8]);
                        for l in 0..H::LANES {
                            xs[l] = xs[l].wrapping_add(start + l * K_BLOCK);
                            ws[l] = ws[l].wrapping_add(start + l * K_BLOCK);
                        }
                        let mut sum = H::splat(T::ZERO);
                        for _ in 0..K_BLOCK / H::LANES {
                            let (x, w) = (H::load_turned(&xs), H::load_turned(&ws));
                            for l in 0..H::LANES {
                                sum = x[l].mul_add(w[l], sum);
                                xs[l] = xs[l].wrapping_add(H::LANES);
                                ws[l] = ws[l].wrapping_add(H::LANES);
                            }
                        }
                        sum.store(sums.as_mut_ptr());
                        H::LANES
                    } else {
                        for k in start..start + K_BLOCK {
                            for l in 0..H::LANES {
                                let at = k + l * K_BLOCK;
                                let x = *job.x.wrapping_offset(at as isize * job.step);
                                sums[l] = x.mul_add(*w.at(at, 0), sums[l]);
                            }
                        }
                        H::LANES
                    };
                    for (l, &sum) in sums[..done].iter().enumerate() {
                        total = if start + l == 0 { sum } else { total.add(sum) };
                    }
                    start += done * K_BLOCK;
                }
                *job.out.add(j) = total;
            }
        }
    }
}

vector_fn! {
    /// Rows of w contiguous: lanes are outputs, up to sixteen rows at a time are added to sums in the nearest cache.
    ///
    /// # Safety
    /// A valid job of one row, with rows of w that are contiguous or of one element.
    unsafe fn across<T, H, W>(job: &Job<T>) {
        debug_assert!(job.m == 1 && (job.w.cs == 1 || job.n == 1), "invariant: rows of w are contiguous");
        let mut buffer = [const { MaybeUninit::<T>::uninit() }; CHUNK];
        let mut j = 0;
        while j < job.n {
            let n = (job.n - j).min(CHUNK);
            let mut start = 0;
            while start < job.k {
                let end = (start + K_BLOCK).min(job.k);
                // SAFETY: rows start.. to end and columns j.. to j + n are inside the operands; n elements fit the buffer.
                unsafe {
                    let out = job.out.add(j);
                    let sums = if start == 0 { out } else { buffer.as_mut_ptr().cast() };
                    let mut k = start;
                    while k < end {
                        let fresh = k == start;
                        let left = end - k;
                        let x = job.x.wrapping_offset(k as isize * job.step);
                        let w = Raw { p: job.w.at(k, j), ..job.w };
                        if left >= 16 && W::LANES * size_of::<T>() == 64 {
                            add_rows::<T, W, 16>(sums, x, job.step, w, n, fresh);
                            k += 16;
                        } else if left >= 8 {
                            add_rows::<T, W, 8>(sums, x, job.step, w, n, fresh);
                            k += 8;
                        } else if left >= 4 {
                            add_rows::<T, W, 4>(sums, x, job.step, w, n, fresh);
                            k += 4;
                        } else {
                            add_rows::<T, W, 1>(sums, x, job.step, w, n, fresh);
                            k += 1;
                        }
                    }
                    if start > 0 {
                        for c in 0..n {
                            *out.add(c) = (*out.add(c)).add(*sums.add(c));
                        }
                    }
                }
                start = end;
            }
            j += n;
        }
    }
}

/// sums(n) += x(0)·w(0, ·) + … + x(R−1)·w(R−1, ·), one after the other; from 0 if `fresh`.
///
/// # Safety
/// The instruction set of V; n sums that may be written, and read unless `fresh`; x readable at r·step, and n
/// contiguous elements of w from (r, 0) on, for all r < R; the sums lie apart from both.
#[inline(always)]
unsafe fn add_rows<T: Scalar, V: crate::kernels::vector::Vector<T>, const R: usize>(
    sums: *mut T,
    x: *const T,
    step: isize,
    w: Raw<T>,
    n: usize,
    fresh: bool,
) {
    // SAFETY: R elements of x, R rows of n elements of w, n sums: the caller's promise.
    unsafe {
        let mut factors = [V::splat(T::ZERO); R];
        for r in 0..R {
            factors[r] = V::splat(*x.wrapping_offset(r as isize * step));
        }
        let mut c = 0;
        while c + V::LANES <= n {
            let mut sum = if fresh { V::splat(T::ZERO) } else { V::load(sums.add(c)) };
            for r in 0..R {
                sum = factors[r].mul_add(V::load(w.at(r, 0).add(c)), sum);
            }
            sum.store(sums.add(c));
            c += V::LANES;
        }
        if c < n {
            let mask = V::first(n - c);
            let mut sum = if fresh { V::splat(T::ZERO) } else { V::load_first(sums.add(c), mask) };
            for r in 0..R {
                sum = factors[r].mul_add(V::load_first(w.at(r, 0).add(c), mask), sum);
            }
            sum.store_first(sums.add(c), mask);
        }
    }
}
