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
//! as there are phases, each with a window without steps. A window that moves in steps sees other pixels at each of its taps, but
//! for those that are a step apart: neighbours that it steps over are channels of one pixel of a plane, and the window has two
//! taps where it had three or four, F(5×5, 2×2), four where it had seven, F(3×3, 4×4). A neighbour that has a tap
//! less than the first has no share in the products at one point along the axis: 121 products for 25 results of a 3×3 window in steps
//! of 2, instead of 225. A window that is deep sums over its layers: they are channels too, one plane for each layer
//! of results. Groups share the transforms and have products of their own.
//!
//! Source: Lavin and Gray 2015, arXiv:1509.09308; for points between the usual ones, Barabasz, Anderson, Soodhalter and Gregg 2018,
//! arXiv:1803.10986.

mod planes;
mod transforms;

use super::direct::correlate_passes;
use super::pass::Way;
use super::rooms::Rooms;
use super::weight::in_parts;
use super::{Epilogue, Sizes};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::tile::{
    Finish, Line, Rows, Runs, contract, correlate as product, pack_lines, packed_len,
};
use crate::kernels::vector::{Scalar, lanes};
use crate::parallel::{Disjoint, for_ranges};
use crate::stream::{fence, is_large};
use planes::{Plan, Planes, Sides};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use transforms::{
    PATCH, POINTS, Target, finish_tiles, gather_weights, small, spread_weights, transform_gradients,
    transform_patches,
};

/// The most elements of transformed weights, whose gradient is summed in as many numbers for each part of the images.
const MOST_WEIGHTS: usize = 1 << 20;

/// Whether a window has 2 to 5 taps along both axes, as many as go into a tile, and the tiles take less time than direct sums.
///
/// Time is counted in multiply-adds, over whole registers of results. To bring a number to a point or back takes as long as
/// [`TRANSFORM`] of them: as measured, over windows of 2×2 to 7×7 in steps of 1 and 2, with 3 to 64 channels. The rule
/// errs on the side of direct sums.
pub(super) fn wins(sizes: &Sizes, way: Way) -> bool {
    const TRANSFORM: usize = 18;
    const REGISTER: usize = 16;
    let &Sizes { kernel, stride, dilation, groups, .. } = sizes;
    let Some(tile) = planes::tile(sizes) else { return false };
    let steps = stride[1] * stride[2];
    // Pixels that no window sees are to have a gradient of nothing but zeros.
    let seen = |i: usize| {
        (sizes.output[i] - 1) * stride[i] + kernel[i] >= sizes.padding[i] + sizes.input[i] || stride[i] == 1
    };
    let fits = stride[0] == 1
        && (steps == 1 || dilation == [1; 3])
        && (kernel[0] * steps == 1 || groups == 1)
        && (way == Way::Forward || (seen(1) && seen(2)));
    if !fits {
        return false;
    }
    let tiles = |i: usize| {
        let count = match way {
            Way::Forward => sizes.output[i],
            Way::Backward => (sizes.input[i] + sizes.padding[i] % stride[i]).div_ceil(stride[i]),
        };
        count.div_ceil(dilation[i]).div_ceil(tile) * dilation[i]
    };
    // Points of all phases along an axis, of which those with a tap less have one less.
    let points = |i: usize| stride[i] * PATCH - (kernel[i].next_multiple_of(stride[i]) - kernel[i]);
    let (from, to, parts) = match way {
        Way::Forward => (sizes.c_in, sizes.c_out, [kernel[0] * steps, 1]),
        Way::Backward => (sizes.c_out, sizes.c_in, [kernel[0], steps]),
    };
    let columns = |n: usize| (n / groups).next_multiple_of(REGISTER) * groups;
    let direct = sizes.output[1] * sizes.output[2] * sizes.taps() * (from / groups) * columns(to);
    let products = points(1) * points(2) * kernel[0] * (from / groups) * columns(to * parts[1]) / parts[1];
    let transforms = TRANSFORM * POINTS * (parts[0] * from + parts[1] * to);
    tiles(1) * tiles(2) * (products + transforms) < direct
}

