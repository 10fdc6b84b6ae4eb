//! Parts of a model that are run again when the gradient comes, in the state in which they ran first.

use super::{Context, Name};
use crate::error::{Error, Result};
use crate::layers::Layer;
use crate::module::{Module, Visitor, VisitorMut};
use crate::param::{Buffer, Param};
use autodiff::Var;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tensor::{Rng, Tensor};

/// What buffers were set to in the first run of a checkpoint, shared by those inside it, and how many of them this run
/// has come by.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    values: Arc<Mutex<Vec<Tensor>>>,
    at: usize,
}

/// What the first run leaves: the stream after it and its place in the log.
type Left = (Option<Rng>, Option<Log>);

impl Log {
    /// The next value, if there is one from a run before.
    pub(super) fn next(&mut self) -> Option<Tensor> {
        let values = self.values.lock().unwrap_or_else(|p| p.into_inner());
        let value = values.get(self.at)?.clone();
        self.at += 1;
        Some(value)
    }

    pub(super) fn push(&mut self, value: Tensor) {
        self.values.lock().unwrap_or_else(|p| p.into_inner()).push(value);
        self.at += 1;
    }
}

impl Context {
    /// Runs a layer under its name as [`call`](Self::call) does, but keeps only its input and its output: the values
    /// inside are computed again when the gradient comes.
    ///
    /// Memory for time: a model of n blocks, each in a checkpoint, holds the inputs of the blocks and the inside of one,
    /// for a second forward pass. Output and gradients are those of `call` to the bit: the rerun draws what the first run
    /// drew, so that dropout drops the same, and trains, and has the module's path in errors and anomalies. In inference
    /// this is `call`.
    ///
    /// The graph holds a copy of the layer, which shares the parameters' memory, until it has gone backward; an update
    /// while a graph still lives copies the parameters first. Source: Chen et al. 2016, arXiv:1604.06174.
    ///
    /// Errors: those of the layer; on the way back `InvalidArgument` where it computes something else the second time.
    ///
    /// ```
    /// # use nn::{Context, Layer, Linear};
    /// # use tensor::{DType, Rng};
    /// let rng = &mut Rng::seed(0);
    /// let layer = Linear::new(4, 3, rng)?;
    /// let x = rng.normal([2, 4], 0.0, 1.0, DType::F32)?.into();
    /// let grads = Context::train(rng).checkpoint("fc", &layer, &x)?.sum(&[])?.backward()?;
    /// assert_eq!(grads.get(layer.bias.as_ref().unwrap().id()).unwrap().to_vec::<f32>()?, [2.0; 3]);
    /// # Ok::<(), nn::Error>(())
    /// ```
    pub fn checkpoint<L>(&mut self, name: impl Into<Name>, layer: &L, x: &Var) -> Result<Var>
    where
        L: Layer + Clone + 'static,
    {
        match self.is_train() {
            true => self.within(name, |cx| cx.recompute(layer, std::slice::from_ref(x), forward_of_layer)),
            false => self.call(name, layer, x),
        }
    }

    /// As [`checkpoint`](Self::checkpoint), for a module with a `forward` of its own and any number of inputs.
    ///
    /// `forward` must depend on its arguments alone: of what it captures, tracked values may be used too.
    pub fn checkpoint_with<M, F>(
        &mut self,
        name: impl Into<Name>,
        module: &M,
        inputs: &[Var],
        forward: F,
    ) -> Result<Var>
    where
        M: Module + Clone + Send + Sync + 'static,
        F: Fn(&M, &[Var], &mut Context) -> Result<Var> + Send + Sync + 'static,
    {
        self.within(name, |cx| match cx.is_train() {
            true => cx.recompute(module, inputs, forward),
            false => forward(module, inputs, cx),
        })
    }

    /// The checkpoint itself, in a training pass.
    pub(crate) fn recompute<M, F>(&mut self, module: &M, inputs: &[Var], forward: F) -> Result<Var>
    where
        M: Module + Clone + Send + Sync + 'static,
        F: Fn(&M, &[Var], &mut Context) -> Result<Var> + Send + Sync + 'static,
    {
        let module = twin(module);
        let mut start = self.again();
        start.log.get_or_insert_default();
        // What the first run leaves, or an error of this crate's.
        let left: Arc<Mutex<Option<Result<Left>>>> = Arc::default();
        let leave = left.clone();
        let ran = AtomicBool::new(false);
        let part = move |inputs: &[Var]| {
            let mut cx = start.again();
            cx.rerun |= ran.swap(true, Ordering::Relaxed);
            let result = forward(&module, inputs, &mut cx);
            let (result, state) = match result {
                Ok(y) => (Ok(y), Ok((cx.train, cx.log))),
                Err(error) => (Err(inside(error.clone())), Err(error)),
            };
            *leave.lock().unwrap_or_else(|p| p.into_inner()) = Some(state);
            result
        };
        let result = autodiff::checkpoint(part, inputs);
        match left.lock().unwrap_or_else(|p| p.into_inner()).take() {
            Some(Ok((rng, log))) => {
                self.train = rng;
                // Only inside another checkpoint does the log go on.
                self.log = self.log.take().and(log);
            }
            Some(Err(error)) => return Err(error),
            None => {}
        }
        Ok(result?)
    }

    /// The same state for another run.
    fn again(&self) -> Self {
        Self {
            train: self.train.clone(),
            path: self.path.clone(),
            trace: None,
            stand_ins: self.stand_ins.clone(),
            rerun: self.rerun,
            log: self.log.clone(),
            cache: None,
        }
    }
}

/// What [`Context::checkpoint`] runs.
pub(crate) fn forward_of_layer<L: Layer>(layer: &L, x: &[Var], cx: &mut Context) -> Result<Var> {
    layer.forward(&x[0], cx)
}

/// What this crate's error was made of.
fn inside(error: Error) -> autodiff::Error {
    match error {
        Error::At { source, .. } => inside(*source),
        Error::Autodiff(error) => error,
        other => autodiff::Error::InvalidArgument {
            op: "checkpoint",
            rule: "the module must compute the same each time",
            got: other.to_string(),
            repair: "let it depend on its inputs and its context alone",
        },
    }
}

/// A copy whose parameters and buffers are the original's: gradients arrive under the same names, updates in both.
fn twin<M: Module + Clone>(module: &M) -> M {
    #[derive(Default)]
    struct Originals<'a>(Vec<&'a Param>, Vec<&'a Buffer>);
    impl<'a> Visitor<'a> for Originals<'a> {
        fn param(&mut self, param: &'a Param) {
            self.0.push(param);
        }
        fn buffer(&mut self, buffer: &'a Buffer) {
            self.1.push(buffer);
        }
    }
    struct Rename<I, J>(I, J);
    impl<'a, 'b, I: Iterator<Item = &'b Param>, J: Iterator<Item = &'b Buffer>> VisitorMut<'a> for Rename<I, J> {
        fn param(&mut self, param: &'a mut Param) {
            if let Some(original) = self.0.next() {
                *param = original.same();
            }
        }
        fn buffer(&mut self, buffer: &'a mut Buffer) {
            if let Some(original) = self.1.next() {
                *buffer = original.same();
            }
        }
    }
    let mut originals = Originals::default();
    module.visit(&mut originals);
    let mut twin = module.clone();
    twin.visit_mut(&mut Rename(originals.0.into_iter(), originals.1.into_iter()));
    twin
}
