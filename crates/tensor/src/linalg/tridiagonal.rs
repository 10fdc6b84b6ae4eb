//! Symmetric matrices to tridiagonal form by reflections, and the eigenvalues of that by QL and QR iterations.
//!
//! Sources: LAPACK, `sytd2`, `steqr` and `sterf`; Parlett, "The symmetric eigenvalue problem", 1980, chapters 7 and 8.

use super::rotate::Rotations;
use super::small::{block_at, dot, reflect, total};
use crate::dtype::Float;
use crate::simd::simd_fn;

/// Columns that are updated together.
const COLUMNS: usize = 4;
/// Rows that are updated together, and the size of the blocks on the diagonal.
const ROWS: usize = 16;

simd_fn! {
    /// Q, T of A = Q·T·Qᵀ in A's lower half (n × n): T's diagonals go to `d` and `e`; the reflection of step k,
    /// 1 − τ·v·vᵀ, stays in column k below T with v₀ = 1 left out, and its τ in `scales`. `work` has room for 4·n.
    pub(super) fn reduce[T: Float](a: &mut [T], n: usize, d: &mut [f64], e: &mut [f64], scales: &mut [T], work: &mut [T]) {
        let (v, work) = work.split_at_mut(n);
        let (w, work) = work.split_at_mut(n);
        let (last_v, last_w) = work.split_at_mut(n);
        let last_w = &mut last_w[..n];
        // What the step before takes from the rest: v·wᵀ + w·vᵀ; all are 0 in the rows that are done.
        last_v.fill(T::ZERO);
        last_w.fill(T::ZERO);
        fill_blocks(a, n);
        for k in 0..n {
            let column = &mut a[k * n + k..(k + 1) * n];
            let (vk, wk) = (last_v[k].neg(), last_w[k].neg());
            for ((x, &v), &w) in column.iter_mut().zip(&last_v[k..]).zip(&last_w[k..]) {
                *x = w.mul_add(vk, v.mul_add(wk, *x));
            }
            d[k] = column[0].to_f64();
            if k + 1 == n {
                break;
            }
            let column = &mut column[1..];
            let scale = reflect(column);
            (e[k], scales[k]) = (column[0].to_f64(), scale);
            v[k + 1..].copy_from_slice(column);
            (v[k], v[k + 1]) = (T::ZERO, T::ONE);
            (last_v[k], last_w[k]) = (T::ZERO, T::ZERO);
            w.fill(T::ZERO);
            update_and_multiply(a, n, k + 1, last_v, last_w, v, w);
            let (v, w) = (&v[k + 1..], &mut w[k + 1..]);
            w.iter_mut().for_each(|w| *w = w.mul(scale));
            let half = T::of(-0.5).mul(scale).mul(dot(w, v));
            for (w, &v) in w.iter_mut().zip(v) {
                *w = half.mul_add(v, *w);
            }
            last_v[k + 1..].copy_from_slice(v);
            last_w[k + 1..].copy_from_slice(w);
        }
    }
}

/// Makes the whole blocks on the diagonal symmetric.
#[inline(always)]
fn fill_blocks<T: Float>(a: &mut [T], n: usize) {
    for j in (n % ROWS..n).step_by(ROWS) {
        for c in j + 1..j + ROWS {
            for r in j..c {
                a[c * n + r] = a[r * n + c];
            }
        }
    }
}

/// A −= p·qᵀ + q·pᵀ and y += A·x, for the lower half of the columns and rows of A from `first` on. What is before is 0 in
/// `p`, `q` and `x`, and of no meaning in `y`. Blocks of rows end where A does; their squares on the diagonal are whole.
#[inline(always)]
fn update_and_multiply<T: Float>(
    a: &mut [T],
    n: usize,
    first: usize,
    p: &[T],
    q: &[T],
    x: &[T],
    y: &mut [T],
) {
    let cut = n % ROWS;
    for c in first..cut {
        let column = &mut a[c * n..(c + 1) * n];
        let (pc, qc) = (p[c].neg(), q[c].neg());
        for r in c..cut {
            let t = q[r].mul_add(pc, p[r].mul_add(qc, column[r]));
            column[r] = t;
            y[r] = t.mul_add(x[c], y[r]);
            if r > c {
                y[c] = t.mul_add(x[r], y[c]);
            }
        }
    }
    let mut c = first;
    while c + COLUMNS <= cut {
        below::<T, COLUMNS>(a, n, c, cut, p, q, x, y);
        c += COLUMNS;
    }
    while c < cut {
        below::<T, 1>(a, n, c, cut, p, q, x, y);
        c += 1;
    }
    let start = first.saturating_sub(cut) / ROWS * ROWS + cut;
    for j in (start..n).step_by(ROWS) {
        let (pr, qr) = (block_at(p, j), block_at(q, j));
        let mut sum = block_at(y, j);
        for c in j.max(first)..j + ROWS {
            let (column, _) =
                a[c * n + j..].split_first_chunk_mut::<ROWS>().expect("invariant: a whole block");
            let (pc, qc) = (p[c].neg(), q[c].neg());
            let mut t = *column;
            for i in 0..ROWS {
                t[i] = qr[i].mul_add(pc, pr[i].mul_add(qc, t[i]));
            }
            for i in 0..ROWS {
                sum[i] = t[i].mul_add(x[c], sum[i]);
            }
            *column = t;
        }
        y[j..j + ROWS].copy_from_slice(&sum);
        if j + ROWS == n {
            break;
        }
        for c in (j + first.saturating_sub(j) / COLUMNS * COLUMNS..j + ROWS).step_by(COLUMNS) {
            below::<T, COLUMNS>(a, n, c, j + ROWS, p, q, x, y);
        }
    }
}

