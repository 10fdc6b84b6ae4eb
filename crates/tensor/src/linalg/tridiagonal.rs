//! Symmetric matrices to tridiagonal form by reflections, and the eigenvalues of that by QL and QR iterations.
//!
//! Sources: LAPACK, `sytd2`, `steqr` and `sterf`; Parlett, "The symmetric eigenvalue problem", 1980, chapters 7 and 8.

use super::rotate::{Rotated, givens};
use super::small::{block_at, dot, reflect, total};
use crate::dtype::Float;
use crate::simd::simd_fn;

/// Columns that are updated together.
const COLUMNS: usize = 4;
/// Rows that are updated together.
const ROWS: usize = 16;

simd_fn! {
    /// Q, T of A = Q·T·Qᵀ in A's lower half (n × n): T's diagonals go to `d` and `e`; the reflection of step k,
    /// 1 − τ·v·vᵀ, stays in column k below T with v₀ = 1 left out, and its τ in `scales`. `work` has room for 4·n.
    pub(super) fn reduce[T: Float](a: &mut [T], n: usize, d: &mut [f64], e: &mut [f64], scales: &mut [T], work: &mut [T]) {
        let (v, work) = work.split_at_mut(n);
        let (w, work) = work.split_at_mut(n);
        let (last_v, last_w) = work.split_at_mut(n);
        // What the step before takes from the rest: v·wᵀ + w·vᵀ.
        last_v.fill(T::ZERO);
        last_w.fill(T::ZERO);
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
            let m = n - k - 1;
            v[..m].copy_from_slice(column);
            v[0] = T::ONE;
            w[..m].fill(T::ZERO);
            update_and_multiply(&mut a[(k + 1) * n..], n, &last_v[k + 1..], &last_w[k + 1..], &v[..m], &mut w[..m]);
            w[..m].iter_mut().for_each(|w| *w = w.mul(scale));
            let half = T::of(-0.5).mul(scale).mul(dot(&w[..m], &v[..m]));
            for (w, &v) in w[..m].iter_mut().zip(&v[..m]) {
                *w = half.mul_add(v, *w);
            }
            last_v[k + 1..].copy_from_slice(&v[..m]);
            last_w[k + 1..].copy_from_slice(&w[..m]);
        }
    }
}

/// A −= p·qᵀ + q·pᵀ and y += A·x, for the lower half of the last m columns and rows of A, which has `n` rows.
#[inline(always)]
fn update_and_multiply<T: Float>(a: &mut [T], n: usize, p: &[T], q: &[T], x: &[T], y: &mut [T]) {
    let m = x.len();
    for j in (0..m).step_by(COLUMNS) {
        let width = COLUMNS.min(m - j);
        let first = n - m;
        // The triangle on the diagonal, and all of what is narrower than a block.
        let end = if width == COLUMNS { j + COLUMNS } else { m };
        for c in j..j + width {
            let column = &mut a[c * n + first..(c + 1) * n];
            let (pc, qc) = (p[c].neg(), q[c].neg());
            for r in c..end {
                let t = q[r].mul_add(pc, p[r].mul_add(qc, column[r]));
                column[r] = t;
                y[r] = t.mul_add(x[c], y[r]);
                if r > c {
                    y[c] = t.mul_add(x[r], y[c]);
                }
            }
        }
        if end == m {
            continue;
        }
        let mut rest = a[j * n..].chunks_exact_mut(n);
        let columns: [&mut [T]; COLUMNS] = std::array::from_fn(|_| match rest.next() {
            Some(column) => &mut column[first + end..],
            None => &mut [],
        });
        let pc: [T; COLUMNS] = std::array::from_fn(|c| p[j + c].neg());
        let qc: [T; COLUMNS] = std::array::from_fn(|c| q[j + c].neg());
        let xc: [T; COLUMNS] = std::array::from_fn(|c| x[j + c]);
        let mut sums = [[T::ZERO; ROWS]; COLUMNS];
        let len = m - end;
        let whole = len / ROWS * ROWS;
        let (p, q, x, y) = (&p[end..], &q[end..], &x[end..], &mut y[..]);
        let (head, y) = y.split_at_mut(end);
        for r in (0..whole).step_by(ROWS) {
            let (pr, qr, xr) = (block_at(p, r), block_at(q, r), block_at(x, r));
            let (yr, _) = y[r..].split_first_chunk_mut::<ROWS>().expect("invariant: a whole block");
            let mut sum = *yr;
            for c in 0..COLUMNS {
                let (ar, _) =
                    columns[c][r..].split_first_chunk_mut::<ROWS>().expect("invariant: a whole block");
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
        for c in 0..COLUMNS {
            let mut sum = total(sums[c]);
            for r in whole..len {
                let t = q[r].mul_add(pc[c], p[r].mul_add(qc[c], columns[c][r]));
                columns[c][r] = t;
                y[r] = t.mul_add(xc[c], y[r]);
                sum = t.mul_add(x[r], sum);
            }
            head[j + c] = head[j + c].add(sum);
        }
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

/// The eigenvalues in `d`, in no order, of the tridiagonal matrix of `d` and `e`; rotations go to `vectors`. Whether the
/// iteration ended. `epsilon`: what is small beside 1.
pub(super) fn iterate<T: super::Real>(
    d: &mut [f64],
    e: &mut [f64],
    epsilon: f64,
    vectors: &mut Rotated<T>,
) -> bool {
    let mut end = d.len().saturating_sub(1);
    let small = |e: f64, a: f64, b: f64| e.abs() <= epsilon * (a.abs() + b.abs()) || e.abs() < TINY;
    for _ in 0..MOST * d.len() {
        let start;
        (start, end) = match block(d, e, end, small) {
            Some(found) => found,
            None => return true,
        };
        let (mut x, mut z) = (d[start] - shift(d[end - 1], e[end - 1], d[end]), e[start]);
        vectors.sweep(start);
        for k in start..end {
            let (c, s, r) = givens(x, z);
            if k > start {
                e[k - 1] = r;
            }
            let (p, q) = (c * d[k] + s * e[k], c * e[k] + s * d[k + 1]);
            let (p2, q2) = (c * e[k] - s * d[k], c * d[k + 1] - s * e[k]);
            d[k] = c * p + s * q;
            e[k] = c * q - s * p;
            d[k + 1] = c * q2 - s * p2;
            x = e[k];
            if k + 1 < end {
                z = s * e[k + 1];
                e[k + 1] *= c;
            }
            vectors.turn(c, s);
        }
    }
    false
}

/// Absolute values below this are 0 beside a norm near 1, and their squares are above the smallest number.
pub(super) const TINY: f64 = 1e-140;

/// As [`iterate`], without vectors and roots: Pal, Walker and Kahan's variant, on the squares of `e`.
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
