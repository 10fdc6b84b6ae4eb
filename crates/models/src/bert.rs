//! An encoder of BERT's architecture.

use autodiff::Var;
use nn::init::Init;
use nn::{
    Activation, AttentionMask, Context, Dropout, Embedding, EmbeddingConfig, Error, Layer, LayerNorm,
    LayerNormConfig, Linear, LinearConfig, Module, Param, Result, attend, join_heads, split_heads,
};
use tensor::{DType, Rng};

/// The sizes of a [`Bert`]. The default is `all-MiniLM-L6-v2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BertConfig {
    /// Tokens.
    pub vocab: usize,
    /// The most tokens that it sees.
    pub context: usize,
    /// Kinds of tokens: those of a first and a second text.
    pub kinds: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Features of a token.
    pub d: usize,
    /// Features inside the feed-forward network.
    pub d_ff: usize,
    /// Between the two linear layers of the feed-forward network.
    pub activation: Activation,
    /// The probability with which features, and weights inside attention, are dropped.
    pub dropout: f64,
    /// Added to variances.
    pub eps: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            vocab: 30522,
            context: 512,
            kinds: 2,
            layers: 6,
            heads: 12,
            d: 384,
            d_ff: 1536,
            activation: Activation::Gelu,
            dropout: 0.1,
            eps: 1e-12,
            dtype: DType::F32,
        }
    }
}

impl BertConfig {
    fn linear(&self, d_in: usize, d_out: usize, rng: &mut Rng) -> Result<Linear> {
        let config = LinearConfig {
            weight_init: Init::Normal { std: 0.02 },
            bias_init: Some(Init::Constant(0.0)),
            dtype: self.dtype,
            ..LinearConfig::default()
        };
        Linear::with_config(d_in, d_out, &config, rng)
    }

    fn norm(&self) -> Result<LayerNorm> {
        let config = LayerNormConfig { eps: self.eps, dtype: self.dtype, ..LayerNormConfig::default() };
        LayerNorm::with_config([self.d], &config)
    }

    fn table(&self, rows: usize, rng: &mut Rng) -> Result<Embedding> {
        let weight_init = Init::Normal { std: 0.02 };
        let config = EmbeddingConfig { weight_init, dtype: self.dtype, ..EmbeddingConfig::default() };
        Embedding::with_config(rows, self.d, &config, rng)
    }

    /// A table of a few rows that are part of every token: never quantized.
    fn small_table(&self, rows: usize, rng: &mut Rng) -> Result<Embedding> {
        let mut table = self.table(rows, rng)?;
        table.weight = Param::new(table.weight.value().clone());
        Ok(table)
    }

    fn output(&self, d_in: usize, rng: &mut Rng) -> Result<Output> {
        let (dense, norm) = (self.linear(d_in, self.d, rng)?, self.norm()?);
        Ok(Output { dense, norm, dropout: Dropout::new(self.dropout)? })
    }
}

/// Vectors of tokens, their places and kinds, normalised.
#[derive(Debug, Clone, Module)]
struct Embeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Embedding,
    #[module(name = "LayerNorm")]
    norm: LayerNorm,
    dropout: Dropout,
}

impl Embeddings {
    fn forward(&self, tokens: &Var, kinds: Option<&Var>, cx: &mut Context) -> Result<Var> {
        let t = tokens.shape()[1];
        let words = cx.call("word_embeddings", &self.word_embeddings, tokens)?;
        let places = cx.param(&self.position_embeddings.weight).narrow(0, 0, t)?;
        let kinds = match kinds {
            Some(kinds) => cx.call("token_type_embeddings", &self.token_type_embeddings, kinds)?,
            None => cx.param(&self.token_type_embeddings.weight).narrow(0, 0, 1)?,
        };
        let x = cx.call("LayerNorm", &self.norm, &words.add(&places.add(&kinds)?)?)?;
        self.dropout.forward(&x, cx)
    }
}

/// `norm(dropout(dense(x)) + residual)`
#[derive(Debug, Clone, Module)]
struct Output {
    dense: Linear,
    #[module(name = "LayerNorm")]
    norm: LayerNorm,
    dropout: Dropout,
}

impl Output {
    fn forward(&self, x: &Var, residual: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("dense", &self.dense, x)?;
        let sum = self.dropout.add_to(residual, &y, cx)?;
        cx.call("LayerNorm", &self.norm, &sum)
    }
}

