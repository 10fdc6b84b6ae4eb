//! Axes of size 1 repeated.   `dx = Σ g` over what was repeated

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// A view with stride 0 where it repeats; saves nothing. The engine sums what was repeated.
pub struct Expand {
    shape: Vec<usize>,
}

impl Op for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].expand(&self.shape)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.clone()])
    }
}

impl Var {
    /// This value repeated to `shape`, which it must broadcast to. Errors: as [`Tensor::expand`].
    pub fn expand(&self, shape: &[usize]) -> Result<Var> {
        Var::apply(Expand { shape: shape.to_vec() }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(52);
    vec![
        OpSpec::new("expand")
            .case("a row", [s.uniform([1, 3], -1.0, 1.0)], [2, 4, 3], |x| x[0].expand(&[2, 4, 3]))
            .reference(|x| (0..8).flat_map(|_| x[0].to_vec::<f64>().unwrap_or_default()).collect())
            .case("empty", [s.empty([0, 1])], [0, 3], |x| x[0].expand(&[0, 3])),
    ]
}
