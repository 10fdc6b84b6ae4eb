//! Going backward: nodes in descending order of creation, each once, when all its gradients have arrived.

use crate::anomaly;
use crate::error::{Error, Result};
use crate::gradients::{Gradients, LeafId};
use crate::graph::{Kind, Node, Record};
use crate::op::{Grads, Saved};
use crate::profile;
use crate::row_gradient::RowGradient;
use crate::var::Var;
use std::collections::BTreeMap;
use std::sync::Arc;
use tensor::{DType, Tensor};

/// Nodes that have received a gradient and not yet passed it on. The last is the next: everything that could still
/// add to it was made later.
type Pending = BTreeMap<u64, (Arc<Node>, Var)>;

impl Var {
    /// The gradient of this single number with respect to every leaf it depends on.
    ///
    /// The graph is consumed: each saved value is let go as soon as its rule has run. A value of the same graph that
    /// is still held keeps its tensor but can no longer go backward.
    ///
    /// Errors: `NotScalar`; `NotTracked` for a constant; `GraphConsumed`; `NotDifferentiable`.
    pub fn backward(self) -> Result<Gradients> {
        let seed = self.scalar_seed()?;
        let Some(node) = self.node().cloned() else { return Err(Error::NotTracked) };
        drop(self);
        let mut pending = Pending::from([(node.id, (node, seed))]);
        let (mut found, mut of_rows) = (Gradients::default(), BTreeMap::<LeafId, Vec<RowGradient>>::new());
        while let Some((_, (node, grad))) = pending.pop_last() {
            match &node.kind {
                Kind::Leaf(id) => {
                    let grad = match found.remove(*id) {
                        Some(earlier) => earlier.add_owned(grad.value())?,
                        None => grad.into_value(),
                    };
                    found.insert(*id, grad);
                }
                Kind::Rows(leaf) => {
                    let grad = RowGradient::of_leaf(leaf, grad.into_value());
                    of_rows.entry(leaf.id).or_default().push(grad);
                }
                Kind::Result { op, .. } => {
                    let mut record = node.take().ok_or(Error::GraphConsumed { op })?;
                    let saved = Saved { record: &record, node: &node, higher: false };
                    if let Some((slot, sum)) = sum_to_add_to(&record, &mut found, &mut pending) {
                        let sum = profile::backward(&record, || record.op.add_grad(&saved, &grad, sum))?;
                        match slot.kind {
                            Kind::Leaf(id) => _ = found.insert(id, sum),
                            Kind::Rows(_) | Kind::Result { .. } => {
                                pending.insert(slot.id, (slot, Var::constant(sum)));
                            }
                        }
                        continue;
                    }
                    let grads = profile::backward(&record, || anomaly::backward(&record, &saved, &grad))?;
                    drop(grad);
                    drop_saved(&mut record);
                    pass_on(op, &record, grads, &mut pending, false)?;
                }
            }
        }
        // At the end, all at once, so that a loop of many lookups costs their number.
        for (id, grads) in of_rows {
            found.add_rows(id, grads)?;
        }
        Ok(found)
    }

    /// A cotangent of 1.
    fn scalar_seed(&self) -> Result<Var> {
        if self.value().len() != 1 {
            return Err(Error::NotScalar { shape: self.shape().to_vec() });
        }
        Ok(Var::constant(Tensor::ones(self.shape(), self.dtype())?))
    }
}

/// Σ ⟨cotangent, output⟩ differentiated with respect to `inputs`, which may be any values of the graph. The graph
/// stays, and the gradients are themselves differentiable, so that calls can be nested.
///
/// An input that the outputs do not depend on has gradient `None`.
///
/// Errors: `BadCotangent`; `NotTracked` if no output is tracked; `GraphConsumed`; `NotDifferentiable`.
///
/// ```
/// use autodiff::{Var, grad_of};
/// use tensor::Tensor;
///
/// let x = Var::variable(Tensor::scalar(3.0));
/// let y = x.square()?.mul(&x)?; // x³
/// let dy = grad_of(&[(&y, None)], &[&x])?.remove(0).unwrap(); // 3·x²
/// let ddy = grad_of(&[(&dy, None)], &[&x])?.remove(0).unwrap(); // 6·x
/// assert_eq!((dy.item()?, ddy.item()?), (27.0, 18.0));
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn grad_of(outputs: &[(&Var, Option<&Var>)], inputs: &[&Var]) -> Result<Vec<Option<Var>>> {
    grad_of_as(outputs, inputs, true)
}

/// As [`grad_of`]; if not `higher` the gradients are constants, and rules record nothing.
pub(crate) fn grad_of_as(
    outputs: &[(&Var, Option<&Var>)],
    inputs: &[&Var],
    higher: bool,
) -> Result<Vec<Option<Var>>> {
    let mut pending = Pending::new();
    for (output, cotangent) in outputs {
        let cotangent = match cotangent {
            None => output.scalar_seed()?,
            Some(c) if c.shape() == output.shape() && c.dtype() == output.dtype() => (*c).clone(),
            Some(c) => {
                return Err(Error::BadCotangent {
                    cotangent: describe(c.value()),
                    output: describe(output.value()),
                });
            }
        };
        if let Some(node) = output.node() {
            arrive(node, cotangent, &mut pending, higher)?;
        }
    }
    if pending.is_empty() {
        return Err(Error::NotTracked);
    }
    let wanted: Vec<Option<u64>> = inputs.iter().map(|v| v.node().map(|node| node.id)).collect();
    let oldest = wanted.iter().flatten().min().copied().unwrap_or(u64::MAX);
    let mut found: Vec<Option<Var>> = vec![None; inputs.len()];
    while let Some((id, (node, grad))) = pending.pop_last() {
        if id < oldest {
            break;
        }
        for (wanted, found) in wanted.iter().zip(&mut found) {
            if *wanted == Some(id) {
                *found = Some(grad.clone());
            }
        }
        if let Kind::Result { op, record } = &node.kind
            && id > oldest
        {
            let record = record.lock().unwrap_or_else(|p| p.into_inner());
            let record = record.as_deref().ok_or(Error::GraphConsumed { op })?;
            let saved = Saved { record, node: &node, higher };
            let grads = profile::backward(record, || anomaly::backward(record, &saved, &grad))?;
            pass_on(op, record, grads, &mut pending, higher)?;
        }
    }
    Ok(found)
}

