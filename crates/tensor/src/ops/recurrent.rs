//! Recurrent layers over rows of steps, and their gradients: the checks.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::index::mismatch;
use crate::error::{Error, Result};
use crate::flops;
use crate::kernels::recurrent::{Cell, Given, Made, Steps, Wanted, backward, forward};
use crate::tensor::{Tensor, with_dtype};

const OP: &str = "recurrent";
const FLOATS: &str = "the operands must be floats";

/// How [`Tensor::recurrent`] goes over its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// What a step computes.
    pub cell: Cell,
    /// How many sequences run at each step: not increasing, none of them 0. The rows of a step follow those of the one before
    /// it, and the sequences, in the order of their lengths, are the same in each.
    pub sizes: Vec<usize>,
    /// Whether each sequence is read from its last step to its first.
    pub reverse: bool,
}

/// What [`Tensor::recurrent`] returns.
#[derive(Debug, Clone)]
pub struct Recurrent {
    /// `(rows + states·n, h)`: h of each row, then the last h of each sequence, then, of an LSTM, the last c.
    pub out: Tensor,
    /// What [`Tensor::recurrent_grads`] needs, if it was asked for.
    pub kept: Option<Tensor>,
}

/// The operands of [`Tensor::recurrent`] beside the shares of the input.
#[derive(Debug, Clone, Copy)]
pub struct RecurrentOperands<'a> {
    /// `(gates·h, h)`
    pub weight: &'a Tensor,
    /// `(gates·h)`
    pub bias: Option<&'a Tensor>,
    /// `(states·n, h)`: the first h of each sequence, then, of an LSTM, the first c.
    pub states: &'a Tensor,
}

/// The gradients of [`Tensor::recurrent`].
#[derive(Debug, Clone)]
pub struct RecurrentGrads {
    /// For the shares of the input.
    pub gates: Tensor,
    /// For the weight.
    pub weight: Tensor,
    /// For the bias, if there is one.
    pub bias: Option<Tensor>,
    /// For the first states.
    pub states: Tensor,
}

impl Recurrence {
    /// Checks the operands; the steps.
    fn checked(&self, gates: &Tensor, with: &RecurrentOperands) -> Result<Steps<'_>> {
        let rising = self.sizes.windows(2).any(|pair| pair[0] < pair[1]);
        if rising || self.sizes.last() == Some(&0) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "the sequences that run at each step must not grow in number, and be 1 at least",
                got: format!("{:?}", self.sizes),
                repair: "sort the sequences by length, the longest first",
            });
        }
        for other in [Some(with.weight), with.bias, Some(with.states)].into_iter().flatten() {
            same_dtype(OP, gates, other)?;
        }
        let (per_unit, states) = (self.cell.gates(), self.cell.states());
        let [wide, h] = *with.weight.shape() else {
            let rule = "the recurrent weight must be (gates·h, h)";
            return Err(mismatch(OP, rule, &[with.weight.shape()], "give it two axes"));
        };
        let fits = wide == per_unit * h && with.bias.is_none_or(|bias| bias.shape() == [wide]);
        if !fits {
            let bias = with.bias.map_or(&[][..], Tensor::shape);
            let rule = "a cell must have one row of weights and one bias for each gate of each unit";
            return Err(mismatch(
                OP,
                rule,
                &[with.weight.shape(), bias],
                "give the weight (gates·h, h) and the bias (gates·h)",
            ));
        }
        let n = match *with.states.shape() {
            [rows, width] if width == h && rows % states == 0 => rows / states,
            _ => {
                let rule = "the first states must be (states·n, h)";
                return Err(mismatch(
                    OP,
                    rule,
                    &[with.states.shape(), with.weight.shape()],
                    "stack h, and c of an LSTM",
                ));
            }
        };
        if self.sizes.first().is_some_and(|&size| size > n) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there must be a state for each sequence that runs",
                got: format!("{} states for {} sequences", n, self.sizes[0]),
                repair: "give as many first states as there are sequences",
            });
        }
        let rows = self.sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        if gates.rank() != 2 || Some(gates.shape()[0]) != rows || gates.shape()[1] != wide {
            let rule = "the input's shares must be (rows of all steps, gates·h)";
            return Err(mismatch(
                OP,
                rule,
                &[gates.shape(), with.weight.shape()],
                "project the input with (gates·h, d_in)",
            ));
        }
        Ok(Steps { cell: self.cell, sizes: &self.sizes, n, h, reverse: self.reverse })
    }
}

