//! What becomes of the losses of single elements or rows.

use crate::error::{Error, Result};
use crate::var::Var;

/// How a loss function puts the losses of elements, or rows, together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// They stay apart.
    None,
}

impl Reduction {
    /// `losses` put together.
    pub(crate) fn of(self, losses: &Var) -> Result<Var> {
        match self {
            Reduction::Mean => losses.mean(&[]),
            Reduction::Sum => losses.sum(&[]),
            Reduction::None => Ok(losses.clone()),
        }
    }
}

/// Refuses predictions and targets that do not have one shape, or no elements, at the door of the loss `op`.
pub(crate) fn one_shape(op: &'static str, prediction: &Var, target: &Var) -> Result<()> {
    let refuse = |rule, repair| {
        let shapes = vec![prediction.shape().to_vec(), target.shape().to_vec()];
        Err(Error::Tensor(tensor::Error::ShapeMismatch { op, rule, shapes, repair }))
    };
    if prediction.shape() != target.shape() {
        return refuse("prediction and target must have one shape", "reshape one of them");
    }
    if prediction.value().len() == 0 {
        return refuse("there must be at least one element", "leave empty batches out");
    }
    if prediction.dtype() != target.dtype() || !prediction.dtype().is_float() {
        return Err(Error::Tensor(tensor::Error::DTypeMismatch {
            op,
            rule: "prediction and target must be floats of one dtype",
            dtypes: vec![prediction.dtype(), target.dtype()],
            repair: "convert one with to_dtype",
        }));
    }
    Ok(())
}
