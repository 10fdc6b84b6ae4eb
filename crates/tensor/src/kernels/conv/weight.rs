//! The gradient of the weight: a sum over all windows of all images.

use super::pass::{Pass, Way};
use super::rooms::Rooms;
use super::{Sizes, depthwise, winograd};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::tile::{CHAIN, Line, Rows, contract};
use crate::kernels::vector::{Scalar, lanes};
use crate::parallel::{Disjoint, for_chunks, for_ranges};
use std::ops::Range;

/// Bytes that partial sums may take together.
const PARTIAL_BYTES: usize = 8 << 20;
/// The most partial sums.
const MOST_PARTS: usize = 16;

/// dw (c_out, c_in / groups, kernel ..) of x (n, .., c_in) and g (n, .., c_out), of which none is empty.
pub(crate) fn weight_grad<T: Scalar>(sizes: &Sizes, x: &[T], g: &[T], out: &mut [T]) -> Result<()> {
    if sizes.is_depthwise() {
        return depthwise::weight_grad(sizes, x, g, out);
    }
    if winograd::wins(sizes, Way::Forward) && winograd::weight_grad(sizes, x, g, out)? {
        return Ok(());
    }
    contract_images(sizes, x, g, out)
}

/// Consecutive lines whose pixels make one chain.
fn chains(lines: &[Line]) -> Vec<Range<usize>> {
    let (mut chains, mut start, mut pixels) = (Vec::new(), 0, 0);
    for (i, line) in lines.iter().enumerate() {
        if pixels + line.count > CHAIN {
            chains.push(start..i);
            (start, pixels) = (i, 0);
        }
        pixels += line.count;
    }
    chains.push(start..lines.len());
    chains
}

/// Calls `chain(where windows begin, lines)` for the lines of each chain of an image. A padded image that is large is copied
/// chain by chain.
pub(super) fn each_chain<T: Scalar>(
    pass: &Pass,
    lines: &[Line],
    image: &[T],
    room: &mut [T],
    mut chain: impl FnMut(*const T, &[Line]),
) {
    let in_bands = pass.bands::<T>() > 1;
    let mut from = std::ptr::null();
    for (i, range) in chains(lines).into_iter().enumerate() {
        if i == 0 || in_bands {
            from = pass.read_from(image, if in_bands { &lines[range.clone()] } else { lines }, room);
        }
        chain(from, &lines[range]);
    }
}

/// How many sums of `len` elements over parts of the `n` images are made side by side: by shapes alone, since the order of
/// additions depends on it. A power of two, so that two or four threads have as many each.
pub(super) fn parts<T: Scalar>(n: usize, len: usize) -> usize {
    let parts = (PARTIAL_BYTES / (len * size_of::<T>()).max(1)).clamp(1, MOST_PARTS).min(n);
    1 << parts.ilog2()
}

/// Sums over parts of the images, in order: `part(images, sums)` adds to sums that begin at 0, and `out` gets their sum.
pub(super) fn in_parts<T: Scalar>(
    n: usize,
    len: usize,
    part: impl Fn(Range<usize>, &mut [T]) + Sync,
    finish: impl FnOnce(&[T]),
) -> Result<()> {
    let parts = parts::<T>(n, len);
    let mut sums = Buffer::new("conv", parts * len, T::DTYPE)?;
    let sums: &mut [T] = sums.as_mut_slice();
    let whole = Disjoint::new(sums);
    for_ranges(parts, 1, |range| {
        for i in range {
            // SAFETY: each part is handed out once.
            let sums = unsafe { whole.slice(i * len..(i + 1) * len) };
            sums.fill(T::ZERO);
            part(n * i / parts..n * (i + 1) / parts, sums);
        }
    });
    let (first, rest) = sums.split_at_mut(len);
    for_chunks(first, 1 << 14, |start, first| {
        for part in rest.chunks_exact(len) {
            add(first, &part[start..][..first.len()]);
        }
    });
    finish(first);
    Ok(())
}

crate::simd::simd_fn! {
    fn add[T: crate::Float](x: &mut [T], y: &[T]) {
        for (x, &y) in x.iter_mut().zip(y) {
            *x = x.add(y);
        }
    }
}

/// By products: rows of dw are elements of a window, columns are outputs.
fn contract_images<T: Scalar>(sizes: &Sizes, x: &[T], g: &[T], out: &mut [T]) -> Result<()> {
    let pass = Pass::forward(sizes);
    let groups = sizes.groups;
    let (ins, outs) = (sizes.c_in / groups, sizes.c_out / groups);
    let (taps, places) = pass.taps(sizes.kernel);
    let runs = pass.runs(&places, ins);
    let lines = pass.lines();
    let (from, to) = (sizes.input_len(), sizes.output_len());
    let ld = outs.next_multiple_of(lanes::<T>());
    let rooms = Rooms::new("conv", if pass.pads() { pass.padded_len() } else { 0 })?;
    let part = |images: Range<usize>, sums: &mut [T]| {
        rooms.enter(|room| {
            for image in images {
                let g = &g[image * to..][..to];
                each_chain(&pass, &lines, &x[image * from..][..from], room, |a, lines| {
                    for group in 0..groups {
                        let rows = Rows {
                            a: a.wrapping_add(group * ins),
                            a_step: pass.step(),
                            b: g[group * outs..].as_ptr().cast_mut(),
                            b_step: pass.to_step(),
                            lines,
                            runs: &runs,
                            n: outs,
                        };
                        let sums = &mut sums[group * runs.len * ld..][..runs.len * ld];
                        // SAFETY: windows lie in the padded image, gradients in theirs; the sums have `runs.len`
                        // rows of whole registers.
                        unsafe { contract(&rows, sums.as_mut_ptr(), ld) }
                    }
                });
            }
        });
    };
    in_parts(sizes.n, groups * runs.len * ld, part, |sums| {
        for (o, out) in out.chunks_exact_mut(ins * sizes.taps()).enumerate() {
            let sums = &sums[o / outs * runs.len * ld + o % outs..];
            for (place, &tap) in taps.iter().enumerate() {
                for i in 0..ins {
                    out[i * sizes.taps() + tap] = sums[(place * ins + i) * ld];
                }
            }
        }
    })
}
