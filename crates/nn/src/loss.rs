//! Losses, as functions of predictions and targets.
//!
//! Targets may be tensors or variables. Each takes the mean; the methods of [`Var`] of the same names offer the rest.

use crate::error::Result;
use autodiff::{Reduction, Var};

pub use autodiff::ops::loss::cross_entropy::CrossEntropy;

/// Mean squared error, `1/n Σ (x − y)²`. Errors: as [`Var::mse_loss`].
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

/// Mean absolute error, `1/n Σ |x − y|`. Errors: as [`Var::l1_loss`].
///
/// ```
/// use nn::loss::l1_loss;
/// use tensor::Tensor;
/// let (x, y) = (Tensor::from_vec(vec![1.0, 2.0], [2])?, Tensor::from_vec(vec![0.0, 4.0], [2])?);
/// assert_eq!(l1_loss(&x.into(), y)?.item()?, 1.5);
/// # Ok::<(), nn::Error>(())
/// ```
pub fn l1_loss(prediction: &Var, target: impl Into<Var>) -> Result<Var> {
    Ok(prediction.l1_loss(&target.into(), Reduction::Mean)?)
}

/// Huber's loss: the mean of `d²/2` where `|d| ≤ delta`, else `delta·(|d| − delta/2)`, with `d = x − y`.
///
/// Errors: as [`Var::huber_loss`].
///
/// ```
/// use nn::loss::huber_loss;
/// use tensor::Tensor;
/// let (x, y) = (Tensor::from_vec(vec![1.0, 2.0], [2])?, Tensor::from_vec(vec![0.0, 4.0], [2])?);
/// assert_eq!(huber_loss(&x.into(), y, 1.0)?.item()?, 1.0); // (1/2 + 3/2)/2
/// # Ok::<(), nn::Error>(())
/// ```
pub fn huber_loss(prediction: &Var, target: impl Into<Var>, delta: f64) -> Result<Var> {
    Ok(prediction.huber_loss(&target.into(), delta, Reduction::Mean)?)
}

/// Binary cross-entropy of logits with targets in 0..=1, in nats: the mean of `−t·ln σ(x) − (1 − t)·ln(1 − σ(x))`.
///
/// Errors: as [`Var::bce_with_logits`], which can weigh the positives too.
///
/// ```
/// use nn::loss::bce_with_logits;
/// use tensor::Tensor;
/// let (x, t) = (Tensor::from_vec(vec![0.0, 3f64.ln()], [2])?, Tensor::from_vec(vec![1.0, 1.0], [2])?);
/// let loss = bce_with_logits(&x.into(), t)?.item()?; // σ = 1/2 and 3/4
/// assert!((loss - (2f64.ln() + (4.0 / 3.0f64).ln()) / 2.0).abs() < 1e-15);
/// # Ok::<(), nn::Error>(())
/// ```
pub fn bce_with_logits(logits: &Var, target: impl Into<Var>) -> Result<Var> {
    Ok(logits.bce_with_logits(&target.into(), None, Reduction::Mean)?)
}

/// Cross-entropy between logits `(.., classes)` and labels (I64, of the leading shape), or target probabilities of the
/// logits' shape: the mean of `−ln softmax(x)[label]`, in nats. Errors: as [`Var::cross_entropy`].
///
/// ```
/// use nn::loss::cross_entropy;
/// use tensor::Tensor;
/// let logits = Tensor::from_vec(vec![0.0, 0.0], [1, 2])?.into();
/// let loss = cross_entropy(&logits, &Tensor::from_vec(vec![1i64], [1])?)?;
/// assert!((loss.item()? - 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), nn::Error>(())
/// ```
pub fn cross_entropy(logits: &Var, labels: impl Into<Var>) -> Result<Var> {
    Ok(logits.cross_entropy(labels, &CrossEntropy::default())?)
}

/// Cross-entropy of the logits `x·wᵀ + b` with labels, block by block of rows, so that no more logits than a block's are ever
/// there: for large vocabularies. The mean, in nats. Errors: as [`Var::linear_cross_entropy`].
///
/// Shapes: x `(.., d)`, weight `(classes, d)`, bias `(classes)`, labels `(..)`, I64.
///
/// ```
/// use nn::loss::{cross_entropy, linear_cross_entropy};
/// use tensor::{DType, Rng, Tensor};
/// let rng = &mut Rng::seed(0);
/// let (x, weight) = (rng.normal([6, 8], 0.0, 1.0, DType::F32)?.into(), rng.normal([50, 8], 0.0, 1.0, DType::F32)?.into());
/// let labels = Tensor::from_slice(&[3i64, 14, 15, 9, 2, 6], [6])?;
/// let loss = linear_cross_entropy(&x, &weight, None, &labels)?;
/// assert_eq!(loss.item()?, cross_entropy(&x.linear(&weight, None)?, &labels)?.item()?);
/// # Ok::<(), nn::Error>(())
/// ```
pub fn linear_cross_entropy(
    x: &Var,
    weight: &Var,
    bias: Option<&Var>,
    labels: impl Into<Var>,
) -> Result<Var> {
    Ok(x.linear_cross_entropy(weight, bias, labels, &CrossEntropy::default())?)
}
