//! Attention of several heads, over the sequence itself or over another one.

use super::{Dropout, Layer, Linear, LinearConfig, attend, join_heads, split_heads};
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::param::Param;
use autodiff::Var;
use tensor::{DType, Rng, Tensor};

/// How a [`MultiHeadAttention`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiHeadAttentionConfig {
    /// Heads of keys and values, of which neighbouring heads of queries share one; as many as there are heads of queries if
    /// none is given. Source: Ainslie et al. 2023, arXiv:2305.13245.
    pub kv_heads: Option<usize>,
    /// Whether biases are added.
    pub bias: bool,
    /// The probability with which a weight of a key is dropped in training.
    pub dropout: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for MultiHeadAttentionConfig {
    fn default() -> Self {
        Self { kv_heads: None, bias: true, dropout: 0.0, dtype: DType::F32 }
    }
}

/// What a query may see.
#[derive(Debug, Clone, Default)]
pub struct AttentionMask {
    /// Whether step i sees steps 0 to i alone.
    pub causal: bool,
    /// A step sees only those fewer than this many steps from it.
    pub window: Option<usize>,
    /// ALiBi: what the score of each head loses by a step between query and key; see [`alibi_slopes`].
    pub slopes: Vec<f64>,
    /// Broadcast to `(n, heads, queries, keys)`: Bool, where true lets a query see a key, or numbers added to the scores.
    pub mask: Option<Tensor>,
}

impl AttentionMask {
    /// Step i sees steps 0 to i.
    pub fn causal() -> Self {
        Self { causal: true, ..Self::default() }
    }

    /// Step i sees itself and the `window − 1` steps before it.
    pub fn sliding(window: usize) -> Self {
        Self { causal: true, window: Some(window), ..Self::default() }
    }

    /// Step i sees steps 0 to i, and each head looks less far than the one before: no other positions are needed.
    pub fn alibi(heads: usize) -> Self {
        Self { causal: true, slopes: alibi_slopes(heads), ..Self::default() }
    }

    /// Queries see the first `lengths[i]` keys of sequence i, of `keys` steps in all.
    ///
    /// Errors: `InvalidArgument` for a length above `keys`.
    pub fn lengths(lengths: &[usize], keys: usize) -> Result<Self> {
        if let Some(i) = lengths.iter().position(|&len| len > keys) {
            return Err(Error::InvalidArgument {
                op: "attention_mask",
                rule: "no length may exceed the steps of the batch",
                got: format!("length {} of sequence {i} for {keys} steps", lengths[i]),
                repair: "pad the batch, or shorten the length",
            });
        }
        let ends: Vec<i64> = lengths.iter().map(|&len| len as i64).collect();
        let ends = Tensor::from_vec(ends, [lengths.len(), 1, 1, 1])?;
        let sees = Tensor::arange(keys, DType::I64)?.reshape([1, 1, 1, keys as isize])?.lt(&ends)?;
        Ok(Self { mask: Some(sees), ..Self::default() })
    }
}

/// The slopes of attention with linear biases: `2^(−8·i/h)` for head i, counted from 1, of h, a power of two; of other
/// numbers the heads beyond the power of two below take every second slope of the power above. Source: Press et al. 2022,
/// arXiv:2108.12409, and its published code.
pub fn alibi_slopes(heads: usize) -> Vec<f64> {
    let of_power = |h: usize| (1..=h).map(move |i| tensor::math::Math::pow(2f64, -8.0 * i as f64 / h as f64));
    let below = 1 << heads.max(1).ilog2();
    of_power(below)
        .take(heads)
        .chain(of_power(2 * below).step_by(2).take(heads.saturating_sub(below)))
        .collect()
}

/// `softmax(q·kᵀ/√d_head + mask)·v` in several heads, between a linear map to q, k and v and one of the heads side by side.
///
/// Shapes: queries `(n, t, d)`, keys and values from `(n, s, d)` → `(n, t, d)`; `in_proj_weight`
/// `((heads + 2·kv_heads)·d_head, d)`, queries first, then keys, then values, `in_proj_bias`, `out_proj.weight` `(d, d)`,
/// `out_proj.bias`: PyTorch's names, layouts and starting values. The matrix of scores is never stored. A query that sees
/// nothing gets zeros. In a context with a [cache](crate::KvCache), causal attention sees the steps of earlier passes, and
/// a `memory` is projected once. Differs from PyTorch in: batches come first; masks say where a query may look. Source: Vaswani et al. 2017.
///
/// ```
/// use nn::{AttentionMask, Context, MultiHeadAttention};
/// use tensor::{DType, Rng};
/// let rng = &mut Rng::seed(0);
/// let attention = MultiHeadAttention::new(8, 2, rng)?;
/// let x = rng.normal([3, 5, 8], 0.0, 1.0, DType::F32)?.into();
/// let y = attention.forward_with(&x, &x, &AttentionMask::causal(), &mut Context::eval())?;
/// // The first step sees itself alone: what follows it changes nothing.
/// let alone = x.narrow(1, 0, 1)?;
/// let first = attention.forward_with(&alone, &alone, &AttentionMask::causal(), &mut Context::eval())?;
/// assert!(y.narrow(1, 0, 1)?.value().bit_eq(first.value()));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct MultiHeadAttention {
    /// `((heads + 2·kv_heads)·d_head, d)`
    pub in_proj_weight: Param,
    /// `((heads + 2·kv_heads)·d_head)`
    pub in_proj_bias: Option<Param>,
    /// d to d.
    pub out_proj: Linear,
    heads: usize,
    kv_heads: usize,
    dropout: f64,
}

impl MultiHeadAttention {
    const NAME: &'static str = "multi_head_attention";