/// The gradients that `output`, with the cotangent `seed`, sends to leaves and to nodes made before `stop`. What was made
/// since is consumed, unless the gradients shall be differentiated again.
pub(crate) fn pull(output: Var, seed: Var, stop: u64, higher: bool) -> Result<Vec<(Arc<Node>, Var)>> {
    let Some(node) = output.node().cloned() else { return Ok(Vec::new()) };
    drop(output);
    let mut pending = Pending::from([(node.id, (node, seed))]);
    let mut found = Vec::new();
    while let Some((id, (node, grad))) = pending.pop_last() {
        match &node.kind {
            Kind::Result { op, .. } if id >= stop && !higher => {
                let mut record = node.take().ok_or(Error::GraphConsumed { op })?;
                let saved = Saved { record: &record, node: &node, higher };
                let grads = profile::backward(&record, || anomaly::backward(&record, &saved, &grad))?;
                drop(grad);
                drop_saved(&mut record);
                pass_on(op, &record, grads, &mut pending, false)?;
            }
            Kind::Result { op, record } if id >= stop => {
                let record = record.lock().unwrap_or_else(|p| p.into_inner());
                let record = record.as_deref().ok_or(Error::GraphConsumed { op })?;
                let saved = Saved { record, node: &node, higher };
                let grads = profile::backward(record, || anomaly::backward(record, &saved, &grad))?;
                pass_on(op, record, grads, &mut pending, true)?;
            }
            _ => found.push((node, grad)),
        }
    }
    Ok(found)
}

/// The node, and the gradient that it has so far, to which the operation can add its own in place, if no other input
/// needs one.
fn sum_to_add_to(
    record: &Record,
    found: &mut Gradients,
    pending: &mut Pending,
) -> Option<(Arc<Node>, Tensor)> {
    let input = record.op.adds_to().filter(|_| !anomaly::is_on())?;
    let others = record.inputs.iter().enumerate().any(|(i, slot)| i != input && slot.node.is_some());
    let node = record.inputs.get(input).filter(|_| !others)?.node.as_ref()?;
    let sum = match node.kind {
        Kind::Leaf(id) => found.remove(id)?,
        Kind::Rows(_) | Kind::Result { .. } => pending.remove(&node.id)?.1.into_value(),
    };
    Some((node.clone(), sum))
}

/// Hands the gradients that a rule returned to the nodes of its inputs.
fn pass_on(
    op: &'static str,
    record: &Record,
    grads: Grads,
    pending: &mut Pending,
    higher: bool,
) -> Result<()> {
    debug_assert_eq!(grads.len(), record.inputs.len(), "[{op}] one gradient for each input");
    for (input, (slot, grad)) in record.inputs.iter().zip(grads).enumerate() {
        let (Some(node), Some(grad)) = (&slot.node, grad) else { continue };
        let grad = if grad.shape() == &slot.shape[..] && grad.dtype() == slot.dtype {
            grad
        } else {
            fit(op, input, grad, &slot.shape, slot.dtype, higher)?
        };
        arrive(node, grad, pending, higher)?;
    }
    Ok(())
}

/// Sums a gradient over what broadcasting repeated.
fn fit(
    op: &'static str,
    input: usize,
    grad: Var,
    shape: &[usize],
    dtype: DType,
    higher: bool,
) -> Result<Var> {
    let bad = || Error::BadGradient {
        op,
        input,
        grad: describe(grad.value()),
        value: format!("{dtype} {shape:?}"),
    };
    if grad.dtype() != dtype {
        return Err(bad());
    }
    match higher {
        true => grad.sum_to(shape).map_err(|_| bad()),
        false => grad.value().sum_to(shape).map(Var::constant).map_err(|_| bad()),
    }
}

/// Adds a gradient to what its node has received so far.
fn arrive(node: &Arc<Node>, grad: Var, pending: &mut Pending, higher: bool) -> Result<()> {
    let sum = match pending.remove(&node.id) {
        None => grad,
        Some((_, earlier)) if higher => earlier.add(&grad)?,
        Some((_, earlier)) => Var::constant(earlier.into_value().add_owned(grad.value())?),
    };
    pending.insert(node.id, (node.clone(), sum));
    Ok(())
}

/// Lets go of the saved values; the edges stay for passing on.
fn drop_saved(record: &mut Record) {
    record.output = None;
    record.inputs.iter_mut().for_each(|slot| slot.value = None);
}

fn describe(x: &Tensor) -> String {
    format!("{} {:?}", x.dtype(), x.shape())
}
