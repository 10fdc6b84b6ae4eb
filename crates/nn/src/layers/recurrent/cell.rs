//! One step of a recurrent layer, for loops of one's own.

use super::{Direction, RecurrentConfig};
use crate::context::{Context, Name};
use crate::error::{Error, Result};
use crate::module::{Module, Visitor, VisitorMut};
use autodiff::Var;
use tensor::{Cell, Recurrence, Rng, Tensor};

macro_rules! recurrent_cell {
    ($(#[$meta:meta])* $name:ident, $op:literal, $cell:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name {
            part: Direction,
            cell: Cell,
        }

        impl $name {
            /// A cell of `hidden` units, with biases, in F32. Errors: `InvalidArgument` for a size of 0.
            pub fn new(d_in: usize, hidden: usize, rng: &mut Rng) -> Result<Self> {
                Self::with_config(d_in, hidden, &RecurrentConfig::default(), rng)
            }

            /// As [`new`](Self::new), with what `config` says of a step; its other fields are for layers.
            pub fn with_config(d_in: usize, hidden: usize, config: &RecurrentConfig, rng: &mut Rng) -> Result<Self> {
                let part = Direction::new($op, $cell, d_in, hidden, config, rng)?;
                Ok(Self { part, cell: $cell })
            }

            /// The states after a step from x `(n, d_in)` and the states before it, `(n, hidden)` each: h and, of an LSTM, c.
            ///
            /// Errors: `InvalidArgument` for shapes that do not fit.
            pub fn forward(&self, x: &Var, states: &[Var], cx: &mut Context) -> Result<Vec<Var>> {
                step(&self.part, self.cell, $op, x, states, cx)
            }

            /// States of zeros for n sequences.
            pub fn zeros(&self, n: usize) -> Result<Vec<Var>> {
                let widths = widths(&self.part, self.cell);
                let dtype = self.part.weight_hh.value().dtype();
                widths.into_iter().map(|width| Ok(Tensor::zeros([n, width], dtype)?.into())).collect()
            }
        }

        impl Module for $name {
            fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
                for (name, param) in self.part.params() {
                    visitor.enter(Name::Field(name));
                    visitor.param(param);
                    visitor.leave();
                }
            }
            fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
                for (name, param) in self.part.params_mut() {
                    visitor.enter(Name::Field(name));
                    visitor.param(param);
                    visitor.leave();
                }
            }
        }
    };
}

recurrent_cell! {
    /// One step of [`Lstm`](super::Lstm): states h and c. PyTorch's names.
    LstmCell, "lstm_cell", Cell::Lstm
}
recurrent_cell! {
    /// One step of [`Gru`](super::Gru): state h. PyTorch's names.
    GruCell, "gru_cell", Cell::Gru
}
recurrent_cell! {
    /// One step of [`Rnn`](super::Rnn): state h. PyTorch's names.
    RnnCell, "rnn_cell", Cell::Tanh
}

/// The numbers of h and, of an LSTM, of c.
fn widths(part: &Direction, cell: Cell) -> Vec<usize> {
    let [wide, outs] = [0, 1].map(|axis| part.weight_hh.value().shape()[axis]);
    let mut widths = vec![outs, wide / cell.gates()];
    widths.truncate(cell.states());
    widths
}

fn step(
    part: &Direction,
    cell: Cell,
    op: &'static str,
    x: &Var,
    states: &[Var],
    cx: &Context,
) -> Result<Vec<Var>> {
    let d_in = part.weight_ih.value().shape()[1];
    let n = x.shape().first().copied().unwrap_or(0);
    let due: Vec<Vec<usize>> = widths(part, cell).into_iter().map(|width| vec![n, width]).collect();
    let got: Vec<Vec<usize>> = states.iter().map(|s| s.shape().to_vec()).collect();
    if x.shape() != [n, d_in] || got != due {
        return Err(Error::InvalidArgument {
            op,
            rule: "the input must be (n, d_in), and each state (n, its width)",
            got: format!("{:?} and {got:?} where d_in is {d_in} and states {due:?} are due", x.shape()),
            repair: "begin with the states that `zeros` returns",
        });
    }
    let how = Recurrence { cell, sizes: if n == 0 { vec![] } else { vec![n] }, reverse: false };
    Ok(part.run(x, states, &how, cx)?.1)
}
