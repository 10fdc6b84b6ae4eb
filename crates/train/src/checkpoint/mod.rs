//! Runs that can be killed at any instant and go on from where they were, to the same bits.
//!
//! A checkpoint is one file, `step-0000000042.ckpt`, written whole or not at all. What resumes is the newest one that is whole and
//! belongs to the run; one that is damaged is passed over. A folder belongs to one run at a time.

mod file;
mod state;
mod tensors;

pub(crate) use state::{Average, Identity, RunState};

use crate::atomic::write_atomic;
use crate::error::{Error, Result};
use crate::history::Direction;
use std::cell::Cell;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const OP: &str = "checkpoint";

/// Where and when a run is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointConfig {
    /// The folder, which is made if it is not there. A run whose folder has checkpoints of its own goes on from the newest.
    pub dir: PathBuf,
    /// Steps between two checkpoints; the end of each epoch is one in any case.
    pub every_steps: Option<u64>,
    /// Time between two checkpoints, looked at behind each step.
    pub every: Option<Duration>,
    /// The newest ones that are kept, at least 1.
    pub keep: usize,
    /// Those of the best epochs that are kept besides.
    pub keep_best: usize,
    /// Whether SIGINT (Ctrl-C) and SIGTERM let the step in progress end and save the run.
    pub on_signals: bool,
}

impl CheckpointConfig {
    /// The end of each epoch in this folder, the last two of them kept, and one when the run is asked to end.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), every_steps: None, every: None, keep: 2, keep_best: 0, on_signals: true }
    }
}

/// The folder of a run, locked.
pub(crate) struct Checkpoints {
    config: CheckpointConfig,
    lock: File,
    /// When the last one was written, or the run began.
    last: Cell<Instant>,
}

impl Drop for Checkpoints {
    /// By itself, not by closing: a process that was forked in this moment has the file open too.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

fn io<'a>(
    rule: &'static str,
    path: &'a Path,
    repair: &'static str,
) -> impl FnOnce(std::io::Error) -> Error + use<'a> {
    move |source| Error::Io { op: OP, rule, path: path.to_path_buf(), source, repair }
}

impl Checkpoints {
    /// Makes the folder and takes it for this run.
    pub(crate) fn open(config: &CheckpointConfig) -> Result<Self> {
        if config.keep == 0 || config.every_steps == Some(0) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there must be a step between checkpoints, and one must be kept",
                got: format!("every {:?} steps, keep {}", config.every_steps, config.keep),
                repair: "use at least 1 for both",
            });
        }
        let dir = &config.dir;
        fs::create_dir_all(dir).map_err(io(
            "the folder must be there",
            dir,
            "check the path and your rights",
        ))?;
        let path = dir.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(io("the folder must be writable", &path, "check your rights"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { config: config.clone(), lock, last: Cell::new(Instant::now()) }),
            Err(TryLockError::WouldBlock) => Err(Error::InvalidArgument {
                op: OP,
                rule: "a folder belongs to one run at a time",
                got: format!("'{}', in which another run is at work", dir.display()),
                repair: "wait for it, or give this run a folder of its own",
            }),
            Err(TryLockError::Error(source)) => {
                Err(io("the folder must be lockable", &path, "use a folder of a local disk")(source))
            }
        }
    }

    /// Checkpoints by step, the newest first.
    fn list(&self) -> Result<Vec<(u64, PathBuf)>> {
        let dir = &self.config.dir;
        let entries =
            fs::read_dir(dir).map_err(io("the folder must be readable", dir, "check your rights"))?;
        let mut found: Vec<(u64, PathBuf)> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?;
                let step = name.strip_prefix("step-")?.strip_suffix(".ckpt")?.parse().ok()?;
                Some((step, path))
            })
            .collect();
        found.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
        Ok(found)
    }

    /// The newest whole checkpoint, and how many newer ones were damaged.
    ///
    /// Errors: one that is whole and belongs to another run or version; where there are some and none is whole.
    pub(crate) fn newest(&self, of: &Identity) -> Result<Option<(RunState, usize)>> {
        let all = self.list()?;
        let mut damaged = None;
        for (i, (_, path)) in all.iter().enumerate() {
            let read = fs::read(path).map_err(io("the file must be readable", path, "check your rights"))?;
            match RunState::decode(&read) {
                Ok(state) => {
                    state.check(of, path)?;
                    return Ok(Some((state, i)));
                }
                // A newer version is no damage: to begin anew would lose it.
                Err((rule @ file::VERSION_RULE, got)) => {
                    return Err(Error::BadFile { op: OP, rule, path: path.clone(), got });
                }
                Err((rule, got)) => {
                    damaged.get_or_insert(Error::BadFile { op: OP, rule, path: path.clone(), got });
                }
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.config.dir
    }

    /// Whether a checkpoint is due behind this step.
    pub(crate) fn due(&self, step: u64) -> bool {
        self.config.every_steps.is_some_and(|every| step.is_multiple_of(every))
            || self.config.every.is_some_and(|every| self.last.get().elapsed() >= every)
    }

    /// Writes a checkpoint, and removes those that are too many; `monitor` says which epochs are the best.
    pub(crate) fn save(&self, state: &RunState, monitor: &(String, Direction)) -> Result<PathBuf> {
        let bytes = state.encode()?;
        let path = self.config.dir.join(format!("step-{:010}.ckpt", state.step));
        write_atomic(&path, |out| out.write_all(&bytes))?;
        let best = state.best_steps(self.config.keep_best, monitor);
        for (step, path) in self.list()?.into_iter().skip(self.config.keep) {
            if best.contains(&step) {
                continue;
            }
            fs::remove_file(&path).map_err(io(
                "an old checkpoint must be removable",
                &path,
                "check your rights",
            ))?;
        }
        self.last.set(Instant::now());
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
