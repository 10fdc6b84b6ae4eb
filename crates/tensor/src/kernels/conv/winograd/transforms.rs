//! The maps between pixels and points, along one axis and along both.

use crate::Float;
use crate::kernels::vector::{Scalar, Vector, vector_fn};
use crate::simd::simd_fn;
use std::ops::Range;

/// Pixels of a tile along an axis: its results, and one less than the taps of the window.
pub(super) const PATCH: usize = 6;
/// Products of a tile.
pub(super) const POINTS: usize = PATCH * PATCH;
/// The largest magnitude of what is transformed: transforms multiply by 100 at most, and products are summed.
const LIMIT: f64 = 1e15;

/// Runs `$body` with `$N` the constant that `$tile`, the results of a tile along an axis, is.
macro_rules! with_tile {
    ($tile:expr, $N:ident => $body:expr) => {
        with_tile!(@ $tile, $N, $body, 2 3 4 5)
    };
    (@ $tile:expr, $N:ident, $body:expr, $($n:literal)*) => {
        match $tile {
            $($n => {
                const $N: usize = $n;
                $body
            })*
            _ => unreachable!("invariant: tiles have 2 to 5 results, for 5 to 2 taps"),
        }
    };
}

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

    /// Copies runs of `run` elements, `from_step` and `to_step` apart, until `out` ends; whether all is [`small`].
    pub(super) fn copy_pixels[T: Float](x: &[T], from_step: usize, run: usize, out: &mut [T], to_step: usize) -> bool {
        let limit = T::of(LIMIT);
        let mut all = true;
        // What lies beside each other is one run.
        let run = if from_step == run && to_step == run { out.len() } else { run };
        for (x, out) in x.chunks(from_step.max(run)).zip(out.chunks_mut(to_step.max(run))) {
            for (&x, out) in x[..run].iter().zip(&mut out[..run]) {
                *out = x;
                all &= (x <= limit) & (x >= T::ZERO.sub(limit));
            }
        }
        all
    }

    /// `G·w·Gᵀ`: w (taps², len) to out (36, len), for tiles of `tile` results along an axis.
    pub(super) fn spread_weights[T: Float](w: &[T], len: usize, out: &mut [T], tile: usize) {
        with_tile!(tile, N => along_both(w, len, out, spread::<T, { PATCH + 1 - N }>))
    }

    /// `Gᵀ·s·G`: sums (36, len) to out (taps², len), for tiles of `tile` results along an axis.
    pub(super) fn gather_weights[T: Float](sums: &[T], len: usize, out: &mut [T], tile: usize) {
        with_tile!(tile, N => along_both(sums, len, out, gather::<T, { PATCH + 1 - N }>))
    }
}

