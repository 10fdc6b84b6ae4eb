//! The two products that convolutions and recurrent layers are made of, on operands that are read where they lie.
//!
//! [`correlate`] is a product whose left matrix is never written down: row i begins `i·a_step` after the first one, and
//! consists of runs of neighbours at given places from there, as a window over an image whose channels are last does.
//! [`contract`] is the product that sums over those rows instead, for the gradient of the weight. Both keep a block of
//! results in registers while they go along a sum, so that an operand is read once a block and a result is written once.
//! A sum is one chain of fused additions in a given order, whatever block it falls into.

use crate::kernels::vector::{Scalar, prefetch, vector_fn};
use std::ops::Range;

/// The most terms in one chain; longer sums are made of chains, one added to the other.
pub(crate) const CHAIN: usize = 512;

/// A run of neighbours, `at` elements from where a row begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub at: usize,
    pub len: usize,
}

/// A line of pixels: where its first one lies in the image that windows are over, and in the one beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub a: usize,
    pub b: usize,
    pub count: usize,
}

/// The runs of a window, cut into chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runs {
    pub runs: Vec<Run>,
    /// The runs of each chain.
    pub chains: Vec<Range<usize>>,
    /// The elements of a window.
    pub len: usize,
}

impl Runs {
    /// Runs of `len` elements at `places`; neighbours are joined, and chains kept to [`CHAIN`].
    pub fn new(places: impl IntoIterator<Item = usize>, len: usize) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        for at in places {
            for start in (0..len).step_by(CHAIN) {
                let (at, len) = (at + start, CHAIN.min(len - start));
                match runs.last_mut() {
                    Some(last) if last.at + last.len == at && last.len + len <= CHAIN => last.len += len,
                    _ => runs.push(Run { at, len }),
                }
            }
        }
        let (mut chains, mut start, mut terms) = (Vec::new(), 0, 0);
        for (i, run) in runs.iter().enumerate() {
            if terms + run.len > CHAIN {
                chains.push(start..i);
                (start, terms) = (i, 0);
            }
            terms += run.len;
        }
        // One chain at least: an empty sum is written too.
        if start < runs.len() || chains.is_empty() {
            chains.push(start..runs.len());
        }
        let len = runs.iter().map(|run| run.len).sum();
        Self { runs, chains, len }
    }
}

/// How [`correlate`] and [`contract`] go over their operands. For each line and i < count, row i of the left matrix begins
/// at `a + line.a + i·a_step`, and its partner, a row of `n` numbers, at `b + line.b + i·b_step`.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    pub a: *const T,
    pub a_step: usize,
    pub b: *mut T,
    pub b_step: usize,
    pub lines: &'a [Line],
    pub runs: &'a Runs,
    pub n: usize,
}

/// What is done to a result before it leaves.
#[derive(Clone, Copy)]
pub(crate) struct Finish<T> {
    /// n numbers, or null.
    pub bias: *const T,
    pub relu: bool,
    /// Whether results are large, and go past the caches where they fill whole lines of memory; see [`crate::stream`].
    pub large: bool,
}

impl<T> Finish<T> {
    /// Nothing.
    pub fn none() -> Self {
        Self { bias: std::ptr::null(), relu: false, large: false }
    }
}

/// The elements of a packed matrix of `len` rows and `n` columns: see [`packed`].
pub(crate) fn packed_len<T: Scalar>(len: usize, n: usize) -> usize {
    len * n.next_multiple_of(crate::kernels::vector::lanes::<T>())
}

/// Packs a matrix for [`correlate`]: blocks of two registers of columns, the last of one if that is enough, each row by
/// row; columns after the n-th are 0. Calls `at(row, column)` for each element.
pub(crate) fn pack<T: Scalar>(len: usize, n: usize, out: &mut [T], at: impl Fn(usize, usize) -> T) {
    pack_lines(len, n, out, |row, first, line| {
        line.iter_mut().enumerate().for_each(|(c, x)| *x = at(row, first + c));
    });
}

/// [`pack`], with `fill(row, column, line)` for what begins there.
pub(crate) fn pack_lines<T: Scalar>(
    len: usize,
    n: usize,
    out: &mut [T],
    fill: impl Fn(usize, usize, &mut [T]),
) {
    let lanes = crate::kernels::vector::lanes::<T>();
    let (whole, mut out) = (n.next_multiple_of(lanes), out);
    let mut j = 0;
    while j < whole {
        let width = (2 * lanes).min(whole - j);
        let (block, rest) = out.split_at_mut(width * len);
        for (row, line) in block.chunks_exact_mut(width).enumerate() {
            let (line, after) = line.split_at_mut(width.min(n - j));
            fill(row, j, line);
            after.fill(T::ZERO);
        }
        (out, j) = (rest, j + width);
    }
}

