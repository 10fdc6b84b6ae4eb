//! Winograd's minimal filtering F(4×4, 3×3): 36 products for 16 results of a 3×3 window, where direct sums need 144.
//!
//! With tiles d (6×6) of the image, windows w (3×3) and results y (4×4): `y = Aᵀ[(G·w·Gᵀ) ⊙ (Bᵀ·d·B)]A`, summed over
//! channels in the brackets, which makes 36 matrix products. The gradient of the weight is the same, transposed:
//! `dw = Gᵀ[Σ (Bᵀ·d·B) ⊙ (A·g·Aᵀ)]G` over tiles. Errors are of the size of the largest values of a tile and not of
//! each window, and twice those of direct sums there; images and weights that are not finite, or so large that a transform could
//! overflow, are left to direct sums. Source: Lavin and Gray 2015, arXiv:1509.09308; for points between the usual ones, Barabasz,
//! Anderson, Soodhalter and Gregg 2018, arXiv:1803.10986.

mod transforms;

use super::direct::correlate_images;
use super::pass::Pass;
use super::rooms::Rooms;
use super::weight::in_parts;
use super::{Epilogue, Sizes};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::tile::{Finish, Line, Rows, Runs, contract, correlate as product, pack, packed_len};
use crate::kernels::vector::{Scalar, lanes};
use crate::parallel::{Disjoint, for_ranges};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use transforms::{
    POINTS, TILE, Target, copy_small, finish_tiles, gather_weights, small, spread_weights,
    transform_gradients, transform_patches,
};

/// The fewest channels, in and out, for which the transforms pay.
const LEAST_CHANNELS: usize = 16;
/// Elements of transformed tiles that are worked on at a time: what stays in a core's second cache.
const BLOCK: usize = 1 << 17;
/// The most elements of transformed weights, whose gradient is summed in as many numbers for each part of the images.
const MOST_WEIGHTS: usize = 1 << 20;
/// Whether the convolution is one of 3×3 windows in steps of 1 with enough channels and pixels.
pub(super) fn wins(sizes: &Sizes) -> bool {
    let [_, height, width] = sizes.output;
    let covered = |n: usize| n.next_multiple_of(TILE);
    sizes.kernel == [1, 3, 3]
        && sizes.input[0] == 1
        && sizes.output[0] == 1
        && sizes.padding[0] == 0
        && sizes.stride == [1; 3]
        && sizes.dilation == [1; 3]
        && sizes.groups == 1
        && sizes.c_in.min(sizes.c_out) >= LEAST_CHANNELS
        && 2 * height * width >= covered(height) * covered(width)
}

/// The tiles of an image, and how many images or rows of tiles are worked on together.
struct Plan {
    /// Rows of tiles, and tiles in a row.
    rows: usize,
    columns: usize,
    /// Images in a block, or 1.
    images: usize,
    /// Rows of tiles in a block; all, if it has several images.
    rows_in_block: usize,
    blocks: usize,
    /// The elements of one padded image, or its part.
    padded: usize,
}

impl Plan {
    /// For `n` images, with tiles that have `numbers` elements for each of their points.
    fn new(n: usize, pass: &Pass, numbers: usize) -> Self {
        let [rows, columns] = [1, 2].map(|i| pass.axes[i].count.div_ceil(TILE));
        let tiles = (BLOCK / (POINTS * numbers)).max(14);
        let images = (tiles / (rows * columns)).clamp(1, n);
        let rows_in_block = (tiles / columns).clamp(1, rows);
        let rows_in_block = rows.div_ceil(rows.div_ceil(rows_in_block));
        let blocks = n.div_ceil(images) * rows.div_ceil(rows_in_block);
        let padded = (TILE * rows_in_block + 2) * (TILE * columns + 2) * pass.channels;
        Self { rows, columns, images, rows_in_block, blocks, padded }
    }

    /// The most tiles of a block.
    fn tiles(&self) -> usize {
        self.images * self.rows_in_block * self.columns
    }

    /// The images and the rows of tiles of block `i`.
    fn block(&self, i: usize, n: usize) -> (Range<usize>, Range<usize>) {
        let across = self.rows.div_ceil(self.rows_in_block);
        let (image, row) = (i / across * self.images, i % across * self.rows_in_block);
        (image..(image + self.images).min(n), row..(row + self.rows_in_block).min(self.rows))
    }
}

/// Elements from one point of transformed tiles to the next: not a power of two, so that points do not share cache sets.
fn apart(len: usize) -> usize {
    len.next_multiple_of(16) + 16
}

