//! Recurrent layers: plain, LSTM and GRU; several on top of each other, in both directions, over sequences of any lengths.

mod cell;
mod direction;
mod rows;

pub use cell::{GruCell, LstmCell, RnnCell};

use super::{Dropout, Layer};
use crate::context::{Context, Name};
use crate::error::{Error, Result};
use crate::module::{Module, Visitor, VisitorMut};
use autodiff::Var;
use direction::{Direction, outs};
use rows::Steps;
use tensor::{Cell, DType, Recurrence, Rng};

/// How a recurrent layer is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecurrentConfig {
    /// Layers on top of each other.
    pub layers: usize,
    /// Whether each layer reads the sequence from both ends; its outputs stand side by side.
    pub bidirectional: bool,
    /// The probability with which outputs are dropped between layers.
    pub dropout: f64,
    /// Whether biases are added.
    pub bias: bool,
    /// Whether batches are `(n, time, d)`, not `(time, n, d)`.
    pub batch_first: bool,
    /// Of an LSTM: h is made smaller by a product, `h = W_hr·(σ(o)·tanh(c))`, to this many numbers.
    /// Source: Sak et al. 2014, arXiv:1402.1128.
    pub projection: Option<usize>,
    /// Of an LSTM: gates i and f see c before the step, and o sees it after, each unit its own. Source: Gers et al. 2002.
    pub peepholes: bool,
    /// Of a GRU: whether the reset gate stands behind the product, `r·(W·h + b)`, not before it, `W·(r·h) + b`, as in the first
    /// paper.
    pub reset_after: bool,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for RecurrentConfig {
    fn default() -> Self {
        Self {
            layers: 1,
            bidirectional: false,
            dropout: 0.0,
            bias: true,
            batch_first: true,
            projection: None,
            peepholes: false,
            reset_after: true,
            dtype: DType::F32,
        }
    }
}

/// What a recurrent layer carries from one step to the next.
#[derive(Debug, Clone)]
pub struct RecurrentState {
    /// `(layers·directions, n, hidden)`; with a projection, that many numbers for the hidden ones.
    pub h: Var,
    /// `(layers·directions, n, hidden)`, of c; of an LSTM alone.
    pub c: Option<Var>,
}

impl RecurrentState {
    /// The same values, to which no gradient goes back: between the parts of a long text.
    pub fn detach(&self) -> Self {
        Self { h: self.h.detach(), c: self.c.as_ref().map(Var::detach) }
    }
}

/// A recurrent layer of any cell: what [`Lstm`], [`Gru`] and [`Rnn`] are, where the choice is made as the program runs.
#[derive(Debug, Clone)]
pub struct Recurrent {
    op: &'static str,
    cell: Cell,
    /// Layer by layer, the forward direction first.
    parts: Vec<Direction>,
    d_in: usize,
    hidden: usize,
    dropout: Dropout,
    config: RecurrentConfig,
}

impl Recurrent {
    /// A layer of `hidden` units made as `config` says. Takes four streams from `rng` for each layer and direction, and one
    /// for a projection and for peepholes.
    ///
    /// Errors: `InvalidArgument` for a size of 0, a dropout that is no probability, and what the cell does not have.
    pub fn with_config(
        cell: Cell,
        d_in: usize,
        hidden: usize,
        config: &RecurrentConfig,
        rng: &mut Rng,
    ) -> Result<Self> {
        let op = match cell {
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
            _ => "rnn",
        };
        if config.layers == 0 {
            return Err(Error::InvalidArgument {
                op,
                rule: "there must be a layer",
                got: "0 layers".into(),
                repair: "use at least 1",
            });
        }
        let directions = if config.bidirectional { 2 } else { 1 };
        let mut parts = Vec::with_capacity(config.layers * directions);
        for layer in 0..config.layers {
            let d_in = if layer == 0 { d_in } else { directions * outs(hidden, config) };
            for _ in 0..directions {
                parts.push(Direction::new(op, cell, d_in, hidden, config, rng)?);
            }
        }
        Ok(Self { op, cell, parts, d_in, hidden, dropout: Dropout::new(config.dropout)?, config: *config })
    }

    fn directions(&self) -> usize {
        if self.config.bidirectional { 2 } else { 1 }
    }

    /// The first states of all parts, each in the order of the steps.
    fn first(&self, state: Option<&RecurrentState>, steps: &Steps) -> Result<Vec<Vec<Var>>> {
        let Some(state) = state else {
            let mut zeros = vec![steps.zeros(outs(self.hidden, &self.config), self.config.dtype)?];
            if self.cell == Cell::Lstm {
                zeros.push(steps.zeros(self.hidden, self.config.dtype)?);
            }
            return Ok(vec![zeros; self.parts.len()]);
        };
        let given: Vec<&Var> = [Some(&state.h), state.c.as_ref()].into_iter().flatten().collect();
        let shape = |width: usize| vec![self.parts.len(), steps.n, width];
        let mut due = vec![shape(outs(self.hidden, &self.config)), shape(self.hidden)];
        due.truncate(self.cell.states());
        let got: Vec<Vec<usize>> = given.iter().map(|x| x.shape().to_vec()).collect();
        if got != due {
            return Err(Error::InvalidArgument {
                op: self.op,
                rule: "each first state must be (layers·directions, n, hidden), with c for an LSTM alone",
                got: format!("{got:?} where {due:?} is due"),
                repair: "give the state that the layer returned for a batch of this size",
            });
        }
        let part = |i: usize| given.iter().map(|x| steps.sorted(&x.select(0, i as isize)?)).collect();
        (0..self.parts.len()).map(part).collect()
    }

