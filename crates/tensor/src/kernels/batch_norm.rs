//! Statistics of channels over all pixels, and what is made of them, with the channels last: rows of `c` elements.

use crate::Float;
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;

/// Rows that are summed in their own type before they are joined in double precision.
const BLOCK: usize = 128;
/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 14;

/// The elements that loops go over in one: as many whole rows of `c` channels, so that few channels make no short loops.
fn width(c: usize) -> usize {
    (256 / c).max(1) * c
}

/// `x`, one element for each channel, again and again up to [`width`].
fn spread<T: Float>(x: &[T]) -> Vec<T> {
    x.iter().copied().cycle().take(width(x.len())).collect()
}

simd_fn! {
    /// sums += Σ x over rows of `sums.len()` elements, of which the last may be cut.
    fn add_rows[T: Float](x: &[T], sums: &mut [T]) {
        for x in x.chunks(sums.len()) {
            for (s, &x) in sums.iter_mut().zip(x) {
                *s = s.add(x);
            }
        }
    }

    /// sums += Σ (x − mean)².
    fn add_squares[T: Float](x: &[T], mean: &[T], sums: &mut [T]) {
        for x in x.chunks(sums.len()) {
            for ((s, &m), &x) in sums.iter_mut().zip(mean).zip(x) {
                let gap = x.sub(m);
                *s = gap.mul_add(gap, *s);
            }
        }
    }

    /// y = (x − mean)·scale + shift, plus `rest` if it is not empty, rectified if so wished.
    fn affine_rows[T: Float](x: &[T], rest: &[T], affine: &Affine<T>, out: &mut [T]) {
        let width = affine.mean.len();
        macro_rules! rows {
            ($rest:expr, $relu:expr) => {
                for (i, (out, x)) in out.chunks_mut(width).zip(x.chunks(width)).enumerate() {
                    let c = out.len();
                    let rest: &[T] = if $rest { &rest[i * width..][..c] } else { x };
                    let (mean, scale, shift) = (&affine.mean[..c], &affine.scale[..c], &affine.shift[..c]);
                    for k in 0..c {
                        let mut y = x[k].sub(mean[k]).mul_add(scale[k], shift[k]);
                        if $rest {
                            y = y.add(rest[k]);
                        }
                        out[k] = if $relu && y <= T::ZERO { T::ZERO } else { y };
                    }
                }
            };
        }
        match (rest.is_empty(), affine.relu) {
            (true, false) => rows!(false, false),
            (true, true) => rows!(false, true),
            (false, false) => rows!(true, false),
            (false, true) => rows!(true, true),
        }
    }

    /// sums += Σ g, products += Σ g·(x − mean), where y > 0 if there is a y.
    fn add_products[T: Float](x: &[T], g: &[T], y: &[T], mean: &[T], sums: &mut [T], products: &mut [T]) {
        let width = sums.len();
        for (i, (x, g)) in x.chunks(width).zip(g.chunks(width)).enumerate() {
            let c = x.len();
            let (sums, products, mean, g) = (&mut sums[..c], &mut products[..c], &mean[..c], &g[..c]);
            if y.is_empty() {
                for k in 0..c {
                    sums[k] = sums[k].add(g[k]);
                    products[k] = g[k].mul_add(x[k].sub(mean[k]), products[k]);
                }
            } else {
                let y = &y[i * width..][..c];
                for k in 0..c {
                    let g = if y[k] > T::ZERO { g[k] } else { T::ZERO };
                    sums[k] = sums[k].add(g);
                    products[k] = g.mul_add(x[k].sub(mean[k]), products[k]);
                }
            }
        }
    }

    /// dx = scale·(g − a − (x − mean)·b), where g counts only where y > 0 if there is a y; `kept` takes that g.
    fn grad_rows[T: Float](x: &[T], g: &[T], y: &[T], back: &Back<T>, out: &mut [T], kept: &mut [T]) {
        let width = back.mean.len();
        for (i, (out, (x, g))) in out.chunks_mut(width).zip(x.chunks(width).zip(g.chunks(width))).enumerate() {
            let c = out.len();
            let (x, g) = (&x[..c], &g[..c]);
            let (mean, scale, a, b) = (&back.mean[..c], &back.scale[..c], &back.a[..c], &back.b[..c]);
            if y.is_empty() {
                for k in 0..c {
                    let bent = x[k].sub(mean[k]).mul(b[k]);
                    out[k] = scale[k].mul(g[k].sub(a[k]).sub(bent));
                }
            } else if kept.is_empty() {
                let y = &y[i * width..][..c];
                for k in 0..c {
                    let g = if y[k] > T::ZERO { g[k] } else { T::ZERO };
                    let bent = x[k].sub(mean[k]).mul(b[k]);
                    out[k] = scale[k].mul(g.sub(a[k]).sub(bent));
                }
            } else {
                let (y, kept) = (&y[i * width..][..c], &mut kept[i * width..][..c]);
                for k in 0..c {
                    let g = if y[k] > T::ZERO { g[k] } else { T::ZERO };
                    let bent = x[k].sub(mean[k]).mul(b[k]);
                    out[k] = scale[k].mul(g.sub(a[k]).sub(bent));
                    kept[k] = g;
                }
            }
        }
    }
}

/// The sums of the rows that were summed side by side.
fn fold<T: Float>(wide: &[T], out: &mut [T]) {
    out.copy_from_slice(&wide[..out.len()]);
    for row in wide[out.len()..].chunks_exact(out.len()) {
        for (out, &x) in out.iter_mut().zip(row) {
            *out = out.add(x);
        }
    }
}

/// The map of each channel.
pub(crate) struct Affine<T> {
    pub mean: Vec<T>,
    pub scale: Vec<T>,
    pub shift: Vec<T>,
    pub relu: bool,
}

