//! Windows over images with their channels last: the largest of each, and weighted sums of each.
//!
//! Along an axis a window is a list of places; windows of an image are products of those, so regular, adaptive and
//! interpolating windows are one loop. Gradients go over the pixels of the input and ask which windows had them, so that
//! each is written once, in a fixed order of additions.

use crate::Float;
use crate::dtype::Element;
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;

/// For each window along an axis, the places it has, and what goes with each: an index in the window, or a weight.
pub(crate) type Windows<E> = Vec<Vec<(usize, E)>>;

/// For each of `len` places, the windows that have it, in order, and what goes with it there.
pub(crate) fn transposed<E: Copy>(windows: &Windows<E>, len: usize) -> Windows<E> {
    let mut places = vec![Vec::new(); len];
    for (i, window) in windows.iter().enumerate() {
        for &(place, e) in window {
            places[place].push((i, e));
        }
    }
    places
}

/// An index in a window.
pub(crate) trait Tap: Element + PartialEq {}
impl Tap for u8 {}
impl Tap for i64 {}

/// Windows over the three axes of images of `c` channels; `from` are the pixels of an image that is read.
pub(crate) struct Over<'a, E> {
    pub windows: [&'a Windows<E>; 3],
    pub from: [usize; 3],
    pub c: usize,
}

impl<E: Copy> Over<'_, E> {
    /// The pixels of an image that is written.
    fn to(&self) -> [usize; 3] {
        self.windows.map(Vec::len)
    }

    /// The elements of an image that is written.
    fn written_len(&self) -> usize {
        self.to().iter().product::<usize>() * self.c
    }

    fn read_len(&self) -> usize {
        self.from.iter().product::<usize>() * self.c
    }

    /// Calls `pixel(where it begins, its windows)` for each pixel of line `line` of what is written, counted over images,
    /// with a list of the places in what is read and what goes with each along the axes.
    fn each_pixel(&self, line: usize, mut pixel: impl FnMut(usize, &[(usize, [E; 3])])) {
        let [d, h, w] = self.to();
        let (image, z, y) = (line / (d * h), line / h % d, line % h);
        let [_, height, width] = self.from;
        let base = image * self.read_len();
        let mut places = Vec::new();
        for x in 0..w {
            places.clear();
            for &(z, e0) in &self.windows[0][z] {
                for &(y, e1) in &self.windows[1][y] {
                    for &(x, e2) in &self.windows[2][x] {
                        places.push((base + ((z * height + y) * width + x) * self.c, [e0, e1, e2]));
                    }
                }
            }
            pixel((line * w + x) * self.c, &places);
        }
    }

    /// Runs `line(i)` for each line of what is written over `n` images, over threads.
    fn each_line(&self, n: usize, line: impl Fn(usize) + Sync) {
        let [d, h, w] = self.to();
        let per_line = self.windows[0].first().map_or(0, Vec::len)
            * self.windows[1].first().map_or(0, Vec::len)
            * w
            * self.c;
        for_ranges(n * d * h, (1usize << 14).div_ceil(per_line.max(1)), |lines| lines.for_each(&line));
    }
}

/// Channels that are worked on at a time.
const CHANNELS: usize = 64;

