//! Without an axis of size 1.   `dx = g` with the axis put back

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// A view without `axis`, whose size is 1. Saves nothing.
pub struct Squeeze {
    axis: isize,
}

impl Op for Squeeze {
    fn name(&self) -> &'static str {
        "squeeze"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].squeeze(self.axis)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        // Counted from either end, the axis has the same number in the operand.
        grads([grad.unsqueeze(self.axis)?])
    }
}

impl Var {
    /// Without an axis of size 1. Errors: `InvalidAxis`; `InvalidArgument` where the size is not 1.
    pub fn squeeze(&self, axis: isize) -> Result<Var> {
        Var::apply(Squeeze { axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(56);
    vec![
        OpSpec::new("squeeze")
            .case("from the end", [s.uniform([2, 1, 3], -1.0, 1.0)], [2, 3], |x| x[0].squeeze(-2))
            .reference(|x| x[0].to_vec().unwrap_or_default())
            .case("to a scalar", [s.uniform([1], -1.0, 1.0)], [], |x| x[0].squeeze(0))
            .case("empty", [s.empty([0, 1])], [0], |x| x[0].squeeze(1))
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].squeeze(1),
                "[squeeze] the axis must have size 1; got axis 1 of [2, 3]; select one position of it or leave it",
            ),
    ]
}
