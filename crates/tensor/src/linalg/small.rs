//! Factorizations of small matrices, and of any where nothing better is to be had: plain loops over columns.

use crate::dtype::Float;
use crate::simd::simd_fn;

/// Sizes up to which the loops of LU and Cholesky here are faster than blocked ones.
pub(super) const LU: usize = 16;
/// Right sides up to which solving is faster.
pub(super) const COLUMNS: usize = 2;
/// Sizes up to which QR is.
pub(super) const QR: usize = 32;

simd_fn! {
    /// LU with row exchanges in the columns of `a` (m × n); `from` says where each row came from. Whether exchanges are
    /// odd. A column without a pivot is left as it is.
    pub(super) fn lu[T: Float](a: &mut [T], m: usize, n: usize, from: &mut [usize]) -> bool {
        let mut odd = false;
        for (i, from) in from.iter_mut().enumerate() {
            *from = i;
        }
        for k in 0..m.min(n) {
            let (mut pivot, mut size) = (k, a[k * m + k].abs());
            for i in k + 1..m {
                let x = a[k * m + i].abs();
                if x > size {
                    (pivot, size) = (i, x);
                }
            }
            if pivot != k {
                from.swap(k, pivot);
                odd = !odd;
                for column in a.chunks_exact_mut(m) {
                    column.swap(k, pivot);
                }
            }
            let (left, right) = a.split_at_mut((k + 1) * m);
            let column = &mut left[k * m + k..];
            let (pivot, below) = (column[0], &mut column[1..]);
            if pivot == T::ZERO {
                continue;
            }
            for x in below.iter_mut() {
                *x = x.div(pivot);
            }
            for other in right.chunks_exact_mut(m) {
                let factor = other[k].neg();
                for (x, &l) in other[k + 1..].iter_mut().zip(below.iter()) {
                    *x = l.mul_add(factor, *x);
                }
            }
        }
        odd
    }

    /// Solves with the factors of [`lu`] (n × n) in the columns of `x`, whose rows have been exchanged, or, if
    /// `transposed`, are to be.
    pub(super) fn solve[T: Float](lu: &[T], n: usize, x: &mut [T], transposed: bool) {
        for x in x.chunks_exact_mut(n.max(1)) {
            if transposed {
                for j in 0..n {
                    let column = &lu[j * n..(j + 1) * n];
                    let mut sum = x[j];
                    for (&u, &y) in column[..j].iter().zip(x.iter()) {
                        sum = u.neg().mul_add(y, sum);
                    }
                    x[j] = sum.div(column[j]);
                }
                for j in (0..n).rev() {
                    let column = &lu[j * n..(j + 1) * n];
                    let mut sum = x[j];
                    for (&l, &y) in column[j + 1..].iter().zip(x[j + 1..].iter()) {
                        sum = l.neg().mul_add(y, sum);
                    }
                    x[j] = sum;
                }
            } else {
                for j in 0..n {
                    let factor = x[j].neg();
                    for (y, &l) in x[j + 1..].iter_mut().zip(&lu[j * n + j + 1..(j + 1) * n]) {
                        *y = l.mul_add(factor, *y);
                    }
                }
                for j in (0..n).rev() {
                    x[j] = x[j].div(lu[j * n + j]);
                    let factor = x[j].neg();
                    for (y, &u) in x[..j].iter_mut().zip(&lu[j * n..]) {
                        *y = u.mul_add(factor, *y);
                    }
                }
            }
        }
    }

    /// The Cholesky factor in the lower half of `a` (n × n); the upper half becomes 0. The first pivot that is not
    /// positive, if there is one.
    pub(super) fn cholesky[T: Float](a: &mut [T], n: usize) -> Option<usize> {
        for j in 0..n {
            let (left, right) = a.split_at_mut(j * n);
            let column = &mut right[..n];
            for other in left.chunks_exact(n) {
                let factor = other[j].neg();
                for (x, &l) in column[j..].iter_mut().zip(&other[j..]) {
                    *x = l.mul_add(factor, *x);
                }
            }
            column[..j].fill(T::ZERO);
            // NaN too.
            let positive = column[j] > T::ZERO;
            if !positive {
                return Some(j);
            }
            let pivot = column[j].sqrt();
            column[j] = pivot;
            for x in column[j + 1..].iter_mut() {
                *x = x.div(pivot);
            }
        }
        None
    }

    /// QR of `a` (m × n, row by row, both up to [`QR`]) by reflections: R's upper half stays in `a`, Q (m × k, k = min(m, n))
    /// goes to `q`, row by row too.
    pub(super) fn qr[T: Float](a: &mut [T], m: usize, n: usize, q: &mut [T]) {
        let k = m.min(n);
        let (mut v, mut scales) = ([T::ZERO; QR], [T::ZERO; QR]);
        for j in 0..k {
            let v = &mut v[..m - j];
            for (v, row) in v.iter_mut().zip(a[j * n..].chunks_exact(n)) {
                *v = row[j];
            }
            scales[j] = reflect(v);
            for (&v, row) in v.iter().zip(a[j * n..].chunks_exact_mut(n)) {
                row[j] = v;
            }
            v[0] = T::ONE;
            mirror(v, scales[j], &mut a[j * n..], n, j + 1);
        }
        q.fill(T::ZERO);
        for j in (0..k).rev() {
            q[j * k + j] = T::ONE;
            let v = &mut v[..m - j];
            for (v, row) in v.iter_mut().zip(a[j * n..].chunks_exact(n)) {
                *v = row[j];
            }
            v[0] = T::ONE;
            mirror(v, scales[j], &mut q[j * k..], k, j);
        }
    }
}

