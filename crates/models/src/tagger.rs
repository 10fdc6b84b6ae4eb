//! One class for each step of a sequence.

use crate::sequence_input::{SequenceInput, features};
use autodiff::Var;
use nn::{
    Context, Dropout, Embedding, Layer, Linear, LinearConfig, Module, Recurrent, RecurrentConfig, Result,
};
use tensor::{Cell, DType, Rng};

/// How a [`Tagger`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaggerConfig {
    /// What it reads.
    pub input: SequenceInput,
    /// Classes.
    pub classes: usize,
    /// What a step computes.
    pub cell: Cell,
    /// Units of a layer in one direction.
    pub hidden: usize,
    /// Layers on top of each other.
    pub layers: usize,
    /// The probability with which outputs are dropped between layers, and before the classes.
    pub dropout: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for TaggerConfig {
    fn default() -> Self {
        Self {
            input: SequenceInput::Tokens { vocab: 1000, d: 64 },
            classes: 10,
            cell: Cell::Lstm,
            hidden: 64,
            layers: 1,
            dropout: 0.0,
            dtype: DType::F32,
        }
    }
}

/// A class for each step, from all that stands before and behind it: recurrent layers in both directions and a linear layer.
///
/// Shapes: tokens `(n, time)`, I64, or features `(n, time, d)` → logits `(n, time, classes)`. Behind the end of a sequence
/// they are those of a state of zeros: the loss should ignore them (`ignore_index`). Parameters: `tok.weight` for tokens,
/// `rnn.weight_ih_l0`, …, `rnn.weight_ih_l0_reverse`, …, `head.weight`, `head.bias`. A sequence gives the same bits alone,
/// in any batch, and whatever pads it. Source: Graves and Schmidhuber 2005.
///
/// ```
/// use models::{SequenceInput, Tagger, TaggerConfig};
/// use nn::Context;
/// use tensor::{Rng, Tensor};
/// let input = SequenceInput::Tokens { vocab: 10, d: 4 };
/// let model = Tagger::new(&TaggerConfig { input, classes: 3, ..TaggerConfig::default() }, &mut Rng::seed(0))?;
/// let tokens = Tensor::from_slice(&[1i64, 2, 3, 4, 5, 0], [2, 3])?.into();
/// let logits = model.forward_with(&tokens, Some(&[3, 2]), &mut Context::eval())?;
/// assert_eq!(logits.shape(), [2, 3, 3]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Tagger {
    tok: Option<Embedding>,
    rnn: Recurrent,
    dropout: Dropout,
    head: Linear,
}

impl Tagger {
    /// A model made as `config` says. Errors: those of its layers.
    pub fn new(config: &TaggerConfig, rng: &mut Rng) -> Result<Self> {
        let &TaggerConfig { input, classes, cell, hidden, layers, dropout, dtype } = config;
        let of =
            RecurrentConfig { layers, bidirectional: true, dropout, dtype, ..RecurrentConfig::default() };
        let tok = input.embedding(dtype, rng)?;
        let rnn = Recurrent::with_config(cell, input.d(), hidden, &of, rng).map_err(|e| e.at("rnn"))?;
        let head = LinearConfig { dtype, ..LinearConfig::default() };
        let head = Linear::with_config(rnn.d_out(), classes, &head, rng).map_err(|e| e.at("head"))?;
        Ok(Self { tok, rnn, dropout: Dropout::new(dropout)?, head })
    }

    /// Logits of sequences of these lengths, or of the whole of each if none are given.
    ///
    /// Errors: `InvalidArgument` for an input of another rank, another number of features, tokens outside the vocabulary, and
    /// lengths that do not fit.
    pub fn forward_with(&self, x: &Var, lengths: Option<&[usize]>, cx: &mut Context) -> Result<Var> {
        let x = features("tagger", self.tok.as_ref(), x, cx)?;
        let (y, _) = cx.within("rnn", |cx| self.rnn.forward_with(&x, lengths, None, cx))?;
        let y = cx.call("dropout", &self.dropout, &y)?;
        cx.call("head", &self.head, &y)
    }
}

impl Layer for Tagger {
    /// Logits of whole sequences.
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.forward_with(x, None, cx)
    }
}
