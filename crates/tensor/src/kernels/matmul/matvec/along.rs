//! Matrices whose columns are contiguous, as weights (out, in) are: square blocks turned around in registers.

use super::Job;
use crate::kernels::matmul::K_BLOCK;
use crate::kernels::vector::{Scalar, Turn, prefetch, prefetch_second, vector_fn};

/// Bytes of each column that are asked for ahead where columns are apart: no prefetcher follows so many.
const AHEAD: usize = 1024;
/// Elements of a line of memory.
const fn line<T>() -> usize {
    64 / size_of::<T>()
}

vector_fn! {
    /// Columns of w contiguous: square blocks are turned around in registers, so that lanes are outputs again.
    ///
    /// # Safety
    /// A valid job with `w.rs` of 1.
    pub(super) unsafe fn along<T, H, W>(job: &Job<T>) {
        debug_assert!(job.w.rs == 1, "invariant: columns of w are contiguous");
        // Columns a multiple of 4 KiB apart lie in one set of the nearest cache, which has room for eight lines.
        let crowded = H::LANES == 8 && job.w.cs.unsigned_abs().wrapping_mul(size_of::<T>()).is_multiple_of(4096);
        let mut j = 0;
        while j < job.n {
            // SAFETY: the caller's promise; j < n.
            unsafe {
                let wide = job.n - j > H::LANES && !crowded;
                match (job.m, wide) {
                    (1, true) => group::<T, H, 1, 2>(job, j),
                    (1, false) => group::<T, H, 1, 1>(job, j),
                    (2, true) => group::<T, H, 2, 2>(job, j),
                    (2, false) => group::<T, H, 2, 1>(job, j),
                    // Four rows have chains enough, and registers for no more.
                    _ => group::<T, H, 4, 1>(job, j),
                }
                j += if wide && job.m <= 2 { 2 * H::LANES } else { H::LANES };
            }
        }
    }
}

/// G registers of outputs from j on, of at most R rows; spare lanes show the last column again, spare rows the last
/// row. At least two chains run side by side, so that they need not wait for themselves: of rows, of registers, or
/// of blocks of k.
///
/// # Safety
/// The instruction set of V; a valid job with `w.rs` of 1, of at most R rows, in which column j exists.
#[inline(always)]
unsafe fn group<T: Scalar, V: Turn<T>, const R: usize, const G: usize>(job: &Job<T>, j: usize) {
    debug_assert!(job.m <= R && j < job.n, "invariant: a group's rows fit, and its first column exists");
    // SAFETY: columns are capped at the last one, rows of x likewise, and k at the job's; the caller promises the rest.
    unsafe {
        let mut columns = [[job.w.p; 8]; G];
        for g in 0..G {
            for l in 0..V::LANES {
                columns[g][l] = job.w.at(0, (j + g * V::LANES + l).min(job.n - 1));
            }
        }
        let mut rows = [job.x; R];
        for r in 0..R {
            rows[r] = job.x.wrapping_offset(r.min(job.m - 1) as isize * job.x_row);
        }
        let mut total = [[V::splat(T::ZERO); R]; G];
        // From a column to that of the group behind this one; where columns lie beside each other, that is asked for
        // as memory has it, which is read nearly twice as fast as line by line of each column.
        let jump = (G * V::LANES) as isize * job.w.cs;
        let group = (job.w.cs == job.k as isize).then(|| job.w.at(0, j).wrapping_offset(jump));
        let mut start = 0;
        while start < job.k {
            let x = rows.map(|x| x.wrapping_offset(start as isize * job.step));
            if R == 1 && G == 1 && job.k - start >= 2 * K_BLOCK {
                let next = columns[0].map(|c| c.wrapping_add(K_BLOCK));
                let x = [x, x.map(|x| x.wrapping_offset(K_BLOCK as isize * job.step))];
                // The second chain's column follows the first one's: what lies ahead of the first was read, or will be.
                let behind = group.map(|group| group.wrapping_add(start * V::LANES));
                let ends = Ends { left: usize::MAX, jump, behind };
                let [first, second] = chains::<T, V, R, 2>([columns[0], next], x, job.step, K_BLOCK, ends);
                total[0][0] = if start == 0 { first[0] } else { total[0][0].add(first[0]) }.add(second[0]);
                columns[0] = columns[0].map(|c| c.wrapping_add(2 * K_BLOCK));
                start += 2 * K_BLOCK;
            } else {
                let len = (job.k - start).min(K_BLOCK);
                let behind = group.map(|group| group.wrapping_add(start * G * V::LANES));
                let ends = Ends { left: job.k - start, jump, behind };
                let sums = chains::<T, V, R, G>(columns, [x; G], job.step, len, ends);
                for g in 0..G {
                    for r in 0..R {
                        total[g][r] = if start == 0 { sums[g][r] } else { total[g][r].add(sums[g][r]) };
                    }
                    columns[g] = columns[g].map(|c| c.wrapping_add(len));
                }
                start += len;
            }
        }
        for g in 0..G {
            let at = j + g * V::LANES;
            if at < job.n {
                let mask = V::first((job.n - at).min(V::LANES));
                for r in 0..R.min(job.m) {
                    total[g][r].store_first(job.out.add(r * job.ld + at), mask);
                }
            }
        }
    }
}

