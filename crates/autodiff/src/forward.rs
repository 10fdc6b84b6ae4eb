//! Going forward: tangents pushed through a recorded graph, in ascending order of creation.

use crate::engine::grad_of;
use crate::error::{Error, Result};
use crate::graph::{Kind, Node, Record};
use crate::op::{Grads, Saved};
use crate::var::Var;
use std::collections::BTreeMap;
use std::sync::Arc;
use tensor::Tensor;

/// The derivative of a computation at the place where it was recorded, as a linear map; see [`linearize`].
pub struct LinearMap {
    /// What the outputs depend on, and the inputs may reach.
    nodes: BTreeMap<u64, Arc<Node>>,
    inputs: Vec<Option<u64>>,
    outputs: Vec<Var>,
    shapes: Vec<Tensor>,
    /// Whether the outputs depend on tracked values other than the inputs.
    open: bool,
}

/// What a node passes on.
enum Tangent {
    Is(Var),
    /// It depends on the inputs through this operation, which has no derivative.
    Blocked(&'static str),
}

/// The derivative of `outputs` with respect to `inputs`, any values of their graph, as a map that can be applied to many
/// tangents: `v ↦ J·v`. The graph stays, and what the map returns can be differentiated again, forward and backward.
///
/// Errors: `GraphConsumed` where a `backward` has used up what `outputs` depend on.
///
/// ```
/// use autodiff::{Var, linearize};
/// use tensor::Tensor;
///
/// let x = Var::variable(Tensor::scalar(3.0));
/// let y = x.square()?;
/// let dy = linearize(&[y], &[x])?.push(&[Var::from(Tensor::scalar(2.0))])?.remove(0).unwrap();
/// assert_eq!(dy.item()?, 12.0); // 2·x·v
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn linearize(outputs: &[Var], inputs: &[Var]) -> Result<LinearMap> {
    let ids: Vec<Option<u64>> = inputs.iter().map(|x| x.node().map(|node| node.id)).collect();
    let oldest = ids.iter().flatten().min().copied().unwrap_or(u64::MAX);
    let mut pending: BTreeMap<u64, Arc<Node>> =
        outputs.iter().filter_map(|y| y.node()).map(|node| (node.id, node.clone())).collect();
    let (mut nodes, mut open) = (BTreeMap::new(), false);
    while let Some((id, node)) = pending.pop_last() {
        if id < oldest {
            open = true;
            break;
        }
        if !ids.contains(&Some(id)) {
            match &node.kind {
                Kind::Leaf(_) | Kind::Rows(_) => open = true,
                Kind::Result { op, record } => {
                    let record = record.lock().unwrap_or_else(|p| p.into_inner());
                    let record = record.as_deref().ok_or(Error::GraphConsumed { op })?;
                    for node in record.inputs.iter().filter_map(|slot| slot.node.as_ref()) {
                        pending.insert(node.id, node.clone());
                    }
                }
            }
        }
        nodes.insert(id, node);
    }
    let shapes = inputs.iter().map(|x| x.value().clone()).collect();
    Ok(LinearMap { nodes, inputs: ids, outputs: outputs.to_vec(), shapes, open })
}

impl LinearMap {
    /// The tangents of the outputs for one tangent of each input; `None` for an output that does not depend on them.
    ///
    /// Errors: `InvalidArgument` unless there is one tangent for each input, of its shape and dtype; `NotDifferentiable`.
    pub fn push(&self, tangents: &[Var]) -> Result<Vec<Option<Var>>> {
        self.push_as(tangents, true)
    }

