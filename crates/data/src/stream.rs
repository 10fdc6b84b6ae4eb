//! Data that comes one sample after another and cannot be asked for by number, shuffled through a buffer.

use crate::ahead::{Lanes, guarded};
use crate::dataset::Batch;
use crate::error::{Error, Result};
use crate::loader::{LoaderPosition, Workers};
use std::thread::Scope;
use tensor::{Rng, Tensor};

/// Address of the random streams of the buffer.
const BUFFER: u64 = 23;

/// One sample: its features `(…)` and its target `(…)`, without an axis of rows.
pub type Sample = (Tensor, Tensor);

/// Samples one after another, as they come from a log, a socket, or files too many to number.
///
/// Epoch e must give the same samples in the same order whenever it is opened, so that a run can be resumed.
pub trait Stream: Sync {
    /// The samples of epoch `epoch` from the first one on.
    ///
    /// # Errors
    /// Whatever opening runs into.
    fn open(&self, epoch: u64) -> Result<Box<dyn Iterator<Item = Result<Sample>> + '_>>;
}

/// How a stream is batched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// Samples in a batch; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// The seed of the buffer; `None` keeps the order of the stream.
    pub shuffle: Option<u64>,
    /// Samples held back to be mixed.
    pub buffer: usize,
    /// Leaves out the last batch of an epoch if it is not full.
    pub drop_last: bool,
}

/// 32 samples, in the order of the stream; 1,000 in the buffer, should there be a seed.
impl Default for StreamConfig {
    fn default() -> Self {
        Self { batch_size: 32, shuffle: None, buffer: 1000, drop_last: false }
    }
}

/// A stream read in batches.
///
/// With a seed, the first `buffer` samples are held; sample i then takes the place of one of them, drawn from
/// (seed, epoch, i), which goes out; what is held at the end goes out in random order. To resume, the samples before the
/// position are read again and passed over: no sample is lost or seen twice.
///
/// ```
/// use data::{Sample, Stream, StreamConfig, StreamLoader};
/// use tensor::Tensor;
/// struct Squares;
/// impl Stream for Squares {
///     fn open(&self, _epoch: u64) -> data::Result<Box<dyn Iterator<Item = data::Result<Sample>> + '_>> {
///         Ok(Box::new((0..10).map(|i| Ok((Tensor::scalar(i as f32), Tensor::scalar((i * i) as f32))))))
///     }
/// }
/// let loader = StreamLoader::new(&Squares, StreamConfig { batch_size: 4, ..Default::default() })?;
/// let shapes: Vec<usize> = loader.epoch(0).map(|batch| batch.unwrap().features.len()).collect();
/// assert_eq!(shapes, [4, 4, 2]);
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug)]
pub struct StreamLoader<'a, S: Stream + ?Sized> {
    stream: &'a S,
    config: StreamConfig,
}

impl<'a, S: Stream + ?Sized> StreamLoader<'a, S> {
    /// A loader of `stream`.
    ///
    /// # Errors
    /// A batch size or a buffer of 0.
    pub fn new(stream: &'a S, config: StreamConfig) -> Result<Self> {
        if config.batch_size == 0 || config.buffer == 0 {
            return Err(Error::InvalidArgument {
                op: "stream loader",
                rule: "a batch and a buffer must hold something",
                got: format!("batch size {}, buffer {}", config.batch_size, config.buffer),
                repair: "use at least 1 for both",
            });
        }
        Ok(Self { stream, config })
    }

    /// The batches of epoch `e`, read when they are asked for.
    pub fn epoch(&self, e: u64) -> StreamBatches<'a> {
        self.epoch_from(e, 0)
    }

    /// The batches of epoch `e` from batch `first` on.
    pub fn epoch_from(&self, e: u64, first: usize) -> StreamBatches<'a> {
        let at = LoaderPosition { epoch: e, batch: first };
        StreamBatches { lanes: Lanes::here(self.reader(at)), next: at }
    }

    /// The same, read ahead by one thread of `scope`, whatever the number of `workers` above 0: a stream has one reader.
    ///
    /// # Errors
    /// As [`Loader::ahead`](crate::Loader::ahead).
    pub fn ahead<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        from: LoaderPosition,
        workers: Workers,
    ) -> Result<StreamBatches<'scope>>
    where
        'a: 'scope,
    {
        let Workers { threads, prefetch } = workers.check()?;
        if threads == 0 {
            return Ok(self.epoch_from(from.epoch, from.batch));
        }
        // The iterator of a stream need not move between threads, so it is opened in the one that reads.
        let (stream, config) = (self.stream, self.config);
        let opened = Late(move || StreamLoader { stream, config }.reader(from));
        Ok(StreamBatches { lanes: Lanes::ahead(scope, std::iter::once(opened), prefetch)?, next: from })
    }

    fn reader(&self, at: LoaderPosition) -> Reader<'a> {
        let samples = guarded(at.epoch, at.batch, || self.stream.open(at.epoch));
        let rng = self.config.shuffle.map(|seed| Rng::seed(seed).stream(BUFFER).stream(at.epoch));
        let (samples, failed) = match samples {
            Ok(samples) => (Some(samples), None),
            Err(error) => (None, Some(error)),
        };
        let mut reader =
            Reader { samples, failed, held: Vec::new(), read: 0, rng, config: self.config, at, ended: false };
        reader.pass(at.batch);
        reader
    }
}

