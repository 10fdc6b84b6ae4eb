//! Batch normalisation: each channel over all images and pixels.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::index::mismatch;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::kernels::batch_norm::{Affine, Back, affine, grad, moments, sums};
use crate::tensor::{Tensor, with_dtype};

const FLOATS: &str = "the operand must be a float";

/// What a batch normalisation is made with, other than its input.
#[derive(Debug, Clone, Copy)]
pub struct BatchNorm<'a> {
    /// Weight and bias, `(c)` each.
    pub affine: Option<[&'a Tensor; 2]>,
    /// Mean and variance to use, `(c)` each; `None`: those of the batch.
    pub statistics: Option<[&'a Tensor; 2]>,
    /// Added to the variance.
    pub eps: f64,
    /// Added to the result, of the input's shape.
    pub residual: Option<&'a Tensor>,
    /// Whether the result is rectified at last.
    pub relu: bool,
}

/// A batch normalisation that was done.
#[derive(Debug, Clone)]
pub struct BatchNormed {
    /// The result.
    pub out: Tensor,
    /// Mean and variance (of all elements, not unbiased) of each channel, `(c)`, in the input's dtype: those of the batch,
    /// or those that were given.
    pub statistics: [Tensor; 2],
}

/// The gradients of a batch normalisation over its own statistics.
#[derive(Debug, Clone)]
pub struct BatchNormGrads {
    /// For the input.
    pub input: Tensor,
    /// For the weight.
    pub weight: Tensor,
    /// For the bias.
    pub bias: Tensor,
    /// For the residual: the gradient of the result where that was not rectified away.
    pub residual: Option<Tensor>,
}

fn numbers(x: &Tensor) -> Result<Vec<f64>> {
    x.to_dtype(DType::F64)?.to_vec()
}

fn narrow<T: Element>(x: Vec<f64>) -> Vec<T> {
    x.into_iter().map(T::from_f64).collect()
}

impl BatchNorm<'_> {
    /// Checks the operands; the channels.
    fn checked(&self, op: &'static str, x: &Tensor) -> Result<usize> {
        let Some(&c) = x.shape().get(1) else {
            let rule = "the input must be (n, channels, ..)";
            return Err(mismatch(op, rule, &[x.shape()], "add an axis for the batch with unsqueeze"));
        };
        if !(self.eps >= 0.0 && self.eps.is_finite()) {
            return Err(Error::InvalidArgument {
                op,
                rule: "eps must be a number of 0 or more",
                got: self.eps.to_string(),
                repair: "use 1e-5 or so",
            });
        }
        for per_channel in self.affine.iter().chain(&self.statistics).flatten() {
            same_dtype(op, x, per_channel)?;
            if per_channel.shape() != [c] {
                let rule = "weight, bias and statistics must have one element for each channel";
                return Err(mismatch(
                    op,
                    rule,
                    &[x.shape(), per_channel.shape()],
                    "give them shape (channels)",
                ));
            }
        }
        if let Some(residual) = self.residual {
            same_dtype(op, x, residual)?;
            if residual.shape() != x.shape() {
                let rule = "the residual must have the input's shape";
                return Err(mismatch(op, rule, &[x.shape(), residual.shape()], "project it first"));
            }
        }
        let rows = x.shape().iter().enumerate().filter(|(i, _)| *i != 1).map(|(_, d)| d).product::<usize>();
        if self.statistics.is_none() && rows == 1 {
            return Err(Error::InvalidArgument {
                op,
                rule: "a channel must have more than one value to be normalised by its own statistics",
                got: format!("{:?}", x.shape()),
                repair: "use larger batches or images, drop the last batch, or evaluate",
            });
        }
        Ok(c)
    }

    /// `1/√(variance + eps)·weight`, and the bias.
    fn scale_and_shift(&self, variance: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
        let (weight, bias) = match self.affine {
            Some([weight, bias]) => (numbers(weight)?, numbers(bias)?),
            None => (vec![1.0; variance.len()], vec![0.0; variance.len()]),
        };
        let scale = variance.iter().zip(&weight).map(|(v, w)| w / (v + self.eps).sqrt()).collect();
        Ok((scale, bias))
    }
}

