//! Products of all elements up to each along an axis.   `dxᵢ = Π xⱼ (j < i) · rᵢ` with `rᵢ = gᵢ + xᵢ₊₁·rᵢ₊₁`
//!
//! Nothing is divided, so zeros are exact, in derivatives of any order.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y[k] = Π x[i], i ≤ k` along `axis`. Saves the input and the result.
pub struct CumProd {
    axis: isize,
}

impl Op for CumProd {
    fn name(&self) -> &'static str {
        "cumprod"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cumprod(self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let axis = self.axis;
        let a = shifted(&saved.input(0).flip(axis)?, axis, 0.0)?;
        let behind = a.linear_recurrence(&grad.flip(axis)?, axis)?.flip(axis)?;
        grads([shifted(&saved.output(), axis, 1.0)?.mul(&behind)?])
    }
}

/// `x` one position further along `axis`, which has been checked, with `first` in front; the last element is left out.
pub(crate) fn shifted(x: &Var, axis: isize, first: f64) -> Result<Var> {
    let at = axis.rem_euclid(x.rank() as isize) as usize;
    let Some(len) = x.shape()[at].checked_sub(1) else { return Ok(x.clone()) };
    let mut shape = x.shape().to_vec();
    shape[at] = 1;
    let front = Var::constant(Tensor::full(shape, first, x.dtype())?);
    Var::cat(&[&front, &x.narrow(axis, 0, len)?], axis)
}

impl Var {
    /// The products of all elements up to each along `axis`. Errors: `InvalidAxis`.
    pub fn cumprod(&self, axis: isize) -> Result<Var> {
        Var::apply(CumProd { axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(304);
    let zeros = s.tensor(vec![0.0, 2.0, -3.0, 0.0, 5.0, 0.0, 1.5, 2.0, -1.0], [3, 3]);
    vec![
        OpSpec::new("cumprod")
            .case("rows", [s.away_from_zero([5, 3], 0.3, 1.5)], [5, 3], |x| x[0].cumprod(-1))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(3).flat_map(|r| (1..=3).map(|k| r[..k].iter().rev().product::<f64>())).collect()
            })
            .case("zeros", [zeros.clone()], [3, 3], |x| x[0].cumprod(1))
            .reference(|_| vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.5, 3.0, -3.0])
            .case("zeros, columns", [zeros], [3, 3], |x| x[0].cumprod(0))
            .case("empty", [s.empty([0, 3])], [0, 3], |x| x[0].cumprod(0))
            .case("large", [s.uniform([513, 301], 0.9, 1.1)], [513, 301], |x| x[0].cumprod(0))
            .large()
            .case("one long row", [s.uniform([40_000], 0.999, 1.001)], [40_000], |x| x[0].cumprod(0))
            .large()
            .case("long columns", [s.uniform([9_000, 3], 0.999, 1.001)], [9_000, 3], |x| x[0].cumprod(0))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].cumprod(1),
                "[cumprod] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
