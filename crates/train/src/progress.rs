//! How a run shows itself while it goes: a bar on standard error, plain lines, or nothing.

use crate::checkpoint::RunState;
use crate::format;
use crate::history::{EpochRecord, MetricValues, Part};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

/// The bar is drawn at most this often: a step of a tiny network takes microseconds.
const REDRAW: Duration = Duration::from_millis(66);
/// Epochs that end sooner after the last line than this share one line.
const KEEP: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{prefix:.bold} {bar:16.cyan/black.bright}  {wide_msg}";

/// What a run shows while it trains. Nothing of it ever goes to standard output.
///
/// ```
/// use train::Progress;
/// assert_eq!(Progress::default(), Progress::Auto);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Progress {
    /// A bar on standard error with one line for each epoch; nothing at all where standard error is no terminal.
    /// Epochs that take less than a tenth of a second share a line.
    #[default]
    Auto,
    /// One plain line for each epoch on standard error, terminal or not: for log files.
    Plain,
    /// Nothing.
    Silent,
}

impl Progress {
    /// Starts showing a run of `epochs` epochs of `batches` batches each.
    ///
    /// ```
    /// use train::{EpochRecord, MetricValues, Progress};
    /// let mut progress = Progress::Silent.start(1, 2);
    /// progress.begin_epoch(1);
    /// progress.advance(64, || MetricValues::from([("loss", 0.5)]));
    /// progress.advance(36, || MetricValues::from([("loss", 0.4)]));
    /// assert_eq!(progress.samples(), 100);
    /// progress.finish();
    /// ```
    pub fn start(self, epochs: usize, batches: usize) -> EpochProgress {
        let sink = match self {
            Progress::Auto if ProgressDrawTarget::stderr().is_hidden() => Sink::Nothing,
            Progress::Auto => Sink::bar(ProgressDrawTarget::stderr),
            Progress::Plain => Sink::Lines(Box::new(std::io::stderr())),
            Progress::Silent => Sink::Nothing,
        };
        EpochProgress::new(sink, epochs, batches)
    }

    /// Starts as [`Progress::Plain`] does, with the lines going to `out`.
    ///
    /// ```
    /// use train::Progress;
    /// let mut progress = Progress::plain_to(std::io::sink(), 3, 10);
    /// progress.begin_epoch(1);
    /// progress.finish();
    /// ```
    pub fn plain_to(out: impl Write + Send + 'static, epochs: usize, batches: usize) -> EpochProgress {
        EpochProgress::new(Sink::Lines(Box::new(out)), epochs, batches)
    }
}

enum Sink {
    Nothing,
    Lines(Box<dyn Write + Send>),
    Bar {
        target: Box<dyn Fn() -> ProgressDrawTarget + Send>,
        live: Option<ProgressBar>,
        kept: Option<Instant>,
    },
}

impl Sink {
    fn bar(target: impl Fn() -> ProgressDrawTarget + Send + 'static) -> Self {
        Sink::Bar { target: Box::new(target), live: None, kept: None }
    }
}

/// A run as it is shown: told when an epoch begins, a batch is done, an epoch ends.
///
/// Dropping it leaves the last state of the bar on the screen, so an error's message follows it on a new line.
pub struct EpochProgress {
    sink: Sink,
    epochs: usize,
    batches: usize,
    epoch: usize,
    done: u64,
    before: u64,
    samples: u64,
    run_start: Instant,
    epoch_start: Instant,
    /// The rate counts training only, not the validation after it.
    batch_end: Instant,
    drawn: Option<Instant>,
    /// The line of an epoch that was too fast to be drawn yet.
    pending: Option<String>,
}

impl fmt::Debug for EpochProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sink = match self.sink {
            Sink::Nothing => "nothing",
            Sink::Lines(_) => "lines",
            Sink::Bar { .. } => "bar",
        };
        let mut out = f.debug_struct("EpochProgress");
        out.field("sink", &sink)
            .field("epoch", &self.epoch)
            .field("epochs", &self.epochs)
            .finish_non_exhaustive()
    }
}

impl EpochProgress {
    fn new(sink: Sink, epochs: usize, batches: usize) -> Self {
        let now = Instant::now();
        EpochProgress {
            sink,
            epochs,
            batches,
            epoch: 0,
            done: 0,
            before: 0,
            samples: 0,
            run_start: now,
            epoch_start: now,
            batch_end: now,
            drawn: None,
            pending: None,
        }
    }

    /// An epoch begins, counted from 1.
    pub fn begin_epoch(&mut self, epoch: usize) {
        self.epoch = epoch;
        self.before += std::mem::take(&mut self.done);
        self.samples = 0;
        self.epoch_start = Instant::now();
        self.batch_end = self.epoch_start;
        let batches = self.batches as u64;
        if let Sink::Bar { target, live, .. } = &mut self.sink {
            live.get_or_insert_with(|| {
                let style =
                    ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
                ProgressBar::with_draw_target(Some(batches), target())
                    .with_style(style.progress_chars("━━━"))
                    .with_finish(ProgressFinish::Abandon)
            });
        }
    }

