//! A Transformer from sequences to sequences.

use crate::decode::{Beam, Hypothesis, beam_search, greedy};
use autodiff::Var;
use nn::init::Init;
use nn::{
    AttentionMask, Context, Dropout, Embedding, EmbeddingConfig, Error, KvCache, Layer, Linear, LinearConfig,
    Module, Result, TransformerConfig, TransformerDecoder, TransformerEncoder, rows_at, sinusoidal_positions,
};
use tensor::{DType, Rng, Tensor};

/// The sizes of a [`Translator`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TranslatorConfig {
    /// Tokens of the source.
    pub source_vocab: usize,
    /// Tokens of the target, start and end among them.
    pub target_vocab: usize,
    /// The token that a target begins with.
    pub start: usize,
    /// The token that ends a target.
    pub end: usize,
    /// The most tokens of a source, and of a target with its start.
    pub context: usize,
    /// Layers of the encoder, and of the decoder.
    pub layers: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Features of a token.
    pub d: usize,
    /// What the layers are like.
    pub layer: TransformerConfig,
}

impl Default for TranslatorConfig {
    /// The base model of Vaswani et al. 2017, normalised before each part.
    fn default() -> Self {
        let layer = TransformerConfig { norm_first: true, ..TransformerConfig::default() };
        Self {
            source_vocab: 32_000,
            target_vocab: 32_000,
            start: 0,
            end: 1,
            context: 512,
            layers: 6,
            heads: 8,
            d: 512,
            layer,
        }
    }
}

/// What the encoder made of a batch, and what the decoder may see of it.
#[derive(Debug, Clone)]
pub struct Memory {
    /// `(n, time, d)`
    states: Var,
    mask: AttentionMask,
}

impl Memory {
    /// The sequences `which`, in that order.
    fn select(&self, which: &[usize]) -> Result<Self> {
        let index: Vec<i64> = which.iter().map(|&i| i as i64).collect();
        let index = Tensor::from_vec(index, [which.len()])?;
        let mask = self.mask.mask.as_ref().map(|mask| mask.index_select(0, &index)).transpose()?;
        let states = self.states.index_select(0, &index)?;
        Ok(Self { states, mask: AttentionMask { mask, ..self.mask.clone() } })
    }
}

/// A sequence from a sequence: an encoder over the source, whose every step sees every step, and a decoder over the target's
/// tokens so far, which looks at all steps of the source too. Positions are waves, added to vectors of tokens times √d.
///
/// Shapes: source `(n, time)` and target `(n, steps)`, I64 → logits `(n, steps, target_vocab)`. A training pass is given the true
/// target, all steps at once. A sequence gives the same bits alone, in any batch and whatever pads it, and decoding token by
/// token gives those of one pass. Source: Vaswani et al. 2017, arXiv:1706.03762.
///
/// ```
/// use models::{Translator, TranslatorConfig};
/// use nn::{Context, TransformerConfig};
/// use tensor::{Rng, Tensor};
/// let layer = TransformerConfig { d_ff: 16, norm_first: true, ..TransformerConfig::default() };
/// let sizes = TranslatorConfig { source_vocab: 10, target_vocab: 5, layers: 2, heads: 2, d: 8, layer, ..Default::default() };
/// let model = Translator::new(&sizes, &mut Rng::seed(0))?;
/// let source = Tensor::from_slice(&[4i64, 2, 7, 9, 3, 0], [2, 3])?;
/// let target = Tensor::from_slice(&[0i64, 3, 4, 2], [1, 4])?.expand([2, 4])?;
/// let logits = model.forward(&source.clone().into(), Some(&[3, 2]), &target.into(), &mut Context::eval())?;
/// assert_eq!(logits.shape(), [2, 4, 5]);
/// let found = model.greedy(&source, Some(&[3, 2]), 6)?;
/// assert!(found.len() == 2 && found.iter().all(|tokens| tokens.len() <= 6));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Translator {
    source_embedding: Embedding,
    target_embedding: Embedding,
    encoder: TransformerEncoder,
    decoder: TransformerDecoder,
    head: Linear,
    dropout: Dropout,
    /// `(context, d)`
    #[module(skip)]
    positions: Tensor,
    start: usize,
    end: usize,
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: "translator", rule, got, repair })
}

