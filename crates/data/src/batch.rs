//! Batches: which rows an epoch visits in which order.

use crate::error::{Error, Result};
use crate::sampler::Sampler;
use crate::text::LengthBuckets;

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

/// The batches of every epoch. Row k of epoch e is a function of (seed, e, k): nothing is advanced, so any epoch can be
/// visited at any time, and an interrupted one resumed at its next batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPlan(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Rows { sampler: Sampler, batch_size: usize, drop_last: bool },
    Buckets(LengthBuckets),
}

impl BatchPlan {
    /// The plan for `len` rows, in their own order or a random one. A batch size above `len` makes one batch of all rows.
    ///
    /// # Errors
    /// No rows; batch size 0; `drop_last` where no batch is full; more rows than an order of them fits in memory.
    pub fn new(len: usize, config: BatchConfig) -> Result<Self> {
        if len == 0 {
            return refuse("there must be rows to batch", "0 rows".to_string(), "give at least one row");
        }
        let sampler = match config.shuffle {
            Some(seed) => Sampler::random(len, seed)?,
            None => Sampler::sequential(len)?,
        };
        Self::of(sampler, config.batch_size, config.drop_last)
    }

    /// The plan that cuts the order of `sampler` into batches.
    ///
    /// # Errors
    /// Batch size 0; `drop_last` where no batch is full.
    pub fn of(sampler: Sampler, batch_size: usize, drop_last: bool) -> Result<Self> {
        if batch_size == 0 {
            return refuse(
                "a batch must have rows",
                "batch size 0".to_string(),
                "use a batch size of at least 1",
            );
        }
        if drop_last && sampler.len() < batch_size {
            return refuse(
                "an epoch must have a full batch when the last one is dropped",
                format!("{} rows in batches of {batch_size}", sampler.len()),
                "use a smaller batch size or keep the last batch",
            );
        }
        Ok(Self(Kind::Rows { sampler, batch_size, drop_last }))
    }

    /// The plan whose batches are those of `buckets`: rows of similar length.
    pub fn buckets(buckets: LengthBuckets) -> Self {
        Self(Kind::Buckets(buckets))
    }

    /// The number of batches in an epoch; at least 1.
    pub fn batches(&self) -> usize {
        match &self.0 {
            Kind::Rows { sampler, batch_size, drop_last: true } => sampler.len() / batch_size,
            Kind::Rows { sampler, batch_size, .. } => sampler.len().div_ceil(*batch_size),
            Kind::Buckets(buckets) => buckets.batches(),
        }
    }

    /// The number of rows the plan was made for.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::Rows { sampler, .. } => sampler.rows(),
            Kind::Buckets(buckets) => buckets.rows(),
        }
    }

    /// The batches of epoch `e`.
    pub fn epoch(&self, e: u64) -> Epoch {
        match &self.0 {
            Kind::Rows { sampler, batch_size, drop_last } => {
                let mut order = sampler.order(e);
                if *drop_last {
                    order.truncate(self.batches() * batch_size);
                }
                let ends =
                    (1..=self.batches()).map(|i| i.saturating_mul(*batch_size).min(order.len())).collect();
                Epoch { order, ends }
            }
            Kind::Buckets(buckets) => {
                let batches = buckets.epoch(e).batches;
                let mut end = 0;
                let ends = batches.iter().map(|batch| {
                    end += batch.len();
                    end
                });
                Epoch { ends: ends.collect(), order: batches.concat() }
            }
        }
    }
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: "batch plan", rule, got, repair })
}

/// The rows of one epoch in the order they are visited, cut into batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    order: Vec<usize>,
    /// Where each batch ends.
    ends: Vec<usize>,
}

impl Epoch {
    /// The rows of batch `i`; `None` beyond the last.
    pub fn batch(&self, i: usize) -> Option<&[usize]> {
        let end = *self.ends.get(i)?;
        let begin = if i == 0 { 0 } else { self.ends[i - 1] };
        Some(&self.order[begin..end])
    }

    /// The number of batches.
    pub fn batches(&self) -> usize {
        self.ends.len()
    }

    /// The rows of each batch. Resume an epoch with `iter().skip(done)`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        (0..self.ends.len()).map(|i| self.batch(i).expect("invariant: i is a batch"))
    }

    /// All rows in the order they are visited.
    pub fn order(&self) -> &[usize] {
        &self.order
    }
}
