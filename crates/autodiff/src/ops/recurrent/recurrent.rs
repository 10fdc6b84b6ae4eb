//! Recurrent layers over rows of steps. With x the input's share of the gates and z = W·h + b the recurrent one:
//! `h = tanh(x + z)`, `h = max(x + z, 0)`; LSTM, gates i, f, g, o of x + z: `c = σ(f)·c + σ(i)·tanh(g)`, `h = σ(o)·tanh(c)`;
//! GRU, gates r, u, n: `n = tanh(xₙ + σ(r)·zₙ)`, `h = (1 − σ(u))·n + σ(u)·h`
//!
//! Backward goes through the steps from the last to the first with dh and dc, a product with W a step; `dx` are the gradients
//! of the gates, `dW = Σ dzᵀ·h`, one product over all steps. Where a gradient is to be differentiated itself, the rule is that
//! of the same steps in simpler operations. Saves its operands, the result, and the gates. Sources: Hochreiter and Schmidhuber
//! 1997; Cho et al. 2014.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::functional::vjp;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use std::ops::Range;
use tensor::{Cell, Recurrence, Recurrent, RecurrentOperands, Tensor};

/// The layer over `(x, weight, states, bias?)`. Saves all of them and the result.
struct RecurrentOp {
    how: Recurrence,
    /// Whether there will be a gradient.
    keep: bool,
    kept: Option<Tensor>,
}

fn operands<'a>(x: &[&'a Tensor]) -> RecurrentOperands<'a> {
    RecurrentOperands { weight: x[1], bias: x.get(3).copied(), states: x[2] }
}

impl Op for RecurrentOp {
    fn name(&self) -> &'static str {
        "recurrent"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2, 3]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let done = x[0].recurrent(&operands(x), &self.how, self.keep)?;
        self.kept = done.kept;
        Ok(done.out)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x: Vec<Var> = (0..saved.len()).map(|i| saved.input(i)).collect();
        if saved.higher || grad.is_tracked() {
            let grads = vjp(|x| composed(x, &self.how), &x, grad)?.1;
            return Ok(grads.into_iter().map(Some).collect());
        }
        let values: Vec<&Tensor> = x.iter().map(Var::value).collect();
        let made = Recurrent { out: saved.output().value().clone(), kept: self.kept.clone() };
        let found = values[0].recurrent_grads(&operands(&values), &self.how, &made, grad.value())?;
        let all = [found.gates, found.weight, found.states].into_iter().chain(found.bias);
        Ok(all.map(|grad| Some(grad.into())).collect())
    }
}

/// One step in simpler operations: h and, of an LSTM, c after it, from the input's share of the gates, the recurrent one, and
/// h and c before.
///
/// Shapes: the shares `(n, gates·h)`, the states `(n, h)`.
pub fn step(cell: Cell, x: &Var, z: &Var, states: &[Var]) -> Result<Vec<Var>> {
    let part = |v: &Var, i: usize| v.narrow(-1, i * (v.shape()[1] / cell.gates()), v.shape()[1] / cell.gates());
    let both = |i: usize| part(x, i)?.add(&part(z, i)?);
    match cell {
        Cell::Tanh => Ok(vec![both(0)?.tanh()?]),
        Cell::Relu => Ok(vec![both(0)?.relu()?]),
        Cell::Lstm => {
            let [i, f, o] = [0, 1, 3].map(|gate| both(gate)?.sigmoid());
            let (i, f, o, g) = (i?, f?, o?, both(2)?.tanh()?);
            let c = f.mul(&states[1])?.add(&i.mul(&g)?)?;
            Ok(vec![o.mul(&c.tanh()?)?, c])
        }
        Cell::Gru => {
            let (r, u) = (both(0)?.sigmoid()?, both(1)?.sigmoid()?);
            let n = part(x, 2)?.add(&r.mul(&part(z, 2)?)?)?.tanh()?;
            Ok(vec![n.add(&u.mul(&states[0].sub(&n)?)?)?])
        }
    }
}

/// The operation in simpler ones, step by step.
fn composed(x: &[Var], how: &Recurrence) -> Result<Var> {
    let (gates, weight) = (&x[0], x[1].t()?);
    let count = how.cell.states();
    let n = x[2].shape()[0] / count;
    let first: Vec<Var> = (0..count).map(|s| x[2].narrow(0, s * n, n)).collect::<Result<_>>()?;
    let (rows, last) = scan_sequences(&first, &how.sizes, how.reverse, |rows, states| {
        let z = states[0].matmul(&weight)?;
        let z = if let Some(bias) = x.get(3) { z.add(bias)? } else { z };
        step(how.cell, &gates.narrow(0, rows.start, rows.len())?, &z, states)
    })?;
    let all: Vec<&Var> = rows.iter().chain(&last).collect();
    Var::cat(&all, 0)
}

