//! What `backward` returns: one gradient for each leaf it reached.

use crate::error::{Error, Result};
use crate::row_gradient::RowGradient;
use crate::var::Var;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tensor::{DType, Tensor};

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
///
/// Each is a tensor of the leaf's shape, or, where a leaf was used by rows alone ([`Var::leaf_rows`]), a [`RowGradient`].
/// Most functions here give or take whole tensors, and make one of such a gradient, with its zeros, where it is asked for:
/// [`rows`](Self::rows), [`values`](Self::values), [`values_mut`](Self::values_mut), [`add`](Self::add) and
/// [`contains`](Self::contains) do not.
#[derive(Debug, Clone, Default)]
pub struct Gradients {
    by_leaf: BTreeMap<LeafId, Grad>,
}

/// A gradient as it is kept.
#[derive(Debug, Clone)]
enum Grad {
    Whole(Tensor),
    Rows(Box<Rows>),
}

#[derive(Debug, Clone)]
struct Rows {
    grad: RowGradient,
    /// The whole one, once somebody has asked for it.
    whole: OnceLock<Tensor>,
}

impl From<RowGradient> for Grad {
    fn from(grad: RowGradient) -> Self {
        Grad::Rows(Box::new(Rows { grad, whole: OnceLock::new() }))
    }
}

impl Grad {
    /// The shape and dtype of the whole one.
    fn kind(&self) -> (&[usize], DType) {
        match self {
            Grad::Whole(grad) => (grad.shape(), grad.dtype()),
            Grad::Rows(rows) => (rows.grad.shape(), rows.grad.dtype()),
        }
    }

    fn whole(&self) -> tensor::Result<&Tensor> {
        let rows = match self {
            Grad::Whole(grad) => return Ok(grad),
            Grad::Rows(rows) => rows,
        };
        if let Some(whole) = rows.whole.get() {
            return Ok(whole);
        }
        let whole = rows.grad.dense()?;
        Ok(rows.whole.get_or_init(|| whole))
    }

    fn into_whole(self) -> Tensor {
        match self {
            Grad::Whole(grad) => grad,
            Grad::Rows(mut rows) => rows.whole.take().unwrap_or_else(|| or_panic(rows.grad.dense())),
        }
    }

    fn whole_mut(&mut self) -> &mut Tensor {
        if let Grad::Rows(rows) = self {
            *self = Grad::Whole(rows.whole.take().unwrap_or_else(|| or_panic(rows.grad.dense())));
        }
        match self {
            Grad::Whole(grad) => grad,
            Grad::Rows(_) => unreachable!("invariant: it has just been made whole"),
        }
    }

    fn values(&self) -> &Tensor {
        match self {
            Grad::Whole(grad) => grad,
            Grad::Rows(rows) => rows.grad.values(),
        }
    }

    fn values_mut(&mut self) -> &mut Tensor {
        match self {
            Grad::Whole(grad) => grad,
            Grad::Rows(rows) => {
                rows.whole.take();
                rows.grad.values_mut()
            }
        }
    }
}

