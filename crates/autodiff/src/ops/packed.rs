//! Results of a factorization in one tensor `[…, k]`, as views; for rules, their gradients out of the packed one's.

use crate::error::Result;
use crate::var::Var;

/// Part `start..` of a packed result as the m × n matrix that stands there column by column.
pub(crate) fn matrix(packed: &Var, start: usize, m: usize, n: usize) -> Result<Var> {
    let lead = &packed.shape()[..packed.rank() - 1];
    packed.narrow(-1, start, m * n)?.reshape([lead, &[n, m]].concat())?.t()
}

/// A vector as the columns' factors: `x·diag(v)`.
pub(crate) fn scale_columns(x: &Var, v: &Var) -> Result<Var> {
    x.mul(&v.unsqueeze(-2)?)
}
