//! LU of large matrices: blocks of columns one after the other, what is right of a block in parts over threads.
//!
//! The parts have one width, whatever the number of threads, so that bits do not depend on it.

use super::{Fault, Real, Stack, columns, columns_mut};
use crate::dtype::Number;
use crate::parallel::for_chunks;
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::solve_unit_lower_triangular_in_place;
use faer::{Accum, MatRef, Par};
use std::sync::{Mutex, PoisonError};

/// Columns of a block.
const BLOCK: usize = 64;
/// Columns of a part.
const WIDTH: usize = 64;
/// Rows and columns from which on threads are worth it.
pub(super) const LARGE: usize = 256;

/// LU with row exchanges in the columns of `a` (m × n); `from` says where each row came from, `to` has as much room. Whether
/// exchanges are odd.
///
/// A block cannot be shared between threads, so none waits for it: who brings the first part up to date goes on and
/// factorizes the next block in it, while others work on the parts to its right.
pub(super) fn lu<T: Real>(
    a: &mut [T],
    (m, n): (usize, usize),
    from: &mut [usize],
    to: &mut [usize],
    stack: &mut Stack,
) -> Result<bool, Fault> {
    let k = m.min(n);
    // Where the rows of each block and of all below came from.
    let mut orders: Vec<Vec<usize>> = Vec::with_capacity(k.div_ceil(BLOCK));
    let mut odd = false;
    // Block and rows from `j` on, in the columns `part`.
    let mut factorize = |part: &mut [T], j: usize| -> Result<Vec<usize>, Fault> {
        let (b, rows) = (BLOCK.min(k - j), m - j);
        let mut order = vec![0; rows];
        let stack = stack.get(lu_in_place_scratch::<usize, T>(rows, b, Par::Seq, Default::default()))?;
        let block = columns_mut(&mut part[..b * m], m, b).submatrix_mut(j, 0, rows, b);
        let (info, _) = lu_in_place(block, &mut order, &mut to[..rows], Par::Seq, stack, Default::default());
        odd ^= info.transposition_count % 2 == 1;
        Ok(order)
    };
    orders.push(factorize(a, 0)?);
    for j in (0..k).step_by(BLOCK) {
        let (b, moves) = (BLOCK.min(k - j), moves(&orders[j / BLOCK]));
        let (done, right) = a.split_at_mut((j + b) * m);
        let block: MatRef<T> = columns(&done[j * m..], m, b);
        let next = Mutex::new((&mut factorize, None));
        for_chunks(right, WIDTH * m, |start, part| {
            exchange(part, m, j, &moves);
            let width = part.len() / m;
            let (_, rows) = columns_mut(part, m, width).split_at_row_mut(j);
            let (mut top, below) = rows.split_at_row_mut(b);
            solve_unit_lower_triangular_in_place(block.submatrix(j, 0, b, b), top.as_mut(), Par::Seq);
            let l = block.submatrix(j + b, 0, m - j - b, b);
            matmul(below, Accum::Add, l, top.as_ref(), Number::neg(<T as Number>::ONE), Par::Seq);
            if start == 0 && j + b < k {
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                next.1 = Some((next.0)(part, j + b));
            }
        });
        if let Some(order) = next.into_inner().unwrap_or_else(PoisonError::into_inner).1 {
            orders.push(order?);
        }
    }
    // Rows to the left of a block have moved with its own, and are put there once.
    from.iter_mut().enumerate().for_each(|(i, from)| *from = i);
    for (c, order) in orders.iter_mut().enumerate().rev() {
        let j = c * BLOCK;
        let later = from[j..].iter().map(|&i| i - j).collect();
        let own = std::mem::replace(order, later);
        from[j..].iter_mut().for_each(|i| *i = j + own[*i - j]);
    }
    for_chunks(&mut a[..k * m], BLOCK * m, |start, part| {
        let c = start / (BLOCK * m);
        exchange(part, m, c * BLOCK, &moves(&orders[c]));
    });
    Ok(odd)
}

/// The rows that move: where to and from where. For one block they are at most twice its columns.
fn moves(order: &[usize]) -> Vec<(usize, usize)> {
    order.iter().copied().enumerate().filter(|(to, from)| to != from).collect()
}

/// Moves rows, counted from `j` on, in the columns `part` of m rows.
fn exchange<T: Real>(part: &mut [T], m: usize, j: usize, moves: &[(usize, usize)]) {
    let mut moved = Vec::with_capacity(moves.len());
    for column in part.chunks_exact_mut(m) {
        let column = &mut column[j..];
        moved.clear();
        moved.extend(moves.iter().map(|&(_, from)| column[from]));
        moves.iter().zip(&moved).for_each(|(&(to, _), &x)| column[to] = x);
    }
}