    /// A run goes on where a checkpoint left it, `damaged` newer ones passed over.
    /// `machine` is where it was made.
    pub(crate) fn resumed(&mut self, epoch: usize, step: u64, damaged: usize, machine: &str) {
        let passed = match damaged {
            0 => String::new(),
            1 => "; a newer checkpoint is damaged".to_string(),
            n => format!("; {n} newer checkpoints are damaged"),
        };
        let now = RunState::this_machine();
        let moved = match machine == now {
            true => String::new(),
            false => format!("; it was saved by {machine}, and {now} may round in other ways"),
        };
        self.say(&format!("goes on behind step {step}, in epoch {epoch}{passed}{moved}"));
    }

    /// A batch of `samples` samples is done. `metrics` is asked only when there is something to draw.
    pub fn advance(&mut self, samples: usize, metrics: impl FnOnce() -> MetricValues) {
        self.done += 1;
        self.samples += samples as u64;
        if matches!(self.sink, Sink::Nothing) {
            return;
        }
        let now = Instant::now();
        self.batch_end = now;
        if !matches!(self.sink, Sink::Bar { .. }) || !self.due(now) {
            return;
        }
        let left = (self.batches as u64 * self.epochs as u64).saturating_sub(self.before + self.done);
        let pace = now.duration_since(self.run_start).as_secs_f64() / (self.before + self.done) as f64;
        let eta = format!("eta {}", format::duration(pace * left as f64));
        let text = join(&[&metrics().to_string(), &self.rate(), &eta]);
        self.draw(self.done, text);
    }

    /// The epoch is over: its line is printed. `note` stands at its end, such as `best`; it may be empty.
    pub fn end_epoch(&mut self, record: &EpochRecord, note: &str) {
        let now = Instant::now();
        let text = join(&[&line(record), &self.rate(), &format::duration(record.seconds), note]);
        let prefix = self.prefix();
        let last = self.epoch >= self.epochs;
        match &mut self.sink {
            Sink::Nothing => {}
            Sink::Lines(out) => {
                // A closed pipe must not end a training run.
                let _ = writeln!(out, "{prefix}  {text}").and_then(|()| out.flush());
            }
            Sink::Bar { kept, .. } => {
                if last || kept.is_none_or(|t| now.duration_since(t) >= KEEP) {
                    *kept = Some(now);
                    self.leave(text);
                } else if self.due(now) {
                    self.draw(self.batches as u64, text);
                    self.pending = None;
                } else {
                    self.pending = Some(text);
                }
            }
        }
    }

    /// Prints a line of its own above the bar, such as why the run stops early; silent where nothing is shown.
    pub fn say(&mut self, text: &str) {
        match &mut self.sink {
            Sink::Nothing => {}
            Sink::Lines(out) => {
                let _ = writeln!(out, "{text}").and_then(|()| out.flush());
            }
            Sink::Bar { live: Some(bar), .. } => bar.println(text),
            Sink::Bar { live: None, target, .. } => {
                let bar = ProgressBar::with_draw_target(None, target());
                bar.println(text);
                bar.finish_and_clear();
            }
        }
    }

    /// The samples of the current epoch so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Ends the display and leaves what it shows.
    pub fn finish(mut self) {
        if let Some(text) = self.pending.take() {
            self.leave(text);
        }
    }

    /// Whether the bar may be drawn again; if so, that counts as drawing it.
    fn due(&mut self, now: Instant) -> bool {
        let due = self.drawn.is_none_or(|t| now.duration_since(t) >= REDRAW);
        if due {
            self.drawn = Some(now);
        }
        due
    }

    fn draw(&self, position: u64, text: String) {
        if let Sink::Bar { live: Some(bar), .. } = &self.sink {
            bar.set_prefix(self.prefix());
            bar.set_position(position);
            bar.set_message(text);
        }
    }

    /// Draws the full bar a last time and lets it stand.
    fn leave(&mut self, text: String) {
        self.draw(self.batches as u64, text.clone());
        if let Sink::Bar { live, .. } = &mut self.sink
            && let Some(bar) = live.take()
        {
            bar.abandon_with_message(text);
        }
        self.drawn = None;
        self.pending = None;
    }

    fn prefix(&self) -> String {
        let width = self.epochs.to_string().len();
        format!("epoch {:>width$}/{}", self.epoch, self.epochs)
    }

    fn rate(&self) -> String {
        let seconds = self.batch_end.duration_since(self.epoch_start).as_secs_f64();
        if self.samples == 0 || seconds <= 0.0 {
            return String::new();
        }
        format!("{} samples/s", format::si(self.samples as f64 / seconds))
    }
}

/// The metrics of both parts in one line: `loss 0.1234  acc 0.9610  val_loss 0.2000`.
///
/// ```
/// use train::{EpochRecord, MetricValues, progress::line};
/// let train = MetricValues::from([("loss", 0.5)]);
/// let valid = Some(MetricValues::from([("loss", 0.25)]));
/// let record = EpochRecord { epoch: 1, step: 1, train, valid, lr: 0.1, seconds: 1.0 };
/// assert_eq!(line(&record), "loss 0.5000  val_loss 0.2500");
/// ```
pub fn line(record: &EpochRecord) -> String {
    let mut parts = vec![record.train.to_string()];
    for (name, value) in record.valid.iter().flat_map(MetricValues::iter) {
        parts.push(format!("{}{name} {}", Part::Valid.prefix(), format::metric(value)));
    }
    join(&parts)
}

fn join<S: AsRef<str>>(parts: &[S]) -> String {
    parts.iter().map(AsRef::as_ref).filter(|p| !p.is_empty()).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests;
