//! Elements moved round an axis.   `dx = g`, moved back

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The elements moved by `shift` positions along `axis`. Saves nothing.
pub struct Roll {
    shift: isize,
    axis: isize,
}

impl Op for Roll {
    fn name(&self) -> &'static str {
        "roll"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].roll(self.shift, self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let shape = saved.shape(0);
        let n = shape[self.axis.rem_euclid(shape.len() as isize) as usize].max(1) as isize;
        // The remainder first: the smallest number has no negative.
        grads([grad.roll(-(self.shift % n), self.axis)?])
    }
}

impl Var {
    /// The elements moved by `shift` positions along an axis, round its end. Errors: `InvalidAxis`.
    pub fn roll(&self, shift: isize, axis: isize) -> Result<Var> {
        Var::apply(Roll { shift, axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(212);
    vec![
        OpSpec::new("roll")
            .case("columns", [s.uniform([2, 3], -1.0, 1.0)], [2, 3], |x| x[0].roll(1, -1))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                [2, 0, 1, 5, 3, 4].map(|i| x[i]).to_vec()
            })
            .case("rows, back", [s.uniform([3, 2], -1.0, 1.0)], [3, 2], |x| x[0].roll(-4, 0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                [2, 3, 4, 5, 0, 1].map(|i| x[i]).to_vec()
            })
            .case("by the smallest number", [s.uniform([3], -1.0, 1.0)], [3], |x| x[0].roll(isize::MIN, 0))
            .case("empty", [s.empty([0, 2])], [0, 2], |x| x[0].roll(1, 0))
            .case("large", [s.uniform([300, 401], -1.0, 1.0)], [300, 401], |x| x[0].roll(7, 1))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].roll(1, 1),
                "[roll] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
