//! Scaled dot-product attention, `o = p·v` with `p = softmax(scale·q·kᵀ + mask)` along the keys, head by head.
//! `dv = pᵀ·g`, `ds = p∘(g·vᵀ − Σ g∘o)`, `dq = scale·ds·k`, `dk = scale·dsᵀ·q`
//!
//! Forward and the gradient make the scores of some rows at a time and never hold the whole matrix; the gradient of the
//! gradient is composed, and does. The mask is a constant. Saves q, k, v, the result, and two numbers for each query.
//! Sources: Vaswani et al. 2017; Dao et al. 2022.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::functional::vjp;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::fused::{self, AttentionConfig};
use tensor::{DType, Rng, Tensor};

/// What [`Var::scaled_dot_product_attention`] may be told beside queries, keys and values. The default: every query
/// sees every key, and products are divided by √d.
#[derive(Debug, Clone, Default)]
pub struct Attention {
    /// Broadcast to `(.., heads, n, m)`: of Bool, where true lets a query see a key, or of the operands' dtype, added to
    /// the scores. A constant.
    pub mask: Option<Tensor>,
    /// Whether a query sees no key behind its own place.
    pub causal: bool,
    /// The place of the first query of each sample among its keys, which is the number of keys that were there before: one for
    /// each, or one for all; 0 if none is given.
    pub offsets: Vec<usize>,
    /// A query sees only the keys fewer than this many places from its own.
    pub window: Option<usize>,
    /// ALiBi: for each head what a score loses by a place between query and key; nothing if none is given. Source: Press et al.
    /// 2022, arXiv:2108.12409.
    pub slopes: Vec<f64>,
    /// The probability with which weights are dropped, the others growing by 1/(1 − p), and what decides: those weights stay for
    /// which `rng.clone().bernoulli((.., heads, n, m), 1 − p)` holds.
    pub dropout: Option<(f64, Rng)>,
    /// What products are multiplied by; 1/√d if none is given.
    pub scale: Option<f64>,
}

