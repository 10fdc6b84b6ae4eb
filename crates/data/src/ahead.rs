//! Batches read ahead by threads, in a pinned order.
//!
//! Each worker has a line of its own that holds so many batches and no more; what asks takes from the lines in turn. So
//! the order is that of one reader, and a worker that is ahead waits. A line that is let go ends its worker.

use crate::dataset::Batch;
use crate::error::{Error, Result};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

type Item = Result<Batch>;

enum Lane<'a> {
    Here(Box<dyn Iterator<Item = Item> + 'a>),
    There(Receiver<Item>),
}

/// Where batches come from: lines that are asked in turn.
pub(crate) struct Lanes<'a> {
    lanes: Vec<Lane<'a>>,
    turn: usize,
    handles: Vec<ScopedJoinHandle<'a, ()>>,
}

impl<'a> Lanes<'a> {
    /// One line, read when it is asked.
    pub fn here(source: impl Iterator<Item = Item> + 'a) -> Self {
        Self { lanes: vec![Lane::Here(Box::new(source))], turn: 0, handles: Vec::new() }
    }

    /// A thread for each source, which begins there; at most `prefetch` batches before what was asked for.
    pub fn ahead<'env, I>(
        scope: &'a Scope<'a, 'env>,
        sources: impl Iterator<Item = I>,
        prefetch: usize,
    ) -> Result<Self>
    where
        I: IntoIterator<Item = Item> + Send + 'a,
    {
        let mut all = Self { lanes: Vec::new(), turn: 0, handles: Vec::new() };
        for source in sources {
            // The worker itself holds one batch more than the line does.
            let (give, take) = sync_channel(prefetch - 1);
            let work = move || {
                for batch in source {
                    let failed = batch.is_err();
                    if give.send(batch).is_err() || failed {
                        return;
                    }
                }
            };
            let handle = Builder::new()
                .name("data worker".into())
                .spawn_scoped(scope, work)
                .map_err(|e| Error::io(crate::loader::OP, &e))?;
            all.handles.push(handle);
            all.lanes.push(Lane::There(take));
        }
        Ok(all)
    }

    /// Whether nothing comes any more.
    pub fn ended(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Lets the workers go, and waits for them.
    fn end(&mut self) {
        self.lanes.clear();
        for handle in self.handles.drain(..) {
            // What could panic there is guarded.
            let _ = handle.join();
        }
    }
}

impl Iterator for Lanes<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let lane = self.lanes.get_mut(self.turn)?;
        let item = match lane {
            Lane::Here(source) => source.next(),
            Lane::There(line) => line.recv().ok(),
        };
        self.turn = (self.turn + 1) % self.lanes.len();
        if !matches!(item, Some(Ok(_))) {
            self.end();
        }
        item
    }
}

impl Drop for Lanes<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Lanes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lanes {{ workers: {} }}", self.handles.len())
    }
}

/// What `read` returns, or its panic as an error.
pub(crate) fn guarded<T>(epoch: u64, batch: usize, read: impl FnOnce() -> Result<T>) -> Result<T> {
    // Nothing that was half done is used again: an error ends the batches.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| text.to_string())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_string());
        Err(Error::Panicked { epoch, batch, message })
    })
}
