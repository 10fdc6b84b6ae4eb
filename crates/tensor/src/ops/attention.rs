//! Scaled dot-product attention and its gradient: the checks, and the layouts that the kernel is given.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::matmul::{matrix, offsets};
use super::widen::are_narrow;
use crate::dtype::{DType, Float};
use crate::error::{Error, Result};
use crate::flops;
use crate::kernels::attention::{Heads, Sight, attention as forward, attention_grad as backward};
use crate::layout::{Dims, Layout, broadcast_shapes, checked_len};
use crate::rng::Rng;
use crate::tensor::{Tensor, with_dtype};

const OP: &str = "scaled_dot_product_attention";
const FLOATS: &str = "operands must be floats";

/// What attention may be told beside queries, keys and values. The default: every query sees every key.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttentionConfig<'a> {
    /// Broadcast to `(.., heads, n, m)`: of Bool, where true lets a query see a key, or of the operands' dtype, added to
    /// the scores.
    pub mask: Option<&'a Tensor>,
    /// Whether a query sees no key behind its own place.
    pub causal: bool,
    /// The place of the first query of each sample among its keys, which is the number of keys that were there before: one for
    /// each, or one for all; 0 if none is given.
    pub offsets: &'a [usize],
    /// A query sees only the keys fewer than this many places from its own.
    pub window: Option<usize>,
    /// ALiBi: for each head what a score loses by a place between query and key; nothing if none is given. Source: Press et al.
    /// 2022, arXiv:2108.12409.
    pub slopes: &'a [f64],
    /// The probability with which weights are dropped, the others growing by 1/(1 − p), and what decides: those weights stay for
    /// which `rng.clone().bernoulli((.., heads, n, m), 1 − p)` holds.
    pub dropout: Option<(f64, &'a Rng)>,
    /// What products are multiplied by; 1/√d if none is given.
    pub scale: Option<f64>,
}

/// What [`attention`] returns.
#[derive(Debug, Clone)]
pub struct Attention {
    /// `(.., heads, n, d_v)`; in memory the heads of a query lie side by side.
    pub out: Tensor,
    /// For each query of each head its largest score and the inverse of its sum of exponentials: `(.., heads, n, 2)`.
    pub stats: Tensor,
}

/// The sizes of one call, checked.
struct Sizes {
    dtype: DType,
    /// The axes before the heads.
    lead: Dims,
    heads: usize,
    pairs: usize,
    n: usize,
    m: usize,
    width: usize,
    scale: f64,
}

impl Sizes {
    /// Counts `products` products of queries and keys, or of what is as large; half of one where only the past is seen.
    fn count_flops(&self, products: usize, causal: bool) {
        let pairs = self.n * self.m;
        let pairs = if causal { pairs.div_ceil(2) } else { pairs };
        flops::count(self.lead.iter().copied().chain([self.heads, pairs, self.width, products]));
    }

