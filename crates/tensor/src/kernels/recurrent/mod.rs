//! Recurrent layers over many sequences at once, and their gradients.
//!
//! Steps of all sequences lie in one matrix of rows: those of the first step, then those of the second, and so on. Sequences
//! stand in the order of their lengths, the longest first, so that those that still run at a step are the first ones and no
//! row is padding. What the input adds to the gates has been computed for all rows together; here is what depends on the
//! step before: a product with the recurrent weight, packed once, and a pass over the gates ([`cells`]).
//!
//! Threads take sequences, not parts of a step, so that no thread waits for another before the last step. A row of a result
//! depends on its own sequence alone: products follow the order law of [`super::matmul`], and the rest is element by element.
//! So a sequence has the same bits in any company, padded or not.
//!
//! Sources: Hochreiter and Schmidhuber 1997, Gers et al. 2000 (LSTM); Cho et al. 2014 and, for where the reset gate stands,
//! PyTorch's documentation of `GRU`.

mod cells;

use super::matmul::{Epilogue, Mat, matmul};
use super::tile::{Finish, Line, Rows, Runs, correlate, packed_len};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::vector::{Scalar, lanes};
use crate::parallel::{self, Disjoint};
use std::ops::Range;

/// What is computed at a step. With x the input's share of the gates, z = W·h + b the recurrent one:
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// h = tanh(x + z)
    Tanh,
    /// h = max(x + z, 0)
    Relu,
    /// Gates i, f, g, o of x + z: c = σ(f)·c + σ(i)·tanh(g), h = σ(o)·tanh(c).
    Lstm,
    /// Gates r, u, n: r = σ(xᵣ + zᵣ), u = σ(xᵤ + zᵤ), n = tanh(xₙ + r·zₙ), h = (1 − u)·n + u·h.
    Gru,
}

impl Cell {
    /// Rows of the weight for each hidden unit.
    pub fn gates(self) -> usize {
        match self {
            Cell::Tanh | Cell::Relu => 1,
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }

    /// State vectors: h, and c of an LSTM.
    pub fn states(self) -> usize {
        if self == Cell::Lstm { 2 } else { 1 }
    }

    /// Numbers that the gradient needs for each unit of a row, beside h.
    pub(crate) fn kept(self) -> usize {
        match self {
            Cell::Tanh | Cell::Relu => 0,
            // i, f, g, o, c
            Cell::Lstm => 5,
            // r, u, zₙ, n
            Cell::Gru => 4,
        }
    }
}

/// The rows of a batch of sequences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps<'a> {
    pub cell: Cell,
    /// How many sequences run at each step: not increasing, none of them 0.
    pub sizes: &'a [usize],
    /// Sequences, those without a step included.
    pub n: usize,
    /// Hidden units.
    pub h: usize,
    /// Whether each sequence is read from its last step to its first.
    pub reverse: bool,
}

impl Steps<'_> {
    /// Rows of all steps.
    pub fn rows(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// First row of each step, in the order in which steps are computed.
    fn in_order(&self) -> Vec<(usize, usize)> {
        let mut first = 0;
        let mut steps: Vec<(usize, usize)> = Vec::with_capacity(self.sizes.len());
        for &size in self.sizes {
            steps.push((first, size));
            first += size;
        }
        if self.reverse {
            steps.reverse();
        }
        steps
    }

    /// The sequences of each piece of the job: about equally many rows, and a few sequences at least.
    fn pieces(&self) -> Vec<Range<usize>> {
        /// Multiply-adds that are worth a thread, and sequences that share a read of the weight.
        const PART: usize = 1 << 18;
        const TOGETHER: usize = 4;
        let rows = self.rows();
        let work = rows.saturating_mul(self.h * self.h).saturating_mul(self.cell.gates());
        let pieces = parallel::threads().min(work / PART).min(self.n / TOGETHER).max(1);
        let (mut bounds, mut before) = (vec![0], 0);
        for i in 0..self.n {
            let steps = self.sizes.partition_point(|&size| size > i);
            if before * pieces >= rows * bounds.len() && bounds.len() < pieces {
                bounds.push(i);
            }
            before += steps;
        }
        bounds.push(self.n);
        bounds.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }
}