    /// What the layer computes at a step.
    pub fn cell(&self) -> Cell {
        self.cell
    }

    /// Features in.
    pub fn d_in(&self) -> usize {
        self.d_in
    }

    /// Features out: units, of both directions if there are two.
    pub fn d_out(&self) -> usize {
        outs(self.hidden, &self.config) * self.directions()
    }

    /// The outputs of the last layer, `(n, time, directions·hidden)`, and the last state of each sequence. `lengths`: the
    /// steps of each sequence, if not all; the others are read by nothing and give zeros. `state`: the first state, zeros if
    /// none is given.
    ///
    /// A sequence gives the same bits alone, in any batch, and whatever pads it. Errors: `InvalidArgument` for an input,
    /// lengths (0, or more than there are steps) or a state that do not fit.
    pub fn forward_with(
        &self,
        x: &Var,
        lengths: Option<&[usize]>,
        state: Option<&RecurrentState>,
        cx: &mut Context,
    ) -> Result<(Var, RecurrentState)> {
        if x.rank() != 3 || x.shape()[2] != self.d_in {
            return Err(Error::InvalidArgument {
                op: self.op,
                rule: match self.config.batch_first {
                    true => "the input must be (n, time, d_in)",
                    false => "the input must be (time, n, d_in)",
                },
                got: format!("{:?} where d_in is {}", x.shape(), self.d_in),
                repair: "add the axis that lacks with unsqueeze, or change the layer's sizes",
            });
        }
        let steps = Steps::of(self.op, x, lengths, self.config.batch_first)?;
        let first = self.first(state, &steps)?;
        let mut rows = steps.rows(x)?;
        let mut last: Vec<Vec<Var>> = Vec::with_capacity(self.parts.len());
        for (layer, parts) in self.parts.chunks(self.directions()).enumerate() {
            if layer > 0 {
                rows = self.dropout.forward(&rows, cx)?;
            }
            let mut outs = Vec::with_capacity(parts.len());
            for (reverse, part) in [false, true].into_iter().zip(parts) {
                let how = Recurrence { cell: self.cell, sizes: steps.sizes.clone(), reverse };
                let (out, states) = part.run(&rows, &first[last.len()], &how, cx)?;
                outs.push(out);
                last.push(states);
            }
            rows = match &outs[..] {
                [out] => out.clone(),
                _ => Var::cat(&outs.iter().collect::<Vec<_>>(), -1)?,
            };
        }
        let stacked = |s: usize| -> Result<Var> {
            let of: Vec<Var> = last.iter().map(|states| steps.unsorted(&states[s])).collect::<Result<_>>()?;
            Ok(Var::stack(&of.iter().collect::<Vec<_>>(), 0)?)
        };
        let c = if self.cell == Cell::Lstm { Some(stacked(1)?) } else { None };
        Ok((steps.batch(&rows)?, RecurrentState { h: stacked(0)?, c }))
    }

    /// The name of a parameter of part `i`.
    fn name(&self, i: usize, what: &'static str) -> Name {
        let before = match what {
            "weight_ih" => "weight_ih_l",
            "weight_hh" => "weight_hh_l",
            "bias_ih" => "bias_ih_l",
            "bias_hh" => "bias_hh_l",
            "weight_hr" => "weight_hr_l",
            _ => "weight_peephole_l",
        };
        let reverse = i % self.directions() == 1;
        Name::Numbered(before, i / self.directions(), if reverse { "_reverse" } else { "" })
    }
}

impl Layer for Recurrent {
    /// The outputs for whole sequences from a state of zeros.
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        Ok(self.forward_with(x, None, None, cx)?.0)
    }
    fn kind(&self) -> String {
        let name = match self.cell {
            Cell::Lstm => "Lstm",
            Cell::Gru => "Gru",
            _ => "Rnn",
        };
        let layers =
            if self.config.layers == 1 { String::new() } else { format!(", {} layers", self.config.layers) };
        let both = if self.config.bidirectional { ", both directions" } else { "" };
        format!("{name}({} → {}{layers}{both})", self.d_in, self.d_out())
    }
}

impl Module for Recurrent {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (i, part) in self.parts.iter().enumerate() {
            for (what, param) in part.params() {
                visitor.enter(self.name(i, what));
                visitor.param(param);
                visitor.leave();
            }
        }
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        let named =
            |(i, part): (usize, &Direction)| part.params().map(|(what, _)| self.name(i, what)).collect();
        let names: Vec<Vec<Name>> = self.parts.iter().enumerate().map(named).collect();
        for (part, names) in self.parts.iter_mut().zip(names) {
            for ((_, param), name) in part.params_mut().zip(names) {
                visitor.enter(name);
                visitor.param(param);
                visitor.leave();
            }
        }
    }
}

