//! `y = x − ln Σ e^x` along an axis.   `dx = g − e^y·Σ g`
//!
//! The logarithm of softmax without taking one of a small number.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `y = x − ln Σ e^x` along `axis`. Saves the result.
pub struct LogSoftmax {
    axis: isize,
}

impl Op for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].log_softmax(self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([log_softmax_grad(&saved.output(), grad, self.axis)?])
    }
}

/// `dx = g − e^y·Σ g` of `(y, g)`, in one pass.   With `c` the gradient of dx: `dy = −c·e^y·Σ g`, `dg = c − Σ c·e^y`
pub struct LogSoftmaxGrad {
    axis: isize,
}

impl Op for LogSoftmaxGrad {
    fn name(&self) -> &'static str {
        "log_softmax_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].log_softmax_grad(x[1], self.axis)?)
    }
    fn backward(&self, saved: &Saved, c: &Var) -> Result<Grads> {
        let (y, g) = (saved.input(0), saved.input(1));
        let weighted = c.mul(&y.exp()?)?;
        let dy = saved.if_needed(0, || weighted.mul(&g.sum_keep(&[self.axis])?)?.neg())?;
        let dg = saved.if_needed(1, || c.sub(&weighted.sum_keep(&[self.axis])?))?;
        Ok(Grads::from_iter([dy, dg]))
    }
}

/// The gradient of a log-softmax's input, from its result `y`.
pub(crate) fn log_softmax_grad(y: &Var, grad: &Var, axis: isize) -> Result<Var> {
    Var::apply(LogSoftmaxGrad { axis }, &[y, grad])
}

impl Var {
    /// `x − ln Σ e^x` along `axis`: the logarithm of [`Var::softmax`], exact where that is tiny.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless floats.
    pub fn log_softmax(&self, axis: isize) -> Result<Var> {
        Var::apply(LogSoftmax { axis }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(81);
    vec![
        OpSpec::new("log_softmax")
            .case("last axis", [s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].log_softmax(-1))
            .reference(|x| {
                // −ln Σⱼ e^(xⱼ − xᵢ)
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                let of = |row: &[f64], i: f64| -libm::log(row.iter().map(|&j| libm::exp(j - i)).sum::<f64>());
                x.chunks(4).flat_map(|row| row.iter().map(|&i| of(row, i)).collect::<Vec<_>>()).collect()
            })
            .case("axis 0", [s.uniform([3, 2, 2], -2.0, 2.0)], [3, 2, 2], |x| x[0].log_softmax(0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..12).map(|i| -libm::log((0..3).map(|k| libm::exp(x[k * 4 + i % 4] - x[i])).sum::<f64>())).collect()
            })
            .case("beyond the range of exp", [s.tensor(vec![1e4, 0.0, f64::NEG_INFINITY, 1e4], [2, 2])], [2, 2], |x| {
                x[0].log_softmax(1)
            })
            .reference(|_| vec![0.0, -1e4, f64::NEG_INFINITY, 0.0])
            .no_derivative()
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].log_softmax(1))
            .case("large", [s.uniform([513, 301], -2.0, 2.0)], [513, 301], |x| x[0].log_softmax(1))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].log_softmax(1),
                "[log_softmax] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
        OpSpec::new("log_softmax_grad")
            .case("last axis", [s.uniform([2, 3], -2.0, 0.0), s.uniform([2, 3], -1.0, 1.0)], [2, 3], |x| {
                log_softmax_grad(&x[0], &x[1], 1)
            })
            .reference(|x| {
                let (y, g) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                // By the matrix 1 − e^y·(1, 1, …).
                let entry = |k: usize, j: usize| if k % 3 == j { 1.0 } else { 0.0 } - libm::exp(y[k]);
                (0..6).map(|k| (0..3).map(|j| entry(k, j) * g[k / 3 * 3 + j]).sum()).collect()
            })
            .case("axis 0", [s.uniform([3, 2], -2.0, 0.0), s.uniform([3, 2], -1.0, 1.0)], [3, 2], |x| {
                log_softmax_grad(&x[0], &x[1], 0)
            })
            .case("empty", [s.empty([0, 2]), s.empty([0, 2])], [0, 2], |x| log_softmax_grad(&x[0], &x[1], 1)),
    ]
}
