//! Convolutions into so few channels that a register of results would be mostly empty: the gradient of an image's three colours, the
//! last layer of a decoder.
//!
//! Each pixel of the source is multiplied with all taps at once, which fill registers, and what comes out is added to the pixels
//! that the taps reach: for one row of taps, neighbours. An element meets its terms in an order that the sizes of an image decide,
//! whatever band of rows it is in.

use super::rooms::Rooms;
use super::{Epilogue, Sizes};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::tile::{Finish, Line, Rows, Runs, correlate, pack, packed_len};
use crate::kernels::vector::{self, Scalar, lanes, vector_fn};
use crate::parallel::{self, Disjoint, for_ranges};
use std::ops::Range;

/// The most results of a pixel, and the fewest channels and taps of a row, for which this pays.
const MOST_RESULTS: usize = 4;
const LEAST_CHANNELS: usize = 8;
const LEAST_TAPS: usize = 2;
/// Pixels that are multiplied together: what they give stays in the nearest caches.
const TOGETHER: usize = 64;

/// Where the taps of an axis put what pixel `i` of the source gives: `i·stride` + each.
struct Axis {
    stride: usize,
    /// Index in the kernel, and where it leads; rising.
    taps: Vec<(usize, isize)>,
}

/// A convolution, or its gradient for the input, seen from its source.
pub(super) struct Few {
    from: [usize; 3],
    channels: usize,
    to: [usize; 3],
    results: usize,
    axes: [Axis; 3],
}

impl Few {
    /// The forward pass, if it has steps of 1 and few results.
    pub(super) fn forward(sizes: &Sizes) -> Option<Self> {
        let axis = |i: usize| {
            let tap = |k: usize| (k, sizes.padding[i] as isize - (k * sizes.dilation[i]) as isize);
            Axis { stride: 1, taps: (0..sizes.kernel[i]).rev().map(tap).collect() }
        };
        let few = Self::new(sizes, (sizes.input, sizes.c_in), (sizes.output, sizes.c_out), axis);
        few.filter(|_| sizes.stride == [1; 3])
    }

    /// The gradient for the input, if that has few channels.
    pub(super) fn backward(sizes: &Sizes) -> Option<Self> {
        let axis = |i: usize| {
            let tap = |k: usize| (k, (k * sizes.dilation[i]) as isize - sizes.padding[i] as isize);
            Axis { stride: sizes.stride[i], taps: (0..sizes.kernel[i]).map(tap).collect() }
        };
        Self::new(sizes, (sizes.output, sizes.c_out), (sizes.input, sizes.c_in), axis)
    }

    fn new(
        sizes: &Sizes,
        (from, channels): ([usize; 3], usize),
        (to, results): ([usize; 3], usize),
        axis: impl Fn(usize) -> Axis,
    ) -> Option<Self> {
        let wins = sizes.groups == 1
            && results <= MOST_RESULTS
            && channels >= LEAST_CHANNELS
            && sizes.kernel[2] >= LEAST_TAPS
            && sizes.dilation[2] == 1;
        wins.then(|| Self { from, channels, to, results, axes: [0, 1, 2].map(axis) })
    }

    /// out (n, .., results) of x (n, .., channels), of which none is empty. `at(tap, channel, result)` is the weight between them.
    pub(super) fn run<T: Scalar>(
        &self,
        sizes: &Sizes,
        x: &[T],
        at: &impl Fn(usize, usize, usize) -> T,
        finish: Epilogue<T>,
        out: &mut [T],
    ) -> Result<()> {
        let [depth, height, width] = &self.axes;
        let row = width.taps.len() * self.results;
        let given = depth.taps.len() * height.taps.len() * row;
        // Whole registers, which leave without a mask.
        let columns = given.next_multiple_of(lanes::<T>());
        let mut weights = Buffer::new("conv", packed_len::<T>(self.channels, columns), T::DTYPE)?;
        pack(self.channels, columns, weights.as_mut_slice::<T>(), |channel, column| {
            if column >= given {
                return T::ZERO;
            }
            let (rows, tap) = (column / row, column % row / self.results);
            let (d, h) = (depth.taps[rows / height.taps.len()].0, height.taps[rows % height.taps.len()].0);
            let tap = (d * sizes.kernel[1] + h) * sizes.kernel[2] + width.taps[tap].0;
            at(tap, channel, column % self.results)
        });
        let job = Job { few: self, columns, row, runs: Runs::new([0], self.channels), weights: &weights };
        let n = sizes.n;
        let (from, to) = (x.len() / n, out.len() / n);
        // A band goes again over the rows that reach into it from the one before.
        let bands = match parallel::threads() {
            1 => 1,
            threads if n >= 2 * threads => 1,
            threads => (2 * threads).min(self.to[1] / (4 * height.taps.len())).max(1),
        };
        let rooms = Rooms::new("conv", TOGETHER * columns)?;
        let out = Disjoint::new(out);
        for_ranges(n * bands, 1, |range| {
            rooms.enter(|room| {
                for i in range {
                    let (image, band) = (i / bands, i % bands);
                    let rows = self.to[1] * band / bands..self.to[1] * (band + 1) / bands;
                    let line = |line: usize| {
                        let line = image * to + line * self.to[2] * self.results;
                        // SAFETY: a line is in one band of one image, each of which is handed out once, and is let go before
                        // the next.
                        unsafe { out.slice(line..line + self.to[2] * self.results) }
                    };
                    job.band(&x[image * from..][..from], &rows, room, line);
                    for z in 0..self.to[0] {
                        rows.clone().for_each(|y| end(line(z * self.to[1] + y), finish));
                    }
                }
            });
        });
        Ok(())
    }
}

