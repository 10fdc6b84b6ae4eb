//! One row or one column: a vector times a matrix, as fast as the matrix can be read.

use super::vector::{Scalar, Turn, relu, vector_fn};
use super::{K_BLOCK, Product, Raw, finish_row};
use crate::parallel;
use std::mem::MaybeUninit;

/// Bytes of matrix from which on threads share the work.
const SHARED: usize = 256 * 1024;
/// Outputs whose sums are kept in the nearest cache.
const CHUNK: usize = 2048;
/// Outputs at a time when the matrix must be gathered.
const GATHERED: usize = 16;

/// The row or column that `p` is, over `threads`.
///
/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs.
pub(super) unsafe fn matvec<T: Scalar>(p: &Product<T>, threads: usize) {
    let job = match p.m {
        1 => Job {
            out: p.out,
            x: p.a.p,
            step: p.a.cs,
            w: p.b,
            n: p.n,
            k: p.k,
            bias: p.bias,
            bias_step: 1,
            relu: p.relu,
        },
        // One column: the rows of a are the columns of w.
        _ => Job {
            out: p.out,
            x: p.b.p,
            step: p.b.rs,
            w: p.a.t(),
            n: p.m,
            k: p.k,
            bias: p.bias,
            bias_step: 0,
            relu: p.relu,
        },
    };
    let bytes = job.n.saturating_mul(job.k).saturating_mul(size_of::<T>());
    let pieces = (bytes / (SHARED / 2)).min(4 * threads).min(job.n / 64);
    if threads < 2 || pieces < 2 {
        // SAFETY: handed on to the caller.
        return unsafe { job.part(0, job.n) };
    }
    let grain = job.n.div_ceil(pieces).next_multiple_of(16);
    // SAFETY: parts do not overlap; the rest is the caller's promise.
    parallel::for_ranges(job.n, grain, |range| unsafe { job.part(range.start, range.len()) });
}

/// out(n) = x(k) · w(k, n), then the epilogue: element i of x is `x + i·step`, bias of output j `bias + j·bias_step`.
#[derive(Clone, Copy)]
struct Job<T> {
    out: *mut T,
    x: *const T,
    step: isize,
    w: Raw<T>,
    n: usize,
    k: usize,
    bias: *const T,
    bias_step: usize,
    relu: bool,
}

// SAFETY: operands are borrowed slices of a `Sync` type; outputs of parts do not overlap.
unsafe impl<T: Send + Sync> Sync for Job<T> {}

impl<T: Scalar> Job<T> {
    /// Outputs j.. to j + n, finished.
    unsafe fn part(&self, j: usize, n: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let part = Self { out: self.out.add(j), w: self.w.from(0, j), n, ..*self };
            part.run();
            let out = std::slice::from_raw_parts_mut(part.out, n);
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

    /// All outputs, without the epilogue.
    unsafe fn run(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            if self.n < 4 && self.k > K_BLOCK {
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
    unsafe fn gather(&self) {
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

crate::simd::simd_fn! {
    /// Few outputs, long sums: eight blocks of k side by side, so that no chain waits for itself.
    fn few[T: Scalar](job: &Job<T>) {
        const SIDE: usize = 8;
        for j in 0..job.n {
            let mut total = T::ZERO;
            let mut start = 0;
            while start < job.k {
                let mut sums = [T::ZERO; SIDE];
                let at = |i: usize| {
                    // SAFETY: i < k, j < n: inside the operands, by the promise of `run`'s caller.
                    unsafe { (*job.x.wrapping_offset(i as isize * job.step), *job.w.at(i, j)) }
                };
                let left = job.k - start;
                if left >= SIDE * K_BLOCK {
                    for i in start..start + K_BLOCK {
                        for (s, sum) in sums.iter_mut().enumerate() {
                            let (x, w) = at(i + s * K_BLOCK);
                            *sum = x.mul_add(w, *sum);
                        }
                    }
                } else {
                    for (s, sum) in sums.iter_mut().enumerate() {
                        for i in (s * K_BLOCK).min(left)..((s + 1) * K_BLOCK).min(left) {
                            let (x, w) = at(start + i);
                            *sum = x.mul_add(w, *sum);
                        }
                    }
                }
                for (s, &sum) in sums.iter().enumerate() {
                    if start + s * K_BLOCK < job.k {
                        total = if start + s == 0 { sum } else { total.add(sum) };
                    }
                }
                start += SIDE * K_BLOCK;
            }
            // SAFETY: j < n.
            unsafe { *job.out.add(j) = total };
        }
    }
}

vector_fn! {
    /// Rows of w contiguous: lanes are outputs, four rows at a time are added to sums in the nearest cache.
    unsafe fn across<T, H, W>(job: &Job<T>) {
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
                        if left >= 8 {
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
#[inline(always)]
unsafe fn add_rows<T: Scalar, V: super::vector::Vector<T>, const R: usize>(
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

vector_fn! {
    /// Columns of w contiguous: square blocks are turned around in registers, so that lanes are outputs again.
    unsafe fn along<T, H, W>(job: &Job<T>) {
        let mut j = 0;
        // SAFETY: outputs j.. to j + group are inside; a last group shows its last column again in the spare lanes.
        unsafe {
            while j < job.n {
                if job.n - j > H::LANES {
                    group::<T, H, 2>(job, j);
                    j += 2 * H::LANES;
                } else {
                    group::<T, H, 1>(job, j);
                    j += H::LANES;
                }
            }
        }
    }
}

/// G registers of outputs from j on.
#[inline(always)]
unsafe fn group<T: Scalar, V: Turn<T>, const G: usize>(job: &Job<T>, j: usize) {
    // SAFETY: columns are capped at the last one, rows at k; the caller promises the operands.
    unsafe {
        let columns: [[*const T; 8]; G] = std::array::from_fn(|g| {
            std::array::from_fn(|l| job.w.at(0, (j + g * V::LANES + l).min(job.n - 1)))
        });
        let mut total = [V::splat(T::ZERO); G];
        let mut start = 0;
        while start < job.k {
            let end = (start + K_BLOCK).min(job.k);
            let mut sums = [V::splat(T::ZERO); G];
            let mut k = start;
            while k + V::LANES <= end {
                let x = job.x.wrapping_offset(k as isize * job.step);
                for g in 0..G {
                    let turned = V::load_turned(&columns[g].map(|c| c.wrapping_add(k)));
                    for l in 0..V::LANES {
                        let x = V::splat(*x.wrapping_offset(l as isize * job.step));
                        sums[g] = x.mul_add(turned[l], sums[g]);
                    }
                }
                k += V::LANES;
            }
            while k < end {
                let x = V::splat(*job.x.wrapping_offset(k as isize * job.step));
                for g in 0..G {
                    let mut column = [T::ZERO; 8];
                    for l in 0..V::LANES {
                        column[l] = *columns[g][l].wrapping_add(k);
                    }
                    sums[g] = x.mul_add(V::load(column.as_ptr()), sums[g]);
                }
                k += 1;
            }
            for g in 0..G {
                total[g] = if start == 0 { sums[g] } else { total[g].add(sums[g]) };
            }
            start = end;
        }
        for g in 0..G {
            let at = j + g * V::LANES;
            if at < job.n {
                total[g].store_first(job.out.add(at), V::first((job.n - at).min(V::LANES)));
            }
        }
    }
}