#[derive(Debug, Clone, Module)]
struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    heads: usize,
    dropout: f64,
}

impl SelfAttention {
    fn forward(&self, x: &Var, mask: &AttentionMask, cx: &mut Context) -> Result<Var> {
        let d_head = self.query.d_out() / self.heads;
        let mut heads = |name, layer: &Linear| split_heads(&cx.call(name, layer, x)?, 0, self.heads, d_head);
        let (q, k, v) =
            (heads("query", &self.query)?, heads("key", &self.key)?, heads("value", &self.value)?);
        join_heads(&attend(&q, k, v, mask, self.dropout, cx)?)
    }
}

#[derive(Debug, Clone, Module)]
struct BertAttention {
    #[module(name = "self")]
    gather: SelfAttention,
    output: Output,
}

#[derive(Debug, Clone, Module)]
struct Intermediate {
    dense: Linear,
    #[module(skip)]
    activation: Activation,
}

#[derive(Debug, Clone, Module)]
struct BertLayer {
    attention: BertAttention,
    intermediate: Intermediate,
    output: Output,
}

impl BertLayer {
    fn new(config: &BertConfig, rng: &mut Rng) -> Result<Self> {
        let &BertConfig { d, d_ff, heads, dropout, activation, .. } = config;
        let (query, key, value) =
            (config.linear(d, d, rng)?, config.linear(d, d, rng)?, config.linear(d, d, rng)?);
        let gather = SelfAttention { query, key, value, heads, dropout };
        Ok(Self {
            attention: BertAttention { gather, output: config.output(d, rng)? },
            intermediate: Intermediate { dense: config.linear(d, d_ff, rng)?, activation },
            output: config.output(d_ff, rng)?,
        })
    }

    fn forward(&self, x: &Var, mask: &AttentionMask, cx: &mut Context) -> Result<Var> {
        let x = cx.within("attention", |cx| {
            let y = cx.within("self", |cx| self.attention.gather.forward(x, mask, cx))?;
            cx.within("output", |cx| self.attention.output.forward(&y, x, cx))
        })?;
        let y = cx.within("intermediate", |cx| {
            self.intermediate.activation.apply(&cx.call("dense", &self.intermediate.dense, &x)?)
        })?;
        cx.within("output", |cx| self.output.forward(&y, &x, cx))
    }
}

#[derive(Debug, Clone, Module)]
struct Encoder {
    layer: Vec<BertLayer>,
}

#[derive(Debug, Clone, Module)]
struct Pooler {
    dense: Linear,
}

/// What it makes of each token and all around it: vectors of tokens, places and kinds, and layers of attention and feed-forward
/// networks, each normalised behind it.
///
/// Shapes: tokens `(n, t)`, I64, t at most the context → `(n, t, d)`. Parameters are those of published encoders, by name and
/// layout: `embeddings.word_embeddings.weight`, `embeddings.LayerNorm.weight`, `encoder.layer.0.attention.self.query.weight`,
/// `encoder.layer.0.attention.output.LayerNorm.bias`, `pooler.dense.weight` and so on. Source: Devlin et al. 2019,
/// arXiv:1810.04805; for the mean as a vector of a text, Reimers & Gurevych 2019, arXiv:1908.10084.
///
/// ```
/// use models::{Bert, BertConfig};
/// use nn::Context;
/// use tensor::{Rng, Tensor};
/// let config = BertConfig { vocab: 30, context: 8, layers: 2, heads: 2, d: 8, d_ff: 16, ..BertConfig::default() };
/// let bert = Bert::new(&config, &mut Rng::seed(0))?;
/// let tokens = Tensor::from_slice(&[1i64, 2, 3, 4, 5, 0], [2, 3])?.into();
/// // The second text has two tokens: what stands behind them changes nothing.
/// let texts = bert.embed(&tokens, &[3, 2], &mut Context::eval())?;
/// let alone = bert.embed(&Tensor::from_slice(&[4i64, 5], [1, 2])?.into(), &[2], &mut Context::eval())?;
/// assert!(texts.narrow(0, 1, 1)?.value().bit_eq(alone.value()));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Bert {
    embeddings: Embeddings,
    encoder: Encoder,
    pooler: Pooler,
}

