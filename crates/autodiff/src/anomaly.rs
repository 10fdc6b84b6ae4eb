//! Finding the first operation, forward or backward, that made a NaN or an infinity.

use crate::error::{Error, Result};
use crate::graph::Record;
use crate::op::{Grads, Saved};
use crate::scope;
use crate::var::Var;
use std::cell::Cell;
use std::fmt;
use tensor::{DType, Tensor};

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Off) };
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Off,
    On,
    /// On, but a rule is running, whose own operations are not looked at.
    InRule,
}

/// What [`detect_anomaly`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// The operation.
    pub op: &'static str,
    /// The input whose gradient it is, if it was met going backward.
    pub gradient: Option<usize>,
    /// The module in which the operation was applied; empty outside of modules.
    pub path: String,
    /// What was found.
    pub found: Range,
    /// What it was made of: inputs by number; backward the gradient first.
    pub operands: Vec<(String, Range)>,
}

/// A tensor in a few numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// The element type.
    pub dtype: DType,
    /// The shape.
    pub shape: Vec<usize>,
    /// The smallest finite element; ∞ if none.
    pub min: f64,
    /// The largest finite element; −∞ if none.
    pub max: f64,
    /// How many are NaN.
    pub nans: usize,
    /// How many are infinite.
    pub infinities: usize,
}

impl Range {
    fn of(x: &Tensor) -> Result<Self> {
        let (mut min, mut max, mut nans, mut infinities) = (f64::INFINITY, f64::NEG_INFINITY, 0, 0);
        for v in x.to_dtype(DType::F64)?.to_vec::<f64>()? {
            if v.is_nan() {
                nans += 1;
            } else if v.is_infinite() {
                infinities += 1;
            } else {
                (min, max) = (min.min(v), max.max(v));
            }
        }
        Ok(Self { dtype: x.dtype(), shape: x.shape().to_vec(), min, max, nans, infinities })
    }

    fn is_finite(&self) -> bool {
        self.nans == 0 && self.infinities == 0
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dtype, shape, min, max, nans, infinities } = self;
        write!(f, "{dtype} {shape:?}")?;
        if min <= max {
            write!(f, " in {min:?}..={max:?}")?;
        }
        match (nans, infinities) {
            (0, 0) => Ok(()),
            _ => write!(f, " with {nans} NaN, {infinities} infinite"),
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] ", self.op)?;
        match self.gradient {
            None => write!(f, "the result must be finite")?,
            Some(i) => write!(f, "the gradient of input {i} must be finite")?,
        }
        write!(f, "; got {}", self.found)?;
        if self.gradient.is_some() && !self.path.is_empty() {
            write!(f, " going backward through {}", self.path)?;
        }
        for (i, (name, range)) in self.operands.iter().enumerate() {
            write!(f, "{} {name}: {range}", if i == 0 { " from" } else { "," })?;
        }
        write!(f, "; keep the operands where the function and its derivative are finite")
    }
}

/// Whether this thread runs in [`detect_anomaly`].
#[inline]
pub(crate) fn is_on() -> bool {
    STATE.get() == State::On
}

/// Sets the mode and puts it back when dropped, after a panic too.
struct Mode(State);

impl Mode {
    fn set(state: State) -> Self {
        Self(STATE.replace(state))
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        STATE.set(self.0);
    }
}

/// Looks at operations again although a rule is running, because it runs a part of the model anew; until dropped.
pub(crate) struct Resumed {
    outer: Option<Vec<String>>,
    _mode: Mode,
}

/// See [`Resumed`]; `path` is where that part stands.
pub(crate) fn resume(path: Option<&str>) -> Resumed {
    let was = STATE.get();
    if was != State::InRule {
        return Resumed { outer: None, _mode: Mode::set(was) };
    }
    let path = path.filter(|path| !path.is_empty()).map(str::to_string);
    let outer = scope::replace(path.into_iter().collect());
    Resumed { outer: Some(outer), _mode: Mode::set(State::On) }
}

impl Drop for Resumed {
    fn drop(&mut self) {
        if let Some(outer) = self.outer.take() {
            scope::replace(outer);
        }
    }
}

/// Runs `f` so that the first operation of this thread that makes a NaN or an infinity, forward or backward, is an error
/// ([`Error::Anomaly`]) that names it, its module, and the ranges of its operands. Every value is looked at: slow.
///
/// Values that are meant to be infinite, as in a mask, are refused too. An operation that was recorded outside has no path.
///
/// ```
/// use autodiff::{Var, detect_anomaly};
/// use tensor::Tensor;
///
/// let x = Var::variable(Tensor::from_vec(vec![4.0, 0.0], [2])?);
/// let error = detect_anomaly(|| x.sqrt()?.sum(&[])?.backward()).unwrap_err();
/// assert!(error.to_string().starts_with("[sqrt] the gradient of input 0 must be finite"));
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn detect_anomaly<R>(f: impl FnOnce() -> R) -> R {
    let _mode = Mode::set(State::On);
    f()
}

/// Refuses a result that is not finite.
pub(crate) fn check_forward(op: &'static str, value: &Tensor, inputs: &[&Tensor]) -> Result<()> {
    if !value.dtype().is_float() {
        return Ok(());
    }
    let found = Range::of(value)?;
    if found.is_finite() {
        return Ok(());
    }
    let name = |(i, x): (usize, &&Tensor)| Ok((format!("input {i}"), Range::of(x)?));
    let operands = inputs.iter().enumerate().map(name).collect::<Result<_>>()?;
    let path = scope::path().unwrap_or_default().into();
    Err(Error::Anomaly(Box::new(Anomaly { op, gradient: None, path, found, operands })))
}

/// A rule's gradients, refused in the mode where one is not finite.
pub(crate) fn backward(record: &Record, saved: &Saved, grad: &Var) -> Result<Grads> {
    if !is_on() {
        return record.op.backward(saved, grad);
    }
    let grads = {
        // The rule's own operations are part of this one.
        let _mode = Mode::set(State::InRule);
        record.op.backward(saved, grad)?
    };
    for (i, g) in grads.iter().enumerate().filter_map(|(i, g)| Some((i, g.as_ref()?))) {
        let found = Range::of(g.value())?;
        if found.is_finite() {
            continue;
        }
        let mut operands = vec![("the gradient".to_string(), Range::of(grad.value())?)];
        for (i, slot) in record.inputs.iter().enumerate() {
            if let Some(x) = &slot.value {
                operands.push((format!("input {i}"), Range::of(x)?));
            }
        }
        if let Some(y) = &record.output {
            operands.push(("the result".to_string(), Range::of(y)?));
        }
        let (op, path) = (record.op.name(), record.path.as_deref().unwrap_or_default().into());
        return Err(Error::Anomaly(Box::new(Anomaly { op, gradient: Some(i), path, found, operands })));
    }
    Ok(grads)
}
