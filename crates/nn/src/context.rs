//! What a forward pass is told: training or not, where randomness comes from, which module is running.

use crate::error::Result;
use crate::layers::Layer;
use crate::param::Param;
use crate::summary::SummaryRow;
use autodiff::{LeafId, Var};
use std::fmt;
use tensor::Rng;

/// A module's name in its parent: a field, or a place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A field of a struct.
    Field(&'static str),
    /// A place in a list.
    Index(usize),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Field(name) => f.write_str(name),
            Name::Index(i) => write!(f, "{i}"),
        }
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Name::Field(name)
    }
}

impl From<usize> for Name {
    fn from(i: usize) -> Self {
        Name::Index(i)
    }
}

/// Passed to every `forward`. There is no global mode and no hidden randomness: a pass trains because its context says
/// so, and draws from the stream that its context carries.
#[derive(Debug)]
pub struct Context {
    train: Option<Rng>,
    path: Vec<Name>,
    trace: Option<Vec<SummaryRow>>,
    /// Values that stand in for parameters, while a module is being checked.
    stand_ins: Vec<(LeafId, Var)>,
}

impl Context {
    /// A training pass: parameters are tracked, dropout drops. Takes one stream from `rng`.
    pub fn train(rng: &mut Rng) -> Self {
        Self { train: Some(rng.split()), path: Vec::new(), trace: None, stand_ins: Vec::new() }
    }

    /// An inference pass: parameters enter as constants, so no graph is built and nothing is random.
    pub fn eval() -> Self {
        Self { train: None, path: Vec::new(), trace: None, stand_ins: Vec::new() }
    }

    /// An inference pass that notes what each named module returned.
    pub(crate) fn tracing() -> Self {
        Self { trace: Some(Vec::new()), ..Self::eval() }
    }

    pub(crate) fn into_trace(self) -> Vec<SummaryRow> {
        self.trace.unwrap_or_default()
    }

    /// Lets values of the checker's stand in for parameters.
    pub(crate) fn substitute(&mut self, stand_ins: Vec<(LeafId, Var)>) {
        self.stand_ins = stand_ins;
    }

    /// Whether this is a training pass.
    pub fn is_train(&self) -> bool {
        self.train.is_some()
    }

    /// The stream of this training pass; `None` in inference, where nothing is random.
    pub fn rng(&mut self) -> Option<&mut Rng> {
        self.train.as_mut()
    }

    /// A parameter's value for this pass: tracked if it is to be trained.
    pub fn param(&self, param: &Param) -> Var {
        if let Some((_, value)) = self.stand_ins.iter().find(|(id, _)| *id == param.id()) {
            return value.clone();
        }
        match self.train.is_some() && param.is_trainable() {
            true => Var::leaf(param.value().clone(), param.id()),
            false => Var::constant(param.value().clone()),
        }
    }

    /// Runs a layer under its name, so that errors and summaries say where they come from.
    ///
    /// ```
    /// # use nn::{Context, Layer, Linear, Module};
    /// # use tensor::{DType, Rng, Tensor};
    /// #[derive(Module)]
    /// struct Head { fc: Linear }
    /// let head = Head { fc: Linear::new(8, 2, &mut Rng::seed(0))? };
    /// let x = Tensor::zeros([4, 7], DType::F32)?.into();
    /// let error = Context::eval().call("fc", &head.fc, &x).unwrap_err().to_string();
    /// assert!(error.starts_with("fc: [linear] the last axis of the input"), "{error}");
    /// # Ok::<(), nn::Error>(())
    /// ```
    pub fn call(&mut self, name: impl Into<Name>, layer: &(impl Layer + ?Sized), x: &Var) -> Result<Var> {
        let name = name.into();
        if self.trace.is_none() {
            return layer.forward(x, self).map_err(|error| error.at(name));
        }
        self.path.push(name);
        let row = self.trace.as_ref().map_or(0, Vec::len);
        if let Some(trace) = &mut self.trace {
            let path = self.path.iter().map(Name::to_string).collect::<Vec<_>>().join(".");
            trace.push(SummaryRow { path, layer: layer.kind(), output: Vec::new(), params: layer.n_params() });
        }
        let y = layer.forward(x, self).map_err(|error| error.at(name));
        self.path.pop();
        if let (Ok(y), Some(trace)) = (&y, &mut self.trace) {
            trace[row].output = y.shape().to_vec();
        }
        y
    }
}