/// The part of [`update_and_multiply`] in `N` columns from `c` on and the rows from `from` on, which are whole blocks.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn below<T: Float, const N: usize>(
    a: &mut [T],
    n: usize,
    c: usize,
    from: usize,
    p: &[T],
    q: &[T],
    x: &[T],
    y: &mut [T],
) {
    let mut rest = a[c * n..].chunks_exact_mut(n);
    let columns: [&mut [T]; N] = std::array::from_fn(|_| match rest.next() {
        Some(column) => &mut column[from..],
        None => &mut [],
    });
    let pc: [T; N] = std::array::from_fn(|i| p[c + i].neg());
    let qc: [T; N] = std::array::from_fn(|i| q[c + i].neg());
    let xc: [T; N] = std::array::from_fn(|i| x[c + i]);
    let mut sums = [[T::ZERO; ROWS]; N];
    let (head, y) = y.split_at_mut(from);
    let (p, q, x) = (&p[from..], &q[from..], &x[from..]);
    for r in (0..y.len()).step_by(ROWS) {
        let (pr, qr, xr) = (block_at(p, r), block_at(q, r), block_at(x, r));
        let (yr, _) = y[r..].split_first_chunk_mut::<ROWS>().expect("invariant: a whole block");
        let mut sum = *yr;
        for c in 0..N {
            let (ar, _) = columns[c][r..].split_first_chunk_mut::<ROWS>().expect("invariant: a whole block");
            // In values of its own, so that the compiler knows that nothing else is written.
            let mut t = *ar;
            for i in 0..ROWS {
                t[i] = qr[i].mul_add(pc[c], pr[i].mul_add(qc[c], t[i]));
            }
            for i in 0..ROWS {
                sum[i] = t[i].mul_add(xc[c], sum[i]);
            }
            for i in 0..ROWS {
                sums[c][i] = t[i].mul_add(xr[i], sums[c][i]);
            }
            *ar = t;
        }
        *yr = sum;
    }
    for (y, sums) in head[c..].iter_mut().zip(sums) {
        *y = y.add(total(sums));
    }
}

/// Iterations for an eigenvalue, on average, after which there is something wrong.
const MOST: usize = 60;

/// The end of the last block that is not diagonal, and its start, after small elements of `e` became 0; none if all are 0.
fn block(
    d: &[f64],
    e: &mut [f64],
    end: usize,
    small: impl Fn(f64, f64, f64) -> bool,
) -> Option<(usize, usize)> {
    let mut end = end;
    while end > 0 && small(e[end - 1], d[end - 1], d[end]) {
        e[end - 1] = 0.0;
        end -= 1;
    }
    let mut start = end.checked_sub(1)?;
    while start > 0 {
        if small(e[start - 1], d[start - 1], d[start]) {
            e[start - 1] = 0.0;
            break;
        }
        start -= 1;
    }
    Some((start, end))
}

/// The eigenvalue of [[a, b], [b, c]] that is nearer to c.
fn shift(a: f64, b: f64, c: f64) -> f64 {
    let half = (a - c) / 2.0;
    let root = (half * half + b * b).sqrt();
    c - b * (b / (half + if half < 0.0 { -root } else { root }))
}

/// The search for the eigenvalues of the tridiagonal matrix of `d` and `e`, which come to stand in `d`, in no order.
pub(super) struct Search<'a> {
    d: &'a mut [f64],
    e: &'a mut [f64],
    /// What is small beside 1.
    epsilon: f64,
    end: usize,
    /// Sweeps that may still be made.
    left: usize,
}

