//! Sequences from sequences: an encoder, and a decoder that looks back at it.

use crate::decode::{self, Beam, Hypothesis, beam_search};
use crate::sequence_classifier::last_layer;
use autodiff::Var;
use autodiff::ops::attention::scaled_dot_product_attention::Attention;
use nn::{
    Context, Embedding, EmbeddingConfig, Error, Linear, LinearConfig, Module, Recurrent, RecurrentConfig,
    RecurrentState, Result,
};
use tensor::{Cell, DType, Rng, Tensor};

/// How a [`Seq2Seq`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seq2SeqConfig {
    /// Tokens of the source.
    pub source_vocab: usize,
    /// Tokens of the target, start and end among them.
    pub target_vocab: usize,
    /// The token that a target begins with.
    pub start: usize,
    /// The token that ends a target.
    pub end: usize,
    /// What a step computes.
    pub cell: Cell,
    /// Features of a token's vector.
    pub d_embedding: usize,
    /// Units of a layer of the decoder, and of the encoder in one direction.
    pub hidden: usize,
    /// Layers of the encoder, and of the decoder.
    pub layers: usize,
    /// The probability with which outputs are dropped between layers.
    pub dropout: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for Seq2SeqConfig {
    fn default() -> Self {
        Self {
            source_vocab: 64,
            target_vocab: 64,
            start: 0,
            end: 1,
            cell: Cell::Gru,
            d_embedding: 64,
            hidden: 128,
            layers: 1,
            dropout: 0.0,
            dtype: DType::F32,
        }
    }
}

/// What the encoder made of a batch.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// `(n, time, 2·hidden)`
    outputs: Var,
    /// Whether a step is real, `(n, 1, time)`, if not all are.
    mask: Option<Tensor>,
    /// The decoder's first state.
    state: RecurrentState,
}

impl Encoded {
    /// Sequences.
    pub fn n(&self) -> usize {
        self.outputs.shape()[0]
    }

    /// The decoder's first state.
    pub fn state(&self) -> &RecurrentState {
        &self.state
    }

    /// Sequence `i` alone.
    fn row(&self, i: usize) -> Result<Self> {
        Ok(Self {
            outputs: self.outputs.narrow(0, i, 1)?,
            mask: self.mask.as_ref().map(|mask| mask.narrow(0, i, 1)).transpose()?,
            state: RecurrentState {
                h: self.state.h.narrow(1, i, 1)?,
                c: self.state.c.as_ref().map(|c| c.narrow(1, i, 1)).transpose()?,
            },
        })
    }

    /// The one sequence `k` times.
    fn repeated(&self, k: usize, state: RecurrentState) -> Result<Self> {
        let [_, time, d] = [0, 1, 2].map(|axis| self.outputs.shape()[axis]);
        Ok(Self { outputs: self.outputs.expand(&[k, time, d])?, mask: self.mask.clone(), state })
    }
}

/// A sequence from a sequence. The encoder reads the source from both ends; the decoder is recurrent over the target's
/// tokens so far, and at each step looks back at all steps of the source:
/// `p = softmax(h·W_a·sᵀ)`, `a = tanh(W_c·[p·s; h] + b)`, logits of the head on a, where h is the decoder's output, s the
/// encoder's outputs, and p is 0 at padding. The decoder begins with `tanh(W·[s⃗; s⃖] + b)` of the encoder's last states.
///
/// Shapes: source `(n, time)` and target `(n, steps)`, I64 → logits `(n, steps, target_vocab)`. A training pass is given the
/// true target (teacher forcing), so all steps of both run in one pass of a recurrent layer each. A sequence gives the same
/// bits alone, in any batch and whatever pads it, and decoding token by token gives those of one pass.
/// Source: Luong et al. 2015, global attention with the score `general`, without input feeding.
///
/// ```
/// use models::{Seq2Seq, Seq2SeqConfig};
/// use nn::Context;
/// use tensor::{Rng, Tensor};
/// let config = Seq2SeqConfig { source_vocab: 10, target_vocab: 5, hidden: 8, ..Seq2SeqConfig::default() };
/// let model = Seq2Seq::new(&config, &mut Rng::seed(0))?;
/// let source = Tensor::from_slice(&[4i64, 2, 7, 9, 3, 0], [2, 3])?;
/// let target = Tensor::from_slice(&[0i64, 3, 4, 2], [1, 4])?.expand([2, 4])?;
/// let logits = model.forward(&source.clone().into(), Some(&[3, 2]), &target.into(), &mut Context::eval())?;
/// assert_eq!(logits.shape(), [2, 4, 5]);
/// let found = model.greedy(&source, Some(&[3, 2]), 6)?;
/// assert!(found.len() == 2 && found.iter().all(|tokens| tokens.len() <= 6));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Seq2Seq {
    source: Embedding,
    encoder: Recurrent,
    bridge: Linear,
    target: Embedding,
    decoder: Recurrent,
    query: Linear,
    combine: Linear,
    head: Linear,
    #[module(skip)]
    ends: Ends,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    start: usize,
    end: usize,
    layers: usize,
    hidden: usize,
}

