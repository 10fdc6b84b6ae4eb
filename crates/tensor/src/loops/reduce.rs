//! Many elements into one, in an order that depends on their number alone.
//!
//! The order law. The elements that meet in one output are numbered along the reduced axes in row-major order and cut
//! into chunks of [`CHUNK`]. In a chunk, element `i` goes to lane `i mod LANES`, each lane meets its elements one
//! after another, and the lanes meet in halves: lane `l` with lane `l + 16`, then `l + 8`, down to one. The chunks
//! meet pairwise, neighbours first. Strides choose the path through memory, threads choose who computes a chunk;
//! neither they nor the other outputs change a bit.

use super::axes::{Axis, joined, layout_of};
use super::walk::Walk;
use crate::dtype::Element;
use crate::error::Result;
use crate::layout::Dims;
use crate::parallel::{Disjoint, for_chunks, for_ranges};
use crate::simd::simd_fn;
use crate::tensor::Tensor;

/// Accumulators of a chunk.
pub(crate) const LANES: usize = 32;
/// Elements that meet in one set of lanes.
pub(crate) const CHUNK: usize = 1024;
/// Elements a thread takes at a time, at least.
const GRAIN: usize = 1 << 15;
/// Bytes of a row of accumulators when whole rows are met; `LANES` such rows stay in the second cache, and rows of
/// this length are read from few enough pages at a time.
const TILE_BYTES: usize = 2048;
/// Rows shorter than `LANES` that are met side by side.
const SHORT: usize = 32;
/// Rows met in one lane at a time, so that the lane is read and written once for so many.
const ROWS: usize = 4;

/// How elements meet. `take` and `meet` must be `#[inline(always)]`.
pub(crate) trait Fold<T>: Copy + Sync {
    type Acc: Element;
    /// Leaves what it meets as it is, to the bit.
    fn identity(self) -> Self::Acc;
    fn take(self, x: T) -> Self::Acc;
    fn meet(self, a: Self::Acc, b: Self::Acc) -> Self::Acc;
}

#[inline(always)]
fn halve<T: Element, F: Fold<T>, const HALF: usize>(f: F, lanes: &mut [F::Acc; LANES]) {
    for l in 0..HALF {
        lanes[l] = f.meet(lanes[l], lanes[l + HALF]);
    }
}

/// The lanes of a chunk, met in halves.
#[inline(always)]
pub(crate) fn meet_lanes<T: Element, F: Fold<T>>(f: F, mut lanes: [F::Acc; LANES]) -> F::Acc {
    halve::<T, F, 16>(f, &mut lanes);
    halve::<T, F, 8>(f, &mut lanes);
    halve::<T, F, 4>(f, &mut lanes);
    halve::<T, F, 2>(f, &mut lanes);
    halve::<T, F, 1>(f, &mut lanes);
    lanes[0]
}

/// At most [`CHUNK`] neighbours, met in lanes. For use inside kernels that are compiled for each SIMD level.
#[inline(always)]
pub(crate) fn fold_chunk<T: Element, F: Fold<T>>(f: F, x: &[T]) -> F::Acc {
    let mut lanes = [f.identity(); LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for l in 0..LANES {
            lanes[l] = f.meet(lanes[l], f.take(block[l]));
        }
    }
    if !rest.is_empty() {
        let mut tail = [f.identity(); LANES];
        for (tail, &x) in tail.iter_mut().zip(rest) {
            *tail = f.take(x);
        }
        for l in 0..LANES {
            lanes[l] = f.meet(lanes[l], tail[l]);
        }
    }
    meet_lanes::<T, F>(f, lanes)
}

/// Chunk results, `parts` runs of `width`, met pairwise into the first run.
pub(crate) fn meet_pairwise<T: Element, F: Fold<T>>(f: F, partials: &mut [F::Acc], width: usize) {
    let mut parts = partials.len().checked_div(width).unwrap_or(0);
    while parts > 1 {
        for i in 0..parts.div_ceil(2) {
            for j in 0..width {
                let left = partials[2 * i * width + j];
                partials[i * width + j] = match 2 * i + 1 < parts {
                    true => f.meet(left, partials[(2 * i + 1) * width + j]),
                    false => left,
                };
            }
        }
        parts = parts.div_ceil(2);
    }
}

