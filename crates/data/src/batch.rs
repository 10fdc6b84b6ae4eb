//! Batches: which rows an epoch visits in which order, and the loader that fetches them.

use crate::dataset::{Batch, Source};
use crate::error::{Error, Result};
use tensor::Rng;

/// Address of the random stream of epoch orders.
const EPOCHS: u64 = 5;

/// How rows are batched.
///
/// ```
/// let config = data::BatchConfig { batch_size: 64, shuffle: Some(7), ..Default::default() };
/// assert_eq!(data::BatchPlan::new(150, config)?.batches(), 3);
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchConfig {
    /// Rows in a batch; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// The seed of the order, another one each epoch; `None` keeps the rows in their own order.
    pub shuffle: Option<u64>,
    /// Leaves out the last batch of an epoch if it is not full.
    pub drop_last: bool,
}

/// 32 rows, in their own order, the last batch kept.
impl Default for BatchConfig {
    fn default() -> Self {
        Self { batch_size: 32, shuffle: None, drop_last: false }
    }
}

/// The batches of every epoch over `len` rows. Row k of epoch e is a function of (seed, e, k): nothing is advanced, so
/// any epoch can be visited at any time, and an interrupted one resumed at its next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    len: usize,
    config: BatchConfig,
}

impl BatchPlan {
    /// The plan for `len` rows. A batch size above `len` makes one batch of all rows.
    ///
    /// # Errors
    /// No rows; batch size 0; `drop_last` where no batch is full; more rows than an order of them fits in memory.
    pub fn new(len: usize, config: BatchConfig) -> Result<Self> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "batch plan", rule, got, repair });
        if len == 0 {
            return refuse("there must be rows to batch", "0 rows".to_string(), "give at least one row");
        }
        if config.batch_size == 0 {
            return refuse(
                "a batch must have rows",
                "batch size 0".to_string(),
                "use a batch size of at least 1",
            );
        }
        if config.drop_last && len < config.batch_size {
            return refuse(
                "an epoch must have a full batch when the last one is dropped",
                format!("{len} rows in batches of {}", config.batch_size),
                "use a smaller batch size or keep the last batch",
            );
        }
        Rng::room_for(len)?;
        Ok(Self { len, config })
    }

    /// The number of batches in an epoch; at least 1.
    pub fn batches(&self) -> usize {
        match self.config.drop_last {
            true => self.len / self.config.batch_size,
            false => self.len.div_ceil(self.config.batch_size),
        }
    }

    /// The number of rows the plan was made for.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How rows are batched.
    pub fn config(&self) -> BatchConfig {
        self.config
    }

    /// The batches of epoch `e`.
    pub fn epoch(&self, e: u64) -> Epoch {
        let mut order = match self.config.shuffle {
            Some(seed) => Rng::seed(seed)
                .stream(EPOCHS)
                .stream(e)
                .permutation(self.len)
                .expect("memory has room for the order of the rows, as it had when the plan was made"),
            None => (0..self.len).collect(),
        };
        if self.config.drop_last {
            order.truncate(self.batches() * self.config.batch_size);
        }
        Epoch { order, batch_size: self.config.batch_size }
    }
}

/// The rows of one epoch in the order they are visited, cut into batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    order: Vec<usize>,
    batch_size: usize,
}

impl Epoch {
    /// The rows of batch `i`; `None` beyond the last.
    pub fn batch(&self, i: usize) -> Option<&[usize]> {
        self.iter().nth(i)
    }

    /// The rows of each batch. Resume an epoch with `iter().skip(done)`.
    pub fn iter(&self) -> std::slice::Chunks<'_, usize> {
        self.order.chunks(self.batch_size)
    }

    /// All rows in the order they are visited.
    pub fn order(&self) -> &[usize] {
        &self.order
    }
}

impl<'a> IntoIterator for &'a Epoch {
    type Item = &'a [usize];
    type IntoIter = std::slice::Chunks<'a, usize>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A source read in the batches of a plan.
///
/// ```
/// use data::{BatchConfig, Loader};
/// let digits = data::digits()?;
/// let loader = Loader::new(&digits, BatchConfig { batch_size: 100, shuffle: Some(0), drop_last: true })?;
/// for batch in loader.epoch(0) {
///     assert_eq!(batch?.features.shape(), [100, 64]);
/// }
/// # Ok::<(), data::Error>(())
/// ```
///
/// Differs from PyTorch's `DataLoader` in: an epoch is asked for by number, and the same number is the same order.
#[derive(Debug)]
pub struct Loader<'a, S: Source + ?Sized> {
    source: &'a S,
    plan: BatchPlan,
}

impl<'a, S: Source + ?Sized> Loader<'a, S> {
    /// A loader of `source` in batches of `config`.
    ///
    /// # Errors
    /// Those of [`BatchPlan::new`].
    pub fn new(source: &'a S, config: BatchConfig) -> Result<Self> {
        Ok(Self { source, plan: BatchPlan::new(source.len(), config)? })
    }

    /// The plan it follows.
    pub fn plan(&self) -> &BatchPlan {
        &self.plan
    }

    /// The number of batches in an epoch.
    pub fn batches(&self) -> usize {
        self.plan.batches()
    }

    /// The batches of epoch `e`, fetched one by one.
    pub fn epoch(&self, e: u64) -> Batches<'a, S> {
        self.epoch_from(e, 0)
    }

    /// The batches of epoch `e` from batch `first` on: how an interrupted epoch is resumed.
    pub fn epoch_from(&self, e: u64, first: usize) -> Batches<'a, S> {
        Batches { source: self.source, number: e, epoch: self.plan.epoch(e), next: first }
    }
}

/// The batches of one epoch, fetched one by one.
#[derive(Debug)]
pub struct Batches<'a, S: Source + ?Sized> {
    source: &'a S,
    number: u64,
    epoch: Epoch,
    next: usize,
}

impl<S: Source + ?Sized> Iterator for Batches<'_, S> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.epoch.batch(self.next)?;
        self.next += 1;
        Some(self.source.batch_in(self.number, rows))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.epoch.iter().len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl<S: Source + ?Sized> ExactSizeIterator for Batches<'_, S> {}
