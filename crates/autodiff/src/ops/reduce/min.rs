//! The smallest element over axes.   `dx = g/k` at each of the k elements that equal it, 0 elsewhere
//!
//! Ties and NaN as in [`max`](super::max).

use super::max::share_among_extremes;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = min x` over `axes` (none named: all), which stay with size 1 if `keep`. Saves the input and the result.
pub struct Min {
    axes: Vec<isize>,
    keep: bool,
}

impl Op for Min {
    fn name(&self) -> &'static str {
        if self.keep { "min_keep" } else { "min" }
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(if self.keep { x[0].min_keep(&self.axes)? } else { x[0].min(&self.axes)? })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([share_among_extremes(saved, &self.axes, grad)?])
    }
}

impl Var {
    /// The smallest element over `axes`, which are dropped; none named means all. NaN wins. Ties share the gradient.
    ///
    /// Errors: as [`Var::max`].
    pub fn min(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Min { axes: axes.to_vec(), keep: false }, &[self])
    }

    /// [`Var::min`] with the reduced axes left in, of size 1.
    pub fn min_keep(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Min { axes: axes.to_vec(), keep: true }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(23);
    vec![
        OpSpec::new("min")
            .case("all", [s.distinct([3, 4], 2.0)], [], |x| x[0].min(&[]))
            // The grid's first point.
            .reference(|_| vec![(1.0 / 12.0 - 1.0) * 2.0])
            .case("axis 1", [s.distinct([3, 4], 2.0)], [3], |x| x[0].min(&[1]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(4).map(|row| -row.iter().fold(f64::NEG_INFINITY, |y, &x| y.max(-x))).collect()
            })
            .case("outer axes, kept", [s.distinct([2, 3, 4], 2.0)], [1, 3, 1], |x| x[0].min_keep(&[-1, 0]))
            .case("NaN wins", [s.tensor(vec![1.0, f64::NAN, 3.0, f64::NEG_INFINITY], [2, 2])], [2], |x| x[0].min(&[1]))
            .reference(|_| vec![f64::NAN, f64::NEG_INFINITY])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].min(&[1]))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [301], |x| x[0].min(&[0]))
            .large()
            .error(
                [s.empty([2, 0])],
                |x| x[0].min(&[]),
                "[min] an empty axis has no minimum; got [2, 0] over axes [0, 1]; leave the empty axis out or give it elements",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_gradient_equally() -> Result<()> {
        let x = Var::variable(Tensor::from_vec(vec![1.0, 1.0, 2.0, 1.0], [4])?);
        let dx = x.min(&[])?.backward()?.of(&x).map(|g| g.to_vec::<f64>());
        assert_eq!(dx, Some(Ok([1.0, 1.0, 0.0, 1.0].map(|hit| hit / 3.0).to_vec())));
        Ok(())
    }
}
