//! Differences of neighbours along an axis, taken n times.   By the rules of narrow and sub

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::widened::rounded;
use crate::var::Var;

impl Var {
    /// `y[k] = x[k + 1] − x[k]` along `axis`, taken `n` times; the axis becomes shorter by `n`, down to 0.
    ///
    /// Errors: `InvalidAxis`. Source: `numpy.diff`.
    pub fn diff(&self, n: usize, axis: isize) -> Result<Var> {
        if let Some(out) = rounded(self, &|x| x.diff(n, axis)) {
            return out;
        }
        let none = self.narrow(axis, 0, 0).map_err(|e| e.named("diff"))?;
        let len = self.shape()[axis.rem_euclid(self.rank() as isize) as usize];
        if n >= len {
            return Ok(none);
        }
        let mut x = self.clone();
        for left in (len - n..len).rev() {
            x = x.narrow(axis, 1, left)?.sub(&x.narrow(axis, 0, left)?)?;
        }
        Ok(x)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(412);
    vec![
        OpSpec::new("diff")
            .case("twice", [s.uniform([2, 4], -1.0, 1.0)], [2, 2], |x| x[0].diff(2, -1))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(4).flat_map(|r| (0..2).map(|i| (r[i + 2] - r[i + 1]) - (r[i + 1] - r[i]))).collect()
            })
            .case("not at all", [s.uniform([2], -1.0, 1.0)], [2], |x| x[0].diff(0, 0))
            .reference(|x| x[0].to_vec::<f64>().unwrap_or_default())
            .case("of one", [s.uniform([2, 1], -1.0, 1.0)], [2, 0], |x| x[0].diff(1, 1))
            .case("too often", [s.uniform([2, 3], -1.0, 1.0)], [0, 3], |x| x[0].diff(5, 0))
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].diff(1, 1))
            .case("large", [s.uniform([301, 700], -1.0, 1.0)], [300, 700], |x| x[0].diff(1, 0))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].diff(1, 1),
                "[diff] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