/// Elements from one point of transformed tiles to the next: not a power of two, so that points do not share cache sets.
fn apart(len: usize) -> usize {
    len.next_multiple_of(16) + 16
}

/// The stretches of channels that a group has in parts of a pixel; those that lie beside each other are one.
fn stretches(planes: &Planes, parts: &[usize], groups: usize) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for part in parts {
        let start = part * planes.channels;
        match stretches.last_mut() {
            Some(last) if last.end == start => last.end += planes.channels / groups,
            _ => stretches.push(start..start + planes.channels / groups),
        }
    }
    stretches
}

/// The weights of one of the products at a point: of a group, for results that lie beside each other.
struct Factor {
    point: usize,
    group: usize,
    runs: Runs,
    results: Range<usize>,
    /// Where its packed weights begin.
    packed: usize,
}

/// One pass over every image.
pub(super) fn correlate<T: Scalar>(
    sizes: &Sizes,
    way: Way,
    x: &[T],
    at: &(impl Fn(usize, usize, usize, usize) -> T + Sync),
    finish: Epilogue<T>,
    out: &mut [T],
) -> Result<()> {
    let sides = Sides::new(sizes, way);
    let Sides { read, written, .. } = &sides;
    let tile = planes::tile(sizes).expect("invariant: there are tiles for the window");
    let (n, c, o) = (sizes.n * read.count(), read.width(), written.width());
    let Some((factors, weights)) = weights(sizes, &sides, tile, at)? else {
        return correlate_passes(sizes, way, x, at, finish, out);
    };
    let weights: &[T] = weights.as_slice();
    let plan = Plan::new(n, tile, &sides, c + o);
    let (from, to) = (x.len() / sizes.n, out.len() / sizes.n);
    let (v_apart, m_apart) = (apart(plan.tiles() * c), apart(plan.tiles() * o));
    let rooms = Rooms::new("conv", plan.padded * c + POINTS * (v_apart + m_apart))?;
    let left: Vec<AtomicBool> = (0..sizes.n).map(|_| AtomicBool::new(false)).collect();
    let large = is_large(out);
    let results = Disjoint::new(out);
    for_ranges(plan.blocks, 1, |range| {
        rooms.enter(|room| {
            let (padded, room) = room.split_at_mut(plan.padded * c);
            let (v, m) = room.split_at_mut(POINTS * v_apart);
            for i in range {
                let (planes, rows) = plan.block(i, n);
                let per_plane = rows.len() * plan.columns;
                for (place, plane) in planes.clone().enumerate() {
                    if !read.patches(x, plane, &rows, &plan, padded) {
                        left[read.place(plane).0].store(true, Ordering::Relaxed);
                    }
                    let v = &mut v[place * per_plane * c..];
                    transform_patches(padded, (rows.len(), plan.columns), tile, c, v, v_apart);
                }
                let line = [Line { a: 0, b: 0, count: planes.len() * per_plane }];
                for factor in &factors {
                    let a = factor.point * v_apart + factor.group * (read.channels / sizes.groups);
                    let rows = Rows {
                        a: v[a..].as_ptr(),
                        a_step: c,
                        b: m[factor.point * m_apart + factor.results.start..].as_mut_ptr(),
                        b_step: o,
                        lines: &line,
                        runs: &factor.runs,
                        n: factor.results.len(),
                    };
                    // SAFETY: both hold the tiles of a block at each point; the weights were packed so.
                    unsafe { product(&rows, weights[factor.packed..].as_ptr(), Finish::none()) }
                }
                for (place, plane) in planes.enumerate() {
                    for part in 0..written.parts() {
                        let y = Target {
                            none: sides.none_of(part),
                            bias: finish.bias.map_or(std::ptr::null(), <[T]>::as_ptr),
                            relu: finish.relu,
                            large,
                            ..written.target(plane, part, results.at(0), rows.start * tile, tile)
                        };
                        let m = &m[place * per_plane * o + part * written.channels..];
                        // SAFETY: `y` is a plane of `out`, whose rows from `first` on no other block has.
                        unsafe { finish_tiles(m.as_ptr(), m_apart, rows.len(), plan.columns, &y) }
                    }
                }
            }
            fence();
        });
    });
    for image in (0..sizes.n).filter(|&image| left[image].load(Ordering::Relaxed)) {
        let one = Sizes { n: 1, ..*sizes };
        let (x, out) = (&x[image * from..][..from], &mut out[image * to..][..to]);
        correlate_passes(&one, way, x, at, finish, out)?;
    }
    Ok(())
}

