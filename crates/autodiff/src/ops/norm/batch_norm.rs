//! Batch normalisation, `y = x̂·w + b` with `x̂ = (x − m)·r`, `r = 1/√(v + eps)`, m and v the mean and variance of each channel
//! over all images and pixels. `dx = w·r·(g − mean g − x̂·mean(g·x̂))`, `dw = Σ g·x̂`, `db = Σ g`
//!
//! With statistics that are given the map is affine, and `dx = w·r·g`. A residual that is added and a rectifier are part of
//! the operation: `max(x̂·w + b + residual, 0)`, the end of a residual block, is one pass forward and two backward. Where a
//! gradient is to be differentiated itself, the rule is composed of simpler operations. Source: Ioffe and Szegedy 2015.

use super::super::conv::conv::sum_of_pixels;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::ops::pointwise::relu::relu_grad;
use crate::var::Var;
use std::sync::{Arc, OnceLock};
use tensor::{BatchNorm as Norm, Tensor};

/// Mean and variance of each channel.
type Statistics = Arc<OnceLock<[Tensor; 2]>>;

/// `(x, w and b or neither, residual?)`. Saves x and w, and the result if it is rectified.
pub struct BatchNorm {
    how: How,
    /// Those given, or what the forward step finds.
    statistics: Statistics,
    given: bool,
}

/// What is done besides normalising.
#[derive(Debug, Clone, Copy)]
struct How {
    eps: f64,
    affine: bool,
    residual: bool,
    relu: bool,
}

impl Op for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }
    fn saves(&self) -> Saves {
        let saves = Saves::inputs(if self.how.affine { &[0, 1] } else { &[0] });
        if self.how.relu { saves.and_output() } else { saves }
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let given = if self.given { self.statistics.get() } else { None };
        let how = Norm {
            affine: self.how.affine.then(|| [x[1], x[2]]),
            statistics: given.map(|[mean, variance]| [mean, variance]),
            eps: self.how.eps,
            residual: self.how.residual.then(|| x[x.len() - 1]),
            relu: self.how.relu,
        };
        let done = x[0].batch_norm(&how)?;
        if !self.given {
            let _ = self.statistics.set(done.statistics);
        }
        Ok(done.out)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let statistics = self.statistics.get().expect("invariant: forward came first");
        let all = match self.given || saved.higher || grad.is_tracked() {
            true => self.composed(saved, grad, statistics)?,
            false => self.fused(saved, grad, statistics)?,
        };
        let present = [true, self.how.affine, self.how.affine, self.how.residual];
        Ok(all.into_iter().zip(present).filter(|(_, present)| *present).map(|(grad, _)| grad).collect())
    }
}

impl BatchNorm {
    /// The gradients of x, w, b and the residual, in two passes.
    fn fused(&self, saved: &Saved, grad: &Var, statistics: &[Tensor; 2]) -> Result<[Option<Var>; 4]> {
        let (x, y) = (saved.input(0), self.how.relu.then(|| saved.output()));
        let weight = self.how.affine.then(|| saved.input(1));
        let of = x.value().batch_norm_grads(
            grad.value(),
            y.as_ref().map(Var::value),
            statistics,
            weight.as_ref().map(Var::value),
            self.how.eps,
            self.how.residual,
        )?;
        Ok([Some(of.input), Some(of.weight), Some(of.bias), of.residual].map(|grad| grad.map(Var::from)))
    }

    /// As [`fused`](Self::fused), of operations that have gradients.
    fn composed(&self, saved: &Saved, grad: &Var, statistics: &[Tensor; 2]) -> Result<[Option<Var>; 4]> {
        let x = saved.input(0);
        let g = if self.how.relu { relu_grad(&saved.output(), grad)? } else { grad.clone() };
        let mut channel = vec![1isize; x.rank()];
        channel[1] = -1;
        let axes: Vec<isize> = (0..x.rank() as isize).filter(|&axis| axis != 1).collect();
        let mean = |v: &Var| v.mean_keep(&axes);
        let (gap, variance) = match self.given {
            true => {
                let [m, v] = [0, 1].map(|i| Var::from(statistics[i].clone()).reshape(&channel[..]));
                (x.sub(&m?)?, v?)
            }
            false => {
                let gap = x.sub(&mean(&x)?)?;
                let variance = mean(&gap.square()?)?;
                (gap, variance)
            }
        };
        let r = variance.add_scalar(self.how.eps)?.pow_scalar(-0.5)?;
        let normal = gap.mul(&r)?;
        let u = match self.how.affine {
            true => g.mul(&saved.input(1).reshape(&channel[..])?)?,
            false => g.clone(),
        };
        let dx = match self.given {
            true => u.mul(&r)?,
            false => u.sub(&mean(&u)?)?.sub(&normal.mul(&mean(&u.mul(&normal)?)?)?)?.mul(&r)?,
        };
        let (dw, db) = (sum_of_pixels(&g.mul(&normal)?)?, sum_of_pixels(&g)?);
        Ok([dx, dw, db, g].map(Some))
    }
}

