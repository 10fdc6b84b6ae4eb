//! Event files, which TensorBoard shows while a run goes on: curves, histograms, pictures, text and settings.
//!
//! ```
//! use tensor::{DType, Rng, Tensor};
//! use train::events::EventWriter;
//!
//! let dir = tempfile::tempdir().unwrap();
//! let mut events = EventWriter::create(dir.path().join("run-1"))?;
//! events.hparams([("lr", 1e-3.into()), ("optimizer", "adam".into())])?;
//! let weights = Rng::seed(0).normal([100], 0.0, 1.0, DType::F32)?;
//! for step in 0..10 {
//!     events.scalar("train/loss", step, 1.0 / (step + 1) as f64)?;
//!     events.histogram_tensor("layers.0/weight", step, &weights)?;
//! }
//! events.image("filters", 9, &Tensor::zeros([3, 8, 8], DType::U8)?)?;
//! events.text("notes", 9, "the *first* run")?;
//! events.flush()?;
//!
//! let name = events.path().file_name().unwrap().to_str().unwrap();
//! assert!(name.starts_with("events.out.tfevents."));
//! let bytes = std::fs::read(events.path()).unwrap();
//! assert_eq!(&bytes[23..38], b"\x1a\x0dbrain.Event:2"); // what every such file begins with, behind time and step
//! # Ok::<(), train::Error>(())
//! ```
//!
//! `tensorboard --logdir FOLDER` shows all runs of a folder, each a folder of its own; a `/` in a tag makes groups.
//!
//! **Format.** A file is a sequence of records (TFRecord): u64 length, u32 masked CRC-32C of the length, the data,
//! u32 masked CRC-32C of the data, little-endian. The data are a protocol-buffer message `Event` with a wall time in
//! seconds since 1970, a step, and one of: the version, a summary, a restart. The messages are those of TensorBoard's
//! `event.proto`, `summary.proto` and `tensor.proto`; the numbers of their fields stand beside the code that writes
//! them. Unlike the other files of this crate, these grow: a reader may meet half a record at the end, and waits for
//! the rest.

mod histogram;
mod hparam;
mod image;
mod message;
mod record;
mod wire;

use crate::error::{Error, Result};
pub use histogram::{Bins, Histogram};
pub use hparam::HParam;
use record::Records;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tensor::Tensor;
use wire::Message;

const OP: &str = "events";
const PREFIX: &str = "events.out.tfevents.";
/// What was recorded waits no longer than this for the next call before it goes to the file.
const PATIENCE: f64 = 10.0;
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes one event file of a run.
///
/// What is recorded goes to the file when 64 KiB have gathered, when 10 seconds have passed since it last did, by
/// [`flush`](Self::flush), and when the writer is dropped, which cannot tell an error. It is then with the system, not
/// yet safe from a power failure.
///
/// One folder is one run with one writer at a time: TensorBoard reads the files of a folder in the order of their names
/// and does not go back to an earlier one. A tag is for one kind of value: TensorBoard goes by the first that it finds.
///
/// # Errors
/// Every method that records returns
/// - [`Error::InvalidArgument`] for a tag that is empty or blank, a step of 2⁶³ or more, and what its own line says;
///   nothing is recorded then;
/// - [`Error::Io`] where the file cannot be written, on a full disk for example. What waits, 64 KiB or one event, is
///   kept, and the next call goes on where this one had to stop, so that the file is whole once there is space.
pub struct EventWriter {
    path: PathBuf,
    records: Records<File>,
    clock: Box<dyn FnMut() -> f64 + Send>,
    flushed: f64,
}

impl EventWriter {
    /// A new file `events.out.tfevents.SECONDS.HOST.PID.N` in a folder, which is made with its parents if it is not
    /// there. `SECONDS` are those since 1970, ten digits, or more than those of the files that are there, so that it
    /// comes after them in the order of names, and a folder's runs read one after another.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be made or read, or the file not be written.
    pub fn create(dir: impl AsRef<Path>) -> Result<Self> {
        Self::with_clock(dir, || {
            // Before 1970 there is nothing to count; no event is worth a failure over it.
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
        })
    }

