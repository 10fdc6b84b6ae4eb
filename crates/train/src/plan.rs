//! What a run will cost, before its first step.

use crate::error::{Error, Result};
use crate::format;
use crate::kept::tried;
use crate::task::Task;
use crate::trainer::{Mean, OneStep, TrainConfig, measure};
use data::{Batch, BatchConfig, BatchPlan, Source};
use nn::Layer;
use optim::Optimizer;
use std::fmt;
use std::time::Instant;
use tensor::{Rng, memory_stats, product_flops, release_pooled_memory, reset_peak_memory, trace_memory};

/// Steps of a probe, of which the fastest is taken for the time: the first ones meet a cold cache.
const REPEATS: usize = 3;

/// What a run will cost, as [`Trainer::plan`](crate::Trainer::plan) says before its first step.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Elements of all parameters.
    pub params: usize,
    /// Elements of those that are trained.
    pub trainable: usize,
    /// Rows of a step.
    pub rows: usize,
    /// Floating-point operations of a step's products, forward and backward; see [`tensor::product_flops`].
    pub step_flops: u64,
    /// The most bytes that tensors will take at once: weights, moments, averages, the best weights, gradients, what a pass keeps
    /// for its gradient, evaluation, and what is there already, such as the data.
    pub peak_bytes: usize,
    /// What the process will have at most of the machine's memory, where the system tells what it has now: with blocks that
    /// wait to be used again, and with the program itself.
    pub process_bytes: Option<usize>,
    /// About how long a step takes, in seconds.
    pub step_seconds: f64,
    /// Optimizer steps of an epoch.
    pub steps_per_epoch: usize,
    /// Epochs.
    pub epochs: usize,
}

impl Plan {
    /// About how long all steps take, in seconds; validation is not in it.
    pub fn seconds(&self) -> f64 {
        self.step_seconds * (self.steps_per_epoch * self.epochs) as f64
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let process = match self.process_bytes {
            Some(bytes) => format!(", {}B with the rest of the process", format::si(bytes as f64)),
            None => String::new(),
        };
        writeln!(f, "parameters  {}, {} trained", self.params, self.trainable)?;
        writeln!(
            f,
            "a step      {} rows, {}FLOP of products, about {}",
            self.rows,
            format::si(self.step_flops as f64),
            format::duration(self.step_seconds)
        )?;
        writeln!(f, "memory      {}B of tensors at most{process}", format::si(self.peak_bytes as f64))?;
        write!(
            f,
            "time        about {} for {} epochs of {} steps",
            format::duration(self.seconds()),
            self.epochs,
            self.steps_per_epoch
        )
    }
}

/// What was measured on some rows.
struct Probe {
    rows: usize,
    /// Bytes in use behind each block that a step took.
    used: Vec<usize>,
    /// Bytes taken from the system for each that was in use at most.
    waste: f64,
    flops: u64,
    seconds: f64,
}

impl Probe {
    fn peak(&self) -> f64 {
        self.used.iter().max().copied().unwrap_or(0) as f64
    }
}

/// A quantity at `rows`, from what it is at two smaller numbers of rows, along a line.
fn along((a, at_a): (usize, f64), (b, at_b): (usize, f64), rows: usize) -> f64 {
    at_a + (at_b - at_a) * (rows as f64 - a as f64) / (b as f64 - a as f64)
}

/// The largest use of memory at `rows`: each moment of a step has a line of its own, and another moment may be the highest than in
/// smaller steps. `None` where the steps were not the same sequence.
fn highest(a: &Probe, b: &Probe, rows: usize) -> Option<f64> {
    let same = a.used.len() == b.used.len() && !b.used.is_empty();
    let moments = a.used.iter().zip(&b.used);
    let lines = moments.map(|(&x, &y)| along((a.rows, x as f64), (b.rows, y as f64), rows));
    same.then(|| lines.fold(0.0, f64::max))
}

/// Fewer rows than these are not divided.
const FEW: usize = 32;

fn in_use() -> usize {
    let stats = memory_stats();
    stats.system_bytes - stats.pooled_bytes
}

/// Runs `f` some times. Errors: those of `f`.
fn probe(rows: usize, f: &mut dyn FnMut(usize) -> Result<()>) -> Result<Probe> {
    // What is there from the second time on, such as moments.
    f(rows)?;
    release_pooled_memory();
    reset_peak_memory();
    let (mut seconds, mut flops) = (f64::INFINITY, 0);
    for _ in 0..REPEATS {
        let (before, begin) = (product_flops(), Instant::now());
        f(rows)?;
        seconds = seconds.min(begin.elapsed().as_secs_f64());
        flops = product_flops() - before;
    }
    let stats = memory_stats();
    let waste = stats.system_bytes as f64 / stats.peak_bytes.max(1) as f64;
    let (done, used) = trace_memory(|| f(rows));
    done?;
    Ok(Probe { rows, used, waste, flops, seconds })
}

/// A step of `rows` rows: bytes at most, that with what waits in the pool, arithmetic and time.
struct Cost {
    peak: f64,
    system: f64,
    flops: f64,
    seconds: f64,
}

