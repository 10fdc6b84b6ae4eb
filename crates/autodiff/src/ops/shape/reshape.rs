//! The same elements under another shape.   `dx = g` under the old shape

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{IntoShape, Tensor};

/// A view where strides allow it, else a copy. Saves nothing.
pub struct Reshape {
    shape: Vec<isize>,
}

impl Op for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].reshape(&self.shape[..])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.reshape(saved.shape(0))?])
    }
}

impl Var {
    /// The same elements in row-major order under `shape`, in which one size may be −1: what is left.
    ///
    /// Errors: as [`Tensor::reshape`].
    pub fn reshape(&self, shape: impl IntoShape) -> Result<Var> {
        Var::apply(Reshape { shape: shape.sizes().to_vec() }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(50);
    vec![
        OpSpec::new("reshape")
            .case("two axes to three", [s.uniform([4, 6], -1.0, 1.0)], [2, 2, 6], |x| x[0].reshape([2, -1, 6]))
            .reference(|x| x[0].to_vec().unwrap_or_default())
            .case("to a scalar", [s.uniform([1, 1], -1.0, 1.0)], [], |x| x[0].reshape(&[] as &[usize]))
            .case("empty", [s.empty([0, 3])], [3, 0], |x| x[0].reshape([3, 0]))
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].reshape([4]),
                "[reshape] the new shape must have as many elements as the old; got [2, 3] and [4]; change the sizes, or give one as -1",
            ),
    ]
}
