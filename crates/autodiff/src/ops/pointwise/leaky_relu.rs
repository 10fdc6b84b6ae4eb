//! Leaky rectifier, `y = x where x > 0, else slope·x`.   `dx = g where x > 0, else slope·g`
//!
//! The derivative at 0 is taken as the slope, as in PyTorch. Source: Maas, Hannun & Ng 2013.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = x where x > 0, else slope·x`. Saves the result, which the next layer keeps anyway; the input where a negative
/// slope hides its sign.
pub struct LeakyRelu {
    slope: f64,
}

impl Op for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky_relu"
    }
    fn saves(&self) -> Saves {
        if self.slope >= 0.0 { Saves::OUTPUT } else { Saves::inputs(&[0]) }
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].leaky_relu(self.slope)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let y = if self.slope >= 0.0 { saved.output() } else { saved.input(0) };
        grads([leaky_relu_grad(&y, grad, self.slope)?])
    }
}

/// `dx = g where y > 0, else slope·g` of `(y, g)`.   `dy = 0`, `dg = g' where y > 0, else slope·g'`
pub struct LeakyReluGrad {
    slope: f64,
}

impl Op for LeakyReluGrad {
    fn name(&self) -> &'static str {
        "leaky_relu_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].leaky_relu_grad(x[1], self.slope)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        Ok(Grads::from_iter([None, Some(leaky_relu_grad(&saved.input(0), grad, self.slope)?)]))
    }
}

/// The gradient of the operand of leaky_relu, from `y`, which has the operand's sign.
pub(crate) fn leaky_relu_grad(y: &Var, grad: &Var, slope: f64) -> Result<Var> {
    Var::apply(LeakyReluGrad { slope }, &[y, grad])
}

impl Var {
    /// `x where x > 0, else slope·x`. Errors: `DTypeMismatch` unless a float.
    pub fn leaky_relu(&self, slope: f64) -> Result<Var> {
        Var::apply(LeakyRelu { slope }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(122);
    let ends = [s.tensor(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [4])];
    vec![
        OpSpec::new("leaky_relu")
            .case("away from the kink", [s.away_from_zero([3, 4], 0.1, 2.0)], [3, 4], |x| {
                x[0].leaky_relu(0.2)
            })
            .reference_pointwise(|x| 0.6 * x + 0.4 * x.abs())
            .case("a negative slope", [s.away_from_zero([3, 4], 0.1, 2.0)], [3, 4], |x| x[0].leaky_relu(-0.5))
            .reference_pointwise(|x| 0.25 * x + 0.75 * x.abs())
            .case("slope 0", [s.away_from_zero([3, 4], 0.1, 2.0)], [3, 4], |x| x[0].leaky_relu(0.0))
            .reference_pointwise(|x| (x + x.abs()) / 2.0)
            .case("at the kink, NaN, infinities", ends, [4], |x| x[0].leaky_relu(0.2))
            .reference(|_| vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].leaky_relu(0.2))
            .case("large", [s.uniform([200_003], -1.0, 1.0)], [200_003], |x| x[0].leaky_relu(0.2))
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].leaky_relu(0.2),
                "[leaky_relu] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("leaky_relu_grad")
            .case("of leaky_relu", [s.away_from_zero([6], 0.1, 1.0), s.uniform([6], -1.0, 1.0)], [6], |x| {
                leaky_relu_grad(&x[0], &x[1], 0.2)
            })
            .reference_pairwise(|y, g| g * (0.6 + 0.4 * y.signum()))
            .case("at the kink the slope", [s.tensor(vec![0.0], [1]), s.tensor(vec![2.0], [1])], [1], |x| {
                leaky_relu_grad(&x[0], &x[1], 0.25)
            })
            .reference(|_| vec![0.5])
            .no_derivative()
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| leaky_relu_grad(&x[0], &x[1], 0.2)),
    ]
}
