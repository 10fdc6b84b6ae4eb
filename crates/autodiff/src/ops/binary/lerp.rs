//! `z = x + w·(y − x)`, the point between x and y at weight w.   `dx = g·(1 − w)`, `dy = g·w`, `dw = g·(y − x)`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `x + w·(y − x)`. Saves all inputs.
pub struct Lerp;

impl Op for Lerp {
    fn name(&self) -> &'static str {
        "lerp"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].lerp(x[1], x[2])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let w = saved.input(2);
        let dx = saved.if_needed(0, || grad.sub(&grad.mul(&w)?))?;
        let dy = saved.if_needed(1, || grad.mul(&w))?;
        let dw = saved.if_needed(2, || saved.input(1).sub(&saved.input(0))?.mul(grad))?;
        Ok(Grads::from_iter([dx, dy, dw]))
    }
}

impl Var {
    /// The point between this and `y` at `weight`: this at 0 and `y` at 1, exactly.
    ///
    /// All three broadcast. Errors: as [`Tensor::lerp`].
    pub fn lerp(&self, y: &Var, weight: &Var) -> Result<Var> {
        Var::apply(Lerp, &[self, y, weight])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(265);
    let call = |x: &[Var]| x[0].lerp(&x[1], &x[2]);
    let mut three =
        |a: &[usize], b: &[usize], c: &[usize]| [a, b, c].map(|shape| s.uniform(shape, -1.5, 1.5));
    let mixed = |x: &[Tensor]| -> Vec<f64> {
        let [a, b, w] = [0, 1, 2].map(|i| x[i].to_vec::<f64>().unwrap_or_default());
        (0..a.len()).map(|i| (1.0 - w[i]) * a[i] + w[i] * b[i]).collect()
    };
    let t = |values: [f64; 3]| Tensor::from_slice(&values, [3]).expect("invariant: 3 elements");
    vec![
        OpSpec::new("lerp")
            .case("same shape", three(&[3, 4], &[3, 4], &[3, 4]), [3, 4], call)
            .reference(mixed)
            .case("one weight", three(&[3, 4], &[4], &[]), [3, 4], call)
            .case("the ends", [t([1e30; 3]), t([0.1; 3]), t([0.0, 1.0, f64::NAN])], [3], call)
            .reference(|_| vec![1e30, 0.1, f64::NAN])
            .no_derivative()
            .case("empty", three(&[0, 2], &[2], &[]), [0, 2], call)
            .case("large", three(&[100, 401], &[401], &[1]), [100, 401], call)
            .large()
            .error(
                three(&[2, 3], &[3], &[2]),
                call,
                "[lerp] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [2]; reshape or expand one operand",
            )
            .error(
                [0i64; 3].map(Tensor::scalar),
                call,
                "[lerp] operands must be floats; got i64; convert with to_dtype first",
            ),
    ]
}
