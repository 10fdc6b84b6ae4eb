//! What a run is made of between two steps.

use super::{file, tensors};
use crate::error::{Error, Result};
use crate::history::{Direction, EpochRecord, History, Part};
use crate::trainer::TrainConfig;
use crate::weights::Refusal;
use bincode::{Decode, Encode};
use data::Source;
use nn::StateDict;
use optim::{OptimizerState, ParamState};
use std::collections::BTreeMap;
use std::path::Path;

const OP: &str = "checkpoint";
/// Largest head: histories and names, and a bound on what decoding may allocate.
const LIMIT: usize = 1 << 26;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// Rows of the data, evenly spaced, by which it is known again.
const PROBES: usize = 64;

/// What must be as it was for a run to go on.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Identity {
    pub seed: u64,
    pub batch_size: u64,
    /// Batches of a step.
    pub accumulate: u64,
    /// Rows of the training part.
    pub rows: u64,
    /// A sum over the first training batch, and one over rows of all parts of it, so that other data of the same size is noticed.
    pub first_batch: u64,
    pub probes: u64,
    pub monitor: String,
}

impl Identity {
    /// Of a run on these rows, as they are and not as an epoch sees them.
    pub(crate) fn new(config: &TrainConfig, train: &dyn Source) -> Result<Self> {
        let fingerprint = |rows: &[usize]| -> Result<u64> {
            let batch = train.batch(rows)?;
            let parts = [("features".to_string(), batch.features), ("targets".to_string(), batch.targets)];
            Ok(parts.into_iter().collect::<StateDict>().fingerprint()?)
        };
        let (n, first) = (train.len(), train.len().min(config.batch_size));
        let probes: Vec<usize> = (0..n.min(PROBES)).map(|i| n - 1 - i * (n - 1) / PROBES).collect();
        Ok(Self {
            seed: config.seed,
            batch_size: config.batch_size as u64,
            accumulate: config.accumulate as u64,
            rows: n as u64,
            first_batch: fingerprint(&(0..first).collect::<Vec<_>>())?,
            probes: fingerprint(&probes)?,
            monitor: config.monitor.0.clone(),
        })
    }

    fn differences(&self, now: &Self) -> Vec<String> {
        let mut all = Vec::new();
        let mut compare = |name: &str, was: String, is: String| {
            if was != is {
                all.push(format!("{name} {is} where it was {was}"));
            }
        };
        compare("seed", self.seed.to_string(), now.seed.to_string());
        compare("batch size", self.batch_size.to_string(), now.batch_size.to_string());
        compare("batches of a step", self.accumulate.to_string(), now.accumulate.to_string());
        compare("rows", self.rows.to_string(), now.rows.to_string());
        compare("monitor", self.monitor.clone(), now.monitor.clone());
        let hash = |x: u64| format!("{x:016x}");
        compare("first batch", hash(self.first_batch), hash(now.first_batch));
        compare("sum of samples", hash(self.probes), hash(now.probes));
        all
    }
}

/// Averages of weights.
#[derive(Debug, Clone)]
pub(crate) struct Average {
    pub weights: StateDict,
    pub steps: u64,
}

/// A run between two steps.
#[derive(Debug, Clone)]
pub(crate) struct RunState {
    pub identity: Identity,
    /// On what it was made: version of this crate, architecture, instruction set.
    pub machine: String,
    /// The epoch in progress, counted from 1, and the batches of it that are done.
    pub epoch: usize,
    pub batch: usize,
    pub step: u64,
    pub skipped: u64,
    pub skipped_in_a_row: u64,
    pub stopped: bool,
    pub meter: Vec<f64>,
    pub history: History,
    /// What callbacks remember, by name.
    pub callbacks: BTreeMap<String, Vec<u8>>,
    pub model: StateDict,
    pub average: Option<Average>,
    pub optimizer: OptimizerState,
    /// Value, epoch and weights of the best epoch.
    pub best: Option<(f64, usize, StateDict)>,
}

/// What is small, as it is written.
#[derive(Encode, Decode)]
struct Head {
    identity: Identity,
    machine: String,
    epoch: u64,
    batch: u64,
    step: u64,
    skipped: u64,
    skipped_in_a_row: u64,
    stopped: bool,
    meter: Vec<f64>,
    history: String,
    callbacks: BTreeMap<String, Vec<u8>>,
    best: Option<(f64, u64)>,
    /// Updates of the averages, if there are any.
    average: Option<u64>,
    optimizer: OptimizerHead,
}

#[derive(Encode, Decode)]
struct OptimizerHead {
    kind: String,
    steps: u64,
    lr: f64,
    /// Steps and names of moments by path.
    params: BTreeMap<String, (u64, Vec<String>)>,
}

/// The place of a moment among the optimizer's tensors.
fn moment(path: &str, name: &str) -> String {
    format!("{path}/{name}")
}