/// Where columns end, and how far behind them lie those that are read next; or what of those is to be asked for meanwhile,
/// one line after the other.
#[derive(Clone, Copy)]
struct Ends<T> {
    left: usize,
    jump: isize,
    behind: Option<*const T>,
}

/// C times R registers of chains of `len`: lane l of register (c, r) sums x[c][r] times what stands at `columns[c][l]`.
///
/// # Safety
/// The instruction set of V; `len` contiguous elements from each of the first `LANES` columns on, and x[c][r]
/// readable at i·step for all i < `len`.
#[inline(always)]
unsafe fn chains<T: Scalar, V: Turn<T>, const R: usize, const C: usize>(
    columns: [[*const T; 8]; C],
    x: [[*const T; R]; C],
    step: isize,
    len: usize,
    ends: Ends<T>,
) -> [[V; R]; C] {
    // SAFETY: `len` elements of each column and of each x: the caller's promise.
    unsafe {
        let mut sums = [[V::splat(T::ZERO); R]; C];
        let mut k = 0;
        while k + 2 * V::LANES <= len {
            let ahead = k + AHEAD / size_of::<T>();
            let ahead =
                if ahead < ends.left { ahead as isize } else { (ahead - ends.left) as isize + ends.jump };
            for c in 0..C {
                for l in 0..V::LANES {
                    match ends.behind {
                        Some(behind) => {
                            let lines = k / line::<T>() * C * V::LANES + c * V::LANES + l;
                            prefetch_second(behind.wrapping_add(lines * line::<T>()));
                        }
                        None => prefetch(columns[c][l].wrapping_offset(ahead)),
                    }
                }
                // A whole cache line of each column before the next ones.
                for half in [k, k + V::LANES] {
                    let mut at = columns[c];
                    for l in 0..V::LANES {
                        at[l] = at[l].wrapping_add(half);
                    }
                    let turned = V::load_turned(&at);
                    for l in 0..V::LANES {
                        for r in 0..R {
                            let x = V::splat(*x[c][r].wrapping_offset((half + l) as isize * step));
                            sums[c][r] = x.mul_add(turned[l], sums[c][r]);
                        }
                    }
                }
            }
            k += 2 * V::LANES;
        }
        while k < len {
            for c in 0..C {
                let mut column = [T::ZERO; 8];
                for l in 0..V::LANES {
                    column[l] = *columns[c][l].wrapping_add(k);
                }
                let column = V::load(column.as_ptr());
                for r in 0..R {
                    let x = V::splat(*x[c][r].wrapping_offset(k as isize * step));
                    sums[c][r] = x.mul_add(column, sums[c][r]);
                }
            }
            k += 1;
        }
        sums
    }
}