/// An iterator that is made by the thread that begins it.
struct Late<F>(F);

impl<F: FnOnce() -> I, I: Iterator> IntoIterator for Late<F> {
    type Item = I::Item;
    type IntoIter = I;

    fn into_iter(self) -> I {
        (self.0)()
    }
}

struct Reader<'a> {
    samples: Option<Box<dyn Iterator<Item = Result<Sample>> + 'a>>,
    /// What opening ran into.
    failed: Option<Error>,
    held: Vec<Sample>,
    /// Samples read from the stream.
    read: u64,
    rng: Option<Rng>,
    config: StreamConfig,
    at: LoaderPosition,
    ended: bool,
}

impl Reader<'_> {
    fn read_one(&mut self) -> Option<Result<Sample>> {
        let samples = self.samples.as_mut()?;
        let (epoch, batch) = (self.at.epoch, self.at.batch);
        let next = guarded(epoch, batch, || samples.next().transpose()).transpose();
        match &next {
            Some(_) => self.read += 1,
            None => self.samples = None,
        }
        next
    }

    /// The next sample, through the buffer.
    fn sample(&mut self) -> Option<Result<Sample>> {
        let Some(rng) = self.rng.clone() else { return self.read_one() };
        while self.samples.is_some() {
            let i = self.read;
            match self.read_one() {
                Some(Ok(sample)) if self.held.len() < self.config.buffer => self.held.push(sample),
                Some(Ok(sample)) => {
                    let place = rng.stream(i).below(self.held.len());
                    return Some(
                        place
                            .map(|place| std::mem::replace(&mut self.held[place], sample))
                            .map_err(Error::from),
                    );
                }
                Some(Err(error)) => return Some(Err(error)),
                // Once, when the stream has ended.
                None => rng.stream(u64::MAX).shuffle(&mut self.held),
            }
        }
        self.held.pop().map(Ok)
    }

    /// Passes over `batches` batches; an error among them comes when the next one is asked for.
    fn pass(&mut self, batches: usize) {
        for _ in 0..batches.saturating_mul(self.config.batch_size) {
            match self.sample() {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.failed = Some(error);
                    return;
                }
                None => return,
            }
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Some(Err(error));
        }
        if self.ended {
            return None;
        }
        let (mut features, mut targets) = (Vec::new(), Vec::new());
        while features.len() < self.config.batch_size {
            match self.sample() {
                Some(Ok((x, y))) => {
                    features.push(x);
                    targets.push(y);
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                None => {
                    self.ended = true;
                    break;
                }
            }
        }
        if features.is_empty() || (self.config.drop_last && features.len() < self.config.batch_size) {
            return None;
        }
        self.at.batch += 1;
        let stack = |x: &[Tensor]| Tensor::stack(&x.iter().collect::<Vec<_>>(), 0);
        Some(match (stack(&features), stack(&targets)) {
            (Ok(features), Ok(targets)) => Ok(Batch { features, targets }),
            (Err(error), _) | (_, Err(error)) => {
                self.ended = true;
                Err(Error::Tensor(error))
            }
        })
    }
}

/// The batches of one epoch of a stream. The first error ends them.
#[derive(Debug)]
pub struct StreamBatches<'a> {
    lanes: Lanes<'a>,
    next: LoaderPosition,
}

impl StreamBatches<'_> {
    /// The batch that comes next; after the last one a batch that is not there: the rest of that epoch is empty.
    pub fn position(&self) -> LoaderPosition {
        self.next
    }
}

impl Iterator for StreamBatches<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.lanes.next()?;
        if batch.is_ok() {
            self.next.batch += 1;
        }
        Some(batch)
    }
}
