//! With a new axis of size 1.   `dx = g` without it

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// A view with a new axis, which is axis `axis` of the result. Saves nothing.
pub struct Unsqueeze {
    axis: isize,
}

impl Op for Unsqueeze {
    fn name(&self) -> &'static str {
        "unsqueeze"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].unsqueeze(self.axis)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.squeeze(self.axis)?])
    }
}

impl Var {
    /// With a new axis of size 1, which is axis `axis` of the result. Errors: `InvalidAxis`, whose rank is the result's.
    pub fn unsqueeze(&self, axis: isize) -> Result<Var> {
        Var::apply(Unsqueeze { axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(57);
    vec![
        OpSpec::new("unsqueeze")
            .case("in front", [s.uniform([2, 3], -1.0, 1.0)], [1, 2, 3], |x| x[0].unsqueeze(0))
            .reference(|x| x[0].to_vec().unwrap_or_default())
            .case("behind", [s.uniform([2, 3], -1.0, 1.0)], [2, 3, 1], |x| x[0].unsqueeze(-1))
            .case("of a scalar", [s.uniform([], -1.0, 1.0)], [1], |x| x[0].unsqueeze(-1))
            .case("empty", [s.empty([0])], [0, 1], |x| x[0].unsqueeze(1))
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].unsqueeze(3),
                "[unsqueeze] the new axis must be one of the result's; got axis 3 for rank 3; use each axis of -3..3 at most once",
            ),
    ]
}