/// A weight in the order of [`pack`](super::tile::pack), for products that take `ins` numbers to `outs`.
struct Packed<T: Scalar> {
    weight: Buffer,
    runs: Runs,
    outs: usize,
    of: std::marker::PhantomData<T>,
}

impl<T: Scalar> Packed<T> {
    /// Of `w`: `(outs, ins)` if `turned`, else `(ins, outs)`.
    fn new(ins: usize, outs: usize, w: &[T], turned: bool) -> Result<Self> {
        let (lanes, whole) = (lanes::<T>(), outs.next_multiple_of(lanes::<T>()));
        let mut weight = Buffer::new("recurrent", packed_len::<T>(ins, outs), T::DTYPE)?;
        let out = Disjoint::new(weight.as_mut_slice::<T>());
        parallel::for_ranges(whole.div_ceil(2 * lanes), 1, |blocks| {
            for first in blocks.map(|block| block * 2 * lanes) {
                let width = (2 * lanes).min(whole - first);
                let there = width.min(outs - first);
                // SAFETY: blocks follow one another, and each is handed out once.
                let block = unsafe { out.slice(first * ins..(first + width) * ins) };
                if !turned {
                    for (row, from) in block.chunks_exact_mut(width).zip(w.chunks_exact(outs)) {
                        row[..there].copy_from_slice(&from[first..first + there]);
                        row[there..].fill(T::ZERO);
                    }
                    continue;
                }
                // A few rows at a time, which stay in the first cache while all columns are written.
                for (part, rows) in block.chunks_mut(16 * width).enumerate() {
                    if there < width {
                        rows.fill(T::ZERO);
                    }
                    for c in 0..there {
                        let from = &w[(first + c) * ins + part * 16..];
                        for (row, &x) in rows.chunks_exact_mut(width).zip(from) {
                            row[c] = x;
                        }
                    }
                }
            }
        });
        Ok(Self { weight, runs: Runs::new([0], ins), outs, of: std::marker::PhantomData })
    }

    /// `count` rows of outputs `to_step` apart, from rows of inputs `from_step` apart.
    ///
    /// # Safety
    /// Rows must be readable from `from` on, writable from `to` on, and no other thread's; a bias as long as the outputs.
    unsafe fn product(
        &self,
        from: *const T,
        from_step: usize,
        to: *mut T,
        to_step: usize,
        count: usize,
        bias: Option<&[T]>,
    ) {
        let line = [Line { a: 0, b: 0, count }];
        let rows = Rows {
            a: from,
            a_step: from_step,
            b: to,
            b_step: to_step,
            lines: &line,
            runs: &self.runs,
            n: self.outs,
        };
        let finish = Finish { bias: bias.map_or(std::ptr::null(), <[T]>::as_ptr), ..Finish::none() };
        // SAFETY: the caller's promises; the weight was packed with these sizes.
        unsafe { correlate(&rows, self.weight.as_slice::<T>().as_ptr(), finish) }
    }
}

/// What [`forward`] reads: shares of the input (rows, gates·h), weight (gates·h, h), bias (gates·h), first states
/// (states, n, h).
#[derive(Clone, Copy)]
pub(crate) struct Given<'a, T> {
    pub gates: &'a [T],
    pub weight: &'a [T],
    pub bias: Option<&'a [T]>,
    pub states: &'a [T],
}