impl Bert {
    /// A model made as `config` says. Errors: `InvalidArgument` for a size of 0 and heads that do not divide; those of its
    /// layers.
    pub fn new(config: &BertConfig, rng: &mut Rng) -> Result<Self> {
        let &BertConfig { vocab, context, kinds, layers, heads, d, .. } = config;
        if layers == 0 || heads == 0 || d == 0 || !d.is_multiple_of(heads) {
            return Err(Error::InvalidArgument {
                op: "bert",
                rule: "there must be a layer, and heads that divide the features",
                got: format!("{layers} layers, {d} features, {heads} heads"),
                repair: "change the number of heads",
            });
        }
        Ok(Self {
            embeddings: Embeddings {
                word_embeddings: config.table(vocab, rng)?,
                position_embeddings: config.small_table(context, rng)?,
                token_type_embeddings: config.small_table(kinds, rng)?,
                norm: config.norm()?,
                dropout: Dropout::new(config.dropout)?,
            },
            encoder: Encoder {
                layer: (0..layers).map(|_| BertLayer::new(config, rng)).collect::<Result<_>>()?,
            },
            pooler: Pooler { dense: config.linear(d, d, rng)? },
        })
    }

    /// The most tokens that it sees.
    pub fn context(&self) -> usize {
        self.embeddings.position_embeddings.vocab()
    }

    /// Each token where it may look, of these kinds, `(n, t)`, or of the first. Errors: `InvalidArgument` for tokens that are no
    /// batch or more than the context; those of the layers.
    pub fn forward_with(
        &self,
        tokens: &Var,
        kinds: Option<&Var>,
        mask: &AttentionMask,
        cx: &mut Context,
    ) -> Result<Var> {
        if tokens.rank() != 2 || tokens.shape()[1] > self.context() {
            return Err(Error::InvalidArgument {
                op: "bert",
                rule: "tokens must be (n, t), t at most the context",
                got: format!("{:?} for a context of {}", tokens.shape(), self.context()),
                repair: "cut the texts, or use a model of a larger context",
            });
        }
        let mut x = cx.within("embeddings", |cx| self.embeddings.forward(tokens, kinds, cx))?;
        cx.within("encoder", |cx| {
            cx.within("layer", |cx| {
                for (i, layer) in self.encoder.layer.iter().enumerate() {
                    x = cx.within(i, |cx| layer.forward(&x, mask, cx))?;
                }
                Ok(())
            })
        })?;
        Ok(x)
    }

    /// `tanh` of a linear map of the first token, `(n, t, d)` → `(n, d)`: what BERT classifies texts by.
    pub fn pool(&self, hidden: &Var, cx: &mut Context) -> Result<Var> {
        let first = hidden.select(1, 0)?;
        let y = cx.within("pooler", |cx| cx.call("dense", &self.pooler.dense, &first))?;
        Ok(y.tanh()?)
    }

    /// The mean over the tokens of each text, of which the first `lengths[i]` count: `(n, d)`, as sentence encoders are used.
    ///
    /// Errors: as [`forward_with`](Self::forward_with); `InvalidArgument` for a length of 0 or beyond the tokens, and for another
    /// number of lengths than texts.
    pub fn embed(&self, tokens: &Var, lengths: &[usize], cx: &mut Context) -> Result<Var> {
        let t = tokens.shape().last().copied().unwrap_or(0);
        if lengths.len() != tokens.shape()[0] || lengths.contains(&0) {
            return Err(Error::InvalidArgument {
                op: "bert",
                rule: "each text must have a length of 1 or more",
                got: format!("lengths {lengths:?} of tokens {:?}", tokens.shape()),
                repair: "give the number of tokens of each text",
            });
        }
        let whole = lengths.iter().all(|&len| len == t);
        let mask = if whole { AttentionMask::default() } else { AttentionMask::lengths(lengths, t)? };
        let hidden = self.forward_with(tokens, None, &mask, cx)?;
        if whole {
            return Ok(hidden.mean(&[1])?);
        }
        let texts = lengths
            .iter()
            .enumerate()
            .map(|(i, &len)| Ok(hidden.narrow(0, i, 1)?.narrow(1, 0, len)?.mean(&[1])?));
        let texts = texts.collect::<Result<Vec<Var>>>()?;
        Ok(Var::cat(&texts.iter().collect::<Vec<_>>(), 0)?)
    }
}

impl Layer for Bert {
    /// Every token looks at every token.
    fn forward(&self, tokens: &Var, cx: &mut Context) -> Result<Var> {
        self.forward_with(tokens, None, &AttentionMask::default(), cx)
    }
}