/// Neighbours of any number, met in the order law by this thread alone.
#[inline(always)]
pub(crate) fn fold_line<T: Element, F: Fold<T>>(f: F, x: &[T]) -> F::Acc {
    if x.len() <= CHUNK {
        return fold_chunk(f, x);
    }
    let mut partials: Vec<F::Acc> = x.chunks(CHUNK).map(|x| fold_chunk(f, x)).collect();
    meet_pairwise::<T, F>(f, &mut partials, 1);
    partials[0]
}

simd_fn! {
    /// Each row of `len` neighbours, the rows `step` apart from `at`, into one element of `out`.
    fn fold_rows[T: Element, F: Fold<T>](f: F, data: &[T], at: usize, step: isize, len: usize, out: &mut [F::Acc]), wide if T::DTYPE.is_float() => {
        let row = |i: usize| &data[(at as isize + i as isize * step) as usize..][..len];
        let mut done = 0;
        if len < LANES && out.len() >= SHORT / 2 {
            // Short rows stand beside each other, so that the lanes of many are met at once.
            let mut lanes = [f.identity(); LANES * SHORT];
            while done < out.len() {
                let rows = SHORT.min(out.len() - done);
                for r in 0..rows {
                    for (l, &x) in row(done + r).iter().enumerate() {
                        lanes[l * SHORT + r] = f.take(x);
                    }
                }
                halve_live::<T, F>(f, &mut lanes[..len * SHORT], SHORT);
                out[done..done + rows].copy_from_slice(&lanes[..rows]);
                done += rows;
            }
            return;
        }
        for (i, out) in out.iter_mut().enumerate() {
            *out = fold_chunk(f, row(i));
        }
    }

    /// Row `first + i` of a chunk, `width` neighbours, into row `(first + i) mod LANES` of the lanes.
    fn fold_columns[T: Element, F: Fold<T>](
        f: F, data: &[T], at: usize, step: isize, first: usize, rows: usize, width: usize, lanes: &mut [F::Acc],
    ), wide if T::DTYPE.is_float() => {
        let row = |i: usize| &data[(at as isize + i as isize * step) as usize..][..width];
        let mut begin = 0;
        while begin < rows {
            let group = (rows - begin) / LANES;
            for i in begin..rows.min(begin + LANES) {
                let lane = (first + i) % LANES;
                let lane = &mut lanes[lane * width..(lane + 1) * width];
                if group >= ROWS {
                    let (a, b, c, d) = (row(i), row(i + LANES), row(i + 2 * LANES), row(i + 3 * LANES));
                    for j in 0..width {
                        let met = f.meet(f.meet(lane[j], f.take(a[j])), f.take(b[j]));
                        lane[j] = f.meet(f.meet(met, f.take(c[j])), f.take(d[j]));
                    }
                } else {
                    for (lane, &x) in lane.iter_mut().zip(row(i)) {
                        *lane = f.meet(*lane, f.take(x));
                    }
                }
            }
            begin += if group >= ROWS { ROWS * LANES } else { LANES };
        }
    }

    /// The same for rows that stand one after another: `LANES` of them are one run.
    fn fold_flat[T: Element, F: Fold<T>](f: F, x: &[T], lanes: &mut [F::Acc]), wide if T::DTYPE.is_float() => {
        for run in x.chunks(lanes.len()) {
            for (lane, &x) in lanes.iter_mut().zip(run) {
                *lane = f.meet(*lane, f.take(x));
            }
        }
    }

    fn halve_rows[T: Element, F: Fold<T>](f: F, lanes: &mut [F::Acc], width: usize), wide if T::DTYPE.is_float() => {
        halve_live::<T, F>(f, lanes, width);
    }
}

/// Rows of lanes met in halves; the result is the first row. Rows that no element reached are left out.
#[inline(always)]
fn halve_live<T: Element, F: Fold<T>>(f: F, lanes: &mut [F::Acc], width: usize) {
    let mut live = lanes.len();
    for half in [LANES / 2, LANES / 4, LANES / 8, LANES / 16, 1] {
        let half = half * width;
        if live > half {
            let (low, high) = lanes[..live].split_at_mut(half);
            for (low, &high) in low.iter_mut().zip(high.iter()) {
                *low = f.meet(*low, high);
            }
            live = half;
        }
    }
}

