//! The elements at flat positions.   `dx` is g where they stood, added where one was named twice

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;

impl Var {
    /// The elements at flat row-major positions (I64), in the shape of the indices. Errors: as [`tensor::Tensor::take`].
    pub fn take(&self, indices: impl Into<Var>) -> Result<Var> {
        self.reshape([self.value().len()])?.index_select(0, indices).map_err(|e| e.named("take"))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(404);
    let at = |i: i64| tensor::Tensor::scalar(i);
    vec![
        OpSpec::new("take")
            .case("one", [s.uniform([2, 3], -1.0, 1.0), at(4)], [], |x| x[0].take(&x[1]))
            .reference(|x| vec![x[0].to_vec::<f64>().unwrap_or_default()[4]])
            .case("some", [s.uniform([2, 3], -1.0, 1.0), s.indices([2, 4], 6)], [2, 4], |x| x[0].take(&x[1]))
            .case("empty", [s.empty([2, 0]), s.indices([0], 1)], [0], |x| x[0].take(&x[1]))
            .case("large", [s.uniform([300, 41], -1.0, 1.0), s.indices([70_000], 12_300)], [70_000], |x| x[0].take(&x[1]))
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), at(6)],
                |x| x[0].take(&x[1]),
                "[take] an index must lie in 0..6; got 6 at position 0; check the indices or the size they were made for",
            ),
    ]
}
