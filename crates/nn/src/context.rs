//! What a forward pass is told: training or not, where randomness comes from, which module is running.

use crate::cache::KvCache;
use crate::error::Result;
use crate::layers::Layer;
use crate::param::{Buffer, Param};
use crate::summary::SummaryRow;
use autodiff::{LeafId, Var};
use std::fmt;
use tensor::{Rng, Tensor};

mod checkpoint;
mod products;

pub(crate) use checkpoint::forward_of_layer;

/// A module's name in its parent: a field, or a place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A field of a struct.
    Field(&'static str),
    /// A place in a list.
    Index(usize),
    /// A field whose name has a number in it, `weight_ih_l0_reverse`: what stands before it, the number, what stands after.
    Numbered(&'static str, usize, &'static str),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Field(name) => f.write_str(name),
            Name::Index(i) => write!(f, "{i}"),
            Name::Numbered(before, i, after) => write!(f, "{before}{i}{after}"),
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
    /// Values that stand in for parameters: computed weights, and the checker's while a module is being checked.
    stand_ins: Vec<(LeafId, Var)>,
    /// Whether this pass has run before, so that it must leave no trace in buffers.
    rerun: bool,
    /// In a checkpoint, what buffers were set to, for its second run.
    log: Option<checkpoint::Log>,
    /// What attention remembers of earlier passes.
    cache: Option<KvCache>,
}

impl Context {
    /// A training pass: parameters are tracked, dropout drops. Takes one stream from `rng`.
    pub fn train(rng: &mut Rng) -> Self {
        Self { train: Some(rng.split()), ..Self::eval() }
    }

    /// An inference pass: parameters enter as constants, so no graph is built and nothing is random.
    pub fn eval() -> Self {
        Self {
            train: None,
            path: Vec::new(),
            trace: None,
            stand_ins: Vec::new(),
            rerun: false,
            log: None,
            cache: None,
        }
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
        self.rerun = true;
    }

    /// Runs `part` with `value` in the place of a parameter.
    pub(crate) fn with_stand_in<T>(
        &mut self,
        param: &Param,
        value: Var,
        part: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.with_stand_ins(vec![(param.id(), value)], part)
    }

    /// Runs `part` with values in the place of parameters.
    pub(crate) fn with_stand_ins<T>(
        &mut self,
        values: Vec<(LeafId, Var)>,
        part: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        // In front, where they are found before what stands in for the parameters already.
        let count = values.len();
        self.stand_ins.splice(0..0, values);
        let result = part(self);
        self.stand_ins.drain(..count);
        result
    }

    /// What stands in for a parameter.
    fn stand_in(&self, param: &Param) -> Option<&Var> {
        self.stand_ins.iter().find(|(id, _)| *id == param.id()).map(|(_, value)| value)
    }

    /// Whether this is a training pass.
    pub fn is_train(&self) -> bool {
        self.train.is_some()
    }

    /// The stream of this training pass; `None` in inference, where nothing is random.
    pub fn rng(&mut self) -> Option<&mut Rng> {
        self.train.as_mut()
    }

    /// A parameter's value for this pass: tracked if it is to be trained; in F32 if it is kept narrow, which
    /// [`linear`](Self::linear) and [`rows`](Self::rows) spare.
    pub fn param(&self, param: &Param) -> Var {
        if let Some(value) = self.stand_in(param) {
            return value.clone();
        }
        if param.is_narrow() {
            // Without room for it the operation refuses what is kept, by its dtype.
            return Var::constant(param.widened().unwrap_or_else(|_| param.value().clone()));
        }
        match self.train.is_some() && param.is_trainable() {
            true => Var::leaf(param.value().clone(), param.id()),
            false => Var::constant(param.value().clone()),
        }
    }

    /// Replaces a buffer's value, in a training pass, and once: not where a checkpoint runs its part again, nor where a
    /// module is being checked. Errors: `ParamMismatch` unless shape and dtype stay.
    pub fn update(&self, buffer: &Buffer, value: impl FnOnce(Tensor) -> Result<Tensor>) -> Result<()> {
        match self.train.is_some() && !self.rerun {
            true => buffer.set(value(buffer.value())?),
            false => Ok(()),
        }
    }

