//! Products over axes, `y = Π x`.   `dxᵢ = g · Π xⱼ, j ≠ i`
//!
//! The product of the others is that of those in front times that of those behind, so nothing is divided and zeros are
//! exact, in derivatives of any order.

use super::sum::repeat_reduced;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::scan::cumprod::shifted;
use crate::var::Var;
use tensor::Tensor;

/// `y = Π x` over `axes` (none named: all), which stay with size 1 if `keep`. Saves the input.
pub struct Prod {
    axes: Vec<isize>,
    keep: bool,
}

impl Op for Prod {
    fn name(&self) -> &'static str {
        if self.keep { "prod_keep" } else { "prod" }
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(if self.keep { x[0].prod_keep(&self.axes)? } else { x[0].prod(&self.axes)? })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x = saved.input(0);
        let rank = x.rank();
        let met: Vec<usize> = match &self.axes[..] {
            [] => (0..rank).collect(),
            axes => axes.iter().map(|&axis| axis.rem_euclid(rank as isize) as usize).collect(),
        };
        let kept: Vec<usize> = (0..rank).filter(|i| !met.contains(i)).collect();
        let order: Vec<usize> = kept.iter().chain(&met).copied().collect();
        let forth: Vec<isize> = order.iter().map(|&i| i as isize).collect();
        let back: Vec<isize> =
            (0..rank).map(|i| order.iter().position(|&o| o == i).map_or(0, |p| p as isize)).collect();
        let moved = x.permute(&forth)?;
        let lines: [usize; 2] =
            [kept.iter().map(|&i| x.shape()[i]).product(), met.iter().map(|&i| x.shape()[i]).product()];
        let flat = moved.reshape(lines)?;
        let before = shifted(&flat.cumprod(1)?, 1, 1.0)?;
        let behind = shifted(&flat.flip(1)?.cumprod(1)?, 1, 1.0)?.flip(1)?;
        let others = before.mul(&behind)?.reshape(moved.shape())?.permute(&back)?;
        grads([repeat_reduced(grad, x.shape(), &self.axes)?.mul(&others)?])
    }
}

impl Var {
    /// `Π x` over `axes`, which are dropped; none named means all. 1 where nothing meets. Errors: `InvalidAxis`.
    pub fn prod(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Prod { axes: axes.to_vec(), keep: false }, &[self])
    }

    /// [`Var::prod`] with the reduced axes left in, of size 1.
    pub fn prod_keep(&self, axes: &[isize]) -> Result<Var> {
        Var::apply(Prod { axes: axes.to_vec(), keep: true }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(302);
    let zeros = s.tensor(vec![0.0, 2.0, -3.0, 0.0, 5.0, 0.0, 1.5, 2.0, -1.0], [3, 3]);
    vec![
        OpSpec::new("prod")
            .case("all", [s.away_from_zero([2, 3], 0.3, 1.5)], [], |x| x[0].prod(&[]))
            .reference(|x| vec![x[0].to_vec::<f64>().unwrap_or_default().iter().rev().product()])
            .case("one zero, two zeros, none", [zeros], [3], |x| x[0].prod(&[1]))
            .reference(|_| vec![0.0, 0.0, -3.0])
            .case("outer axes, kept", [s.uniform([2, 3, 2], -1.5, 1.5)], [1, 3, 1], |x| x[0].prod_keep(&[-1, 0]))
            .case("of nothing", [s.empty([2, 0])], [2], |x| x[0].prod(&[1]))
            .reference(|_| vec![1.0; 2])
            .case("large", [s.uniform([513, 301], 0.9, 1.1)], [301], |x| x[0].prod(&[0]))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].prod(&[0, 0]),
                "[prod] an axis may be named once; got axis 0 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