/// The elements of `x` met along the axes that `reduced` flags, which are left out of the result's shape.
/// Outputs that meet no element are `empty`.
pub(crate) fn reduce<T: Element, F: Fold<T>>(
    op: &'static str,
    x: &Tensor,
    reduced: &[bool],
    empty: F::Acc,
    f: F,
) -> Result<Tensor> {
    let layout = x.layout();
    let axis = |i: usize| Axis { size: layout.shape[i], stride: layout.strides[i] };
    let (met, mut kept): (Vec<usize>, Vec<usize>) = (0..x.rank()).partition(|&i| reduced[i]);
    let met = joined(met.into_iter().map(axis));
    let logical: Dims = kept.iter().map(|&i| layout.shape[i]).collect();
    if met.iter().any(|a| a.size == 0) || logical.contains(&0) {
        return Tensor::build(op, &logical, |out: &mut [F::Acc]| out.fill(empty));
    }
    // Outputs in the order of memory; axes that do not step stand outermost.
    let far = |i: usize| match (layout.shape[i], layout.strides[i].unsigned_abs()) {
        (1, _) | (_, 0) => usize::MAX,
        (_, step) => step,
    };
    let order = kept.clone();
    kept.sort_by_key(|&i| std::cmp::Reverse(far(i)));
    let shape: Dims = kept.iter().map(|&i| layout.shape[i]).collect();
    let outer = joined(kept.iter().copied().map(axis));
    let plan = Plan { data: x.data::<T>(), offset: layout.offset, kept: outer, met, f };
    let out = Tensor::build(op, &shape, |out: &mut [F::Acc]| plan.run(out))?;
    if kept == order {
        return Ok(out);
    }
    let back: Vec<usize> = order.iter().map(|i| kept.iter().position(|k| k == i).unwrap_or(0)).collect();
    out.with_layout(out.layout().permuted(&back)).contiguous()
}

/// A reduction after its axes were put in order.
struct Plan<'a, T, F> {
    data: &'a [T],
    offset: usize,
    kept: Vec<Axis>,
    met: Vec<Axis>,
    f: F,
}

