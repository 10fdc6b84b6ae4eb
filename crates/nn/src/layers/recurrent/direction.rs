//! One layer in one direction: its parameters, and how it goes over rows of steps.

use super::RecurrentConfig;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::param::Param;
use autodiff::Var;
use autodiff::ops::recurrent::recurrent::scan_sequences;
use tensor::{Cell, Recurrence, Rng};

/// The parameters of one layer in one direction.
#[derive(Debug, Clone)]
pub(super) struct Direction {
    pub weight_ih: Param,
    pub weight_hh: Param,
    bias_ih: Option<Param>,
    bias_hh: Option<Param>,
    /// `(projection, hidden)`
    weight_hr: Option<Param>,
    /// `(3·hidden)`: of i, f and o.
    weight_peephole: Option<Param>,
    reset_after: bool,
}

/// The numbers of h.
pub(super) fn outs(hidden: usize, config: &RecurrentConfig) -> usize {
    config.projection.unwrap_or(hidden)
}

impl Direction {
    /// Errors: `InvalidArgument` for what the cell does not have.
    pub fn new(
        op: &'static str,
        cell: Cell,
        d_in: usize,
        hidden: usize,
        config: &RecurrentConfig,
        rng: &mut Rng,
    ) -> Result<Self> {
        let refuse = |rule, got: String, repair| Err(Error::InvalidArgument { op, rule, got, repair });
        if d_in == 0 || hidden == 0 || config.projection == Some(0) {
            let got = format!("d_in {d_in}, hidden {hidden}, projection {:?}", config.projection);
            return refuse("sizes must be at least 1", got, "give the layer features and units");
        }
        if cell != Cell::Lstm && (config.projection.is_some() || config.peepholes) {
            let got = format!("{cell:?}");
            return refuse("projections and peepholes are an LSTM's", got, "leave them out, or use an LSTM");
        }
        if cell != Cell::Gru && !config.reset_after {
            return refuse("the reset gate is a GRU's", format!("{cell:?}"), "leave reset_after as it is");
        }
        let init = Init::Uniform { limit: 1.0 / (hidden as f64).sqrt() };
        let wide = cell.gates() * hidden;
        let mut param = |shape: &[usize]| init.tensor(shape, config.dtype, rng).map(Param::new);
        let (weight_ih, weight_hh) = (param(&[wide, d_in])?, param(&[wide, outs(hidden, config)])?);
        let (bias_ih, bias_hh) = (param(&[wide])?, param(&[wide])?);
        Ok(Self {
            weight_ih,
            weight_hh,
            bias_ih: config.bias.then_some(bias_ih),
            bias_hh: config.bias.then_some(bias_hh),
            weight_hr: config.projection.map(|outs| param(&[outs, hidden])).transpose()?,
            weight_peephole: if config.peepholes { Some(param(&[3 * hidden])?) } else { None },
            reset_after: config.reset_after,
        })
    }

    /// Its parameters with the first part of their names.
    pub fn params(&self) -> impl Iterator<Item = (&'static str, &Param)> {
        let all = [
            ("weight_ih", Some(&self.weight_ih)),
            ("weight_hh", Some(&self.weight_hh)),
            ("bias_ih", self.bias_ih.as_ref()),
            ("bias_hh", self.bias_hh.as_ref()),
            ("weight_hr", self.weight_hr.as_ref()),
            ("weight_peephole", self.weight_peephole.as_ref()),
        ];
        all.into_iter().filter_map(|(name, param)| Some((name, param?)))
    }

