//! The training loop: fit, evaluate, predict.

mod config;
mod mean;
mod run;
mod step;

pub use config::{Averaging, EarlyStopping, Evaluation, Fit, OnNotFinite, TrainConfig};

use crate::callback::Callback;
use crate::error::{Error, Result};
use crate::kept::tried;
use crate::lr_finder::{self, LrCurve, LrRange};
use crate::plan::{self, Plan};
use crate::task::Task;
use autodiff::Var;
use data::{BatchConfig, Loader, Source};
pub(crate) use mean::Mean;
use nn::{Context, Layer};
use optim::{Optimizer, Schedule};
use run::Run;
pub(crate) use step::Step as OneStep;
use tensor::{Rng, Tensor};

/// Trains, evaluates and applies models.
///
/// The result of [`fit`](Self::fit) is a function of the configuration, the data, the starting weights and the
/// optimizer: never of the number of threads.
#[derive(Default)]
pub struct Trainer<'a> {
    config: TrainConfig,
    schedule: Option<Box<dyn Schedule + 'a>>,
    callbacks: Vec<Box<dyn Callback + 'a>>,
}

impl<'a> Trainer<'a> {
    /// A trainer that works as `config` says.
    pub fn new(config: TrainConfig) -> Self {
        Self { config, schedule: None, callbacks: Vec::new() }
    }

    /// Sets the learning rate before each step.
    pub fn schedule(mut self, schedule: impl Schedule + 'a) -> Self {
        self.schedule = Some(Box::new(schedule));
        self
    }

    /// Adds a callback; they are called in the order in which they were added.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Trains `model` on `train`, measuring each epoch on `valid` if there is one, else on the training batches.
    ///
    /// At the end the model has the weights of the best epoch, or of the last step without `restore_best`; with
    /// [`average`](TrainConfig::average) the averages of them.
    ///
    /// With [`checkpoints`](TrainConfig::checkpoints) the run may be killed at any instant: the same call goes on from the newest
    /// whole checkpoint of its folder, in the middle of an epoch too, and ends with the bits of a run that was never killed. Model
    /// and optimizer must be made as they were. SIGINT (Ctrl-C) and SIGTERM let the step in progress end and save it: then the error
    /// is [`Error::Interrupted`]. A second one kills at once.
    ///
    /// Errors: 0 epochs; what batching, the model, the loss or the optimizer refuses; `NotFinite` for a loss that is
    /// NaN or infinite, which names the step; `UnknownMetric`. The model then keeps the weights of the last step made.
    pub fn fit(
        &mut self,
        model: &mut impl Layer,
        optimizer: &mut dyn Optimizer,
        task: &dyn Task,
        train: &dyn Source,
        valid: Option<&dyn Source>,
    ) -> Result<Fit> {
        run::check(&self.config, task)?;
        let TrainConfig { batch_size, seed, .. } = self.config;
        let loader = Loader::new(train, BatchConfig { batch_size, shuffle: Some(seed), drop_last: false })?;
        let schedule = self.schedule.as_deref().map(|schedule| schedule as &dyn Schedule);
        let callbacks = &mut self.callbacks;
        Run::begin(&self.config, schedule, callbacks, model, optimizer, task, train, &loader)?.finish(valid)
    }

    /// What [`fit`](Self::fit) would cost: parameters, arithmetic, memory and about the time.
    ///
    /// Some steps are made on an eighth and a quarter of a batch, and on a whole one if that will fit into half of the memory that is
    /// free; model and optimizer are then as they were. Whatever would fail in a step fails here.
    ///
    /// Errors: as [`Trainer::fit`]; `InvalidArgument` for an optimizer that has made steps.
    pub fn plan(
        &self,
        model: &mut impl Layer,
        optimizer: &mut dyn Optimizer,
        task: &dyn Task,
        train: &dyn Source,
        valid: Option<&dyn Source>,
    ) -> Result<Plan> {
        self.plan_within(plan::half_of_memory(), model, optimizer, task, train, valid)
    }

    /// [`plan`](Self::plan), trying no step that will take more than `limit` bytes. What parts of a batch took is carried on along a
    /// line then for each moment of a step: exact where all that grows grows with the rows, and too much where a kernel's own room is
    /// bounded, as that of convolutions is.
    pub fn plan_within(
        &self,
        limit: usize,
        model: &mut impl Layer,
        optimizer: &mut dyn Optimizer,
        task: &dyn Task,
        train: &dyn Source,
        valid: Option<&dyn Source>,
    ) -> Result<Plan> {
        run::check(&self.config, task)?;
        plan::plan(&self.config, limit, model, optimizer, task, train, valid)
    }

