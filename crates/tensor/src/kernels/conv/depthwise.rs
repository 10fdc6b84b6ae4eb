//! Convolutions in which each channel has a window of its own: registers go over channels.
//!
//! They are bound by memory, so nothing is padded: a line of results is cut where windows begin to leave the image, and
//! each stretch is summed over the taps that are inside.

use super::direct::PART;
use super::pass::{Axis, Pass};
use super::weight::in_parts;
use super::{Epilogue, Sizes};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::tile::{CHAIN, Finish, unrolled, with_rows};
use crate::kernels::vector::{Scalar, Vector, prefetch, vector_fn};
use crate::parallel::{Disjoint, for_ranges};
use crate::stream::{fence, is_large};
use std::ops::Range;

/// One pass over every image with `w` (channels, kernel ..).
pub(super) fn correlate<T: Scalar>(
    sizes: &Sizes,
    pass: &Pass,
    x: &[T],
    w: &[T],
    finish: Epilogue<T>,
    out: &mut [T],
) -> Result<()> {
    let (c, plan) = (pass.channels, Plan::new(pass));
    let (taps, _) = pass.taps(sizes.kernel);
    let mut weights = Buffer::new("conv", taps.len() * c, T::DTYPE)?;
    let weights: &mut [T] = weights.as_mut_slice();
    for (&tap, weights) in taps.iter().zip(weights.chunks_exact_mut(c)) {
        for (i, x) in weights.iter_mut().enumerate() {
            *x = w[i * sizes.taps() + tap];
        }
    }
    let (from, to, lines) = (x.len() / sizes.n, out.len() / sizes.n, plan.lines.len());
    let cost = out.len() / sizes.n / lines * taps.len();
    let large = is_large(out);
    let out = Disjoint::new(out);
    for_ranges(sizes.n * lines, PART.div_ceil(cost.max(1)), |range| {
        for i in range {
            let (image, line) = (i / lines, &plan.lines[i % lines]);
            let over = plan.over(line, &x[image * from..][..from], out.at(image * to));
            let bias = finish.bias.map_or(std::ptr::null(), <[T]>::as_ptr);
            // SAFETY: taps of a stretch are inside the image, results in one of `out`, in a line that is handed out once.
            unsafe { pixels(&over, weights.as_ptr(), Finish { bias, relu: finish.relu, large }) }
        }
        fence();
    });
    Ok(())
}

/// dw (channels, kernel ..).
pub(super) fn weight_grad<T: Scalar>(sizes: &Sizes, x: &[T], g: &[T], out: &mut [T]) -> Result<()> {
    let pass = Pass::forward(sizes);
    let (c, plan) = (pass.channels, Plan::new(&pass));
    let (taps, _) = pass.taps(sizes.kernel);
    let (from, to) = (sizes.input_len(), sizes.output_len());
    let part = |images: Range<usize>, sums: &mut [T]| {
        for image in images {
            let g = g[image * to..].as_ptr().cast_mut();
            for line in &plan.lines {
                let over = plan.over(line, &x[image * from..][..from], g);
                // SAFETY: taps of a stretch are inside the image, gradients in theirs, which is only read.
                unsafe { windows(&over, sums.as_mut_ptr()) }
            }
        }
    };
    in_parts(sizes.n, taps.len() * c, part, |sums| {
        for (i, out) in out.chunks_exact_mut(sizes.taps()).enumerate() {
            for (&tap, sums) in taps.iter().zip(sums.chunks_exact(c)) {
                out[tap] = sums[i];
            }
        }
    })
}

/// A tap that is inside the image: where it stands from the first tap of the window, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tap {
    at: usize,
    index: usize,
}

/// Results `b + i·b_step`, i < count, whose windows begin at `a + i·a_step` and have these taps inside the image.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    a: isize,
    b: usize,
    count: usize,
    /// Index of the list of taps.
    taps: usize,
}

/// The stretches of an image, line by line.
struct Plan {
    lines: Vec<Vec<Stretch>>,
    taps: Vec<Vec<Tap>>,
    a_step: usize,
    b_step: usize,
    c: usize,
}

impl Axis {
    /// The taps of result `i` that are inside an image of `len` elements.
    fn inside(&self, i: usize, len: usize) -> Range<usize> {
        let start = self.origin + (i * self.step) as isize;
        let is_before = |end: isize| move |&(_, at): &(usize, usize)| start + (at as isize) < end;
        self.taps.partition_point(is_before(0))..self.taps.partition_point(is_before(len as isize))
    }
}