impl Translator {
    /// A model made as `config` says.
    ///
    /// Errors: `InvalidArgument` for a start or end outside the target's vocabulary, and heads that do not divide; those of its
    /// layers.
    pub fn new(config: &TranslatorConfig, rng: &mut Rng) -> Result<Self> {
        let &TranslatorConfig { source_vocab, target_vocab, start, end, context, layers, heads, d, layer } =
            config;
        if start >= target_vocab || end >= target_vocab || start == end {
            let got = format!("start {start} and end {end} of {target_vocab} tokens");
            return refuse(
                "start and end must be two tokens of the target",
                got,
                "make room for them in the vocabulary",
            );
        }
        let dtype = layer.dtype;
        let weight_init = Init::Normal { std: 1.0 / (d.max(1) as f64).sqrt() };
        let table = EmbeddingConfig { weight_init, dtype, ..EmbeddingConfig::default() };
        let head = LinearConfig { weight_init: Init::XavierUniform, dtype, ..LinearConfig::default() };
        Ok(Self {
            source_embedding: Embedding::with_config(source_vocab, d, &table, rng)
                .map_err(|e| e.at("source_embedding"))?,
            target_embedding: Embedding::with_config(target_vocab, d, &table, rng)
                .map_err(|e| e.at("target_embedding"))?,
            encoder: TransformerEncoder::new(layers, d, heads, &layer, rng).map_err(|e| e.at("encoder"))?,
            decoder: TransformerDecoder::new(layers, d, heads, &layer, rng).map_err(|e| e.at("decoder"))?,
            head: Linear::with_config(d, target_vocab, &head, rng)?,
            dropout: Dropout::new(layer.dropout)?,
            positions: sinusoidal_positions(context, d, dtype)?,
            start,
            end,
        })
    }

    /// Vectors of tokens `(n, t)` and their places.
    fn embed(&self, name: &'static str, table: &Embedding, tokens: &Var, cx: &mut Context) -> Result<Var> {
        if tokens.rank() != 2 {
            let got = format!("{:?}", tokens.shape());
            return refuse("tokens must be (n, steps)", got, "stack sequences of one length, or pad them");
        }
        let x = cx.call(name, table, tokens)?;
        let places = rows_at(&self.positions.clone().into(), tokens.shape()[1], cx.offsets())?;
        let x = x.mul_scalar((x.shape()[2] as f64).sqrt())?.add(&places)?;
        self.dropout.forward(&x, cx)
    }

    /// What the decoder will look at, of sources `(n, time)` of these lengths, or whole ones if none are given.
    ///
    /// Errors: `InvalidArgument` for another rank, tokens outside the vocabulary, more tokens than the context, lengths that do
    /// not fit.
    pub fn encode(&self, source: &Var, lengths: Option<&[usize]>, cx: &mut Context) -> Result<Memory> {
        let time = source.shape().last().copied().unwrap_or(0);
        let mask = match lengths {
            Some(lengths) if lengths.len() != source.shape()[0] || lengths.contains(&0) => {
                let got = format!("lengths {lengths:?} of sources {:?}", source.shape());
                return refuse(
                    "each source must have a length of 1 or more",
                    got,
                    "give the number of tokens of each",
                );
            }
            Some(lengths) if lengths.iter().any(|&len| len < time) => AttentionMask::lengths(lengths, time)?,
            _ => AttentionMask::default(),
        };
        let x = self.embed("source_embedding", &self.source_embedding, source, cx)?;
        let states = cx.within("encoder", |cx| self.encoder.forward_with(&x, &mask, cx))?;
        Ok(Memory { states, mask })
    }

    /// Logits of the tokens behind those of target `(n, steps)`: `(n, steps, target_vocab)`. In a context with a
    /// [cache](KvCache) the target's tokens follow those of earlier passes.
    ///
    /// Errors: `InvalidArgument` for another rank, another number of sequences than was encoded, tokens outside the vocabulary,
    /// and more tokens than the context.
    pub fn decode(&self, target: &Var, memory: &Memory, cx: &mut Context) -> Result<Var> {
        let x = self.embed("target_embedding", &self.target_embedding, target, cx)?;
        let y = cx.within("decoder", |cx| {
            self.decoder.forward_with(&x, &memory.states, &AttentionMask::causal(), &memory.mask, cx)
        })?;
        cx.call("head", &self.head, &y)
    }

    /// Logits of the tokens behind those of the target, which begins with the start: what is trained.
    ///
    /// Errors: those of [`encode`](Self::encode) and [`decode`](Self::decode).
    pub fn forward(
        &self,
        source: &Var,
        lengths: Option<&[usize]>,
        target: &Var,
        cx: &mut Context,
    ) -> Result<Var> {
        let memory = self.encode(source, lengths, cx)?;
        self.decode(target, &memory, cx)
    }

