//! Exponential linear unit, `y = x where x > 0, else alpha·(eˣ − 1)`.   `dx = g where y > 0, else g·(y + alpha)`
//!
//! The derivative at 0 is taken as alpha, as in PyTorch. Limits: −alpha at −∞, x at ∞.
//! Differs from PyTorch in: a negative alpha is refused, since the rule reads the side from the result.
//! Source: Clevert, Unterthiner & Hochreiter 2015.

use crate::check::{OpSpec, Samples};
use crate::error::{Error, Result};
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::pointwise::relu::relu_grad;
use crate::var::Var;
use tensor::Tensor;

/// `y = x where x > 0, else alpha·(eˣ − 1)`. Saves the result.
pub struct Elu {
    alpha: f64,
}

impl Op for Elu {
    fn name(&self) -> &'static str {
        "elu"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        if !(self.alpha >= 0.0 && self.alpha.is_finite()) {
            return Err(Error::InvalidArgument {
                op: "elu",
                rule: "alpha must be a finite number of 0 or more",
                got: format!("{}", self.alpha),
                repair: "use 1, or the scale that the negative side should have",
            });
        }
        Ok(x[0].elu(self.alpha)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([elu_grad(&saved.output(), grad, self.alpha)?])
    }
}

/// `dx = g where y > 0, else g·(y + alpha)` of `(y, g)`, in one pass.   `dy = 0 where y > 0, else g'·g`
pub struct EluGrad {
    alpha: f64,
}

impl Op for EluGrad {
    fn name(&self) -> &'static str {
        "elu_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].elu_grad(x[1], self.alpha)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (y, g) = (saved.input(0), saved.input(1));
        let dy = saved.if_needed(0, || {
            let product = grad.mul(&g)?;
            product.sub(&relu_grad(&y, &product)?)
        })?;
        let dg = saved.if_needed(1, || elu_grad(&y, grad, self.alpha))?;
        Ok(Grads::from_iter([dy, dg]))
    }
}

/// The gradient of the operand of elu, from its result `y`.
pub(crate) fn elu_grad(y: &Var, grad: &Var, alpha: f64) -> Result<Var> {
    Var::apply(EluGrad { alpha }, &[y, grad])
}

impl Var {
    /// `x where x > 0, else alpha·(eˣ − 1)`.
    ///
    /// Errors: `DTypeMismatch` unless a float; `InvalidArgument` unless alpha is 0 or more.
    pub fn elu(&self, alpha: f64) -> Result<Var> {
        Var::apply(Elu { alpha }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(123);
    let ends = [s.tensor(vec![0.0, -1e4, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [5])];
    let by_sinh = |alpha: f64| {
        move |x: f64| if x > 0.0 { x } else { alpha * 2.0 * libm::sinh(x / 2.0) * libm::exp(x / 2.0) }
    };
    vec![
        OpSpec::new("elu")
            .case("away from the kink", [s.away_from_zero([3, 4], 0.1, 2.0)], [3, 4], |x| x[0].elu(0.7))
            .reference_pointwise(by_sinh(0.7))
            .case("alpha 0", [s.away_from_zero([3, 4], 0.1, 2.0)], [3, 4], |x| x[0].elu(0.0))
            .reference_pointwise(|x| (x + x.abs()) / 2.0)
            .case("at the kink, far out, NaN, infinities", ends, [5], |x| x[0].elu(0.5))
            .reference(|_| vec![0.0, -0.5, f64::NAN, f64::INFINITY, -0.5])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].elu(1.0))
            .case("large", [s.uniform([70_001], -1.0, 1.0)], [70_001], |x| x[0].elu(1.0))
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].elu(1.0),
                "[elu] the operand must be a float; got i64; convert with to_dtype first",
            )
            .error(
                [Tensor::scalar(1.0f64)],
                |x| x[0].elu(-1.0),
                "[elu] alpha must be a finite number of 0 or more; got -1; use 1, or the scale that the negative side should have",
            ),
        OpSpec::new("elu_grad")
            .case(
                "of elu",
                [s.tensor(vec![-0.6, -0.3, -0.1, 0.1, 0.5, 2.0], [6]), s.uniform([6], -1.0, 1.0)],
                [6],
                |x| elu_grad(&x[0], &x[1], 0.7),
            )
            // The derivative is alpha·eˣ at x = ln(1 + y/alpha).
            .reference_pairwise(|y, g| if y > 0.0 { g } else { g * 0.7 * libm::exp(libm::log1p(y / 0.7)) })
            .case("at the kink alpha", [s.tensor(vec![0.0], [1]), s.tensor(vec![2.0], [1])], [1], |x| {
                elu_grad(&x[0], &x[1], 0.25)
            })
            .reference(|_| vec![0.5])
            .no_derivative()
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| elu_grad(&x[0], &x[1], 1.0)),
    ]
}
