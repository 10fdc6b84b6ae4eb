//! A language model of GPT-2's architecture.

use crate::causal_lm::{CausalLm, check_tokens};
use autodiff::Var;
use nn::init::Init;
use nn::loss::CrossEntropy;
use nn::{
    AttentionMask, Context, Dropout, Embedding, EmbeddingConfig, Error, Layer, LayerNorm, LayerNormConfig,
    Module, Param, Result, attend, join_heads, rows_at, split_heads,
};
use tensor::{DType, Rng, Tensor};

/// The sizes of a [`Gpt`]. The default is the smallest GPT-2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GptConfig {
    /// Tokens.
    pub vocab: usize,
    /// The most tokens that it sees.
    pub context: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Features of a token.
    pub d: usize,
    /// The probability with which features are dropped, behind the embedding and each part of a layer, and weights of keys
    /// inside attention.
    pub dropout: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for GptConfig {
    fn default() -> Self {
        Self { vocab: 50257, context: 1024, layers: 12, heads: 12, d: 768, dropout: 0.0, dtype: DType::F32 }
    }
}

/// A linear map whose weight is `(d_in, d_out)`, as GPT-2's files have it.
#[derive(Debug, Clone, Module)]
struct Conv1d {
    weight: Param,
    bias: Param,
}

impl Conv1d {
    fn new(d_in: usize, d_out: usize, std: f64, dtype: DType, rng: &mut Rng) -> Result<Self> {
        let weight = Init::Normal { std }.tensor([d_in, d_out], dtype, rng)?;
        Ok(Self { weight: Param::matrix(weight, 1), bias: Param::new(Tensor::zeros([d_out], dtype)?) })
    }
}

impl Layer for Conv1d {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        cx.linear(x, &self.weight, Some(&self.bias))
    }
    fn kind(&self) -> String {
        let [d_in, d_out] = [0, 1].map(|axis| self.weight.value().shape()[axis]);
        format!("Conv1d({d_in} → {d_out})")
    }
}

/// Causal self-attention.
#[derive(Debug, Clone, Module)]
struct CausalAttention {
    c_attn: Conv1d,
    c_proj: Conv1d,
    heads: usize,
    dropout: f64,
}

impl Layer for CausalAttention {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let (d, d_head) = (x.shape()[2], x.shape()[2] / self.heads);
        let all = cx.call("c_attn", &self.c_attn, x)?;
        let part = |i: usize| split_heads(&all, i * d, self.heads, d_head);
        let y = attend(&part(0)?, part(1)?, part(2)?, &AttentionMask::causal(), self.dropout, cx)?;
        cx.call("c_proj", &self.c_proj, &join_heads(&y)?)
    }
}

/// The feed-forward network.
#[derive(Debug, Clone, Module)]
struct FeedForward {
    c_fc: Conv1d,
    c_proj: Conv1d,
}

impl Layer for FeedForward {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("c_fc", &self.c_fc, x)?.gelu_tanh()?;
        cx.call("c_proj", &self.c_proj, &y)
    }
}

#[derive(Debug, Clone, Module)]
struct Block {
    ln_1: LayerNorm,
    attn: CausalAttention,
    ln_2: LayerNorm,
    mlp: FeedForward,
    dropout: Dropout,
}

impl Layer for Block {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("ln_1", &self.ln_1, x)?;
        let y = cx.call("attn", &self.attn, &y)?;
        let x = self.dropout.add_to(x, &y, cx)?;
        let y = cx.call("ln_2", &self.ln_2, &x)?;
        let y = cx.call("mlp", &self.mlp, &y)?;
        self.dropout.add_to(&x, &y, cx)
    }
}

/// The next token, from all before it: vectors of tokens and positions, layers of causal attention and feed-forward networks,
/// each normalised before it, and a last normalisation; logits are products with the vectors of tokens.
///
/// Shapes: tokens `(n, t)`, I64, t at most the context → logits `(n, t, vocab)`. Parameters are GPT-2's by name and layout:
/// `wte.weight`, `wpe.weight`, `h.0.ln_1.weight`, `h.0.attn.c_attn.weight` `(d, 3·d)`, `h.0.attn.c_proj.weight`,
/// `h.0.ln_2.weight`, `h.0.mlp.c_fc.weight` `(d, 4·d)`, `h.0.mlp.c_proj.weight`, `ln_f.weight`, with their biases. Starting
/// values are its too: deviations of 0.02, over √(2·layers) where a part ends. Source: Radford et al. 2019.
///
/// ```
/// use models::{Gpt, GptConfig};
/// use nn::{Context, Layer, Module};
/// use tensor::{Rng, Tensor};
/// let config = GptConfig { vocab: 65, context: 16, layers: 2, heads: 2, d: 8, ..GptConfig::default() };
/// let gpt = Gpt::new(&config, &mut Rng::seed(0))?;
/// let tokens = Tensor::from_slice(&[1i64, 2, 3, 4], [1, 4])?;
/// let logits = gpt.forward(&tokens.clone().into(), &mut Context::eval())?;
/// assert_eq!(logits.shape(), [1, 4, 65]);
/// // What comes later changes nothing.
/// let first = gpt.forward(&tokens.narrow(1, 0, 2)?.into(), &mut Context::eval())?;
/// assert!(first.value().bit_eq(logits.narrow(1, 0, 2)?.value()));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Gpt {
    wte: Embedding,
    wpe: Embedding,
    h: Vec<Block>,
    ln_f: LayerNorm,
    dropout: Dropout,
}

