//! Axes in another order.   `dx = g`, axes put back

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// Axis i of the result is axis `axes[i]` of the input. A view; saves nothing.
pub struct Permute {
    axes: Vec<isize>,
}

impl Op for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].permute(&self.axes)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        let rank = self.axes.len();
        let mut back = vec![0; rank];
        for (i, &axis) in self.axes.iter().enumerate() {
            back[axis.rem_euclid(rank as isize) as usize] = i as isize;
        }
        grads([grad.permute(&back)?])
    }
}

impl Var {
    /// Axis i of the result is axis `axes[i]`. Errors: as [`Tensor::permute`].
    pub fn permute(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Permute { axes: axes.to_vec() }, &[self])
    }

    /// Two axes exchanged. Errors: `InvalidAxis`.
    pub fn transpose(&self, a: isize, b: isize) -> Result<Var> {
        // The tensor checks the axes and says which is wrong.
        self.value().transpose(a, b)?;
        let rank = self.rank() as isize;
        let mut axes: Vec<isize> = (0..rank).collect();
        axes.swap(a.rem_euclid(rank) as usize, b.rem_euclid(rank) as usize);
        self.permute(&axes)
    }

    /// The last two axes exchanged. Errors: `ShapeMismatch` below rank 2.
    pub fn t(&self) -> Result<Var> {
        self.value().t()?;
        self.transpose(-2, -1)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(51);
    vec![
        OpSpec::new("permute")
            .case("three axes", [s.uniform([2, 3, 4], -1.0, 1.0)], [4, 2, 3], |x| x[0].permute(&[-1, 0, 1]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..24).map(|i| x[i % 6 * 4 + i / 6]).collect()
            })
            .case("transpose", [s.uniform([2, 3], -1.0, 1.0)], [3, 2], |x| x[0].t())
            .case("empty", [s.empty([0, 3])], [3, 0], |x| x[0].transpose(0, 1)),
    ]
}
