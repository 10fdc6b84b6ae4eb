//! `y = e^x / Σ e^x` along an axis.   `dx = y·(g − Σ g·y)`
//!
//! The largest element is taken off first, so that nothing overflows. Source: Bridle 1990.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = e^x / Σ e^x` along `axis`. Saves the result.
pub struct Softmax {
    axis: isize,
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].softmax(self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([softmax_grad(&saved.output(), grad, self.axis)?])
    }
}

/// `dx = y·(g − Σ g·y)` of `(y, g)`, in one pass.   With `c` the gradient of dx: `dy = c·(g − Σ g·y) − g·Σ c·y`,
/// `dg = y·(c − Σ c·y)`
pub struct SoftmaxGrad {
    axis: isize,
}

impl Op for SoftmaxGrad {
    fn name(&self) -> &'static str {
        "softmax_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].softmax_grad(x[1], self.axis)?)
    }
    fn backward(&self, saved: &Saved, c: &Var) -> Result<Grads> {
        let (y, g) = (saved.input(0), saved.input(1));
        let met = |v: &Var| v.mul(&y)?.sum_keep(&[self.axis]);
        let dy = saved.if_needed(0, || c.mul(&g.sub(&met(&g)?)?)?.sub(&g.mul(&met(c)?)?))?;
        let dg = saved.if_needed(1, || softmax_grad(&y, c, self.axis))?;
        Ok(Grads::from_iter([dy, dg]))
    }
}

/// The gradient of a softmax's input, from its result `y`.
pub(crate) fn softmax_grad(y: &Var, grad: &Var, axis: isize) -> Result<Var> {
    Var::apply(SoftmaxGrad { axis }, &[y, grad])
}

impl Var {
    /// `e^x / Σ e^x` along `axis`, one of all axes. NaN where all are −∞.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless floats.
    pub fn softmax(&self, axis: isize) -> Result<Var> {
        Var::apply(Softmax { axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(80);
    vec![
        OpSpec::new("softmax")
            .case("last axis", [s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].softmax(-1))
            .reference(|x| {
                // 1 / Σⱼ e^(xⱼ − xᵢ)
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                let of = |row: &[f64], i: f64| 1.0 / row.iter().map(|&j| libm::exp(j - i)).sum::<f64>();
                x.chunks(4).flat_map(|row| row.iter().map(|&i| of(row, i)).collect::<Vec<_>>()).collect()
            })
            .case("axis 0", [s.uniform([3, 2, 2], -2.0, 2.0)], [3, 2, 2], |x| x[0].softmax(0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..12)
                    .map(|i| 1.0 / (0..3).map(|k| libm::exp(x[k * 4 + i % 4] - x[i])).sum::<f64>())
                    .collect()
            })
            .case(
                "beyond the range of exp",
                [s.tensor(vec![1e4, 0.0, f64::NEG_INFINITY, 1e4], [2, 2])],
                [2, 2],
                |x| x[0].softmax(1),
            )
            .reference(|_| vec![1.0, 0.0, 0.0, 1.0])
            .no_derivative()
            .case("one element", [s.uniform([2, 1], -2.0, 2.0)], [2, 1], |x| x[0].softmax(1))
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].softmax(1))
            .case("large", [s.uniform([513, 301], -2.0, 2.0)], [513, 301], |x| x[0].softmax(1))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].softmax(1),
                "[softmax] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            )
            .error(
                [Tensor::from_slice(&[1i64], [1]).expect("invariant: one element")],
                |x| x[0].softmax(0),
                "[softmax] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("softmax_grad")
            .case("last axis", [s.uniform([2, 3], 0.1, 1.0), s.uniform([2, 3], -1.0, 1.0)], [2, 3], |x| {
                softmax_grad(&x[0], &x[1], 1)
            })
            .reference(|x| {
                let (y, g) =
                    (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                // y·(g·1 − Σ g·y), by the matrix diag(y) − y·yᵀ.
                let entry =
                    |r: usize, i: usize, j: usize| if i == j { y[r + i] } else { 0.0 } - y[r + i] * y[r + j];
                (0..6).map(|k| (0..3).map(|j| entry(k / 3 * 3, k % 3, j) * g[k / 3 * 3 + j]).sum()).collect()
            })
            .case("axis 0", [s.uniform([3, 2], 0.1, 1.0), s.uniform([3, 2], -1.0, 1.0)], [3, 2], |x| {
                softmax_grad(&x[0], &x[1], 0)
            })
            .case("empty", [s.empty([0, 2]), s.empty([0, 2])], [0, 2], |x| softmax_grad(&x[0], &x[1], 1)),
    ]
}
