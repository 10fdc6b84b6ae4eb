//! LU of large matrices: blocks of columns one after the other, what is right of a block in parts over threads.
//!
//! The parts have one width, whatever the number of threads, so that bits do not depend on it.

use super::{Fault, Real, Stack, columns, columns_mut};
use crate::dtype::Number;
use crate::parallel::for_chunks;
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::solve_unit_lower_triangular_in_place;
use faer::{Accum, MatMut, MatRef, Par};

/// Columns of a block.
const BLOCK: usize = 64;
/// Columns of a part.
const WIDTH: usize = 64;
/// Rows and columns from which on threads are worth it.
pub(super) const LARGE: usize = 256;

/// LU with row exchanges in the columns of `a` (m × n); `from` says where each row came from, `to` has as much room. Whether
/// exchanges are odd.
pub(super) fn lu<T: Real>(
    a: &mut [T],
    (m, n): (usize, usize),
    from: &mut [usize],
    to: &mut [usize],
    stack: &mut Stack,
) -> Result<bool, Fault> {
    from.iter_mut().enumerate().for_each(|(i, from)| *from = i);
    let (k, mut odd) = (m.min(n), false);
    let mut own = vec![0; m];
    for j in (0..k).step_by(BLOCK) {
        let (b, rows) = (BLOCK.min(k - j), m - j);
        let own = &mut own[..rows];
        let (left, rest) = a.split_at_mut(j * m);
        let (block, right) = rest.split_at_mut(b * m);
        let stack = stack.get(lu_in_place_scratch::<usize, T>(rows, b, Par::Seq, Default::default()))?;
        let panel = MatMut::from_column_major_slice_mut(block, m, b).submatrix_mut(j, 0, rows, b);
        let (info, _) = lu_in_place(panel, own, &mut to[..rows], Par::Seq, stack, Default::default());
        odd ^= info.transposition_count % 2 == 1;
        let exchange = |part: &mut [T]| {
            let mut column = Vec::with_capacity(rows);
            for x in part.chunks_exact_mut(m) {
                column.clear();
                column.extend_from_slice(&x[j..]);
                x[j..].iter_mut().zip(&*own).for_each(|(x, &from)| *x = column[from]);
            }
        };
        let moved: Vec<usize> = own.iter().map(|&i| from[j + i]).collect();
        from[j..].copy_from_slice(&moved);
        for_chunks(left, WIDTH * m, |_, part| exchange(part));
        let block: MatRef<T> = columns(block, m, b);
        for_chunks(right, WIDTH * m, |_, part| {
            exchange(part);
            let width = part.len() / m;
            let (_, part) = columns_mut(part, m, width).split_at_row_mut(j);
            let (mut top, below) = part.split_at_row_mut(b);
            solve_unit_lower_triangular_in_place(block.submatrix(j, 0, b, b), top.as_mut(), Par::Seq);
            let l = block.submatrix(j + b, 0, rows - b, b);
            matmul(below, Accum::Add, l, top.as_ref(), Number::neg(<T as Number>::ONE), Par::Seq);
        });
    }
    Ok(odd)
}
