//! A run: epochs of steps, measured, remembered and saved.

use super::config::{Evaluation, Fit, OnNotFinite, TrainConfig};
use super::mean::Mean;
use super::measure;
use super::step::{Step, may_skip, rows};
use crate::callback::{Callback, Flow, Position, RunStart, StepRecord};
use crate::checkpoint::{Average, Checkpoints, Identity, RunState};
use crate::error::{Error, Result};
use crate::history::{EpochRecord, History, Part};
use crate::progress::EpochProgress;
use crate::signals::Signals;
use crate::task::{Meter, Task};
use data::{Loader, LoaderPosition, Source};
use nn::{Layer, StateDict};
use optim::{Optimizer, Schedule, clip_grads_with_norm};
use std::time::{Duration, Instant};
use tensor::Rng;

/// Address of the random streams of training passes.
const PASSES: u64 = 11;

/// A run in progress.
pub(super) struct Run<'r, 'a, L> {
    config: &'r TrainConfig,
    schedule: Option<&'r dyn Schedule>,
    callbacks: &'r mut [Box<dyn Callback + 'a>],
    model: &'r mut L,
    optimizer: &'r mut dyn Optimizer,
    task: &'r dyn Task,
    loader: &'r Loader<'r, dyn Source + 'r>,
    passes: Rng,
    saved: Option<Saved>,
    bar: EpochProgress,
    began: Instant,
    average: Option<Mean>,
    /// The epoch to begin with, its batches that are done, and what was measured on them.
    from: (usize, usize, Vec<f64>),
    step: u64,
    skipped: u64,
    skipped_in_a_row: u64,
    stopped: bool,
    /// For batches.
    waited: Duration,
    history: History,
    /// Value, epoch and weights of the best epoch.
    best: Option<(f64, usize, StateDict)>,
}

/// Where a run is saved, and by what it is known again.
struct Saved {
    folder: Checkpoints,
    identity: Identity,
    signals: Option<Signals>,
}

