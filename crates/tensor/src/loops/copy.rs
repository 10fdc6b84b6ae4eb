//! Copies between layouts, tiled where the fast axis changes.

#[cfg(target_arch = "x86_64")]
mod x86;

use super::axes::{Axis, axes_of, joined, layout_of};
use super::walk::Walk;
use crate::layout::{Layout, Strides};
use crate::parallel::{Disjoint, for_chunks, for_ranges};
use crate::simd::simd_fn;
use crate::word::Plain;

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;
/// Blocks to a side of the tile that one thread turns at a time: lines of neighbouring blocks are neighbours in memory,
/// which fetching ahead counts on, and the tile's pages stay at hand. Best of 13 shapes tried, from 1×16 to 64×1.
const BLOCKS: usize = 8;

/// The elements that `layout` names in `data`, in row-major order, into `out`.
pub(crate) fn copy_into<T: Plain>(data: &[T], layout: &Layout, out: &mut [T]) {
    if layout.is_contiguous() {
        let x = &data[layout.offset..layout.offset + out.len()];
        return for_chunks(out, GRAIN, |start, out| out.copy_from_slice(&x[start..start + out.len()]));
    }
    if let Some(turn) = Turn::new(layout) {
        return turn.copy(data, out);
    }
    let walk = Walk::new([layout]);
    for_chunks(out, GRAIN, |start, out| {
        walk.runs(start..start + out.len(), |position, [at], len| {
            let out = &mut out[position - start..][..len];
            match walk.inner[0] {
                1 => out.copy_from_slice(&data[at..at + len]),
                0 => out.fill(data[at]),
                step => {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = data[(at as isize + i as isize * step) as usize];
                    }
                }
            }
        });
    });
}

/// A copy that turns planes: what are neighbours in memory (rows here) are not neighbours in the result.
struct Turn {
    /// Neighbours in memory; their step in the result.
    rows: usize,
    row_step: usize,
    /// Neighbours in the result; their step in memory.
    columns: usize,
    column_step: isize,
    /// The other axes: where planes begin in memory, and in the result.
    planes: [Layout; 2],
}

impl Turn {
    /// `None` where the last axis is the fast one already, or no other axis is.
    fn new(layout: &Layout) -> Option<Self> {
        let mut axes = joined(axes_of(layout));
        let out: Strides = Layout::contiguous(&layout_of(&axes, 0).shape).strides;
        let mut outs: Vec<Axis> =
            axes.iter().zip(&out).map(|(a, &stride)| Axis { size: a.size, stride }).collect();
        let last = axes.pop().filter(|a| a.stride != 1 && a.size >= 4)?;
        outs.pop();
        let fast = axes.iter().position(|a| a.stride == 1 && a.size >= 4)?;
        let (row, row_out) = (axes.remove(fast), outs.remove(fast));
        Some(Self {
            rows: row.size,
            row_step: row_out.stride as usize,
            columns: last.size,
            column_step: last.stride,
            planes: [layout_of(&axes, layout.offset), layout_of(&outs, 0)],
        })
    }

    fn copy<T: Plain>(&self, data: &[T], out: &mut [T]) {
        // Rows and columns of a block: whole cache lines on both sides, and the block stays in the first cache.
        self.copy_blocks::<T, 16>(data, out);
    }