/// What every band needs.
struct Job<'a> {
    few: &'a Few,
    /// What a pixel gives: to all taps, in whole registers, and to those of a row.
    columns: usize,
    row: usize,
    runs: Runs,
    weights: &'a Buffer,
}

impl Job<'_> {
    /// The sums of the rows `rows` of every layer of an image; `line` gives the elements of a line of the result.
    fn band<'o, T: Scalar>(
        &self,
        image: &[T],
        rows: &Range<usize>,
        room: &mut [T],
        line: impl Fn(usize) -> &'o mut [T],
    ) {
        let Few { from, channels, to, results, axes: [depth, height, width] } = self.few;
        for z in 0..to[0] {
            rows.clone().for_each(|y| line(z * to[1] + y).fill(T::ZERO));
        }
        for z in 0..from[0] {
            for y in 0..from[1] {
                let reached = |at: isize| {
                    let at = (y * height.stride) as isize + at;
                    (rows.start as isize..rows.end as isize).contains(&at).then_some(at as usize)
                };
                if !height.taps.iter().any(|&(_, at)| reached(at).is_some()) {
                    continue;
                }
                for first in (0..from[2]).step_by(TOGETHER) {
                    let count = TOGETHER.min(from[2] - first);
                    let a = &image[((z * from[1] + y) * from[2] + first) * channels..][..count * channels];
                    let lines = [Line { a: 0, b: 0, count }];
                    let product = Rows {
                        a: a.as_ptr(),
                        a_step: *channels,
                        b: room[..count * self.columns].as_mut_ptr(),
                        b_step: self.columns,
                        lines: &lines,
                        runs: &self.runs,
                        n: self.columns,
                    };
                    // SAFETY: `count` pixels of the image, and rows of the room; the weights were packed with these sizes.
                    unsafe { correlate(&product, self.weights.as_slice::<T>().as_ptr(), Finish::none()) }
                    let start = ((first * width.stride) as isize + width.taps[0].1) * *results as isize;
                    for (d, &(_, at)) in depth.taps.iter().enumerate() {
                        let to_z = (z * depth.stride) as isize + at;
                        if !(0..to[0] as isize).contains(&to_z) {
                            continue;
                        }
                        for (h, &(_, at)) in height.taps.iter().enumerate() {
                            let Some(to_y) = reached(at) else { continue };
                            let given = Given {
                                from: room[(d * height.taps.len() + h) * self.row..].as_ptr(),
                                count,
                                len: self.row,
                                apart: self.columns,
                                start,
                                step: width.stride * results,
                            };
                            let to = line(to_z as usize * to[1] + to_y);
                            // SAFETY: the room holds `columns` elements for each of `count` pixels.
                            unsafe { add_runs(&given, to.as_mut_ptr(), to.len()) }
                        }
                    }
                }
            }
        }
    }
}

/// Runs of neighbours that are added to a line.
struct Given<T> {
    /// The first of `count` runs of `len` elements, `apart` elements from one to the next.
    from: *const T,
    count: usize,
    len: usize,
    apart: usize,
    /// Where the first one goes, which may lie outside the line, and how much further the next ones.
    start: isize,
    step: usize,
}

vector_fn! {
    /// Adds runs to a line of `width` elements; what would lie outside is left out. Those that overlap are not added one right
    /// after the other, which would wait for the store.
    ///
    /// # Safety
    /// All runs may be read, and the line written, by this thread alone; a run has elements, and goes further than the last one.
    unsafe fn add_runs<T, H, W>(given: &Given<T>, to: *mut T, width: usize) {
        let &Given { from, count, len, apart, start, step } = given;
        let turns = len.div_ceil(step);
        // SAFETY: runs are read where the caller says, and only what lies inside the line is written.
        unsafe {
            let mask = W::first(len % W::LANES);
            for turn in 0..turns {
                for i in (turn..count).step_by(turns) {
                    let at = start + (i * step) as isize;
                    let from = from.add(i * apart);
                    if at < 0 || at as usize + len > width {
                        for e in 0..len {
                            let at = at + e as isize;
                            if (0..width as isize).contains(&at) {
                                let to = to.offset(at);
                                *to = (*to).add(*from.add(e));
                            }
                        }
                        continue;
                    }
                    let to = to.offset(at);
                    let mut e = 0;
                    while e + W::LANES <= len {
                        W::load(to.add(e)).add(W::load(from.add(e))).store(to.add(e));
                        e += W::LANES;
                    }
                    if e < len {
                        let sum = W::load_first(to.add(e), mask).add(W::load_first(from.add(e), mask));
                        sum.store_first(to.add(e), mask);
                    }
                }
            }
        }
    }
}

/// Bias and rectifier over a line of pixels.
fn end<T: Scalar>(line: &mut [T], finish: Epilogue<T>) {
    if let Some(bias) = finish.bias {
        for pixel in line.chunks_exact_mut(bias.len()) {
            pixel.iter_mut().zip(bias).for_each(|(x, &b)| *x = x.add(b));
        }
    }
    if finish.relu {
        line.iter_mut().for_each(|x| *x = vector::relu(*x));
    }
}
