//! `z = x where the condition holds, else y`; all three broadcast.   `dx = g where it holds, else 0`, `dy = g − dx`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// A choice by a constant condition, which is kept. Saves nothing else.
pub struct Where {
    condition: Tensor,
}

impl Op for Where {
    fn name(&self) -> &'static str {
        "where"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::where_(&self.condition, x[0], x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let zero = Var::constant(Tensor::zeros([], grad.dtype())?);
        let dx = saved.if_needed(0, || Var::where_(&self.condition, grad, &zero))?;
        let dy = saved.if_needed(1, || Var::where_(&self.condition, &zero, grad))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// The elements of `x` where the boolean `condition` holds, those of `y` elsewhere; all three broadcast.
    ///
    /// What is not chosen has gradient 0, whatever its value; a NaN that a later rule makes of its infinite derivative
    /// is not undone here. Errors: as [`Tensor::where_`].
    pub fn where_(condition: &Tensor, x: &Var, y: &Var) -> Result<Var> {
        Var::apply(Where { condition: condition.clone() }, &[x, y])
    }

    /// `value` where the boolean `mask` holds, this elsewhere; both broadcast. Errors: as [`Tensor::where_`].
    pub fn masked_fill(&self, mask: &Tensor, value: f64) -> Result<Var> {
        Var::where_(mask, &Var::constant(Tensor::full([], value, self.dtype())?), self)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(135);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -2.0, 2.0), s.uniform(b, -2.0, 2.0)];
    let mask = |shape: &[usize]| {
        let n: usize = shape.iter().product();
        let values: Vec<bool> = (0..n).map(|i| i % 3 == 1 || i % 5 == 0).collect();
        Tensor::from_vec(values, shape).expect("invariant: as many as the shape has")
    };
    let with = |condition: Tensor, mut x: Vec<Tensor>| {
        x.insert(0, condition);
        x
    };
    let call = |x: &[Var]| Var::where_(x[0].value(), &x[1], &x[2]);
    vec![
        OpSpec::new("where")
            .case("same shape", with(mask(&[3, 4]), pair(&[3, 4], &[3, 4]).into()), [3, 4], call)
            .reference(|x| {
                // c·x + (1 − c)·y
                let c = x[0].to_vec::<bool>().unwrap_or_default();
                let (a, b) = (x[1].to_vec::<f64>().unwrap_or_default(), x[2].to_vec::<f64>().unwrap_or_default());
                let c = c.into_iter().map(|c| f64::from(u8::from(c)));
                c.zip(a.iter().zip(&b)).map(|(c, (a, b))| c * a + (1.0 - c) * b).collect()
            })
            .case("the condition repeats", with(mask(&[3]), pair(&[2, 3], &[2, 3]).into()), [2, 3], call)
            .case("values repeat", with(mask(&[2, 3]), pair(&[3], &[]).into()), [2, 3], call)
            .case("all repeat", with(mask(&[2, 1, 1]), pair(&[3, 1], &[4]).into()), [2, 3, 4], call)
            .case("what is not chosen does not show", [mask(&[2]), Tensor::scalar(2.0), Tensor::scalar(f64::NAN)], [2], call)
            .reference(|_| vec![2.0; 2])
            .no_derivative()
            .case("a filled mask", with(mask(&[4]), vec![pair(&[3, 4], &[0])[0].clone()]), [3, 4], |x| {
                x[1].masked_fill(x[0].value(), -1.5)
            })
            .case("empty", with(mask(&[0, 3]), pair(&[3], &[0, 1]).into()), [0, 3], call)
            .case("large", with(mask(&[401]), pair(&[300, 401], &[401]).into()), [300, 401], call)
            .large()
            .error(
                with(mask(&[2]), pair(&[2, 3], &[2, 3]).into()),
                call,
                "[where] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2] and [2, 3]; reshape or expand one operand",
            )
            .error(
                with(Tensor::scalar(1i64), pair(&[2], &[2]).into()),
                call,
                "[where] the condition must be boolean; got i64; make it with a comparison or to_dtype",
            )
            .error(
                [mask(&[1]), Tensor::scalar(1.0f32), Tensor::scalar(1.0f64)],
                call,
                "[where] operands must have one dtype; got f32 and f64; convert one with to_dtype",
            ),
    ]
}