    /// As [`create`](Self::create), for a run that goes on at `step`: what TensorBoard finds in earlier files of this
    /// step and later ones is dropped, since it will be recorded again. (PyTorch's `purge_step`, which TensorBoard
    /// 2.21 without its fast loader takes for the beginning of the run when it meets it first.) The fast loader,
    /// which is the usual one, goes by tags: it drops points when the tag gets one of the same or an earlier step.
    ///
    /// ```
    /// use train::events::EventWriter;
    /// let dir = tempfile::tempdir().unwrap();
    /// let mut first = EventWriter::create(dir.path())?;
    /// (0..=7).try_for_each(|step| first.scalar("loss", step, 0.5))?;
    /// drop(first); // killed after step 7; the last checkpoint is from before step 5
    /// let mut second = EventWriter::resume(dir.path(), 5)?;
    /// (5..=9).try_for_each(|step| second.scalar("loss", step, 0.4))?;
    /// assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2); // two files, one curve of ten points
    /// # Ok::<(), train::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`create`](Self::create), and [`Error::InvalidArgument`] for a step of 2⁶³ or more.
    pub fn resume(dir: impl AsRef<Path>, step: u64) -> Result<Self> {
        checked_step(step)?;
        let mut writer = Self::create(dir)?;
        writer.purge(step)?;
        Ok(writer)
    }

