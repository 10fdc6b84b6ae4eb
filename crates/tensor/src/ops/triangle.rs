//! Parts of matrices beside the diagonal.

use crate::error::{Error, Result};
use crate::loops::copy::copy_into;
use crate::parallel::for_chunks;
use crate::tensor::Tensor;
use crate::word::with_words;

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;

/// `x` with 0 where `keep(column − row)` does not hold.
fn banded(op: &'static str, x: &Tensor, keep: impl Fn(i128) -> bool + Sync) -> Result<Tensor> {
    let &[.., rows, columns] = x.shape() else {
        return Err(Error::ShapeMismatch {
            op,
            rule: "there must be two axes at least, rows and columns",
            shapes: vec![x.shape().to_vec()],
            repair: "add an axis with unsqueeze",
        });
    };
    with_words!(x.dtype(), W => Tensor::build_words(op, x.shape(), x.dtype(), |out: &mut [W]| {
        copy_into(x.words::<W>(), x.layout(), out);
        for_chunks(out, columns * (GRAIN / columns.max(1)).max(1), |start, out| {
            for (i, row) in out.chunks_exact_mut(columns).enumerate() {
                let r = (start / columns + i) % rows;
                for (c, y) in row.iter_mut().enumerate() {
                    if !keep(c as i128 - r as i128) {
                        *y = 0;
                    }
                }
            }
        });
    }))
}

impl Tensor {
    /// The lower triangle of the last two axes: 0 above diagonal `diagonal`, which is 0 for the main one, 1 for that
    /// to its right, −1 for that below. Of ones, a causal mask.
    ///
    /// Errors: `ShapeMismatch` below rank 2.
    pub fn tril(&self, diagonal: isize) -> Result<Tensor> {
        banded("tril", self, |d| d <= diagonal as i128)
    }

    /// The upper triangle of the last two axes: 0 below diagonal `diagonal`, counted as in [`Tensor::tril`].
    ///
    /// Errors: `ShapeMismatch` below rank 2.
    pub fn triu(&self, diagonal: isize) -> Result<Tensor> {
        banded("triu", self, |d| d >= diagonal as i128)
    }

    /// Matrices with the last axis as their diagonal and 0 elsewhere: `[…, n]` to `[…, n, n]`. The inverse of
    /// [`Tensor::diagonal`].
    ///
    /// Errors: `ShapeMismatch` for a scalar; `ShapeOverflow`, `OutOfMemory`.
    pub fn diag(&self) -> Result<Tensor> {
        let &[.., n] = self.shape() else {
            return Err(Error::ShapeMismatch {
                op: "diag",
                rule: "there must be an axis to be the diagonal",
                shapes: vec![vec![]],
                repair: "add an axis with unsqueeze",
            });
        };
        let x = self.contiguous()?;
        let shape = [self.shape(), &[n]].concat();
        with_words!(self.dtype(), W => Tensor::build_words("diag", &shape, self.dtype(), |out: &mut [W]| {
            out.fill(0);
            let x = x.contiguous_words::<W>();
            for (row, (out, &x)) in out.chunks_exact_mut(n.max(1)).zip(x).enumerate() {
                out[row % n] = x;
            }
        }))
    }
}
