//! Means over axes, `y = Σ x / n`.   `dx = g/n`, repeated along the axes that were averaged

use super::sum::{reduced_len, repeat_reduced};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = Σ x / n` over `axes` (none named: all), which stay with size 1 if `keep`. Saves nothing.
pub struct Mean {
    axes: Vec<isize>,
    keep: bool,
}

impl Op for Mean {
    fn name(&self) -> &'static str {
        if self.keep { "mean_keep" } else { "mean" }
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(if self.keep { x[0].mean_keep(&self.axes)? } else { x[0].mean(&self.axes)? })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        // Where nothing meets there is nobody to receive a gradient; 1/0 must not come into it.
        let n = reduced_len(saved.shape(0), &self.axes).max(1);
        grads([repeat_reduced(&grad.mul_scalar(1.0 / n as f64)?, saved.shape(0), &self.axes)?])
    }
}

impl Var {
    /// `Σ x / n` over `axes`, which are dropped; none named means all. NaN where nothing meets.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless floats.
    pub fn mean(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Mean { axes: axes.to_vec(), keep: false }, &[self])
    }

    /// [`Var::mean`] with the reduced axes left in, of size 1.
    pub fn mean_keep(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Mean { axes: axes.to_vec(), keep: true }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(21);
    vec![
        OpSpec::new("mean")
            .case("all", [s.uniform([3, 4], -2.0, 2.0)], [], |x| x[0].mean(&[]))
            .reference(|x| vec![x[0].to_vec::<f64>().unwrap_or_default().iter().map(|x| x / 12.0).sum()])
            .case("axis 0", [s.uniform([3, 4], -2.0, 2.0)], [4], |x| x[0].mean(&[0]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..4).map(|j| (0..3).map(|i| x[i * 4 + j] / 3.0).sum()).collect()
            })
            .case("outer axes, kept", [s.uniform([2, 3, 4], -2.0, 2.0)], [1, 3, 1], |x| x[0].mean_keep(&[-1, 0]))
            .case("of a scalar", [s.uniform([], -1.0, 1.0)], [], |x| x[0].mean(&[]))
            .case("of nothing", [s.empty([0, 3])], [3], |x| x[0].mean(&[0]))
            .reference(|_| vec![f64::NAN; 3])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].mean(&[1]))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [513], |x| x[0].mean(&[1]))
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| x[0].mean(&[0, -2]),
                "[mean] an axis may be named once; got axis -2 for rank 2; use each axis of -2..2 at most once",
            )
            .error(
                [Tensor::scalar(1i64)],
                |x| x[0].mean(&[]),
                "[mean] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}
