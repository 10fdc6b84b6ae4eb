//! Layers of Transformers: attention and a feed-forward network, each with a residual and a normalisation.

use super::{
    AttentionMask, Dropout, FeedForward, FeedForwardConfig, Layer, LayerNorm, LayerNormConfig,
    MultiHeadAttention, MultiHeadAttentionConfig,
};
use crate::context::Context;
use crate::error::Result;
use crate::{Activation, Module};
use autodiff::Var;
use tensor::{DType, Rng, Tensor};

/// How a layer of a Transformer is made. The defaults are PyTorch's, but for the batches, which come first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransformerConfig {
    /// Features between the two linear layers.
    pub d_ff: usize,
    /// Between the two linear layers.
    pub activation: Activation,
    /// Whether the activation is that of a gate: GEGLU with `Gelu`, SwiGLU with `Silu`; see [`FeedForwardConfig`].
    pub gated: bool,
    /// The probability with which features are dropped behind each part and inside the feed-forward network, and weights of
    /// keys inside attention.
    pub dropout: f64,
    /// Whether a part is normalised before it, `x + f(norm(x))`, not behind it, `norm(x + f(x))`.
    pub norm_first: bool,
    /// Added to variances.
    pub eps: f64,
    /// Heads of keys and values; see [`MultiHeadAttentionConfig`].
    pub kv_heads: Option<usize>,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for TransformerConfig {
    fn default() -> Self {
        Self {
            d_ff: 2048,
            activation: Activation::Relu,
            gated: false,
            dropout: 0.1,
            norm_first: false,
            eps: 1e-5,
            kv_heads: None,
            dtype: DType::F32,
        }
    }
}

impl TransformerConfig {
    fn attention(&self, d: usize, heads: usize, rng: &mut Rng) -> Result<MultiHeadAttention> {
        let Self { kv_heads, dropout, dtype, .. } = *self;
        let config = MultiHeadAttentionConfig { kv_heads, bias: true, dropout, dtype };
        MultiHeadAttention::with_config(d, heads, &config, rng)
    }

    fn feed_forward(&self, d: usize, rng: &mut Rng) -> Result<FeedForward> {
        let Self { d_ff, activation, gated, dropout, dtype, .. } = *self;
        let config = FeedForwardConfig { d_ff, activation, gated, bias: true, dropout, dtype };
        FeedForward::new(d, &config, rng)
    }

    fn norm(&self, d: usize) -> Result<LayerNorm> {
        let config = LayerNormConfig { eps: self.eps, dtype: self.dtype, ..LayerNormConfig::default() };
        LayerNorm::with_config([d], &config)
    }
}

/// `x + f(norm(x))` or `norm(x + f(x))`, with dropout behind f.
fn part(
    x: &Var,
    norm: (&'static str, &LayerNorm),
    norm_first: bool,
    dropout: &Dropout,
    cx: &mut Context,
    f: impl FnOnce(&Var, &mut Context) -> Result<Var>,
) -> Result<Var> {
    if norm_first {
        let y = f(&cx.call(norm.0, norm.1, x)?, cx)?;
        return dropout.add_to(x, &y, cx);
    }
    let y = f(x, cx)?;
    let sum = dropout.add_to(x, &y, cx)?;
    cx.call(norm.0, norm.1, &sum)
}

/// Self-attention and a feed-forward network: a layer of an encoder, or, with a causal mask, of a model like GPT.
///
/// Shapes: x `(n, t, d)` → the same. Parameters: `self_attn.in_proj_weight`, …, `linear1.weight`, `gate.weight` if
/// gated, `linear2.weight`, `norm1.weight`, `norm2.weight`, with biases: PyTorch's names. Source: Vaswani et al. 2017; for the normalisation before,
/// Xiong et al. 2020, arXiv:2002.04745.
///
/// ```
/// use nn::{AttentionMask, Context, TransformerConfig, TransformerEncoderLayer};
/// use tensor::{DType, Rng};
/// let rng = &mut Rng::seed(0);
/// let config = TransformerConfig { d_ff: 32, norm_first: true, ..TransformerConfig::default() };
/// let layer = TransformerEncoderLayer::new(8, 2, &config, rng)?;
/// let x = rng.normal([3, 5, 8], 0.0, 1.0, DType::F32)?.into();
/// let real = AttentionMask::lengths(&[5, 2, 4], 5)?;
/// assert_eq!(layer.forward_with(&x, &real, &mut Context::eval())?.shape(), [3, 5, 8]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct TransformerEncoderLayer {
    /// Attention over the sequence itself.
    pub self_attn: MultiHeadAttention,
    /// Behind attention; its layers go by their own names.
    #[module(flatten)]
    pub feed_forward: FeedForward,
    /// Around attention.
    pub norm1: LayerNorm,
    /// Around the feed-forward network.
    pub norm2: LayerNorm,
    dropout: Dropout,
    norm_first: bool,
}