/// out (rows + states·n, h): h of every row, then the last state of each sequence. `kept` (rows, kept·h) for the gradient,
/// or empty if none is wanted.
pub(crate) fn forward<T: Scalar>(
    steps: &Steps,
    given: &Given<T>,
    out: &mut [T],
    kept: &mut [T],
) -> Result<()> {
    let (h, n, rows, cell) = (steps.h, steps.n, steps.rows(), steps.cell);
    let wide = cell.gates() * h;
    if let [size] = *steps.sizes {
        return one_step(steps, size, given, out, kept);
    }
    let packed = Packed::new(h, wide, given.weight, true)?;
    let pieces = steps.pieces();
    // Where the gradient will not ask for it, one step's worth is kept for each sequence.
    let keep = !kept.is_empty();
    let per_row = match cell.kept() {
        0 => 0,
        kept => kept * h,
    };
    let mut room = Buffer::new("recurrent", if keep { 0 } else { n * per_row }, T::DTYPE)?;
    let (hidden, states) = out.split_at_mut(rows * h);
    states.copy_from_slice(given.states);
    let (hidden, states) = (Disjoint::new(hidden), Disjoint::new(states));
    let kept = Disjoint::new(if keep { kept } else { room.as_mut_slice() });
    let order = steps.in_order();
    parallel::run(pieces.len(), |piece| {
        let Range { start, end } = pieces[piece];
        for &(first, size) in &order {
            let count = size.min(end).saturating_sub(start);
            if count == 0 {
                continue;
            }
            let row = first + start;
            // SAFETY: rows and states of a piece's sequences are its own, and each slice below is let go before the next.
            unsafe {
                let kept_from = (if keep { row } else { start }) * per_row;
                let z = match per_row {
                    0 => hidden.slice(row * h..(row + count) * h).as_mut_ptr(),
                    _ => kept.slice(kept_from..kept_from + count * per_row).as_mut_ptr(),
                };
                let z_step = if per_row == 0 { h } else { per_row };
                let state = states.slice(start * h..(start + count) * h).as_ptr();
                packed.product(state, h, z, z_step, count, given.bias);
                for i in 0..count {
                    let c = match cell {
                        Cell::Lstm => states.slice((n + start + i) * h..(n + start + i + 1) * h),
                        _ => &mut [],
                    };
                    finish_row(
                        cell,
                        &given.gates[(row + i) * wide..][..wide],
                        kept.slice(kept_from + i * per_row..kept_from + (i + 1) * per_row),
                        states.slice((start + i) * h..(start + i + 1) * h),
                        c,
                        hidden.slice((row + i) * h..(row + i + 1) * h),
                    );
                }
            }
        }
    });
    Ok(())
}

/// The pass over the gates of a row, whose z stands in `kept`, or in `out` where nothing is kept.
fn finish_row<T: Scalar>(cell: Cell, x: &[T], kept: &mut [T], state: &mut [T], c: &mut [T], out: &mut [T]) {
    match cell {
        Cell::Tanh => cells::tanh(x, out),
        Cell::Relu => cells::relu(x, out),
        Cell::Lstm => cells::lstm(x, kept, c, out),
        Cell::Gru => cells::gru(x, kept, state, out),
    }
    state.copy_from_slice(out);
}

/// [`forward`] for a single step: the weight is read once, where it lies, by a product of the same order.
fn one_step<T: Scalar>(
    steps: &Steps,
    size: usize,
    given: &Given<T>,
    out: &mut [T],
    kept: &mut [T],
) -> Result<()> {
    let (h, n, cell) = (steps.h, steps.n, steps.cell);
    let (wide, per_row) = (cell.gates() * h, cell.kept() * h);
    let mut z = Buffer::new("recurrent", size * wide, T::DTYPE)?;
    let z: &mut [T] = z.as_mut_slice();
    let mat =
        |data, rows, row_stride, col_stride| Mat { data, offset: 0, rows, cols: h, row_stride, col_stride };
    let weight = mat(given.weight, wide, h as isize, 1).t();
    let epilogue = Epilogue { bias: given.bias, relu: false };
    matmul(z, mat(&given.states[..size * h], size, h as isize, 1), weight, epilogue);
    let (hidden, states) = out.split_at_mut(size * h);
    states.copy_from_slice(given.states);
    let (states, cs) = states.split_at_mut(n * h);
    let mut room = vec![T::ZERO; if kept.is_empty() { per_row } else { 0 }];
    for (i, (out, z)) in hidden.chunks_exact_mut(h).zip(z.chunks_exact(wide)).enumerate() {
        let kept = if kept.is_empty() { &mut room[..] } else { &mut kept[i * per_row..(i + 1) * per_row] };
        match per_row {
            0 => out.copy_from_slice(z),
            _ => kept[..wide].copy_from_slice(z),
        }
        let c = cs.get_mut(i * h..(i + 1) * h).unwrap_or_default();
        let x = &given.gates[i * wide..][..wide];
        finish_row(cell, x, kept, &mut states[i * h..(i + 1) * h], c, out);
    }
    Ok(())
}

/// What [`backward`] reads beside what [`forward`] did: the gradient of `out`, `out` itself and what was kept.
#[derive(Clone, Copy)]
pub(crate) struct Made<'a, T> {
    pub grad: &'a [T],
    pub out: &'a [T],
    pub kept: &'a [T],
}

