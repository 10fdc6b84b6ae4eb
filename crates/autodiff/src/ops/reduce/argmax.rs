//! Where along an axis the largest element stands. A number of positions, not of quantities: it has no derivative.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::declared::declared;
use crate::var::Var;

impl Var {
    /// Where along `axis` the largest element stands, the first of equals, as I64; the first NaN where there is one.
    /// The axis is dropped. Not differentiable.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` for booleans; `EmptyReduction` for an axis of size 0.
    pub fn argmax(&self, axis: isize) -> Result<Var> {
        declared("argmax", self, move |x| x.argmax(axis))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(25);
    vec![
        OpSpec::new("argmax")
            .not_differentiable()
            .case("last axis", [s.uniform([3, 5], -2.0, 2.0)], [3], |x| x[0].argmax(-1))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                let first = |row: &[f64]| (0..5).find(|&i| row.iter().all(|&other| other <= row[i]));
                x.chunks(5).map(|row| first(row).map_or(-1.0, |i| i as f64)).collect()
            })
            .case("first of equals, NaN", [s.tensor(vec![1.0, 2.0, 2.0, 9.0, f64::NAN, f64::NAN], [2, 3])], [2], |x| {
                x[0].argmax(1)
            })
            .reference(|_| vec![1.0, 1.0])
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].argmax(1))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [301], |x| x[0].argmax(0))
            .large()
            .error(
                [s.empty([2, 0])],
                |x| x[0].argmax(1),
                "[argmax] an empty axis has no maximum; got [2, 0] over axis 1; leave the empty axis out or give it elements",
            )
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].argmax(1),
                "[argmax] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
