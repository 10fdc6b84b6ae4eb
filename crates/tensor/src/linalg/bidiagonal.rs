//! Matrices to upper bidiagonal form by reflections from both sides, and the singular values of that by QR iterations.
//!
//! Sources: LAPACK, `gebd2` and `bdsqr`; Demmel and Kahan, "Accurate singular values of bidiagonal matrices", 1990.

use super::rotate::{Rotations, givens};
use super::small::{block_at, dot, reflect, total};
use super::tridiagonal::TINY;
use crate::dtype::Float;
use crate::simd::simd_fn;

/// Columns that are worked on together.
const COLUMNS: usize = 4;
/// Rows that are worked on together.
const ROWS: usize = 16;

simd_fn! {
    /// Q, B, P of A = Q·B·Pᵀ in A (m × n, m ≥ n): B's diagonals go to `d` and `e`. The reflection of step k from the left,
    /// 1 − τ·u·uᵀ, stays in column k below B, that from the right in column k of `right` (n × n) from row k + 1 on, both
    /// with the leading 1 left out; their τ in `scales` (2·n). `work` has room for 3·(m + n).
    pub(super) fn reduce[T: Float](
        a: &mut [T],
        m: usize,
        n: usize,
        d: &mut [f64],
        e: &mut [f64],
        right: &mut [T],
        scales: &mut [T],
        work: &mut [T],
    ) {
        let (u, work) = work.split_at_mut(m);
        let (last_u, work) = work.split_at_mut(m);
        let (z, work) = work.split_at_mut(m);
        let (y, work) = work.split_at_mut(n);
        let (last_y, v) = work.split_at_mut(n);
        let (left_scales, right_scales) = scales.split_at_mut(n);
        // What the step before takes from the rest: u·yᵀ + z·vᵀ.
        last_u.fill(T::ZERO);
        last_y.fill(T::ZERO);
        z.fill(T::ZERO);
        v.fill(T::ZERO);
        for k in 0..n {
            let column = &mut a[k * m + k..(k + 1) * m];
            let (yk, vk) = (last_y[k].neg(), v[k].neg());
            for ((x, &u), &z) in column.iter_mut().zip(&last_u[k..]).zip(&z[k..]) {
                *x = z.mul_add(vk, u.mul_add(yk, *x));
            }
            left_scales[k] = reflect(column);
            d[k] = column[0].to_f64();
            let rows = m - k;
            u[..rows].copy_from_slice(column);
            u[0] = T::ONE;
            if k + 1 == n {
                break;
            }
            let columns = n - k - 1;
            let rest = &mut a[(k + 1) * m..];
            update_and_project(
                rest,
                m,
                (&last_u[k..], &last_y[k + 1..]),
                (&z[k..], &v[k + 1..]),
                &u[..rows],
                &mut y[..columns],
            );
            let row = &mut right[k * n + k + 1..(k + 1) * n];
            for ((y, row), a) in y[..columns].iter_mut().zip(row.iter_mut()).zip(rest.chunks_exact(m)) {
                *y = y.mul(left_scales[k]);
                *row = a[k].sub(*y);
            }
            right_scales[k] = reflect(row);
            e[k] = row[0].to_f64();
            v[k + 1..].copy_from_slice(row);
            v[k + 1] = T::ONE;
            let dot = dot(&y[..columns], &v[k + 1..]);
            // z = τ·(A − u·yᵀ)·v, of the rows below.
            let (below, scale) = (&mut z[k + 1..], right_scales[k]);
            for (z, &u) in below.iter_mut().zip(&u[1..rows]) {
                *z = u.mul(dot.neg());
            }
            multiply(rest, m, &v[k + 1..], below);
            below.iter_mut().for_each(|z| *z = z.mul(scale));
            last_u[k..].copy_from_slice(&u[..rows]);
            last_y[k + 1..].copy_from_slice(&y[..columns]);
        }
    }
}

