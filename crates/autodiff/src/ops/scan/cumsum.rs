//! Sums of all elements up to each along an axis.   `dx` is the sum of all gradients from each on

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y[k] = Σ x[i], i ≤ k` along `axis`. Saves nothing.
pub struct CumSum {
    axis: isize,
}

impl Op for CumSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cumsum(self.axis)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.flip(self.axis)?.cumsum(self.axis)?.flip(self.axis)?])
    }
}

impl Var {
    /// The sums of all elements up to each along `axis`. Errors: `InvalidAxis`.
    pub fn cumsum(&self, axis: isize) -> Result<Var> {
        Var::apply(CumSum { axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(303);
    vec![
        OpSpec::new("cumsum")
            .case("rows", [s.uniform([5, 3], -1.0, 1.0)], [5, 3], |x| x[0].cumsum(-1))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(3).flat_map(|r| (1..=3).map(|k| r[..k].iter().rev().sum::<f64>())).collect()
            })
            .case("columns", [s.uniform([3, 2], -1.0, 1.0)], [3, 2], |x| x[0].cumsum(0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..6).map(|i| (0..=i / 2).map(|k| x[2 * k + i % 2]).sum()).collect()
            })
            .case("middle", [s.uniform([2, 3, 2], -1.0, 1.0)], [2, 3, 2], |x| x[0].cumsum(1))
            .case("empty", [s.empty([0, 3])], [0, 3], |x| x[0].cumsum(0))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [513, 301], |x| x[0].cumsum(0))
            .large()
            .case("large, rows", [s.uniform([513, 301], -1.0, 1.0)], [513, 301], |x| x[0].cumsum(1))
            .large()
            .case("one long row", [s.uniform([40_000], -1.0, 1.0)], [40_000], |x| x[0].cumsum(0))
            .large()
            .case("long columns", [s.uniform([9_000, 3], -1.0, 1.0)], [9_000, 3], |x| x[0].cumsum(0))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].cumsum(1),
                "[cumsum] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