/// X − τ·v·(vᵀ·X) of the columns from `first` on of the rows in `x`, each `n` long.
#[inline(always)]
fn mirror<T: Float>(v: &[T], scale: T, x: &mut [T], n: usize, first: usize) {
    let mut products = [T::ZERO; QR];
    let products = &mut products[..n - first];
    for (&v, row) in v.iter().zip(x.chunks_exact(n)) {
        for (product, &x) in products.iter_mut().zip(&row[first..]) {
            *product = v.mul_add(x, *product);
        }
    }
    for product in products.iter_mut() {
        *product = scale.mul(*product).neg();
    }
    for (&v, row) in v.iter().zip(x.chunks_exact_mut(n)) {
        for (x, &product) in row[first..].iter_mut().zip(products.iter()) {
            *x = v.mul_add(product, *x);
        }
    }
}

/// Terms that are added side by side.
const LANES: usize = 16;

/// The sum, pairwise.
#[inline(always)]
pub(super) fn total<T: Float>(mut x: [T; LANES]) -> T {
    let mut len = LANES / 2;
    while len > 0 {
        for i in 0..len {
            x[i] = x[i].add(x[i + len]);
        }
        len /= 2;
    }
    x[0]
}

/// [`LANES`] elements from `at` on, which must exist.
#[inline(always)]
pub(super) fn block_at<T: Float>(x: &[T], at: usize) -> [T; LANES] {
    *x[at..].first_chunk().expect("invariant: a whole block")
}

/// Σ x·y
#[inline(always)]
pub(super) fn dot<T: Float>(x: &[T], y: &[T]) -> T {
    let ((xs, x), (ys, y)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let mut sums = [T::ZERO; LANES];
    for (x, y) in xs.iter().zip(ys) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum = x.mul_add(y, *sum);
        }
    }
    let mut sum = if xs.is_empty() { T::ZERO } else { total(sums) };
    for (&x, &y) in x.iter().zip(y) {
        sum = x.mul_add(y, sum);
    }
    sum
}

simd_fn! {
    /// The largest size; no element is NaN.
    pub(super) fn size[T: Float](x: &[T]) -> T {
        largest(x)
    }
}

/// The largest size; no element is NaN.
#[inline(always)]
fn largest<T: Float>(x: &[T]) -> T {
    let larger = |x: T, y: T| if x > y { x } else { y };
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut most = [T::ZERO; LANES];
    for chunk in chunks {
        for (most, &x) in most.iter_mut().zip(chunk) {
            *most = larger(x.abs(), *most);
        }
    }
    most.into_iter().chain(rest.iter().map(|x| x.abs())).fold(T::ZERO, larger)
}

/// The reflection 1 − τ·v·vᵀ, v₀ = 1, that turns `x` to a multiple of the first axis: `x` becomes the multiple and v's rest.
/// Returns τ. Source: LAPACK, `larfg`.
#[inline(always)]
pub(super) fn reflect<T: Float>(x: &mut [T]) -> T {
    let largest = largest(&x[1..]);
    if largest == T::ZERO {
        return T::ZERO;
    }
    let alpha = x[0];
    let largest = largest.max(alpha.abs());
    // By the largest, that no square is too large or too small.
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut sums = [T::ZERO; LANES];
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            let x = x.div(largest);
            *sum = x.mul_add(x, *sum);
        }
    }
    let mut sum = total(sums);
    for &x in rest {
        let x = x.div(largest);
        sum = x.mul_add(x, sum);
    }
    let norm = largest.mul(sum.sqrt());
    let beta = if alpha < T::ZERO { norm } else { norm.neg() };
    let head = alpha.sub(beta);
    for x in &mut x[1..] {
        *x = x.div(head);
    }
    x[0] = beta;
    beta.sub(alpha).div(beta)
}
