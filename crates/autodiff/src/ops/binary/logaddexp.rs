//! `z = ln(eˣ + eʸ)`.   `dx = g·σ(x − y)`, `dy = g·σ(y − x)`
//!
//! Free of overflow; the larger where the other is −∞.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `ln(eˣ + eʸ)`. Saves both inputs.
pub struct Logaddexp;

impl Op for Logaddexp {
    fn name(&self) -> &'static str {
        "logaddexp"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].logaddexp(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || x.sub(&y)?.sigmoid()?.mul(grad))?;
        let dy = saved.if_needed(1, || y.sub(&x)?.sigmoid()?.mul(grad))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `ln(eˣ + eʸ)`, free of overflow.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::logaddexp`].
    pub fn logaddexp(&self, y: &Var) -> Result<Var> {
        Var::apply(Logaddexp, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(244);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -2.0, 2.0), s.uniform(b, -2.0, 2.0)];
    let call = |x: &[Var]| x[0].logaddexp(&x[1]);
    let t =
        |values: &[f64]| Tensor::from_slice(values, [values.len()]).expect("invariant: as many as there are");
    vec![
        OpSpec::new("logaddexp")
            .case("same shape", pair(&[3, 4], &[3, 4]), [3, 4], call)
            .reference_pairwise(|x, y| libm::log(libm::exp(x) + libm::exp(y)))
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("far out, infinite", [t(&[1000.0, f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NAN]), t(&[1000.0, 3.0, f64::NEG_INFINITY, 0.0])], [4], call)
            .reference(|_| vec![1000.0 + std::f64::consts::LN_2, 3.0, f64::NEG_INFINITY, f64::NAN])
            .no_derivative()
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[100, 401], &[401]), [100, 401], call)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                call,
                "[logaddexp] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand",
            )
            .error(
                [Tensor::scalar(2i64), Tensor::scalar(2i64)],
                call,
                "[logaddexp] operands must be floats; got i64; convert with to_dtype first",
            ),
    ]
}