macro_rules! recurrent_layer {
    ($(#[$meta:meta])* $name:ident, $cell:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name(Recurrent);

        impl $name {
            /// A layer of `hidden` units with the default configuration. Errors: as `with_config`.
            pub fn new(d_in: usize, hidden: usize, rng: &mut Rng) -> Result<Self> {
                Self::with_config(d_in, hidden, &RecurrentConfig::default(), rng)
            }

            /// A layer made as `config` says: as [`Recurrent::with_config`].
            pub fn with_config(d_in: usize, hidden: usize, config: &RecurrentConfig, rng: &mut Rng) -> Result<Self> {
                Recurrent::with_config($cell, d_in, hidden, config, rng).map(Self)
            }

            /// Outputs and last state of a batch: as [`Recurrent::forward_with`].
            pub fn forward_with(
                &self,
                x: &Var,
                lengths: Option<&[usize]>,
                state: Option<&RecurrentState>,
                cx: &mut Context,
            ) -> Result<(Var, RecurrentState)> {
                self.0.forward_with(x, lengths, state, cx)
            }

            /// Features in.
            pub fn d_in(&self) -> usize {
                self.0.d_in()
            }

            /// Features out: units, of both directions if there are two.
            pub fn d_out(&self) -> usize {
                self.0.d_out()
            }
        }

        impl Module for $name {
            fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
                self.0.visit(visitor);
            }
            fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
                self.0.visit_mut(visitor);
            }
        }

        impl Layer for $name {
            /// The outputs for whole sequences from a state of zeros.
            fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
                self.0.forward(x, cx)
            }
            fn kind(&self) -> String {
                self.0.kind()
            }
        }
    };
}

recurrent_layer! {
    /// Long short-term memory. At each step, with gates i, f, g, o of `W_ih·x + b_ih + W_hh·h + b_hh`:
    /// `c = σ(f)·c + σ(i)·tanh(g)`, `h = σ(o)·tanh(c)`.
    ///
    /// Shapes: x `(n, time, d_in)` → `(n, time, directions·hidden)`; `weight_ih_l0` `(4·hidden, d_in)`, `weight_hh_l0`
    /// `(4·hidden, hidden)`, biases `(4·hidden)`, with `_l1` for the second layer and `_reverse` for the other direction:
    /// PyTorch's names, order of gates and starting values. The input product is one for all steps; sequences of several
    /// lengths cost what their steps cost. With a projection (`weight_hr_l0`) or peepholes (`weight_peephole_l0`, for i, f and
    /// o), each step is computed operation by operation, which is slower. Differs from PyTorch in: batches come first unless the configuration says
    /// otherwise. Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000.
    ///
    /// ```
    /// use nn::{Context, Lstm};
    /// use tensor::{DType, Rng};
    /// let rng = &mut Rng::seed(0);
    /// let lstm = Lstm::new(3, 5, rng)?;
    /// let x = rng.normal([2, 7, 3], 0.0, 1.0, DType::F32)?.into();
    /// let (y, state) = lstm.forward_with(&x, Some(&[7, 4]), None, &mut Context::eval())?;
    /// assert_eq!(y.shape(), [2, 7, 5]);
    /// // The second sequence ended after four steps.
    /// assert!(y.narrow(0, 1, 1)?.narrow(1, 3, 1)?.value().bit_eq(state.h.narrow(1, 1, 1)?.value()));
    /// assert_eq!(y.narrow(0, 1, 1)?.narrow(1, 4, 3)?.value().abs()?.sum(&[])?.item()?, 0.0);
    /// # Ok::<(), nn::Error>(())
    /// ```
    Lstm, Cell::Lstm
}

recurrent_layer! {
    /// Gated recurrent unit. At each step, with x = W_ih·x + b_ih and z = W_hh·h + b_hh, each of gates r, u, n:
    /// `n = tanh(xₙ + σ(xᵣ + zᵣ)·zₙ)`, `u = σ(xᵤ + zᵤ)`, `h = (1 − u)·n + u·h`.
    ///
    /// Shapes and names: as [`Lstm`], with 3 gates for 4; PyTorch's order r, z, n. Source: Cho et al. 2014, with the reset
    /// gate behind the product, as in PyTorch and Keras, or before it, which is slower, if `reset_after` is false.
    Gru, Cell::Gru
}

recurrent_layer! {
    /// The plain recurrent layer, `h = tanh(W_ih·x + b_ih + W_hh·h + b_hh)`, or with a rectifier for tanh.
    ///
    /// Shapes and names: as [`Lstm`], with 1 gate for 4. Source: Elman 1990.
    Rnn, Cell::Tanh
}

impl Rnn {
    /// As [`Rnn::with_config`], with `max(·, 0)` for tanh.
    pub fn with_relu(d_in: usize, hidden: usize, config: &RecurrentConfig, rng: &mut Rng) -> Result<Self> {
        Recurrent::with_config(Cell::Relu, d_in, hidden, config, rng).map(Self)
    }
}
