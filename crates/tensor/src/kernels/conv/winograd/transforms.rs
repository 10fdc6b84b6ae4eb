//! The maps between pixels and points, along one axis and along both.

use crate::Float;
use crate::kernels::vector::{Scalar, Vector, vector_fn};
use crate::simd::simd_fn;

/// Results of a tile along an axis.
pub(super) const TILE: usize = 4;
/// Pixels of a tile along an axis.
pub(super) const PATCH: usize = 6;
/// Products of a tile.
pub(super) const POINTS: usize = PATCH * PATCH;
/// The largest magnitude of what is transformed: transforms multiply by 100 at most, and products are summed.
const LIMIT: f64 = 1e15;

simd_fn! {
    /// Whether every magnitude is finite and at most [`LIMIT`].
    pub(super) fn small[T: Float](x: &[T]) -> bool {
        let limit = T::of(LIMIT);
        x.iter().fold(true, |all, &x| all & (x <= limit) & (x >= T::ZERO.sub(limit)))
    }

    /// Copies; whether all is [`small`].
    pub(super) fn copy_small[T: Float](x: &[T], out: &mut [T]) -> bool {
        let limit = T::of(LIMIT);
        x.iter().zip(out).fold(true, |all, (&x, out)| {
            *out = x;
            all & (x <= limit) & (x >= T::ZERO.sub(limit))
        })
    }

    /// `G·w·Gᵀ`: w (9, len) to out (36, len).
    pub(super) fn spread_weights[T: Float](w: &[T], len: usize, out: &mut [T]) {
        for start in (0..len).step_by(64) {
            let width = 64.min(len - start);
            let mut rows = [[T::ZERO; 64]; 3 * PATCH];
            for j in 0..3 {
                for e in 0..width {
                    let column = [0, 3, 6].map(|i| w[(i + j) * len + start + e]);
                    for (i, x) in spread(column).into_iter().enumerate() {
                        rows[3 * i + j][e] = x;
                    }
                }
            }
            for i in 0..PATCH {
                for e in 0..width {
                    let row = [0, 1, 2].map(|j| rows[3 * i + j][e]);
                    for (j, x) in spread(row).into_iter().enumerate() {
                        out[(PATCH * i + j) * len + start + e] = x;
                    }
                }
            }
        }
    }

    /// `Gᵀ·s·G`: sums (36, len) to out (9, len).
    pub(super) fn gather_weights[T: Float](sums: &[T], len: usize, out: &mut [T]) {
        for start in (0..len).step_by(64) {
            let width = 64.min(len - start);
            let mut rows = [[T::ZERO; 64]; 3 * PATCH];
            for j in 0..PATCH {
                for e in 0..width {
                    let column: [T; PATCH] = std::array::from_fn(|i| sums[(PATCH * i + j) * len + start + e]);
                    for (i, x) in gather(column).into_iter().enumerate() {
                        rows[PATCH * i + j][e] = x;
                    }
                }
            }
            for i in 0..3 {
                for e in 0..width {
                    let row: [T; PATCH] = std::array::from_fn(|j| rows[PATCH * i + j][e]);
                    for (j, x) in gather(row).into_iter().enumerate() {
                        out[(3 * i + j) * len + start + e] = x;
                    }
                }
            }
        }
    }
}

/// The points of the polynomials: 0, ±A, ±B and ∞. With these the largest error of a sum over 64 channels is twice that of
/// direct sums; with 1 and 2, it is seven times.
const A: f64 = 0.625;
const B: f64 = 1.5;
/// What the polynomials are divided by, at 0, ±A and ±B.
const OVER: [f64; 3] =
    [1.0 / (A * A * B * B), 0.5 / (A * A * (A * A - B * B)), 0.5 / (B * B * (B * B - A * A))];

/// G·w
#[inline(always)]
fn spread<T: Float>([a, b, c]: [T; 3]) -> [T; PATCH] {
    let at = |point: f64, over: f64| {
        let (even, odd) = (T::of(point * point).mul_add(c, a), T::of(point).mul(b));
        [T::of(over).mul(even.add(odd)), T::of(over).mul(even.sub(odd))]
    };
    let ([near, near_odd], [far, far_odd]) = (at(A, OVER[1]), at(B, OVER[2]));
    [T::of(OVER[0]).mul(a), near, near_odd, far, far_odd, c]
}

