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
    let call = |x: &[Var]| x[0].atan2(&x[1]);
    let half = |y, x| 2.0 * libm::atan(y / (libm::sqrt(x * x + y * y) + x));
    let turn = std::f64::consts::PI;
    let spec = OpSpec::of_pairs("atan2", call, half, |a, b| {
        [s.away_from_zero(a, 0.2, 2.0), s.away_from_zero(b, 0.2, 2.0)]
    });
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    vec![
        spec.at_pairs(
            "on the axes",
            call,
            &[(0.0, 1.0, 0.0), (1.0, 0.0, turn / 2.0), (0.0, -1.0, turn), (1.0, nan, nan)],
        )
        .at_pairs(
            "at 0, at ∞",
            call,
            &[(0.0, 0.0, 0.0), (0.0, -0.0, turn), (-0.0, -0.0, -turn), (inf, inf, turn / 4.0)],
        )
        .at_pairs(
            "beyond",
            call,
            &[(-inf, -inf, -0.75 * turn), (1.0, -inf, turn), (-1.0, inf, -0.0), (-inf, 1.0, -turn / 2.0)],
        ),
    ]
}