    pub fn params_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Param)> {
        let all = [
            ("weight_ih", Some(&mut self.weight_ih)),
            ("weight_hh", Some(&mut self.weight_hh)),
            ("bias_ih", self.bias_ih.as_mut()),
            ("bias_hh", self.bias_hh.as_mut()),
            ("weight_hr", self.weight_hr.as_mut()),
            ("weight_peephole", self.weight_peephole.as_mut()),
        ];
        all.into_iter().filter_map(|(name, param)| Some((name, param?)))
    }

    /// h of each of the rows x, and the last states, from the first ones.
    pub fn run(&self, x: &Var, states: &[Var], how: &Recurrence, cx: &Context) -> Result<(Var, Vec<Var>)> {
        let of = |param: &Option<Param>| param.as_ref().map(|param| cx.param(param));
        let (of_input, of_state) = (of(&self.bias_ih), of(&self.bias_hh));
        // The reset gate of a GRU stands between the two; elsewhere they are one.
        let (of_input, of_state) = match (how.cell, of_input, of_state) {
            (Cell::Gru, of_input, of_state) => (of_input, of_state),
            (_, Some(of_input), Some(of_state)) => (Some(of_input.add(&of_state)?), None),
            (_, of_input, _) => (of_input, None),
        };
        let gates = x.linear(&cx.param(&self.weight_ih), of_input.as_ref())?;
        let weight = cx.param(&self.weight_hh);
        let (down, peephole) = (of(&self.weight_hr), of(&self.weight_peephole));
        if down.is_some() || peephole.is_some() || !self.reset_after {
            let (rows, last) = scan_sequences(states, &how.sizes, how.reverse, |rows, states| {
                let x = gates.narrow(0, rows.start, rows.len())?;
                match how.cell {
                    Cell::Gru => reset_before(&x, &weight, of_state.as_ref(), &states[0]),
                    _ => lstm_step(&x, &weight, states, down.as_ref(), peephole.as_ref()),
                }
            })?;
            return Ok((rows.map_or_else(|| states[0].narrow(0, 0, 0), Ok)?, last));
        }
        let first = match states {
            [h] => h.clone(),
            _ => Var::cat(&states.iter().collect::<Vec<_>>(), 0)?,
        };
        let out = gates.recurrent(&weight, &first, of_state.as_ref(), how)?;
        let (rows, n) = (x.shape()[0], states[0].shape()[0]);
        let last = (0..states.len()).map(|s| Ok(out.narrow(0, rows + s * n, n)?)).collect::<Result<_>>()?;
        Ok((out.narrow(0, 0, rows)?, last))
    }
}

/// Part `i` of `x` cut into `of` along the last axis.
fn part(x: &Var, i: usize, of: usize) -> autodiff::Result<Var> {
    let width = x.shape()[x.rank() - 1] / of;
    x.narrow(-1, i * width, width)
}

/// An LSTM's step with a projection, with peepholes, or with both.
fn lstm_step(
    x: &Var,
    weight: &Var,
    states: &[Var],
    down: Option<&Var>,
    peephole: Option<&Var>,
) -> autodiff::Result<Vec<Var>> {
    let gates = x.add(&states[0].linear(weight, None)?)?;
    let seen = |gate: usize, i: usize, c: &Var| match peephole {
        Some(peephole) => part(&gates, gate, 4)?.add(&part(peephole, i, 3)?.mul(c)?),
        None => part(&gates, gate, 4),
    };
    let kept = seen(1, 1, &states[1])?.sigmoid()?.mul(&states[1])?;
    let c = kept.add(&seen(0, 0, &states[1])?.sigmoid()?.mul(&part(&gates, 2, 4)?.tanh()?)?)?;
    let h = seen(3, 2, &c)?.sigmoid()?.mul(&c.tanh()?)?;
    let h = if let Some(down) = down { h.linear(down, None)? } else { h };
    Ok(vec![h, c])
}

/// A GRU's step with the reset gate before the product.
fn reset_before(x: &Var, weight: &Var, bias: Option<&Var>, h: &Var) -> autodiff::Result<Vec<Var>> {
    let units = h.shape()[1];
    let bias = |start: usize, len: usize| bias.map(|bias| bias.narrow(0, start, len)).transpose();
    let z = h.linear(&weight.narrow(0, 0, 2 * units)?, bias(0, 2 * units)?.as_ref())?;
    let gates = x.narrow(-1, 0, 2 * units)?.add(&z)?.sigmoid()?;
    let (r, u) = (part(&gates, 0, 2)?, part(&gates, 1, 2)?);
    let of_n = weight.narrow(0, 2 * units, units)?;
    let z = r.mul(h)?.linear(&of_n, bias(2 * units, units)?.as_ref())?;
    let n = part(x, 2, 3)?.add(&z)?.tanh()?;
    Ok(vec![n.add(&u.mul(&h.sub(&n)?)?)?])
}