/// Gᵀ·s
#[inline(always)]
fn gather<T: Float>([z, a, b, c, d, last]: [T; PATCH]) -> [T; 3] {
    let (near, far) = (T::of(OVER[1]).mul(a.add(b)), T::of(OVER[2]).mul(c.add(d)));
    let (near_odd, far_odd) = (T::of(A * OVER[1]).mul(a.sub(b)), T::of(B * OVER[2]).mul(c.sub(d)));
    [
        T::of(OVER[0]).mul_add(z, near.add(far)),
        near_odd.add(far_odd),
        T::of(A * A).mul_add(near, T::of(B * B).mul_add(far, last)),
    ]
}

/// Bᵀ·d
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
unsafe fn turn<T: Scalar, V: Vector<T>>(d: [V; PATCH]) -> [V; PATCH] {
    // SAFETY: handed on to the caller.
    unsafe {
        let (a, less_a, b, less_b) =
            (V::splat(T::of(A)), V::splat(T::of(-A)), V::splat(T::of(B)), V::splat(T::of(-B)));
        let (a2, b2) = (V::splat(T::of(-A * A)), V::splat(T::of(-B * B)));
        let (sum, product) = (V::splat(T::of(-A * A - B * B)), V::splat(T::of(A * A * B * B)));
        let (near, near_odd) = (d[2].mul_add(b2, d[4]), d[1].mul_add(b2, d[3]));
        let (far, far_odd) = (d[2].mul_add(a2, d[4]), d[1].mul_add(a2, d[3]));
        [
            d[0].mul_add(product, d[2].mul_add(sum, d[4])),
            near_odd.mul_add(a, near),
            near_odd.mul_add(less_a, near),
            far_odd.mul_add(b, far),
            far_odd.mul_add(less_b, far),
            d[1].mul_add(product, d[3].mul_add(sum, d[5])),
        ]
    }
}

/// Aᵀ·m
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
unsafe fn close<T: Scalar, V: Vector<T>>(m: [V; PATCH]) -> [V; TILE] {
    // SAFETY: handed on to the caller.
    unsafe {
        let power = |point: f64, n: i32| T::of((1..n).fold(point, |x, _| x * point));
        let (near, near_odd) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (far, far_odd) = (m[3].add(m[4]), m[3].sub(m[4]));
        let zero = V::splat(T::ZERO);
        [
            m[0].add(near.add(far)),
            near_odd.mul_add(V::splat(power(A, 1)), far_odd.mul_add(V::splat(power(B, 1)), zero)),
            near.mul_add(V::splat(power(A, 2)), far.mul_add(V::splat(power(B, 2)), zero)),
            near_odd.mul_add(V::splat(power(A, 3)), far_odd.mul_add(V::splat(power(B, 3)), m[5])),
        ]
    }
}

/// A·g
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
unsafe fn open<T: Scalar, V: Vector<T>>(g: [V; TILE]) -> [V; PATCH] {
    // SAFETY: handed on to the caller.
    unsafe {
        let (a, less_a, b, less_b) =
            (V::splat(T::of(A)), V::splat(T::of(-A)), V::splat(T::of(B)), V::splat(T::of(-B)));
        let (a2, b2) = (V::splat(T::of(A * A)), V::splat(T::of(B * B)));
        let (near, near_odd) = (g[2].mul_add(a2, g[0]), g[3].mul_add(a2, g[1]));
        let (far, far_odd) = (g[2].mul_add(b2, g[0]), g[3].mul_add(b2, g[1]));
        [
            g[0],
            near_odd.mul_add(a, near),
            near_odd.mul_add(less_a, near),
            far_odd.mul_add(b, far),
            far_odd.mul_add(less_b, far),
            g[3],
        ]
    }
}