    fn of(q: &Tensor, k: &Tensor, v: &Tensor, config: &AttentionConfig) -> Result<Self> {
        let dtype = same_dtype(OP, q, k)?;
        same_dtype(OP, q, v)?;
        let refuse = |rule, repair| {
            let shapes = [q, k, v].map(|x| x.shape().to_vec()).into();
            Err(Error::ShapeMismatch { op: OP, rule, shapes, repair })
        };
        let rank = q.rank();
        if rank < 3 || k.rank() != rank || v.rank() != rank {
            return refuse(
                "queries, keys and values must be (.., heads, length, size), with the same number of axes",
                "unsqueeze an axis of heads",
            );
        }
        let [lead, rest] = [&q.shape()[..rank - 3], &q.shape()[rank - 3..]];
        let (of_k, of_v) = (&k.shape()[rank - 3..], &v.shape()[rank - 3..]);
        if k.shape()[..rank - 3] != *lead || v.shape()[..rank - 3] != *lead {
            return refuse(
                "queries, keys and values must have the same axes before the heads",
                "expand some of them",
            );
        }
        if of_k[..2] != of_v[..2] {
            return refuse("there must be one value for each key", "check how the keys and values were made");
        }
        if rest[2] != of_k[2] {
            return refuse("queries and keys must have one size", "project them to one size");
        }
        let (heads, pairs) = (rest[0], of_k[0]);
        if heads != pairs && (pairs == 0 || heads % pairs != 0) {
            return refuse(
                "the heads of queries must be a multiple of the heads of keys and values",
                "change the number of heads",
            );
        }
        if !dtype.is_float() {
            return Err(wrong_dtype(OP, FLOATS, dtype));
        }
        let scale = config.scale.unwrap_or(1.0 / (rest[2].max(1) as f64).sqrt());
        let lead = Dims::from_slice(lead);
        let samples = lead.iter().product::<usize>();
        let wrong = |rule, got: String, repair| Err(Error::InvalidArgument { op: OP, rule, got, repair });
        if !scale.is_finite() {
            let repair = "leave it out to divide by the root of the size";
            return wrong("the scale must be a finite number", scale.to_string(), repair);
        }
        if config.offsets.len() > 1 && config.offsets.len() != samples {
            let got = format!("{} for {samples} samples", config.offsets.len());
            return wrong(
                "there must be one offset, or one for each sample",
                got,
                "give each sample its own",
            );
        }
        if config.window == Some(0) {
            return wrong("a window must hold a key", "0".into(), "use 1 to see the query's own place alone");
        }
        if !config.slopes.is_empty()
            && (config.slopes.len() != heads || config.slopes.iter().any(|slope| !slope.is_finite()))
        {
            let got = format!("{:?} for {heads} heads", config.slopes);
            return wrong("there must be a finite slope for each head", got, "leave them out for none");
        }
        if let Some((p, _)) = config.dropout
            && !(0.0..=1.0).contains(&p)
        {
            return wrong("a probability must lie in 0..=1", p.to_string(), "leave dropout out for none");
        }
        let sizes = Self { dtype, lead, heads, pairs, n: rest[1], m: of_k[1], width: of_v[2], scale };
        // Scores of two blocks: refused here where memory has no room for those of one thread.
        if sizes.m > 1 << 20 {
            with_dtype!(dtype, T, float => Tensor::build(OP, &[256, sizes.m], |_: &mut [T]| {}).map(drop),
                else dtype => Err(wrong_dtype(OP, FLOATS, dtype)))?;
        }
        Ok(sizes)
    }

    /// `(.., count, rows, cols)`
    fn shape(&self, count: usize, rows: usize, cols: usize) -> Dims {
        let mut shape = self.lead.clone();
        shape.extend([count, rows, cols]);
        shape
    }

    /// The axes that count matrices.
    fn batch(&self, count: usize) -> Dims {
        let mut batch = self.lead.clone();
        batch.push(count);
        batch
    }

    /// The mask as numbers to add, a whole row of neighbours for each query, and its layout for all queries.
    fn mask(&self, config: &AttentionConfig) -> Result<Option<(Tensor, Layout)>> {
        let Some(mask) = config.mask else { return Ok(None) };
        let full = self.shape(self.heads, self.n, self.m);
        if broadcast_shapes(OP, mask.shape(), &full).ok().as_ref() != Some(&full) {
            return Err(Error::ShapeMismatch {
                op: OP,
                rule: "the mask must broadcast to (.., heads, queries, keys)",
                shapes: vec![mask.shape().to_vec(), full.to_vec()],
                repair: "unsqueeze the axes that it lacks",
            });
        }
        let mask = match mask.dtype() {
            DType::Bool => {
                let [zero, never] = [0.0, f64::NEG_INFINITY].map(|x| Tensor::full([], x, self.dtype));
                Tensor::where_(mask, &zero?, &never?)?
            }
            dtype if dtype == self.dtype => mask.clone(),
            dtype => {
                let repair = "convert it with to_dtype";
                let rule = "the mask must be of Bool or of the operands' dtype";
                return Err(Error::DTypeMismatch { op: OP, rule, dtypes: vec![dtype, self.dtype], repair });
            }
        };
        let mut rows = mask.dims().clone();
        rows.pop();
        rows.push(self.m);
        let mask = in_rows(&mask.expand(&rows[..])?)?;
        let layout = mask.layout().expanded(&full);
        Ok(Some((mask, layout)))
    }