impl RunState {
    /// What the bits of a run depend on besides itself.
    pub(crate) fn this_machine() -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!("train {version}, {}, {:?}", std::env::consts::ARCH, tensor::simd_level())
    }

    /// The steps behind which the `count` best epochs ended; of equals the earlier.
    pub(super) fn best_steps(&self, count: usize, (metric, direction): &(String, Direction)) -> Vec<u64> {
        let value = |record: &EpochRecord| {
            let part = if record.valid.is_some() { Part::Valid } else { Part::Train };
            record.value(part, metric).unwrap_or(f64::NAN)
        };
        let mut left: Vec<&EpochRecord> = self.history.epochs().iter().collect();
        let mut best = Vec::new();
        while best.len() < count && !left.is_empty() {
            let mut at = 0;
            for i in 1..left.len() {
                if direction.improves(value(left[i]), value(left[at])) {
                    at = i;
                }
            }
            best.push(left.remove(at).step);
        }
        best
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let mut moments = StateDict::default();
        let mut params = BTreeMap::new();
        for (path, param) in &self.optimizer.params {
            for (name, tensor) in &param.moments {
                moments.insert(moment(path, name), tensor.clone());
            }
            params.insert(path.clone(), (param.steps, param.moments.keys().cloned().collect()));
        }
        let OptimizerState { kind, steps, lr, .. } = &self.optimizer;
        let head = Head {
            identity: self.identity.clone(),
            machine: self.machine.clone(),
            epoch: self.epoch as u64,
            batch: self.batch as u64,
            step: self.step,
            skipped: self.skipped,
            skipped_in_a_row: self.skipped_in_a_row,
            stopped: self.stopped,
            meter: self.meter.clone(),
            history: self.history.to_json()?,
            callbacks: self.callbacks.clone(),
            average: self.average.as_ref().map(|average| average.steps),
            best: self.best.as_ref().map(|(value, epoch, _)| (*value, *epoch as u64)),
            optimizer: OptimizerHead { kind: kind.clone(), steps: *steps, lr: *lr, params },
        };
        let head = bincode::encode_to_vec(&head, config()).map_err(|e| Error::encode(OP, "head", e))?;
        let mut sections = vec![
            ("head", head),
            ("weights", tensors::encode(&self.model)?),
            ("optimizer", tensors::encode(&moments)?),
        ];
        if let Some(average) = &self.average {
            sections.push(("average", tensors::encode(&average.weights)?));
        }
        if let Some((_, _, best)) = &self.best {
            sections.push(("best", tensors::encode(best)?));
        }
        Ok(file::encode(&sections))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let sections = file::decode(bytes)?;
        let section = |wanted: &str| {
            let found = sections.iter().find(|(name, _)| name == wanted);
            found
                .map(|(_, body)| *body)
                .ok_or_else(|| ("every section must be there", format!("no {wanted}")))
        };
        let (head, used): (Head, usize) = bincode::decode_from_slice(section("head")?, config())
            .map_err(|e| ("the head must be readable", e.to_string()))?;
        if used != section("head")?.len() {
            return Err(("the head must end where it says", format!("{used} bytes")));
        }
        let moments = tensors::decode(section("optimizer")?)?;
        let mut params = BTreeMap::new();
        for (path, (steps, names)) in head.optimizer.params {
            let mut param = ParamState { steps, ..ParamState::default() };
            for name in names {
                let tensor = moments.get(&moment(&path, &name)).cloned();
                let tensor = tensor.ok_or_else(|| ("every moment must be there", moment(&path, &name)))?;
                param.moments.insert(name, tensor);
            }
            params.insert(path, param);
        }
        let best = match head.best {
            Some((value, epoch)) => Some((value, epoch as usize, tensors::decode(section("best")?)?)),
            None => None,
        };
        let average = match head.average {
            Some(steps) => Some(Average { weights: tensors::decode(section("average")?)?, steps }),
            None => None,
        };
        let history =
            History::from_json(&head.history).map_err(|e| ("the history must be readable", e.to_string()))?;
        let OptimizerHead { kind, steps, lr, .. } = head.optimizer;
        Ok(Self {
            identity: head.identity,
            machine: head.machine,
            epoch: head.epoch as usize,
            batch: head.batch as usize,
            step: head.step,
            skipped: head.skipped,
            skipped_in_a_row: head.skipped_in_a_row,
            stopped: head.stopped,
            meter: head.meter,
            history,
            callbacks: head.callbacks,
            average,
            model: tensors::decode(section("weights")?)?,
            optimizer: OptimizerState { kind, steps, lr, params },
            best,
        })
    }

    /// Refuses the checkpoint of another run.
    pub(super) fn check(&self, now: &Identity, path: &Path) -> Result<()> {
        let differences = self.identity.differences(now);
        match differences.is_empty() {
            true => Ok(()),
            false => Err(Error::InvalidArgument {
                op: OP,
                rule: "a folder with checkpoints must be that of the same run",
                got: format!("{} in '{}'", differences.join(", "), path.display()),
                repair: "run it as before, or choose another folder",
            }),
        }
    }
}
