//! What happened in each epoch: the record that plots, reports and early stopping read.

mod values;

use crate::atomic::write_atomic;
use crate::error::{Error, Result};
use crate::format;
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
pub use values::MetricValues;

const OP: &str = "history";

/// A part of the data, as it is named in files and plots.
///
/// ```
/// use train::Part;
/// assert_eq!((Part::Valid.to_string(), Part::Valid.prefix()), ("valid".into(), "val_"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// What the parameters are fitted to.
    Train,
    /// What the epoch is chosen by.
    Valid,
}

impl Part {
    /// What stands before a metric's name in one line with both parts: nothing, or `val_`.
    pub fn prefix(self) -> &'static str {
        match self {
            Part::Train => "",
            Part::Valid => "val_",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Part::Train => "train",
            Part::Valid => "valid",
        })
    }
}

/// Which way a metric is better.
///
/// ```
/// use train::Direction;
/// assert!(Direction::Lower.improves(0.1, 0.2));
/// assert!(Direction::Higher.improves(0.2, f64::NAN));
/// assert!(!Direction::Higher.improves(f64::NAN, 0.2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Lower is better, as for a loss.
    Lower,
    /// Higher is better, as for an accuracy.
    Higher,
}

impl Direction {
    /// Whether `new` is strictly better than `best`. Not-a-number is worse than everything else.
    pub fn improves(self, new: f64, best: f64) -> bool {
        if best.is_nan() {
            return !new.is_nan();
        }
        match self {
            Direction::Lower => new < best,
            Direction::Higher => new > best,
        }
    }
}

/// One epoch.
///
/// ```
/// use train::{EpochRecord, MetricValues};
/// let record = EpochRecord {
///     epoch: 1,
///     step: 23,
///     train: MetricValues::from([("loss", 0.5)]),
///     valid: None,
///     lr: 1e-3,
///     seconds: 0.2,
/// };
/// assert_eq!(record.train.get("loss"), Some(0.5));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The optimizer steps taken since the start of the run.
    pub step: u64,
    /// The metrics on the training part.
    pub train: MetricValues,
    /// The metrics on the validation part, if there is one.
    pub valid: Option<MetricValues>,
    /// The learning rate of the epoch's last step.
    pub lr: f64,
    /// The wall-clock time of the epoch, in seconds.
    pub seconds: f64,
}

impl EpochRecord {
    /// The value of a metric on one part.
    pub fn value(&self, part: Part, metric: &str) -> Option<f64> {
        match part {
            Part::Train => self.train.get(metric),
            Part::Valid => self.valid.as_ref().and_then(|v| v.get(metric)),
        }
    }
}

/// The epochs of a run, in order.
///
/// ```
/// use train::{Direction, EpochRecord, History, MetricValues, Part};
/// let mut history = History::new();
/// for (epoch, loss) in [(1, 0.9), (2, 0.4), (3, 0.6)] {
///     let valid = Some(MetricValues::from([("loss", loss)]));
///     let train = MetricValues::from([("loss", loss / 2.0)]);
///     history.push(EpochRecord { epoch, step: 0, train, valid, lr: 0.1, seconds: 1.0 }).unwrap();
/// }
/// assert_eq!(history.best(Part::Valid, "loss", Direction::Lower).unwrap().epoch, 2);
/// assert!(history.to_csv().unwrap().starts_with("epoch,step,lr,seconds,train_loss,valid_loss\n1,0,0.1,1.0,0.45,0.9\n"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct History {
    epochs: Vec<EpochRecord>,
}

/// The file's form, before its order is checked.
#[derive(Deserialize)]
struct Wire {
    epochs: Vec<EpochRecord>,
}

impl TryFrom<Wire> for History {
    type Error = Error;

    fn try_from(wire: Wire) -> Result<Self> {
        let mut history = History::new();
        wire.epochs.into_iter().try_for_each(|r| history.push(r))?;
        Ok(history)
    }
}

