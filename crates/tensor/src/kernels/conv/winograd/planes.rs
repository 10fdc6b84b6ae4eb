//! What tiles are cut from and put into: planes of an image that are convolved without steps.

use super::super::Sizes;
use super::super::pass::{Pass, Way};
use super::transforms::{PATCH, POINTS, Target, copy_pixels, copy_small};
use crate::kernels::vector::Scalar;
use std::ops::Range;

/// Elements of transformed tiles that are worked on at a time: what stays in a core's second cache.
const BLOCK: usize = 1 << 17;

/// Planes, and where their pixels stand in an image. A pixel of a plane has the channels of several pixels of the image
/// beside each other, its parts: `layers` times `across`.
#[derive(Debug, Clone)]
pub(super) struct Planes {
    /// Sizes of the image, and its channels.
    image: [usize; 3],
    pub channels: usize,
    /// What pixel 0 of phase 0 in layer 0 is in the image.
    origin: [isize; 3],
    /// The lines of an image that the parts lie in, as layer and row from the plane's own.
    layers: Vec<[usize; 2]>,
    /// The neighbours in a line that are parts.
    across: usize,
    /// Pixels of the image from a pixel of a plane to the next, down and across.
    steps: [usize; 2],
    /// Planes that lie between each other.
    phases: [usize; 2],
    /// Layers that have planes.
    depth: usize,
}

/// How a pass goes over planes.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    pub read: Planes,
    pub written: Planes,
    /// Results of a plane.
    count: [usize; 2],
    way: Way,
    kernel: [usize; 3],
    stride: [usize; 2],
    /// The layers of the window, in the order of those of what is read.
    deep: Vec<usize>,
}

/// Taps of a plane's window along axis `i`, 1 or 2.
fn taps(sizes: &Sizes, i: usize) -> usize {
    sizes.kernel[i].div_ceil(sizes.stride[i])
}

/// Results of a tile along an axis, if there are tiles for the window.
pub(super) fn tile(sizes: &Sizes) -> Option<usize> {
    let taps = [1, 2].map(|i| taps(sizes, i));
    (taps[0] == taps[1] && (2..=5).contains(&taps[0])).then(|| PATCH + 1 - taps[0])
}

impl Sides {
    pub fn new(sizes: &Sizes, way: Way) -> Self {
        let [_, down, across] = sizes.stride;
        let lines = |layers: &[usize], down: usize| {
            layers.iter().flat_map(|&z| (0..down).map(move |y| [z, y])).collect::<Vec<_>>()
        };
        let depth = &Pass::each(sizes, way)[0].axes[0];
        let (deep, layers): (Vec<usize>, Vec<usize>) = depth.taps.iter().copied().unzip();
        let phases = [sizes.dilation[1], sizes.dilation[2]];
        let steps = [1, 2].map(|i| sizes.stride[i] * sizes.dilation[i]);
        // Of pixels that windows in steps see, what one of them sees at its taps is beside each other; what is given to
        // them is written so.
        let of_input = |origin: [isize; 3], layers: &[usize]| Planes {
            image: sizes.input,
            channels: sizes.c_in,
            origin,
            layers: lines(layers, down),
            across,
            steps,
            phases,
            depth: depth.count,
        };
        let of_output = |origin: [isize; 3], layers: &[usize]| Planes {
            image: sizes.output,
            channels: sizes.c_out,
            origin,
            layers: lines(layers, 1),
            across: 1,
            steps: phases,
            phases,
            depth: depth.count,
        };
        let before = |i: usize| sizes.padding[i] as isize;
        let (read, written, count) = match way {
            Way::Forward => {
                let count = [1, 2].map(|i| sizes.output[i].div_ceil(sizes.dilation[i]));
                let input = of_input([depth.origin, -before(1), -before(2)], &layers);
                (input, of_output([0; 3], &[0]), count)
            }
            // Pixel `y·stride + phase` of a padded image was seen by output `y - t` at tap `phase + t·stride`. Tiles begin
            // at the first y that has pixels of the image.
            Way::Backward => {
                let (outside, first) = ([1, 2].map(|i| sizes.padding[i] % sizes.stride[i]), |i: usize| {
                    let reach = (taps(sizes, i) - 1) * sizes.dilation[i];
                    (sizes.padding[i] / sizes.stride[i]) as isize - reach as isize
                });
                let count = [0, 1].map(|i| (sizes.input[1 + i] + outside[i]).div_ceil(steps[i]));
                let input = of_input([0, -(outside[0] as isize), -(outside[1] as isize)], &[0]);
                (of_output([depth.origin, first(1), first(2)], &layers), input, count)
            }
        };
        let stride = [down, across];
        Self { read, written, count, way, kernel: sizes.kernel, stride, deep }
    }

