//! Rectifier, `y = max(x, 0)`.   `dx = g where y > 0, else 0`
//!
//! The derivative at 0 is taken as 0, as everybody does; NaN stays NaN. Source: Nair & Hinton 2010.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = max(x, 0)`. Saves the result, which the next layer keeps anyway.
pub struct Relu;

impl Op for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].relu()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([relu_grad(&saved.output(), grad)?])
    }
}

/// `dx = g where y > 0, else 0` of `(y, g)`.   `dy = 0`, `dg = g' where y > 0, else 0`
pub struct ReluGrad;

impl Op for ReluGrad {
    fn name(&self) -> &'static str {
        "relu_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].relu_grad(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        Ok(Grads::from_iter([None, Some(relu_grad(&saved.input(0), grad)?)]))
    }
}

/// The gradient of a rectifier's input, from its result `y`.
pub(crate) fn relu_grad(y: &Var, grad: &Var) -> Result<Var> {
    Var::apply(ReluGrad, &[y, grad])
}

impl Var {
    /// `max(x, 0)`; NaN stays NaN. Errors: `DTypeMismatch` for booleans.
    pub fn relu(&self) -> Result<Var> {
        Var::apply(Relu, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(2);
    vec![
        OpSpec::new("relu")
            .case("away from the kink", [s.away_from_zero([3, 4], 0.1, 2.0)], [3, 4], |x| x[0].relu())
            .reference_pointwise(|x| (x + x.abs()) / 2.0)
            .case(
                "at the kink, NaN, infinities",
                [s.tensor(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [4])],
                [4],
                |x| x[0].relu(),
            )
            .reference(|_| vec![0.0, f64::NAN, f64::INFINITY, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].relu())
            .case("large", [s.uniform([200_003], -1.0, 1.0)], [200_003], |x| x[0].relu())
            .large()
            .error(
                [Tensor::scalar(true)],
                |x| x[0].relu(),
                "[relu] the operand must be a number; got bool; convert with to_dtype first",
            ),
        OpSpec::new("relu_grad")
            .case("of relu", [s.away_from_zero([6], 0.1, 1.0), s.uniform([6], -1.0, 1.0)], [6], |x| {
                relu_grad(&x[0], &x[1])
            })
            .reference(|x| {
                let (y, g) =
                    (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                y.iter().zip(g).map(|(y, g)| g * (1.0 + y.signum()) / 2.0).collect()
            })
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| relu_grad(&x[0], &x[1])),
    ]
}
