//! The loader: batches of a source in the order of a plan, fetched here or by workers that read ahead.

use crate::ahead::{Lanes, guarded};
use crate::batch::{BatchConfig, BatchPlan, Epoch};
use crate::dataset::{Batch, Source};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::thread::Scope;

pub(crate) const OP: &str = "loader";

/// Threads that read batches before they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    /// How many; 0 reads each batch when it is asked for.
    pub threads: usize,
    /// Batches that each of them may have ready; then it waits. At least 1.
    pub prefetch: usize,
}

/// Two threads, two batches each.
impl Default for Workers {
    fn default() -> Self {
        Self { threads: 2, prefetch: 2 }
    }
}

impl Workers {
    pub(crate) fn check(self) -> Result<Self> {
        if self.prefetch == 0 || self.threads > 1024 {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there can be up to 1,024 workers, each at least one batch ahead",
                got: format!("{} workers, prefetch {}", self.threads, self.prefetch),
                repair: "use Workers::default() or the like",
            });
        }
        Ok(self)
    }
}

/// Where a run stands in its data: the batch that comes next. Saved with a run, it continues in the middle of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderPosition {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The batch in it that comes next, counted from 0.
    pub batch: usize,
}

/// A source read in the batches of a plan.
///
/// ```
/// use data::{BatchConfig, Loader, LoaderPosition, Workers};
/// let digits = data::digits()?;
/// let loader = Loader::new(&digits, BatchConfig { batch_size: 100, shuffle: Some(0), drop_last: true })?;
/// for batch in loader.epoch(0) {
///     assert_eq!(batch?.features.shape(), [100, 64]);
/// }
/// // The same, read ahead by two threads, from the fourth batch on.
/// std::thread::scope(|scope| {
///     let from = LoaderPosition { epoch: 0, batch: 3 };
///     let batches = loader.ahead(scope, from, Workers::default())?;
///     assert_eq!(batches.len(), 14);
///     batches.collect::<data::Result<Vec<_>>>()
/// })?;
/// # Ok::<(), data::Error>(())
/// ```
///
/// Differs from PyTorch's `DataLoader` in: an epoch is asked for by number, and the same number is the same order;
/// workers are threads of a scope that share the source; batches and their bits do not depend on how many there are.
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

    /// A loader of `source` in the batches of `plan`.
    ///
    /// # Errors
    /// A plan for another number of rows.
    pub fn of(source: &'a S, plan: BatchPlan) -> Result<Self> {
        if plan.len() != source.len() {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "a plan must be made for the rows of the source",
                got: format!("a plan for {} rows and a source of {}", plan.len(), source.len()),
                repair: "make the plan for this source",
            });
        }
        Ok(Self { source, plan })
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
    pub fn epoch(&self, e: u64) -> Batches<'a> {
        self.epoch_from(e, 0)
    }

    /// The batches of epoch `e` from batch `first` on: how an interrupted epoch is resumed.
    pub fn epoch_from(&self, e: u64, first: usize) -> Batches<'a> {
        let epoch = Arc::new(self.plan.epoch(e));
        let total = epoch.batches();
        let lanes = Lanes::here(Fetch { source: self.source, epoch, number: e, next: first, step: 1 });
        Batches { lanes, total, next: LoaderPosition { epoch: e, batch: first } }
    }

    /// The batches from `from` to the end of its epoch, read ahead by `workers`, threads of `scope`. The batches, their
    /// order and their bits are those of [`epoch_from`](Self::epoch_from).
    ///
    /// The threads end when the batches are dropped, at the last batch, and at the first error. A worker that panics is
    /// an error too, in the place of its batch.
    ///
    /// # Errors
    /// `prefetch` 0 or more than 1,024 threads; a position beyond the end of an epoch, as after the data changed;
    /// threads that the system refuses.
    pub fn ahead<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        from: LoaderPosition,
        workers: Workers,
    ) -> Result<Batches<'scope>>
    where
        'a: 'scope,
    {
        let Workers { threads, prefetch } = workers.check()?;
        if from.batch > self.batches() {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "a position must lie in its epoch",
                got: format!("batch {} of {}", from.batch, self.batches()),
                repair: "resume with the data and the batch size of the run",
            });
        }
        if threads == 0 {
            return Ok(self.epoch_from(from.epoch, from.batch));
        }
        let epoch = Arc::new(self.plan.epoch(from.epoch));
        let total = epoch.batches();
        // No more threads than batches; worker w reads every threads-th batch.
        let step = threads.min(total - from.batch).max(1);
        let fetches = (0..step).map(|w| Fetch {
            source: self.source,
            epoch: epoch.clone(),
            number: from.epoch,
            next: from.batch + w,
            step,
        });
        Ok(Batches { lanes: Lanes::ahead(scope, fetches, prefetch)?, total, next: from })
    }
}

/// Every `step`-th batch of an epoch.
struct Fetch<'a, S: ?Sized> {
    source: &'a S,
    epoch: Arc<Epoch>,
    number: u64,
    next: usize,
    step: usize,
}

impl<S: Source + ?Sized> Iterator for Fetch<'_, S> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next;
        let rows = self.epoch.batch(at)?;
        self.next = at.saturating_add(self.step);
        Some(guarded(self.number, at, || self.source.batch_in(self.number, rows)))
    }
}

/// The batches of one epoch. The first error ends them.
#[derive(Debug)]
pub struct Batches<'a> {
    lanes: Lanes<'a>,
    total: usize,
    next: LoaderPosition,
}

impl Batches<'_> {
    /// The batch that comes next; at the end of an epoch, the first of the next one.
    pub fn position(&self) -> LoaderPosition {
        match self.next.batch < self.total {
            true => self.next,
            false => LoaderPosition { epoch: self.next.epoch.saturating_add(1), batch: 0 },
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.lanes.next()?;
        // A batch that could not be had is the one that comes next.
        if batch.is_ok() {
            self.next.batch += 1;
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = if self.lanes.ended() { 0 } else { self.total.saturating_sub(self.next.batch) };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batches<'_> {}