    /// The offsets of all samples, and the slopes in the operands' type.
    fn places<T: Float>(&self, config: &AttentionConfig) -> (Vec<usize>, Vec<T>) {
        let samples = self.lead.iter().product();
        let offsets = match config.offsets {
            [] => vec![0; samples],
            [offset] => vec![*offset; samples],
            all => all.to_vec(),
        };
        (offsets, config.slopes.iter().map(|&slope| T::of(slope)).collect())
    }

    fn sight<'a, T: Float>(
        &self,
        config: &AttentionConfig<'a>,
        mask: Option<Heads<'a, T>>,
        (offsets, slopes): &'a (Vec<usize>, Vec<T>),
    ) -> Sight<'a, T> {
        Sight {
            scale: T::of(self.scale),
            mask,
            causal: config.causal,
            window: config.window,
            offsets,
            slopes,
            dropout: config.dropout.filter(|(p, _)| *p > 0.0),
            n: self.n,
            m: self.m,
            heads: self.heads,
            group: self.heads.checked_div(self.pairs).unwrap_or(1),
        }
    }
}

/// The matrices of `x` under `layout`.
fn heads<'a, T: Float>(x: &'a Tensor, layout: &Layout, offsets: &'a [usize]) -> Heads<'a, T> {
    Heads { mat: matrix(x, layout, 0), offsets }
}

/// `x`, or a copy, with neighbours along the last axis.
fn in_rows(x: &Tensor) -> Result<Tensor> {
    let last = x.rank() - 1;
    if x.shape()[last] <= 1 || x.layout().strides[last] == 1 { Ok(x.clone()) } else { x.copied() }
}

/// `run` on operands, and a mask to add, in the type that they are computed in.
fn wider<const N: usize, R>(
    operands: [&Tensor; N],
    config: &AttentionConfig,
    run: impl FnOnce([&Tensor; N], &AttentionConfig) -> Result<R>,
) -> Result<R> {
    let dtype = operands[0].dtype();
    let wide = operands.iter().map(|x| x.to_dtype(dtype.compute())).collect::<Result<Vec<_>>>()?;
    let mask = match config.mask {
        Some(mask) if mask.dtype() == dtype => Some(mask.to_dtype(dtype.compute())?),
        mask => mask.cloned(),
    };
    run(std::array::from_fn(|i| &wide[i]), &AttentionConfig { mask: mask.as_ref(), ..*config })
}

/// `softmax(scale·q·kᵀ + mask)·v` for each head, without the matrix of scores.
///
/// Shapes: q `(.., heads, n, d)`, k `(.., pairs, m, d)`, v `(.., pairs, m, d_v)` → `(.., heads, n, d_v)`. Where there are
/// fewer pairs of keys and values than heads of queries, neighbouring heads share one. A query that sees no key
/// gets zeros. A row of the result depends on its query and the keys that it sees, to the bit: one query with all keys before it
/// gives what a whole causal sequence gives.
///
/// Differs from PyTorch in: keys and values are shared without a switch (there: `enable_gqa`); `offsets` place queries
/// among the keys (there: none); a query without keys gives zeros in every case. Source: Vaswani et al. 2017.
///
/// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for a scale or slope that is not finite, offsets or slopes of
/// another number, a window of 0 and a probability outside 0..=1.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, config: &AttentionConfig) -> Result<Attention> {
    if are_narrow(&[q, k, v]) {
        let found = wider([q, k, v], config, |[q, k, v], config| attention(q, k, v, config))?;
        return Ok(Attention { out: found.out.narrowed_to(q.dtype())?, ..found });
    }
    let sizes = Sizes::of(q, k, v, config)?;
    sizes.count_flops(2, config.causal);
    let Sizes { heads: h, pairs, n, width, .. } = sizes;
    let mask = sizes.mask(config)?;
    let stats_shape = sizes.shape(h, n, 2);
    let rows: usize = checked_len(OP, &stats_shape, sizes.dtype)? / 2;
    let len = checked_len(OP, &sizes.shape(h, n, width), sizes.dtype)?;
    let all = with_dtype!(sizes.dtype, T, float => Tensor::build(OP, &[len.saturating_add(2 * rows)], |out: &mut [T]| {
        if rows == 0 {
            return;
        }
        let (batch, shared) = (sizes.batch(h), sizes.batch(pairs));
        let at_mask = mask.as_ref().map_or_else(Vec::new, |(_, layout)| offsets(layout, &batch));
        let [at_q, at_k, at_v] =
            [(q, &batch), (k, &shared), (v, &shared)].map(|(x, batch)| offsets(x.layout(), batch));
        let mask = mask.as_ref().map(|(mask, layout)| heads(mask, layout, &at_mask));
        let places = sizes.places::<T>(config);
        let (out, stats) = out.split_at_mut(len);
        let operands = [heads(q, q.layout(), &at_q), heads(k, k.layout(), &at_k), heads(v, v.layout(), &at_v)];
        forward(operands, sizes.sight(config, mask, &places), out, stats);
    }), else dtype => Err(wrong_dtype(OP, FLOATS, dtype)))?;
    let mut by_query = sizes.lead.clone();
    by_query.extend([n, h, width]);
    let rank = by_query.len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 3, rank - 2);
    let out = all.with_layout(Layout::contiguous(&by_query).permuted(&order));
    let stats = all.with_layout(Layout { offset: len, ..Layout::contiguous(&stats_shape) });
    Ok(Attention { out, stats })
}

