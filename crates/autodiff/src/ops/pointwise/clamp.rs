//! `y = min(max(x, lo), hi)`.   `dx = g where lo ≤ x ≤ hi, else 0`
//!
//! At the bounds themselves the gradient passes, as in PyTorch. NaN stays NaN.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = min(max(x, lo), hi)`. Saves the input, which says where it lay between the bounds.
pub struct Clamp {
    lo: f64,
    hi: f64,
}

impl Op for Clamp {
    fn name(&self) -> &'static str {
        "clamp"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clamp(self.lo, self.hi)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(ClampGrad { lo: self.lo, hi: self.hi }, &[&saved.input(0), grad])?])
    }
}

/// `dx = g where lo ≤ x ≤ hi, else 0` of `(x, g)`.   `dx' = 0`, `dg = g' where lo ≤ x ≤ hi, else 0`
pub struct ClampGrad {
    lo: f64,
    hi: f64,
}

impl Op for ClampGrad {
    fn name(&self) -> &'static str {
        "clamp_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clamp_grad(x[1], self.lo, self.hi)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dg = Var::apply(ClampGrad { lo: self.lo, hi: self.hi }, &[&saved.input(0), grad])?;
        Ok(Grads::from_iter([None, Some(dg)]))
    }
}

impl Var {
    /// `min(max(x, lo), hi)`; ±∞ leaves a side open. Errors: as [`Tensor::clamp`].
    pub fn clamp(&self, lo: f64, hi: f64) -> Result<Var> {
        Var::apply(Clamp { lo, hi }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(121);
    let inside_and_out = s.tensor(vec![-3.0, -1.1, -0.9, 0.0, 0.4, 0.6, 2.0], [7]);
    let grad = |x: &[Var]| Var::apply(ClampGrad { lo: -1.0, hi: 0.5 }, &[&x[0], &x[1]]);
    vec![
        OpSpec::new("clamp")
            .case("away from the kinks", [inside_and_out.clone()], [7], |x| x[0].clamp(-1.0, 0.5))
            // The median of the three.
            .reference_pointwise(|x| -0.25 + ((x + 1.0).abs() - (x - 0.5).abs()) / 2.0)
            .case("one side open", [inside_and_out.clone()], [7], |x| x[0].clamp(-1.0, f64::INFINITY))
            .reference_pointwise(|x| if x < -1.0 { -1.0 } else { x })
            .case(
                "at the kinks, NaN, infinities",
                [s.tensor(vec![-1.0, 0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY], [5])],
                [5],
                |x| x[0].clamp(-1.0, 0.5),
            )
            .reference(|_| vec![-1.0, 0.5, f64::NAN, 0.5, -1.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].clamp(-1.0, 0.5))
            .case("large", [s.uniform([200_003], -2.0, 2.0)], [200_003], |x| x[0].clamp(-1.0, 0.5))
            .large()
            .error(
                [Tensor::scalar(0.0f64)],
                |x| x[0].clamp(1.0, 0.0),
                "[clamp] bounds must be numbers with lo <= hi; got lo 1, hi 0; swap or correct them",
            ),
        OpSpec::new("clamp_grad")
            .case("away from the kinks", [inside_and_out, s.uniform([7], -1.0, 1.0)], [7], grad)
            .reference_pairwise(|x, g| if (x + 0.25).abs() < 0.75 { g } else { 0.0 })
            .case(
                "at the kinks it passes",
                [s.tensor(vec![-1.0, 0.5], [2]), s.tensor(vec![2.0, 3.0], [2])],
                [2],
                grad,
            )
            .reference(|_| vec![2.0, 3.0])
            .no_derivative()
            .case("empty", [s.empty([0]), s.empty([0])], [0], grad),
    ]
}