impl Attention {
    fn config(&self) -> AttentionConfig<'_> {
        AttentionConfig {
            mask: self.mask.as_ref(),
            causal: self.causal,
            offsets: &self.offsets,
            window: self.window,
            slopes: &self.slopes,
            dropout: self.dropout.as_ref().map(|(p, rng)| (*p, rng)),
            scale: self.scale,
        }
    }

    /// Places between each query and each key, those of the query first, I64 `(.., 1, n, m)`; `shape`: `(.., heads, n, m)`.
    fn ahead(&self, shape: &[usize]) -> Result<Tensor> {
        let [lead, [_, n, m]] = [&shape[..shape.len() - 3], &shape[shape.len() - 3..]] else {
            unreachable!("invariant: three axes at least")
        };
        let offsets: Vec<i64> = self.offsets.iter().map(|&offset| offset as i64).collect();
        let offsets = match offsets.len() {
            0 => Tensor::zeros([1], DType::I64)?,
            1 => Tensor::from_vec(offsets, [1])?,
            _ => Tensor::from_vec(offsets, [lead, &[1, 1, 1]].concat())?,
        };
        let places = Tensor::arange(*n, DType::I64)?.unsqueeze(1)?.add(&offsets)?;
        Ok(places.sub(&Tensor::arange(*m, DType::I64)?)?)
    }

    /// All that is added to the scores, `(.., heads, n, m)`, 0 where a query sees no key, and 1 where it sees one.
    fn bias(&self, like: &Tensor, shape: &[usize]) -> Result<(Var, Var)> {
        let dtype = like.dtype();
        let full = |x: f64| Tensor::full([], x, dtype);
        let only = |sees: &Tensor| Tensor::where_(sees, &full(0.0)?, &full(f64::NEG_INFINITY)?);
        let mut bias = match &self.mask {
            Some(mask) if mask.dtype() == DType::Bool => only(mask)?,
            Some(mask) => mask.clone(),
            None => full(0.0)?,
        };
        let ahead = self.ahead(shape)?;
        if self.causal {
            bias = bias.add(&only(&ahead.ge(&Tensor::zeros([], DType::I64)?)?)?)?;
        }
        if let Some(window) = self.window {
            bias = bias.add(&only(&ahead.abs()?.lt(&Tensor::full([], window as f64, DType::I64)?)?)?)?;
        }
        if !self.slopes.is_empty() {
            let slopes = Tensor::from_slice(&self.slopes, [self.slopes.len(), 1, 1])?.to_dtype(dtype)?;
            bias = bias.sub(&ahead.abs()?.to_dtype(dtype)?.mul(&slopes)?)?;
        }
        let bias = bias.expand(shape)?;
        let sees = bias.gt(&full(f64::NEG_INFINITY)?)?.to_dtype(dtype)?;
        // A row that sees nothing has no softmax; its weights are taken away behind it.
        let some = sees.sum_keep(&[-1])?.gt(&full(0.0)?)?;
        Ok((Tensor::where_(&some, &bias, &full(0.0)?)?.into(), sees.into()))
    }

    /// What weights are multiplied by, `(.., heads, n, m)`: 0 for those that are dropped.
    fn factors(&self, dtype: DType, shape: &[usize]) -> Result<Option<Var>> {
        let Some((p, rng)) = &self.dropout else { return Ok(None) };
        let scale = if *p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
        let kept = rng.clone().bernoulli(shape, 1.0 - p)?;
        Ok(Some(kept.to_dtype(dtype)?.mul_scalar(scale)?.into()))
    }

    /// The three gradients, each flattened, one after the other, in operations that hold the whole matrix of scores.
    fn composed_grads(&self, x: &[Var]) -> Result<Var> {
        let [q, k, v, g] = [0, 1, 2, 3].map(|i| &x[i]);
        let at = q.rank() - 3;
        let (lead, heads, pairs) = (&q.shape()[..at], q.shape()[at], k.shape()[at]);
        let (n, m) = (q.shape()[at + 1], k.shape()[at + 1]);
        let group = heads.checked_div(pairs).unwrap_or(1);
        // (.., pairs, group, rows, cols)
        let split = |x: &Var| {
            x.reshape([lead, &[pairs, group], &x.shape()[at + 1..]].concat())
        };
        let scale = self.scale.unwrap_or(1.0 / (q.shape()[at + 2].max(1) as f64).sqrt());
        let shape = [lead, &[heads, n, m]].concat();
        let (bias, sees) = self.bias(q.value(), &shape)?;
        let factors = self.factors(q.dtype(), &shape)?.map(|factors| split(&factors)).transpose()?;
        let (q, g, bias, sees) = (split(q)?, split(g)?, split(&bias)?, split(&sees)?);
        let shared = at as isize + 1;
        let (keys, values) = (k.unsqueeze(shared)?, v.unsqueeze(shared)?);
        let scores = q.matmul(&keys.transpose(-2, -1)?)?.mul_scalar(scale)?.add(&bias)?;
        let p = scores.softmax(-1)?.mul(&sees)?;
        let mut dp = g.matmul(&values.transpose(-2, -1)?)?;
        let mut kept = p.clone();
        if let Some(factors) = &factors {
            (dp, kept) = (dp.mul(factors)?, kept.mul(factors)?);
        }
        let ds = dp.sub(&dp.mul(&p)?.sum_keep(&[-1])?)?.mul(&p)?.mul_scalar(scale)?;
        let dq = ds.matmul(&keys)?;
        let dk = ds.transpose(-2, -1)?.matmul(&q)?.sum(&[shared])?;
        let dv = kept.transpose(-2, -1)?.matmul(&g)?.sum(&[shared])?;
        let flat = [dq, dk, dv].map(|x| x.reshape([x.value().len()]));
        let [dq, dk, dv] = flat;
        Var::cat(&[&dq?, &dk?, &dv?], 0)
    }
}

/// `o` of `(q, k, v)`.
struct AttentionOp {
    how: Attention,
    stats: Option<Tensor>,
}

impl Op for AttentionOp {
    fn name(&self) -> &'static str {
        "scaled_dot_product_attention"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let found = fused::attention(x[0], x[1], x[2], &self.how.config())?;
        self.stats = Some(found.stats);
        Ok(found.out)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let stats = self.stats.clone().expect("invariant: forward has run");
        let found = fused::Attention { out: saved.output().value().clone(), stats };
        let x = [0, 1, 2].map(|i| saved.input(i));
        let op = AttentionGrad { how: self.how.clone(), found };
        let all = Var::apply(op, &[&x[0], &x[1], &x[2], grad])?;
        let mut start = 0;
        let mut grads = Grads::new();
        for (i, x) in x.iter().enumerate() {
            let len = x.value().len();
            grads.push(saved.if_needed(i, || all.narrow(0, start, len)?.reshape(x.shape()))?);
            start += len;
        }
        Ok(grads)
    }
}

