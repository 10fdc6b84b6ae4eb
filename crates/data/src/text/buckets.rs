//! Batches of sequences of similar length.

use crate::error::{Error, Result};
use tensor::Rng;

/// Address of the random stream of bucketed orders.
const BUCKETS: u64 = 7;

/// How [`LengthBuckets`] makes batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketConfig {
    /// Sequences in a batch; the last one of a pool may have fewer.
    pub batch_size: usize,
    /// Batches whose sequences are sorted together: more of them waste less, fewer mix more.
    pub pool: usize,
    /// The seed of the order, another one each epoch; `None` sorts all sequences by length, for evaluation.
    pub shuffle: Option<u64>,
}

/// Batches of 32, 50 of them in a pool, sorted.
impl Default for BucketConfig {
    fn default() -> Self {
        Self { batch_size: 32, pool: 50, shuffle: None }
    }
}

/// Batches of sequences of similar length, so that little of a padded batch is padding.
///
/// In each epoch the sequences are shuffled and cut into pools of `pool·batch_size`; each pool is sorted by length
/// (equal ones keep their shuffled order) and cut into batches; the batches of all pools are shuffled. The batches are
/// a function of seed, epoch and lengths alone, so that a run that was stopped goes on where it was.
///
/// ```
/// use data::{BucketConfig, LengthBuckets};
/// let lengths = [3, 9, 3, 8, 4, 9];
/// let config = BucketConfig { batch_size: 2, shuffle: Some(0), ..BucketConfig::default() };
/// let epoch = LengthBuckets::new(&lengths, config)?.epoch(0);
/// assert_eq!(epoch.batches.len(), 3);
/// // Side by side stand 3 and 3, 4 and 8, 9 and 9: 4 of 40 steps are padding.
/// assert_eq!((epoch.real, epoch.padded), (36, 40));
/// assert_eq!(epoch.waste(), 0.1);
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LengthBuckets {
    lengths: Vec<usize>,
    config: BucketConfig,
}

/// The batches of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucketed {
    /// The numbers of the sequences of each batch, the shortest first.
    pub batches: Vec<Vec<usize>>,
    /// Steps of all sequences.
    pub real: usize,
    /// Steps of all batches, padded to the longest sequence of each.
    pub padded: usize,
}

impl Bucketed {
    /// The share of steps that are padding, `1 − real/padded`.
    pub fn waste(&self) -> f64 {
        (self.padded - self.real) as f64 / self.padded as f64
    }
}

impl LengthBuckets {
    /// The plan for sequences of these lengths.
    ///
    /// # Errors
    /// No sequences; one of length 0, by its number; a batch size or pool of 0; lengths whose padded sum is beyond
    /// `usize`; more sequences than an order of them fits in memory.
    pub fn new(lengths: &[usize], config: BucketConfig) -> Result<Self> {
        let refuse =
            |rule, got, repair| Err(Error::InvalidArgument { op: "length buckets", rule, got, repair });
        let Some(longest) = lengths.iter().max() else {
            let got = "0 sequences".to_string();
            return refuse("there must be sequences to batch", got, "give at least one");
        };
        if let Some(i) = lengths.iter().position(|&len| len == 0) {
            let got = format!("length 0 of sequence {i}");
            return refuse("a sequence must have a step", got, "leave it out");
        }
        if config.batch_size == 0 || config.pool == 0 {
            let got = format!("batch size {}, pool {}", config.batch_size, config.pool);
            return refuse("a batch and a pool must hold something", got, "use at least 1 for both");
        }
        if longest.checked_mul(lengths.len()).is_none() {
            let got = format!("{} sequences of up to {longest} steps", lengths.len());
            return refuse("the steps of all batches must be countable", got, "correct the lengths");
        }
        Rng::room_for(lengths.len())?;
        Ok(Self { lengths: lengths.to_vec(), config })
    }

    /// The number of sequences.
    pub(crate) fn rows(&self) -> usize {
        self.lengths.len()
    }

    /// Batches of an epoch: pools are whole batches, but for the last one.
    pub(crate) fn batches(&self) -> usize {
        self.lengths.len().div_ceil(self.config.batch_size)
    }

    /// The batches of epoch `e`.
    pub fn epoch(&self, e: u64) -> Bucketed {
        let BucketConfig { batch_size, pool, shuffle } = self.config;
        let rng = shuffle.map(|seed| Rng::seed(seed).stream(BUCKETS).stream(e));
        let mut order: Vec<usize> = (0..self.lengths.len()).collect();
        let pooled = match &rng {
            Some(rng) => {
                rng.stream(0).shuffle(&mut order);
                batch_size.saturating_mul(pool)
            }
            None => order.len(),
        };
        let mut batches: Vec<Vec<usize>> = Vec::new();
        for pool in order.chunks_mut(pooled) {
            pool.sort_by_key(|&i| self.lengths[i]);
            batches.extend(pool.chunks(batch_size).map(<[usize]>::to_vec));
        }
        if let Some(rng) = &rng {
            rng.stream(1).shuffle(&mut batches);
        }
        let longest = |batch: &Vec<usize>| batch.iter().map(|&i| self.lengths[i]).max().unwrap_or(0);
        let padded = batches.iter().map(|batch| batch.len() * longest(batch)).sum();
        Bucketed { batches, real: self.lengths.iter().sum(), padded }
    }
}