/// The gradients of [`attention`] from its operands, the gradient `g` of its result and what it returned: those of q,
/// k and v, each in row-major order, one after the other. Of 16-bit floats the result is made again, before it was
/// rounded.
///
/// Errors: as [`attention`], and `ShapeMismatch` unless `g`, the result and its statistics fit the operands.
pub fn attention_grad(
    [q, k, v]: [&Tensor; 3],
    g: &Tensor,
    found: &Attention,
    config: &AttentionConfig,
) -> Result<Tensor> {
    if are_narrow(&[q, k, v, g]) {
        // The result before it was rounded.
        let all = wider([q, k, v, g], config, |[q, k, v, g], config| {
            attention_grad([q, k, v], g, &attention(q, k, v, config)?, config)
        });
        return all?.narrowed_to(q.dtype());
    }
    let sizes = Sizes::of(q, k, v, config)?;
    sizes.count_flops(5, config.causal);
    same_dtype(OP, q, g)?;
    same_dtype(OP, q, &found.out)?;
    same_dtype(OP, q, &found.stats)?;
    let Sizes { heads: h, pairs, n, width, .. } = sizes;
    let shape = sizes.shape(h, n, width);
    if *g.shape() != *shape || *found.out.shape() != *shape || *found.stats.shape() != *sizes.shape(h, n, 2) {
        return Err(Error::ShapeMismatch {
            op: OP,
            rule: "the gradient must have the result's shape",
            shapes: vec![g.shape().to_vec(), shape.to_vec()],
            repair: "pass the gradient and what attention returned for these operands",
        });
    }
    let mask = sizes.mask(config)?;
    let (g, out, stats) = (in_rows(g)?, in_rows(&found.out)?, found.stats.contiguous()?);
    let lens = [q, k, v].map(Tensor::len);
    let total = lens.iter().fold(0usize, |sum, &len| sum.saturating_add(len));
    with_dtype!(sizes.dtype, T, float => Tensor::build(OP, &[total], |grads: &mut [T]| {
        if grads.is_empty() {
            return;
        }
        let (batch, shared) = (sizes.batch(h), sizes.batch(pairs));
        let at_mask = mask.as_ref().map_or_else(Vec::new, |(_, layout)| offsets(layout, &batch));
        let at = [(q, &batch), (k, &shared), (v, &shared), (&g, &batch), (&out, &batch)]
            .map(|(x, batch)| offsets(x.layout(), batch));
        let mask = mask.as_ref().map(|(mask, layout)| heads(mask, layout, &at_mask));
        let places = sizes.places::<T>(config);
        let operands = [0, 1, 2, 3, 4].map(|i| {
            let x = [q, k, v, &g, &out][i];
            heads(x, x.layout(), &at[i])
        });
        let (dq, rest) = grads.split_at_mut(lens[0]);
        let (dk, dv) = rest.split_at_mut(lens[1]);
        let stats = stats.as_slice::<T>().unwrap_or_default();
        backward(operands, sizes.sight(config, mask, &places), stats, [dq, dk, dv]);
    }), else dtype => Err(wrong_dtype(OP, FLOATS, dtype)))
}
