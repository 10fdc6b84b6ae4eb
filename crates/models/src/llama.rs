//! A language model of Llama's architecture.

use crate::causal_lm::{CausalLm, check_tokens};
use autodiff::Var;
use nn::init::Init;
use nn::loss::CrossEntropy;
use nn::{
    Activation, AttentionMask, Context, Embedding, EmbeddingConfig, Error, Layer, Linear, LinearConfig,
    Module, Result, RmsNorm, RmsNormConfig, Rotary, RotaryConfig, attend, join_heads, split_heads,
};
use tensor::{DType, Rng, Tensor};

/// The sizes of a [`Llama`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LlamaConfig {
    /// Tokens.
    pub vocab: usize,
    /// The most tokens that it sees; with a window, texts go on behind it.
    pub context: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values, of which neighbouring heads of queries share one.
    pub kv_heads: usize,
    /// Features of a token.
    pub d: usize,
    /// Features inside the feed-forward network.
    pub d_ff: usize,
    /// The base of rotary positions.
    pub rope_theta: f64,
    /// A token sees only those fewer than this many places before it, as in Mistral's models.
    pub window: Option<usize>,
    /// Whether logits are products with the vectors of tokens, not with weights of their own.
    pub tied: bool,
    /// Added to mean squares.
    pub eps: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for LlamaConfig {
    /// `SmolLM2-135M`.
    fn default() -> Self {
        Self {
            vocab: 49152,
            context: 8192,
            layers: 30,
            heads: 9,
            kv_heads: 3,
            d: 576,
            d_ff: 1536,
            rope_theta: 100_000.0,
            window: None,
            tied: true,
            eps: 1e-5,
            dtype: DType::F32,
        }
    }
}

impl LlamaConfig {
    fn linear(&self, d_in: usize, d_out: usize, rng: &mut Rng) -> Result<Linear> {
        let weight_init = Init::Normal { std: 0.02 };
        let config = LinearConfig { bias: false, weight_init, dtype: self.dtype, ..LinearConfig::default() };
        Linear::with_config(d_in, d_out, &config, rng)
    }

    fn norm(&self) -> Result<RmsNorm> {
        RmsNorm::with_config(
            [self.d],
            &RmsNormConfig { eps: Some(self.eps), dtype: self.dtype, ..Default::default() },
        )
    }
}

#[derive(Debug, Clone, Module)]
struct LlamaAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    heads: usize,
    kv_heads: usize,
}

impl LlamaAttention {
    fn forward(&self, x: &Var, rotary: &Rotary, mask: &AttentionMask, cx: &mut Context) -> Result<Var> {
        let d_head = self.q_proj.d_out() / self.heads;
        let q = split_heads(&cx.call("q_proj", &self.q_proj, x)?, 0, self.heads, d_head)?;
        let k = split_heads(&cx.call("k_proj", &self.k_proj, x)?, 0, self.kv_heads, d_head)?;
        let v = split_heads(&cx.call("v_proj", &self.v_proj, x)?, 0, self.kv_heads, d_head)?;
        let (q, k) = (rotary.forward(&q, cx)?, rotary.forward(&k, cx)?);
        let y = attend(&q, k, v, mask, 0.0, cx)?;
        cx.call("o_proj", &self.o_proj, &join_heads(&y)?)
    }
}

/// `down(silu(gate(x))·up(x))`. Source: Shazeer 2020, arXiv:2002.05202.
#[derive(Debug, Clone, Module)]
struct SwiGlu {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl Layer for SwiGlu {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let gate = cx.call("gate_proj", &self.gate_proj, x)?;
        let y = Activation::Silu.gated(&cx.call("up_proj", &self.up_proj, x)?, &gate)?;
        cx.call("down_proj", &self.down_proj, &y)
    }
}

#[derive(Debug, Clone, Module)]
struct LlamaLayer {
    self_attn: LlamaAttention,
    mlp: SwiGlu,
    input_layernorm: RmsNorm,
    post_attention_layernorm: RmsNorm,
}

impl LlamaLayer {
    fn new(config: &LlamaConfig, rng: &mut Rng) -> Result<Self> {
        let &LlamaConfig { heads, kv_heads, d, d_ff, .. } = config;
        let of_kv = kv_heads * (d / heads);
        Ok(Self {
            self_attn: LlamaAttention {
                q_proj: config.linear(d, d, rng)?,
                k_proj: config.linear(d, of_kv, rng)?,
                v_proj: config.linear(d, of_kv, rng)?,
                o_proj: config.linear(d, d, rng)?,
                heads,
                kv_heads,
            },
            mlp: SwiGlu {
                gate_proj: config.linear(d, d_ff, rng)?,
                up_proj: config.linear(d, d_ff, rng)?,
                down_proj: config.linear(d_ff, d, rng)?,
            },
            input_layernorm: config.norm()?,
            post_attention_layernorm: config.norm()?,
        })
    }

    fn forward(&self, x: &Var, rotary: &Rotary, mask: &AttentionMask, cx: &mut Context) -> Result<Var> {
        let y = cx.call("input_layernorm", &self.input_layernorm, x)?;
        let x = x.add(&cx.within("self_attn", |cx| self.self_attn.forward(&y, rotary, mask, cx))?)?;
        let y = cx.call("post_attention_layernorm", &self.post_attention_layernorm, &x)?;
        Ok(x.add(&cx.call("mlp", &self.mlp, &y)?)?)
    }
}