impl Plan {
    fn new(pass: &Pass) -> Self {
        let [d, h, w] = &pass.axes;
        let ([_, height, width], [_, to_height, to_width], c) = (pass.from, pass.to, pass.channels);
        // Results of a line with the same taps, in chains.
        let mut parts: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        for i in 0..w.count {
            let taps = w.inside(i, width);
            match parts.last_mut() {
                Some((part, same)) if *same == taps && part.len() < CHAIN => part.end += 1,
                _ => parts.push((i..i + 1, taps)),
            }
        }
        let (mut sets, mut lists) = (Vec::new(), Vec::new());
        let mut lines = Vec::with_capacity(d.count * h.count);
        for z in 0..d.count {
            for y in 0..h.count {
                let (from_z, from_y) = (d.origin + (z * d.step) as isize, h.origin + (y * h.step) as isize);
                let from = (from_z * height as isize + from_y) * width as isize + w.origin;
                let to = ((d.to + z * d.to_step) * to_height + h.to + y * h.to_step) * to_width + w.to;
                let rows = (d.inside(z, pass.from[0]), h.inside(y, height));
                let stretch = |(part, columns): &(Range<usize>, Range<usize>)| {
                    let set = (rows.0.clone(), rows.1.clone(), columns.clone());
                    let taps = sets.iter().position(|known| *known == set).unwrap_or_else(|| {
                        lists.push(pass.inside(&set));
                        sets.push(set);
                        sets.len() - 1
                    });
                    Stretch {
                        a: (from + (part.start * w.step) as isize) * c as isize,
                        b: (to + part.start * w.to_step) * c,
                        count: part.len(),
                        taps,
                    }
                };
                lines.push(parts.iter().map(stretch).collect());
            }
        }
        Self { lines, taps: lists, a_step: pass.step(), b_step: pass.to_step(), c }
    }

    fn over<'a, T>(&'a self, line: &'a [Stretch], a: &[T], b: *mut T) -> Over<'a, T> {
        Over { a: a.as_ptr(), b, line, plan: self }
    }
}

impl Pass {
    /// The taps of these ranges of each axis.
    fn inside(&self, (d, h, w): &(Range<usize>, Range<usize>, Range<usize>)) -> Vec<Tap> {
        let [_, height, width] = self.from;
        let [_, h_taps, w_taps] = [0, 1, 2].map(|i| self.axes[i].taps.len());
        let mut taps = Vec::with_capacity(d.len() * h.len() * w.len());
        for z in d.clone() {
            for y in h.clone() {
                for x in w.clone() {
                    let [z_at, y_at, x_at] = [(0, z), (1, y), (2, x)].map(|(i, t)| self.axes[i].taps[t].1);
                    taps.push(Tap {
                        at: ((z_at * height + y_at) * width + x_at) * self.channels,
                        index: (z * h_taps + y) * w_taps + x,
                    });
                }
            }
        }
        taps
    }
}

/// One line of results from `b`, over the image from `a`.
struct Over<'a, T> {
    a: *const T,
    b: *mut T,
    line: &'a [Stretch],
    plan: &'a Plan,
}

/// How many bytes ahead of the last tap memory is asked for: windows go over several lines at once, in pieces of a
/// register, and no prefetcher follows them.
const AHEAD: usize = 1 << 13;

/// The taps of `taps` as numbers of a block, and how far ahead of the first one to ask for memory.
#[inline(always)]
fn block<const M: usize, T>(taps: &[Tap]) -> ([usize; M], usize) {
    let mut at = [0; M];
    for (at, tap) in at.iter_mut().zip(taps) {
        *at = tap.at;
    }
    (at, at.last().map_or(0, |&at| at) + AHEAD / size_of::<T>())
}

/// The most taps whose sums or weights stay in registers, beside two more.
const fn most_taps<T: Scalar, V: Vector<T>>() -> usize {
    if V::LANES * size_of::<T>() == 64 { 14 } else { 9 }
}

vector_fn! {
    /// b = Σ a·w over the taps inside, then bias and rectifier, channel by channel; `w` (taps, c).
    ///
    /// # Safety
    /// Taps must be readable, results writable, and in no place that another thread reads or writes; `w` as long as said,
    /// the bias null or c long.
    unsafe fn pixels<T, H, W>(over: &Over<T>, w: *const T, finish: Finish<T>) {
        // SAFETY: the caller's promises.
        unsafe {
            for stretch in over.line {
                let taps = &over.plan.taps[stretch.taps];
                let parts = taps.len().div_ceil(most_taps::<T, W>()).max(1);
                let mut start = 0;
                while start < stretch.count {
                    let end = (start + TOGETHER).min(stretch.count);
                    for part in 0..parts {
                        let block = &taps[taps.len() * part / parts..taps.len() * (part + 1) / parts];
                        let ends = (part + 1 == parts).then_some(finish);
                        if block.is_empty() {
                            pixels_block::<T, W, 0>(over, stretch, start..end, block, part > 0, w, ends);
                        } else {
                            with_rows!(block.len(), M =>
                                pixels_block::<T, W, M>(over, stretch, start..end, block, part > 0, w, ends));
                        }
                    }
                    start = end;
                }
            }
        }
    }
}

/// Results of a stretch whose channels are computed one register after the other: their windows stay in the first cache.
const TOGETHER: usize = 16;

