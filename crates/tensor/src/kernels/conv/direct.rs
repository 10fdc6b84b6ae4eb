//! Convolution by windows read where they lie, forward and for the input's gradient.

use super::few::Few;
use super::pass::{Pass, Way};
use super::rooms::Rooms;
use super::{Epilogue, Sizes, depthwise, winograd};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::tile::{Finish, Line, Rows, correlate, pack, packed_len};
use crate::kernels::vector::Scalar;
use crate::parallel::{self, Disjoint, for_ranges};
use crate::stream::{fence, is_large};

/// The least multiply-adds that are worth handing to a thread.
pub(super) const PART: usize = 1 << 18;

/// Where the weight between input i and output o of a group stands, at a place of the kernel.
fn place(sizes: &Sizes, group: usize, tap: usize, i: usize, o: usize) -> usize {
    let (ins, outs) = (sizes.c_in / sizes.groups, sizes.c_out / sizes.groups);
    ((group * outs + o) * ins + i) * sizes.taps() + tap
}

/// out (n, .., c_out) = the convolution of x (n, .., c_in) with w (c_out, c_in / groups, kernel ..), of which none is empty.
pub(crate) fn forward<T: Scalar>(
    sizes: &Sizes,
    x: &[T],
    w: &[T],
    finish: Epilogue<T>,
    out: &mut [T],
) -> Result<()> {
    if let Some(few) = Few::forward(sizes) {
        return few.run(sizes, x, &|tap, i, o| w[place(sizes, 0, tap, i, o)], finish, out);
    }
    let at = |group, tap, i, o| w[place(sizes, group, tap, i, o)];
    run(sizes, Way::Forward, x, w, &at, finish, out)
}

/// dx (n, .., c_in) of g (n, .., c_out) and w: the transposed convolution. None is empty.
pub(crate) fn input_grad<T: Scalar>(
    sizes: &Sizes,
    g: &[T],
    w: &[T],
    finish: Epilogue<T>,
    out: &mut [T],
) -> Result<()> {
    if let Some(few) = Few::backward(sizes) {
        return few.run(sizes, g, &|tap, o, i| w[place(sizes, 0, tap, i, o)], finish, out);
    }
    let at = |group, tap, o, i| w[place(sizes, group, tap, i, o)];
    run(sizes, Way::Backward, g, w, &at, finish, out)
}

/// One way over every image. `at(group, tap, i, o)` is the element of `w` between channel i and result o of a group.
fn run<T: Scalar>(
    sizes: &Sizes,
    way: Way,
    x: &[T],
    w: &[T],
    at: &(impl Fn(usize, usize, usize, usize) -> T + Sync),
    finish: Epilogue<T>,
    out: &mut [T],
) -> Result<()> {
    if sizes.is_depthwise() {
        let mut passes = Pass::each(sizes, way).into_iter();
        return passes.try_for_each(|pass| depthwise::correlate(sizes, &pass, x, w, finish, out));
    }
    if winograd::wins(sizes, way) {
        return winograd::correlate(sizes, way, x, at, finish, out);
    }
    correlate_passes(sizes, way, x, at, finish, out)
}

/// [`run`] by products of whole windows.
pub(super) fn correlate_passes<T: Scalar>(
    sizes: &Sizes,
    way: Way,
    x: &[T],
    at: &(impl Fn(usize, usize, usize, usize) -> T + Sync),
    finish: Epilogue<T>,
    out: &mut [T],
) -> Result<()> {
    Pass::each(sizes, way).iter().try_for_each(|pass| correlate_images(sizes, pass, x, at, finish, out))
}

/// One of those passes.
fn correlate_images<T: Scalar>(
    sizes: &Sizes,
    pass: &Pass,
    x: &[T],
    at: &(impl Fn(usize, usize, usize, usize) -> T + Sync),
    finish: Epilogue<T>,
    out: &mut [T],
) -> Result<()> {
    let groups = sizes.groups;
    let (channels, results) = (pass.channels / groups, pass.results / groups);
    let (taps, places) = pass.taps(sizes.kernel);
    let runs = pass.runs(&places, channels);
    let lines = pass.lines();
    let packed = packed_len::<T>(runs.len, results);
    let mut weights = Buffer::new("conv", packed * groups, T::DTYPE)?;
    let weights: &mut [T] = weights.as_mut_slice();
    for (group, weights) in weights.chunks_exact_mut(packed.max(1)).enumerate() {
        pack(runs.len, results, weights, |row, o| at(group, taps[row / channels], row % channels, o));
    }
    let cost = runs.len * results * groups;
    let large = is_large(out);
    each_part(sizes.n, pass, &lines, cost, x, out, |image, lines, out| {
        for group in 0..groups {
            let rows = Rows {
                a: image.wrapping_add(group * channels),
                a_step: pass.step(),
                b: out.wrapping_add(group * results),
                b_step: pass.to_step(),
                lines,
                runs: &runs,
                n: results,
            };
            let bias = finish.bias.map_or(std::ptr::null(), |bias| bias[group * results..].as_ptr());
            let weights = weights[group * packed..].as_ptr();
            // SAFETY: windows lie in the padded image, results in an image of `out` at lines that no other piece has;
            // the weights were packed with these sizes.
            unsafe { correlate(&rows, weights, Finish { bias, relu: finish.relu, large }) }
        }
    })
}

/// Calls `part(image to read from, lines, image of out)` until every line of every image is done; `cost` multiply-adds a
/// pixel. A thread takes whole images where there are enough of them.
pub(super) fn each_part<T: Scalar>(
    n: usize,
    pass: &Pass,
    lines: &[Line],
    cost: usize,
    x: &[T],
    out: &mut [T],
    part: impl Fn(*const T, &[Line], *mut T) + Sync,
) -> Result<()> {
    let (from, to) = (x.len() / n, out.len() / n);
    let out = Disjoint::new(out);
    let pixels: usize = lines.iter().map(|line| line.count).sum();
    let work = pixels.saturating_mul(cost);
    let pieces = match parallel::threads() {
        1 => 1,
        threads if n >= 4 * threads => 1,
        threads => (4 * threads).min(work / PART).clamp(1, lines.len()),
    };
    let pieces = pieces.max(pass.bands::<T>()).min(lines.len());
    let rooms = Rooms::new("conv", if pass.pads() { pass.padded_len() } else { 0 })?;
    for_ranges(n * pieces, (PART * pieces).div_ceil(work.max(1)), |range| {
        rooms.enter(|room| {
            for i in range {
                let (image, piece) = (i / pieces, i % pieces);
                let lines = &lines[lines.len() * piece / pieces..lines.len() * (piece + 1) / pieces];
                let x = &x[image * from..(image + 1) * from];
                part(pass.read_from(x, lines, room), lines, out.at(image * to));
            }
            fence();
        });
    });
    Ok(())
}