/// What [`Var::batch_norm`] does besides normalising.
#[derive(Debug, Clone, Copy)]
pub struct BatchNormOptions<'a> {
    /// Weight and bias, `(c)` each.
    pub affine: Option<[&'a Var; 2]>,
    /// Mean and variance to use, `(c)` each, which are constants; `None`: those of the batch.
    pub statistics: Option<[&'a Tensor; 2]>,
    /// Added to the variance.
    pub eps: f64,
    /// Added to the result, of the input's shape.
    pub residual: Option<&'a Var>,
    /// Whether the result is rectified at last.
    pub relu: bool,
}

impl Var {
    /// Batch normalisation of `(n, c, ..)`, and the mean and variance (not unbiased) of each channel that it used.
    /// Formula, shapes and errors: as [`Tensor::batch_norm`].
    pub fn batch_norm(&self, options: &BatchNormOptions) -> Result<(Var, [Tensor; 2])> {
        let statistics = Statistics::default();
        if let Some([mean, variance]) = options.statistics {
            let _ = statistics.set([mean.clone(), variance.clone()]);
        }
        let op = BatchNorm {
            how: How {
                eps: options.eps,
                affine: options.affine.is_some(),
                residual: options.residual.is_some(),
                relu: options.relu,
            },
            statistics: statistics.clone(),
            given: options.statistics.is_some(),
        };
        let mut inputs = vec![self];
        inputs.extend(options.affine.iter().flatten());
        inputs.extend(options.residual);
        let y = Var::apply(op, &inputs)?;
        let statistics = statistics.get().expect("invariant: the forward step has run").clone();
        Ok((y, statistics))
    }
}

/// With the mean and variance of each channel found from all its pairs of elements, or given.
fn by_pairs(x: &[Tensor], affine: bool, residual: bool, relu: bool, given: Option<([f64; 2], [f64; 2])>) -> Vec<f64> {
    let v: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
    let c = x[0].shape()[1];
    let pixels: usize = x[0].shape()[2..].iter().product();
    let channel = |i: usize| i / pixels % c;
    let of = |k: usize| v[0].iter().enumerate().filter(move |(i, _)| channel(*i) == k).map(|(_, &x)| x);
    let mut out = Vec::new();
    for (i, &value) in v[0].iter().enumerate() {
        let k = channel(i);
        let n = of(k).count() as f64;
        let (mean, variance) = match given {
            Some((m, v)) => (m[k], v[k]),
            None => {
                let pairs: f64 = of(k).flat_map(|a| of(k).map(move |b| (a - b) * (a - b))).sum();
                (of(k).sum::<f64>() / n, pairs / (2.0 * n * n))
            }
        };
        let mut y = (value - mean) / libm::sqrt(variance + 1e-3);
        if affine {
            y = y * v[1][k] + v[2][k];
        }
        if residual {
            y += v[v.len() - 1][i];
        }
        out.push(if relu { y.max(0.0) } else { y });
    }
    out
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(87);
    let mut take = |shapes: &[&[usize]]| -> Vec<Tensor> {
        shapes.iter().map(|&shape| s.uniform(shape, -2.0, 2.0)).collect()
    };
    fn call(affine: bool, residual: bool, relu: bool, given: bool) -> impl Fn(&[Var]) -> Result<Var> {
        move |x: &[Var]| {
            let per_channel = |v: [f64; 2]| Tensor::from_slice(&v, [2]).and_then(|t| t.to_dtype(x[0].dtype()));
            let (mean, variance) = (per_channel([0.25, -0.5])?, per_channel([0.5, 2.0])?);
            let options = BatchNormOptions {
                affine: affine.then(|| [&x[1], &x[2]]),
                statistics: given.then_some([&mean, &variance]),
                eps: 1e-3,
                residual: residual.then(|| &x[x.len() - 1]),
                relu,
            };
            Ok(x[0].batch_norm(&options)?.0)
        }
    }
    let given = Some(([0.25, -0.5], [0.5, 2.0]));
    vec![
        OpSpec::new("batch_norm")
            .case("weight and bias", take(&[&[3, 2, 2, 2], &[2], &[2]]), [3, 2, 2, 2], call(true, false, false, false))
            .reference(|x| by_pairs(x, true, false, false, None))
            .ulps(16.0, 256.0)
            .case("plain, one axis", take(&[&[4, 2, 3]]), [4, 2, 3], call(false, false, false, false))
            .reference(|x| by_pairs(x, false, false, false, None))
            .ulps(16.0, 256.0)
            .case("rows", take(&[&[5, 2], &[2], &[2]]), [5, 2], call(true, false, false, false))
            .reference(|x| by_pairs(x, true, false, false, None))
            .ulps(16.0, 256.0)
            .case("residual, rectified", take(&[&[2, 2, 2, 3], &[2], &[2], &[2, 2, 2, 3]]), [2, 2, 2, 3], call(true, true, true, false))
            .reference(|x| by_pairs(x, true, true, true, None))
            .ulps(16.0, 256.0)
            .case("residual", take(&[&[2, 2, 3], &[2, 2, 3]]), [2, 2, 3], call(false, true, false, false))
            .reference(|x| by_pairs(x, false, true, false, None))
            .ulps(16.0, 256.0)
            .case("given statistics", take(&[&[2, 2, 3], &[2], &[2], &[2, 2, 3]]), [2, 2, 3], call(true, true, true, true))
            .reference(move |x| by_pairs(x, true, true, true, given))
            .ulps(16.0, 64.0)
            .case("no images", take(&[&[0, 2, 3], &[2], &[2]]), [0, 2, 3], call(true, false, true, false))
            .case("large", take(&[&[37, 2, 21, 20], &[2], &[2]]), [37, 2, 21, 20], call(true, false, true, false))
            .large()
            .error(
                take(&[&[1, 2, 1]]),
                call(false, false, false, false),
                "[batch_norm] a channel must have more than one value to be normalised by its own statistics; got [1, 2, 1]; use larger batches or images, drop the last batch, or evaluate",
            )
            .error(
                take(&[&[2, 2, 3], &[3], &[3]]),
                call(true, false, false, false),
                "[batch_norm] weight, bias and statistics must have one element for each channel; got [2, 2, 3] and [3]; give them shape (channels)",
            ),
    ]
}
