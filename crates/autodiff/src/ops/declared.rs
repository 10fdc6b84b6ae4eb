//! An operation without a derivative, declared: a name and a function of tensors. Going backward through it is an error
//! that names it.

use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, not_differentiable};
use crate::var::Var;
use tensor::Tensor;

/// One application.
struct Declared<F> {
    name: &'static str,
    forward: F,
}

impl<F: Fn(&[&Tensor]) -> tensor::Result<Tensor> + Send + Sync + 'static> Op for Declared<F> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, inputs: &[&Tensor]) -> Result<Tensor> {
        Ok((self.forward)(inputs)?)
    }
    fn backward(&self, _: &Saved, _: &Var) -> Result<Grads> {
        not_differentiable(self.name)
    }
}

/// `f` of one value.
pub(crate) fn declared(
    name: &'static str,
    x: &Var,
    f: impl Fn(&Tensor) -> tensor::Result<Tensor> + Send + Sync + 'static,
) -> Result<Var> {
    Var::apply(Declared { name, forward: move |x: &[&Tensor]| f(x[0]) }, &[x])
}

/// `f` of two values.
pub(crate) fn declared_pair(
    name: &'static str,
    x: &Var,
    y: &Var,
    f: impl Fn(&Tensor, &Tensor) -> tensor::Result<Tensor> + Send + Sync + 'static,
) -> Result<Var> {
    Var::apply(Declared { name, forward: move |x: &[&Tensor]| f(x[0], x[1]) }, &[x, y])
}
