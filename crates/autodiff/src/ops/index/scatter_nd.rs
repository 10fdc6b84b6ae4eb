//! Slices written where tuples of indices say, `y[indices[i, 0], indices[i, 1]] = src[i]`.   By the rule of scatter

use super::scatter_nd_add::slices;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// This with slices of `src` written where tuples of indices say; where tuples repeat, the last stays. Errors: as
    /// [`Tensor::scatter_nd`].
    pub fn scatter_nd(&self, indices: &Tensor, src: &Var) -> Result<Var> {
        let (rows, flat, slices) = slices("scatter_nd", self, indices, src)?;
        let flat = flat.unsqueeze(1)?.expand(slices.shape())?;
        let written = rows.scatter(0, &flat, &slices).map_err(|e| e.named("scatter_nd"))?;
        written.reshape(self.shape())
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(417);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    let call = |x: &[Var]| x[0].scatter_nd(x[1].value(), &x[2]);
    vec![
        OpSpec::new("scatter_nd")
            .case(
                "one twice",
                [s.uniform([2, 2], -1.0, 1.0), index(&[1, 0, 1, 0], &[2, 2]), s.uniform([2], -1.0, 1.0)],
                [2, 2],
                call,
            )
            .reference(|x| {
                let of = |i: usize| x[i].to_vec::<f64>().unwrap_or_default();
                let (x, v) = (of(0), of(2));
                vec![x[0], x[1], v[1], x[3]]
            })
            .case("none", [s.uniform([2, 2], -1.0, 1.0), index(&[], &[0, 1]), s.empty([0, 2])], [2, 2], call)
            .case("empty", [s.empty([2, 0]), index(&[1], &[1, 1]), s.empty([1, 0])], [2, 0], call)
            .case(
                "large",
                [s.uniform([70, 90], -1.0, 1.0), s.indices([70_000, 2], 70), s.uniform([70_000], -1.0, 1.0)],
                [70, 90],
                call,
            )
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), index(&[1], &[1, 1]), s.uniform([2], 0.0, 1.0)],
                call,
                "[scatter_nd] the source must have the shape that gather_nd would give; got [2] and [1, 3]; reshape the source",
            ),
    ]
}