impl Tensor {
    /// A recurrent layer over many sequences: at each step, from the input's share x of the gates (a row of this tensor) and
    /// z = W·h + b of the step before, as [`Cell`] says. `keep`: whether what the gradient needs is to be kept.
    ///
    /// Shapes: this `(rows, gates·h)`; see [`RecurrentOperands`] and [`Recurrent`]. A sequence gives the same bits in any
    /// company. Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for steps that do not fit.
    ///
    /// ```
    /// use tensor::{Cell, Recurrence, RecurrentOperands, Tensor};
    /// let how = Recurrence { cell: Cell::Relu, sizes: vec![1, 1, 1], reverse: false };
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0], [3, 1])?;
    /// let with = RecurrentOperands {
    ///     weight: &Tensor::from_vec(vec![10.0], [1, 1])?,
    ///     bias: None,
    ///     states: &Tensor::from_vec(vec![0.5], [1, 1])?,
    /// };
    /// let done = x.recurrent(&with, &how, false)?;
    /// assert_eq!(done.out.to_vec::<f64>()?, [6.0, 62.0, 623.0, 623.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn recurrent(&self, with: &RecurrentOperands, how: &Recurrence, keep: bool) -> Result<Recurrent> {
        if self.dtype().is_narrow() && self.dtype().is_float() {
            let (x, weight, bias, states) = wide(self, with)?;
            let with = RecurrentOperands { weight: &weight, bias: bias.as_ref(), states: &states };
            let done = x.recurrent(&with, how, keep)?;
            return Ok(Recurrent { out: done.out.narrowed_to(self.dtype())?, kept: done.kept });
        }
        let steps = how.checked(self, with)?;
        with_dtype!(self.dtype(), T, float => {
            let (x, weight, states) = (self.contiguous()?, with.weight.contiguous()?, with.states.contiguous()?);
            let bias = with.bias.map(Tensor::contiguous).transpose()?;
            let given = Given::<T> {
                gates: x.as_slice().unwrap_or_default(),
                weight: weight.as_slice().unwrap_or_default(),
                bias: bias.as_ref().and_then(|b| b.as_slice()),
                states: states.as_slice().unwrap_or_default(),
            };
            let (rows, h) = (steps.rows(), steps.h);
            let mut kept = match keep && how.cell.kept() > 0 {
                true => Some(Tensor::build(OP, &[rows, how.cell.kept() * h], |_: &mut [T]| {})?),
                false => None,
            };
            flops::count([rows, h, how.cell.gates() * h]);
            let keeping = kept.as_mut().and_then(|k| k.as_mut_slice::<T>()).unwrap_or_default();
            let mut done = Ok(());
            let out = Tensor::build(OP, &[rows + how.cell.states() * steps.n, h], |out: &mut [T]| {
                done = if h == 0 { Ok(()) } else { forward(&steps, &given, out, keeping) };
            })?;
            done.map(|()| Recurrent { out, kept })
        }, else dtype => Err(wrong_dtype(OP, FLOATS, dtype)))
    }

    /// The gradients of [`Tensor::recurrent`] for a gradient `grad` of its `made.out`; `made` was made with `keep`.
    ///
    /// Errors: as [`Tensor::recurrent`].
    pub fn recurrent_grads(
        &self,
        with: &RecurrentOperands,
        how: &Recurrence,
        made: &Recurrent,
        grad: &Tensor,
    ) -> Result<RecurrentGrads> {
        let op = "recurrent_grads";
        let dtype = same_dtype(op, self, grad)?;
        if dtype.is_narrow() && dtype.is_float() {
            let (x, weight, bias, states) = wide(self, with)?;
            let wider = RecurrentOperands { weight: &weight, bias: bias.as_ref(), states: &states };
            // Not rounded on the way.
            let made = x.recurrent(&wider, how, true)?;
            let grads = x.recurrent_grads(&wider, how, &made, &grad.to_dtype(dtype.compute())?)?;
            return Ok(RecurrentGrads {
                gates: grads.gates.narrowed_to(dtype)?,
                weight: grads.weight.narrowed_to(dtype)?,
                bias: grads.bias.map(|bias| bias.narrowed_to(dtype)).transpose()?,
                states: grads.states.narrowed_to(dtype)?,
            });
        }
        let steps = how.checked(self, with)?;
        let (rows, h, wide) = (steps.rows(), steps.h, with.weight.shape()[0]);
        let (kept_len, per_row) = (made.kept.as_ref().map_or(0, Tensor::len), how.cell.kept() * h);
        if grad.shape() != made.out.shape()
            || made.out.shape() != [rows + how.cell.states() * steps.n, h]
            || kept_len != rows * per_row
        {
            let rule = "the gradient must have the shape of the result, which kept what is needed";
            return Err(mismatch(op, rule, &[grad.shape(), made.out.shape()], "run the layer with keep"));
        }
        with_dtype!(dtype, T, float => {
            let (x, weight, states) = (self.contiguous()?, with.weight.contiguous()?, with.states.contiguous()?);
            let (grad, out) = (grad.contiguous()?, made.out.contiguous()?);
            let given = Given::<T> {
                gates: x.as_slice().unwrap_or_default(),
                weight: weight.as_slice().unwrap_or_default(),
                bias: None,
                states: states.as_slice().unwrap_or_default(),
            };
            let kept = made.kept.as_ref().and_then(|k| k.as_slice()).unwrap_or_default();
            let made = Made::<T> { grad: grad.as_slice().unwrap_or_default(), out: out.as_slice().unwrap_or_default(), kept };
            let empty = |shape: [usize; 2]| Tensor::build(op, &shape, |_: &mut [T]| {});
            let mut gates = empty([rows, wide])?;
            let mut recurrent = if how.cell == Cell::Gru { Some(empty([rows, wide])?) } else { None };
            let mut first = empty([how.cell.states() * steps.n, h])?;
            let mut before = empty([rows, h])?;
            let wanted = Wanted::<T> {
                gates: gates.as_mut_slice().unwrap_or_default(),
                recurrent: recurrent.as_mut().and_then(|r| r.as_mut_slice()).unwrap_or_default(),
                states: first.as_mut_slice().unwrap_or_default(),
                before: before.as_mut_slice().unwrap_or_default(),
            };
            flops::count([rows, h, how.cell.gates() * h]);
            if h > 0 {
                backward(&steps, &given, &made, wanted)?;
            }
            let z = recurrent.as_ref().unwrap_or(&gates);
            let weight = z.t()?.matmul(&before)?;
            let bias = with.bias.map(|_| z.sum(&[0])).transpose()?;
            Ok(RecurrentGrads { gates, weight, bias, states: first })
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }
}

/// The operands in the type that they are computed in.
fn wide(x: &Tensor, with: &RecurrentOperands) -> Result<(Tensor, Tensor, Option<Tensor>, Tensor)> {
    for other in [Some(with.weight), with.bias, Some(with.states)].into_iter().flatten() {
        same_dtype(OP, x, other)?;
    }
    let to = |x: &Tensor| x.to_dtype(x.dtype().compute());
    Ok((to(x)?, to(with.weight)?, with.bias.map(to).transpose()?, to(with.states)?))
}