    /// As [`create`](Self::create), with the wall time of every event, in seconds since 1970, from a function.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn with_clock(
        dir: impl AsRef<Path>,
        mut clock: impl FnMut() -> f64 + Send + 'static,
    ) -> Result<Self> {
        let dir = dir.as_ref();
        let fail =
            |rule, repair| move |source| Error::Io { op: OP, rule, path: dir.to_path_buf(), source, repair };
        fs::create_dir_all(dir)
            .map_err(fail("the folder must be there or be made", "choose a folder that you may make"))?;
        let now = clock();
        // As a number of 64 bits: 0 where it is negative or not a number.
        let seconds = last_seconds(dir)
            .map_err(fail("the folder must be readable", "check its permissions"))?
            .map_or(now as u64, |last| (now as u64).max(last + 1));
        let (path, file) = create_file(dir, seconds.min(9_999_999_999)).map_err(fail(
            "a file must be made in the folder",
            "check its permissions and the free space, or choose another folder",
        ))?;
        let mut writer =
            EventWriter { path, records: Records::new(file), clock: Box::new(clock), flushed: now };
        writer.push(&message::event(now, 0, &message::file_version()))?;
        writer.flush()?;
        Ok(writer)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A point of a curve. Values are rounded to `f32`, beyond whose range they are infinite; NaN is recorded as it is.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Result<()> {
        self.scalars(step, [(tag, value)])
    }

    /// A point of each of several curves, of one time. All tags are checked before any point is recorded. (PyTorch's
    /// `add_scalars` makes a run of each curve; here they are curves of this run.)
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let mut events = train::events::EventWriter::create(dir.path())?;
    /// let measured = train::MetricValues::from([("loss", 0.3), ("accuracy", 0.9)]);
    /// events.scalars(100, measured.iter().map(|(name, value)| (format!("valid/{name}"), value)))?;
    /// assert!(events.scalars(100, [("valid/loss", 0.3), ("", 0.9)]).is_err());
    /// # Ok::<(), train::Error>(())
    /// ```
    pub fn scalars(
        &mut self,
        step: u64,
        values: impl IntoIterator<Item = (impl AsRef<str>, f64)>,
    ) -> Result<()> {
        let values =
            values.into_iter().map(|(tag, value)| Ok(message::scalar(checked_tag(tag.as_ref())?, value)));
        let values: Vec<Message> = values.collect::<Result<_>>()?;
        checked_step(step)?;
        if values.is_empty() { Ok(()) } else { self.record(step, &message::summary(values)) }
    }

    /// How values are distributed, in buckets 10 % wide ([`Bins::Exponential`]).
    ///
    /// Refuses a list of no values, and values that are not finite. TensorBoard keeps limits as `f32`, beyond whose
    /// range they are infinite.
    pub fn histogram<T: Copy + Into<f64>>(&mut self, tag: &str, step: u64, values: &[T]) -> Result<()> {
        self.histogram_of(tag, step, &Histogram::new(values, Bins::default())?)
    }

    /// As [`histogram`](Self::histogram), of the elements of a tensor of any shape and type.
    pub fn histogram_tensor(&mut self, tag: &str, step: u64, values: &Tensor) -> Result<()> {
        self.histogram_of(tag, step, &Histogram::of_tensor(values, Bins::default())?)
    }

    /// A histogram that was counted before, with buckets of one's choice.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let mut events = train::events::EventWriter::create(dir.path())?;
    /// use train::events::{Bins, Histogram};
    /// let gains = [0.99, 1.0, 1.01, 1.02]; // within 10 % of each other
    /// let histogram = Histogram::new(&gains, Bins::Even(3))?;
    /// assert_eq!(histogram.counts(), [1.0, 1.0, 2.0]);
    /// events.histogram_of("norm/gain", 0, &histogram)?;
    /// # Ok::<(), train::Error>(())
    /// ```
    pub fn histogram_of(&mut self, tag: &str, step: u64, histogram: &Histogram) -> Result<()> {
        self.value(step, message::histogram(checked_tag(tag)?, &histogram.message()))
    }

    /// A picture of shape (H, W) or (C, H, W): 1 channel is grey, 2 are grey and opacity, 3 are red, green and blue, 4
    /// these and opacity. Elements are bytes, or of a floating type from 0 to 1 and rounded to bytes.
    ///
    /// Refuses other shapes and types, pictures without pixels, and numbers outside 0 to 1. (PyTorch cuts those and
    /// rounds down.)
    pub fn image(&mut self, tag: &str, step: u64, image: &Tensor) -> Result<()> {
        checked_tag(tag)?;
        self.image_png(tag, step, &image::encode(image)?)
    }

    /// A picture that is a PNG file already, such as a plot; its size is read from it.
    ///
    /// Refuses bytes without the header of a PNG.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let mut events = train::events::EventWriter::create(dir.path())?;
    /// let chart = train::plot::LineChart::new("lr").series("lr", [(0.0, 0.1), (1.0, 0.0)]);
    /// events.image_png("schedule", 0, &chart.figure().png()?)?;
    /// assert!(events.image_png("schedule", 0, b"<svg/>").is_err());
    /// # Ok::<(), train::Error>(())
    /// ```
    pub fn image_png(&mut self, tag: &str, step: u64, png: &[u8]) -> Result<()> {
        self.value(step, message::image(checked_tag(tag)?, &image::message(png)?))
    }

    /// A text, which TensorBoard reads as Markdown. (PyTorch adds `/text_summary` to the tag.)
    pub fn text(&mut self, tag: &str, step: u64, text: &str) -> Result<()> {
        self.value(step, message::text(checked_tag(tag)?, text))
    }

    /// The settings of the run, for the table in which TensorBoard compares runs by their settings and last scalars.
    /// TensorBoard takes the first that it finds in a folder, and cannot show the table where a step is 2³¹ or more.
    /// (PyTorch opens a run of its own for them.)
    ///
    /// Refuses a list of no settings, blank names and a name that occurs twice.
    pub fn hparams(&mut self, settings: impl IntoIterator<Item = (impl Into<String>, HParam)>) -> Result<()> {
        let settings: Vec<(String, HParam)> =
            settings.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let repair = "give each setting once, by its name";
        if settings.is_empty() {
            return refuse("there must be a setting", "none", repair);
        }
        for (i, (name, _)) in settings.iter().enumerate() {
            if name.trim().is_empty() || settings[..i].iter().any(|(other, _)| other == name) {
                return refuse("names of settings must differ and not be blank", format!("{name:?}"), repair);
            }
        }
        let now = (self.clock)();
        self.record_at(now, 0, &message::summary([message::hparams(&settings, now)]))
    }

    /// Says that the run begins anew at `step`: TensorBoard drops what it has of this step and later ones. It is what
    /// [`resume`](Self::resume) does first; by itself it is for a run that goes back without ending.
    pub fn purge(&mut self, step: u64) -> Result<()> {
        checked_step(step)?;
        // Twice: TensorBoard takes the first of a folder for the beginning of a run, and drops nothing for it.
        self.record(step, &message::start())?;
        self.record(step, &message::start())
    }

    /// Hands everything recorded to the system.
    ///
    /// # Errors
    /// [`Error::Io`]; what is not yet written is kept, as for every method.
    pub fn flush(&mut self) -> Result<()> {
        let now = (self.clock)();
        self.flush_at(now)
    }

    fn value(&mut self, step: u64, value: Message) -> Result<()> {
        checked_step(step)?;
        self.record(step, &message::summary([value]))
    }

    fn record(&mut self, step: u64, what: &Message) -> Result<()> {
        let now = (self.clock)();
        self.record_at(now, step, what)
    }

    fn record_at(&mut self, now: f64, step: u64, what: &Message) -> Result<()> {
        self.push(&message::event(now, step, what))?;
        // A clock that was put back must not keep events waiting either.
        if (0.0..PATIENCE).contains(&(now - self.flushed)) { Ok(()) } else { self.flush_at(now) }
    }

    fn push(&mut self, event: &Message) -> Result<()> {
        let result = self.records.push(event.as_bytes());
        result.map_err(|source| self.unwritten(source))
    }

    fn flush_at(&mut self, now: f64) -> Result<()> {
        let result = self.records.flush();
        result.map_err(|source| self.unwritten(source))?;
        self.flushed = now;
        Ok(())
    }

    fn unwritten(&self, source: io::Error) -> Error {
        Error::Io {
            op: OP,
            rule: "events must be written",
            path: self.path.clone(),
            source,
            repair: "free some space; what is not yet written is kept for the next call",
        }
    }
}

