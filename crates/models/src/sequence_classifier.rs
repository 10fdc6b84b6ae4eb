//! One class for each sequence.

use crate::sequence_input::{SequenceInput, features};
use autodiff::Var;
use nn::{
    Context, Embedding, Error, Layer, Linear, LinearConfig, Module, Recurrent, RecurrentConfig, Result,
};
use tensor::{Cell, DType, Rng};

/// How a [`SequenceClassifier`] is made. The default reads rows of 8 features, such as those of the small digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequenceClassifierConfig {
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
    /// Whether sequences are read from both ends.
    pub bidirectional: bool,
    /// The probability with which outputs are dropped between layers, and before the classes.
    pub dropout: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for SequenceClassifierConfig {
    fn default() -> Self {
        Self {
            input: SequenceInput::Features(8),
            classes: 10,
            cell: Cell::Lstm,
            hidden: 128,
            layers: 1,
            bidirectional: false,
            dropout: 0.0,
            dtype: DType::F32,
        }
    }
}

/// A class for each sequence, from the last state of the last recurrent layer: the state after the last real step,
/// beside it, if there are two directions, that of the other direction after the first step.
///
/// Shapes: tokens `(n, time)`, I64, or features `(n, time, d)` → logits `(n, classes)`. Parameters: `tok.weight` for tokens,
/// `rnn.weight_ih_l0`, …, `head.weight`, `head.bias`. A sequence gives the same bits alone, in any batch, and whatever pads
/// it.
///
/// ```
/// use models::{SequenceClassifier, SequenceClassifierConfig, SequenceInput};
/// use nn::Context;
/// use tensor::{Rng, Tensor};
/// let input = SequenceInput::Tokens { vocab: 10, d: 4 };
/// let config = SequenceClassifierConfig { input, classes: 3, hidden: 8, ..SequenceClassifierConfig::default() };
/// let model = SequenceClassifier::new(&config, &mut Rng::seed(0))?;
/// let tokens = Tensor::from_slice(&[1i64, 2, 3, 4, 5, 0], [2, 3])?.into();
/// let cx = &mut Context::eval();
/// let logits = model.forward_with(&tokens, Some(&[3, 2]), cx)?;
/// assert_eq!(logits.shape(), [2, 3]);
/// // The second sequence alone.
/// let alone = model.forward_with(&tokens.narrow(0, 1, 1)?.narrow(1, 0, 2)?, None, cx)?;
/// assert!(alone.value().bit_eq(logits.narrow(0, 1, 1)?.value()));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct SequenceClassifier {
    tok: Option<Embedding>,
    rnn: Recurrent,
    dropout: nn::Dropout,
    head: Linear,
    #[module(skip)]
    directions: usize,
}

impl SequenceClassifier {
    /// A model made as `config` says. Errors: those of its layers.
    pub fn new(config: &SequenceClassifierConfig, rng: &mut Rng) -> Result<Self> {
        let &SequenceClassifierConfig { input, classes, cell, hidden, layers, bidirectional, dropout, dtype } =
            config;
        let of = RecurrentConfig { layers, bidirectional, dropout, dtype, ..RecurrentConfig::default() };
        let tok = input.embedding(dtype, rng)?;
        let rnn = Recurrent::with_config(cell, input.d(), hidden, &of, rng).map_err(|e| e.at("rnn"))?;
        let head = LinearConfig { dtype, ..LinearConfig::default() };
        let head = Linear::with_config(rnn.d_out(), classes, &head, rng).map_err(|e| e.at("head"))?;
        let dropout = nn::Dropout::new(dropout)?;
        Ok(Self { tok, rnn, dropout, head, directions: if bidirectional { 2 } else { 1 } })
    }

    /// Logits of sequences of these lengths, or of the whole of each if none are given.
    ///
    /// Errors: `InvalidArgument` for an input of another rank, another number of features, tokens outside the vocabulary, and
    /// lengths that do not fit.
    pub fn forward_with(&self, x: &Var, lengths: Option<&[usize]>, cx: &mut Context) -> Result<Var> {
        let x = features("sequence_classifier", self.tok.as_ref(), x, cx)?;
        let (_, state) = cx.within("rnn", |cx| self.rnn.forward_with(&x, lengths, None, cx))?;
        let last = last_layer(&state.h, self.directions)?;
        let last = cx.call("dropout", &self.dropout, &last)?;
        cx.call("head", &self.head, &last)
    }
}

/// The state of the last layer, its directions side by side: `(parts, n, h)` → `(n, directions·h)`.
pub(crate) fn last_layer(h: &Var, directions: usize) -> Result<Var> {
    let parts = h.shape()[0];
    let states = (parts - directions..parts).map(|i| h.select(0, i as isize));
    let states: Vec<Var> = states.collect::<Result<_, autodiff::Error>>().map_err(Error::from)?;
    match &states[..] {
        [one] => Ok(one.clone()),
        _ => Ok(Var::cat(&states.iter().collect::<Vec<_>>(), -1)?),
    }
}

impl Layer for SequenceClassifier {
    /// Logits of whole sequences.
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.forward_with(x, None, cx)
    }
}