impl History {
    /// A history of no epochs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an epoch.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless the epoch's number is greater than the last one's.
    pub fn push(&mut self, record: EpochRecord) -> Result<()> {
        if let Some(last) = self.epochs.last()
            && record.epoch <= last.epoch
        {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "epochs must be added in increasing order",
                got: format!("epoch {} after epoch {}", record.epoch, last.epoch),
                repair: "add each epoch once, or start a new history",
            });
        }
        self.epochs.push(record);
        Ok(())
    }

    /// The epochs in order.
    pub fn epochs(&self) -> &[EpochRecord] {
        &self.epochs
    }

    /// The number of epochs.
    pub fn len(&self) -> usize {
        self.epochs.len()
    }

    /// Whether there is no epoch yet.
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    /// The last epoch.
    pub fn last(&self) -> Option<&EpochRecord> {
        self.epochs.last()
    }

    /// The first epoch with the best value of a metric; `None` where it was never measured or always not-a-number.
    pub fn best(&self, part: Part, metric: &str, direction: Direction) -> Option<&EpochRecord> {
        let mut best: Option<(f64, &EpochRecord)> = None;
        for record in &self.epochs {
            if let Some(value) = record.value(part, metric)
                && direction.improves(value, best.map_or(f64::NAN, |b| b.0))
            {
                best = Some((value, record));
            }
        }
        best.map(|b| b.1)
    }

    /// A metric over the epochs that have it, as (epoch, value).
    pub fn series(&self, part: Part, metric: &str) -> Vec<(usize, f64)> {
        self.epochs.iter().filter_map(|r| Some((r.epoch, r.value(part, metric)?))).collect()
    }

    /// The names of the metrics of one part, in the order in which they first appeared.
    pub fn metrics(&self, part: Part) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for record in &self.epochs {
            let values = match part {
                Part::Train => Some(&record.train),
                Part::Valid => record.valid.as_ref(),
            };
            for (name, _) in values.into_iter().flat_map(MetricValues::iter) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The history as CSV: `epoch,step,lr,seconds,train_*...,valid_*...`; numbers read back to the same bits, and
    /// a value that was not measured is an empty cell.
    ///
    /// # Errors
    /// [`Error::Encoding`] only if the encoder fails, which it has no reason to.
    pub fn to_csv(&self) -> Result<String> {
        let columns: Vec<(Part, &str)> = [Part::Train, Part::Valid]
            .into_iter()
            .flat_map(|part| self.metrics(part).into_iter().map(move |m| (part, m)))
            .collect();
        let broken = |e: csv::Error| Error::encode(OP, "CSV", e);
        let mut out = csv::Writer::from_writer(Vec::new());
        let fixed = ["epoch", "step", "lr", "seconds"].map(String::from);
        out.write_record(fixed.into_iter().chain(columns.iter().map(|(p, m)| format!("{p}_{m}"))))
            .map_err(broken)?;
        for r in &self.epochs {
            let fixed = [r.epoch.to_string(), r.step.to_string(), exact(r.lr), exact(r.seconds)];
            let values = columns.iter().map(|&(p, m)| r.value(p, m).map_or_else(String::new, exact));
            out.write_record(fixed.into_iter().chain(values)).map_err(broken)?;
        }
        let bytes = out.into_inner().map_err(|e| Error::encode(OP, "CSV", e))?;
        String::from_utf8(bytes).map_err(|e| Error::encode(OP, "CSV", e))
    }

    /// The history as JSON, `{"epochs": [...]}`; not-a-number and the infinities are the strings `"NaN"`, `"inf"`
    /// and `"-inf"`, which JSON has no numbers for.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the learning rate or the time is not finite.
    ///
    /// ```
    /// use train::History;
    /// assert_eq!(History::new().to_json().unwrap(), "{\n  \"epochs\": []\n}");
    /// ```
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(|e| Error::encode(OP, "JSON", e))
    }

    /// Reads what [`History::to_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Encoding`] with the line and column of what is wrong.
    ///
    /// ```
    /// use train::History;
    /// let history = History::from_json(r#"{"epochs": []}"#).unwrap();
    /// assert!(history.is_empty());
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| Error::Encoding {
            op: OP,
            format: "JSON",
            message: e.to_string(),
            repair: "use a file that this crate wrote",
        })
    }

    /// Writes [`History::to_csv`] to a file, whole or not at all.
    ///
    /// # Errors
    /// As [`write_atomic`].
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        let text = self.to_csv()?;
        write_atomic(path, |out| out.write_all(text.as_bytes()))
    }

    /// Writes [`History::to_json`] to a file, whole or not at all.
    ///
    /// # Errors
    /// As [`write_atomic`].
    pub fn save_json(&self, path: impl AsRef<Path>) -> Result<()> {
        let text = self.to_json()?;
        write_atomic(path, |out| out.write_all(text.as_bytes()))
    }

    /// The history as an aligned table, a row for each epoch.
    pub fn table(&self) -> Table {
        let columns: Vec<(Part, &str)> = [Part::Train, Part::Valid]
            .into_iter()
            .flat_map(|part| self.metrics(part).into_iter().map(move |m| (part, m)))
            .collect();
        let names = columns.iter().map(|(p, m)| format!("{}{m}", p.prefix()));
        let mut table = Table::new(
            ["epoch".to_string()].into_iter().chain(names).chain(["lr".to_string(), "time".to_string()]),
        );
        for r in &self.epochs {
            let values = columns.iter().map(|&(p, m)| r.value(p, m).map_or_else(String::new, format::metric));
            let tail = [format::metric(r.lr), format::duration(r.seconds)];
            table.row([r.epoch.to_string()].into_iter().chain(values).chain(tail));
        }
        table
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table().fmt(f)
    }
}

/// The shortest text that reads back to the same bits.
fn exact(x: f64) -> String {
    if x.is_finite() { format!("{x:?}") } else { format::metric(x) }
}

#[cfg(test)]
mod tests;
