//! Neighbouring axes made one.   `dx = g` under the old shape

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// Axes `start_axis` to `end_axis`, that one included, made one. A view where strides allow it; saves nothing.
pub struct Flatten {
    start_axis: isize,
    end_axis: isize,
}

impl Op for Flatten {
    fn name(&self) -> &'static str {
        "flatten"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].flatten(self.start_axis, self.end_axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.reshape(saved.shape(0))?])
    }
}

impl Var {
    /// Axes `start_axis` to `end_axis`, that one included, made one: `flatten(1, -1)` keeps the batch, `flatten(0, -1)`
    /// nothing. A scalar becomes a vector of one element. Errors: as [`Tensor::flatten`].
    pub fn flatten(&self, start_axis: isize, end_axis: isize) -> Result<Var> {
        Var::apply(Flatten { start_axis, end_axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(59);
    vec![
        OpSpec::new("flatten")
            .case("all but the batch", [s.uniform([2, 3, 2], -1.0, 1.0)], [2, 6], |x| x[0].flatten(1, -1))
            .reference(|x| x[0].to_vec().unwrap_or_default())
            .case("all", [s.uniform([2, 3, 2], -1.0, 1.0)], [12], |x| x[0].flatten(0, -1))
            .case("of a scalar", [s.uniform([], -1.0, 1.0)], [1], |x| x[0].flatten(0, -1))
            .case("empty", [s.empty([2, 0, 3])], [2, 0], |x| x[0].flatten(1, 2))
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].flatten(1, 0),
                "[flatten] the end axis must not stand before the start axis; got axes 1 to 0 of [2, 3]; swap them",
            ),
    ]
}