    /// `heads` heads over d features, with the default configuration. Errors: as [`MultiHeadAttention::with_config`].
    pub fn new(d: usize, heads: usize, rng: &mut Rng) -> Result<Self> {
        Self::with_config(d, heads, &MultiHeadAttentionConfig::default(), rng)
    }

    /// A layer made as `config` says. Errors: `InvalidArgument` for a size of 0, and for heads that do not divide.
    pub fn with_config(
        d: usize,
        heads: usize,
        config: &MultiHeadAttentionConfig,
        rng: &mut Rng,
    ) -> Result<Self> {
        Dropout::new(config.dropout)?;
        let kv_heads = config.kv_heads.unwrap_or(heads);
        if d == 0
            || heads == 0
            || kv_heads == 0
            || !d.is_multiple_of(heads)
            || !heads.is_multiple_of(kv_heads)
        {
            return Err(Error::InvalidArgument {
                op: Self::NAME,
                rule: "heads must divide the features, and heads of keys the heads",
                got: format!("{d} features, {heads} heads, {kv_heads} heads of keys"),
                repair: "change the number of heads",
            });
        }
        let wide = d + 2 * kv_heads * (d / heads);
        let in_proj = Init::XavierUniform.tensor([wide, d], config.dtype, rng)?;
        let zeros = Some(Init::Constant(0.0));
        let out = LinearConfig {
            bias: config.bias,
            bias_init: zeros,
            dtype: config.dtype,
            ..LinearConfig::default()
        };
        let bias = if config.bias { Some(Param::new(Tensor::zeros([wide], config.dtype)?)) } else { None };
        Ok(Self {
            in_proj_weight: Param::matrix(in_proj, 0),
            in_proj_bias: bias,
            out_proj: Linear::with_config(d, d, &out, rng).map_err(|e| e.at("out_proj"))?,
            heads,
            kv_heads,
            dropout: config.dropout,
        })
    }

    /// Features.
    pub fn d(&self) -> usize {
        self.out_proj.d_in()
    }

    /// Heads of queries.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Queries, keys and values, `(n, heads, steps, d_head)` each: of `x` and `memory`, which may be one.
    fn project(&self, x: &Var, memory: &Var, cx: &mut Context) -> Result<[Var; 3]> {
        let (d, d_head) = (self.d(), self.d() / self.heads);
        let of_kv = self.kv_heads * d_head;
        let (weight, bias) = (&self.in_proj_weight, self.in_proj_bias.as_ref());
        let (q_heads, kv_heads) = (self.heads, self.kv_heads);
        if same(x, memory) {
            let y = cx.linear(x, weight, bias)?;
            return Ok([
                split_heads(&y, 0, q_heads, d_head)?,
                split_heads(&y, d, kv_heads, d_head)?,
                split_heads(&y, d + of_kv, kv_heads, d_head)?,
            ]);
        }
        let q = split_heads(&cx.linear_of(0..d, x, weight, bias)?, 0, q_heads, d_head)?;
        let kv = cx.once(|cx| {
            let kv = cx.linear_of(d..d + 2 * of_kv, memory, weight, bias)?;
            Ok(vec![split_heads(&kv, 0, kv_heads, d_head)?, split_heads(&kv, of_kv, kv_heads, d_head)?])
        })?;
        let [k, v] = <[Var; 2]>::try_from(kv).expect("invariant: keys and values");
        Ok([q, k, v])
    }

    fn check(&self, x: &Var, memory: &Var) -> Result<()> {
        let fits = |x: &Var| x.rank() == 3 && x.shape()[2] == self.d();
        if fits(x) && fits(memory) && x.shape()[0] == memory.shape()[0] {
            return Ok(());
        }
        Err(Error::InvalidArgument {
            op: Self::NAME,
            rule: "queries must be (n, t, d), and what they look at (n, s, d)",
            got: format!("{:?} and {:?} where d is {}", x.shape(), memory.shape(), self.d()),
            repair: "add the axis that lacks with unsqueeze, or change the layer's features",
        })
    }

    /// What the steps of x gather from those of `memory`; `memory` is x itself in self-attention.
    ///
    /// Errors: `InvalidArgument` for shapes that do not fit; those of the operation for a mask that does not broadcast.
    pub fn forward_with(&self, x: &Var, memory: &Var, mask: &AttentionMask, cx: &mut Context) -> Result<Var> {
        self.check(x, memory)?;
        let [q, k, v] = self.project(x, memory, cx)?;
        let y = attend(&q, k, v, mask, self.dropout, cx)?;
        cx.call("out_proj", &self.out_proj, &join_heads(&y)?)
    }

    /// The weights `(n, heads, t, s)` with which the steps of x look at those of `memory`: for looking at, since this matrix is
    /// what [`forward_with`](Self::forward_with) never stores.
    pub fn weights(&self, x: &Var, memory: &Var, mask: &AttentionMask, cx: &mut Context) -> Result<Var> {
        self.check(x, memory)?;
        let [q, k, _] = self.project(x, memory, cx)?;
        // Attention over the rows of the identity gives the weights themselves.
        let s = memory.shape()[1];
        let rows = Var::from(Tensor::eye(s, x.dtype())?).expand(&[x.shape()[0], self.kv_heads, s, s])?;
        // Not to be remembered: there are no values.
        attend(&q, k, rows, mask, 0.0, &mut Context::eval())
    }
}

/// Whether both are one value.
fn same(x: &Var, y: &Var) -> bool {
    std::ptr::eq(x, y)
}

impl Layer for MultiHeadAttention {
    /// Every step looks at every step.
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.forward_with(x, x, &AttentionMask::default(), cx)
    }
    fn kind(&self) -> String {
        format!("MultiHeadAttention({}, {} heads)", self.d(), self.heads)
    }
}