/// Runs `$body` with `$M` the constant that `$m`, 1 to 14, is.
macro_rules! with_rows {
    ($m:expr, $M:ident => $body:expr) => {
        with_rows!(@ $m, $M, $body, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    };
    (@ $m:expr, $M:ident, $body:expr, $($n:literal)*) => {
        match $m {
            $($n => { const $M: usize = $n; $body })*
            _ => unreachable!("invariant: blocks have 1 to 14 rows"),
        }
    };
}

/// Runs `$body` for each `$m` below `$M`, 14 at most, one after the other: a loop this long would not be unrolled, and
/// sums that a loop counts through are not kept in registers.
macro_rules! unrolled {
    ($M:ident, $m:ident => $body:expr) => {
        unrolled!(@ $M, $m, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $M:ident, $m:ident, $body:expr, $($n:literal)*) => {
        $(if $n < $M {
            let $m: usize = $n;
            $body
        })*
    };
}

pub(crate) use {unrolled, with_rows};

vector_fn! {
    /// For every row, `b = a·w`, then bias and rectifier; a fence must follow if that is large. `w` is [`pack`]ed, its rows in the order of the runs.
    ///
    /// # Safety
    /// `a` must be readable at every element of every row, `b` writable at n elements for every row and in no place that
    /// `a` or another thread reads or writes, `w` as long as [`packed_len`] says, the bias null or n long.
    pub(crate) unsafe fn correlate<T, H, W>(rows: &Rows<T>, w: *const T, finish: Finish<T>) {
        // SAFETY: the caller's promises; blocks lie inside lines and columns.
        unsafe {
            // 14 rows of two registers, one for the operand and two for the weights: 31 of 32; or 6 rows: 15 of 16.
            let most = if W::LANES * size_of::<T>() == 64 { 14 } else { 6 };
            let mut w = w;
            let whole = rows.n.next_multiple_of(W::LANES);
            // Of a register at a time: every result begins where a register may.
            let fills = |n: usize| n.is_multiple_of(W::LANES);
            let large = finish.large
                && rows.b.addr().is_multiple_of(size_of::<W>())
                && fills(rows.n) && fills(rows.b_step) && rows.lines.iter().all(|line| fills(line.b));
            let finish = Finish { large, ..finish };
            // How much of the next block's rows to ask for with each term of this one's sums.
            let ahead = most * rows.a_step / rows.runs.len.max(1);
            let mut j = 0;
            while j < whole {
                let double = whole - j > W::LANES;
                let width = if double { 2 * W::LANES } else { W::LANES };
                for line in rows.lines {
                    let parts = line.count.div_ceil(most);
                    for part in 0..parts {
                        let (i, end) = (line.count * part / parts, line.count * (part + 1) / parts);
                        let a = rows.a.add(line.a + i * rows.a_step);
                        let b = rows.b.add(line.b + i * rows.b_step + j);
                        with_rows!(end - i, M => match double {
                            true => correlate_block::<T, W, M, 2>(rows, a, b, j, w, ahead, finish),
                            false => correlate_block::<T, W, M, 1>(rows, a, b, j, w, ahead, finish),
                        });
                    }
                }
                w = w.add(width * rows.runs.len);
                j += width;
            }
        }
    }
}

/// # Safety
/// As for [`correlate`], for M rows from `a` and `b` on, and the columns from `j` on, whose weights are at `w`.
#[inline(always)]
unsafe fn correlate_block<T: Scalar, V: crate::kernels::vector::Vector<T>, const M: usize, const N: usize>(
    rows: &Rows<T>,
    a: *const T,
    b: *mut T,
    j: usize,
    mut w: *const T,
    ahead: usize,
    finish: Finish<T>,
) {
    // SAFETY: the caller's promises.
    unsafe {
        // The last register is written in part if the columns end inside it.
        let last = V::first((rows.n - j).saturating_sub((N - 1) * V::LANES).min(V::LANES));
        let all = V::first(V::LANES);
        let chains = rows.runs.chains.len();
        let ends_whole = rows.n - j >= N * V::LANES;
        let mut next = a.wrapping_add(M * rows.a_step);
        for (index, chain) in rows.runs.chains.iter().enumerate() {
            let mut sums = [[V::splat(T::ZERO); N]; M];
            for run in &rows.runs.runs[chain.start..chain.end] {
                // Every third row has a pointer, from which the other two are one and two steps away: more pointers
                // would not stay in registers.
                let mut first = [a.wrapping_add(run.at); 5];
                for p in 1..5 {
                    first[p] = first[p - 1].wrapping_add(3 * rows.a_step);
                }
                for _ in 0..run.len {
                    prefetch(next);
                    next = next.wrapping_add(ahead);
                    let mut weights = [V::splat(T::ZERO); N];
                    for n in 0..N {
                        weights[n] = V::load(w.add(n * V::LANES));
                    }
                    unrolled!(M, m => {
                        let x = V::splat(*first[m / 3].wrapping_add(m % 3 * rows.a_step));
                        for n in 0..N {
                            sums[m][n] = x.mul_add(weights[n], sums[m][n]);
                        }
                    });
                    for p in 0..5 {
                        first[p] = first[p].wrapping_add(1);
                    }
                    w = w.add(N * V::LANES);
                }
            }
            let (begins, ends) = (index == 0, index + 1 == chains);
            if begins && ends && finish.bias.is_null() && !finish.relu && ends_whole {
                if finish.large {
                    unrolled!(M, m => for n in 0..N {
                        sums[m][n].stream(b.add(m * rows.b_step + n * V::LANES));
                    });
                    continue;
                }
                unrolled!(M, m => for n in 0..N {
                    sums[m][n].store(b.add(m * rows.b_step + n * V::LANES));
                });
                continue;
            }
            // Through memory, so that the loop below need not be unrolled to keep the sums in registers.
            let mut kept = [sums[0]; M];
            unrolled!(M, m => for n in 0..N {
                sums[m][n].store((&raw mut kept[m][n]).cast());
            });
            let kept = std::hint::black_box(&kept);
            for m in 0..M {
                for n in 0..N {
                    let mask = if n + 1 < N { all } else { last };
                    let to = b.add(m * rows.b_step + n * V::LANES);
                    let mut sum = kept[m][n];
                    if !begins {
                        sum = V::load_first(to, mask).add(sum);
                    }
                    if ends && !finish.bias.is_null() {
                        sum = sum.add(V::load_first(finish.bias.add(j + n * V::LANES), mask));
                    }
                    if ends && finish.relu {
                        sum = sum.rectified(V::splat(T::ZERO));
                    }
                    if finish.large && chains == 1 {
                        sum.stream(to);
                    } else {
                        sum.store_first(to, mask);
                    }
                }
            }
        }
    }
}

vector_fn! {
    /// Adds to `out`, of `runs.len` rows `ld` apart, the sum over all rows of (element of a's row) · (b's row).
    /// Columns up to the next whole register are written.
    ///
    /// # Safety
    /// `a` and `b` must be readable at every element of every row, `out` readable and writable at `runs.len` rows of
    /// `n` elements, rounded up to whole registers, which no other thread touches.
    pub(crate) unsafe fn contract<T, H, W>(rows: &Rows<T>, out: *mut T, ld: usize) {
        // SAFETY: the caller's promises; blocks lie inside runs and columns.
        unsafe {
            let most = if W::LANES * size_of::<T>() == 64 { 14 } else { 6 };
            let whole = rows.n.next_multiple_of(W::LANES);
            let mut j = 0;
            while j < whole {
                let double = whole - j > W::LANES;
                let width = if double { 2 * W::LANES } else { W::LANES };
                let mut k = 0;
                for run in &rows.runs.runs {
                    let parts = run.len.div_ceil(most);
                    for part in 0..parts {
                        let (l, end) = (run.len * part / parts, run.len * (part + 1) / parts);
                        let to = out.add((k + l) * ld + j);
                        with_rows!(end - l, M => match double {
                            true => contract_block::<T, W, M, 2>(rows, run.at + l, j, to, ld),
                            false => contract_block::<T, W, M, 1>(rows, run.at + l, j, to, ld),
                        });
                    }
                    k += run.len;
                }
                j += width;
            }
        }
    }
}

/// # Safety
/// As for [`contract`], for M elements from `at` on in each row of `a`, and the columns from `j` on, which end up at `out`.
#[inline(always)]
unsafe fn contract_block<T: Scalar, V: crate::kernels::vector::Vector<T>, const M: usize, const N: usize>(
    rows: &Rows<T>,
    at: usize,
    j: usize,
    out: *mut T,
    ld: usize,
) {
    // SAFETY: the caller's promises.
    unsafe {
        let filled = (rows.n - j).saturating_sub((N - 1) * V::LANES).min(V::LANES);
        let last = V::first(filled);
        let mut sums = [[V::splat(T::ZERO); N]; M];
        macro_rules! lines {
            ($load_last:ident $(, $mask:ident)?) => {
                for line in rows.lines {
                    let (mut a, mut b) = (rows.a.add(line.a + at), rows.b.cast_const().add(line.b + j));
                    for _ in 0..line.count {
                        let mut right = [V::splat(T::ZERO); N];
                        for n in 0..N - 1 {
                            right[n] = V::load(b.add(n * V::LANES));
                        }
                        right[N - 1] = V::$load_last(b.add((N - 1) * V::LANES) $(, $mask)?);
                        unrolled!(M, m => {
                            let x = V::splat(*a.add(m));
                            for n in 0..N {
                                sums[m][n] = x.mul_add(right[n], sums[m][n]);
                            }
                        });
                        (a, b) = (a.add(rows.a_step), b.add(rows.b_step));
                    }
                }
            };
        }
        if filled == V::LANES {
            lines!(load);
        } else {
            lines!(load_first, last);
        }
        unrolled!(M, m => for n in 0..N {
            let to = out.add(m * ld + n * V::LANES);
            V::load(to).add(sums[m][n]).store(to);
        });
    }
}
