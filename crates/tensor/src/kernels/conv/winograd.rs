//! Winograd's minimal filtering, F(4×4, 3×3) and F(2×2, 5×5): 36 products for 16 results of a 3×3 window, where direct sums need
//! 144, or for 4 of a 5×5 window, where they need 100.
//!
//! With tiles d (6×6) of the image, windows w and results y: `y = Aᵀ[(G·w·Gᵀ) ⊙ (Bᵀ·d·B)]A`, summed over
//! channels in the brackets, which makes 36 matrix products. The gradient of the weight is the same, transposed:
//! `dw = Gᵀ[Σ (Bᵀ·d·B) ⊙ (A·g·Aᵀ)]G` over tiles. Errors are of the size of the largest values of a tile and not of
//! each window, and twice those of direct sums there; images and weights that are not finite, or so large that a transform could
//! overflow, are left to direct sums.
//!
//! All works on planes. A window with steps inside sees one pixel in so many along each axis, so that an image is as many planes
//! as there are phases, each with a window without steps. A window that is deep too sums over its layers: they are channels of
//! a plane, one plane for each layer of results. Groups share the transforms and have products of their own.
//!
//! Source: Lavin and Gray 2015, arXiv:1509.09308; for points between the usual ones, Barabasz, Anderson, Soodhalter and Gregg 2018,
//! arXiv:1803.10986.

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
    PATCH, POINTS, Target, copy_small, finish_tiles, gather_weights, small, spread_weights,
    transform_gradients, transform_patches,
};

/// The fewest channels, in and out, for which the transforms pay.
const LEAST_CHANNELS: usize = 8;
/// Elements of transformed tiles that are worked on at a time: what stays in a core's second cache.
const BLOCK: usize = 1 << 17;
/// The most elements of transformed weights, whose gradient is summed in as many numbers for each part of the images.
const MOST_WEIGHTS: usize = 1 << 20;

/// Whether the convolution is one of 3×3 or 5×5 windows in steps of 1 with enough channels and pixels.
pub(super) fn wins(sizes: &Sizes) -> bool {
    let [deep, height, width] = sizes.kernel;
    let [_, pixels @ ..] = sizes.output;
    let covered = |i: usize| {
        let step = sizes.dilation[i];
        sizes.output[i].div_ceil(step).next_multiple_of(tile(sizes)) * step
    };
    height == width
        && [3, 5].contains(&height)
        && sizes.stride == [1; 3]
        && (deep == 1 || sizes.groups == 1)
        && sizes.c_in.min(sizes.c_out) / sizes.groups >= LEAST_CHANNELS
        && 2 * pixels[0] * pixels[1] >= covered(1) * covered(2)
}

/// Results of a tile along an axis.
fn tile(sizes: &Sizes) -> usize {
    PATCH + 1 - sizes.kernel[2]
}

/// Planes, and where their pixels stand in an image: those of one phase of a layer, with the layers that a window sees from there
/// beside each other in each pixel.
struct Planes {
    /// Sizes of the image, and its channels.
    image: [usize; 3],
    channels: usize,
    /// What pixel 0 of phase 0 in layer 0 is in the image.
    origin: [isize; 3],
    /// The layers of a pixel, from the plane's own.
    layers: Vec<usize>,
    /// Steps between the pixels of a plane, and so many phases.
    steps: [usize; 2],
    /// Layers that have planes.
    depth: usize,
}

impl Planes {
    /// Those that a pass reads.
    fn read(pass: &Pass) -> Self {
        let [d, h, w] = &pass.axes;
        let step = |taps: &[(usize, usize)]| taps[1].1;
        Self {
            image: pass.from,
            channels: pass.channels,
            origin: [d.origin, h.origin, w.origin],
            layers: d.taps.iter().map(|&(_, at)| at).collect(),
            steps: [step(&h.taps), step(&w.taps)],
            depth: d.count,
        }
    }

    /// Those that a pass writes.
    fn written(pass: &Pass) -> Self {
        let (layers, origin) = (vec![0], [0; 3]);
        Self { image: pass.to, channels: pass.results, origin, layers, ..Self::read(pass) }
    }

    /// Planes of an image.
    fn count(&self) -> usize {
        self.depth * self.steps[0] * self.steps[1]
    }

    /// Numbers of a pixel.
    fn width(&self) -> usize {
        self.layers.len() * self.channels
    }

    /// The image of plane `i` of many, its layer and its phases.
    fn place(&self, i: usize) -> (usize, usize, [usize; 2]) {
        let [down, across] = self.steps;
        let (i, phases) = (i / (down * across), i % (down * across));
        (i / self.depth, i % self.depth, [phases / across, phases % across])
    }

