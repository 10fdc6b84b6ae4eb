//! The gradient of a table of which few rows were used: those rows, and 0 elsewhere.

use crate::error::{Error, Result};
use crate::graph::RowLeaf;
use tensor::{DType, Tensor};

/// A gradient of shape `(n, …)` that is 0 outside of k rows, of which these alone are kept: PyTorch's sparse gradient,
/// coalesced.
///
/// ```
/// use autodiff::RowGradient;
/// use tensor::Tensor;
/// // Rows in any order; what is said twice of a row is added.
/// let rows = Tensor::from_vec(vec![3i64, 0, 3], [3])?;
/// let grad = RowGradient::new(rows, Tensor::from_vec(vec![1.0, 2.0, 4.0], [3, 1])?, &[5, 1])?;
/// assert_eq!(grad.rows().to_vec::<i64>()?, [0, 3]);
/// assert_eq!(grad.values().to_vec::<f64>()?, [2.0, 5.0]);
/// assert_eq!(grad.to_dense()?.to_vec::<f64>()?, [2.0, 0.0, 0.0, 5.0, 0.0]);
/// # Ok::<(), autodiff::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RowGradient {
    rows: Tensor,
    values: Tensor,
    shape: Vec<usize>,
}

impl RowGradient {
    /// `values[k]` at row `rows[k]` of zeros of `shape`. Rows may come in any order and repeatedly; they are put in order,
    /// and those that repeat are added in theirs.
    ///
    /// Shapes: rows I64 `(k)`, values `(k, …)`, shape `(n, …)`. Errors: `InvalidArgument` for other shapes, rows that are
    /// no I64, and those outside of `0..n`; as [`Tensor::index_add`] where rows repeat.
    pub fn new(rows: Tensor, values: Tensor, shape: &[usize]) -> Result<Self> {
        let refuse =
            |rule, got, repair| Err(Error::InvalidArgument { op: "row_gradient", rule, got, repair });
        if rows.dtype() != DType::I64 || rows.rank() != 1 {
            let got = format!("{} {:?}", rows.dtype(), rows.shape());
            return refuse("rows must be I64 of rank 1", got, "reshape them, or convert them with to_dtype");
        }
        let row = shape.get(1..);
        if row.is_none() || values.shape().split_first() != Some((&rows.len(), row.unwrap_or(&[]))) {
            let got = format!("{:?} for {} rows of {shape:?}", values.shape(), rows.len());
            return refuse(
                "there must be one row of values for each row",
                got,
                "give values of the shape (rows, …)",
            );
        }
        if rows.len() > 0 {
            let (least, largest) = (rows.min(&[])?.item()?, rows.max(&[])?.item()?);
            let row = if least < 0.0 { least } else { largest };
            if row < 0.0 || row >= shape[0] as f64 {
                let got = format!("row {row} of {}", shape[0]);
                return refuse("every row must be in the table", got, "check the rows or the shape");
            }
        }
        let ordered = ascend(&rows)?;
        let grad = Self { rows, values, shape: shape.to_vec() };
        if ordered { Ok(grad) } else { grad.in_order() }
    }

    /// What arrived at rows of a leaf.
    pub(crate) fn of_leaf(leaf: &RowLeaf, values: Tensor) -> Self {
        Self { rows: leaf.rows.clone(), values, shape: leaf.shape.to_vec() }
    }

    /// The rows, I64, ascending, each once: `(k)`.
    pub fn rows(&self) -> &Tensor {
        &self.rows
    }

    /// The gradients of these rows: `(k, …)`.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// The gradients of these rows, to be changed. Shape and dtype must stay: a gradient with another number of values than
    /// rows cannot be made whole.
    pub fn values_mut(&mut self) -> &mut Tensor {
        &mut self.values
    }

    /// The shape of the whole gradient: `(n, …)`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.values.dtype()
    }

    /// The whole gradient, zeros and all.
    pub fn to_dense(&self) -> Result<Tensor> {
        Ok(self.dense()?)
    }

    pub(crate) fn dense(&self) -> tensor::Result<Tensor> {
        self.add_to(Tensor::zeros(&self.shape, self.dtype())?)
    }

    /// `whole` with these rows added, in place where its buffer is not shared.
    pub(crate) fn add_to(&self, whole: Tensor) -> tensor::Result<Tensor> {
        whole.index_add_owned(0, &self.rows, &self.values)
    }

    /// The sum of gradients of one leaf, of which there is at least one.
    pub(crate) fn sum(mut parts: Vec<Self>) -> Result<Self> {
        let (first, rest) = parts.split_first().expect("invariant: a sum has a part");
        if let Some(other) =
            rest.iter().find(|part| part.shape != first.shape || part.dtype() != first.dtype())
        {
            let show = |part: &Self| format!("{} {:?}", part.dtype(), part.shape);
            return Err(Error::InvalidArgument {
                op: "row_gradient",
                rule: "gradients of one leaf must have one shape and dtype",
                got: format!("{} and {}", show(first), show(other)),
                repair: "give each table a leaf of its own",
            });
        }
        if rest.iter().all(|part| part.rows.bit_eq(&first.rows)) {
            let Self { rows, values, shape } = parts.remove(0);
            let values = parts.iter().try_fold(values, |sum, part| sum.add_owned(&part.values))?;
            return Ok(Self { rows, values, shape });
        }
        let rows: Vec<&Tensor> = parts.iter().map(|part| &part.rows).collect();
        let values: Vec<&Tensor> = parts.iter().map(|part| &part.values).collect();
        let (rows, values) = (Tensor::cat(&rows, 0)?, Tensor::cat(&values, 0)?);
        Self { rows, values, shape: parts.swap_remove(0).shape }.in_order()
    }

    /// The same with ascending rows: values of a row are added in their order.
    fn in_order(self) -> Result<Self> {
        let found = self.rows.unique()?;
        let mut shape = self.shape.clone();
        shape[0] = found.values.len();
        let values = Tensor::zeros(&shape, self.dtype())?.index_add_owned(0, &found.inverse, &self.values)?;
        Ok(Self { rows: found.values, values, shape: self.shape })
    }
}

/// Whether rows, I64 of rank 1, ascend, each once.
pub(crate) fn ascend(rows: &Tensor) -> Result<bool> {
    match rows.len() {
        0 | 1 => Ok(true),
        k => Ok(rows.narrow(0, 1, k - 1)?.sub(&rows.narrow(0, 0, k - 1)?)?.min(&[])?.item()? > 0.0),
    }
}