    /// The place in the kernel of tap (y, x) of a plane's window, between part `from` of a pixel that is read and part `to`
    /// of a result.
    pub fn tap(&self, from: usize, to: usize, taps: [usize; 2]) -> Option<usize> {
        let ([from_line, from_phases @ ..], [_, to_phases @ ..]) =
            (self.read.part(from), self.written.part(to));
        let mut place = self.deep[from_line / (self.read.layers.len() / self.deep.len())];
        for i in 0..2 {
            let tap = if self.way == Way::Forward { taps[i] } else { self.taps() - 1 - taps[i] };
            let tap = from_phases[i] + to_phases[i] + tap * self.stride[i];
            if tap >= self.kernel[1 + i] {
                return None;
            }
            place = place * self.kernel[1 + i] + tap;
        }
        Some(place)
    }

    /// Taps of a plane's window along an axis.
    pub fn taps(&self) -> usize {
        self.kernel[1].div_ceil(self.stride[0])
    }

    /// The parts of a pixel, of those that are read or those of results, that have a share in the products at a point: not
    /// those with a tap less along an axis, at the point where their polynomial is 0 for that.
    pub fn parts_at(&self, planes: &Planes, point: usize) -> Vec<usize> {
        let none = [point / PATCH, point % PATCH].map(|at| at == self.way.nothing_at());
        let shares = |&part: &usize| {
            let [_, phases @ ..] = planes.part(part);
            (0..2).all(|i| !(none[i] && self.is_short(i, phases[i])))
        };
        (0..planes.parts()).filter(shares).collect()
    }

    /// The axes along which the polynomials of a result's part are 0 at the point where there is nothing.
    pub fn none_of(&self, part: usize) -> [bool; 2] {
        let [_, phases @ ..] = self.written.part(part);
        [0, 1].map(|i| self.is_short(i, phases[i]))
    }

    /// Whether the window of a phase has one tap less than that of the first.
    fn is_short(&self, i: usize, phase: usize) -> bool {
        !self.kernel[1 + i].is_multiple_of(self.stride[i]) && phase >= self.kernel[1 + i] % self.stride[i]
    }
}

impl Way {
    /// The point along an axis at which the polynomial of a window without its last tap, or without its first one where
    /// it is turned around, is 0.
    pub(super) fn nothing_at(self) -> usize {
        match self {
            Self::Forward => PATCH - 1,
            Self::Backward => 0,
        }
    }
}

impl Planes {
    /// Planes of an image.
    pub fn count(&self) -> usize {
        self.depth * self.phases[0] * self.phases[1]
    }

    /// Parts of a pixel.
    pub fn parts(&self) -> usize {
        self.layers.len() * self.across
    }

    /// Numbers of a pixel.
    pub fn width(&self) -> usize {
        self.parts() * self.channels
    }

    /// The line of a part, its row and its place across.
    fn part(&self, part: usize) -> [usize; 3] {
        let line = part / self.across;
        [line, self.layers[line][1], part % self.across]
    }

    /// The image of plane `i` of many, its layer and its phases.
    pub fn place(&self, i: usize) -> (usize, usize, [usize; 2]) {
        let [down, across] = self.phases;
        let (i, phases) = (i / (down * across), i % (down * across));
        (i / self.depth, i % self.depth, [phases / across, phases % across])
    }

