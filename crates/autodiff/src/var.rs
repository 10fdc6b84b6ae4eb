//! [`Var`]: a tensor with, perhaps, a place in the graph.

use crate::anomaly;
use crate::error::{Error, Result};
use crate::gradients::LeafId;
use crate::graph::{Kind, Node, Record, RowLeaf, Slot};
use crate::op::Op;
use crate::row_gradient::ascend;
use crate::{profile, scope};
use smallvec::SmallVec;
use std::fmt;
use std::sync::{Arc, Mutex};
use tensor::{DType, Tensor};

/// A value in a computation. Operations on constants record nothing; one tracked operand makes the result tracked.
///
/// ```
/// use autodiff::Var;
/// use tensor::Tensor;
///
/// let x = Var::variable(Tensor::from_vec(vec![1.0, 2.0, 3.0], [3])?);
/// let loss = x.square()?.sum(&[])?;
/// let grads = loss.backward()?;
/// assert_eq!(grads.of(&x).unwrap().to_vec::<f64>()?, [2.0, 4.0, 6.0]);
/// # Ok::<(), autodiff::Error>(())
/// ```
#[derive(Clone)]
pub struct Var {
    value: Tensor,
    node: Option<Arc<Node>>,
}

impl Var {
    /// A value that has no gradient.
    pub fn constant(value: Tensor) -> Self {
        Self { value, node: None }
    }

    /// A new leaf: a value whose gradient `backward` will return.
    pub fn variable(value: Tensor) -> Self {
        Self::leaf(value, LeafId::new())
    }

    /// A leaf whose gradient is added to that of every other leaf of the same `id`.
    pub fn leaf(value: Tensor, id: LeafId) -> Self {
        Self { value, node: Some(Node::new(Kind::Leaf(id))) }
    }

    /// Rows of a leaf that is kept as `table`, so that its gradient is one of these rows alone, a [`RowGradient`]: what a
    /// lookup in a large table is made of. `table[tokens]` is `leaf_rows(table, u, id)[i]`, u being the tokens in order,
    /// each once, and i where each token stands in u, see [`Tensor::unique`].
    ///
    /// The rows are copied out of the table. Gradients of other leaves of the same `id`, whole ones or of rows, are added.
    ///
    /// Shapes: table `(n, …)`, rows I64 `(k)` → `(k, …)`. Errors: `InvalidArgument` unless the rows ascend, each once; as
    /// [`Tensor::index_select`].
    ///
    /// ```
    /// use autodiff::{LeafId, Var};
    /// use tensor::Tensor;
    /// let table = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [4, 1])?;
    /// let (id, rows) = (LeafId::new(), Tensor::from_vec(vec![1i64, 3], [2])?);
    /// let grads = Var::leaf_rows(&table, &rows, id)?.square()?.sum(&[])?.backward()?;
    /// let grad = grads.rows(id).unwrap();
    /// assert_eq!(grad.rows().to_vec::<i64>()?, [1, 3]);
    /// assert_eq!(grad.values().to_vec::<f64>()?, [4.0, 8.0]);
    /// assert_eq!(grads.get(id).unwrap().to_vec::<f64>()?, [0.0, 4.0, 0.0, 8.0]);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    ///
    /// [`RowGradient`]: crate::RowGradient
    pub fn leaf_rows(table: &Tensor, rows: &Tensor, id: LeafId) -> Result<Self> {
        let value = table.index_select(0, rows).map_err(|error| error.named("leaf_rows"))?;
        if rows.rank() != 1 || !ascend(rows)? {
            return Err(Error::InvalidArgument {
                op: "leaf_rows",
                rule: "rows must have rank 1 and ascend, each once",
                got: format!("{rows}"),
                repair: "take the values of unique, and index_select with its inverse",
            });
        }
        let leaf = RowLeaf { id, rows: rows.clone(), shape: SmallVec::from_slice(table.shape()) };
        Ok(Self { value, node: Some(Node::new(Kind::Rows(Box::new(leaf)))) })
    }

    pub(crate) fn with_node(value: Tensor, node: Option<Arc<Node>>) -> Self {
        Self { value, node }
    }

    /// The tensor.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// The tensor, taken out.
    pub fn into_value(self) -> Tensor {
        self.value
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.value.rank()
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.value.dtype()
    }

    /// The one element, as a double. Errors: as [`Tensor::item`].
    pub fn item(&self) -> Result<f64> {
        Ok(self.value.item()?)
    }

    /// Whether a gradient can flow through it.
    pub fn is_tracked(&self) -> bool {
        self.node.is_some()
    }

    /// The same value as a constant: gradients stop here.
    pub fn detach(&self) -> Self {
        Self::constant(self.value.clone())
    }

    /// The leaf it is, if it is one, or that it is rows of.
    pub fn leaf_id(&self) -> Option<LeafId> {
        match self.node.as_deref() {
            Some(Node { kind: Kind::Leaf(id), .. }) => Some(*id),
            Some(Node { kind: Kind::Rows(leaf), .. }) => Some(leaf.id),
            _ => None,
        }
    }

    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    /// Applies an operation: the one way anything enters the graph.
    ///
    /// Errors: those of [`Op::forward`].
    pub fn apply(mut op: impl Op, inputs: &[&Var]) -> Result<Var> {
        // What is generic here is there once for each operation, so all that need not be stands below.
        let value = Self::forward(&mut op, inputs)?;
        if inputs.iter().all(|v| v.node.is_none()) {
            return Ok(Self::constant(value));
        }
        Ok(Self::recorded(Box::new(op), value, inputs))
    }

    #[inline(never)]
    fn forward(op: &mut dyn Op, inputs: &[&Var]) -> Result<Tensor> {
        let tensors: SmallVec<[&Tensor; 4]> = inputs.iter().map(|v| &v.value).collect();
        let value = profile::forward(op, |op| op.forward(&tensors))?;
        if anomaly::is_on() {
            anomaly::check_forward(op.name(), &value, &tensors)?;
        }
        Ok(value)
    }

    #[inline(never)]
    fn recorded(op: Box<dyn Op>, value: Tensor, inputs: &[&Var]) -> Var {
        let saves = op.saves();
        let slots = inputs.iter().enumerate().map(|(i, v)| Slot {
            node: v.node.clone(),
            value: saves.has_input(i).then(|| v.value.clone()),
            shape: SmallVec::from_slice(v.shape()),
            dtype: v.dtype(),
        });
        let name = op.name();
        let record = Record {
            inputs: slots.collect(),
            output: saves.has_output().then(|| value.clone()),
            shape: SmallVec::from_slice(value.shape()),
            dtype: value.dtype(),
            path: scope::path(),
            op,
        };
        let node = Node::new(Kind::Result { op: name, record: Mutex::new(Some(Box::new(record))) });
        Self { value, node: Some(node) }
    }
}

impl From<Tensor> for Var {
    fn from(value: Tensor) -> Self {
        Self::constant(value)
    }
}

impl From<&Tensor> for Var {
    fn from(value: &Tensor) -> Self {
        Self::constant(value.clone())
    }
}

impl From<&Var> for Var {
    fn from(var: &Var) -> Self {
        var.clone()
    }
}

impl AsRef<Var> for Var {
    fn as_ref(&self) -> &Var {
        self
    }
}

impl fmt::Debug for Var {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.node.as_deref().map(|node| &node.kind) {
            None => "constant",
            Some(Kind::Leaf(_)) => "leaf",
            Some(Kind::Rows(_)) => "rows of a leaf",
            Some(Kind::Result { op, .. }) => op,
        };
        write!(f, "Var({}, {:?}, {place})", self.dtype(), self.shape())
    }
}