impl Tensor {
    /// `y = (x − m)/√(v + eps)·w + b + residual`, then `max(y, 0)` if so wished, with the mean m and the variance v of
    /// each channel over all images and pixels, or those that are given.
    ///
    /// Shapes: `(n, c, ..)` → the same. Source: Ioffe and Szegedy 2015, arXiv:1502.03167.
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for a channel of one value.
    pub fn batch_norm(&self, how: &BatchNorm) -> Result<BatchNormed> {
        let op = "batch_norm";
        if self.dtype().is_narrow() && self.dtype().is_float() {
            return self.widened_batch_norm(how);
        }
        let c = how.checked(op, self)?;
        with_dtype!(self.dtype(), T, float => {
            let x = self.channels_at_back()?;
            let data = x.as_slice::<T>().unwrap_or_default();
            let (mean, variance) = match how.statistics {
                Some([mean, variance]) => (numbers(mean)?, numbers(variance)?),
                None if data.is_empty() => (vec![0.0; c], vec![0.0; c]),
                None => moments(data, c),
            };
            let (scale, shift) = how.scale_and_shift(&variance)?;
            let statistics = [
                Tensor::from_vec(narrow::<T>(mean.clone()), [c])?,
                Tensor::from_vec(narrow::<T>(variance), [c])?,
            ];
            let map = Affine::<T> { mean: narrow(mean), scale: narrow(scale), shift: narrow(shift), relu: how.relu };
            let rest = how.residual.map(Tensor::channels_at_back).transpose()?;
            let rest = rest.as_ref().and_then(|r| r.as_slice::<T>()).unwrap_or_default();
            let out = Tensor::build(op, x.shape(), |out: &mut [T]| {
                if !out.is_empty() {
                    affine(data, rest, &map, out);
                }
            })?;
            Ok(BatchNormed { out: out.channels_at_front(), statistics })
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }

    /// [`Tensor::batch_norm`] of BF16 and F16, in F32.
    fn widened_batch_norm(&self, how: &BatchNorm) -> Result<BatchNormed> {
        let (dtype, wide) = (self.dtype(), self.dtype().compute());
        for x in how.affine.iter().chain(&how.statistics).flatten().copied().chain(how.residual) {
            same_dtype("batch_norm", self, x)?;
        }
        let widen = |pair: Option<[&Tensor; 2]>| -> Result<Option<[Tensor; 2]>> {
            let Some([a, b]) = pair else { return Ok(None) };
            Ok(Some([a.to_dtype(wide)?, b.to_dtype(wide)?]))
        };
        let (affine, statistics) = (widen(how.affine)?, widen(how.statistics)?);
        let residual = how.residual.map(|r| r.to_dtype(wide)).transpose()?;
        let how = BatchNorm {
            affine: affine.as_ref().map(|[a, b]| [a, b]),
            statistics: statistics.as_ref().map(|[a, b]| [a, b]),
            residual: residual.as_ref(),
            ..*how
        };
        let done = self.to_dtype(wide)?.batch_norm(&how)?;
        let [mean, variance] = done.statistics;
        Ok(BatchNormed {
            out: done.out.narrowed_to(dtype)?,
            statistics: [mean.narrowed_to(dtype)?, variance.narrowed_to(dtype)?],
        })
    }

    /// The gradients of [`Tensor::batch_norm`] over the batch's own statistics, which `statistics` are, for a gradient `g`
    /// of its result `y`, which a rectified one needs. The input's, with r = 1/√(v + eps) and x̂ = (x − m)·r, is
    /// `w·r·(g − mean g − x̂·mean(g·x̂))`.
    ///
    /// Errors: as [`Tensor::batch_norm`].
    pub fn batch_norm_grads(
        &self,
        g: &Tensor,
        y: Option<&Tensor>,
        statistics: &[Tensor; 2],
        weight: Option<&Tensor>,
        eps: f64,
        residual: bool,
    ) -> Result<BatchNormGrads> {
        let op = "batch_norm_grads";
        let dtype = same_dtype(op, self, g)?;
        if dtype.is_narrow() && dtype.is_float() {
            let wide = |x: &Tensor| x.to_dtype(dtype.compute());
            let y = y.map(wide).transpose()?;
            let statistics = [wide(&statistics[0])?, wide(&statistics[1])?];
            let weight = weight.map(wide).transpose()?;
            let found = wide(self)?.batch_norm_grads(
                &wide(g)?,
                y.as_ref(),
                &statistics,
                weight.as_ref(),
                eps,
                residual,
            )?;
            return Ok(BatchNormGrads {
                input: found.input.narrowed_to(dtype)?,
                weight: found.weight.narrowed_to(dtype)?,
                bias: found.bias.narrowed_to(dtype)?,
                residual: found.residual.map(|r| r.narrowed_to(dtype)).transpose()?,
            });
        }
        let how = BatchNorm {
            affine: weight.map(|w| [w, w]),
            statistics: Some([&statistics[0], &statistics[1]]),
            eps,
            residual: y,
            relu: false,
        };
        let c = how.checked(op, self)?;
        if g.shape() != self.shape() {
            return Err(mismatch(
                op,
                "the gradient must have the input's shape",
                &[self.shape(), g.shape()],
                "reshape it",
            ));
        }
        with_dtype!(dtype, T, float => {
            let (x, g) = (self.channels_at_back()?, g.channels_at_back()?);
            let y = y.map(Tensor::channels_at_back).transpose()?;
            let data = x.as_slice::<T>().unwrap_or_default();
            let gs = g.as_slice::<T>().unwrap_or_default();
            let ys = y.as_ref().and_then(|y| y.as_slice::<T>()).unwrap_or_default();
            let mean = numbers(&statistics[0])?;
            let root = numbers(&statistics[1])?.iter().map(|v| 1.0 / (v + eps).sqrt()).collect::<Vec<f64>>();
            let (scale, _) = how.scale_and_shift(&numbers(&statistics[1])?)?;
            let mean = narrow::<T>(mean);
            let (sum, product) = match data.is_empty() {
                true => (vec![0.0; c], vec![0.0; c]),
                false => sums(data, gs, ys, &mean),
            };
            let rows = (data.len() / c.max(1)).max(1) as f64;
            let back = Back::<T> {
                mean,
                scale: narrow(scale),
                a: narrow(sum.iter().map(|s| s / rows).collect()),
                b: narrow(product.iter().zip(&root).map(|(p, r)| p * r * r / rows).collect()),
            };
            let of_weight = product.iter().zip(&root).map(|(p, r)| p * r).collect();
            let separate = residual && y.is_some();
            let mut kept = Ok(None);
            let input = Tensor::build(op, x.shape(), |out: &mut [T]| {
                if out.is_empty() { return }
                match separate {
                    true => kept = Tensor::build(op, x.shape(), |kept: &mut [T]| {
                        grad(data, gs, ys, &back, out, kept);
                    }).map(Some),
                    false => grad(data, gs, ys, &back, out, &mut []),
                }
            })?;
            let kept = kept?.map(Tensor::channels_at_front);
            Ok(BatchNormGrads {
                input: input.channels_at_front(),
                weight: Tensor::from_vec(narrow::<T>(of_weight), [c])?,
                bias: Tensor::from_vec(narrow::<T>(sum), [c])?,
                residual: residual.then(|| kept.unwrap_or_else(|| g.channels_at_front())),
            })
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }
}
