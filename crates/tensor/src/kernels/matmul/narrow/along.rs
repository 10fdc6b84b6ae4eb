//! Narrow weights whose columns are contiguous, as weights (out, in) are: square blocks turned around in registers, then widened.

use super::Job;
use crate::kernels::matmul::K_BLOCK;
use crate::kernels::vector::{Narrow, Turn, Widen, prefetch, prefetch_second};

/// Bytes of each column that are asked for ahead where columns are apart: no prefetcher follows so many.
const AHEAD: usize = 1024;

/// Columns of w contiguous: square blocks of words of as many bytes as an F32 has are turned around in registers, so
/// that lanes are outputs, and then taken apart.
///
/// # Safety
/// The instruction set of V; a valid job with `w.rs` of 1.
#[inline(always)]
pub(super) unsafe fn along<N: Narrow, V: Turn<f32> + Widen>(job: &Job<N>) {
    let mut j = 0;
    while j < job.n {
        let left = job.n - j;
        // Four chains side by side, where there are as many outputs, so that none waits for itself.
        // SAFETY: the caller's promise; j < n.
        unsafe {
            let done = match job.m {
                1 if left > 2 * V::LANES => group::<N, V, 1, 4>(job, j),
                1 if left > V::LANES => group::<N, V, 1, 2>(job, j),
                1 => group::<N, V, 1, 1>(job, j),
                2 if left > V::LANES => group::<N, V, 2, 2>(job, j),
                2 => group::<N, V, 2, 1>(job, j),
                _ => group::<N, V, 4, 1>(job, j),
            };
            j += done;
        }
    }
}

/// G registers of outputs from j on, of at most R rows; spare lanes show the last column again, spare rows the last
/// row. Returns how many outputs that is.
///
/// # Safety
/// The instruction set of V; a valid job with `w.rs` of 1, of at most R rows, in which column j exists.
#[inline(always)]
unsafe fn group<N: Narrow, V: Turn<f32> + Widen, const R: usize, const G: usize>(
    job: &Job<N>,
    j: usize,
) -> usize {
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
            rows[r] = job.x.add(r.min(job.m - 1) * job.x_row);
        }
        let mut total = [[V::splat(0.0); R]; G];
        // From a column to that of the group behind this one; that one, where columns lie beside each other, as for
        // wide elements.
        let jump = (G * V::LANES) as isize * job.w.cs;
        let behind = (job.w.cs == job.k as isize).then(|| job.w.at(0, j).wrapping_offset(jump));
        for start in (0..job.k).step_by(K_BLOCK) {
            let len = (job.k - start).min(K_BLOCK);
            let sums = chains::<N, V, R, G>(&columns, &rows, start..start + len, (job.k, jump, behind));
            for g in 0..G {
                for r in 0..R {
                    total[g][r] = if start == 0 { sums[g][r] } else { total[g][r].add(sums[g][r]) };
                }
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
    G * V::LANES
}

/// G times R registers of chains over `range` of k: lane l of register (g, r) sums x[r] times what stands in
/// `columns[g][l]`. Behind the last element of a column, `end`, come those that are read next, `jump` from it, or in one piece
/// from `behind` on.
///
/// # Safety
/// The instruction set of V; the elements of `range` in each of the first `LANES` columns and each x.
#[inline(always)]
unsafe fn chains<N: Narrow, V: Turn<f32> + Widen, const R: usize, const G: usize>(
    columns: &[[*const N; 8]; G],
    x: &[*const f32; R],
    range: std::ops::Range<usize>,
    (end, jump, behind): (usize, isize, Option<*const N>),
) -> [[V; R]; G] {
    let per = size_of::<f32>() / size_of::<N>();
    let unit = V::LANES * per;
    // SAFETY: positions inside the range, of each column and of each x: the caller's promise.
    unsafe {
        let mut sums = [[V::splat(0.0); R]; G];
        let mut k = range.start;
        while k + unit <= range.end {
            let ahead = k + AHEAD / size_of::<N>();
            let ahead = if ahead < end { ahead as isize } else { (ahead - end) as isize + jump };
            for g in 0..G {
                // A line of each column is asked for once.
                if (k / unit).is_multiple_of(2) {
                    for l in 0..V::LANES {
                        match behind {
                            Some(behind) => {
                                let lines = k / (2 * unit) * G * V::LANES + g * V::LANES + l;
                                prefetch_second(behind.wrapping_add(lines * 2 * unit));
                            }
                            None => prefetch(columns[g][l].wrapping_offset(ahead)),
                        }
                    }
                }
                let mut at = [columns[g][0].cast::<f32>(); 8];
                for l in 0..V::LANES {
                    at[l] = columns[g][l].wrapping_add(k).cast();
                }
                let turned = V::load_turned(&at);
                // Written out: a loop over lanes would keep their parts in memory.
                macro_rules! lanes {
                    ($($l:literal)*) => {$(
                        if $l < V::LANES {
                            let parts = turned[$l].parts::<N>();
                            let at = k + $l * per;
                            part!(parts, at, 0 1 2 3);
                        }
                    )*};
                }
                macro_rules! part {
                    ($parts:ident, $at:ident, $($p:literal)*) => {$(
                        if $p < per {
                            for r in 0..R {
                                sums[g][r] = V::splat(*x[r].add($at + $p)).mul_add($parts[$p], sums[g][r]);
                            }
                        }
                    )*};
                }
                lanes!(0 1 2 3 4 5 6 7);
            }
            k += unit;
        }
        while k < range.end {
            for g in 0..G {
                let mut column = [0f32; 8];
                for l in 0..V::LANES {
                    column[l] = (*columns[g][l].add(k)).wide();
                }
                let column = V::load(column.as_ptr());
                for r in 0..R {
                    sums[g][r] = V::splat(*x[r].add(k)).mul_add(column, sums[g][r]);
                }
            }
            k += 1;
        }
        sums
    }
}