/// # Safety
/// As for [`pixels`], for results of `range` and M taps, added to what is there if `goes_on`.
#[inline(always)]
unsafe fn pixels_block<T: Scalar, V: Vector<T>, const M: usize>(
    over: &Over<T>,
    stretch: &Stretch,
    range: Range<usize>,
    taps: &[Tap],
    goes_on: bool,
    w: *const T,
    finish: Option<Finish<T>>,
) {
    // SAFETY: the caller's promises; the mask ends at channel c.
    unsafe {
        let &Plan { a_step, b_step, c, .. } = over.plan;
        let (at, ahead) = block::<M, T>(taps);
        let relu = finish.is_some_and(|finish| finish.relu);
        let large = finish.is_some_and(|finish| finish.large)
            && !goes_on
            && c.is_multiple_of(V::LANES)
            && over.b.addr().is_multiple_of(size_of::<V>());
        let bias = finish.map_or(std::ptr::null(), |finish| finish.bias);
        let mut j = 0;
        while j < c {
            let mask = V::first((c - j).min(V::LANES));
            let mut weights = [V::splat(T::ZERO); M];
            unrolled!(M, m => weights[m] = V::load_first(w.add(taps[m].index * c + j), mask));
            let plus = if bias.is_null() { V::splat(T::ZERO) } else { V::load_first(bias.add(j), mask) };
            let mut a = over.a.wrapping_offset(stretch.a).wrapping_add(range.start * a_step + j);
            let mut b = over.b.wrapping_add(stretch.b + range.start * b_step + j);
            for _ in range.clone() {
                prefetch(a.wrapping_add(ahead));
                if !large {
                    prefetch(b.cast_const().wrapping_add(AHEAD / size_of::<T>()));
                }
                let mut sum = if goes_on { V::load_first(b, mask) } else { V::splat(T::ZERO) };
                unrolled!(M, m => sum = V::load_first(a.wrapping_add(at[m]), mask).mul_add(weights[m], sum));
                if !bias.is_null() {
                    sum = sum.add(plus);
                }
                if relu {
                    sum = sum.rectified(V::splat(T::ZERO));
                }
                match large {
                    true => sum.stream(b),
                    false => sum.store_first(b, mask),
                }
                (a, b) = (a.wrapping_add(a_step), b.wrapping_add(b_step));
            }
            j += V::LANES;
        }
    }
}

vector_fn! {
    /// Adds Σ a·b over the results of a stretch to `sums` (taps, c), for the taps inside.
    ///
    /// # Safety
    /// Taps and results must be readable, and `sums` as long as said and no other thread's.
    unsafe fn windows<T, H, W>(over: &Over<T>, sums: *mut T) {
        // SAFETY: the caller's promises.
        unsafe {
            for stretch in over.line {
                let taps = &over.plan.taps[stretch.taps];
                let parts = taps.len().div_ceil(most_taps::<T, W>());
                // Whole pixels at a time, as above, in longer pieces: each adds to the sums.
                let pieces = stretch.count.div_ceil(2 * TOGETHER);
                for piece in 0..pieces {
                    let range = stretch.count * piece / pieces..stretch.count * (piece + 1) / pieces;
                    for part in 0..parts {
                        let block = &taps[taps.len() * part / parts..taps.len() * (part + 1) / parts];
                        with_rows!(block.len(), M =>
                            windows_block::<T, W, M>(over, stretch, range.clone(), block, sums));
                    }
                }
            }
        }
    }
}

/// # Safety
/// As for [`windows`], for results of `range` and M taps.
#[inline(always)]
unsafe fn windows_block<T: Scalar, V: Vector<T>, const M: usize>(
    over: &Over<T>,
    stretch: &Stretch,
    range: Range<usize>,
    taps: &[Tap],
    sums: *mut T,
) {
    // SAFETY: the caller's promises; the mask ends at channel c.
    unsafe {
        let &Plan { a_step, b_step, c, .. } = over.plan;
        let (at, ahead) = block::<M, T>(taps);
        let mut j = 0;
        while j < c {
            let mask = V::first((c - j).min(V::LANES));
            let mut chain = [V::splat(T::ZERO); M];
            let mut a = over.a.wrapping_offset(stretch.a).wrapping_add(range.start * a_step + j);
            let mut b = over.b.cast_const().wrapping_add(stretch.b + range.start * b_step + j);
            for _ in range.clone() {
                prefetch(a.wrapping_add(ahead));
                prefetch(b.wrapping_add(AHEAD / size_of::<T>()));
                let grad = V::load_first(b, mask);
                unrolled!(M, m => {
                    chain[m] = V::load_first(a.wrapping_add(at[m]), mask).mul_add(grad, chain[m]);
                });
                (a, b) = (a.wrapping_add(a_step), b.wrapping_add(b_step));
            }
            unrolled!(M, m => {
                let to = sums.add(taps[m].index * c + j);
                V::load_first(to, mask).add(chain[m]).store_first(to, mask);
            });
            j += V::LANES;
        }
    }
}