    /// The part of plane `i` of the images `x` that the tiles of `rows` read, zeros around it. Whether it is [`small`].
    fn patches<T: Scalar>(&self, x: &[T], i: usize, rows: &Range<usize>, plan: &Plan, out: &mut [T]) -> bool {
        let (image, layer, phase) = self.place(i);
        let [depth, height, width] = self.image;
        let (c, all_c, layers) = (self.channels, self.width(), self.layers.len());
        let image = &x[image * depth * height * width * c..][..depth * height * width * c];
        let tile = plan.tile;
        let size = plan.columns * tile + PATCH - tile;
        // Pixel `x` of the plane is pixel `first + x·step` of a line; those from `before` to `after` exist.
        let (first, step) = (self.origin[2] + phase[1] as isize, self.steps[1]);
        let before = ((-first).max(0) as usize).div_ceil(step).min(size);
        let after = ((width as isize - first).max(0) as usize).div_ceil(step).clamp(before, size);
        let mut all = true;
        for y in 0..rows.len() * tile + PATCH - tile {
            let line = &mut out[y * size * all_c..][..size * all_c];
            let from_y = self.origin[1] + (phase[0] + (rows.start * tile + y) * self.steps[0]) as isize;
            for (l, &at) in self.layers.iter().enumerate() {
                let from_z = self.origin[0] + (layer + at) as isize;
                let inside = (0..depth as isize).contains(&from_z) && (0..height as isize).contains(&from_y);
                if !inside {
                    line.chunks_exact_mut(c).skip(l).step_by(layers).for_each(|pixel| pixel.fill(T::ZERO));
                    continue;
                }
                let from = (from_z as usize * height + from_y as usize) * width * c;
                let from = &image[from..][..width * c];
                let start = (first + (before * step) as isize) as usize;
                if layers == 1 && step == 1 {
                    line[..before * c].fill(T::ZERO);
                    let there = &mut line[before * c..after * c];
                    all &= copy_small(&from[start * c..][..there.len()], there);
                    line[after * c..].fill(T::ZERO);
                    continue;
                }
                for (x, pixel) in line.chunks_exact_mut(c).skip(l).step_by(layers).enumerate() {
                    match (before..after).contains(&x) {
                        true => all &= copy_small(&from[(start + (x - before) * step) * c..][..c], pixel),
                        false => pixel.fill(T::ZERO),
                    }
                }
            }
        }
        all
    }
}

/// The tiles of a plane, and how many planes or rows of tiles are worked on together.
struct Plan {
    /// Results of a tile along an axis.
    tile: usize,
    /// Rows of tiles, and tiles in a row.
    rows: usize,
    columns: usize,
    /// Planes in a block, or 1.
    planes: usize,
    /// Rows of tiles in a block; all, if it has several planes.
    rows_in_block: usize,
    blocks: usize,
    /// The elements of one padded plane, or its part.
    padded: usize,
}

impl Plan {
    /// For `n` planes that are read by `pass`, with tiles that have `numbers` elements for each of their points.
    fn new(n: usize, tile: usize, pass: &Pass, read: &Planes, numbers: usize) -> Self {
        let [rows, columns] = [0, 1].map(|i| pass.axes[1 + i].count.div_ceil(read.steps[i]).div_ceil(tile));
        let tiles = (BLOCK / (POINTS * numbers)).max(14);
        let planes = (tiles / (rows * columns)).clamp(1, n);
        let rows_in_block = (tiles / columns).clamp(1, rows);
        let rows_in_block = rows.div_ceil(rows.div_ceil(rows_in_block));
        let blocks = n.div_ceil(planes) * rows.div_ceil(rows_in_block);
        let edge = PATCH - tile;
        let padded = (tile * rows_in_block + edge) * (tile * columns + edge) * read.width();
        Self { tile, rows, columns, planes, rows_in_block, blocks, padded }
    }

    /// The most tiles of a block.
    fn tiles(&self) -> usize {
        self.planes * self.rows_in_block * self.columns
    }