/// What the gradient of each channel is made with.
pub(crate) struct Back<T> {
    pub mean: Vec<T>,
    pub scale: Vec<T>,
    pub a: Vec<T>,
    pub b: Vec<T>,
}

/// The blocks of rows that threads take, and how many there are.
fn blocks(len: usize, c: usize) -> (usize, usize) {
    (BLOCK * c, len.div_ceil(BLOCK * c))
}

/// For each block `work(block, first half, second half)` of 2·c numbers of its own, all of which are returned.
fn in_blocks<T: Float>(
    len: usize,
    c: usize,
    work: impl Fn(std::ops::Range<usize>, &mut [T], &mut [T]) + Sync,
) -> Vec<T> {
    let (block, count) = blocks(len, c);
    let mut all = vec![T::ZERO; count * 2 * c];
    let parts = Disjoint::new(&mut all);
    for_ranges(count, GRAIN.div_ceil(block), |range| {
        for i in range {
            // SAFETY: each block is handed out once.
            let part = unsafe { parts.slice(i * 2 * c..(i + 1) * 2 * c) };
            let (first, second) = part.split_at_mut(c);
            work(i * block..((i + 1) * block).min(len), first, second);
        }
    });
    all
}

/// The mean and the mean square distance from it of each of `c` channels. There are rows.
///
/// Blocks of rows are joined in order, by the formula of Chan, Golub and LeVeque 1979.
pub(crate) fn moments<T: Float>(x: &[T], c: usize) -> (Vec<f64>, Vec<f64>) {
    let parts = in_blocks(x.len(), c, |range, mean, squares| {
        let x = &x[range];
        let mut wide = vec![T::ZERO; width(c)];
        add_rows(x, &mut wide);
        fold(&wide, mean);
        let share = T::of(1.0 / (x.len() / c) as f64);
        mean.iter_mut().for_each(|m| *m = m.mul(share));
        wide.fill(T::ZERO);
        add_squares(x, &spread(mean), &mut wide);
        fold(&wide, squares);
    });
    let (block, _) = blocks(x.len(), c);
    let (mut mean, mut squares) = (vec![0.0; c], vec![0.0; c]);
    let mut rows = 0.0;
    for (i, part) in parts.chunks_exact(2 * c).enumerate() {
        let more = (block.min(x.len() - i * block) / c) as f64;
        let all = rows + more;
        for k in 0..c {
            let gap = part[k].to_f64() - mean[k];
            mean[k] += gap * more / all;
            squares[k] += part[c + k].to_f64() + gap * gap * (rows * more / all);
        }
        rows = all;
    }
    squares.iter_mut().for_each(|s| *s /= rows);
    (mean, squares)
}

/// y = (x − mean)·scale + shift + rest, rectified if so wished; no `rest` if it is empty.
pub(crate) fn affine<T: Float>(x: &[T], rest: &[T], affine: &Affine<T>, out: &mut [T]) {
    let c = affine.mean.len();
    let out = Disjoint::new(out);
    let spread = Affine {
        mean: spread(&affine.mean),
        scale: spread(&affine.scale),
        shift: spread(&affine.shift),
        relu: affine.relu,
    };
    for_ranges(x.len() / c, GRAIN.div_ceil(c), |rows| {
        let range = rows.start * c..rows.end * c;
        // SAFETY: ranges of rows do not overlap.
        let out = unsafe { out.slice(range.clone()) };
        let rest = if rest.is_empty() { rest } else { &rest[range.clone()] };
        affine_rows(&x[range], rest, &spread, out);
    });
}

/// Σ g and Σ g·(x − mean) of each channel, over the pixels where y > 0 if there is a y.
pub(crate) fn sums<T: Float>(x: &[T], g: &[T], y: &[T], mean: &[T]) -> (Vec<f64>, Vec<f64>) {
    let c = mean.len();
    let wide_mean = spread(mean);
    let parts = in_blocks(x.len(), c, |range, sums, products| {
        let y = if y.is_empty() { y } else { &y[range.clone()] };
        let mut wide = vec![T::ZERO; 2 * width(c)];
        let (wide_sums, wide_products) = wide.split_at_mut(width(c));
        add_products(&x[range.clone()], &g[range], y, &wide_mean, wide_sums, wide_products);
        fold(wide_sums, sums);
        fold(wide_products, products);
    });
    let (mut sums, mut products) = (vec![0.0; c], vec![0.0; c]);
    for part in parts.chunks_exact(2 * c) {
        for k in 0..c {
            sums[k] += part[k].to_f64();
            products[k] += part[c + k].to_f64();
        }
    }
    (sums, products)
}

/// dx = scale·(g − a − (x − mean)·b) over the pixels, g being 0 where y is not above 0; `kept` takes that g if it has room.
pub(crate) fn grad<T: Float>(x: &[T], g: &[T], y: &[T], back: &Back<T>, out: &mut [T], kept: &mut [T]) {
    let c = back.mean.len();
    let (out, kept) = (Disjoint::new(out), Disjoint::new(kept));
    let spread =
        Back { mean: spread(&back.mean), scale: spread(&back.scale), a: spread(&back.a), b: spread(&back.b) };
    for_ranges(x.len() / c, GRAIN.div_ceil(c), |rows| {
        let range = rows.start * c..rows.end * c;
        // SAFETY: ranges of rows do not overlap.
        let out = unsafe { out.slice(range.clone()) };
        // SAFETY: as above.
        let kept = unsafe { kept.slice(if kept.len == 0 { 0..0 } else { range.clone() }) };
        let y = if y.is_empty() { y } else { &y[range.clone()] };
        grad_rows(&x[range.clone()], &g[range], y, &spread, out, kept);
    });
}
