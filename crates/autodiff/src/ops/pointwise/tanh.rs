//! Hyperbolic tangent, `y = (eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)`.   `dx = g·(1 − y²)`
//!
//! Limits: ±1 at ±∞; smooth, no kink.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = tanh x`. Saves the result.
pub struct Tanh;

impl Op for Tanh {
    fn name(&self) -> &'static str {
        "tanh"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].tanh()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(TanhGrad, &[&saved.output(), grad])?])
    }
}

/// `dx = g·(1 − y²)` of `(y, g)`, in one pass.   `dy' = −2·y·g·g'`, `dg = g'·(1 − y²)`
pub struct TanhGrad;

impl Op for TanhGrad {
    fn name(&self) -> &'static str {
        "tanh_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].tanh_grad(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (y, g) = (saved.input(0), saved.input(1));
        grads([grad.mul(&g)?.mul(&y)?.mul_scalar(-2.0)?, Var::apply(TanhGrad, &[&y, grad])?])
    }
}

impl Var {
    /// Hyperbolic tangent. Errors: `DTypeMismatch` unless floats.
    pub fn tanh(&self) -> Result<Var> {
        Var::apply(Tanh, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(1);
    vec![
        OpSpec::new("tanh")
            .case("both sides of 0", [s.uniform([3, 4], -3.0, 3.0)], [3, 4], |x| x[0].tanh())
            .reference_pointwise(|x| 1.0 - 2.0 / (libm::exp(2.0 * x) + 1.0))
            .case("saturated", [s.tensor(vec![-400.0, 0.0, 400.0], [3])], [3], |x| x[0].tanh())
            .reference_pointwise(|x| if x == 0.0 { 0.0 } else { x.signum() })
            .case("empty", [s.empty([0, 3])], [0, 3], |x| x[0].tanh())
            .case("large", [s.uniform([70_001], -3.0, 3.0)], [70_001], |x| x[0].tanh())
            .large()
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].tanh(),
                "[tanh] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("tanh_grad")
            .case("of tanh", [s.uniform([5], -0.9, 0.9), s.uniform([5], -1.0, 1.0)], [5], |x| {
                Var::apply(TanhGrad, &[&x[0], &x[1]])
            })
            .reference(|x| {
                let (y, g) =
                    (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                y.iter().zip(g).map(|(y, g)| g * (1.0 - y) * (1.0 + y)).collect()
            })
            .case("empty", [s.empty([0]), s.empty([0])], [0], |x| Var::apply(TanhGrad, &[&x[0], &x[1]])),
    ]
}