/// The gradients of q, k and v, each flattened, one after the other, of `(q, k, v, g)`.
struct AttentionGrad {
    how: Attention,
    /// The result that the operands gave.
    found: fused::Attention,
}

impl Op for AttentionGrad {
    fn name(&self) -> &'static str {
        "scaled_dot_product_attention_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2, 3])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(fused::attention_grad([x[0], x[1], x[2]], x[3], &self.found, &self.how.config())?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x = [0, 1, 2, 3].map(|i| saved.input(i));
        let grads = vjp(|x| self.how.composed_grads(x), &x, grad)?.1;
        Ok(grads.into_iter().map(Some).collect())
    }
}

impl Var {
    /// Attention of these queries: `softmax(scale·q·kᵀ + mask)·v` for each head, without the matrix of scores.
    ///
    /// Shapes: q `(.., heads, n, d)`, k `(.., pairs, m, d)`, v `(.., pairs, m, d_v)` → `(.., heads, n, d_v)`; `heads` is a
    /// multiple of `pairs`, and neighbouring heads share keys and values. A query that sees no key gets zeros. Second
    /// derivatives hold the matrix of scores.
    ///
    /// Differs from PyTorch in: the mask has no gradient (a tracked one cannot be given), keys and values are shared without a switch, and `offsets`
    /// place queries among the keys. Errors: as [`fused::attention`].
    ///
    /// ```
    /// use autodiff::{Var, ops::attention::scaled_dot_product_attention::Attention};
    /// use tensor::Tensor;
    /// let x = Var::variable(Tensor::from_vec(vec![0.0, 1.0, 5.0, -2.0], [1, 2, 2])?);
    /// let causal = Attention { causal: true, ..Attention::default() };
    /// let y = x.scaled_dot_product_attention(&x, &x, &causal)?;
    /// assert_eq!(y.value().narrow(1, 0, 1)?.to_vec::<f64>()?, [0.0, 1.0]); // The first sees itself alone.
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn scaled_dot_product_attention(&self, k: &Var, v: &Var, how: &Attention) -> Result<Var> {
        Var::apply(AttentionOp { how: how.clone(), stats: None }, &[self, k, v])
    }
}