#[derive(Debug, Clone, Module)]
struct Decoder {
    embed_tokens: Embedding,
    layers: Vec<LlamaLayer>,
    norm: RmsNorm,
    rotary: Rotary,
}

/// The next token, from all before it: vectors of tokens, layers of causal attention with rotary positions and shared heads of
/// keys, and gated feed-forward networks, each behind a root-mean-square norm.
///
/// Shapes: tokens `(n, t)`, I64, t at most the context → logits `(n, t, vocab)`. Parameters are those of published weights, by
/// name and layout: `model.embed_tokens.weight`, `model.layers.0.self_attn.q_proj.weight`, `model.layers.0.mlp.gate_proj.weight`,
/// `model.layers.0.input_layernorm.weight`, `model.norm.weight`, and `lm_head.weight` unless tied. Source: Touvron et al. 2023,
/// arXiv:2302.13971; for the window, Jiang et al. 2023, arXiv:2310.06825.
///
/// ```
/// use models::{Llama, LlamaConfig};
/// use nn::{Context, Layer};
/// use tensor::{Rng, Tensor};
/// let sizes = LlamaConfig { vocab: 65, context: 16, layers: 2, heads: 4, kv_heads: 2, d: 16, ..LlamaConfig::default() };
/// let llama = Llama::new(&LlamaConfig { d_ff: 32, ..sizes }, &mut Rng::seed(0))?;
/// let tokens = Tensor::from_slice(&[1i64, 2, 3, 4], [1, 4])?;
/// assert_eq!(llama.forward(&tokens.into(), &mut Context::eval())?.shape(), [1, 4, 65]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Llama {
    model: Decoder,
    lm_head: Option<Linear>,
    #[module(skip)]
    mask: AttentionMask,
}

impl Llama {
    /// A model made as `config` says. Errors: `InvalidArgument` for a size of 0 and heads that do not divide; those of its
    /// layers.
    pub fn new(config: &LlamaConfig, rng: &mut Rng) -> Result<Self> {
        let &LlamaConfig { vocab, context, layers, heads, kv_heads, d, window, dtype, .. } = config;
        let divide = |a: usize, b: usize| b > 0 && a.is_multiple_of(b);
        if layers == 0 || d == 0 || heads == 0 || !divide(d, heads) || !divide(heads, kv_heads) {
            return Err(Error::InvalidArgument {
                op: "llama",
                rule: "there must be a layer, heads that divide the features, and heads of keys that divide the heads",
                got: format!("{layers} layers, {d} features, {heads} heads, {kv_heads} heads of keys"),
                repair: "change the number of heads",
            });
        }
        let weight_init = Init::Normal { std: 0.02 };
        let table = EmbeddingConfig { weight_init, dtype, ..EmbeddingConfig::default() };
        let rotary = RotaryConfig { base: config.rope_theta, dtype, ..RotaryConfig::default() };
        let rotary = Rotary::with_config(d / heads, context, &rotary)?;
        let model = Decoder {
            embed_tokens: Embedding::with_config(vocab, d, &table, rng).map_err(|e| e.at("embed_tokens"))?,
            layers: (0..layers).map(|_| LlamaLayer::new(config, rng)).collect::<Result<_>>()?,
            norm: config.norm()?,
            rotary: if window.is_some() { rotary.endless() } else { rotary },
        };
        let lm_head = if config.tied { None } else { Some(config.linear(d, vocab, rng)?) };
        Ok(Self { model, lm_head, mask: AttentionMask { window, ..AttentionMask::causal() } })
    }
}

impl CausalLm for Llama {
    fn context(&self) -> usize {
        self.model.rotary.places()
    }
    fn window(&self) -> Option<usize> {
        self.mask.window
    }
    fn vocab(&self) -> usize {
        self.model.embed_tokens.vocab()
    }
    fn hidden(&self, tokens: &Var, cx: &mut Context) -> Result<Var> {
        check_tokens("llama", tokens, self.window().map_or(self.context(), |_| usize::MAX), cx)?;
        cx.within("model", |cx| {
            let mut x = cx.call("embed_tokens", &self.model.embed_tokens, tokens)?;
            cx.within("layers", |cx| {
                for (i, layer) in self.model.layers.iter().enumerate() {
                    x = cx.within(i, |cx| layer.forward(&x, &self.model.rotary, &self.mask, cx))?;
                }
                Ok(())
            })?;
            cx.call("norm", &self.model.norm, &x)
        })
    }
    fn logits(&self, hidden: &Var, cx: &mut Context) -> Result<Var> {
        match &self.lm_head {
            Some(head) => cx.call("lm_head", head, hidden),
            None => cx.linear(hidden, &self.model.embed_tokens.weight, None),
        }
    }
    fn loss(&self, tokens: &Var, next: &Tensor, how: &CrossEntropy, cx: &mut Context) -> Result<Var> {
        let hidden = self.hidden(tokens, cx)?;
        let weight = match &self.lm_head {
            Some(head) => &head.weight,
            None => &self.model.embed_tokens.weight,
        };
        Ok(hidden.linear_cross_entropy(&cx.param(weight), None, next, how)?)
    }
}

impl Layer for Llama {
    fn forward(&self, tokens: &Var, cx: &mut Context) -> Result<Var> {
        let hidden = self.hidden(tokens, cx)?;
        self.logits(&hidden, cx)
    }
}