    /// Steps with ever larger learning rates, to see from which on the loss falls, and from which on it rises. Model and optimizer are
    /// then as they were. Source: Smith 2017, arXiv:1506.01186.
    ///
    /// Errors: as [`Trainer::fit`]; `InvalidArgument` for a range that is none.
    pub fn find_lr(
        &self,
        model: &mut impl Layer,
        optimizer: &mut dyn Optimizer,
        task: &dyn Task,
        train: &dyn Source,
        range: &LrRange,
    ) -> Result<LrCurve> {
        run::check(&self.config, task)?;
        lr_finder::find_lr(&self.config, model, optimizer, task, train, range)
    }

    /// The losses of `steps` steps on the first batch of `train` alone, which a model that is right can learn by heart: if they do not
    /// come near 0, something is wrong with model, loss or data. Model and optimizer are then as they were.
    ///
    /// Errors: as [`Trainer::fit`].
    pub fn overfit_one_batch(
        &self,
        model: &mut impl Layer,
        optimizer: &mut dyn Optimizer,
        task: &dyn Task,
        train: &dyn Source,
        steps: u64,
    ) -> Result<Vec<f64>> {
        run::check(&self.config, task)?;
        let TrainConfig { batch_size, seed, .. } = self.config;
        let loader = Loader::new(train, BatchConfig { batch_size, shuffle: None, drop_last: false })?;
        let batch = loader.epoch(0).next().expect("invariant: an epoch has a batch")?;
        let passes = Rng::seed(seed);
        tried(model, optimizer, |model, optimizer, _| {
            (0..steps)
                .map(|i| {
                    let mut step = OneStep::new(passes.stream(i), 1);
                    step.add(model, task, &batch, &mut task.meter()?)?;
                    let made = step.finish(false)?;
                    let bad = Error::NotFinite { loss: made.loss, epoch: 1, step: i };
                    optimizer.step(model, &made.grads.ok_or(bad)?)?;
                    Ok(made.loss)
                })
                .collect()
        })
    }

    /// The measures of `model` on `source`, in inference mode. Errors: as [`Trainer::fit`].
    pub fn evaluate(&self, model: &impl Layer, task: &dyn Task, source: &dyn Source) -> Result<Evaluation> {
        measure(self.config.eval_batch_size, model, task, source)
    }

    /// What `model` says of `features` `(n, ..)`, in inference mode, in batches; each row's output is the same to the
    /// bit in any batch.
    ///
    /// Errors: those of the model; `InvalidArgument` for no rows.
    pub fn predict(&self, model: &impl Layer, features: &Tensor) -> Result<Tensor> {
        let n = features.shape().first().copied().unwrap_or(0);
        if n == 0 {
            return Err(Error::InvalidArgument {
                op: "predict",
                rule: "there must be at least one row",
                got: format!("features {:?}", features.shape()),
                repair: "give features of shape (n, ..)",
            });
        }
        let size = self.config.eval_batch_size.max(1);
        let mut outputs = Vec::with_capacity(n.div_ceil(size));
        for start in (0..n).step_by(size) {
            let rows = features.narrow(0, start, size.min(n - start))?;
            outputs.push(model.forward(&Var::from(rows), &mut Context::eval())?.into_value());
        }
        Ok(Tensor::cat(&outputs.iter().collect::<Vec<_>>(), 0)?)
    }
}

/// The measures of `model` on `source`, in inference mode, in batches of `batch_size`.
pub(crate) fn measure(
    batch_size: usize,
    model: &impl Layer,
    task: &dyn Task,
    source: &dyn Source,
) -> Result<Evaluation> {
    let batching = BatchConfig { batch_size, shuffle: None, drop_last: false };
    let mut meter = task.meter()?;
    for batch in Loader::new(source, batching)?.epoch(0) {
        let batch = batch?;
        let output = model.forward(&Var::from(&batch.features), &mut Context::eval())?;
        let loss = task.loss(&output, &batch.targets)?.item()?;
        meter.add(output.value(), &batch.targets, loss)?;
    }
    Ok(Evaluation { values: meter.values(), confusion: meter.into_confusion() })
}
