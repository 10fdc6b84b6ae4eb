//! The training loop: fit, evaluate, predict.

use crate::callback::{Callback, Flow, Position};
use crate::checkpoint::{CheckpointConfig, Checkpoints, Identity, RunState};
use crate::error::{Error, Result};
use crate::history::{Direction, EpochRecord, History, MetricValues, Part};
use crate::metrics::ConfusionMatrix;
use crate::progress::Progress;
use crate::task::Task;
use autodiff::Var;
use data::{BatchConfig, Loader, LoaderPosition, Source, Workers};
use nn::{Context, Layer, StateDict};
use optim::{Optimizer, Schedule, clip_grad_norm};
use std::time::Instant;
use tensor::{Rng, Tensor};

/// Address of the random streams of training passes.
const PASSES: u64 = 11;

/// When to stop before the last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlyStopping {
    /// Epochs without a better value before training stops.
    pub patience: usize,
}

/// How a model is trained.
#[derive(Debug, Clone)]
pub struct TrainConfig {
    /// Passes over the training part.
    pub epochs: usize,
    /// Rows in a training batch.
    pub batch_size: usize,
    /// Rows in a batch of evaluation. Outputs do not depend on it; the loss, a mean over the rows of means over
    /// batches, does in its last digits, and with class weights or ignored labels in more.
    pub eval_batch_size: usize,
    /// Seed of the order of rows and of dropout. Starting weights have their own.
    pub seed: u64,
    /// Largest global gradient norm; longer gradients are scaled down.
    pub clip_norm: Option<f64>,
    /// The measure that decides which epoch is best, and which way is better.
    pub monitor: (String, Direction),
    /// Whether the best epoch's weights are put back at the end.
    pub restore_best: bool,
    /// When to stop early.
    pub early_stopping: Option<EarlyStopping>,
    /// Threads that read training batches ahead, of which there are none unless asked for: for sources that take time, such as
    /// augmented images and files. Neither batches nor results depend on them.
    pub workers: Workers,
    /// What is shown while it runs.
    pub progress: Progress,
    /// Where the run is saved. If its folder has checkpoints of this run, `fit` goes on from the newest.
    pub checkpoints: Option<CheckpointConfig>,
}

impl Default for TrainConfig {
    /// 10 epochs of batches of 32, the best epoch by loss put back.
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 32,
            eval_batch_size: 256,
            seed: 0,
            clip_norm: None,
            monitor: ("loss".into(), Direction::Lower),
            restore_best: true,
            early_stopping: None,
            workers: Workers { threads: 0, prefetch: 2 },
            progress: Progress::Auto,
            checkpoints: None,
        }
    }
}

/// What a finished run leaves.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Every epoch's measures.
    pub history: History,
    /// The best epoch, counted from 1.
    pub best_epoch: usize,
    /// The weights of the best epoch.
    pub best: StateDict,
    /// Whether early stopping or a callback ended the run before its last step.
    pub stopped_early: bool,
    /// Optimizer steps taken.
    pub steps: u64,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
}