/// A −= u·yᵀ + z·vᵀ and p = Aᵀ·x, for the last rows of the columns of A, as many as `x` has.
#[inline(always)]
fn update_and_project<T: Float>(
    a: &mut [T],
    m: usize,
    (u, y): (&[T], &[T]),
    (z, v): (&[T], &[T]),
    x: &[T],
    p: &mut [T],
) {
    let first = m - x.len();
    let whole = x.len() / ROWS * ROWS;
    for ((block, p), (y, v)) in
        a.chunks_mut(COLUMNS * m).zip(p.chunks_mut(COLUMNS)).zip(y.chunks(COLUMNS).zip(v.chunks(COLUMNS)))
    {
        if p.len() < COLUMNS {
            for (((column, p), &y), &v) in block.chunks_exact_mut(m).zip(p).zip(y).zip(v) {
                let mut sum = T::ZERO;
                for (r, t) in column[first..].iter_mut().enumerate() {
                    *t = z[r].mul_add(v.neg(), u[r].mul_add(y.neg(), *t));
                    sum = t.mul_add(x[r], sum);
                }
                *p = sum;
            }
            continue;
        }
        let yc: [T; COLUMNS] = std::array::from_fn(|c| y[c].neg());
        let vc: [T; COLUMNS] = std::array::from_fn(|c| v[c].neg());
        let mut rest = block.chunks_exact_mut(m);
        let columns: [&mut [T]; COLUMNS] = std::array::from_fn(|_| match rest.next() {
            Some(column) => &mut column[first..],
            None => &mut [],
        });
        let mut sums = [[T::ZERO; ROWS]; COLUMNS];
        for r in (0..whole).step_by(ROWS) {
            let (ur, zr, xr) = (block_at(u, r), block_at(z, r), block_at(x, r));
            for c in 0..COLUMNS {
                let (ar, _) =
                    columns[c][r..].split_first_chunk_mut::<ROWS>().expect("invariant: a whole block");
                // In values of its own, so that the compiler knows that nothing else is written.
                let mut t = *ar;
                for i in 0..ROWS {
                    t[i] = zr[i].mul_add(vc[c], ur[i].mul_add(yc[c], t[i]));
                }
                for i in 0..ROWS {
                    sums[c][i] = t[i].mul_add(xr[i], sums[c][i]);
                }
                *ar = t;
            }
        }
        for c in 0..COLUMNS {
            let mut sum = total(sums[c]);
            for r in whole..x.len() {
                let t = z[r].mul_add(vc[c], u[r].mul_add(yc[c], columns[c][r]));
                columns[c][r] = t;
                sum = t.mul_add(x[r], sum);
            }
            p[c] = sum;
        }
    }
}

/// z += A·x, for the last rows of the columns of A, as many as `z` has.
#[inline(always)]
fn multiply<T: Float>(a: &[T], m: usize, x: &[T], z: &mut [T]) {
    let first = m - z.len();
    for (block, x) in a.chunks(COLUMNS * m).zip(x.chunks(COLUMNS)) {
        if let &[x0, x1, x2, x3] = x {
            let mut rest = block.chunks_exact(m).map(|column| &column[first..]);
            let mut next = || rest.next().unwrap_or(&[]);
            let (a0, a1, a2, a3) = (next(), next(), next(), next());
            let whole = z.len() / ROWS * ROWS;
            for r in (0..whole).step_by(ROWS) {
                let (b0, b1, b2, b3) = (block_at(a0, r), block_at(a1, r), block_at(a2, r), block_at(a3, r));
                let (zr, _) = z[r..].split_first_chunk_mut::<ROWS>().expect("invariant: a whole block");
                let mut t = *zr;
                for i in 0..ROWS {
                    t[i] = b1[i].mul_add(x1, b0[i].mul_add(x0, t[i]));
                }
                for i in 0..ROWS {
                    t[i] = b3[i].mul_add(x3, b2[i].mul_add(x2, t[i]));
                }
                *zr = t;
            }
            for r in whole..z.len() {
                let t = a1[r].mul_add(x1, a0[r].mul_add(x0, z[r]));
                z[r] = a3[r].mul_add(x3, a2[r].mul_add(x2, t));
            }
        } else {
            for (column, &x) in block.chunks_exact(m).zip(x) {
                for (z, &a) in z.iter_mut().zip(&column[first..]) {
                    *z = a.mul_add(x, *z);
                }
            }
        }
    }
}

/// Iterations for a singular value, on average, after which there is something wrong.
const MOST: usize = 60;

/// The smaller singular value of [[f, g], [0, h]]. Source: LAPACK, `las2`.
fn smaller(f: f64, g: f64, h: f64) -> f64 {
    let (f, g, h) = (f.abs(), g.abs(), h.abs());
    let (low, high) = (f.min(h), f.max(h));
    if low == 0.0 {
        return 0.0;
    }
    if g < high {
        let (s, t, u) = (1.0 + low / high, (high - low) / high, (g / high) * (g / high));
        return low * (2.0 / ((s * s + u).sqrt() + (t * t + u).sqrt()));
    }
    let u = high / g;
    if u == 0.0 {
        return low * high / g;
    }
    let (s, t) = (1.0 + low / high, (high - low) / high);
    let c = 1.0 / ((1.0 + (s * u) * (s * u)).sqrt() + (1.0 + (t * u) * (t * u)).sqrt());
    2.0 * ((low * c) * u)
}

/// What takes rotations of the left and of the right side.
pub(super) trait Sides {
    /// A sweep begins at the columns `first` and `first + 1`.
    fn sweep(&mut self, first: usize);
    /// The next rotation of columns on the left and on the right.
    fn turn(&mut self, left: (f64, f64), right: (f64, f64));
    /// Whether there are so many that they should be applied before the next sweep.
    fn are_many(&self) -> bool;
}

/// No vectors are wanted.
pub(super) struct Nobody;

impl Sides for Nobody {
    fn sweep(&mut self, _: usize) {}
    fn turn(&mut self, _: (f64, f64), _: (f64, f64)) {}
    fn are_many(&self) -> bool {
        false
    }
}