    /// The most tokens that may be written, if `max_len` are wanted.
    fn room(&self, max_len: usize) -> Result<usize> {
        let context = self.positions.shape()[0];
        if max_len == 0 || max_len > context {
            let got = format!("{max_len} for a context of {context}");
            return refuse("a target must have a token, and fit in the context", got, "change the length");
        }
        Ok(max_len)
    }

    /// Logits behind these tokens, one for each sequence of the cache.
    fn next(&self, tokens: &[usize], memory: &Memory, cx: &mut Context) -> Result<Vec<Vec<f64>>> {
        let column: Vec<i64> = tokens.iter().map(|&token| token as i64).collect();
        let column = Tensor::from_vec(column, [tokens.len(), 1])?;
        let logits = self.decode(&column.into(), memory, cx)?.into_value();
        cx.advance(&vec![1; tokens.len()])?;
        let vocab = logits.shape()[2];
        let all = logits.to_dtype(DType::F64)?.to_vec::<f64>()?;
        Ok(all.chunks(vocab).map(<[f64]>::to_vec).collect())
    }

    /// The likeliest token at each step, of each source `(n, time)`, up to the end, which is left out, or to `max_len` tokens.
    ///
    /// Errors: `InvalidArgument` for a `max_len` of 0 or beyond the context, and as [`encode`](Self::encode).
    pub fn greedy(
        &self,
        source: &Tensor,
        lengths: Option<&[usize]>,
        max_len: usize,
    ) -> Result<Vec<Vec<usize>>> {
        let max_len = self.room(max_len)?;
        let mut found = vec![Vec::new(); source.shape()[0]];
        let mut memory = self.encode(&source.clone().into(), lengths, &mut Context::eval())?;
        let mut running: Vec<usize> = (0..found.len()).collect();
        if running.is_empty() {
            return Ok(found);
        }
        let mut tokens = vec![self.start; running.len()];
        let mut cx = Context::cached(KvCache::new(running.len(), max_len)?);
        for _ in 0..max_len {
            let rows = self.next(&tokens, &memory, &mut cx)?;
            let chosen = rows.iter().map(|row| greedy(row)).collect::<Result<Vec<usize>>>()?;
            // Those that came to their end leave.
            let stay: Vec<usize> = (0..chosen.len()).filter(|&at| chosen[at] != self.end).collect();
            for &at in &stay {
                found[running[at]].push(chosen[at]);
            }
            if stay.is_empty() {
                break;
            }
            if stay.len() < running.len() {
                let cache = cx.into_cache().expect("invariant: the context was given a cache");
                (cx, memory) = (Context::cached(cache.select(&stay)?), memory.select(&stay)?);
                running = stay.iter().map(|&at| running[at]).collect();
            }
            tokens = stay.iter().map(|&at| chosen[at]).collect();
        }
        Ok(found)
    }

    /// The best `width` targets of at most `max_len` tokens, the end included, of each source `(n, time)`, the best first;
    /// `length_penalty`: as [`Beam::length_penalty`].
    ///
    /// Errors: `InvalidArgument` for a width of 0, and as [`greedy`](Self::greedy).
    pub fn beam(
        &self,
        source: &Tensor,
        lengths: Option<&[usize]>,
        width: usize,
        max_len: usize,
        length_penalty: f64,
    ) -> Result<Vec<Vec<Hypothesis>>> {
        let how = Beam { width, max_len: self.room(max_len)?, end: self.end, length_penalty };
        let all = self.encode(&source.clone().into(), lengths, &mut Context::eval())?;
        let one = |i: usize| {
            let memory = all.select(&[i])?;
            let mut cache = Some(KvCache::new(1, max_len)?);
            // A beginning's state is its place in the cache.
            beam_search(0, self.start, &how, |beginnings| {
                let places: Vec<usize> = beginnings.iter().map(|(_, place)| *place).collect();
                let tokens: Vec<usize> = beginnings.iter().map(|(token, _)| *token).collect();
                let before = cache.take().expect("invariant: put back after each step");
                let mut cx = Context::cached(before.select(&places)?);
                let rows = self.next(&tokens, &memory.select(&vec![0; tokens.len()])?, &mut cx)?;
                cache = cx.into_cache();
                let logs = |row: Vec<f64>| -> Result<Vec<f64>> {
                    Ok(Tensor::from_slice(&row, [row.len()])?.log_softmax(0)?.to_vec()?)
                };
                rows.into_iter().enumerate().map(|(place, row)| Ok((logs(row)?, place))).collect()
            })
        };
        (0..source.shape()[0]).map(one).collect()
    }
}