    /// Whether the outputs depend on tracked values other than the inputs.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// As [`push`](Self::push); if not `higher` the tangents will not be differentiated through the graph.
    pub(crate) fn push_as(&self, tangents: &[Var], higher: bool) -> Result<Vec<Option<Var>>> {
        let fits = |(x, v): (&Tensor, &Var)| x.shape() == v.shape() && x.dtype() == v.dtype();
        if tangents.len() != self.shapes.len() || !self.shapes.iter().zip(tangents).all(fits) {
            let list = |x: Vec<&Tensor>| {
                x.iter().map(|x| format!("{} {:?}", x.dtype(), x.shape())).collect::<Vec<_>>().join(", ")
            };
            return Err(Error::InvalidArgument {
                op: "jvp",
                rule: "there must be one tangent for each input, of its shape and dtype",
                got: format!(
                    "{} for {}",
                    list(tangents.iter().map(Var::value).collect()),
                    list(self.shapes.iter().collect())
                ),
                repair: "build each tangent with its input's shape and dtype",
            });
        }
        let mut state: BTreeMap<u64, Tangent> = BTreeMap::new();
        for (id, v) in self.inputs.iter().zip(tangents) {
            let Some(id) = *id else { continue };
            let sum = match state.remove(&id) {
                Some(Tangent::Is(earlier)) => earlier.add(v)?,
                _ => v.clone(),
            };
            state.insert(id, Tangent::Is(sum));
        }
        for (id, node) in &self.nodes {
            if let Kind::Result { op, record } = &node.kind
                && !state.contains_key(id)
            {
                let record = record.lock().unwrap_or_else(|p| p.into_inner());
                let record = record.as_deref().ok_or(Error::GraphConsumed { op })?;
                if let Some(tangent) = step(op, &Saved { record, node, higher }, record, &state)? {
                    state.insert(*id, tangent);
                }
            }
        }
        let of = |y: &Var| match y.node().and_then(|node| state.get(&node.id)) {
            None => Ok(None),
            Some(Tangent::Is(v)) => Ok(Some(v.clone())),
            Some(Tangent::Blocked(op)) => Err(Error::NotDifferentiable { op }),
        };
        self.outputs.iter().map(of).collect()
    }
}

/// The tangent of one node.
fn step(
    op: &'static str,
    saved: &Saved,
    record: &Record,
    state: &BTreeMap<u64, Tangent>,
) -> Result<Option<Tangent>> {
    let met: Vec<Option<&Tangent>> =
        record.inputs.iter().map(|slot| slot.node.as_ref().and_then(|node| state.get(&node.id))).collect();
    if met.iter().all(Option::is_none) {
        return Ok(None);
    }
    if !record.dtype.is_float() {
        return Ok(Some(Tangent::Blocked(op)));
    }
    // Only a rule knows whether its result depends smoothly on an input: an index has no gradient.
    if met.iter().any(|t| matches!(t, Some(Tangent::Blocked(_)))) {
        let zero = Var::constant(Tensor::zeros(&record.shape, record.dtype)?);
        let grads = match record.op.backward(saved, &zero) {
            Err(Error::NotDifferentiable { op }) => return Ok(Some(Tangent::Blocked(op))),
            grads => grads?,
        };
        for (tangent, grad) in met.iter().zip(&grads) {
            if let (Some(Tangent::Blocked(op)), Some(_)) = (tangent, grad) {
                return Ok(Some(Tangent::Blocked(op)));
            }
        }
    }
    let tangents: Vec<Option<Var>> = met
        .iter()
        .map(|t| match t {
            Some(Tangent::Is(v)) => Some(v.clone()),
            _ => None,
        })
        .collect();
    if tangents.iter().all(Option::is_none) {
        return Ok(None);
    }
    match record.op.jvp(saved, &tangents) {
        Err(Error::NotDifferentiable { op }) => Ok(Some(Tangent::Blocked(op))),
        tangent => Ok(tangent?.map(Tangent::Is)),
    }
}

/// The tangent of a result whose gradient `rule` turns into those of the inputs: `rule`, which is linear, transposed.
pub(crate) fn transpose(
    saved: &Saved,
    tangents: &[Option<Var>],
    rule: &dyn Fn(&Var) -> Result<Grads>,
) -> Result<Option<Var>> {
    let record = saved.record;
    let cotangent = Var::variable(Tensor::zeros(&record.shape, record.dtype)?);
    let grads = rule(&cotangent)?;
    let mut pairs: Vec<(Var, Var)> = Vec::new();
    for (grad, tangent) in grads.into_iter().zip(tangents) {
        if let (Some(grad), Some(tangent)) = (grad, tangent)
            && grad.is_tracked()
        {
            // A gradient still to be summed over what broadcasting repeated meets a tangent that is repeated.
            let fits = grad.shape() == tangent.shape();
            let tangent = if fits { tangent.clone() } else { tangent.expand(grad.shape())? };
            pairs.push((grad, tangent));
        }
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    let pairs: Vec<(&Var, Option<&Var>)> = pairs.iter().map(|(grad, v)| (grad, Some(v))).collect();
    Ok(grad_of(&pairs, &[&cotangent])?.remove(0))
}
