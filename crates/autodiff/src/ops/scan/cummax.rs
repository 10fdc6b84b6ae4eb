//! The largest and the smallest element so far along an axis.   The gradient goes back to where each stood, as gather's

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// The largest of all elements up to each along `axis`, and where it stands, as [`Tensor::cummax`]. Of equals the
    /// last gets the gradient. Errors: as there.
    pub fn cummax(&self, axis: isize) -> Result<(Var, Tensor)> {
        let (values, places) = self.value().cummax(axis)?;
        Ok((self.gathered(axis, &places, values)?, places))
    }

    /// The smallest of all elements up to each along `axis`; otherwise as [`Var::cummax`].
    pub fn cummin(&self, axis: isize) -> Result<(Var, Tensor)> {
        let (values, places) = self.value().cummin(axis)?;
        Ok((self.gathered(axis, &places, values)?, places))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(410);
    let max = |axis| move |x: &[Var]| x[0].cummax(axis).map(|(values, _)| values);
    let min = |axis| move |x: &[Var]| x[0].cummin(axis).map(|(values, _)| values);
    vec![
        OpSpec::new("cummax")
            .case("rows", [s.distinct([3, 5], 2.0)], [3, 5], max(1))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                let top = |r: &[f64]| r.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                x.chunks(5).flat_map(|r| (1..=5).map(move |k| top(&r[..k]))).collect()
            })
            .case("a NaN stays", [s.tensor(vec![1.0, f64::NAN, 3.0], [3])], [3], max(0))
            .reference(|_| vec![1.0, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0, 3], max(0))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [513, 301], max(0))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                max(1),
                "[cummax] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
        OpSpec::new("cummin")
            .case("columns", [s.distinct([4, 1], 2.0)], [4, 1], min(0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (1..=4).map(|k| x[..k].iter().copied().fold(f64::INFINITY, f64::min)).collect()
            })
            .case("a NaN stays", [s.tensor(vec![1.0, f64::NAN, -3.0], [3])], [3], min(0))
            .reference(|_| vec![1.0, f64::NAN, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([3, 0])], [3, 0], min(1))
            .case("large", [s.uniform([301, 513], -1.0, 1.0)], [301, 513], min(1))
            .large()
            .error(
                [Tensor::scalar(true).reshape([1]).expect("invariant: one element")],
                min(0),
                "[cummin] the operand must be a number; got bool; convert with to_dtype first",
            ),
    ]
}
