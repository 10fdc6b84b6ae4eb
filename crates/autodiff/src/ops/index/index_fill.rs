//! One value at named positions of an axis.   `dx = g`, and 0 there

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// `value` at the positions of `axis` that `indices` names, this elsewhere. Errors: as [`Tensor::index_fill`].
    pub fn index_fill(&self, axis: isize, indices: &Tensor, value: f64) -> Result<Var> {
        let mask = self.value().index_mask("index_fill", axis, indices)?;
        self.masked_fill(&mask, value).map_err(|e| e.named("index_fill"))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(402);
    let at = |i: i64| Tensor::scalar(i);
    vec![
        OpSpec::new("index_fill")
            .case("a column", [s.uniform([2, 3], -1.0, 1.0), at(1)], [2, 3], |x| x[0].index_fill(1, x[1].value(), 0.5))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[0], 0.5, x[2], x[3], 0.5, x[5]]
            })
            .case("empty", [s.empty([0, 3]), at(2)], [0, 3], |x| x[0].index_fill(1, x[1].value(), 0.5))
            .case("large", [s.uniform([300, 401], -1.0, 1.0), s.indices([90], 300)], [300, 401], |x| {
                x[0].index_fill(0, x[1].value(), 0.5)
            })
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), at(3)],
                |x| x[0].index_fill(1, x[1].value(), 0.5),
                "[index_fill] an index must lie in 0..3; got 3 at position 0; check the indices or the size they were made for",
            ),
    ]
}
