//! What a run is made of between two steps.

use super::file;
use crate::error::{Error, Result};
use crate::history::History;
use crate::weights::{self, Refusal};
use bincode::{Decode, Encode};
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

/// What must be as it was for a run to go on.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Identity {
    pub seed: u64,
    pub batch_size: u64,
    /// Rows of the training part.
    pub rows: u64,
    /// A sum over the first training batch, so that other data of the same size is noticed.
    pub first_batch: u64,
    pub monitor: String,
}

impl Identity {
    fn differences(&self, now: &Self) -> Vec<String> {
        let mut all = Vec::new();
        let mut compare = |name: &str, was: String, is: String| {
            if was != is {
                all.push(format!("{name} {is} where it was {was}"));
            }
        };
        compare("seed", self.seed.to_string(), now.seed.to_string());
        compare("batch size", self.batch_size.to_string(), now.batch_size.to_string());
        compare("rows", self.rows.to_string(), now.rows.to_string());
        compare("monitor", self.monitor.clone(), now.monitor.clone());
        let hash = |x: u64| format!("{x:016x}");
        compare("first batch", hash(self.first_batch), hash(now.first_batch));
        all
    }
}

/// A run between two steps.
#[derive(Debug, Clone)]
pub(crate) struct RunState {
    pub identity: Identity,
    /// The epoch in progress, counted from 1, and the batches of it that are done.
    pub epoch: usize,
    pub batch: usize,
    pub step: u64,
    pub stopped: bool,
    pub meter: Vec<f64>,
    pub history: History,
    pub model: StateDict,
    pub optimizer: OptimizerState,
    /// Value, epoch and weights of the best epoch.
    pub best: Option<(f64, usize, StateDict)>,
}

/// What is small, as it is written.
#[derive(Encode, Decode)]
struct Head {
    identity: Identity,
    epoch: u64,
    batch: u64,
    step: u64,
    stopped: bool,
    meter: Vec<f64>,
    history: String,
    best: Option<(f64, u64)>,
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
            epoch: self.epoch as u64,
            batch: self.batch as u64,
            step: self.step,
            stopped: self.stopped,
            meter: self.meter.clone(),
            history: self.history.to_json()?,
            best: self.best.as_ref().map(|(value, epoch, _)| (*value, *epoch as u64)),
            optimizer: OptimizerHead { kind: kind.clone(), steps: *steps, lr: *lr, params },
        };
        let head = bincode::encode_to_vec(&head, config()).map_err(|e| Error::encode(OP, "head", e))?;
        let mut sections = vec![
            ("head", head),
            ("weights", weights::encode(&self.model)?),
            ("optimizer", weights::encode(&moments)?),
        ];
        if let Some((_, _, best)) = &self.best {
            sections.push(("best", weights::encode(best)?));
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
        let moments = weights::decode(section("optimizer")?)?;
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
            Some((value, epoch)) => Some((value, epoch as usize, weights::decode(section("best")?)?)),
            None => None,
        };
        let history =
            History::from_json(&head.history).map_err(|e| ("the history must be readable", e.to_string()))?;
        let OptimizerHead { kind, steps, lr, .. } = head.optimizer;
        Ok(Self {
            identity: head.identity,
            epoch: head.epoch as usize,
            batch: head.batch as usize,
            step: head.step,
            stopped: head.stopped,
            meter: head.meter,
            history,
            model: weights::decode(section("weights")?)?,
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