simd_fn! {
    /// The largest of x at `places` for each of `best.len()` channels, and which it was: the first of equal ones; NaN is
    /// larger than all.
    fn largest[T: Float, I: Tap](x: &[T], places: &[(usize, [usize; 3])], taps: [usize; 2], best: &mut [T], which: &mut [I]) {
        let c = best.len();
        let tap = |[a, b, e]: [usize; 3]| ((a * taps[0] + b) * taps[1] + e) as i32;
        // Where all are −∞ the first is the largest.
        let first = places.first().map_or(0, |&(_, at)| tap(at));
        for start in (0..c).step_by(CHANNELS) {
            let width = CHANNELS.min(c - start);
            let (mut values, mut indices) = ([T::of(f64::NEG_INFINITY); CHANNELS], [first; CHANNELS]);
            for &(place, at) in places {
                let tap = tap(at);
                let x = &x[place + start..][..width];
                for ((value, index), &x) in values.iter_mut().zip(&mut indices).zip(x) {
                    #[allow(clippy::eq_op)]
                    let better = (x > *value) | (x != x);
                    *value = if better { x } else { *value };
                    *index = if better { tap } else { *index };
                }
            }
            best[start..start + width].copy_from_slice(&values[..width]);
            for (which, &index) in which[start..start + width].iter_mut().zip(&indices) {
                *which = I::from_i64(i64::from(index));
            }
        }
    }

    /// out += g where `which` is `tap`.
    fn add_where[T: Float, I: Tap](g: &[T], which: &[I], tap: I, out: &mut [T]) {
        for ((out, &g), &which) in out.iter_mut().zip(g).zip(which) {
            *out = out.add(if which == tap { g } else { T::ZERO });
        }
    }

    /// out = x where `which` is `tap`.
    fn take_where[T: Float, I: Tap](x: &[T], which: &[I], tap: I, out: &mut [T]) {
        for ((out, &x), &which) in out.iter_mut().zip(x).zip(which) {
            *out = if which == tap { x } else { *out };
        }
    }

    /// out = Σ weight·x over `places`.
    fn weighted[T: Float](x: &[T], places: &[(usize, [f64; 3])], out: &mut [T]) {
        for (i, &(place, [a, b, e])) in places.iter().enumerate() {
            let weight = T::of(a * b * e);
            let x = &x[place..][..out.len()];
            if i == 0 {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = weight.mul(x);
                }
            } else {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = weight.mul_add(x, *out);
                }
            }
        }
    }
}

/// The largest of each window and its index there, ((kd·taps[0]) + kh)·taps[1] + kw.
pub(crate) fn max<T: Float, I: Tap>(
    n: usize,
    over: &Over<usize>,
    taps: [usize; 2],
    x: &[T],
    out: &mut [T],
    which: &mut [I],
) {
    let (out, which) = (Disjoint::new(out), Disjoint::new(which));
    over.each_line(n, |line| {
        over.each_pixel(line, |at, places| {
            // SAFETY: each line is handed out once, and each of its pixels seen once.
            let (best, which) = unsafe { (out.slice(at..at + over.c), which.slice(at..at + over.c)) };
            largest(x, places, taps, best, which);
        });
    });
}

/// Calls `add(where the other begins, where the pixel begins, tap, pixel)` for each place of each pixel's window, the pixels of
/// `out` starting at 0.
fn by_taps<T: Float, I: Tap>(
    n: usize,
    over: &Over<usize>,
    taps: [usize; 2],
    out: &mut [T],
    add: impl Fn(usize, usize, I, &mut [T]) + Sync,
) {
    let out = Disjoint::new(out);
    over.each_line(n, |line| {
        over.each_pixel(line, |at, places| {
            // SAFETY: each line is handed out once, and each of its pixels seen once.
            let out = unsafe { out.slice(at..at + over.c) };
            out.fill(T::ZERO);
            for &(place, [a, b, e]) in places {
                add(place, at, I::from_i64(((a * taps[0] + b) * taps[1] + e) as i64), out);
            }
        });
    });
}

/// The gradient of [`max`]: `over` are the windows of each pixel of the input.
pub(crate) fn max_grad<T: Float, I: Tap>(
    n: usize,
    over: &Over<usize>,
    taps: [usize; 2],
    g: &[T],
    which: &[I],
    out: &mut [T],
) {
    by_taps(n, over, taps, out, |place, _, tap, out| {
        add_where(&g[place..][..over.c], &which[place..][..over.c], tap, out);
    });
}

/// The element of each window whose index is in `which`; 0 where the window has none.
pub(crate) fn take<T: Float, I: Tap>(
    n: usize,
    over: &Over<usize>,
    taps: [usize; 2],
    x: &[T],
    which: &[I],
    out: &mut [T],
) {
    by_taps(n, over, taps, out, |place, at, tap, out| {
        take_where(&x[place..][..over.c], &which[at..][..over.c], tap, out);
    });
}

/// The weighted sum of each window; 0 where it has no places.
pub(crate) fn sums<T: Float>(n: usize, over: &Over<f64>, x: &[T], out: &mut [T]) {
    debug_assert_eq!(out.len(), n * over.written_len());
    let out = Disjoint::new(out);
    over.each_line(n, |line| {
        over.each_pixel(line, |at, places| {
            // SAFETY: each line is handed out once, and each of its pixels seen once.
            let out = unsafe { out.slice(at..at + over.c) };
            if places.is_empty() {
                out.fill(T::ZERO);
            }
            weighted(x, places, out);
        });
    });
}