/// Defines `$name`, which spreads tiles of `$size`×`$size` pixels over their points by `$map` along both axes:
/// `rows`·`columns` tiles, 4 pixels apart, of a padded image of c channels; point p of tile t at `out[p·apart + t·c]`.
macro_rules! tiles {
    ($(#[$meta:meta])* $name:ident, $each:ident, $size:ident, $map:ident) => {
        $(#[$meta])*
        pub(super) fn $name<T: Scalar>(
            x: &[T],
            rows: usize,
            columns: usize,
            c: usize,
            out: &mut [T],
            apart: usize,
        ) {
            let image = (rows * TILE + 2) * (columns * TILE + 2) * c;
            assert!(x.len() >= image, "invariant: the image has all patches");
            let last = (POINTS - 1) * apart + rows * columns * c;
            assert!(out.len() >= last, "invariant: there is room for all points");
            // SAFETY: the sizes just seen.
            unsafe { $each(x.as_ptr(), rows, columns, c, out.as_mut_ptr(), apart) }
        }

        vector_fn! {
            /// # Safety
            /// `x` must be a padded image of that many tiles, `out` have room for all points of all of them.
            unsafe fn $each<T, H, W>(
                x: *const T,
                rows: usize,
                columns: usize,
                c: usize,
                out: *mut T,
                apart: usize,
            ) {
                // SAFETY: the caller's promise; the mask ends at channel c.
                unsafe {
                    let line = (columns * TILE + 2) * c;
                    for tile in 0..rows * columns {
                        let patch = x.add(tile / columns * TILE * line + tile % columns * TILE * c);
                        let mut at = 0;
                        while at < c {
                            let mask = W::first((c - at).min(W::LANES));
                            let mut half = [[W::splat(T::ZERO); PATCH]; $size];
                            for j in 0..$size {
                                let mut column = [W::splat(T::ZERO); $size];
                                for i in 0..$size {
                                    column[i] = W::load_first(patch.add(i * line + j * c + at), mask);
                                }
                                half[j] = $map::<T, W>(column);
                            }
                            for i in 0..PATCH {
                                let mut row = [W::splat(T::ZERO); $size];
                                for j in 0..$size {
                                    row[j] = half[j][i];
                                }
                                let points = $map::<T, W>(row);
                                for j in 0..PATCH {
                                    points[j].store_first(out.add((PATCH * i + j) * apart + tile * c + at), mask);
                                }
                            }
                            at += W::LANES;
                        }
                    }
                }
            }
        }
    };
}

tiles! {
    /// `Bᵀ·d·B` of the tiles d of an image.
    transform_patches, transform_each, PATCH, turn
}
tiles! {
    /// `A·g·Aᵀ` of the tiles g of a gradient, which lie in a padded image as those of an image do.
    transform_gradients, open_each, TILE, open
}

/// The image that results go to.
pub(super) struct Target<T> {
    pub(super) out: *mut T,
    pub(super) height: usize,
    pub(super) width: usize,
    /// The first row that is written.
    pub(super) first: usize,
    /// Results of a pixel.
    pub(super) n: usize,
    pub(super) bias: *const T,
    pub(super) relu: bool,
}

vector_fn! {
    /// `Aᵀ·m·A` of `rows`·`columns` tiles, then bias and rectifier, to those of their pixels that exist.
    ///
    /// # Safety
    /// m must have all points of all tiles, `y` be an image whose rows no other thread touches, with a bias that is null
    /// or n long.
    pub(super) unsafe fn finish_tiles<T, H, W>(m: *const T, apart: usize, rows: usize, columns: usize, y: &Target<T>) {
        // SAFETY: the caller's promise; the mask ends at result n, and pixels beyond the image are not written.
        unsafe {
            for tile in 0..rows * columns {
                let (row, column) = (y.first + tile / columns * TILE, tile % columns * TILE);
                let (height, width) = (TILE.min(y.height - row), TILE.min(y.width - column));
                let mut at = 0;
                while at < y.n {
                    let mask = W::first((y.n - at).min(W::LANES));
                    let mut half = [[W::splat(T::ZERO); TILE]; PATCH];
                    for j in 0..PATCH {
                        let mut column = [W::splat(T::ZERO); PATCH];
                        for i in 0..PATCH {
                            column[i] = W::load_first(m.add((PATCH * i + j) * apart + tile * y.n + at), mask);
                        }
                        half[j] = close::<T, W>(column);
                    }
                    let bias = match y.bias.is_null() {
                        true => W::splat(T::ZERO),
                        false => W::load_first(y.bias.add(at), mask),
                    };
                    for i in 0..height {
                        let mut values = [W::splat(T::ZERO); PATCH];
                        for j in 0..PATCH {
                            values[j] = half[j][i];
                        }
                        let closed = close::<T, W>(values);
                        let to = y.out.add(((row + i) * y.width + column) * y.n + at);
                        for j in 0..width {
                            let mut value = closed[j];
                            if !y.bias.is_null() {
                                value = value.add(bias);
                            }
                            if y.relu {
                                value = value.rectified(W::splat(T::ZERO));
                            }
                            value.store_first(to.add(j * y.n), mask);
                        }
                    }
                    at += W::LANES;
                }
            }
        }
    }
}
