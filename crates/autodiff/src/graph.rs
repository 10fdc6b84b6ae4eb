//! The graph: one node for each tracked value, in the order of creation.

use crate::gradients::LeafId;
use crate::op::Op;
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tensor::{DType, Tensor};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A tracked value's place. A node is made after those it depends on, so descending ids are a topological order.
pub(crate) struct Node {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    /// Where gradients arrive.
    Leaf(LeafId),
    /// Where those of some rows of a leaf arrive.
    Rows(Box<RowLeaf>),
    /// The result of an operation; the record is gone once a `backward` has used it up.
    Result { op: &'static str, record: Mutex<Option<Box<Record>>> },
}

/// Rows of a leaf.
pub(crate) struct RowLeaf {
    pub(crate) id: LeafId,
    /// Ascending, each once.
    pub(crate) rows: Tensor,
    /// The whole leaf's.
    pub(crate) shape: SmallVec<[usize; 4]>,
}

/// What an operation kept for its rule.
pub(crate) struct Record {
    pub(crate) op: Box<dyn Op>,
    pub(crate) inputs: SmallVec<[Slot; 3]>,
    pub(crate) output: Option<Tensor>,
    /// The result's.
    pub(crate) shape: SmallVec<[usize; 4]>,
    /// The result's.
    pub(crate) dtype: DType,
    /// The module in which it was applied, known in anomaly mode.
    pub(crate) path: Option<Box<str>>,
}

/// An input as it was.
pub(crate) struct Slot {
    pub(crate) node: Option<Arc<Node>>,
    pub(crate) value: Option<Tensor>,
    pub(crate) shape: SmallVec<[usize; 4]>,
    pub(crate) dtype: DType,
}

impl Node {
    pub(crate) fn new(kind: Kind) -> Arc<Self> {
        Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), kind })
    }

    /// A number above those of all nodes made so far, and below those to come.
    pub(crate) fn next_id() -> u64 {
        NEXT.load(Ordering::Relaxed)
    }

    /// Takes the record, as the pass that consumes the graph does.
    pub(crate) fn take(&self) -> Option<Box<Record>> {
        match &self.kind {
            Kind::Leaf(_) | Kind::Rows(_) => None,
            Kind::Result { record, .. } => record.lock().unwrap_or_else(|p| p.into_inner()).take(),
        }
    }
}

/// A chain of a million nodes must not be dropped by a million nested calls.
impl Drop for Node {
    fn drop(&mut self) {
        let mut pending: SmallVec<[Arc<Node>; 4]> = SmallVec::new();
        let mut record = match &mut self.kind {
            Kind::Leaf(_) | Kind::Rows(_) => return,
            Kind::Result { record, .. } => record.get_mut().unwrap_or_else(|p| p.into_inner()).take(),
        };
        loop {
            if let Some(mut record) = record {
                pending.extend(record.inputs.iter_mut().filter_map(|slot| slot.node.take()));
            }
            record = match pending.pop() {
                None => return,
                // The last owner empties the node; it is then dropped here without depth.
                Some(node) => Arc::into_inner(node).and_then(|node| node.take()),
            };
        }
    }
}
