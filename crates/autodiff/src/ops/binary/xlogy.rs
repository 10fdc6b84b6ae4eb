//! `z = x·ln y`, 0 where x is 0.   `dx = g·ln y`, `dy = g·x/y`
//!
//! 0 wins over the logarithm of 0 but not over NaN. There dx is −∞, as the limit is.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `x·ln y`. Saves both inputs.
pub struct Xlogy;

impl Op for Xlogy {
    fn name(&self) -> &'static str {
        "xlogy"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].xlogy(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || y.ln()?.mul(grad))?;
        let dy = saved.if_needed(1, || x.div(&y)?.mul(grad))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `x·ln y`, and 0 where x is 0 and `y` is not NaN.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::xlogy`].
    pub fn xlogy(&self, y: &Var) -> Result<Var> {
        Var::apply(Xlogy, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(245);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -2.0, 2.0), s.uniform(b, 0.5, 3.0)];
    let call = |x: &[Var]| x[0].xlogy(&x[1]);
    let t =
        |values: &[f64]| Tensor::from_slice(values, [values.len()]).expect("invariant: as many as there are");
    vec![
        OpSpec::new("xlogy")
            .case("same shape", pair(&[3, 4], &[3, 4]), [3, 4], call)
            .reference_pairwise(|x, y| libm::log(libm::pow(y, x)))
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("0 times the logarithm of 0, of NaN", [t(&[0.0, 0.0, 1.0]), t(&[0.0, f64::NAN, 0.0])], [3], call)
            .reference(|_| vec![0.0, f64::NAN, f64::NEG_INFINITY])
            .no_derivative()
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[100, 401], &[401]), [100, 401], call)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                call,
                "[xlogy] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand",
            )
            .error(
                [Tensor::scalar(2i64), Tensor::scalar(2i64)],
                call,
                "[xlogy] operands must be floats; got i64; convert with to_dtype first",
            ),
    ]
}
