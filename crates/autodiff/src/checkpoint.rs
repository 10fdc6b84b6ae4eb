//! Part of a computation that keeps its inputs alone, and is run again when the gradient comes.
//!
//! Source: Chen, Xu, Zhang & Guestrin 2016, Training Deep Nets with Sublinear Memory Cost.

use crate::engine::pull;
use crate::error::{Error, Result};
use crate::gradients::LeafId;
use crate::graph::{Kind, Node, Record, Slot};
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tensor::Tensor;

/// What a part depends on beside its inputs: values of the graph around it by number, leaves made inside by name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Outer(u64),
    Leaf(LeafId),
    /// Rows of a leaf: two lookups of different rows have places of their own.
    Rows(LeafId, Vec<i64>),
}

impl Place {
    fn of(node: &Node) -> Self {
        match &node.kind {
            Kind::Leaf(id) => Place::Leaf(*id),
            Kind::Rows(leaf) => Place::Rows(leaf.id, leaf.rows.to_vec().expect("invariant: rows are I64")),
            Kind::Result { .. } => Place::Outer(node.id),
        }
    }
}

struct Checkpoint<F> {
    f: F,
    n_inputs: usize,
    others: Vec<Place>,
}

impl<F: Fn(&[Var]) -> Result<Var> + Send + Sync + 'static> Op for Checkpoint<F> {
    fn name(&self) -> &'static str {
        "checkpoint"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, _: &[&Tensor]) -> Result<Tensor> {
        Err(Error::NotTracked)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        // An anomaly is that of an operation inside, not of the whole part.
        let _resumed = crate::anomaly::resume(saved.record.path.as_deref());
        let higher = saved.higher || grad.is_tracked();
        let stop = Node::next_id();
        let inputs = (0..self.n_inputs).map(|i| place(&saved.input(i), saved.needs(i)));
        let inputs: Vec<Var> = inputs.collect::<Result<_>>()?;
        let ids: Vec<Option<u64>> = inputs.iter().map(|x| x.node().map(|node| node.id)).collect();
        let y = (self.f)(&inputs)?;
        drop(inputs);
        if saved.record.output.as_ref().is_some_and(|first| !y.value().bit_eq(first)) {
            return Err(Error::InvalidArgument {
                op: "checkpoint",
                rule: "the function must compute the same each time",
                got: "another result on the way back".into(),
                repair: "draw random numbers from a clone of one Rng, made anew in each run",
            });
        }
        let mut grads: Grads = std::iter::repeat_n(None, saved.len()).collect();
        let found = pull_inputs(y, grad.clone(), stop, &ids, higher)?;
        for (node, grad) in found {
            let i = match ids.iter().position(|id| *id == Some(node.id)) {
                Some(i) => Some(i),
                None => {
                    let place = Place::of(&node);
                    self.others.iter().position(|other| *other == place).map(|i| self.n_inputs + i)
                }
            };
            let Some(i) = i else { continue };
            grads[i] = Some(match grads[i].take() {
                None => grad,
                Some(earlier) => earlier.add(&grad)?,
            });
        }
        Ok(grads)
    }
}

/// As [`pull`], where the inputs stand as leaves or as aliases of values outside.
fn pull_inputs(
    y: Var,
    seed: Var,
    stop: u64,
    inputs: &[Option<u64>],
    higher: bool,
) -> Result<Vec<(Arc<Node>, Var)>> {
    // Inputs are the first nodes made after `stop`, so that everything above them is the part's own.
    let last = inputs.iter().flatten().max().map_or(stop, |id| id + 1);
    pull(y, seed, last.max(stop), higher)
}

/// A place of its own for a value: a gradient that arrives here is of this use and no other.
pub(crate) fn place(x: &Var, wanted: bool) -> Result<Var> {
    match wanted {
        false => Ok(x.detach()),
        true if x.is_tracked() => Var::apply(Alias, &[x]),
        true => Ok(Var::variable(x.value().clone())),
    }
}

/// `y = x`, with a place of its own in the graph.   `dx = g`
struct Alias;