    /// The part of plane `i` of the images `x` that the tiles of `rows` read, zeros around it. Whether it is small.
    pub fn patches<T: Scalar>(
        &self,
        x: &[T],
        i: usize,
        rows: &Range<usize>,
        plan: &Plan,
        out: &mut [T],
    ) -> bool {
        let (image, layer, phase) = self.place(i);
        let [depth, height, width] = self.image;
        let (c, pixel, run) = (self.channels, self.width(), self.across * self.channels);
        let image = &x[image * depth * height * width * c..][..depth * height * width * c];
        let tile = plan.tile;
        let size = plan.columns * tile + PATCH - tile;
        // Pixel `x` of the plane begins at pixel `first + x·step` of a line; those from `before` to `after` are inside.
        let (first, step) = (self.origin[2] + phase[1] as isize, self.steps[1]);
        let before = ((-first).max(0) as usize).div_ceil(step).min(size);
        let ends = width as isize - self.across as isize - first;
        let after = if ends < 0 { 0 } else { ends as usize / step + 1 }.clamp(before, size);
        let mut all = true;
        for y in 0..rows.len() * tile + PATCH - tile {
            let line = &mut out[y * size * pixel..][..size * pixel];
            let from_y = self.origin[1] + (phase[0] + (rows.start * tile + y) * self.steps[0]) as isize;
            for (l, &[z, down]) in self.layers.iter().enumerate() {
                let from_z = self.origin[0] + (layer + z) as isize;
                let from_y = from_y + down as isize;
                if !(0..depth as isize).contains(&from_z) || !(0..height as isize).contains(&from_y) {
                    line.chunks_exact_mut(run)
                        .skip(l)
                        .step_by(self.layers.len())
                        .for_each(|run| run.fill(T::ZERO));
                    continue;
                }
                let from = &image[(from_z as usize * height + from_y as usize) * width * c..][..width * c];
                for x in (0..before).chain(after..size) {
                    for (p, part) in line[x * pixel + l * run..][..run].chunks_exact_mut(c).enumerate() {
                        let at = first + (x * step + p) as isize;
                        match (0..width as isize).contains(&at) {
                            true => all &= copy_small(&from[at as usize * c..][..c], part),
                            false => part.fill(T::ZERO),
                        }
                    }
                }
                if before < after {
                    let from = &from[(first + (before * step) as isize) as usize * c..];
                    let to = &mut line[before * pixel + l * run..(after - 1) * pixel + (l + 1) * run];
                    all &= copy_pixels(from, step * c, run, to, pixel);
                }
            }
        }
        all
    }

    /// Where part `part` of plane `i` of the images `out` goes to, for tiles from row `first` of the plane on, as it is.
    pub fn target<T>(&self, i: usize, part: usize, out: *mut T, first: usize, tile: usize) -> Target<T> {
        let (image, layer, phase) = self.place(i);
        let [depth, height, width] = self.image;
        let [_, offset @ ..] = self.part(part);
        // Pixel 0 of the plane may be before the image.
        let start = [0, 1].map(|i| self.origin[1 + i] + (phase[i] + offset[i]) as isize);
        let inside = [0, 1].map(|i| {
            let end = (self.image[1 + i] as isize - start[i]).max(0) as usize;
            ((-start[i]).max(0) as usize).div_ceil(self.steps[i])..end.div_ceil(self.steps[i])
        });
        let lines = ((image * depth + layer) * height) as isize + start[0];
        let [rows, columns] = inside;
        Target {
            out: out.wrapping_offset((lines * width as isize + start[1]) * self.channels as isize),
            rows,
            columns,
            steps: [self.steps[0] * width * self.channels, self.steps[1] * self.channels],
            first,
            tile,
            n: self.channels,
            of: self.width(),
            none: [false; 2],
            bias: std::ptr::null(),
            relu: false,
            large: false,
        }
    }
}

/// The tiles of a plane, and how many planes or rows of tiles are worked on together.
pub(super) struct Plan {
    /// Results of a tile along an axis.
    pub tile: usize,
    /// Rows of tiles, and tiles in a row.
    pub rows: usize,
    pub columns: usize,
    /// Planes in a block, or 1.
    pub planes: usize,
    /// Rows of tiles in a block; all, if it has several planes.
    pub rows_in_block: usize,
    pub blocks: usize,
    /// The pixels of one padded plane, or its part.
    pub padded: usize,
}

impl Plan {
    /// For `n` planes, with tiles that have `numbers` elements for each of their points.
    pub fn new(n: usize, tile: usize, sides: &Sides, numbers: usize) -> Self {
        let [rows, columns] = sides.count.map(|count| count.div_ceil(tile));
        let tiles = (BLOCK / (POINTS * numbers)).max(14);
        let planes = (tiles / (rows * columns)).clamp(1, n);
        let rows_in_block = (tiles / columns).clamp(1, rows);
        let rows_in_block = rows.div_ceil(rows.div_ceil(rows_in_block));
        let blocks = n.div_ceil(planes) * rows.div_ceil(rows_in_block);
        let edge = PATCH - tile;
        let padded = (tile * rows_in_block + edge) * (tile * columns + edge);
        Self { tile, rows, columns, planes, rows_in_block, blocks, padded }
    }

    /// The most tiles of a block.
    pub fn tiles(&self) -> usize {
        self.planes * self.rows_in_block * self.columns
    }

    /// The planes and the rows of tiles of block `i`.
    pub fn block(&self, i: usize, n: usize) -> (Range<usize>, Range<usize>) {
        let across = self.rows.div_ceil(self.rows_in_block);
        let (plane, row) = (i / across * self.planes, i % across * self.rows_in_block);
        (plane..(plane + self.planes).min(n), row..(row + self.rows_in_block).min(self.rows))
    }
}