/// One pass over every image; as [`correlate_images`].
pub(super) fn correlate<T: Scalar>(
    sizes: &Sizes,
    pass: &Pass,
    x: &[T],
    at: &(impl Fn(usize, usize, usize, usize) -> T + Sync),
    finish: Epilogue<T>,
    out: &mut [T],
) -> Result<()> {
    let (n, c, o) = (sizes.n, pass.channels, pass.results);
    let Some(weights) = weights(sizes, pass, at)? else {
        return correlate_images(sizes, pass, x, at, finish, out);
    };
    let weights: &[T] = weights.as_slice();
    let packed = packed_len::<T>(c, o);
    let plan = Plan::new(n, pass, c + o);
    let (from, to) = (x.len() / n, out.len() / n);
    let (v_apart, m_apart) = (apart(plan.tiles() * c), apart(plan.tiles() * o));
    let rooms = Rooms::new("conv", plan.padded + POINTS * (v_apart + m_apart))?;
    let left: Vec<AtomicBool> = (0..n).map(|_| AtomicBool::new(false)).collect();
    let runs = Runs::new([0], c);
    let results = Disjoint::new(out);
    let [height, width] = [1, 2].map(|i| pass.axes[i].count);
    for_ranges(plan.blocks, 1, |range| {
        rooms.enter(|room| {
            let (padded, room) = room.split_at_mut(plan.padded);
            let (v, m) = room.split_at_mut(POINTS * v_apart);
            for i in range {
                let (images, rows) = plan.block(i, n);
                let per_image = rows.len() * plan.columns;
                for (place, image) in images.clone().enumerate() {
                    let data = &x[image * from..][..from];
                    if !patches(pass, data, &rows, &plan, padded) {
                        left[image].store(true, Ordering::Relaxed);
                    }
                    let v = &mut v[place * per_image * c..];
                    transform_patches(padded, rows.len(), plan.columns, c, v, v_apart);
                }
                let line = [Line { a: 0, b: 0, count: images.len() * per_image }];
                for point in 0..POINTS {
                    let rows = Rows {
                        a: v[point * v_apart..].as_ptr(),
                        a_step: c,
                        b: m[point * m_apart..].as_mut_ptr(),
                        b_step: o,
                        lines: &line,
                        runs: &runs,
                        n: o,
                    };
                    let none = Finish { bias: std::ptr::null(), relu: false };
                    // SAFETY: both hold the tiles of a block at each point; the weights were packed so.
                    unsafe { product(&rows, weights[point * packed..].as_ptr(), none) }
                }
                for (place, image) in images.enumerate() {
                    let y = Target {
                        out: results.at(image * to),
                        height,
                        width,
                        first: rows.start * TILE,
                        n: o,
                        bias: finish.bias.map_or(std::ptr::null(), <[T]>::as_ptr),
                        relu: finish.relu,
                    };
                    let m = &m[place * per_image * o..];
                    // SAFETY: `y` is an image of `out`, whose rows from `first` on no other block has.
                    unsafe { finish_tiles(m.as_ptr(), m_apart, rows.len(), plan.columns, &y) }
                }
            }
        });
    });
    for image in (0..n).filter(|&image| left[image].load(Ordering::Relaxed)) {
        let one = Sizes { n: 1, ..*sizes };
        let (x, out) = (&x[image * from..][..from], &mut out[image * to..][..to]);
        correlate_images(&one, pass, x, at, finish, out)?;
    }
    Ok(())
}

