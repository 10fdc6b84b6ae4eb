//! Each position of an axis several times, one after another.   `dx` is the sum of g over the copies

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// Each position of `axis` `repeats` times. Saves nothing.
pub struct RepeatInterleave {
    repeats: isize,
    axis: isize,
}

impl Op for RepeatInterleave {
    fn name(&self) -> &'static str {
        "repeat_interleave"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].repeat_interleave(self.repeats, self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let mut apart = saved.shape(0).to_vec();
        let axis = self.axis.rem_euclid(apart.len() as isize) as usize;
        apart.insert(axis + 1, self.repeats.unsigned_abs());
        grads([grad.reshape(&apart[..])?.sum(&[axis as isize + 1])?])
    }
}

impl Var {
    /// Each position of an axis `repeats` times, one after another: `a a b b` of `a b`.
    ///
    /// Errors: as [`Tensor::repeat_interleave`].
    pub fn repeat_interleave(&self, repeats: isize, axis: isize) -> Result<Var> {
        Var::apply(RepeatInterleave { repeats, axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(214);
    vec![
        OpSpec::new("repeat_interleave")
            .case("columns", [s.uniform([2, 2], -1.0, 1.0)], [2, 4], |x| x[0].repeat_interleave(2, -1))
            .reference(|x| x[0].to_vec::<f64>().unwrap_or_default().into_iter().flat_map(|x| [x, x]).collect())
            .case("rows", [s.uniform([2, 3], -1.0, 1.0)], [6, 3], |x| x[0].repeat_interleave(3, 0))
            .reference(|x| {
                x[0].to_vec::<f64>().unwrap_or_default().chunks(3).flat_map(|row| row.repeat(3)).collect()
            })
            .case("no repeats", [s.uniform([2, 2], -1.0, 1.0)], [0, 2], |x| x[0].repeat_interleave(0, 0))
            .case("empty", [s.empty([0, 2])], [0, 4], |x| x[0].repeat_interleave(2, 1))
            .case("large", [s.uniform([100, 401], -1.0, 1.0)], [300, 401], |x| x[0].repeat_interleave(3, 0))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].repeat_interleave(-1, 0),
                "[repeat_interleave] repeats must be 0 or more; got -1 repeats for [2]; use a count",
            ),
    ]
}
