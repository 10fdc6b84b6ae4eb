//! Eigenvalues of general matrices. They have no derivative here: pairs of real numbers meet and part where it is not defined.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, not_differentiable};
use crate::var::Var;
use tensor::Tensor;

/// Real and imaginary parts as a last axis of 2. No derivative.
pub struct Eigvals;

impl Op for Eigvals {
    fn name(&self) -> &'static str {
        "eigvals"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].eigvals()?)
    }
    fn backward(&self, _: &Saved, _: &Var) -> Result<Grads> {
        not_differentiable(self.name())
    }
}

impl Var {
    /// The eigenvalues of general matrices, see [`Tensor::eigvals`]. No derivative.
    pub fn eigvals(&self) -> Result<Var> {
        Var::apply(Eigvals, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(415);
    vec![
        OpSpec::new("eigvals")
            .case("a pair", [s.tensor(vec![1.0, -2.0, 2.0, 1.0], [2, 2])], [2, 2], |x| x[0].eigvals())
            .reference(|_| vec![1.0, 2.0, 1.0, -2.0])
            .case("batch", [s.uniform([2, 3, 3], 0.0, 1.0)], [2, 3, 2], |x| x[0].eigvals())
            .ulps(256.0, 256.0)
            .case("empty", [s.empty([0, 2, 2])], [0, 2, 2], |x| x[0].eigvals())
            .not_differentiable()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].eigvals(),
                "[eigvals] matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes",
            ),
    ]
}
