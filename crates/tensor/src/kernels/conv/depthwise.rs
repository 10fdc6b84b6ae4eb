//! Convolutions in which each channel has a window of its own: registers go over channels.

use super::direct::each_part;
use super::pass::Pass;
use super::rooms::Rooms;
use super::tile::Line;
use super::weight::{each_chain, in_parts};
use super::{Epilogue, Sizes};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::vector::{Scalar, vector_fn};
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
    let (c, (taps, places)) = (pass.channels, pass.taps(sizes.kernel));
    let lines = pass.lines();
    let mut weights = Buffer::new("conv", places.len() * c, T::DTYPE)?;
    let weights: &mut [T] = weights.as_mut_slice();
    for (&tap, weights) in taps.iter().zip(weights.chunks_exact_mut(c)) {
        for (i, x) in weights.iter_mut().enumerate() {
            *x = w[i * sizes.taps() + tap];
        }
    }
    each_part(sizes.n, pass, &lines, places.len() * c, x, out, |image, lines, out| {
        let over =
            Over { a: image, a_step: pass.step(), b: out, b_step: pass.to_step(), lines, places: &places, c };
        let bias = finish.bias.map_or(std::ptr::null(), <[T]>::as_ptr);
        // SAFETY: windows lie in the padded image, results in an image of `out` at lines that no other piece has.
        unsafe { pixels(&over, weights.as_ptr(), bias, finish.relu) }
    })
}

/// dw (channels, kernel ..).
pub(super) fn weight_grad<T: Scalar>(sizes: &Sizes, x: &[T], g: &[T], out: &mut [T]) -> Result<()> {
    let pass = Pass::forward(sizes);
    let (c, (taps, places)) = (pass.channels, pass.taps(sizes.kernel));
    let lines = pass.lines();
    let (from, to) = (sizes.input_len(), sizes.output_len());
    let rooms = Rooms::new("conv", if pass.pads() { pass.padded_len() } else { 0 })?;
    let part = |images: Range<usize>, sums: &mut [T]| {
        rooms.enter(|room| {
            for image in images {
                let b = g[image * to..].as_ptr().cast_mut();
                each_chain(&pass, &lines, &x[image * from..][..from], room, |a, lines| {
                    let over =
                        Over { a, a_step: pass.step(), b, b_step: pass.to_step(), lines, places: &places, c };
                    // SAFETY: windows lie in the padded image, gradients in theirs, which is only read.
                    unsafe { windows(&over, sums.as_mut_ptr()) }
                });
            }
        });
    };
    in_parts(sizes.n, places.len() * c, part, |sums| {
        for (i, out) in out.chunks_exact_mut(sizes.taps()).enumerate() {
            for (&tap, sums) in taps.iter().zip(sums.chunks_exact(c)) {
                out[tap] = sums[i];
            }
        }
    })
}

/// Windows at `places` from `a + line.a + i·a_step`, and pixels at `b + line.b + i·b_step`, of `c` channels.
struct Over<'a, T> {
    a: *const T,
    a_step: usize,
    b: *mut T,
    b_step: usize,
    lines: &'a [Line],
    places: &'a [usize],
    c: usize,
}

/// Pixels that share the registers of the weights.
const PIXELS: usize = 4;

vector_fn! {
    /// b = Σ a·w over the window, then bias and rectifier, channel by channel; `w` (places, c).
    ///
    /// # Safety
    /// Windows must be readable, pixels writable, and in no place that another thread reads or writes; `w` as long as
    /// said, the bias null or c long.
    unsafe fn pixels<T, H, W>(over: &Over<T>, w: *const T, bias: *const T, relu: bool) {
        // SAFETY: the caller's promises; the mask ends at channel c.
        unsafe {
            for line in over.lines {
                let mut i = 0;
                while i < line.count {
                    let count = PIXELS.min(line.count - i);
                    // Pixels that are not there are computed as the last one that is.
                    let at = [0, 1, 2, 3].map(|p| i + p.min(count - 1));
                    let a = at.map(|i| over.a.add(line.a + i * over.a_step));
                    let mut c = 0;
                    while c < over.c {
                        let mask = W::first((over.c - c).min(W::LANES));
                        let mut sums = [W::splat(T::ZERO); PIXELS];
                        for (t, &place) in over.places.iter().enumerate() {
                            let weight = W::load_first(w.add(t * over.c + c), mask);
                            for p in 0..PIXELS {
                                sums[p] = W::load_first(a[p].add(place + c), mask).mul_add(weight, sums[p]);
                            }
                        }
                        for p in 0..count {
                            let mut sum = sums[p];
                            if !bias.is_null() {
                                sum = sum.add(W::load_first(bias.add(c), mask));
                            }
                            if relu {
                                sum = sum.rectified(W::splat(T::ZERO));
                            }
                            sum.store_first(over.b.add(line.b + at[p] * over.b_step + c), mask);
                        }
                        c += W::LANES;
                    }
                    i += count;
                }
            }
        }
    }
}

vector_fn! {
    /// Adds Σ a·b over the pixels to `sums` (places, c).
    ///
    /// # Safety
    /// Windows and pixels must be readable, and `sums` as long as said and no other thread's.
    unsafe fn windows<T, H, W>(over: &Over<T>, sums: *mut T) {
        // SAFETY: the caller's promises; the mask ends at channel c.
        unsafe {
            const PLACES: usize = 8;
            let mut c = 0;
            while c < over.c {
                let mask = W::first((over.c - c).min(W::LANES));
                let mut first = 0;
                while first < over.places.len() {
                    let count = PLACES.min(over.places.len() - first);
                    // Places that are not there are computed as the last one that is.
                    let mut places = [0; PLACES];
                    for p in 0..PLACES {
                        places[p] = over.places[first + p.min(count - 1)] + c;
                    }
                    let mut chain = [W::splat(T::ZERO); PLACES];
                    for line in over.lines {
                        for i in 0..line.count {
                            let b = W::load_first(over.b.cast_const().add(line.b + i * over.b_step + c), mask);
                            let a = over.a.add(line.a + i * over.a_step);
                            for p in 0..PLACES {
                                chain[p] = W::load_first(a.add(places[p]), mask).mul_add(b, chain[p]);
                            }
                        }
                    }
                    for p in 0..count {
                        let to = sums.add((first + p) * over.c + c);
                        W::load_first(to, mask).add(chain[p]).store_first(to, mask);
                    }
                    first += count;
                }
                c += W::LANES;
            }
        }
    }
}