/// dw (c_out, c_in / groups, kernel ..); false, and `out` not to be used, if the sizes or the values are not for this.
pub(super) fn weight_grad<T: Scalar>(sizes: &Sizes, x: &[T], g: &[T], out: &mut [T]) -> Result<bool> {
    let sides = Sides::new(sizes, Way::Forward);
    let Sides { read, written, .. } = &sides;
    let tile = planes::tile(sizes).expect("invariant: there are tiles for the window");
    let (c, o, groups) = (read.width(), sizes.c_out, sizes.groups);
    let (ins, outs) = (c / groups, o / groups);
    if POINTS * c * outs > MOST_WEIGHTS {
        return Ok(false);
    }
    let per_image = read.count();
    let plan = Plan::new(sizes.n * per_image, tile, &sides, (c + o).div_ceil(2));
    let (v_apart, u_apart) = (apart(plan.tiles() * c), apart(plan.tiles() * o));
    let ld = outs.next_multiple_of(lanes::<T>());
    let padded = plan.padded * c.max(o);
    let rooms = Rooms::new("conv", padded + POINTS * (v_apart + u_apart))?;
    // What has a share at a point; the sums of the rest stay 0.
    let shares: Vec<Vec<Runs>> = (0..POINTS)
        .map(|point| {
            let stretches = stretches(read, &sides.parts_at(read, point), groups);
            stretches.into_iter().map(|run| Runs::new([run.start], run.len())).collect()
        })
        .collect();
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
                    transform_patches(padded, (rows.len(), plan.columns), tile, c, v, v_apart);
                    all &= written.patches(g, first + plane, &rows, &plan, padded);
                    if !all {
                        large.store(true, Ordering::Relaxed);
                    }
                    let u = &mut u[place * per_plane * o..];
                    transform_gradients(padded, (rows.len(), plan.columns), tile, o, u, u_apart);
                }
                let line = [Line { a: 0, b: 0, count: planes.len() * per_plane }];
                for (i, sums) in sums.chunks_exact_mut(ins * ld).enumerate() {
                    let (point, group) = (i / groups, i % groups);
                    for runs in &shares[point] {
                        let rows = Rows {
                            a: v[point * v_apart + group * (read.channels / groups)..].as_ptr(),
                            a_step: c,
                            b: u[point * u_apart + group * outs..].as_mut_ptr(),
                            b_step: o,
                            lines: &line,
                            runs,
                            n: outs,
                        };
                        // With groups a pixel has one part, and begins with its first channel.
                        let sums = &mut sums[runs.runs[0].at * ld..][..runs.len * ld];
                        // SAFETY: both hold the tiles of a block at each point, and are only read; the sums have `runs.len`
                        // rows of whole registers.
                        unsafe { contract(&rows, sums.as_mut_ptr(), ld) }
                    }
                }
            }
        });
    };
    let taps = sides.taps();
    let mut places = Buffer::new("conv", taps * taps * c * ld, T::DTYPE)?;
    let places: &mut [T] = places.as_mut_slice();
    in_parts(sizes.n, POINTS * c * ld, part, |sums| {
        gather_weights(sums, c * ld, places, tile);
        let channels = sizes.c_in / groups;
        for part in 0..read.parts() {
            for place in 0..taps * taps {
                let Some(tap) = sides.tap(part, 0, [place / taps, place % taps]) else { continue };
                for o in 0..sizes.c_out {
                    for i in 0..channels {
                        let row = o / outs * ins + part * channels + i;
                        out[(o * channels + i) * sizes.taps() + tap] =
                            places[(place * c + row) * ld + o % outs];
                    }
                }
            }
        }
    })?;
    Ok(!large.into_inner())
}