    /// The planes and the rows of tiles of block `i`.
    fn block(&self, i: usize, n: usize) -> (Range<usize>, Range<usize>) {
        let across = self.rows.div_ceil(self.rows_in_block);
        let (plane, row) = (i / across * self.planes, i % across * self.rows_in_block);
        (plane..(plane + self.planes).min(n), row..(row + self.rows_in_block).min(self.rows))
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
    let (read, written) = (Planes::read(pass), Planes::written(pass));
    let (n, c, o, groups) = (sizes.n * read.count(), read.width(), pass.results, sizes.groups);
    let Some(weights) = weights(sizes, pass, at)? else {
        return correlate_images(sizes, pass, x, at, finish, out);
    };
    let weights: &[T] = weights.as_slice();
    let packed = packed_len::<T>(c / groups, o / groups);
    let plan = Plan::new(n, tile(sizes), pass, &read, c + o);
    let (from, to) = (x.len() / sizes.n, out.len() / sizes.n);
    let (v_apart, m_apart) = (apart(plan.tiles() * c), apart(plan.tiles() * o));
    let rooms = Rooms::new("conv", plan.padded + POINTS * (v_apart + m_apart))?;
    let left: Vec<AtomicBool> = (0..sizes.n).map(|_| AtomicBool::new(false)).collect();
    let runs = Runs::new([0], c / groups);
    let results = Disjoint::new(out);
    let [_, height, width] = pass.to;
    let [down, across] = written.steps;
    for_ranges(plan.blocks, 1, |range| {
        rooms.enter(|room| {
            let (padded, room) = room.split_at_mut(plan.padded);
            let (v, m) = room.split_at_mut(POINTS * v_apart);
            for i in range {
                let (planes, rows) = plan.block(i, n);
                let per_plane = rows.len() * plan.columns;
                for (place, plane) in planes.clone().enumerate() {
                    if !read.patches(x, plane, &rows, &plan, padded) {
                        left[read.place(plane).0].store(true, Ordering::Relaxed);
                    }
                    let v = &mut v[place * per_plane * c..];
                    transform_patches(padded, (rows.len(), plan.columns), plan.tile, c, v, v_apart);
                }
                let line = [Line { a: 0, b: 0, count: planes.len() * per_plane }];
                for (i, packed) in weights.chunks_exact(packed).enumerate() {
                    let (point, group) = (i / groups, i % groups);
                    let rows = Rows {
                        a: v[point * v_apart + group * (c / groups)..].as_ptr(),
                        a_step: c,
                        b: m[point * m_apart + group * (o / groups)..].as_mut_ptr(),
                        b_step: o,
                        lines: &line,
                        runs: &runs,
                        n: o / groups,
                    };
                    let none = Finish { bias: std::ptr::null(), relu: false };
                    // SAFETY: both hold the tiles of a block at each point; the weights were packed so.
                    unsafe { product(&rows, packed.as_ptr(), none) }
                }
                for (place, plane) in planes.enumerate() {
                    let (image, layer, [y, x]) = written.place(plane);
                    let y = Target {
                        out: results.at(image * to).wrapping_add(((layer * height + y) * width + x) * o),
                        height: height.saturating_sub(y).div_ceil(down),
                        width: width.saturating_sub(x).div_ceil(across),
                        steps: [down * width * o, across * o],
                        first: rows.start * plan.tile,
                        tile: plan.tile,
                        n: o,
                        bias: finish.bias.map_or(std::ptr::null(), <[T]>::as_ptr),
                        relu: finish.relu,
                    };
                    let m = &m[place * per_plane * o..];
                    // SAFETY: `y` is a plane of `out`, whose rows from `first` on no other block has.
                    unsafe { finish_tiles(m.as_ptr(), m_apart, rows.len(), plan.columns, &y) }
                }
            }
        });
    });
    for image in (0..sizes.n).filter(|&image| left[image].load(Ordering::Relaxed)) {
        let one = Sizes { n: 1, ..*sizes };
        let (x, out) = (&x[image * from..][..from], &mut out[image * to..][..to]);
        correlate_images(&one, pass, x, at, finish, out)?;
    }
    Ok(())
}

/// dw (c_out, c_in / groups, kernel ..); false, and `out` not to be used, if the sizes or the values are not for this.
pub(super) fn weight_grad<T: Scalar>(sizes: &Sizes, x: &[T], g: &[T], out: &mut [T]) -> Result<bool> {
    let pass = Pass::forward(sizes);
    let (read, beside, groups) = (Planes::read(&pass), Planes::written(&pass), sizes.groups);
    let (c, o, layers) = (read.width(), sizes.c_out, read.layers.len());
    let (ins, outs) = (c / groups, o / groups);
    if POINTS * c * outs > MOST_WEIGHTS {
        return Ok(false);
    }
    let per_image = read.count();
    let plan = Plan::new(sizes.n * per_image, tile(sizes), &pass, &read, (c + o).div_ceil(2));
    let (v_apart, u_apart) = (apart(plan.tiles() * c), apart(plan.tiles() * o));
    let ld = outs.next_multiple_of(lanes::<T>());
    let padded = plan.padded.max(plan.padded / c * o);
    let rooms = Rooms::new("conv", padded + POINTS * (v_apart + u_apart))?;
    let runs = Runs::new([0], ins);
    let large = AtomicBool::new(false);
    let part = |images: Range<usize>, sums: &mut [T]| {
        rooms.enter(|room| {
            let (padded, room) = room.split_at_mut(padded);
            let (v, u) = room.split_at_mut(POINTS * v_apart);
            // The blocks of these images alone.
            let (first, n) = (images.start * per_image, images.len() * per_image);
            for i in 0..n.div_ceil(plan.planes) * plan.rows.div_ceil(plan.rows_in_block) {
                let (planes, rows) = plan.block(i, n);
                let per_plane = rows.len() * plan.columns;
                for (place, plane) in planes.clone().enumerate() {
                    let mut all = read.patches(x, first + plane, &rows, &plan, padded);
                    let v = &mut v[place * per_plane * c..];
                    transform_patches(padded, (rows.len(), plan.columns), plan.tile, c, v, v_apart);
                    all &= beside.patches(g, first + plane, &rows, &plan, padded);
                    if !all {
                        large.store(true, Ordering::Relaxed);
                    }
                    let u = &mut u[place * per_plane * o..];
                    transform_gradients(padded, (rows.len(), plan.columns), plan.tile, o, u, u_apart);
                }
                let line = [Line { a: 0, b: 0, count: planes.len() * per_plane }];
                for (i, sums) in sums.chunks_exact_mut(ins * ld).enumerate() {
                    let (point, group) = (i / groups, i % groups);
                    let rows = Rows {
                        a: v[point * v_apart + group * ins..].as_ptr(),
                        a_step: c,
                        b: u[point * u_apart + group * outs..].as_mut_ptr(),
                        b_step: o,
                        lines: &line,
                        runs: &runs,
                        n: outs,
                    };
                    // SAFETY: both hold the tiles of a block at each point, and are only read; the sums have `ins` rows of
                    // whole registers.
                    unsafe { contract(&rows, sums.as_mut_ptr(), ld) }
                }
            }
        });
    };
    let window = sizes.kernel[1] * sizes.kernel[2];
    let mut taps = Buffer::new("conv", window * c * ld, T::DTYPE)?;
    let taps: &mut [T] = taps.as_mut_slice();
    in_parts(sizes.n, POINTS * c * ld, part, |sums| {
        gather_weights(sums, c * ld, taps, plan.tile);
        let channels = ins / layers;
        for (o, out) in out.chunks_exact_mut(window * ins).enumerate() {
            for (i, out) in out.chunks_exact_mut(window * layers).enumerate() {
                for (layer, out) in out.chunks_exact_mut(window).enumerate() {
                    let row = o / outs * ins + layer * channels + i;
                    for (tap, out) in out.iter_mut().enumerate() {
                        *out = taps[(tap * c + row) * ld + o % outs];
                    }
                }
            }
        }
    })?;
    Ok(!large.into_inner())
}

/// `G·w·Gᵀ` for each channel and result, packed point by point and group by group; nothing if a value is too large.
fn weights<T: Scalar>(
    sizes: &Sizes,
    pass: &Pass,
    at: &(impl Fn(usize, usize, usize, usize) -> T + Sync),
) -> Result<Option<Buffer>> {
    let groups = sizes.groups;
    let (c, o) = (pass.channels / groups, pass.results / groups);
    let (taps, _) = pass.taps(sizes.kernel);
    let window = sizes.kernel[1] * sizes.kernel[2];
    // Those of a group: its layers, one below the other.
    let ins = taps.len() / window * c;
    let all = groups * ins * o;
    let mut room = Buffer::new("conv", (window + POINTS) * all, T::DTYPE)?;
    let (w, spread) = room.as_mut_slice::<T>().split_at_mut(window * all);
    for (place, w) in w.chunks_exact_mut(all).enumerate() {
        for (row, w) in w.chunks_exact_mut(o).enumerate() {
            let (group, layer, i) = (row / ins, row % ins / c, row % c);
            for (o, w) in w.iter_mut().enumerate() {
                *w = at(group, taps[layer * window + place], i, o);
            }
        }
    }
    if !small(w) {
        return Ok(None);
    }
    spread_weights(w, all, spread, tile(sizes));
    let packed = packed_len::<T>(ins, o);
    let mut out = Buffer::new("conv", POINTS * groups * packed, T::DTYPE)?;
    let whole = Disjoint::new(out.as_mut_slice::<T>());
    let spread = &*spread;
    for_ranges(POINTS * groups, groups, |parts| {
        for part in parts {
            // SAFETY: each part is handed out once.
            let out = unsafe { whole.slice(part * packed..(part + 1) * packed) };
            let from = &spread[part * ins * o..][..ins * o];
            pack(ins, o, out, |row, column| from[row * o + column]);
        }
    });
    Ok(Some(out))
}