impl Gpt {
    /// A model made as `config` says. Errors: `InvalidArgument` for a size of 0 and heads that do not divide; those of its
    /// layers.
    pub fn new(config: &GptConfig, rng: &mut Rng) -> Result<Self> {
        let &GptConfig { vocab, context, layers, heads, d, dropout, dtype } = config;
        if layers == 0 || heads == 0 || d == 0 || !d.is_multiple_of(heads) {
            return Err(Error::InvalidArgument {
                op: "gpt",
                rule: "there must be a layer, and heads that divide the features",
                got: format!("{layers} layers, {d} features, {heads} heads"),
                repair: "change the number of heads",
            });
        }
        let std = 0.02;
        let table =
            EmbeddingConfig { weight_init: Init::Normal { std }, dtype, ..EmbeddingConfig::default() };
        let norm = || LayerNorm::with_config([d], &LayerNormConfig { dtype, ..LayerNormConfig::default() });
        let last = std / ((2 * layers) as f64).sqrt();
        let wte = Embedding::with_config(vocab, d, &table, rng).map_err(|e| e.at("wte"))?;
        let mut wpe = Embedding::with_config(context, d, &table, rng).map_err(|e| e.at("wpe"))?;
        // Places are few, and part of every token: they are never quantized.
        wpe.weight = Param::new(wpe.weight.value().clone());
        let mut h = Vec::with_capacity(layers);
        for _ in 0..layers {
            h.push(Block {
                ln_1: norm()?,
                attn: CausalAttention {
                    c_attn: Conv1d::new(d, 3 * d, std, dtype, rng)?,
                    c_proj: Conv1d::new(d, d, last, dtype, rng)?,
                    heads,
                    dropout,
                },
                ln_2: norm()?,
                mlp: FeedForward {
                    c_fc: Conv1d::new(d, 4 * d, std, dtype, rng)?,
                    c_proj: Conv1d::new(4 * d, d, last, dtype, rng)?,
                },
                dropout: Dropout::new(dropout)?,
            });
        }
        Ok(Self { wte, wpe, h, ln_f: norm()?, dropout: Dropout::new(dropout)? })
    }
}

impl CausalLm for Gpt {
    fn context(&self) -> usize {
        self.wpe.vocab()
    }
    fn vocab(&self) -> usize {
        self.wte.vocab()
    }
    fn hidden(&self, tokens: &Var, cx: &mut Context) -> Result<Var> {
        check_tokens("gpt", tokens, self.context(), cx)?;
        let x = cx.call("wte", &self.wte, tokens)?;
        let places = rows_at(&cx.param(&self.wpe.weight), tokens.shape()[1], cx.offsets())?;
        let mut x = self.dropout.forward(&x.add(&places)?, cx)?;
        cx.within("h", |cx| {
            for (i, block) in self.h.iter().enumerate() {
                x = cx.call(i, block, &x)?;
            }
            Ok(())
        })?;
        cx.call("ln_f", &self.ln_f, &x)
    }
    fn logits(&self, hidden: &Var, cx: &mut Context) -> Result<Var> {
        cx.linear(hidden, &self.wte.weight, None)
    }
    fn loss(&self, tokens: &Var, next: &Tensor, how: &CrossEntropy, cx: &mut Context) -> Result<Var> {
        let hidden = self.hidden(tokens, cx)?;
        Ok(hidden.linear_cross_entropy(&cx.param(&self.wte.weight), None, next, how)?)
    }
}

impl Layer for Gpt {
    fn forward(&self, tokens: &Var, cx: &mut Context) -> Result<Var> {
        let hidden = self.hidden(tokens, cx)?;
        self.logits(&hidden, cx)
    }
}