/// dw (c_out, c_in, 3, 3); false, and `out` not to be used, if the sizes or the values are not for this.
pub(super) fn weight_grad<T: Scalar>(sizes: &Sizes, x: &[T], g: &[T], out: &mut [T]) -> Result<bool> {
    let (c, o) = (sizes.c_in, sizes.c_out);
    let pass = Pass::forward(sizes);
    if POINTS * c * o > MOST_WEIGHTS {
        return Ok(false);
    }
    // The gradient's own tiles: its pixels, and zeros after the last.
    let mut beside = Pass { from: sizes.output, channels: o, ..pass.clone() };
    for i in [1, 2] {
        beside.axes[i].origin = 0;
    }
    let plan = Plan::new(sizes.n, &pass, (c + o).div_ceil(2));
    let (v_apart, u_apart) = (apart(plan.tiles() * c), apart(plan.tiles() * o));
    let ld = o.next_multiple_of(lanes::<T>());
    let padded = plan.padded.max(plan.padded / c * o);
    let rooms = Rooms::new("conv", padded + POINTS * (v_apart + u_apart))?;
    let (from, to) = (sizes.input_len(), sizes.output_len());
    let runs = Runs::new([0], c);
    let large = AtomicBool::new(false);
    let part = |images: Range<usize>, sums: &mut [T]| {
        rooms.enter(|room| {
            let (padded, room) = room.split_at_mut(padded);
            let (v, u) = room.split_at_mut(POINTS * v_apart);
            // The blocks of these images alone.
            let (first, n) = (images.start, images.len());
            for i in 0..n.div_ceil(plan.images) * plan.rows.div_ceil(plan.rows_in_block) {
                let (images, rows) = plan.block(i, n);
                let per_image = rows.len() * plan.columns;
                for (place, image) in images.clone().enumerate() {
                    let image = first + image;
                    let mut all = patches(&pass, &x[image * from..][..from], &rows, &plan, padded);
                    let v = &mut v[place * per_image * c..];
                    transform_patches(padded, rows.len(), plan.columns, c, v, v_apart);
                    all &= patches(&beside, &g[image * to..][..to], &rows, &plan, padded);
                    if !all {
                        large.store(true, Ordering::Relaxed);
                    }
                    let u = &mut u[place * per_image * o..];
                    transform_gradients(padded, rows.len(), plan.columns, o, u, u_apart);
                }
                let line = [Line { a: 0, b: 0, count: images.len() * per_image }];
                for point in 0..POINTS {
                    let rows = Rows {
                        a: v[point * v_apart..].as_ptr(),
                        a_step: c,
                        b: u[point * u_apart..].as_mut_ptr(),
                        b_step: o,
                        lines: &line,
                        runs: &runs,
                        n: o,
                    };
                    let sums = &mut sums[point * c * ld..][..c * ld];
                    // SAFETY: both hold the tiles of a block at each point, and are only read; the sums have c rows of
                    // whole registers.
                    unsafe { contract(&rows, sums.as_mut_ptr(), ld) }
                }
            }
        });
    };
    let mut taps = Buffer::new("conv", 9 * c * ld, T::DTYPE)?;
    let taps: &mut [T] = taps.as_mut_slice();
    in_parts(sizes.n, POINTS * c * ld, part, |sums| {
        gather_weights(sums, c * ld, taps);
        for (o, out) in out.chunks_exact_mut(9 * c).enumerate() {
            for (i, out) in out.chunks_exact_mut(9).enumerate() {
                for (tap, out) in out.iter_mut().enumerate() {
                    *out = taps[(tap * c + i) * ld + o];
                }
            }
        }
    })?;
    Ok(!large.into_inner())
}

/// `G·w·Gᵀ` for each channel and result, packed point by point; nothing if a value is too large.
fn weights<T: Scalar>(
    sizes: &Sizes,
    pass: &Pass,
    at: &(impl Fn(usize, usize, usize, usize) -> T + Sync),
) -> Result<Option<Buffer>> {
    let (c, o) = (pass.channels, pass.results);
    let (taps, _) = pass.taps(sizes.kernel);
    let mut room = Buffer::new("conv", (9 + POINTS) * c * o, T::DTYPE)?;
    let (w, spread) = room.as_mut_slice::<T>().split_at_mut(9 * c * o);
    for (&tap, w) in taps.iter().zip(w.chunks_exact_mut(c * o)) {
        for (i, w) in w.chunks_exact_mut(o).enumerate() {
            for (o, w) in w.iter_mut().enumerate() {
                *w = at(0, tap, i, o);
            }
        }
    }
    if !small(w) {
        return Ok(None);
    }
    spread_weights(w, c * o, spread);
    let packed = packed_len::<T>(c, o);
    let mut out = Buffer::new("conv", POINTS * packed, T::DTYPE)?;
    let whole = Disjoint::new(out.as_mut_slice::<T>());
    let spread = &*spread;
    for_ranges(POINTS, 1, |points| {
        for point in points {
            // SAFETY: each point is handed out once.
            let out = unsafe { whole.slice(point * packed..(point + 1) * packed) };
            let from = &spread[point * c * o..][..c * o];
            pack(c, o, out, |row, column| from[row * o + column]);
        }
    });
    Ok(Some(out))
}

/// The part of an image that the tiles of `rows` read, zeros around it. Whether it is [`small`].
fn patches<T: Scalar>(pass: &Pass, image: &[T], rows: &Range<usize>, plan: &Plan, out: &mut [T]) -> bool {
    let mut part = pass.clone();
    part.axes[1].origin += (rows.start * TILE) as isize;
    part.axes[1].size = rows.len() * TILE + 2;
    part.axes[2].size = plan.columns * TILE + 2;
    let size = part.axes[1].size;
    let mut all = true;
    part.pad(image, out, 0..size, |from, to| all &= copy_small(from, to));
    all
}
