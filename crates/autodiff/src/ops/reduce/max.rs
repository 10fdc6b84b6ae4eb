//! The largest element over axes.   `dx = g/k` at each of the k elements that equal it, 0 elsewhere
//!
//! Ties share the gradient equally, which is the mean of the one-sided derivatives and does not depend on the order of
//! the elements. Where NaN is the maximum, all gradients that meet in it are NaN. Differs from PyTorch's `max(dim)`,
//! which gives the whole gradient to one of the ties; as its `amax`.

use super::sum::{kept_shape, repeat_reduced};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = max x` over `axes` (none named: all), which stay with size 1 if `keep`. Saves the input and the result.
pub struct Max {
    axes: Vec<isize>,
    keep: bool,
}

impl Op for Max {
    fn name(&self) -> &'static str {
        if self.keep { "max_keep" } else { "max" }
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(if self.keep { x[0].max_keep(&self.axes)? } else { x[0].max(&self.axes)? })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([share_among_extremes(saved, &self.axes, grad)?])
    }
}

/// The gradient of a reduction to one of its elements, shared by the elements that equal the result.
///
/// The shares are constants between ties, so that they have no derivative of their own.
pub(crate) fn share_among_extremes(saved: &Saved, axes: &[isize], grad: &Var) -> Result<Var> {
    let (x, y) = (saved.input(0), saved.output());
    let hit = x.value().eq(&y.value().reshape(kept_shape(x.shape(), axes))?)?.to_dtype(x.dtype())?;
    let shares = hit.div(&hit.sum_keep(axes)?)?;
    repeat_reduced(grad, x.shape(), axes)?.mul(&Var::constant(shares))
}

impl Var {
    /// The largest element over `axes`, which are dropped; none named means all. NaN wins. Ties share the gradient.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` for booleans; `EmptyReduction` over an axis of size 0.
    pub fn max(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Max { axes: axes.to_vec(), keep: false }, &[self])
    }

    /// [`Var::max`] with the reduced axes left in, of size 1.
    pub fn max_keep(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Max { axes: axes.to_vec(), keep: true }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(22);
    vec![
        OpSpec::new("max")
            .case("all", [s.distinct([3, 4], 2.0)], [], |x| x[0].max(&[]))
            // The grid's last point.
            .reference(|_| vec![(23.0 / 12.0 - 1.0) * 2.0])
            .case("axis 0", [s.distinct([3, 4], 2.0)], [4], |x| x[0].max(&[0]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..4).map(|j| x[j].max(x[4 + j]).max(x[8 + j])).collect()
            })
            .case("outer axes, kept", [s.distinct([2, 3, 4], 2.0)], [1, 3, 1], |x| x[0].max_keep(&[-1, 0]))
            .case("NaN wins", [s.tensor(vec![1.0, f64::NAN, 3.0, f64::NEG_INFINITY], [2, 2])], [2], |x| x[0].max(&[1]))
            .reference(|_| vec![f64::NAN, 3.0])
            .no_derivative()
            .case("of a scalar", [s.uniform([], -1.0, 1.0)], [], |x| x[0].max(&[]))
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].max(&[1]))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [513], |x| x[0].max(&[1]))
            .large()
            .error(
                [s.empty([0, 3])],
                |x| x[0].max(&[0]),
                "[max] an empty axis has no maximum; got [0, 3] over axis 0; leave the empty axis out or give it elements",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_gradient_equally() -> Result<()> {
        let x = Var::variable(Tensor::from_vec(vec![2.0, 1.0, 2.0, 2.0, 3.0, 0.0], [2, 3])?);
        let y = x.max(&[1])?.mul(&Var::constant(Tensor::from_vec(vec![6.0, 5.0], [2])?))?.sum(&[])?;
        assert_eq!(
            y.backward()?.of(&x).map(|g| g.to_vec::<f64>()),
            Some(Ok(vec![3.0, 0.0, 3.0, 0.0, 5.0, 0.0]))
        );
        Ok(())
    }

    #[test]
    fn a_maximum_that_is_nan_gives_nan_to_all_it_was_taken_of() -> Result<()> {
        let x = Var::variable(Tensor::from_vec(vec![2.0, f64::NAN, 2.0, 1.0], [2, 2])?);
        let grads = x.max(&[1])?.sum(&[])?.backward()?;
        let dx = grads.of(&x).map(|g| g.to_vec::<f64>()).transpose()?.unwrap_or_default();
        assert!(dx[0].is_nan() && dx[1].is_nan());
        assert_eq!(dx[2..], [1.0, 0.0]);
        Ok(())
    }
}
