//! One element for each index along an axis, after the other axes have been broadcast.   As gather's and expand's

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// [`Var::gather`] after both have been broadcast on every axis but `axis`. Errors: as [`Tensor::take_along_axis`].
    pub fn take_along_axis(&self, axis: isize, indices: &Tensor) -> Result<Var> {
        let (x, i) = self.value().along_axis_shapes(axis, indices)?;
        self.expand(&x)?.gather(axis, &indices.expand(&i[..])?).map_err(|e| e.named("take_along_axis"))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(405);
    let call = |x: &[Var]| x[0].take_along_axis(1, x[1].value());
    vec![
        OpSpec::new("take_along_axis")
            .case(
                "indices for all rows",
                [s.uniform([2, 3], -1.0, 1.0), Tensor::scalar(2i64).reshape([1, 1]).expect("invariant: one element")],
                [2, 1],
                call,
            )
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[2], x[5]]
            })
            .case("a row for all indices", [s.uniform([1, 3], -1.0, 1.0), s.indices([4, 2], 3)], [4, 2], call)
            .case("empty", [s.empty([0, 3]), s.indices([1, 2], 3)], [0, 2], call)
            .case("large", [s.uniform([300, 70], -1.0, 1.0), s.indices([1, 300], 70)], [300, 300], call)
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), s.indices([2], 3)],
                call,
                "[take_along_axis] indices must have the tensor's rank; got [2] and [2, 3]; reshape the indices",
            ),
    ]
}