/// Row by row, by the definition.
fn by_definition(x: &[Tensor], how: &Attention) -> Vec<f64> {
    let shape = |i: usize| [x[i].shape()[0], x[i].shape()[1], x[i].shape()[2]];
    let ([heads, n, d], [pairs, m, width]) = (shape(0), shape(2));
    let [q, k, v] = [0, 1, 2].map(|i| x[i].to_vec::<f64>().unwrap_or_default());
    let mask = how.mask.as_ref().map(|mask| {
        let mask = mask.expand([heads as isize, n as isize, m as isize]).and_then(|x| x.to_dtype(DType::F64));
        (how.mask.as_ref().map(Tensor::dtype), mask.and_then(|x| x.to_vec::<f64>()).unwrap_or_default())
    });
    let kept = how.dropout.as_ref().map(|(p, rng)| {
        let kept = rng.clone().bernoulli([heads, n, m], 1.0 - p).and_then(|kept| kept.to_vec::<bool>());
        (1.0 / (1.0 - p), kept.unwrap_or_default())
    });
    let mut out = vec![0.0; heads * n * width];
    for h in 0..heads {
        let pair = h * pairs / heads;
        for i in 0..n {
            let mut total = 0.0;
            for j in 0..m {
                let dot: f64 = (0..d).map(|c| q[(h * n + i) * d + c] * k[(pair * m + j) * d + c]).sum();
                let mut score = dot * how.scale.unwrap_or(1.0 / (d as f64).sqrt());
                match &mask {
                    Some((Some(DType::Bool), mask)) if mask[(h * n + i) * m + j] == 0.0 => continue,
                    Some((Some(DType::Bool), _)) | None => {}
                    Some((_, mask)) => score += mask[(h * n + i) * m + j],
                }
                let place = how.offsets.first().unwrap_or(&0) + i;
                if how.causal && j > place || how.window.is_some_and(|window| j.abs_diff(place) >= window) {
                    continue;
                }
                score -= how.slopes.get(h).unwrap_or(&0.0) * j.abs_diff(place) as f64;
                total += libm::exp(score);
                let factor = kept.as_ref().map_or(1.0, |(scale, kept)| match kept[(h * n + i) * m + j] {
                    true => *scale,
                    false => 0.0,
                });
                for c in 0..width {
                    out[(h * n + i) * width + c] += factor * libm::exp(score) * v[(pair * m + j) * width + c];
                }
            }
            if total > 0.0 {
                out[(h * n + i) * width..][..width].iter_mut().for_each(|out| *out /= total);
            }
        }
    }
    out
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(881);
    let mut take = |shapes: &[&[usize]]| -> Vec<Tensor> {
        shapes.iter().map(|shape| s.uniform(shape, -1.5, 1.5)).collect()
    };
    let plain = Attention::default();
    let causal = Attention { causal: true, ..plain.clone() };
    let later = Attention { offsets: vec![2], scale: Some(0.7), ..causal.clone() };
    let window = Attention { window: Some(2), ..plain.clone() };
    let behind = Attention { window: Some(700), offsets: vec![2300], slopes: vec![0.01], ..causal.clone() };
    let alibi = Attention { slopes: vec![0.5, 0.25], ..later.clone() };
    let dropped = Attention { dropout: Some((0.4, Rng::seed(7))), ..causal.clone() };
    let all = Attention { window: Some(3), dropout: Some((0.3, Rng::seed(8))), ..alibi.clone() };
    let each = Attention { offsets: vec![0, 2], ..causal.clone() };
    // The first query sees nothing.
    let sees = Tensor::from_slice(&[false, false, false, true, false, true], [2, 3]).expect("invariant: six elements");
    let sees = Attention { mask: Some(sees), ..plain.clone() };
    let slopes = Tensor::from_slice(&[0.0, -0.5, -1.0], [3]).expect("invariant: three elements");
    let call = |how: &Attention| {
        let how = how.clone();
        move |x: &[Var]| {
            // Masks come in the dtype of the operands.
            let mask = match &how.mask {
                Some(mask) if mask.dtype() != DType::Bool => Some(mask.to_dtype(x[0].dtype())?),
                mask => mask.clone(),
            };
            x[0].scaled_dot_product_attention(&x[1], &x[2], &Attention { mask, ..how.clone() })
        }
    };
    let reference = |how: &Attention| {
        let how = how.clone();
        move |x: &[Tensor]| by_definition(x, &how)
    };
    let biased = Attention { mask: Some(slopes), causal: true, ..plain.clone() };
    let grad = |how: &Attention| {
        let how = how.clone();
        move |x: &[Var]| {
            let config = how.config();
            let found = fused::attention(x[0].value(), x[1].value(), x[2].value(), &config)?;
            Var::apply(AttentionGrad { how: how.clone(), found }, &[&x[0], &x[1], &x[2], &x[3]])
        }
    };
    // The sum of g·o moved by each element of q, k and v in turn; five points, an error of fourth order.
    let by_differences = |how: &Attention| {
        let how = how.clone();
        move |x: &[Tensor]| -> Vec<f64> {
            let g = x[3].to_vec::<f64>().unwrap_or_default();
            let loss = |which: usize, i: usize, by: f64| -> f64 {
                let mut moved = x[..3].to_vec();
                let mut values = moved[which].to_vec::<f64>().unwrap_or_default();
                values[i] += by;
                moved[which] = Tensor::from_vec(values, x[which].shape()).expect("invariant: the same size");
                by_definition(&moved, &how).iter().zip(&g).map(|(o, g)| o * g).sum()
            };
            let h = 1e-3;
            (0..3)
                .flat_map(|which| (0..x[which].len()).map(move |i| (which, i)))
                .map(|(w, i)| {
                    (8.0 * (loss(w, i, h) - loss(w, i, -h)) - (loss(w, i, 2.0 * h) - loss(w, i, -2.0 * h))) / (12.0 * h)
                })
                .collect()
        }
    };
    vec![
        OpSpec::new("scaled_dot_product_attention")
            .case("plain", take(&[&[1, 2, 3], &[1, 4, 3], &[1, 4, 2]]), [1, 2, 2], call(&plain))
            .reference(reference(&plain))
            .case("causal, shared keys", take(&[&[2, 3, 2], &[1, 3, 2], &[1, 3, 2]]), [2, 3, 2], call(&causal))
            .reference(reference(&causal))
            .case("later queries", take(&[&[2, 2, 2], &[2, 4, 2], &[2, 4, 3]]), [2, 2, 3], call(&later))
            .reference(reference(&later))
            .case("bool mask", take(&[&[1, 2, 2], &[1, 3, 2], &[1, 3, 2]]), [1, 2, 2], call(&sees))
            .reference(reference(&sees))
            .case("added mask", take(&[&[2, 3, 2], &[2, 3, 2], &[2, 3, 2]]), [2, 3, 2], call(&biased))
            .reference(reference(&biased))
            .case("window", take(&[&[1, 4, 2], &[1, 5, 2], &[1, 5, 2]]), [1, 4, 2], call(&window))
            .reference(reference(&window))
            .case("slopes", take(&[&[2, 2, 2], &[1, 4, 2], &[1, 4, 2]]), [2, 2, 2], call(&alibi))
            .reference(reference(&alibi))
            .case("dropped weights", take(&[&[2, 3, 2], &[1, 3, 2], &[1, 3, 2]]), [2, 3, 2], call(&dropped))
            .reference(reference(&dropped))
            .case("offsets of each", take(&[&[2, 2, 2, 2], &[2, 1, 4, 2], &[2, 1, 4, 2]]), [2, 2, 2, 2], call(&each))
            .case("a window far behind", take(&[&[1, 70, 3], &[1, 2400, 3], &[1, 2400, 2]]), [1, 70, 2], call(&behind))
            .reference(reference(&behind))
            .ulps(64.0, 64.0)
            .no_derivative()
            .case("batch", take(&[&[2, 2, 2, 2], &[2, 1, 2, 2], &[2, 1, 2, 2]]), [2, 2, 2, 2], call(&causal))
            .case("more than a block", take(&[&[1, 130, 9], &[1, 700, 9], &[1, 700, 5]]), [1, 130, 5], call(&causal))
            .reference(reference(&causal))
            .ulps(64.0, 64.0)
            .no_derivative()
            .case("no keys", take(&[&[1, 2, 3], &[1, 0, 3], &[1, 0, 2]]), [1, 2, 2], call(&plain))
            .reference(|_| vec![0.0; 4])
            .case("no queries", take(&[&[1, 0, 3], &[1, 2, 3], &[1, 2, 2]]), [1, 0, 2], call(&causal))
            .case("large", take(&[&[3, 4, 150, 16], &[3, 2, 150, 16], &[3, 2, 150, 16]]), [3, 4, 150, 16], call(&causal))
            .large()
            .error(
                take(&[&[2, 3], &[2, 3], &[2, 3]]),
                call(&plain),
                "[scaled_dot_product_attention] queries, keys and values must be (.., heads, length, size), with the same number of axes; got [2, 3] and [2, 3] and [2, 3]; unsqueeze an axis of heads",
            )
            .error(
                take(&[&[2, 2, 3], &[2, 4, 2], &[2, 4, 2]]),
                call(&plain),
                "[scaled_dot_product_attention] queries and keys must have one size; got [2, 2, 3] and [2, 4, 2] and [2, 4, 2]; project them to one size",
            )
            .error(
                take(&[&[2, 2, 3], &[2, 4, 3], &[2, 5, 3]]),
                call(&plain),
                "[scaled_dot_product_attention] there must be one value for each key; got [2, 2, 3] and [2, 4, 3] and [2, 5, 3]; check how the keys and values were made",
            )
            .error(
                take(&[&[3, 2, 3], &[2, 4, 3], &[2, 4, 3]]),
                call(&plain),
                "[scaled_dot_product_attention] the heads of queries must be a multiple of the heads of keys and values; got [3, 2, 3] and [2, 4, 3] and [2, 4, 3]; change the number of heads",
            )
            .error(
                take(&[&[1, 2, 2, 3], &[3, 2, 4, 3], &[3, 2, 4, 3]]),
                call(&plain),
                "[scaled_dot_product_attention] queries, keys and values must have the same axes before the heads; got [1, 2, 2, 3] and [3, 2, 4, 3] and [3, 2, 4, 3]; expand some of them",
            )
            .error(
                take(&[&[1, 2, 2], &[1, 4, 2], &[1, 4, 2]]),
                call(&sees),
                "[scaled_dot_product_attention] the mask must broadcast to (.., heads, queries, keys); got [2, 3] and [1, 2, 4]; unsqueeze the axes that it lacks",
            )
            .error(
                take(&[&[1, 2, 2], &[1, 4, 2], &[1, 4, 2]]),
                call(&Attention { offsets: vec![0, 2, 4], ..plain.clone() }),
                "[scaled_dot_product_attention] there must be one offset, or one for each sample; got 3 for 1 samples; give each sample its own",
            )
            .error(
                take(&[&[1, 2, 2], &[1, 4, 2], &[1, 4, 2]]),
                call(&Attention { window: Some(0), ..plain.clone() }),
                "[scaled_dot_product_attention] a window must hold a key; got 0; use 1 to see the query's own place alone",
            )
            .error(
                take(&[&[1, 2, 2], &[1, 4, 2], &[1, 4, 2]]),
                call(&Attention { slopes: vec![0.5, 0.25], ..plain.clone() }),
                "[scaled_dot_product_attention] there must be a finite slope for each head; got [0.5, 0.25] for 1 heads; leave them out for none",
            )
            .error(
                take(&[&[1, 2, 2], &[1, 4, 2], &[1, 4, 2]]),
                call(&Attention { dropout: Some((1.5, Rng::seed(0))), ..plain.clone() }),
                "[scaled_dot_product_attention] a probability must lie in 0..=1; got 1.5; leave dropout out for none",
            )
            .error(
                take(&[&[1, 2, 2], &[1, 4, 2], &[1, 4, 2]]),
                call(&Attention { scale: Some(f64::NAN), ..plain.clone() }),
                "[scaled_dot_product_attention] the scale must be a finite number; got NaN; leave it out to divide by the root of the size",
            ),
        OpSpec::new("scaled_dot_product_attention_grad")
            .case(
                "causal, shared keys",
                take(&[&[2, 3, 2], &[1, 3, 2], &[1, 3, 2], &[2, 3, 2]]),
                [12 + 6 + 6],
                grad(&causal),
            )
            .reference(by_differences(&causal))
            // The reference is a difference, good to some nine digits.
            .ulps(1e7, 64.0)
            .case("all at once", take(&[&[2, 3, 2], &[1, 6, 2], &[1, 6, 1], &[2, 3, 1]]), [12 + 12 + 6], grad(&all))
            .reference(by_differences(&all))
            .ulps(1e7, 64.0)
            .case("bool mask", take(&[&[1, 2, 2], &[1, 3, 2], &[1, 3, 1], &[1, 2, 1]]), [4 + 6 + 3], grad(&sees))
            .reference(by_differences(&sees))
            .ulps(1e7, 64.0)
            .case("more than a block", take(&[&[1, 70, 3], &[1, 70, 3], &[1, 70, 2], &[1, 70, 2]]), [560], grad(&causal))
            .reference(by_differences(&causal))
            .ulps(1e7, 64.0)
            .no_derivative()
            .case("no keys", take(&[&[1, 2, 3], &[1, 0, 3], &[1, 0, 2], &[1, 2, 2]]), [6], grad(&plain))
            .reference(|_| vec![0.0; 6])
            .case("large", take(&[&[3, 4, 150, 16], &[3, 2, 150, 16], &[3, 2, 150, 16], &[3, 4, 150, 16]]), [28800 + 14400 + 14400], grad(&causal))
            .large(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{GradCheck, gradcheck, gradgradcheck};

    #[test]
    fn the_only_key_that_a_query_sees_counts_however_low_its_score() -> Result<()> {
        let mask = Tensor::from_slice(&[-1e38, 0.0], [2])?;
        let how = Attention { mask: Some(mask), causal: true, ..Attention::default() };
        let mut s = Samples::new(882);
        let x = [0; 3].map(|_| s.uniform([1, 2, 2], -1.0, 1.0));
        let f = |x: &[Var]| x[0].scaled_dot_product_attention(&x[1], &x[2], &how);
        let y = f(&x.clone().map(Var::from))?;
        assert_eq!(y.value().narrow(1, 0, 1)?.to_vec::<f64>()?, x[2].narrow(1, 0, 1)?.to_vec::<f64>()?);
        gradcheck(f, &x, &GradCheck::default())?;
        gradgradcheck(f, &x, &GradCheck::default())?;
        Ok(())
    }
}