    /// [`update`](Self::update), and the value that the buffer has then, for a result that depends on it: where a
    /// checkpoint runs its part again, the value of the first run, whatever came in between.
    ///
    /// Errors: as [`update`](Self::update).
    pub fn updated(
        &mut self,
        buffer: &Buffer,
        value: impl FnOnce(Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        if let Some(logged) = self.log.as_mut().and_then(checkpoint::Log::next) {
            return Ok(logged);
        }
        self.update(buffer, value)?;
        let now = buffer.value();
        if let Some(log) = &mut self.log {
            log.push(now.clone());
        }
        Ok(now)
    }

    /// Runs `part` under a name, so that errors and summaries say where they come from: for a field that is no layer
    /// itself, such as a list of layers.
    ///
    /// ```
    /// # use autodiff::Var;
    /// # use nn::{Context, Layer, Linear, Module, Result};
    /// #[derive(Module)]
    /// struct Tower { blocks: Vec<Linear> }
    /// impl Layer for Tower {
    ///     fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
    ///         cx.within("blocks", |cx| {
    ///             self.blocks.iter().enumerate().try_fold(x.clone(), |y, (i, block)| cx.call(i, block, &y))
    ///         })
    ///     }
    /// }
    /// # let rng = &mut tensor::Rng::seed(0);
    /// let tower = Tower { blocks: vec![Linear::new(4, 4, rng)?, Linear::new(3, 4, rng)?] };
    /// let x = tensor::Tensor::zeros([2, 4], tensor::DType::F32)?.into();
    /// let error = tower.forward(&x, &mut Context::eval()).unwrap_err().to_string();
    /// assert!(error.starts_with("blocks.1: [linear]"), "{error}");
    /// # Ok::<(), nn::Error>(())
    /// ```
    pub fn within<T>(
        &mut self,
        name: impl Into<Name>,
        part: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let name = name.into();
        self.path.push(name);
        let _scope = autodiff::module_scope(&name);
        let result = part(self).map_err(|error| error.at(name));
        self.path.pop();
        result
    }

    /// Runs a layer under its name; as [`within`](Self::within), and the layer has a row in a summary.
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
        self.named(name, layer, |cx| layer.forward(x, cx))
    }

    /// As [`call`](Self::call), and then rectified, in one pass where the layer can.
    pub fn call_relu(
        &mut self,
        name: impl Into<Name>,
        layer: &(impl Layer + ?Sized),
        x: &Var,
    ) -> Result<Var> {
        self.named(name, layer, |cx| layer.forward_relu(x, cx))
    }

    /// What attention remembers of earlier passes; nothing in training.
    pub fn cache(&self) -> Option<&KvCache> {
        self.cache.as_ref()
    }

    pub(crate) fn cache_slot(&mut self) -> &mut Option<KvCache> {
        &mut self.cache
    }

    /// The path of the module that is running.
    pub(crate) fn path(&self) -> String {
        self.path.iter().map(Name::to_string).collect::<Vec<_>>().join(".")
    }

    /// Whether rows of a summary are being noted.
    pub(crate) fn is_tracing(&self) -> bool {
        self.trace.is_some()
    }

    fn named(
        &mut self,
        name: impl Into<Name>,
        layer: &(impl Layer + ?Sized),
        run: impl FnOnce(&mut Self) -> Result<Var>,
    ) -> Result<Var> {
        self.within(name, |cx| {
            let row = cx.trace.as_mut().map(|trace| {
                let path = cx.path.iter().map(Name::to_string).collect::<Vec<_>>().join(".");
                trace.push(SummaryRow {
                    path,
                    layer: layer.kind(),
                    output: Vec::new(),
                    params: layer.n_params(),
                });
                trace.len() - 1
            });
            let y = run(cx)?;
            if let (Some(row), Some(trace)) = (row, &mut cx.trace) {
                trace[row].output = y.shape().to_vec();
            }
            Ok(y)
        })
    }
}
