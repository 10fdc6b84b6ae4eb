//! One step of a recurrent layer, for loops of one's own.

use super::{Direction, RecurrentConfig};
use crate::context::{Context, Name};
use crate::error::{Error, Result};
use crate::module::{Module, Visitor, VisitorMut};
use autodiff::Var;
use tensor::{Cell, DType, Recurrence, Rng, Tensor};

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

            /// As [`new`](Self::new), with the bias and the dtype of `config`, whose other fields are for layers.
            pub fn with_config(d_in: usize, hidden: usize, config: &RecurrentConfig, rng: &mut Rng) -> Result<Self> {
                if d_in == 0 || hidden == 0 {
                    return Err(Error::InvalidArgument {
                        op: $op,
                        rule: "sizes must be at least 1",
                        got: format!("d_in {d_in}, hidden {hidden}"),
                        repair: "give the cell features and units",
                    });
                }
                let part = Direction::new($cell, d_in, hidden, config.bias, config.dtype, rng)?;
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
                let weight = self.part.weight_hh.value();
                let zeros = |dtype: DType| Ok(Tensor::zeros([n, weight.shape()[1]], dtype)?.into());
                (0..self.cell.states()).map(|_| zeros(weight.dtype())).collect()
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

fn step(
    part: &Direction,
    cell: Cell,
    op: &'static str,
    x: &Var,
    states: &[Var],
    cx: &Context,
) -> Result<Vec<Var>> {
    let [hidden, d_in] = [&part.weight_hh, &part.weight_ih].map(|weight| weight.value().shape()[1]);
    let n = x.shape().first().copied().unwrap_or(0);
    if x.shape() != [n, d_in]
        || states.len() != cell.states()
        || states.iter().any(|s| s.shape() != [n, hidden])
    {
        let got: Vec<_> = states.iter().map(|s| s.shape().to_vec()).collect();
        return Err(Error::InvalidArgument {
            op,
            rule: "the input must be (n, d_in), and each state (n, hidden)",
            got: format!("{:?} and {got:?} where d_in is {d_in} and hidden {hidden}", x.shape()),
            repair: "begin with the states that `zeros` returns",
        });
    }
    let how = Recurrence { cell, sizes: if n == 0 { vec![] } else { vec![n] }, reverse: false };
    Ok(part.run(x, states, &how, cx)?.1)
}