impl<'a> Search<'a> {
    pub(super) fn new(d: &'a mut [f64], e: &'a mut [f64], epsilon: f64) -> Self {
        let (end, left) = (d.len().saturating_sub(1), MOST * d.len());
        Self { d, e, epsilon, end, left }
    }

    /// Goes on until all are found, or there were too many sweeps, or `rotations`, which all go to, are many; whether all
    /// are found, in the first two cases.
    pub(super) fn go_on<T: super::Real>(&mut self, rotations: &mut Rotations<T>) -> Option<bool> {
        let Self { d, e, epsilon, .. } = self;
        let small = |e: f64, a: f64, b: f64| e.abs() <= *epsilon * (a.abs() + b.abs()) || e.abs() < TINY;
        while !rotations.are_many() {
            if self.left == 0 {
                return Some(false);
            }
            self.left -= 1;
            let Some((start, end)) = block(d, e, self.end, small) else { return Some(true) };
            self.end = end;
            rotations.sweep(start);
            sweep(d, e, (start, end), |c, s| rotations.turn(c, s));
        }
        None
    }
}

/// One implicit QL step with Wilkinson's shift. The next rotation hangs on squares of the last sine and cosine, which take a
/// division; roots, which take as long again, are taken beside it.
#[inline(always)]
fn sweep(d: &mut [f64], e: &mut [f64], (start, end): (usize, usize), mut turn: impl FnMut(f64, f64)) {
    let mut x = d[start] - shift(d[end - 1], e[end - 1], d[end]);
    // z, which the rotation removes, and its square.
    let (mut z, mut square) = (e[start], e[start] * e[start]);
    let (mut low, mut off) = (d[start], e[start]);
    for k in start..end {
        let high = d[k + 1];
        let x_square = x * x;
        let sum = x_square + square;
        // Too small to matter, and to divide by.
        let inverse = if sum < TINY * TINY { 0.0 } else { 1.0 / sum };
        let (s2, cs) = (square * inverse, x * z * inverse);
        // Not the roots of c² and s²: of numbers near 1 those are too small on average.
        let root = inverse.sqrt();
        let (c, s) = (x.abs() * root, (square.sqrt() * root).copysign(z * x));
        let c = if inverse == 0.0 { 1.0 } else { c };
        if k > start {
            e[k - 1] = c * x + s * z;
        }
        let gap = high - low;
        let h = s2 * gap + 2.0 * (cs * off);
        d[k] = low + h;
        let next = if inverse == 0.0 { off } else { ((x_square - square) * off + x * z * gap) * inverse };
        low = high - h;
        turn(c, s);
        x = next;
        if k + 1 < end {
            let e2 = e[k + 1];
            z = s * e2;
            square = s2 * (e2 * e2);
            off = c * e2;
        }
    }
    d[end] = low;
    e[end - 1] = x;
}

/// Absolute values below this are 0 beside a norm near 1, and their squares are above the smallest number.
pub(super) const TINY: f64 = 1e-140;

/// As [`Search`], at once, without vectors and roots: Pal, Walker and Kahan's variant, on the squares of `e`.
pub(super) fn values(d: &mut [f64], e: &mut [f64], epsilon: f64) -> bool {
    e.iter_mut().for_each(|e| *e *= *e);
    let mut end = d.len().saturating_sub(1);
    let small = |e: f64, a: f64, b: f64| {
        let bound = epsilon * (a.abs() + b.abs());
        e <= bound * bound || e < TINY * TINY
    };
    for _ in 0..MOST * d.len() {
        let start;
        (start, end) = match block(d, e, end, small) {
            Some(found) => found,
            None => return true,
        };
        let sigma = shift(d[end - 1], e[end - 1].sqrt(), d[end]);
        let (mut c, mut s, mut gamma) = (1.0, 0.0, d[start] - sigma);
        let mut p = gamma * gamma;
        for k in start..end {
            let square = e[k];
            let r = p + square;
            if k > start {
                e[k - 1] = s * r;
            }
            let last_c = c;
            (c, s) = if r == 0.0 { (1.0, 0.0) } else { (p / r, square / r) };
            let (last, alpha) = (gamma, d[k + 1]);
            gamma = c * (alpha - sigma) - s * last;
            d[k] = last + (alpha - gamma);
            p = if c == 0.0 { last_c * square } else { gamma * gamma / c };
        }
        e[end - 1] = s * p;
        d[end] = sigma + gamma;
    }
    false
}