/// A recurrent layer of any steps over many sequences: `next(rows, states)` gives the states after a step, from the rows of
/// that step and the states `(sequences that run, ..)` before it. Returns the first state after each row, in the order of the
/// rows (nothing if there is none), and the last states of all sequences. The sequences that run at each step, `sizes`, are
/// the first ones, as in [`Recurrence`]; `reverse`: from the last step to the first.
///
/// For cells of one's own: each step is recorded, operation by operation. Errors: those of `next`.
///
/// ```
/// use autodiff::{Var, ops::recurrent::recurrent::scan_sequences};
/// use tensor::Tensor;
/// // Two sequences of two steps and of one: running sums of the rows.
/// let x: Var = Tensor::from_vec(vec![1.0, 10.0, 2.0], [3, 1])?.into();
/// let zeros: Var = Tensor::from_vec(vec![0.0, 0.0], [2, 1])?.into();
/// let (rows, last) = scan_sequences(&[zeros], &[2, 1], false, |rows, states| {
///     Ok(vec![states[0].add(&x.narrow(0, rows.start, rows.len())?)?])
/// })?;
/// assert_eq!(rows.unwrap().value().to_vec::<f64>()?, [1.0, 10.0, 3.0]);
/// assert_eq!(last[0].value().to_vec::<f64>()?, [3.0, 10.0]);
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn scan_sequences(
    states: &[Var],
    sizes: &[usize],
    reverse: bool,
    mut next: impl FnMut(Range<usize>, &[Var]) -> Result<Vec<Var>>,
) -> Result<(Option<Var>, Vec<Var>)> {
    let mut now = states.to_vec();
    let mut rows: Vec<Option<Var>> = vec![None; sizes.len()];
    let firsts: Vec<usize> =
        sizes.iter().scan(0, |sum, &size| Some(std::mem::replace(sum, *sum + size))).collect();
    for step in 0..sizes.len() {
        let step = if reverse { sizes.len() - 1 - step } else { step };
        let size = sizes[step];
        let running: Vec<Var> = now.iter().map(|state| state.narrow(0, 0, size)).collect::<Result<_>>()?;
        let after = next(firsts[step]..firsts[step] + size, &running)?;
        rows[step] = Some(after[0].clone());
        for (now, after) in now.iter_mut().zip(after) {
            let others = now.shape()[0] - size;
            *now = match others {
                0 => after,
                _ => Var::cat(&[&after, &now.narrow(0, size, others)?], 0)?,
            };
        }
    }
    let all: Vec<&Var> = rows.iter().flatten().collect();
    let rows = if all.is_empty() { None } else { Some(Var::cat(&all, 0)?) };
    Ok((rows, now))
}

impl Var {
    /// A recurrent layer over many sequences, whose input's shares of the gates are the rows of this value: the steps follow
    /// one another, and the sequences of a step are those that still run, the longest first. See [`Cell`] and [`Recurrence`].
    ///
    /// Shapes: this `(rows, gates·h)`, weight `(gates·h, h)`, states `(states·n, h)`, bias `(gates·h)` →
    /// `(rows + states·n, h)`: h of each row, then the last states. Errors: as [`Tensor::recurrent`].
    pub fn recurrent(&self, weight: &Var, states: &Var, bias: Option<&Var>, how: &Recurrence) -> Result<Var> {
        let mut inputs = vec![self, weight, states];
        inputs.extend(bias);
        let keep = inputs.iter().any(|x| x.is_tracked());
        Var::apply(RecurrentOp { how: how.clone(), keep, kept: None }, &inputs)
    }
}