/// What `f` costs on `rows` rows, from what it costs on fewer: and, unless that is more than `limit`, from making it.
fn cost(rows: usize, limit: usize, mut f: impl FnMut(usize) -> Result<()>) -> Result<Cost> {
    let whole = |f: &mut dyn FnMut(usize) -> Result<()>| {
        let whole = probe(rows, f)?;
        let peak = whole.peak();
        Ok(Cost { peak, system: peak * whole.waste, flops: whole.flops as f64, seconds: whole.seconds })
    };
    if rows < FEW {
        return whole(&mut f);
    }
    // Blocks of memory come in four sizes to each power of two: what grows by such a factor wastes the same share.
    let (small, large) = (probe(rows / 8, &mut f)?, probe(rows / 4, &mut f)?);
    let line = |of: fn(&Probe) -> f64| along((small.rows, of(&small)), (large.rows, of(&large)), rows);
    // Steps that are not the same sequence have their highest moments on a line, or about.
    let peak = highest(&small, &large, rows).unwrap_or_else(|| line(Probe::peak));
    if peak <= limit as f64 {
        return whole(&mut f);
    }
    Ok(Cost {
        peak,
        system: peak * large.waste,
        flops: line(|probe| probe.flops as f64),
        seconds: line(|probe| probe.seconds).max(large.seconds),
    })
}

/// Bytes that a process may still take, where the system tells.
fn available() -> Option<usize> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
}

/// Half of it, or as much as there may be.
pub(crate) fn half_of_memory() -> usize {
    available().map_or(usize::MAX, |bytes| bytes / 2)
}

/// Resident bytes of this process, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
}

pub(crate) fn plan(
    config: &TrainConfig,
    limit: usize,
    model: &mut impl Layer,
    optimizer: &mut dyn Optimizer,
    task: &dyn Task,
    train: &dyn Source,
    valid: Option<&dyn Source>,
) -> Result<Plan> {
    if optimizer.steps() > 0 {
        return Err(Error::InvalidArgument {
            op: "plan",
            rule: "a run must be planned before its first step",
            got: format!("an optimizer that has made {} steps", optimizer.steps()),
            repair: "plan with a new optimizer",
        });
    }
    let TrainConfig { batch_size, seed, accumulate, epochs, .. } = *config;
    let batches =
        BatchPlan::new(train.len(), BatchConfig { batch_size, shuffle: None, drop_last: false })?.batches();
    let first = |rows: usize| -> Result<Batch> { Ok(train.batch(&(0..rows).collect::<Vec<_>>())?) };
    let mut average = config.average.map(Mean::new).transpose()?;
    let rng = Rng::seed(seed);
    let rows = batch_size.min(train.len());
    tried(model, optimizer, |model, optimizer, kept| {
        let before = in_use();
        let copied = kept.weights()?;
        let copy = in_use() - before;
        drop(copied);
        release_pooled_memory();
        let (held, resident) = (memory_stats().system_bytes, resident());
        let step = cost(rows, limit, |rows| {
            let mut step = OneStep::new(rng.clone(), accumulate);
            let mut meter = task.meter()?;
            while !step.is_full() {
                step.add(model, task, &first(rows)?, &mut meter)?;
            }
            if let Some(grads) = &step.finish(false)?.grads {
                optimizer.step(model, grads)?;
            }
            match &mut average {
                Some(average) => average.update(model),
                None => Ok(()),
            }
        })?;
        let eval = match valid {
            None => None,
            Some(valid) => Some(cost(config.eval_batch_size.min(valid.len()), limit, |rows| {
                optimizer.to_eval(model)?;
                let measured = measure(rows, model, task, &First(valid, rows));
                optimizer.to_train(model)?;
                measured.map(|_| ())
            })?),
        };
        let best = if epochs > 1 { copy as f64 } else { 0.0 };
        let worst = |of: fn(&Cost) -> f64| eval.as_ref().map_or(0.0, of).max(of(&step)) + best;
        let (peak, system) = (worst(|cost| cost.peak), worst(|cost| cost.system));
        let params = model.named_params();
        Ok(Plan {
            params: params.iter().map(|(_, p)| p.value().len()).sum(),
            trainable: params.iter().filter(|(_, p)| p.is_trainable()).map(|(_, p)| p.value().len()).sum(),
            rows: (rows * accumulate).min(train.len()),
            step_flops: step.flops as u64,
            peak_bytes: peak as usize,
            process_bytes: resident.map(|now| (now as f64 + system - held as f64).max(0.0) as usize),
            step_seconds: step.seconds,
            steps_per_epoch: batches.div_ceil(accumulate),
            epochs,
        })
    })
}

/// The first rows of a source.
struct First<'a>(&'a dyn Source, usize);

impl Source for First<'_> {
    fn len(&self) -> usize {
        self.1
    }
    fn batch(&self, rows: &[usize]) -> data::Result<Batch> {
        self.0.batch(rows)
    }
}