/// For the functions whose callers cannot be told of an error, and are told in their text.
fn or_panic<T>(result: tensor::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

impl Gradients {
    /// The gradient of a leaf, if the loss depends on it.
    ///
    /// Panics, as the operators do, and as all others here that give whole tensors, where one of rows is to be made whole and there
    /// is no memory for it: [`whole`](Self::whole) does not.
    pub fn get(&self, id: LeafId) -> Option<&Tensor> {
        or_panic(self.whole(id))
    }

    /// The gradient of a leaf, if the loss depends on it. Errors: `OutOfMemory` where one of rows cannot be made whole; as
    /// [`Tensor::index_add`] if its [`values`](Self::values_mut) have been given another shape.
    pub fn whole(&self, id: LeafId) -> tensor::Result<Option<&Tensor>> {
        self.by_leaf.get(&id).map(Grad::whole).transpose()
    }

    /// The gradient of a leaf, to be changed. One of rows is a whole one from then on.
    pub fn get_mut(&mut self, id: LeafId) -> Option<&mut Tensor> {
        self.by_leaf.get_mut(&id).map(Grad::whole_mut)
    }

    /// The gradient of a variable, if it is a leaf and the loss depends on it.
    pub fn of(&self, leaf: &Var) -> Option<&Tensor> {
        self.get(leaf.leaf_id()?)
    }

    /// The gradient of a leaf by rows, if that is how it is kept.
    pub fn rows(&self, id: LeafId) -> Option<&RowGradient> {
        match self.by_leaf.get(&id)? {
            Grad::Rows(rows) => Some(&rows.grad),
            Grad::Whole(_) => None,
        }
    }

    /// Whether a leaf has one.
    pub fn contains(&self, id: LeafId) -> bool {
        self.by_leaf.contains_key(&id)
    }

    /// Sets the gradient of a leaf, and returns the one it had.
    pub fn insert(&mut self, id: LeafId, grad: Tensor) -> Option<Tensor> {
        self.by_leaf.insert(id, Grad::Whole(grad)).map(Grad::into_whole)
    }

    /// Sets the gradient of a leaf by rows.
    pub fn insert_rows(&mut self, id: LeafId, grad: RowGradient) {
        self.by_leaf.insert(id, grad.into());
    }

    /// Takes the gradient of a leaf out.
    pub fn remove(&mut self, id: LeafId) -> Option<Tensor> {
        self.by_leaf.remove(&id).map(Grad::into_whole)
    }

    /// Adds all gradients of `other`, which may be of leaves of its own. Both of rows, the sum is of rows.
    ///
    /// Errors: `InvalidArgument` unless gradients of one leaf have one shape and dtype; nothing is added then.
    ///
    /// ```
    /// use autodiff::Var;
    /// use tensor::Tensor;
    /// let x = Var::variable(Tensor::scalar(3.0));
    /// let mut sum = x.square()?.backward()?;
    /// sum.add(x.mul_scalar(10.0)?.backward()?)?;
    /// assert_eq!(sum.of(&x).unwrap().item()?, 16.0);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn add(&mut self, other: Gradients) -> Result<()> {
        for (id, new) in &other.by_leaf {
            if let Some(sum) = self.by_leaf.get(id).filter(|sum| sum.kind() != new.kind()) {
                let show = |grad: &Grad| format!("{} {:?}", grad.kind().1, grad.kind().0);
                return Err(Error::InvalidArgument {
                    op: "gradients",
                    rule: "gradients of one leaf must have one shape and dtype",
                    got: format!("{} and {}", show(sum), show(new)),
                    repair: "add gradients of one model",
                });
            }
        }
        for (id, new) in other.by_leaf {
            match (self.by_leaf.remove(&id), new) {
                (None, new) => _ = self.by_leaf.insert(id, new),
                (Some(Grad::Whole(sum)), Grad::Whole(new)) => {
                    self.by_leaf.insert(id, Grad::Whole(sum.add_owned(&new)?));
                }
                (Some(Grad::Rows(sum)), Grad::Whole(new)) => {
                    self.by_leaf.insert(id, Grad::Whole(sum.grad.add_to(new)?));
                }
                (Some(sum), Grad::Rows(new)) => {
                    self.by_leaf.insert(id, sum);
                    self.add_rows(id, vec![new.grad])?;
                }
            }
        }
        Ok(())
    }

    /// Adds gradients of a leaf by rows: to a whole one in place.
    pub(crate) fn add_rows(&mut self, id: LeafId, mut grads: Vec<RowGradient>) -> Result<()> {
        let sum = match self.by_leaf.remove(&id) {
            Some(Grad::Whole(sum)) => Grad::Whole(grads.iter().try_fold(sum, |sum, grad| grad.add_to(sum))?),
            Some(Grad::Rows(earlier)) => {
                grads.insert(0, earlier.grad);
                RowGradient::sum(grads)?.into()
            }
            None => RowGradient::sum(grads)?.into(),
        };
        self.by_leaf.insert(id, sum);
        Ok(())
    }

    /// All gradients, in the order in which their leaves were made.
    pub fn iter(&self) -> impl Iterator<Item = (LeafId, &Tensor)> {
        self.by_leaf.iter().map(|(&id, grad)| (id, or_panic(grad.whole())))
    }

    /// All gradients, to be changed. Those of rows are whole ones from then on.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (LeafId, &mut Tensor)> {
        self.by_leaf.iter_mut().map(|(&id, grad)| (id, grad.whole_mut()))
    }

    /// What is kept of all gradients: the whole of one, or the values of its rows. This is all that is not 0 by itself, so
    /// it is enough for norms.
    pub fn values(&self) -> impl Iterator<Item = (LeafId, &Tensor)> {
        self.by_leaf.iter().map(|(&id, grad)| (id, grad.values()))
    }

    /// What is kept of all gradients, to be changed: enough for what leaves 0 as it is, as scaling and clamping do.
    pub fn values_mut(&mut self) -> impl Iterator<Item = (LeafId, &mut Tensor)> {
        self.by_leaf.iter_mut().map(|(&id, grad)| (id, grad.values_mut()))
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
