//! Slices that tuples of indices name, `y[i] = x[indices[i, 0], indices[i, 1]]`.   `dx` is g added where they stood

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// The slices that tuples of indices on the last axis name. Errors: as [`Tensor::gather_nd`].
    pub fn gather_nd(&self, indices: &Tensor) -> Result<Var> {
        let ((rows, k), flat) = self.value().nd_positions("gather_nd", indices)?;
        let inner = &self.shape()[k..];
        let shape = [flat.shape(), inner].concat();
        self.reshape([rows, inner.iter().product()])?.index_select(0, &flat)?.reshape(&shape)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(406);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    let call = |x: &[Var]| x[0].gather_nd(x[1].value());
    vec![
        OpSpec::new("gather_nd")
            .case("elements", [s.uniform([2, 3], -1.0, 1.0), index(&[1, 2, 0, 1], &[2, 2])], [2], call)
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[5], x[1]]
            })
            .case("rows", [s.uniform([2, 2, 2], -1.0, 1.0), index(&[1, 0, 1, 0], &[2, 2])], [2, 2], call)
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[4], x[5], x[4], x[5]]
            })
            .case("empty", [s.uniform([2, 3], -1.0, 1.0), index(&[], &[0, 2])], [0], call)
            .case("large", [s.uniform([70, 90], -1.0, 1.0), s.indices([70_000, 2], 70)], [70_000], call)
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), index(&[1, 3], &[1, 2])],
                call,
                "[gather_nd] an index must lie in 0..3; got 3 at position 1; check the indices or the size they were made for",
            )
            .error(
                [s.uniform([2], 0.0, 1.0), index(&[1, 1], &[1, 2])],
                call,
                "[gather_nd] the last axis of the indices must have 1 to rank elements; got [1, 2] and [2]; reshape the indices",
            ),
    ]
}