impl<'r, 'a, L: Layer> Run<'r, 'a, L> {
    /// From its first step, or from the newest checkpoint.
    pub(super) fn begin(
        config: &'r TrainConfig,
        schedule: Option<&'r dyn Schedule>,
        callbacks: &'r mut [Box<dyn Callback + 'a>],
        model: &'r mut L,
        optimizer: &'r mut dyn Optimizer,
        task: &'r dyn Task,
        train: &'r dyn Source,
        loader: &'r Loader<'r, dyn Source + 'r>,
    ) -> Result<Self> {
        let average = config.average.map(Mean::new).transpose()?;
        let saved = match &config.checkpoints {
            None => None,
            Some(checkpoints) => Some(Saved {
                folder: Checkpoints::open(checkpoints)?,
                identity: Identity::new(config, train)?,
                signals: checkpoints.on_signals.then(Signals::watch).transpose()?,
            }),
        };
        let mut names: Vec<&str> = callbacks.iter().filter_map(|callback| callback.name()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::InvalidArgument {
                op: "fit",
                rule: "callbacks that are saved must have names of their own",
                got: format!("two of name {:?}", twice[0]),
                repair: "give each another name",
            });
        }
        let newest = match &saved {
            None => None,
            Some(saved) => saved.folder.newest(&saved.identity)?,
        };
        let began = Instant::now();
        let bar = config.progress.start(config.epochs, loader.batches());
        let mut run = Self {
            config,
            schedule,
            callbacks,
            model,
            optimizer,
            task,
            loader,
            passes: Rng::seed(config.seed).stream(PASSES),
            saved,
            bar,
            began,
            average,
            from: (1, 0, Vec::new()),
            step: 0,
            skipped: 0,
            skipped_in_a_row: 0,
            stopped: false,
            waited: Duration::ZERO,
            history: History::new(),
            best: None,
        };
        // Of an earlier run.
        run.optimizer.to_train(run.model)?;
        let mut resumed = None;
        if let Some((state, damaged)) = newest {
            resumed = Some(Position { epoch: state.epoch, batch: state.batch, step: state.step });
            run.go_on_from(state, damaged)?;
        }
        let steps_per_epoch = run.steps_per_epoch();
        for callback in run.callbacks.iter_mut() {
            callback.on_start(&RunStart { epochs: config.epochs, steps_per_epoch, resumed }, run.model)?;
        }
        Ok(run)
    }

    fn steps_per_epoch(&self) -> u64 {
        self.loader.batches().div_ceil(self.config.accumulate) as u64
    }

    /// Takes a checkpoint over, `damaged` newer ones having been passed over.
    fn go_on_from(&mut self, state: RunState, damaged: usize) -> Result<()> {
        self.bar.resumed(state.epoch, state.step, damaged, &state.machine);
        match (&mut self.average, state.average) {
            (Some(mean), Some(Average { weights, steps })) => mean.load_state(weights, steps),
            (None, None) => {}
            (now, was) => {
                let says = |there: bool| if there { "some" } else { "none" };
                return Err(differs("averages of weights", says(was.is_some()), says(now.is_some())));
            }
        }
        self.model.load_state_dict(&state.model)?;
        self.optimizer.load_state(state.optimizer)?;
        for callback in self.callbacks.iter_mut() {
            if let Some(state) = callback.name().and_then(|name| state.callbacks.get(name)) {
                callback.restore(state)?;
            }
        }
        (self.step, self.skipped, self.skipped_in_a_row) =
            (state.step, state.skipped, state.skipped_in_a_row);
        (self.history, self.best, self.stopped) = (state.history, state.best, state.stopped);
        self.from = (state.epoch, state.batch, state.meter);
        Ok(())
    }

    /// What was measured so far in an epoch of which `done` batches were done when it was saved.
    fn meter(&mut self, done: usize) -> Result<Meter> {
        let mut meter = self.task.meter()?;
        let state = std::mem::take(&mut self.from.2);
        if done > 0 && !meter.restore(&state) {
            return Err(Error::InvalidArgument {
                op: "fit",
                rule: "a run must go on with the task that it began with",
                got: format!("measures {:?}", meter.names()),
                repair: "use the same task, or another folder for checkpoints",
            });
        }
        Ok(meter)
    }

    pub(super) fn finish(mut self, valid: Option<&dyn Source>) -> Result<Fit> {
        let profile = match self.config.profile {
            false => self.epochs(valid).map(|()| None),
            true => {
                let (done, profile) = autodiff::profile(|| self.epochs(valid));
                done.map(|()| Some(profile))
            }
        }?;
        for callback in self.callbacks.iter_mut() {
            callback.on_end(self.model)?;
        }
        let stopped_early = self.step < self.config.epochs as u64 * self.steps_per_epoch();
        let Self { config, model, optimizer, average, bar, best, history, .. } = self;
        bar.finish();
        optimizer.to_eval(model)?;
        if let Some(mut average) = average.filter(|average| average.steps() > 0) {
            average.swap(model)?;
        }
        let (best_epoch, best) = match best {
            Some((_, epoch, state)) => (epoch, state),
            None => (history.len(), model.state_dict()),
        };
        if config.restore_best {
            model.load_state_dict(&best)?;
        }
        let (steps, skipped) = (self.step, self.skipped);
        let (seconds, waited) = (self.began.elapsed().as_secs_f64(), self.waited.as_secs_f64());
        Ok(Fit { history, best_epoch, best, stopped_early, steps, skipped, seconds, waited, profile })
    }

    fn epochs(&mut self, valid: Option<&dyn Source>) -> Result<()> {
        for epoch in self.from.0..=self.config.epochs {
            if self.stopped {
                break;
            }
            self.epoch(epoch, valid)?;
        }
        Ok(())
    }

    fn epoch(&mut self, epoch: usize, valid: Option<&dyn Source>) -> Result<()> {
        let begin = Instant::now();
        self.bar.begin_epoch(epoch);
        let done = std::mem::take(&mut self.from.1);
        let mut meter = self.meter(done)?;
        if done == 0 {
            for callback in self.callbacks.iter_mut() {
                callback.on_epoch_start(epoch, self.model)?;
            }
        }
        let from = LoaderPosition { epoch: epoch as u64 - 1, batch: done };
        let loader = self.loader;
        std::thread::scope(|scope| -> Result<()> {
            let mut step: Option<Step> = None;
            let last = loader.batches();
            let noise = self.callbacks.iter().any(|callback| callback.wants_grad_noise());
            let mut batches = loader.ahead(scope, from, self.config.workers)?;
            let mut at = Position { epoch, batch: done, step: self.step };
            loop {
                let asked = Instant::now();
                let Some(batch) = batches.next().transpose()? else { break };
                self.waited += asked.elapsed();
                at = Position { batch: at.batch + 1, step: self.step, ..at };
                let current = step.get_or_insert_with(|| {
                    Step::new(self.passes.stream(self.step), self.config.accumulate).with_noise(noise)
                });
                current.add(self.model, self.task, &batch, &mut meter)?;
                self.bar.advance(rows(&batch), || meter.values());
                if let Some(full) = step.take_if(|step| step.is_full() || at.batch == last) {
                    self.make(full, at)?;
                    self.save_if_due(Position { step: self.step, ..at }, &meter)?;
                    if self.stopped {
                        break;
                    }
                }
            }
            Ok(())
        })?;
        if let Some(average) = &mut self.average {
            average.after_epoch(epoch, self.model)?;
        }
        let valid = valid.map(|valid| self.validate(valid)).transpose()?;
        let record = EpochRecord {
            epoch,
            step: self.step,
            train: meter.values(),
            valid: valid.map(|v| v.values),
            lr: self.optimizer.lr(),
            seconds: begin.elapsed().as_secs_f64(),
        };
        let (metric, direction) = &self.config.monitor;
        let part = if record.valid.is_some() { Part::Valid } else { Part::Train };
        // A measure that is not defined on this part is worse than any that is.
        let value = record.value(part, metric).unwrap_or(f64::NAN);
        let improved = self.best.as_ref().is_none_or(|(best, ..)| direction.improves(value, *best));
        if improved {
            let weights = self.averaged(|model| Ok(model.state_dict()))?;
            self.best = Some((value, epoch, weights));
        }
        self.bar.end_epoch(&record, if improved { "best" } else { "" });
        self.history.push(record.clone())?;
        for callback in self.callbacks.iter_mut() {
            self.stopped |= callback.on_epoch(&record, self.model)? == Flow::Stop;
        }
        let waited = epoch - self.best.as_ref().map_or(0, |(_, epoch, _)| *epoch);
        self.stopped |= self.config.early_stopping.is_some_and(|rule| waited >= rule.patience.max(1));
        let at = Position { epoch: epoch + 1, batch: 0, step: self.step };
        self.save(at, Vec::new())?;
        let over = self.stopped || epoch == self.config.epochs;
        if over { Ok(()) } else { self.leave_if_asked(at) }
    }

    /// The optimizer's part of a step, whose batches are done at `at`.
    fn make(&mut self, step: Step, at: Position) -> Result<()> {
        let skips = matches!(self.config.not_finite, OnNotFinite::Skip { .. });
        let wanted = self.callbacks.iter().any(|callback| callback.wants_grad_norm());
        let mut made = step.finish(skips || wanted || self.config.clip_norm.is_some())?;
        if let Some(schedule) = self.schedule {
            self.optimizer.set_lr(schedule.lr(self.step))?;
        }
        let grads = made.grads.take();
        let skipped = grads.is_none();
        match grads {
            Some(mut grads) => {
                if let (Some(max), Some(norm)) = (self.config.clip_norm, made.norm) {
                    clip_grads_with_norm(&mut grads, max, norm)?;
                }
                for callback in self.callbacks.iter_mut() {
                    callback.on_gradients(at, self.model, &mut grads)?;
                }
                self.optimizer.step(self.model, &grads)?;
                // Averages and callbacks have the memory of the gradients.
                drop(grads);
                if let Some(average) = &mut self.average {
                    average.after_step(self.model)?;
                }
                self.skipped_in_a_row = 0;
            }
            None => {
                may_skip(self.config, self.skipped_in_a_row, &made, at.epoch, at.step)?;
                self.skipped += 1;
                self.skipped_in_a_row += 1;
            }
        }
        self.step += 1;
        let record = StepRecord {
            at: Position { step: self.step, ..at },
            loss: made.loss,
            lr: self.optimizer.lr(),
            grad_norm: made.norm,
            noise: made.noise,
            skipped,
        };
        for callback in self.callbacks.iter_mut() {
            self.stopped |= callback.on_step(&record, self.model)? == Flow::Stop;
        }
        Ok(())
    }

    /// Runs `part` on the model with its averages in place, where there are any.
    fn averaged<T>(&mut self, part: impl FnOnce(&L) -> Result<T>) -> Result<T> {
        self.optimizer.to_eval(self.model)?;
        let result = match self.average.as_mut().filter(|average| average.steps() > 0) {
            None => part(self.model),
            Some(average) => {
                average.swap(self.model)?;
                let result = part(self.model);
                average.swap(self.model)?;
                result
            }
        };
        self.optimizer.to_train(self.model)?;
        result
    }

    fn validate(&mut self, valid: &dyn Source) -> Result<Evaluation> {
        let (size, task) = (self.config.eval_batch_size, self.task);
        self.averaged(|model| measure(size, model, task, valid))
    }

    /// Behind a step: a checkpoint if it is time for one, or if the run is asked to end.
    fn save_if_due(&mut self, at: Position, meter: &Meter) -> Result<()> {
        let Some(saved) = self.saved.as_ref().filter(|_| !self.stopped) else { return Ok(()) };
        let asked = saved.signals.as_ref().is_some_and(Signals::seen);
        if asked || saved.folder.due(self.step) {
            self.save(at, meter.state())?;
        }
        self.leave_if_asked(at)
    }

    /// Ends a run that a signal asked to end, which has just been saved.
    fn leave_if_asked(&self, at: Position) -> Result<()> {
        let Some(saved) = &self.saved else { return Ok(()) };
        match saved.signals.as_ref().and_then(Signals::which) {
            None => Ok(()),
            Some(signal) => Err(Error::Interrupted {
                signal,
                epoch: at.epoch,
                step: at.step,
                path: saved.folder.dir().to_path_buf(),
            }),
        }
    }

    fn save(&mut self, at: Position, meter: Vec<f64>) -> Result<()> {
        let Some(saved) = &self.saved else { return Ok(()) };
        let state = RunState {
            identity: saved.identity.clone(),
            machine: RunState::this_machine(),
            epoch: at.epoch,
            batch: at.batch,
            step: at.step,
            skipped: self.skipped,
            skipped_in_a_row: self.skipped_in_a_row,
            stopped: self.stopped,
            meter,
            history: self.history.clone(),
            callbacks: (self.callbacks.iter())
                .filter_map(|callback| Some((callback.name()?.to_string(), callback.state())))
                .collect(),
            model: self.model.state_dict(),
            average: self
                .average
                .as_ref()
                .map(|mean| Average { weights: mean.state().clone(), steps: mean.steps() }),
            optimizer: self.optimizer.state(),
            best: self.best.clone(),
        };
        let path = saved.folder.save(&state, &self.config.monitor)?;
        for callback in self.callbacks.iter_mut() {
            callback.on_save(&path)?;
        }
        Ok(())
    }
}

/// A resumed run whose configuration is not what it was.
fn differs(what: &'static str, was: &str, now: &str) -> Error {
    Error::InvalidArgument {
        op: "fit",
        rule: "a run must go on with the configuration that it began with",
        got: format!("{what}: {now} where there were {was}"),
        repair: "run it as before, or choose another folder",
    }
}

/// Refuses what no run can be made of.
pub(super) fn check(config: &TrainConfig, task: &dyn Task) -> Result<()> {
    let refuse =
        |rule, got: &str, repair| Err(Error::InvalidArgument { op: "fit", rule, got: got.into(), repair });
    if config.epochs == 0 {
        return refuse("there must be at least one epoch", "0 epochs", "set epochs to 1 or more");
    }
    if config.accumulate == 0 {
        return refuse("a step must have at least one batch", "accumulate 0", "set accumulate to 1 or more");
    }
    let metric = config.monitor.0.as_str();
    let known = task.meter()?.names();
    match known.contains(&metric) {
        true => Ok(()),
        false => {
            let known = known.iter().map(|name| name.to_string()).collect();
            Err(Error::UnknownMetric { metric: metric.to_string(), known })
        }
    }
}