/// Measures of a model on a part of the data.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Loss and measures by name.
    pub values: MetricValues,
    /// Who was taken for whom, for classes.
    pub confusion: Option<ConfusionMatrix>,
}

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
    /// At the end the model has the weights of the best epoch, or of the last step without `restore_best`.
    ///
    /// With [`checkpoints`](TrainConfig::checkpoints) the run may be killed at any instant: the same call goes on from the newest
    /// whole checkpoint of its folder, in the middle of an epoch too, and ends with the bits of a run that was never killed. Model
    /// and optimizer must be made as they were; what callbacks remember is theirs to save.
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
        let config = self.config.clone();
        if config.epochs == 0 {
            return Err(Error::InvalidArgument {
                op: "fit",
                rule: "there must be at least one epoch",
                got: "0 epochs".into(),
                repair: "set epochs to 1 or more",
            });
        }
        let (metric, direction) = (config.monitor.0.as_str(), config.monitor.1);
        let known = task.meter()?.names();
        if !known.contains(&metric) {
            let known = known.iter().map(|name| name.to_string()).collect();
            return Err(Error::UnknownMetric { metric: metric.to_string(), known });
        }
        let batching =
            BatchConfig { batch_size: config.batch_size, shuffle: Some(config.seed), drop_last: false };
        let loader = Loader::new(train, batching)?;
        let passes = Rng::seed(config.seed).stream(PASSES);
        let kept = match &config.checkpoints {
            Some(checkpoints) => Some((Checkpoints::open(checkpoints)?, identity(&config, train)?)),
            None => None,
        };
        let from = match &kept {
            Some((kept, identity)) => kept.newest(identity)?,
            None => None,
        };
        let begin = Instant::now();
        let mut bar = config.progress.start(config.epochs, loader.batches());
        let (mut history, mut step, mut stopped) = (History::new(), 0u64, false);
        let mut best: Option<(f64, usize, StateDict)> = None;
        // Where to begin: an epoch, the batches of it that are done, and what was measured on them.
        let mut start = (1, 0, None);
        if let Some((state, damaged)) = from {
            model.load_state_dict(&state.model)?;
            optimizer.load_state(state.optimizer)?;
            (history, step, stopped, best) = (state.history, state.step, state.stopped, state.best);
            start = (state.epoch, state.batch, Some(state.meter));
            bar.resumed(state.epoch, step, damaged);
        }
        for epoch in start.0..=config.epochs {
            if stopped {
                break;
            }
            let epoch_begin = Instant::now();
            bar.begin_epoch(epoch);
            let mut meter = task.meter()?;
            let done = std::mem::take(&mut start.1);
            if let Some(state) = start.2.take().filter(|_| done > 0)
                && !meter.restore(&state)
            {
                return Err(Error::InvalidArgument {
                    op: "fit",
                    rule: "a run must go on with the task that it began with",
                    got: format!("measures {:?}", meter.names()),
                    repair: "use the same task, or another folder for checkpoints",
                });
            }
            let from = LoaderPosition { epoch: epoch as u64 - 1, batch: done };
            std::thread::scope(|scope| -> Result<()> {
                for (i, batch) in loader.ahead(scope, from, config.workers)?.enumerate() {
                    let batch = batch?;
                    if let Some(schedule) = &self.schedule {
                        optimizer.set_lr(schedule.lr(step))?;
                    }
                    // One stream for each step, so that a resumed run draws what the whole run would have drawn.
                    let mut cx = Context::train(&mut passes.stream(step));
                    let output = model.forward(&Var::from(&batch.features), &mut cx)?;
                    let loss = task.loss(&output, &batch.targets)?;
                    let value = loss.item()?;
                    if !value.is_finite() {
                        return Err(Error::NotFinite { loss: value, epoch, step });
                    }
                    let output = output.into_value();
                    let mut grads = loss.backward()?;
                    if let Some(max_norm) = config.clip_norm {
                        clip_grad_norm(&mut grads, max_norm)?;
                    }
                    optimizer.step(model, &grads)?;
                    step += 1;
                    meter.add(&output, &batch.targets, value)?;
                    bar.advance(batch.targets.shape().first().copied().unwrap_or(1), || meter.values());
                    let at = Position { epoch, batch: done + i + 1, step };
                    for callback in &mut self.callbacks {
                        stopped |= callback.on_step(at, value, model)? == Flow::Stop;
                    }
                    if let Some((kept, identity)) =
                        kept.as_ref().filter(|(kept, _)| kept.due(step) && !stopped)
                    {
                        kept.save(&RunState {
                            identity: identity.clone(),
                            epoch,
                            batch: at.batch,
                            step,
                            stopped,
                            meter: meter.state(),
                            history: history.clone(),
                            model: model.state_dict(),
                            optimizer: optimizer.state(),
                            best: best.clone(),
                        })?;
                    }
                    if stopped {
                        break;
                    }
                }
                Ok(())
            })?;
            let valid = valid.map(|valid| self.evaluate(model, task, valid)).transpose()?;
            let record = EpochRecord {
                epoch,
                step,
                train: meter.values(),
                valid: valid.map(|v| v.values),
                lr: optimizer.lr(),
                seconds: epoch_begin.elapsed().as_secs_f64(),
            };
            let part = if record.valid.is_some() { Part::Valid } else { Part::Train };
            // A measure that is not defined on this part is worse than any that is.
            let value = record.value(part, metric).unwrap_or(f64::NAN);
            let improved = best.as_ref().is_none_or(|(best, ..)| direction.improves(value, *best));
            if improved {
                best = Some((value, epoch, model.state_dict()));
            }
            bar.end_epoch(&record, if improved { "best" } else { "" });
            history.push(record.clone())?;
            for callback in &mut self.callbacks {
                stopped |= callback.on_epoch(&record, model)? == Flow::Stop;
            }
            let waited = epoch - best.as_ref().map_or(0, |(_, epoch, _)| *epoch);
            stopped |= config.early_stopping.is_some_and(|rule| waited >= rule.patience.max(1));
            if let Some((kept, identity)) = &kept {
                kept.save(&RunState {
                    identity: identity.clone(),
                    epoch: epoch + 1,
                    batch: 0,
                    step,
                    stopped,
                    meter: Vec::new(),
                    history: history.clone(),
                    model: model.state_dict(),
                    optimizer: optimizer.state(),
                    best: best.clone(),
                })?;
            }
            if stopped {
                break;
            }
        }
        for callback in &mut self.callbacks {
            callback.on_end(model)?;
        }
        bar.finish();
        let (best_epoch, best) = match best {
            Some((_, epoch, state)) => (epoch, state),
            None => (history.len(), model.state_dict()),
        };
        if config.restore_best {
            model.load_state_dict(&best)?;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let stopped_early = step < config.epochs as u64 * loader.batches() as u64;
        Ok(Fit { history, best_epoch, best, stopped_early, steps: step, seconds })
    }

    /// The measures of `model` on `source`, in inference mode. Errors: as [`Trainer::fit`].
    pub fn evaluate(&self, model: &impl Layer, task: &dyn Task, source: &dyn Source) -> Result<Evaluation> {
        let batching =
            BatchConfig { batch_size: self.config.eval_batch_size, shuffle: None, drop_last: false };
        let mut meter = task.meter()?;
        for batch in Loader::new(source, batching)?.epoch(0) {
            let batch = batch?;
            let output = model.forward(&Var::from(&batch.features), &mut Context::eval())?;
            let loss = task.loss(&output, &batch.targets)?.item()?;
            meter.add(output.value(), &batch.targets, loss)?;
        }
        Ok(Evaluation { values: meter.values(), confusion: meter.into_confusion() })
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

/// By what a run is known again.
fn identity(config: &TrainConfig, train: &dyn Source) -> Result<Identity> {
    // The data as it is, not as the epoch sees it: rows in order.
    let rows: Vec<usize> = (0..train.len().min(config.batch_size)).collect();
    let batch = train.batch(&rows)?;
    let parts = [("features".to_string(), batch.features), ("targets".to_string(), batch.targets)];
    let first: StateDict = parts.into_iter().collect();
    Ok(Identity {
        seed: config.seed,
        batch_size: config.batch_size as u64,
        rows: train.len() as u64,
        first_batch: first.fingerprint()?,
        monitor: config.monitor.0.clone(),
    })
}
