//! What `backward` returns: one gradient for each leaf it reached.

use crate::var::Var;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use tensor::Tensor;

/// Names a leaf: a parameter, or a variable of the user's. Unique in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId(u64);

impl LeafId {
    /// One that nobody else has.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Gradients by leaf.
#[derive(Debug, Clone, Default)]
pub struct Gradients {
    by_leaf: BTreeMap<LeafId, Tensor>,
}

impl Gradients {
    /// The gradient of a leaf, if the loss depends on it.
    pub fn get(&self, id: LeafId) -> Option<&Tensor> {
        self.by_leaf.get(&id)
    }

    /// The gradient of a leaf, to be changed.
    pub fn get_mut(&mut self, id: LeafId) -> Option<&mut Tensor> {
        self.by_leaf.get_mut(&id)
    }

    /// The gradient of a variable, if it is a leaf and the loss depends on it.
    pub fn of(&self, leaf: &Var) -> Option<&Tensor> {
        self.get(leaf.leaf_id()?)
    }

    /// Sets the gradient of a leaf, and returns the one it had.
    pub fn insert(&mut self, id: LeafId, grad: Tensor) -> Option<Tensor> {
        self.by_leaf.insert(id, grad)
    }

    /// Takes the gradient of a leaf out.
    pub fn remove(&mut self, id: LeafId) -> Option<Tensor> {
        self.by_leaf.remove(&id)
    }

    /// All gradients, in the order in which their leaves were made.
    pub fn iter(&self) -> impl Iterator<Item = (LeafId, &Tensor)> {
        self.by_leaf.iter().map(|(&id, grad)| (id, grad))
    }

    /// All gradients, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (LeafId, &mut Tensor)> {
        self.by_leaf.iter_mut().map(|(&id, grad)| (id, grad))
    }

    /// How many leaves have one.
    pub fn len(&self) -> usize {
        self.by_leaf.len()
    }

    /// Whether no leaf has one.
    pub fn is_empty(&self) -> bool {
        self.by_leaf.is_empty()
    }
}