impl TransformerEncoderLayer {
    /// A layer of `heads` heads over d features. Errors: those of its parts.
    pub fn new(d: usize, heads: usize, config: &TransformerConfig, rng: &mut Rng) -> Result<Self> {
        Ok(Self {
            self_attn: config.attention(d, heads, rng)?,
            feed_forward: config.feed_forward(d, rng)?,
            norm1: config.norm(d)?,
            norm2: config.norm(d)?,
            dropout: Dropout::new(config.dropout)?,
            norm_first: config.norm_first,
        })
    }

    /// The layer over x where `mask` lets it look. Errors: those of its parts, with their paths.
    pub fn forward_with(&self, x: &Var, mask: &AttentionMask, cx: &mut Context) -> Result<Var> {
        let y = part(x, ("norm1", &self.norm1), self.norm_first, &self.dropout, cx, |x, cx| {
            cx.within("self_attn", |cx| self.self_attn.forward_with(x, x, mask, cx))
        })?;
        part(&y, ("norm2", &self.norm2), self.norm_first, &self.dropout, cx, |x, cx| {
            self.feed_forward.forward(x, cx)
        })
    }
}

impl Layer for TransformerEncoderLayer {
    /// Every step looks at every step.
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.forward_with(x, &AttentionMask::default(), cx)
    }
    fn kind(&self) -> String {
        format!("TransformerEncoderLayer({}, {} heads)", self.self_attn.d(), self.self_attn.heads())
    }
}

/// Self-attention, attention over an encoder's output, and a feed-forward network: a layer of a decoder.
///
/// Shapes: x `(n, t, d)`, memory `(n, s, d)` → `(n, t, d)`. Parameters: as [`TransformerEncoderLayer`], with
/// `multihead_attn` and `norm3`: PyTorch's names. Source: Vaswani et al. 2017.
#[derive(Debug, Clone, Module)]
pub struct TransformerDecoderLayer {
    /// Attention over the sequence itself.
    pub self_attn: MultiHeadAttention,
    /// Attention over the encoder's output.
    pub multihead_attn: MultiHeadAttention,
    /// Behind attention; its layers go by their own names.
    #[module(flatten)]
    pub feed_forward: FeedForward,
    /// Around self-attention.
    pub norm1: LayerNorm,
    /// Around attention over the encoder's output.
    pub norm2: LayerNorm,
    /// Around the feed-forward network.
    pub norm3: LayerNorm,
    dropout: Dropout,
    norm_first: bool,
}

impl TransformerDecoderLayer {
    /// A layer of `heads` heads over d features. Errors: those of its parts.
    pub fn new(d: usize, heads: usize, config: &TransformerConfig, rng: &mut Rng) -> Result<Self> {
        Ok(Self {
            self_attn: config.attention(d, heads, rng)?,
            multihead_attn: config.attention(d, heads, rng)?,
            feed_forward: config.feed_forward(d, rng)?,
            norm1: config.norm(d)?,
            norm2: config.norm(d)?,
            norm3: config.norm(d)?,
            dropout: Dropout::new(config.dropout)?,
            norm_first: config.norm_first,
        })
    }

    /// The layer over x, which looks at itself by `mask` and at `memory` by `memory_mask`. Errors: those of its parts, with
    /// their paths.
    pub fn forward_with(
        &self,
        x: &Var,
        memory: &Var,
        mask: &AttentionMask,
        memory_mask: &AttentionMask,
        cx: &mut Context,
    ) -> Result<Var> {
        let y = part(x, ("norm1", &self.norm1), self.norm_first, &self.dropout, cx, |x, cx| {
            cx.within("self_attn", |cx| self.self_attn.forward_with(x, x, mask, cx))
        })?;
        let y = part(&y, ("norm2", &self.norm2), self.norm_first, &self.dropout, cx, |x, cx| {
            cx.within("multihead_attn", |cx| self.multihead_attn.forward_with(x, memory, memory_mask, cx))
        })?;
        part(&y, ("norm3", &self.norm3), self.norm_first, &self.dropout, cx, |x, cx| {
            self.feed_forward.forward(x, cx)
        })
    }
}

/// Positions as waves, `(steps, d)`: `p[t, 2i] = sin(t·10000^(−2i/d))`, `p[t, 2i + 1] = cos` of the same. Source: Vaswani
/// et al. 2017, §3.5.
pub fn sinusoidal_positions(steps: usize, d: usize, dtype: DType) -> Result<Tensor> {
    let mut values = Vec::with_capacity(steps * d);
    for t in 0..steps {
        for i in 0..d {
            let rate = tensor::math::Math::pow(10_000f64, -((i / 2 * 2) as f64) / d as f64);
            let angle = t as f64 * rate;
            values.push(if i % 2 == 0 {
                tensor::math::Math::sin(angle)
            } else {
                tensor::math::Math::cos(angle)
            });
        }
    }
    Ok(Tensor::from_vec(values, [steps, d])?.to_dtype(dtype)?)
}