impl<T: Element, F: Fold<T>> Plan<'_, T, F> {
    fn run(&self, out: &mut [F::Acc]) {
        let met_len: usize = self.met.iter().map(|a| a.size).product();
        let chunks = met_len.div_ceil(CHUNK);
        let is_line = matches!(self.met[..], [] | [Axis { stride: 1, .. }]);
        let width = match self.kept.last() {
            Some(Axis { size, stride: 1 }) if !is_line => *size,
            _ => 1,
        };
        if chunks == 1 && is_line {
            return self.short_rows(met_len, out);
        }
        let mut room = Vec::new();
        let partials = match chunks {
            1 => &mut *out,
            _ => {
                room.resize(out.len() * chunks, self.f.identity());
                &mut room[..]
            }
        };
        match width {
            _ if is_line => self.long_rows(met_len, partials),
            1 => self.gathers(met_len, partials),
            _ => self.columns(met_len, width, partials),
        }
        if chunks > 1 {
            for (out, partials) in out.chunks_mut(width).zip(room.chunks_mut(width * chunks)) {
                meet_pairwise::<T, F>(self.f, partials, width);
                out.copy_from_slice(&partials[..width]);
            }
        }
    }

    /// Rows of neighbours, each one chunk.
    fn short_rows(&self, len: usize, out: &mut [F::Acc]) {
        let walk = Walk::new([&layout_of(&self.kept, self.offset)]);
        for_chunks(out, GRAIN.div_ceil(len), |start, out| {
            walk.runs(start..start + out.len(), |position, [at], rows| {
                fold_rows(self.f, self.data, at, walk.inner[0], len, &mut out[position - start..][..rows]);
            });
        });
    }

    /// Rows of neighbours, each of many chunks. `partials`: (outputs, chunks).
    fn long_rows(&self, len: usize, partials: &mut [F::Acc]) {
        let chunks = len.div_ceil(CHUNK);
        let walk = Walk::new([&layout_of(&self.kept, self.offset)]);
        for_chunks(partials, GRAIN / CHUNK, |first, mut partials| {
            let mut unit = first;
            while !partials.is_empty() {
                let (output, chunk) = (unit / chunks, unit % chunks);
                let mut base = 0;
                walk.runs(output..output + 1, |_, [at], _| base = at + chunk * CHUNK);
                let (row, rest) = partials.split_at_mut(partials.len().min(chunks - chunk));
                let whole = row.len().min(len / CHUNK - chunk.min(len / CHUNK));
                fold_rows(self.f, self.data, base, CHUNK as isize, CHUNK, &mut row[..whole]);
                fold_rows(self.f, self.data, base + whole * CHUNK, 0, len % CHUNK, &mut row[whole..]);
                unit += row.len();
                partials = rest;
            }
        });
    }

    /// Each output's chunks in turn, gathered from wherever they are. `partials`: (outputs, chunks).
    fn gathers(&self, len: usize, partials: &mut [F::Acc]) {
        let chunks = len.div_ceil(CHUNK);
        let axes: Vec<Axis> = self.kept.iter().chain(&self.met).copied().collect();
        let walk = Walk::new([&layout_of(&axes, self.offset)]);
        let step = walk.inner[0];
        for_chunks(partials, GRAIN.div_ceil(len.min(CHUNK)), |first, partials| {
            let mut room = vec![T::default(); len.min(CHUNK)];
            for (unit, partial) in (first..).zip(partials) {
                let (output, chunk) = (unit / chunks, unit % chunks);
                let start = output * len + chunk * CHUNK;
                let end = output * len + len.min((chunk + 1) * CHUNK);
                walk.runs(start..end, |position, [at], n| {
                    let room = &mut room[position - start..][..n];
                    if step == 1 {
                        return room.copy_from_slice(&self.data[at..at + n]);
                    }
                    for (i, x) in room.iter_mut().enumerate() {
                        *x = self.data[(at as isize + i as isize * step) as usize];
                    }
                });
                fold_rows(self.f, &room, 0, 0, end - start, std::slice::from_mut(partial));
            }
        });
    }

    /// Outputs that are neighbours, whole rows of them at a time. `partials`: (outer outputs, chunks, width).
    fn columns(&self, len: usize, width: usize, partials: &mut [F::Acc]) {
        let chunks = len.div_ceil(CHUNK);
        let tile = width.min(TILE_BYTES / size_of::<F::Acc>());
        let tiles = width.div_ceil(tile);
        let is_flat = tiles == 1 && matches!(self.met[..], [Axis { stride, .. }] if stride == width as isize);
        let outer = layout_of(&self.kept[..self.kept.len() - 1], self.offset);
        let outer = Walk::new([&outer]);
        let units = partials.len() / width * tiles;
        let partials = Disjoint::new(partials);
        for_ranges(units, GRAIN.div_ceil(len.min(CHUNK) * tile), |units| {
            let mut near = [self.f.identity(); 512];
            let mut far = Vec::new();
            for unit in units {
                let (row, column) = (unit / tiles, unit % tiles * tile);
                let (output, chunk) = (row / chunks, row % chunks);
                let n = tile.min(width - column);
                let rows = chunk * CHUNK..len.min((chunk + 1) * CHUNK);
                let size = rows.len().min(LANES) * n;
                let lanes = match near.get_mut(..size) {
                    Some(lanes) => lanes,
                    None => {
                        far.resize(LANES * tile, self.f.identity());
                        &mut far[..size]
                    }
                };
                lanes.fill(self.f.identity());
                let mut base = 0;
                outer.runs(output..output + 1, |_, [at], _| base = at);
                if is_flat {
                    let at = base + rows.start * width;
                    fold_flat(self.f, &self.data[at..at + rows.len() * width], lanes);
                } else {
                    let walk = Walk::new([&layout_of(&self.met, base + column)]);
                    walk.runs(rows.clone(), |position, [at], run| {
                        fold_columns(
                            self.f,
                            self.data,
                            at,
                            walk.inner[0],
                            position - rows.start,
                            run,
                            n,
                            lanes,
                        );
                    });
                }
                halve_rows::<T, F>(self.f, lanes, n);
                // SAFETY: each unit writes its own tile of its own row, and each unit is handed out once.
                unsafe { partials.slice(row * width + column..row * width + column + n) }
                    .copy_from_slice(&lanes[..n]);
            }
        });
    }
}