/// `gates` (rows, gates·h): gradients of the input's shares. `recurrent`, of the same size: those of z where they are others
/// (GRU), else empty. `states` (states, n, h): those of the first states. `before` (rows, h): the h that each row began
/// with, for the gradient of the weight, which is `zᵀ·before`.
pub(crate) struct Wanted<'a, T> {
    pub gates: &'a mut [T],
    pub recurrent: &'a mut [T],
    pub states: &'a mut [T],
    pub before: &'a mut [T],
}

/// Back through all steps.
pub(crate) fn backward<T: Scalar>(
    steps: &Steps,
    given: &Given<T>,
    made: &Made<T>,
    wanted: Wanted<T>,
) -> Result<()> {
    let (h, n, rows, cell) = (steps.h, steps.n, steps.rows(), steps.cell);
    let (wide, per_row) = (cell.gates() * h, cell.kept() * h);
    let packed = Packed::new(wide, h, given.weight, false)?;
    let pieces = steps.pieces();
    let (grad, last) = made.grad.split_at(rows * h);
    wanted.states.copy_from_slice(last);
    let mut room = Buffer::new("recurrent", n * h, T::DTYPE)?;
    let room = Disjoint::new(room.as_mut_slice::<T>());
    let (states, before) = (Disjoint::new(wanted.states), Disjoint::new(wanted.before));
    let (gates, recurrent) = (Disjoint::new(wanted.gates), Disjoint::new(wanted.recurrent));
    let order = steps.in_order();
    parallel::run(pieces.len(), |piece| {
        let Range { start, end } = pieces[piece];
        let mut scratch = vec![T::ZERO; h];
        for (at, &(first, size)) in order.iter().enumerate().rev() {
            let count = size.min(end).saturating_sub(start);
            if count == 0 {
                continue;
            }
            // Sequences that ran at the step before this one; the others began here.
            let earlier = at.checked_sub(1).map_or((0, 0), |at| order[at]);
            let row = first + start;
            // SAFETY: rows and states of a piece's sequences are its own, and each slice below is let go before the next.
            unsafe {
                for i in 0..count {
                    let sequence = start + i;
                    let begun = sequence < earlier.1;
                    let of_state = |state: usize| match begun {
                        true => &made.out[(earlier.0 + sequence) * h..][..h],
                        false => &given.states[(state * n + sequence) * h..][..h],
                    };
                    let h_before = of_state(0);
                    before.slice((row + i) * h..(row + i + 1) * h).copy_from_slice(h_before);
                    let g = &grad[(row + i) * h..][..h];
                    let kept = &made.kept[(row + i) * per_row..][..per_row];
                    let dx = gates.slice((row + i) * wide..(row + i + 1) * wide);
                    let dh = states.slice(sequence * h..(sequence + 1) * h);
                    let y = &made.out[(row + i) * h..][..h];
                    cells::add(dh, g);
                    match cell {
                        Cell::Tanh => cells::tanh_back(y, dh, dx),
                        Cell::Relu => cells::relu_back(y, dh, dx),
                        Cell::Lstm => {
                            let c_before = match begun {
                                true => &made.kept[(earlier.0 + sequence) * per_row + 4 * h..][..h],
                                false => &given.states[(n + sequence) * h..][..h],
                            };
                            let dc = states.slice((n + sequence) * h..(n + sequence + 1) * h);
                            cells::lstm_back(kept, c_before, dh, dc, &mut scratch, dx);
                        }
                        Cell::Gru => {
                            let dz = recurrent.slice((row + i) * wide..(row + i + 1) * wide);
                            let carried = room.slice(sequence * h..(sequence + 1) * h);
                            cells::gru_back(kept, h_before, dh, dx, dz, carried);
                        }
                    }
                }
                let from = match cell {
                    Cell::Gru => &recurrent,
                    _ => &gates,
                };
                let z = from.slice(row * wide..(row + count) * wide).as_ptr();
                let dh = states.slice(start * h..(start + count) * h);
                packed.product(z, wide, dh.as_mut_ptr(), h, count, None);
                if cell == Cell::Gru {
                    cells::add(dh, room.slice(start * h..(start + count) * h));
                }
            }
        }
    });
    Ok(())
}