const OP: &str = "seq2seq";

impl Seq2Seq {
    /// A model made as `config` says.
    ///
    /// Errors: `InvalidArgument` for a start or end outside the target's vocabulary; those of its layers.
    pub fn new(config: &Seq2SeqConfig, rng: &mut Rng) -> Result<Self> {
        let &Seq2SeqConfig { source_vocab, target_vocab, start, end, cell, .. } = config;
        let &Seq2SeqConfig { d_embedding, hidden, layers, dropout, dtype, .. } = config;
        if start >= target_vocab || end >= target_vocab {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "start and end must be tokens of the target",
                got: format!("start {start} and end {end} for {target_vocab} tokens"),
                repair: "use tokens below target_vocab",
            });
        }
        let tok = EmbeddingConfig { dtype, ..EmbeddingConfig::default() };
        let of = RecurrentConfig { layers, dropout, dtype, ..RecurrentConfig::default() };
        let both = RecurrentConfig { bidirectional: true, ..of };
        let linear = LinearConfig { dtype, ..LinearConfig::default() };
        let plain = LinearConfig { bias: false, ..linear };
        let d = 2 * hidden;
        Ok(Self {
            source: Embedding::with_config(source_vocab, d_embedding, &tok, rng)
                .map_err(|e| e.at("source"))?,
            encoder: Recurrent::with_config(cell, d_embedding, hidden, &both, rng)
                .map_err(|e| e.at("encoder"))?,
            bridge: Linear::with_config(d, cell.states() * layers * hidden, &linear, rng)
                .map_err(|e| e.at("bridge"))?,
            target: Embedding::with_config(target_vocab, d_embedding, &tok, rng)
                .map_err(|e| e.at("target"))?,
            decoder: Recurrent::with_config(cell, d_embedding, hidden, &of, rng)
                .map_err(|e| e.at("decoder"))?,
            query: Linear::with_config(hidden, d, &plain, rng).map_err(|e| e.at("query"))?,
            combine: Linear::with_config(d + hidden, hidden, &linear, rng).map_err(|e| e.at("combine"))?,
            head: Linear::with_config(hidden, target_vocab, &linear, rng).map_err(|e| e.at("head"))?,
            ends: Ends { start, end, layers, hidden },
        })
    }

    /// What the decoder will look at, of sources `(n, time)` of these lengths, or whole ones if none are given.
    ///
    /// Errors: `InvalidArgument` for another rank, tokens outside the vocabulary, lengths that do not fit.
    pub fn encode(&self, source: &Var, lengths: Option<&[usize]>, cx: &mut Context) -> Result<Encoded> {
        check_rank("the source must be (n, time)", source)?;
        let x = cx.call("source", &self.source, source)?;
        let (outputs, state) = cx.within("encoder", |cx| self.encoder.forward_with(&x, lengths, None, cx))?;
        let first = cx.call("bridge", &self.bridge, &last_layer(&state.h, 2)?)?.tanh()?;
        let [n, time] = [0, 1].map(|axis| outputs.shape()[axis]);
        let Ends { layers, hidden, .. } = self.ends;
        let states = self.decoder.cell().states();
        let first = first.reshape([n, states * layers, hidden])?.transpose(0, 1)?;
        let part = |i: usize| first.narrow(0, i * layers, layers);
        let state = RecurrentState { h: part(0)?, c: (states == 2).then(|| part(1)).transpose()? };
        let mask = match lengths.filter(|lengths| lengths.iter().any(|&len| len < time)) {
            Some(lengths) => {
                let lengths: Vec<i64> = lengths.iter().map(|&len| len as i64).collect();
                let lengths = Tensor::from_vec(lengths, [n, 1, 1])?;
                Some(Tensor::arange(time, DType::I64)?.lt(&lengths)?)
            }
            None => None,
        };
        Ok(Encoded { outputs, mask, state })
    }

    /// Logits of the tokens behind those of target `(n, steps)`, `(n, steps, target_vocab)`, and the state then; `state`: that
    /// before them, which at the start is [`Encoded::state`].
    ///
    /// Errors: `InvalidArgument` for another rank, another number of sequences than was encoded, and tokens outside the
    /// vocabulary.
    pub fn decode(
        &self,
        target: &Var,
        encoded: &Encoded,
        state: &RecurrentState,
        cx: &mut Context,
    ) -> Result<(Var, RecurrentState)> {
        check_rank("the target must be (n, steps)", target)?;
        if target.shape()[0] != encoded.n() {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there must be a target for each source",
                got: format!("targets {:?} for {} sources", target.shape(), encoded.n()),
                repair: "give both the same first axis",
            });
        }
        let x = cx.call("target", &self.target, target)?;
        let (h, state) = cx.within("decoder", |cx| self.decoder.forward_with(&x, None, Some(state), cx))?;
        let query = cx.call("query", &self.query, &h)?;
        let how = Attention { mask: encoded.mask.clone(), scale: Some(1.0), ..Attention::default() };
        let seen = query.scaled_dot_product_attention(&encoded.outputs, &encoded.outputs, &how)?;
        let joined = Var::cat(&[&seen, &h], -1)?;
        let a = cx.call("combine", &self.combine, &joined)?.tanh()?;
        Ok((cx.call("head", &self.head, &a)?, state))
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
        let encoded = self.encode(source, lengths, cx)?;
        Ok(self.decode(target, &encoded, encoded.state(), cx)?.0)
    }

    /// The likeliest token at each step, of each source `(n, time)`, up to the end, which is left out, or to `max_len` tokens.
    ///
    /// Errors: `InvalidArgument` for a `max_len` of 0, and as [`encode`](Self::encode).
    pub fn greedy(
        &self,
        source: &Tensor,
        lengths: Option<&[usize]>,
        max_len: usize,
    ) -> Result<Vec<Vec<usize>>> {
        if max_len == 0 {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "length must be at least 1",
                got: "max_len 0".to_string(),
                repair: "allow as many tokens as the longest target has",
            });
        }
        let cx = &mut Context::eval();
        let encoded = self.encode(&source.into(), lengths, cx)?;
        let n = encoded.n();
        let (mut last, mut state) = (vec![self.ends.start; n], encoded.state.clone());
        let (mut found, mut ended) = (vec![Vec::new(); n], vec![false; n]);
        for _ in 0..max_len {
            let (logits, after) = self.decode(&column(&last)?, &encoded, &state, cx)?;
            for (i, logits) in rows(&logits)?.into_iter().enumerate() {
                last[i] = decode::greedy(&logits)?;
                ended[i] |= last[i] == self.ends.end;
                if !ended[i] {
                    found[i].push(last[i]);
                }
            }
            if ended.iter().all(|ended| *ended) {
                break;
            }
            state = after;
        }
        Ok(found)
    }

    /// The best `width` targets of at most `max_len` tokens, the end included, of each source `(n, time)`, the best first;
    /// `length_penalty`: as [`Beam::length_penalty`].
    ///
    /// Errors: `InvalidArgument` for a width or length of 0, and as [`encode`](Self::encode).
    pub fn beam(
        &self,
        source: &Tensor,
        lengths: Option<&[usize]>,
        width: usize,
        max_len: usize,
        length_penalty: f64,
    ) -> Result<Vec<Vec<Hypothesis>>> {
        let cx = &mut Context::eval();
        let all = self.encode(&source.into(), lengths, cx)?;
        let how = Beam { width, max_len, end: self.ends.end, length_penalty };
        let one = |i: usize| {
            let encoded = all.row(i)?;
            beam_search(encoded.state.clone(), self.ends.start, &how, |asked| {
                let last: Vec<usize> = asked.iter().map(|(last, _)| *last).collect();
                let h: Vec<&Var> = asked.iter().map(|(_, state)| &state.h).collect();
                let c: Vec<&Var> = asked.iter().filter_map(|(_, state)| state.c.as_ref()).collect();
                let c = if c.is_empty() { None } else { Some(Var::cat(&c, 1)?) };
                let state = RecurrentState { h: Var::cat(&h, 1)?, c };
                let encoded = encoded.repeated(asked.len(), state)?;
                let (logits, after) = self.decode(&column(&last)?, &encoded, encoded.state(), cx)?;
                let logs = rows(&logits.log_softmax(-1)?)?;
                let each = logs.into_iter().enumerate().map(|(k, logs)| {
                    let c = after.c.as_ref().map(|c| c.narrow(1, k, 1)).transpose()?;
                    Ok((logs, RecurrentState { h: after.h.narrow(1, k, 1)?, c }))
                });
                each.collect()
            })
        };
        (0..all.n()).map(one).collect()
    }
}

fn check_rank(rule: &'static str, tokens: &Var) -> Result<()> {
    if tokens.rank() != 2 {
        return Err(Error::InvalidArgument {
            op: OP,
            rule,
            got: format!("{:?}", tokens.shape()),
            repair: "add the axis that lacks with unsqueeze",
        });
    }
    Ok(())
}

/// One token of each sequence, `(n, 1)`.
fn column(tokens: &[usize]) -> Result<Var> {
    let tokens: Vec<i64> = tokens.iter().map(|&token| token as i64).collect();
    let n = tokens.len();
    Ok(Tensor::from_vec(tokens, [n, 1])?.into())
}

/// The numbers of each sequence of `(n, 1, vocab)`.
fn rows(x: &Var) -> Result<Vec<Vec<f64>>> {
    let vocab = x.shape()[2];
    let all = x.value().to_dtype(DType::F64)?.to_vec::<f64>()?;
    Ok(all.chunks(vocab).map(<[f64]>::to_vec).collect())
}