/// `map` along both axes: x (FROM², len) to out (TO², len).
#[inline(always)]
fn along_both<T: Float, const FROM: usize, const TO: usize>(
    x: &[T],
    len: usize,
    out: &mut [T],
    map: impl Fn([T; FROM]) -> [T; TO],
) {
    for start in (0..len).step_by(64) {
        let width = 64.min(len - start);
        let mut rows = [[[T::ZERO; 64]; FROM]; TO];
        for j in 0..FROM {
            for e in 0..width {
                let mut column = [T::ZERO; FROM];
                for i in 0..FROM {
                    column[i] = x[(FROM * i + j) * len + start + e];
                }
                let column = map(column);
                for i in 0..TO {
                    rows[i][j][e] = column[i];
                }
            }
        }
        for (i, row) in rows.iter().enumerate() {
            for e in 0..width {
                let mut line = [T::ZERO; FROM];
                for j in 0..FROM {
                    line[j] = row[j][e];
                }
                let line = map(line);
                for j in 0..TO {
                    out[(TO * i + j) * len + start + e] = line[j];
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

/// The values at a point, and at its opposite, of the polynomial with these coefficients: their even and odd powers.
#[inline(always)]
fn halves<T: Float, const TAPS: usize>(w: &[T; TAPS], point: f64) -> (T, T) {
    let square = T::of(point * point);
    let (last, one_before) = (w[TAPS - 1], w[TAPS - 2]);
    let (mut even, mut odd) = if TAPS % 2 == 1 { (last, one_before) } else { (one_before, last) };
    for i in (0..TAPS - 2).rev() {
        match i % 2 {
            0 => even = square.mul_add(even, w[i]),
            _ => odd = square.mul_add(odd, w[i]),
        }
    }
    (even, T::of(point).mul(odd))
}

/// G·w, for 2 to 5 taps.
#[inline(always)]
fn spread<T: Float, const TAPS: usize>(w: [T; TAPS]) -> [T; PATCH] {
    let ((near, near_odd), (far, far_odd)) = (halves(&w, A), halves(&w, B));
    let (over_a, over_b) = (T::of(OVER[1]), T::of(OVER[2]));
    [
        T::of(OVER[0]).mul(w[0]),
        over_a.mul(near.add(near_odd)),
        over_a.mul(near.sub(near_odd)),
        over_b.mul(far.add(far_odd)),
        over_b.mul(far.sub(far_odd)),
        w[TAPS - 1],
    ]
}

/// Gᵀ·s, for 2 to 5 taps.
#[inline(always)]
fn gather<T: Float, const TAPS: usize>([z, a, b, c, d, last]: [T; PATCH]) -> [T; TAPS] {
    let (near, far) = (T::of(OVER[1]).mul(a.add(b)), T::of(OVER[2]).mul(c.add(d)));
    let (near_odd, far_odd) = (T::of(A * OVER[1]).mul(a.sub(b)), T::of(B * OVER[2]).mul(c.sub(d)));
    let mut out = [T::ZERO; TAPS];
    out[0] = T::of(OVER[0]).mul_add(z, near.add(far));
    out[1] = near_odd.add(far_odd);
    if TAPS == 2 {
        out[1] = out[1].add(last);
    }
    for i in 2..TAPS {
        let (near, far) = if i % 2 == 0 { (near, far) } else { (near_odd, far_odd) };
        let last = if i + 1 == TAPS { last } else { T::ZERO };
        let (a, b) = if i < 4 { (A * A, B * B) } else { (A * A * A * A, B * B * B * B) };
        out[i] = T::of(a).mul_add(near, T::of(b).mul_add(far, last));
    }
    out
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
unsafe fn close<T: Scalar, V: Vector<T>, const N: usize>(m: [V; PATCH]) -> [V; N] {
    // SAFETY: handed on to the caller.
    unsafe {
        let power = |point: f64, n: usize| T::of((1..n).fold(point, |x, _| x * point));
        let (near, near_odd) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (far, far_odd) = (m[3].add(m[4]), m[3].sub(m[4]));
        let mut out = [m[0].add(near.add(far)); N];
        for i in 1..N {
            let (near, far) = if i % 2 == 0 { (near, far) } else { (near_odd, far_odd) };
            let last = if i + 1 == N { m[5] } else { V::splat(T::ZERO) };
            out[i] = near.mul_add(V::splat(power(A, i)), far.mul_add(V::splat(power(B, i)), last));
        }
        out
    }
}

/// A·g
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
unsafe fn open<T: Scalar, V: Vector<T>, const N: usize>(g: [V; N]) -> [V; PATCH] {
    // SAFETY: handed on to the caller.
    unsafe {
        let (a, less_a, b, less_b) =
            (V::splat(T::of(A)), V::splat(T::of(-A)), V::splat(T::of(B)), V::splat(T::of(-B)));
        // The even and the odd powers at each pair of points, from the highest down.
        let (even, odd) = ((N - 1) / 2 * 2, N / 2 * 2 - 1);
        let (a2, b2) = (V::splat(T::of(A * A)), V::splat(T::of(B * B)));
        let (mut near, mut near_odd) = (g[even], g[odd]);
        let (mut far, mut far_odd) = (near, near_odd);
        for i in 1..=even / 2 {
            (near, far) = (near.mul_add(a2, g[even - 2 * i]), far.mul_add(b2, g[even - 2 * i]));
        }
        for i in 1..=odd / 2 {
            (near_odd, far_odd) = (near_odd.mul_add(a2, g[odd - 2 * i]), far_odd.mul_add(b2, g[odd - 2 * i]));
        }
        [
            g[0],
            near_odd.mul_add(a, near),
            near_odd.mul_add(less_a, near),
            far_odd.mul_add(b, far),
            far_odd.mul_add(less_b, far),
            g[N - 1],
        ]
    }
}

/// `turn` of a patch, for tiles of any size.
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
unsafe fn turn_patch<T: Scalar, V: Vector<T>, const N: usize>(d: [V; PATCH]) -> [V; PATCH] {
    // SAFETY: handed on to the caller.
    unsafe { turn::<T, V>(d) }
}

/// Spreads tiles of `SIZE`×`SIZE` pixels over their points by `$map` along both axes: `rows`·`columns` tiles, N pixels apart, of a
/// padded image of c channels; point p of tile t at `out[p·apart + t·c]`.
macro_rules! tiles {
    ($(#[$meta:meta])* $name:ident, $each:ident, $every:ident, |$M:ident| $size:expr, $map:ident) => {
        $(#[$meta])*
        pub(super) fn $name<T: Scalar>(
            x: &[T],
            (rows, columns): (usize, usize),
            tile: usize,
            c: usize,
            out: &mut [T],
            apart: usize,
        ) {
            let edge = PATCH - tile;
            let image = (rows * tile + edge) * (columns * tile + edge) * c;
            assert!(x.len() >= image, "invariant: the image has all patches");
            let last = (POINTS - 1) * apart + rows * columns * c;
            assert!(out.len() >= last, "invariant: there is room for all points");
            // SAFETY: the sizes just seen.
            unsafe { $each(x.as_ptr(), rows, columns, tile, c, out.as_mut_ptr(), apart) }
        }

        vector_fn! {
            /// # Safety
            /// `x` must be a padded image of that many tiles, `out` have room for all points of all of them.
            unsafe fn $each<T, H, W>(
                x: *const T,
                rows: usize,
                columns: usize,
                tile: usize,
                c: usize,
                out: *mut T,
                apart: usize,
            ) {
                // SAFETY: handed on to the caller.
                unsafe { with_tile!(tile, N => $every::<T, W, N>(x, rows, columns, c, out, apart)) }
            }
        }

        /// # Safety
        /// As above, and the instruction set of W.
        #[inline(always)]
        unsafe fn $every<T: Scalar, W: Vector<T>, const $M: usize>(
            x: *const T,
            rows: usize,
            columns: usize,
            c: usize,
            out: *mut T,
            apart: usize,
        ) {
            // SAFETY: the caller's promise; the mask ends at channel c.
            unsafe {
                let line = (columns * $M + PATCH - $M) * c;
                for tile in 0..rows * columns {
                    let patch = x.add(tile / columns * $M * line + tile % columns * $M * c);
                    let mut at = 0;
                    while at < c {
                        let mask = W::first((c - at).min(W::LANES));
                        let mut half = [[W::splat(T::ZERO); PATCH]; $size];
                        for j in 0..$size {
                            let mut column = [W::splat(T::ZERO); $size];
                            for i in 0..$size {
                                column[i] = W::load_first(patch.add(i * line + j * c + at), mask);
                            }
                            half[j] = $map::<T, W, $M>(column);
                        }
                        for i in 0..PATCH {
                            let mut row = [W::splat(T::ZERO); $size];
                            for j in 0..$size {
                                row[j] = half[j][i];
                            }
                            let points = $map::<T, W, $M>(row);
                            for j in 0..PATCH {
                                points[j].store_first(out.add((PATCH * i + j) * apart + tile * c + at), mask);
                            }
                        }
                        at += W::LANES;
                    }
                }
            }
        }
    };
}

tiles! {
    /// `Bᵀ·d·B` of the tiles d of an image.
    transform_patches, transform_each, transform_all, |N| PATCH, turn_patch
}
tiles! {
    /// `A·g·Aᵀ` of the tiles g of a gradient, which lie in a padded image as those of an image do.
    transform_gradients, open_each, open_all, |N| N, open
}

/// The plane that results go to, and those of its tiles that are finished.
pub(super) struct Target<T> {
    /// Pixel (0, 0).
    pub(super) out: *mut T,
    /// The pixels that exist.
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    /// Elements from a pixel to the one below and to the next one.
    pub(super) steps: [usize; 2],
    /// The first row of these tiles.
    pub(super) first: usize,
    /// Results of a tile along an axis.
    pub(super) tile: usize,
    /// Results of a pixel, and of a tile's point.
    pub(super) n: usize,
    pub(super) of: usize,
    /// Whether points that are at 0, down and across, hold nothing and count as 0.
    pub(super) none: [bool; 2],
    pub(super) bias: *const T,
    pub(super) relu: bool,
    /// Whether it is large: see [`crate::stream`].
    pub(super) large: bool,
}

vector_fn! {
    /// `Aᵀ·m·A` of `rows`·`columns` tiles, then bias and rectifier, to those of their pixels that exist.
    ///
    /// # Safety
    /// A fence must follow if `y` is large. m must have all points of all tiles, `y` be a plane whose rows no other thread touches, with a bias that is null
    /// or n long.
    pub(super) unsafe fn finish_tiles<T, H, W>(m: *const T, apart: usize, rows: usize, columns: usize, y: &Target<T>) {
        // SAFETY: handed on to the caller.
        unsafe { with_tile!(y.tile, N => finish_all::<T, W, N>(m, apart, rows, columns, y)) }
    }
}

/// # Safety
/// As for [`finish_tiles`], and the instruction set of W.
#[inline(always)]
unsafe fn finish_all<T: Scalar, W: Vector<T>, const N: usize>(
    m: *const T,
    apart: usize,
    rows: usize,
    columns: usize,
    y: &Target<T>,
) {
    // SAFETY: the caller's promise; the mask ends at result n, and pixels beyond the plane are not written.
    unsafe {
        for tile in 0..rows * columns {
            let (row, column) = (y.first + tile / columns * N, tile % columns * N);
            let inside = |range: &Range<usize>, start: usize| {
                range.start.saturating_sub(start).min(N)..range.end.saturating_sub(start).min(N)
            };
            let (down, across) = (inside(&y.rows, row), inside(&y.columns, column));
            let mut at = 0;
            while at < y.n {
                let mask = W::first((y.n - at).min(W::LANES));
                let nothing = W::first(0);
                let mut half = [[W::splat(T::ZERO); N]; PATCH];
                for j in 0..PATCH {
                    let mut column = [W::splat(T::ZERO); PATCH];
                    for i in 0..PATCH {
                        let none = (i == 0 && y.none[0]) || (j == 0 && y.none[1]);
                        let mask = if none { nothing } else { mask };
                        column[i] = W::load_first(m.add((PATCH * i + j) * apart + tile * y.of + at), mask);
                    }
                    half[j] = close::<T, W, N>(column);
                }
                let bias = match y.bias.is_null() {
                    true => W::splat(T::ZERO),
                    false => W::load_first(y.bias.add(at), mask),
                };
                let plain = y.bias.is_null() && !y.relu;
                let large =
                    y.large && y.n.is_multiple_of(W::LANES) && y.out.addr().is_multiple_of(size_of::<W>());
                // Loops of constant length, so that nothing goes through memory.
                for i in 0..N {
                    if !down.contains(&i) {
                        continue;
                    }
                    let mut values = [W::splat(T::ZERO); PATCH];
                    for j in 0..PATCH {
                        values[j] = half[j][i];
                    }
                    let mut closed = close::<T, W, N>(values);
                    if !plain {
                        for j in 0..N {
                            if !y.bias.is_null() {
                                closed[j] = closed[j].add(bias);
                            }
                            if y.relu {
                                closed[j] = closed[j].rectified(W::splat(T::ZERO));
                            }
                        }
                    }
                    let to = y.out.wrapping_add((row + i) * y.steps[0] + column * y.steps[1] + at);
                    for j in 0..N {
                        if across.contains(&j) {
                            match large {
                                true => closed[j].stream(to.wrapping_add(j * y.steps[1])),
                                false => closed[j].store_first(to.wrapping_add(j * y.steps[1]), mask),
                            }
                        }
                    }
                }
                at += W::LANES;
            }
        }
    }
}
