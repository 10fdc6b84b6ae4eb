//! Windows that slide along an axis.   `dx` is the sum of g over the windows that an element is in

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// Windows of `size` along `axis`, `step` apart. A view; saves nothing.
#[derive(Clone, Copy)]
pub struct Unfold {
    axis: isize,
    size: usize,
    step: usize,
}

impl Op for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].unfold(self.axis, self.size, self.step)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(UnfoldAdjoint { shape: saved.shape(0).to_vec(), of: *self }, &[grad])?])
    }
}

/// Windows added where they were read: the gradient of [`Unfold`].   `dg` is the gradient in windows
pub struct UnfoldAdjoint {
    shape: Vec<usize>,
    of: Unfold,
}

impl Op for UnfoldAdjoint {
    fn name(&self) -> &'static str {
        "unfold_adjoint"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].unfold_adjoint(&self.shape, self.of.axis, self.of.size, self.of.step)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(self.of, &[grad])?])
    }
}

impl Var {
    /// Windows of `size` positions that slide along an axis by `step`; the new last axis counts positions in a window.
    ///
    /// Errors: as [`Tensor::unfold`].
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Result<Var> {
        Var::apply(Unfold { axis, size, step }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(217);
    fn adjoint(x: &Var, shape: &[usize], axis: isize, size: usize, step: usize) -> Result<Var> {
        let of = Unfold { axis, size, step };
        Var::apply(UnfoldAdjoint { shape: shape.to_vec(), of }, &[x])
    }
    vec![
        OpSpec::new("unfold")
            .case("overlapping", [s.uniform([5], -1.0, 1.0)], [3, 3], |x| x[0].unfold(0, 3, 1))
            .reference(|x| x[0].to_vec::<f64>().unwrap_or_default().windows(3).flatten().copied().collect())
            .case("with gaps", [s.uniform([6, 2], -1.0, 1.0)], [2, 2, 2], |x| x[0].unfold(0, 2, 3))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                [0, 2, 1, 3, 6, 8, 7, 9].map(|i| x[i]).to_vec()
            })
            .case("empty", [s.empty([0, 3])], [0, 2, 2], |x| x[0].unfold(1, 2, 1))
            .case("large", [s.uniform([300, 101], -1.0, 1.0)], [300, 50, 3], |x| x[0].unfold(1, 3, 2))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].unfold(0, 3, 1),
                "[unfold] size and step must be 1 or more, and a window must fit in the axis; got size 3, step 1 on axis 0 of [2]; use smaller windows, or pad first",
            ),
        OpSpec::new("unfold_adjoint")
            .case("overlapping", [s.uniform([2, 3], -1.0, 1.0)], [5], |x| adjoint(&x[0], &[5], 0, 3, 1 + 1))
            .reference(|x| {
                let g = x[0].to_vec::<f64>().unwrap_or_default();
                vec![g[0], g[1], g[2] + g[3], g[4], g[5]]
            })
            .case("empty", [s.empty([0, 2, 2])], [0, 3], |x| adjoint(&x[0], &[0, 3], 1, 2, 1))
            .case("large", [s.uniform([300, 99, 3], -1.0, 1.0)], [300, 101], |x| adjoint(&x[0], &[300, 101], 1, 3, 1))
            .large(),
    ]
}
