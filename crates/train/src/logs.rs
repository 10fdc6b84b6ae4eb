//! Logs of a run that programs read: a line of JSON for each step and epoch, or a row of CSV for each epoch.

use crate::callback::{Callback, Flow, NoiseSample, RunStart, StepRecord};
use crate::error::{Error, Result};
use crate::history::{EpochRecord, MetricValues};
use nn::Module;
use optim::GradientNoise;
use serde_json::{Map, Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const OP: &str = "log";

/// A file that lines are added to. A resumed run goes on behind what its checkpoint had seen, so that no line is there twice.
struct Lines {
    path: PathBuf,
    file: File,
    len: u64,
    /// Whether `len` was taken from a checkpoint.
    restored: bool,
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        let path = path.to_path_buf();
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let open = || {
            dir.map_or(Ok(()), fs::create_dir_all)?;
            OpenOptions::new().create(true).truncate(false).write(true).open(&path)
        };
        match open() {
            Ok(file) => Ok(Self { path, file, len: 0, restored: false }),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Before the first step: what is in the file beyond what is known goes. A run that was resumed without knowing of the file adds
    /// to its end.
    fn start(&mut self, resumed: bool) -> Result<()> {
        let run = |file: &mut File, len: &mut u64| -> io::Result<()> {
            if resumed && !self.restored {
                *len = file.metadata()?.len();
            }
            // A file that was removed or cut begins at its end, not behind zeros.
            *len = (*len).min(file.metadata()?.len());
            file.set_len(*len)?;
            file.seek(SeekFrom::Start(*len)).map(|_| ())
        };
        run(&mut self.file, &mut self.len).map_err(|source| failed(&self.path, source))
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        let Ok(len) = <[u8; 8]>::try_from(state) else {
            return Err(Error::BadFile {
                op: OP,
                rule: "the state of a log must be a length",
                path: self.path.clone(),
                got: format!("{} bytes", state.len()),
            });
        };
        (self.len, self.restored) = (u64::from_le_bytes(len), true);
        Ok(())
    }

    fn add(&mut self, mut line: String) -> Result<()> {
        line.push('\n');
        // Whole lines, at once: whoever reads while it is written sees no half of one.
        self.file.write_all(line.as_bytes()).map_err(|source| failed(&self.path, source))?;
        self.len += line.len() as u64;
        Ok(())
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    let (rule, repair) = ("the log must be writable", "check the path, your rights and the disk");
    Error::Io { op: OP, rule, path: path.to_path_buf(), source, repair }
}

/// What a callback does that writes `lines`: it begins, and remembers how far it came.
macro_rules! keeps_its_lines {
    () => {
        fn on_start(&mut self, run: &RunStart, _: &mut dyn Module) -> Result<()> {
            self.lines.start(run.resumed.is_some())
        }
        fn name(&self) -> Option<&str> {
            self.lines.path.to_str()
        }
        fn state(&self) -> Vec<u8> {
            self.lines.len.to_le_bytes().to_vec()
        }
        fn restore(&mut self, state: &[u8]) -> Result<()> {
            self.lines.restore(state)
        }
    };
}

/// A number, or `null` where JSON has none.
fn number(x: f64) -> Value {
    serde_json::Number::from_f64(x).map_or(Value::Null, Value::Number)
}

fn object(values: &MetricValues) -> Value {
    Value::Object(values.iter().map(|(name, x)| (name.to_string(), number(x))).collect::<Map<_, _>>())
}

/// A line of JSON for each epoch, and for steps: `{"event":"step","step":3,"epoch":1,"loss":0.5,"lr":0.01,"grad_norm":null,
/// "skipped":false}`, `{"event":"epoch","epoch":1,"step":3,"lr":0.01,"seconds":0.1,"train":{..},"valid":{..}}`.
///
/// A resumed run goes on behind the lines that its checkpoint had seen: none is missing or there twice.
pub struct JsonLog {
    lines: Lines,
    every: Option<u64>,
    grad_norm: bool,
    noise: Option<GradientNoise>,
}

impl JsonLog {
    /// Into this file, whose folder is made; epochs alone. Errors: `Io`.
    pub fn new(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { lines: Lines::open(path.as_ref())?, every: None, grad_norm: false, noise: None })
    }

    /// Every so many steps, too.
    pub fn steps(mut self, every: u64) -> Self {
        self.every = Some(every.max(1));
        self
    }

    /// With the norms of gradients.
    pub fn grad_norm(mut self) -> Self {
        self.grad_norm = true;
        self
    }

    /// With `noise_scale`, the rows beyond which a batch mostly repeats itself, from the batches of each step: a running mean, where
    /// gradients are accumulated. A resumed run begins it anew.
    pub fn noise_scale(mut self) -> Self {
        self.noise = Some(GradientNoise::new(0.99));
        self
    }
}

impl Callback for JsonLog {
    fn wants_grad_norm(&self) -> bool {
        self.grad_norm
    }
    fn wants_grad_noise(&self) -> bool {
        self.noise.is_some()
    }
    keeps_its_lines!();

    fn on_step(&mut self, step: &StepRecord, _: &mut dyn Module) -> Result<Flow> {
        if let (Some(noise), Some(sample)) = (&mut self.noise, step.noise) {
            let NoiseSample { batch_rows, batch_square, step_rows, step_square } = sample;
            noise.update(batch_rows, batch_square, step_rows, step_square);
        }
        if self.every.is_some_and(|every| step.at.step.is_multiple_of(every)) {
            let mut line = json!({
                "event": "step",
                "step": step.at.step,
                "epoch": step.at.epoch,
                "loss": number(step.loss),
                "lr": number(step.lr),
                "grad_norm": step.grad_norm.map(number),
                "skipped": step.skipped,
            });
            if let Some(noise) = &self.noise {
                line["noise_scale"] = noise.scale().map_or(Value::Null, number);
            }
            self.lines.add(line.to_string())?;
        }
        Ok(Flow::Continue)
    }
    fn on_epoch(&mut self, record: &EpochRecord, _: &mut dyn Module) -> Result<Flow> {
        let line = json!({
            "event": "epoch",
            "epoch": record.epoch,
            "step": record.step,
            "lr": number(record.lr),
            "seconds": number(record.seconds),
            "train": object(&record.train),
            "valid": record.valid.as_ref().map(object),
        });
        self.lines.add(line.to_string())?;
        Ok(Flow::Continue)
    }
}

/// A row of CSV for each epoch, `epoch,step,lr,seconds,train_loss,..,valid_loss,..`; the columns are those of the first epoch, and what
/// is not defined is empty. A resumed run goes on as [`JsonLog`] does.
pub struct CsvLog {
    lines: Lines,
    /// Parts and names of the measures.
    columns: Vec<(bool, String)>,
}

impl CsvLog {
    /// Into this file, whose folder is made. Errors: `Io`.
    pub fn new(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { lines: Lines::open(path.as_ref())?, columns: Vec::new() })
    }

    fn add(&mut self, cells: Vec<String>) -> Result<()> {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        let written = writer.write_record(cells).map_err(|e| Error::encode(OP, "CSV", e));
        let bytes = written.and_then(|()| writer.into_inner().map_err(|e| Error::encode(OP, "CSV", e)))?;
        let line = String::from_utf8(bytes).map_err(|e| Error::encode(OP, "CSV", e))?;
        self.lines.add(line.trim_end_matches('\n').to_string())
    }
}

impl Callback for CsvLog {
    keeps_its_lines!();

    fn on_epoch(&mut self, record: &EpochRecord, _: &mut dyn Module) -> Result<Flow> {
        if self.columns.is_empty() {
            let names = |valid, values: &MetricValues| {
                values.iter().map(|(name, _)| (valid, name.to_string())).collect::<Vec<_>>()
            };
            self.columns = names(false, &record.train);
            self.columns.extend(record.valid.iter().flat_map(|values| names(true, values)));
            if self.lines.len == 0 {
                let mut header: Vec<String> = ["epoch", "step", "lr", "seconds"].map(String::from).into();
                let part = |valid| if valid { "valid" } else { "train" };
                header.extend(self.columns.iter().map(|(valid, name)| format!("{}_{name}", part(*valid))));
                self.add(header)?;
            }
        }
        let mut row = vec![
            record.epoch.to_string(),
            record.step.to_string(),
            record.lr.to_string(),
            format!("{:.3}", record.seconds),
        ];
        row.extend(self.columns.iter().map(|(valid, name)| {
            let values = if *valid { record.valid.as_ref() } else { Some(&record.train) };
            values.and_then(|values| values.get(name)).map_or(String::new(), |x| x.to_string())
        }));
        self.add(row)?;
        Ok(Flow::Continue)
    }
}
