//! Tensors of one shape side by side along a new axis.   `dxᵢ` is position i of g

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// The operands along a new axis, which is axis `axis` of the result. Saves nothing.
pub struct Stack {
    axis: isize,
}

impl Op for Stack {
    fn name(&self) -> &'static str {
        "stack"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::stack(x, self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        (0..saved.len()).map(|i| saved.if_needed(i, || grad.select(self.axis, i as isize))).collect()
    }
}

impl Var {
    /// The values side by side along a new axis, which is axis `axis` of the result. Errors: as [`Tensor::stack`].
    pub fn stack(vars: &[&Var], axis: isize) -> Result<Var> {
        Var::apply(Stack { axis }, vars)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(61);
    fn call(x: &[Var], axis: isize) -> Result<Var> {
        Var::stack(&x.iter().collect::<Vec<_>>(), axis)
    }
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -1.0, 1.0), s.uniform(b, -1.0, 1.0)];
    vec![
        OpSpec::new("stack")
            .case("in front", pair(&[2, 3], &[2, 3]), [2, 2, 3], |x| call(x, 0))
            .reference(|x| x.iter().flat_map(|x| x.to_vec::<f64>().unwrap_or_default()).collect())
            .case("behind", pair(&[2, 3], &[2, 3]), [2, 3, 2], |x| call(x, -1))
            .reference(|x| {
                let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                a.into_iter().zip(b).flat_map(|(a, b)| [a, b]).collect()
            })
            .case("scalars", pair(&[], &[]), [2], |x| call(x, 0))
            .case("empty", pair(&[0, 3], &[0, 3]), [0, 2, 3], |x| call(x, 1))
            .error(
                pair(&[2, 3], &[3]),
                |x| call(x, 0),
                "[stack] tensors must have one shape; got [2, 3] for tensor 0 and [3] for tensor 1; reshape or narrow them to fit",
            ),
    ]
}
