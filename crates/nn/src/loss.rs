//! Losses, as functions of predictions and targets.
//!
//! Targets may be tensors or variables. Each takes the mean; the methods of [`Var`] of the same names offer the rest.

use crate::error::Result;
use autodiff::{Reduction, Var};
use tensor::Tensor;

pub use autodiff::ops::loss::cross_entropy::CrossEntropy;

/// Mean squared error, `1/n Σ (x − y)²`.
///
/// ```
/// use nn::loss::mse_loss;
/// use tensor::Tensor;
/// let (x, y) = (Tensor::from_vec(vec![1.0, 2.0], [2])?, Tensor::from_vec(vec![0.0, 4.0], [2])?);
/// assert_eq!(mse_loss(&x.into(), y)?.item()?, 2.5);
/// # Ok::<(), nn::Error>(())
/// ```
pub fn mse_loss(prediction: &Var, target: impl Into<Var>) -> Result<Var> {
    Ok(prediction.mse_loss(&target.into(), Reduction::Mean)?)
}

/// Cross-entropy between logits `(.., classes)` and labels (I64, of the leading shape), or target probabilities of the
/// logits' shape: the mean of `−ln softmax(x)[label]`, in nats.
///
/// ```
/// use nn::loss::cross_entropy;
/// use tensor::Tensor;
/// let logits = Tensor::from_vec(vec![0.0, 0.0], [1, 2])?.into();
/// let loss = cross_entropy(&logits, &Tensor::from_vec(vec![1i64], [1])?)?;
/// assert!((loss.item()? - 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), nn::Error>(())
/// ```
pub fn cross_entropy(logits: &Var, labels: &Tensor) -> Result<Var> {
    Ok(logits.cross_entropy(labels, &CrossEntropy::default())?)
}