/// Sequence by sequence, unit by unit.
fn by_definition(x: &[Tensor], how: &Recurrence) -> Vec<f64> {
    let v: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
    let (h, wide, count) = (x[1].shape()[1], x[1].shape()[0], how.cell.states());
    let (n, rows) = (x[2].shape()[0] / count, x[0].shape()[0]);
    let mut out = vec![0.0; (rows + count * n) * h];
    let sigmoid = |x: f64| 1.0 / (1.0 + libm::exp(-x));
    for i in 0..n {
        let mut state: Vec<Vec<f64>> = (0..count).map(|s| v[2][(s * n + i) * h..][..h].to_vec()).collect();
        let len = how.sizes.iter().filter(|&&size| size > i).count();
        for t in 0..len {
            let t = if how.reverse { len - 1 - t } else { t };
            let row = how.sizes[..t].iter().sum::<usize>() + i;
            let share = |g: usize| v[0][row * wide + g];
            let z = |g: usize| {
                let sum: f64 = (0..h).map(|k| v[1][g * h + k] * state[0][k]).sum();
                sum + v.get(3).map_or(0.0, |b| b[g])
            };
            let (mut after, mut c_after) = (vec![0.0; h], vec![0.0; h]);
            for u in 0..h {
                let gate = |i: usize| share(i * h + u) + z(i * h + u);
                after[u] = match how.cell {
                    Cell::Tanh => libm::tanh(gate(0)),
                    Cell::Relu => gate(0).max(0.0),
                    Cell::Lstm => {
                        c_after[u] = sigmoid(gate(1)) * state[1][u] + sigmoid(gate(0)) * libm::tanh(gate(2));
                        sigmoid(gate(3)) * libm::tanh(c_after[u])
                    }
                    Cell::Gru => {
                        let fresh = libm::tanh(share(2 * h + u) + sigmoid(gate(0)) * z(2 * h + u));
                        (1.0 - sigmoid(gate(1))) * fresh + sigmoid(gate(1)) * state[0][u]
                    }
                };
            }
            out[row * h..][..h].copy_from_slice(&after);
            state[0] = after;
            if count == 2 {
                state[1] = c_after;
            }
        }
        for (s, state) in state.iter().enumerate() {
            out[(rows + s * n + i) * h..][..h].copy_from_slice(state);
        }
    }
    out
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(97);
    let mut spec = OpSpec::new("recurrent");
    let mut take = |cell: Cell, sizes: &[usize], n: usize, h: usize, bias: bool| -> Vec<Tensor> {
        let wide = cell.gates() * h;
        let mut shapes = vec![vec![sizes.iter().sum(), wide], vec![wide, h], vec![cell.states() * n, h]];
        shapes.extend(bias.then(|| vec![wide]));
        shapes.iter().map(|shape| s.uniform(shape, -1.0, 1.0)).collect()
    };
    let call = |how: &Recurrence| {
        let how = how.clone();
        move |x: &[Var]| x[0].recurrent(&x[1], &x[2], x.get(3), &how)
    };
    let how = |cell, sizes: &[usize], reverse| Recurrence { cell, sizes: sizes.to_vec(), reverse };
    for (name, cell) in [("tanh", Cell::Tanh), ("relu", Cell::Relu), ("LSTM", Cell::Lstm), ("GRU", Cell::Gru)] {
        for (label, sizes, n, reverse) in
            [("of one length", &[2, 2, 2][..], 2, false), ("ragged", &[3, 2, 1], 4, false), ("ragged, reversed", &[3, 2, 2], 3, true)]
        {
            let how = how(cell, sizes, reverse);
            let rows: usize = sizes.iter().sum();
            spec = spec
                .case(
                    format!("{name} {label}"),
                    take(cell, sizes, n, 3, !reverse),
                    [rows + cell.states() * n, 3],
                    call(&how),
                )
                .reference(move |x| by_definition(x, &how))
                .ulps(32.0, 64.0);
        }
        let how = how(cell, &[9, 9, 8, 3], false);
        let rows = 29 + cell.states() * 9;
        spec = spec.case(format!("{name} large"), take(cell, &how.sizes, 9, 120, true), [rows, 120], call(&how)).large();
    }
    let how = how(Cell::Lstm, &[], false);
    spec = spec.case("no step", take(Cell::Lstm, &[], 2, 3, true), [4, 3], call(&how));
    let rising = Recurrence { sizes: vec![1, 2], ..how.clone() };
    spec = spec.error(
        take(Cell::Lstm, &[1, 2], 2, 3, false),
        call(&rising),
        "[recurrent] the sequences that run at each step must not grow in number, and be 1 at least; got [1, 2]; sort the sequences by length, the longest first",
    );
    let wrong = Recurrence { cell: Cell::Gru, sizes: vec![1], ..how };
    let spec = spec.error(
        take(Cell::Lstm, &[1], 2, 3, false),
        call(&wrong),
        "[recurrent] a cell must have one row of weights and one bias for each gate of each unit; got [12, 3] and []; give the weight (gates·h, h) and the bias (gates·h)",
    );
    vec![spec]
}