impl Drop for EventWriter {
    fn drop(&mut self) {
        // Nobody is there to be told; who wants to know calls flush.
        let _ = self.records.flush();
    }
}

impl fmt::Debug for EventWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWriter").field("path", &self.path).finish_non_exhaustive()
    }
}

fn refuse<T>(rule: &'static str, got: impl fmt::Display, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: OP, rule, got: got.to_string(), repair })
}

fn checked_tag(tag: &str) -> Result<&str> {
    if tag.trim().is_empty() {
        let repair = "name what is recorded, as in \"train/loss\"";
        return refuse("a tag must not be blank", format!("{tag:?}"), repair);
    }
    Ok(tag)
}

fn checked_step(step: u64) -> Result<()> {
    if i64::try_from(step).is_err() {
        return refuse("a step must be below 2^63", step, "count steps from the start of the run");
    }
    Ok(())
}

/// The greatest number of seconds in the names of a folder's event files.
fn last_seconds(dir: &Path) -> io::Result<Option<u64>> {
    let mut last = None;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.get(..10));
        last = last.max(digits.and_then(|digits| digits.parse().ok()));
    }
    Ok(last)
}

/// A file that did not exist.
fn create_file(dir: &Path, seconds: u64) -> io::Result<(PathBuf, File)> {
    let (host, pid) = (host(), std::process::id());
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{PREFIX}{seconds:010}.{host}.{pid}.{n}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (path, file)),
        }
    }
}

/// The name of this machine, as far as it fits into a file's name; it tells a reader where the file is from, no more.
fn host() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let variable = |name| std::env::var(name).ok();
    let name =
        kernel.or_else(|| variable("HOSTNAME")).or_else(|| variable("COMPUTERNAME")).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    match name.trim() {
        "" => "localhost".into(),
        name => name.chars().take(64).map(plain).collect(),
    }
}

#[cfg(test)]
mod tests;
