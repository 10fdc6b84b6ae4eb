//! `z = x/y` element by element, shapes broadcast.   `dx = g/y`, `dy = −g/y·z`
//!
//! IEEE 754 at y = 0: ±∞, or NaN for 0/0.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `z = x/y`. Saves the divisor and the result, which take the place of two divisions by `y`.
pub struct Div;

impl Op for Div {
    fn name(&self) -> &'static str {
        "div"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[1]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].div(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dx = grad.div(&saved.input(1))?;
        let dy = saved.if_needed(1, || dx.mul(&saved.output())?.neg())?;
        Ok(Grads::from_iter([Some(dx), dy]))
    }
}

impl Var {
    /// `x/y` element by element, shapes broadcast. Errors: as [`Tensor::div`].
    pub fn div(&self, y: &Var) -> Result<Var> {
        Var::apply(Div, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(131);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -2.0, 2.0), s.away_from_zero(b, 0.4, 2.0)];
    let call = |x: &[Var]| x[0].div(&x[1]);
    let (zero, one) = (Tensor::scalar(0.0f64), Tensor::scalar(1.0f64));
    vec![
        OpSpec::new("div")
            .case("same shape", pair(&[3, 4], &[3, 4]), [3, 4], call)
            .reference_pairwise(|a, b| a * libm::pow(b, -1.0))
            .case("a column repeats", pair(&[3, 4], &[3, 1]), [3, 4], call)
            .case("the left repeats", pair(&[4], &[3, 4]), [3, 4], call)
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("a scalar by many", pair(&[], &[2, 2]), [2, 2], call)
            .case("1/0", [one, zero.clone()], [], call)
            .reference(|_| vec![f64::INFINITY])
            .no_derivative()
            .case("0/0", [zero.clone(), zero], [], call)
            .reference(|_| vec![f64::NAN])
            .no_derivative()
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[300, 401], &[401]), [300, 401], call)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                call,
                "[div] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand",
            )
            .error(
                [Tensor::scalar(1i64), Tensor::scalar(0i64)],
                call,
                "[div] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats",
            ),
    ]
}