impl Op for Alias {
    fn name(&self) -> &'static str {
        "alias"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clone())
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        crate::op::grads([grad.clone()])
    }
}

/// `f(inputs)`, of which only `inputs` and the result are kept: going backward runs `f` again and takes its graph from there.
///
/// Memory for time: a network cut into parts holds what enters each part and the graph of one. `f` must compute the same
/// each time, to the bit, which is checked; it may use tracked values and make leaves (parameters) of its own, whose
/// gradients arrive as always. In [`grad_of`](crate::grad_of) the gradient can be differentiated again.
///
/// Errors: those of `f`; on the way back `InvalidArgument` where `f` then computes something else.
///
/// ```
/// use autodiff::{Var, checkpoint};
/// use tensor::Tensor;
///
/// let x = Var::variable(Tensor::scalar(3.0));
/// let y = checkpoint(|x| x[0].square()?.mul(&x[0]), &[x.clone()])?;
/// assert_eq!(y.backward()?.of(&x).unwrap().item()?, 27.0);
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn checkpoint<F>(f: F, inputs: &[Var]) -> Result<Var>
where
    F: Fn(&[Var]) -> Result<Var> + Send + Sync + 'static,
{
    let stop = Node::next_id();
    let places: Vec<Var> = inputs.iter().map(|x| place(x, x.is_tracked())).collect::<Result<_>>()?;
    let y = f(&places)?;
    let ids: Vec<u64> = places.iter().filter_map(|x| x.node().map(|node| node.id)).collect();
    drop(places);
    let Some(node) = y.node().filter(|node| node.id >= stop).cloned() else { return Ok(y) };
    let value = y.into_value();
    if ids.contains(&node.id) || !matches!(node.kind, Kind::Result { .. }) {
        return Ok(Var::with_node(value, Some(node)));
    }
    let others = others(&node, stop, &ids)?;
    drop(node);
    let mut slots: SmallVec<[Slot; 3]> = inputs
        .iter()
        .map(|x| Slot {
            node: x.node().cloned(),
            value: Some(x.value().clone()),
            shape: SmallVec::from_slice(x.shape()),
            dtype: x.dtype(),
        })
        .collect();
    let n_inputs = slots.len();
    let (others, more): (Vec<Place>, Vec<Slot>) = others.into_iter().unzip();
    slots.extend(more);
    let record = Record {
        op: Box::new(Checkpoint { f, n_inputs, others }),
        inputs: slots,
        // Held by whatever takes it, as a rule, so that keeping it for the comparison costs nothing.
        output: Some(value.clone()),
        shape: SmallVec::from_slice(value.shape()),
        dtype: value.dtype(),
        path: crate::scope::path(),
    };
    let kind = Kind::Result { op: "checkpoint", record: Mutex::new(Some(Box::new(record))) };
    Ok(Var::with_node(value, Some(Node::new(kind))))
}

/// What the graph down from `node` rests on, beside the inputs.
fn others(node: &Arc<Node>, stop: u64, inputs: &[u64]) -> Result<BTreeMap<Place, Slot>> {
    let mut pending = BTreeMap::from([(node.id, node.clone())]);
    let mut others = BTreeMap::new();
    while let Some((_, node)) = pending.pop_last() {
        let Kind::Result { op, record } = &node.kind else { continue };
        let record = record.lock().unwrap_or_else(|p| p.into_inner());
        let record = record.as_deref().ok_or(Error::GraphConsumed { op })?;
        for slot in &record.inputs {
            let Some(node) = slot.node.as_ref().filter(|node| !inputs.contains(&node.id)) else { continue };
            if node.id >= stop && matches!(node.kind, Kind::Result { .. }) {
                pending.insert(node.id, node.clone());
            } else {
                others.entry(Place::of(node)).or_insert_with(|| Slot {
                    node: Some(node.clone()),
                    value: None,
                    shape: slot.shape.clone(),
                    dtype: slot.dtype,
                });
            }
        }
    }
    Ok(others)
}