/// `G·w·Gᵀ` for each channel and result, packed factor by factor; nothing if a value is too large.
fn weights<T: Scalar>(
    sizes: &Sizes,
    sides: &Sides,
    tile: usize,
    at: &(impl Fn(usize, usize, usize, usize) -> T + Sync),
) -> Result<Option<(Vec<Factor>, Buffer)>> {
    let (Sides { read, written, .. }, groups) = (sides, sizes.groups);
    // Of a group: its parts, one below the other, and those of results, beside each other.
    let (c, o) = (read.channels / groups, written.channels / groups);
    let (ins, outs) = (read.parts() * c, written.parts() * o);
    let all = groups * ins * outs;
    let taps = sides.taps();
    let mut room = Buffer::new("conv", (taps * taps + POINTS) * all, T::DTYPE)?;
    let (w, spread) = room.as_mut_slice::<T>().split_at_mut(taps * taps * all);
    for (place, w) in w.chunks_exact_mut(all).enumerate() {
        for from in 0..read.parts() {
            for to in 0..written.parts() {
                let tap = sides.tap(from, to, [place / taps, place % taps]);
                for (group, w) in w.chunks_exact_mut(ins * outs).enumerate() {
                    for (i, w) in w[from * c * outs..].chunks_exact_mut(outs).take(c).enumerate() {
                        let w = &mut w[to * o..][..o];
                        match tap {
                            Some(tap) => {
                                w.iter_mut().enumerate().for_each(|(o, w)| *w = at(group, tap, i, o))
                            }
                            None => w.fill(T::ZERO),
                        }
                    }
                }
            }
        }
    }
    if !small(w) {
        return Ok(None);
    }
    spread_weights(w, all, spread, tile);
    let (mut factors, mut len) = (Vec::new(), 0);
    for point in 0..POINTS {
        let parts = sides.parts_at(read, point);
        let runs = Runs::new(parts.iter().map(|part| part * read.channels), c);
        for results in stretches(written, &sides.parts_at(written, point), groups) {
            for group in 0..groups {
                let results = results.start + group * o..results.end + group * o;
                let size = packed_len::<T>(runs.len, results.len());
                factors.push(Factor { point, group, runs: runs.clone(), results, packed: len });
                len += size;
            }
        }
    }
    let mut out = Buffer::new("conv", len, T::DTYPE)?;
    let whole = Disjoint::new(out.as_mut_slice::<T>());
    let spread = &*spread;
    for_ranges(factors.len(), groups, |range| {
        for &Factor { point, group, ref runs, ref results, packed } in &factors[range] {
            let parts = sides.parts_at(read, point);
            let rows: Vec<usize> = parts.iter().flat_map(|part| part * c..(part + 1) * c).collect();
            // With groups a result has one part.
            let first = (point * groups + group) * ins * outs + results.start - group * o;
            // SAFETY: each factor is handed out once.
            let out = unsafe { whole.slice(packed..packed + packed_len::<T>(runs.len, results.len())) };
            pack_lines(runs.len, results.len(), out, |row, column, line| {
                line.copy_from_slice(&spread[first + rows[row] * outs + column..][..line.len()]);
            });
        }
    });
    Ok(Some((factors, out)))
}
