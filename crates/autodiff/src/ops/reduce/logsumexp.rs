//! `y = ln Σ e^x` over an axis, free of overflow.   `dx = g·softmax(x)`

use super::sum::kept_shape;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = ln Σ e^x` over `axis`, which is dropped. Saves the input.
pub struct LogSumExp {
    axis: isize,
}

impl Op for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].logsumexp(self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x = saved.input(0);
        let g = grad.reshape(kept_shape(x.shape(), &[self.axis]))?;
        grads([x.softmax(self.axis)?.mul(&g)?])
    }
}

impl Var {
    /// `ln Σ e^x` over `axis`, which is dropped; −∞ where all are −∞ or there are none.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless floats.
    pub fn logsumexp(&self, axis: isize) -> Result<Var> {
        Var::apply(LogSumExp { axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(27);
    vec![
        OpSpec::new("logsumexp")
            .case("last axis", [s.uniform([3, 4], -2.0, 2.0)], [3], |x| x[0].logsumexp(-1))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(4).map(|row| libm::log(row.iter().map(|&x| libm::exp(x)).sum())).collect()
            })
            .case("axis 0", [s.uniform([3, 4], -2.0, 2.0)], [4], |x| x[0].logsumexp(0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..4).map(|j| libm::log((0..3).map(|i| libm::exp(x[i * 4 + j])).sum())).collect()
            })
            .case("beyond the range of exp", [s.tensor(vec![1e3, 1e3, -1e3, -1e3], [2, 2])], [2], |x| {
                x[0].logsumexp(1)
            })
            .reference(|_| vec![1e3 + std::f64::consts::LN_2, -1e3 + std::f64::consts::LN_2])
            // A difference with a step in proportion to 1000 is no derivative here.
            .no_derivative()
            .case("nothing there", [s.tensor(vec![f64::NEG_INFINITY; 2], [2])], [], |x| x[0].logsumexp(0))
            .reference(|_| vec![f64::NEG_INFINITY])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].logsumexp(1))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [513], |x| x[0].logsumexp(1))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].logsumexp(2),
                "[logsumexp] an axis must exist; got axis 2 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
