//! A tensor laid side by side.   `dx` is the sum of g over the copies

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The operand `times[i]` times along axis i. Saves nothing.
pub struct Repeat {
    times: Vec<usize>,
}

impl Op for Repeat {
    fn name(&self) -> &'static str {
        "repeat"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].repeat(&self.times)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let shape = saved.shape(0);
        if self.times.is_empty() {
            return grads([grad.clone()]);
        }
        let lead = self.times.len() - shape.len();
        let (mut apart, mut copies) = (Vec::new(), Vec::new());
        for (i, &n) in self.times.iter().enumerate() {
            copies.push(apart.len() as isize);
            apart.push(n);
            apart.extend(i.checked_sub(lead).map(|i| shape[i]));
        }
        grads([grad.reshape(&apart[..])?.sum(&copies)?])
    }
}

impl Var {
    /// This laid side by side, `times[i]` times along axis i; times before the first axis make new ones. NumPy's `tile`.
    ///
    /// Errors: as [`Tensor::repeat`].
    pub fn repeat(&self, times: &[usize]) -> Result<Var> {
        Var::apply(Repeat { times: times.to_vec() }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(213);
    vec![
        OpSpec::new("repeat")
            .case("columns", [s.uniform([2, 2], -1.0, 1.0)], [2, 6], |x| x[0].repeat(&[1, 3]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(2).flat_map(|row| row.repeat(3)).collect()
            })
            .case("a new axis and rows", [s.uniform([2, 2], -1.0, 1.0)], [2, 4, 2], |x| x[0].repeat(&[2, 2, 1]))
            .reference(|x| x[0].to_vec::<f64>().unwrap_or_default().repeat(4))
            .case("no times", [s.uniform([2, 2], -1.0, 1.0)], [2, 0], |x| x[0].repeat(&[1, 0]))
            .case("of a scalar", [s.uniform([], -1.0, 1.0)], [], |x| x[0].repeat(&[]))
            .case("empty", [s.empty([0, 2])], [0, 4], |x| x[0].repeat(&[3, 2]))
            .case("large", [s.uniform([100, 401], -1.0, 1.0)], [300, 802], |x| x[0].repeat(&[3, 2]))
            .large()
            .error(
                [s.uniform([2, 2], 0.0, 1.0)],
                |x| x[0].repeat(&[2]),
                "[repeat] every axis must be given its times; got times [2] for [2, 2]; give 1 for axes that stay",
            )
            .error(
                [s.uniform([3], 0.0, 1.0)],
                |x| x[0].repeat(&[1 << 62]),
                "[repeat] a tensor must stay below 9223372036854775807 bytes; got shape [4611686018427387904, 3] of f64; use smaller sizes",
            ),
    ]
}
