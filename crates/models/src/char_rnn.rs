//! A recurrent language model over characters.

use autodiff::Var;
use nn::{
    Context, Dropout, Embedding, EmbeddingConfig, Error, Layer, Linear, LinearConfig, Module, Recurrent,
    RecurrentConfig, RecurrentState, Result,
};
use tensor::{Cell, DType, Rng};

/// How a [`CharRnn`] is made. The default is the LSTM of two layers of 256 units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CharRnnConfig {
    /// Characters.
    pub vocab: usize,
    /// What a step computes.
    pub cell: Cell,
    /// Features of a character's vector.
    pub d_embedding: usize,
    /// Units of a layer.
    pub hidden: usize,
    /// Layers on top of each other.
    pub layers: usize,
    /// The probability with which outputs of each recurrent layer are dropped.
    pub dropout: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for CharRnnConfig {
    fn default() -> Self {
        Self {
            vocab: 65,
            cell: Cell::Lstm,
            d_embedding: 128,
            hidden: 256,
            layers: 2,
            dropout: 0.0,
            dtype: DType::F32,
        }
    }
}

/// The next character, from all before it: vectors of characters, recurrent layers, a linear layer.
///
/// Shapes: tokens `(n, time)`, I64 → logits `(n, time, vocab)`. Parameters: `tok.weight`, `rnn.weight_ih_l0`, …,
/// `head.weight`, `head.bias`.
///
/// ```
/// use models::{CharRnn, CharRnnConfig};
/// use nn::{Context, Layer};
/// use tensor::{Rng, Tensor};
/// let model = CharRnn::new(&CharRnnConfig { vocab: 10, ..CharRnnConfig::default() }, &mut Rng::seed(0))?;
/// let tokens = Tensor::from_slice(&[1i64, 2, 3, 4], [1, 4])?;
/// let cx = &mut Context::eval();
/// let whole = model.forward(&tokens.clone().into(), cx)?;
/// // Two parts with the state between them give the same bits.
/// let (_, state) = model.forward_with(&tokens.narrow(1, 0, 2)?.into(), None, cx)?;
/// let (second, _) = model.forward_with(&tokens.narrow(1, 2, 2)?.into(), Some(&state), cx)?;
/// assert!(second.value().bit_eq(whole.narrow(1, 2, 2)?.value()));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct CharRnn {
    tok: Embedding,
    rnn: Recurrent,
    dropout: Dropout,
    head: Linear,
}

impl CharRnn {
    /// A model made as `config` says. Errors: those of its layers.
    pub fn new(config: &CharRnnConfig, rng: &mut Rng) -> Result<Self> {
        let &CharRnnConfig { vocab, cell, d_embedding, hidden, layers, dropout, dtype } = config;
        let tok = EmbeddingConfig { dtype, ..EmbeddingConfig::default() };
        let of = RecurrentConfig { layers, dropout, dtype, ..RecurrentConfig::default() };
        let head = LinearConfig { dtype, ..LinearConfig::default() };
        Ok(Self {
            tok: Embedding::with_config(vocab, d_embedding, &tok, rng).map_err(|e| e.at("tok"))?,
            rnn: Recurrent::with_config(cell, d_embedding, hidden, &of, rng).map_err(|e| e.at("rnn"))?,
            dropout: Dropout::new(dropout)?,
            head: Linear::with_config(hidden, vocab, &head, rng).map_err(|e| e.at("head"))?,
        })
    }

    /// The characters that it knows.
    pub fn vocab(&self) -> usize {
        self.tok.vocab()
    }

    /// Logits, and the state after the last character; `state`: that after the text before, if there is one.
    pub fn forward_with(
        &self,
        tokens: &Var,
        state: Option<&RecurrentState>,
        cx: &mut Context,
    ) -> Result<(Var, RecurrentState)> {
        if tokens.rank() != 2 {
            return Err(Error::InvalidArgument {
                op: "char_rnn",
                rule: "tokens must be (n, time)",
                got: format!("{:?}", tokens.shape()),
                repair: "add the axis that lacks with unsqueeze",
            });
        }
        let x = cx.call("tok", &self.tok, tokens)?;
        let (y, state) = cx.within("rnn", |cx| self.rnn.forward_with(&x, None, state, cx))?;
        let y = self.dropout.forward(&y, cx)?;
        Ok((cx.call("head", &self.head, &y)?, state))
    }
}

impl Layer for CharRnn {
    fn forward(&self, tokens: &Var, cx: &mut Context) -> Result<Var> {
        Ok(self.forward_with(tokens, None, cx)?.0)
    }
}
