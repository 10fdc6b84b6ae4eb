//! `z = √(x² + y²)`, free of overflow on the way.   `dx = g·x/z`, `dy = g·y/z`
//!
//! At the origin the derivatives are NaN.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `√(x² + y²)`. Saves both inputs.
pub struct Hypot;

impl Op for Hypot {
    fn name(&self) -> &'static str {
        "hypot"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].hypot(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let z = grad.div(&x.hypot(&y)?)?;
        let dx = saved.if_needed(0, || z.mul(&x))?;
        let dy = saved.if_needed(1, || z.mul(&y))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `√(x² + y²)`, free of overflow on the way.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::hypot`].
    pub fn hypot(&self, y: &Var) -> Result<Var> {
        Var::apply(Hypot, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(242);
    let mut pair = |a: &[usize], b: &[usize]| [s.away_from_zero(a, 0.2, 2.0), s.away_from_zero(b, 0.2, 2.0)];
    let call = |x: &[Var]| x[0].hypot(&x[1]);
    let t =
        |values: &[f64]| Tensor::from_slice(values, [values.len()]).expect("invariant: as many as there are");
    vec![
        OpSpec::new("hypot")
            .case("same shape", pair(&[3, 4], &[3, 4]), [3, 4], call)
            .reference_pairwise(|x, y| libm::sqrt(x * x + y * y))
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("large, infinite", [t(&[3e200, f64::INFINITY, 0.0]), t(&[4e200, f64::NAN, 0.0])], [3], call)
            .reference(|_| vec![5e200, f64::INFINITY, 0.0])
            .no_derivative()
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[100, 401], &[401]), [100, 401], call)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                call,
                "[hypot] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand",
            )
            .error(
                [Tensor::scalar(2i64), Tensor::scalar(2i64)],
                call,
                "[hypot] operands must be floats; got i64; convert with to_dtype first",
            ),
    ]
}