impl<T: super::Real> Sides for [Rotations<T>; 2] {
    fn sweep(&mut self, first: usize) {
        self.iter_mut().for_each(|side| side.sweep(first));
    }
    fn turn(&mut self, left: (f64, f64), right: (f64, f64)) {
        self[0].turn(left.0, left.1);
        self[1].turn(right.0, right.1);
    }
    fn are_many(&self) -> bool {
        self[0].are_many()
    }
}

/// The search for the singular values of the upper bidiagonal matrix of `d` and `e`, which come to stand in `d`, with signs
/// and in no order.
pub(super) struct Search<'a> {
    d: &'a mut [f64],
    e: &'a mut [f64],
    /// What is small beside 1.
    epsilon: f64,
    /// What is small beside the norm.
    zero: f64,
    end: usize,
    /// Sweeps that may still be made.
    left: usize,
}

impl<'a> Search<'a> {
    pub(super) fn new(d: &'a mut [f64], e: &'a mut [f64], epsilon: f64) -> Self {
        let norm = d.iter().chain(e.iter()).fold(0.0f64, |norm, x| norm.max(x.abs()));
        // What the reduction to this form has changed the matrix by is more.
        let zero = (epsilon * norm / 4.0).max(TINY);
        let (end, left) = (d.len().saturating_sub(1), MOST * d.len());
        Self { d, e, epsilon, zero, end, left }
    }

    /// Goes on until all are found, or there were too many sweeps, or the rotations in `sides` are many; whether all are
    /// found, in the first two cases.
    pub(super) fn go_on(&mut self, sides: &mut impl Sides) -> Option<bool> {
        while !sides.are_many() {
            if self.left == 0 {
                return Some(false);
            }
            self.left -= 1;
            let Some((start, flat)) = self.block() else { return Some(true) };
            self.sweep(start, flat, sides);
        }
        None
    }

    /// The start of the block that ends at `end`, and whether it has a diagonal element of 0, after small elements of `e`
    /// became 0 and `end` moved; none if all are 0.
    fn block(&mut self) -> Option<(usize, bool)> {
        let Self { d, e, epsilon, zero, end, .. } = self;
        let small = |e: f64, a: f64, b: f64| e.abs() <= *epsilon * (a.abs() + b.abs()) || e.abs() <= *zero;
        while *end > 0 && small(e[*end - 1], d[*end - 1], d[*end]) {
            e[*end - 1] = 0.0;
            *end -= 1;
        }
        let mut start = end.checked_sub(1)?;
        let mut flat = d[*end].abs() <= *zero || d[start].abs() <= *zero;
        while start > 0 {
            if small(e[start - 1], d[start - 1], d[start]) {
                e[start - 1] = 0.0;
                break;
            }
            start -= 1;
            flat |= d[start].abs() <= *zero;
        }
        Some((start, flat))
    }

    fn sweep(&mut self, start: usize, flat: bool, sides: &mut impl Sides) {
        let Self { d, e, epsilon, zero, end, .. } = self;
        let (epsilon, zero, end) = (*epsilon, *zero, *end);
        let shift = if flat { 0.0 } else { smaller(d[end - 1], e[end - 1], d[end]) };
        sides.sweep(start);
        let ratio = if flat { 0.0 } else { shift / d[start] };
        if ratio * ratio < epsilon {
            // Without a shift: a value that is 0 comes to the end in one sweep, its neighbour in `e` with it.
            for k in start..end {
                if d[k].abs() <= zero && flat {
                    d[k] = 0.0;
                }
            }
            let (mut c, mut last_c, mut last_s) = (1.0, 1.0, 0.0);
            for k in start..end {
                let (right_c, right_s, r) = givens(d[k] * c, e[k]);
                if k > start {
                    e[k - 1] = last_s * r;
                }
                let left = givens(last_c * r, d[k + 1] * right_s);
                (last_c, last_s, d[k]) = left;
                c = right_c;
                sides.turn((last_c, last_s), (right_c, right_s));
            }
            let last = d[end] * c;
            d[end] = last * last_c;
            e[end - 1] = last * last_s;
            return;
        }
        let mut f = (d[start].abs() - shift) * (1f64.copysign(d[start]) + ratio);
        let mut g = e[start];
        for k in start..end {
            let (right_c, right_s, r) = givens(f, g);
            if k > start {
                e[k - 1] = r;
            }
            f = right_c * d[k] + right_s * e[k];
            e[k] = right_c * e[k] - right_s * d[k];
            g = right_s * d[k + 1];
            d[k + 1] *= right_c;
            let (c, s, r) = givens(f, g);
            d[k] = r;
            f = c * e[k] + s * d[k + 1];
            d[k + 1] = c * d[k + 1] - s * e[k];
            if k + 1 < end {
                g = s * e[k + 1];
                e[k + 1] *= c;
            }
            sides.turn((c, s), (right_c, right_s));
        }
        e[end - 1] = f;
    }
}