    fn copy_blocks<T: Plain, const B: usize>(&self, data: &[T], out: &mut [T]) {
        let walk = Walk::new([&self.planes[0], &self.planes[1]]);
        let side = B * BLOCKS;
        let (down, across) = (self.rows.div_ceil(side), self.columns.div_ceil(side));
        let out = Disjoint::new(out);
        let len = self.rows.min(side) * self.columns.min(side);
        for_ranges(self.planes[0].len() * down * across, GRAIN.div_ceil(len), |tiles| {
            let mut block = [[T::default(); B]; B];
            for tile in tiles {
                let (plane, tile) = (tile / (down * across), tile % (down * across));
                let (top, left) = (tile / across * side, tile % across * side);
                walk.runs(plane..plane + 1, |_, [from, to], _| {
                    for row in (top..self.rows.min(top + side)).step_by(B) {
                        for column in (left..self.columns.min(left + side)).step_by(B) {
                            let columns = B.min(self.columns - column);
                            let from = ((from + row) as isize + column as isize * self.column_step) as usize;
                            let to = to + row * self.row_step + column;
                            let rows = B.min(self.rows - row);
                            if rows == B
                                && columns == B
                                && turned_in_registers::<T, B>(
                                    data,
                                    from,
                                    self.column_step,
                                    &out,
                                    to,
                                    self.row_step,
                                )
                            {
                                continue;
                            }
                            take_block(data, from, self.column_step, rows, columns, &mut block);
                            turn_block(&block, &out, to, self.row_step, rows, columns);
                        }
                    }
                });
            }
        });
    }
}

/// Turns a whole block without a stop in memory, where this CPU and the element size have a way to; returns whether.
#[inline]
fn turned_in_registers<T: Plain, const B: usize>(
    data: &[T],
    from: usize,
    column_step: isize,
    out: &Disjoint<T>,
    to: usize,
    row_step: usize,
) -> bool {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    use crate::simd::{SimdLevel, simd_level};
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if size_of::<T>() == 4 && B == 16 && simd_level() >= SimdLevel::Avx2 {
        let last = from as isize + (B as isize - 1) * column_step;
        assert!(
            last.min(from as isize) >= 0 && last.max(from as isize) as usize + B <= data.len(),
            "invariant: tiles lie inside the source"
        );
        assert!(to + (B - 1) * row_step + B <= out.len, "invariant: tiles lie inside the result");
        let from = data[from..].as_ptr().cast::<f32>();
        // SAFETY: B elements from each of the B starts were just found to lie inside, the elements have four bytes, the
        // level says what the CPU has, and no other thread has these elements of `out`.
        unsafe {
            let to = out.at(to).cast::<f32>();
            match simd_level() {
                SimdLevel::Avx512 => x86::turn16(from, column_step, to, row_step),
                _ => {
                    for (r, c) in [(0, 0), (8, 0), (0, 8), (8, 8)] {
                        let from = from.offset(r as isize + c as isize * column_step);
                        x86::turn8(from, column_step, to.add(r * row_step + c), row_step);
                    }
                }
            }
        }
        return true;
    }
    let _ = (data, from, column_step, out, to, row_step);
    false
}

simd_fn! {
    /// `block[c][r] = data[from + r + c·column_step]`: whole lines at a time, so that many are on their way at once.
    fn take_block[T: Plain, const B: usize](
        data: &[T], from: usize, column_step: isize, rows: usize, columns: usize, block: &mut [[T; B]; B],
    ) {
        for (c, line) in block[..columns].iter_mut().enumerate() {
            let at = (from as isize + c as isize * column_step) as usize;
            match data[at..].first_chunk::<B>() {
                Some(x) if rows == B => *line = *x,
                _ => line[..rows].copy_from_slice(&data[at..at + rows]),
            }
        }
    }

    /// `out[to + r·row_step + c] = block[c][r]`. No other thread has these elements of `out`.
    fn turn_block[T: Plain, const B: usize](
        block: &[[T; B]; B], out: &Disjoint<T>, to: usize, row_step: usize, rows: usize, columns: usize,
    ) {
        for r in 0..rows {
            let at = to + r * row_step;
            // SAFETY: a row of the block that this thread alone was given, one at a time.
            let line = unsafe { out.slice(at..at + columns) };
            match <&mut [T; B]>::try_from(&mut *line) {
                Ok(line) => {
                    for c in 0..B {
                        line[c] = block[c][r];
                    }
                }
                Err(_) => {
                    for (x, column) in line.iter_mut().zip(block) {
                        *x = column[r];
                    }
                }
            }
        }
    }
}
