//! `z = atan2(y, x)`, the angle of a point.   `dy = g·x/(x² + y²)`, `dx = −g·y/(x² + y²)`
//!
//! The first operand is the ordinate. At the origin the derivatives are NaN; across the negative half of the abscissa
//! the value jumps by 2π and the derivatives do not.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// The angle of the point (y, x). Saves both inputs.
pub struct Atan2;

impl Op for Atan2 {
    fn name(&self) -> &'static str {
        "atan2"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].atan2(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let square = x.square()?.add(&y.square()?)?;
        let dx = saved.if_needed(0, || grad.mul(&y)?.div(&square))?;
        let dy = saved.if_needed(1, || grad.mul(&x)?.neg()?.div(&square))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// The angle in `[−π, π]` of the point whose ordinate is this and whose abscissa is `y`.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::atan2`].
    pub fn atan2(&self, y: &Var) -> Result<Var> {
        Var::apply(Atan2, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(241);
    let mut pair = |a: &[usize], b: &[usize]| [s.away_from_zero(a, 0.2, 2.0), s.away_from_zero(b, 0.2, 2.0)];
    let call = |x: &[Var]| x[0].atan2(&x[1]);
    let t =
        |values: &[f64]| Tensor::from_slice(values, [values.len()]).expect("invariant: as many as there are");
    vec![
        OpSpec::new("atan2")
            .case("same shape", pair(&[3, 4], &[3, 4]), [3, 4], call)
            .reference_pairwise(|y, x| 2.0 * libm::atan(y / (libm::sqrt(x * x + y * y) + x)))
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("on the axes", [t(&[0.0, 1.0, 0.0, 1.0]), t(&[1.0, 0.0, -1.0, f64::NAN])], [4], call)
            .reference(|_| vec![0.0, std::f64::consts::FRAC_PI_2, std::f64::consts::PI, f64::NAN])
            .no_derivative()
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[100, 401], &[401]), [100, 401], call)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                call,
                "[atan2] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand",
            )
            .error(
                [Tensor::scalar(2i64), Tensor::scalar(2i64)],
                call,
                "[atan2] operands must be floats; got i64; convert with to_dtype first",
            ),
    ]
}
