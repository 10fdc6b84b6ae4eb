//! Variance over axes, `y = Σ (x − mean)² / (n − c)`.   `dx = 2/(n − c)·(x − mean)·g`
//!
//! c is the correction: 1 estimates the variance of what a sample was drawn from (Bessel), 0 is that of the values. The
//! mean's own gradient vanishes, since Σ (x − mean) = 0.

use super::sum::{reduced_len, repeat_reduced};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The variance over `axes` (none named: all), which stay with size 1 if `keep`. Saves the input.
pub struct Variance {
    axes: Vec<isize>,
    correction: usize,
    keep: bool,
}

impl Op for Variance {
    fn name(&self) -> &'static str {
        if self.keep { "var_keep" } else { "var" }
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let (axes, correction) = (&self.axes[..], self.correction);
        Ok(if self.keep { x[0].var_keep(axes, correction)? } else { x[0].var(axes, correction)? })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x = saved.input(0);
        let freedom = reduced_len(x.shape(), &self.axes).saturating_sub(self.correction);
        let g = repeat_reduced(&grad.mul_scalar(2.0 / freedom as f64)?, x.shape(), &self.axes)?;
        grads([x.sub(&x.mean_keep(&self.axes)?)?.mul(&g)?])
    }
}

impl Var {
    /// `Σ (x − mean)² / (n − correction)` over `axes`, which are dropped; none named means all.
    ///
    /// NaN or infinite where `n ≤ correction`, and so is the gradient. Errors: `InvalidAxis`; `DTypeMismatch` unless
    /// floats.
    pub fn var(&self, axes: &[isize], correction: usize) -> Result<Var> {
        Var::apply(Variance { axes: axes.to_vec(), correction, keep: false }, &[self])
    }

    /// [`Var::var`] with the reduced axes left in, of size 1.
    pub fn var_keep(&self, axes: &[isize], correction: usize) -> Result<Var> {
        Var::apply(Variance { axes: axes.to_vec(), correction, keep: true }, &[self])
    }
}

/// From all differences: `Σᵢⱼ (xᵢ − xⱼ)² / (2·n·(n − c))`.
fn by_pairs(x: &[f64], correction: usize) -> f64 {
    let squares: f64 = x.iter().flat_map(|a| x.iter().map(move |b| (a - b) * (a - b))).sum();
    squares / (2 * x.len() * (x.len() - correction)) as f64
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(24);
    vec![
        OpSpec::new("var")
            .case("all, of a sample", [s.uniform([3, 4], -2.0, 2.0)], [], |x| x[0].var(&[], 1))
            .reference(|x| vec![by_pairs(&x[0].to_vec::<f64>().unwrap_or_default(), 1)])
            .case("axis 1, of the values", [s.uniform([3, 4], -2.0, 2.0)], [3], |x| x[0].var(&[1], 0))
            .reference(|x| {
                x[0].to_vec::<f64>().unwrap_or_default().chunks(4).map(|row| by_pairs(row, 0)).collect()
            })
            .case("far from 0", [s.tensor(vec![1e9 - 1.0, 1e9, 1e9 + 1.0], [3])], [], |x| x[0].var(&[], 1))
            .reference(|_| vec![1.0])
            .no_derivative()
            .case("outer axes, kept", [s.uniform([2, 3, 4], -2.0, 2.0)], [1, 3, 1], |x| {
                x[0].var_keep(&[-1, 0], 1)
            })
            .case("of one", [s.uniform([1, 2], -1.0, 1.0)], [2], |x| x[0].var(&[0], 1))
            .reference(|_| vec![f64::NAN; 2])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].var(&[1], 1))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [301], |x| x[0].var(&[0], 1))
            .large()
            .error(
                [Tensor::scalar(true)],
                |x| x[0].var(&[], 0),
                "[var] the operand must be a float; got bool; convert with to_dtype first",
            ),
    ]
}
