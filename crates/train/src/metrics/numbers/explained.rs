//! How much of the targets' variance is explained.

use crate::error::Result;
use crate::metrics::check::{check_numbers, show};
use crate::metrics::moments::Moments;
use std::fmt;

/// Explained variance, `1 - Var(t - y) / Var(t)`.
///
/// Other than R², it forgives predictions that are all wrong by the same amount. Constant targets have no variance
/// to explain: the value is then `None` and prints as `n/a (constant targets)`; scikit-learn has 1 or 0 there.
///
/// ```
/// use train::metrics::ExplainedVariance;
/// let mut explained = ExplainedVariance::new();
/// explained.update(&[11.0, 12.0, 13.0], &[1.0, 2.0, 3.0]).unwrap();
/// assert_eq!(explained.value(), Some(1.0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExplainedVariance {
    /// Of the errors and the targets.
    moments: Moments,
}

impl ExplainedVariance {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there is one prediction for each target,
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a number that is not finite. Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
        check_numbers("explained_variance", predictions, targets)?;
        for (&y, &t) in predictions.iter().zip(targets) {
            let (y, t) = (y.into(), t.into());
            self.moments.add(t - y, t);
        }
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.moments.merge(&other.moments);
    }

    /// The value, or `None` where [`undefined`](Self::undefined) says why.
    pub fn value(&self) -> Option<f64> {
        self.undefined().is_none().then(|| 1.0 - self.moments.xx / self.moments.yy)
    }

    /// Why there is no value: no samples, constant targets, or numbers whose squares are beyond the largest.
    pub fn undefined(&self) -> Option<&'static str> {
        match (self.moments.count, self.moments.yy) {
            (0, _) => Some("no samples"),
            _ if self.moments.overflowed() => Some("numbers too large"),
            (_, 0.0) => Some("constant targets"),
            _ => None,
        }
    }
}

impl fmt::Display for ExplainedVariance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::R2;

    #[test]
    fn without_a_bias_it_is_r2() {
        let (y, t) = ([1.5, 1.5, 3.5, 3.5], [1.0, 2.0, 3.0, 4.0]);
        let (mut explained, mut r2) = (ExplainedVariance::new(), R2::new());
        explained.update(&y, &t).unwrap();
        r2.update(&y, &t).unwrap();
        assert_eq!((explained.value(), r2.value()), (Some(0.8), Some(0.8)));
    }

    #[test]
    fn constant_targets_and_no_samples_are_not_available() {
        let mut e = ExplainedVariance::new();
        assert_eq!((e.value(), e.to_string()), (None, "n/a (no samples)".into()));
        e.update(&[0.1, 0.2], &[0.1, 0.1]).unwrap();
        assert_eq!((e.value(), e.to_string()), (None, "n/a (constant targets)".into()));
        e.update(&[1e308, -1e308], &[-1e308, 1e308]).unwrap();
        assert_eq!((e.value(), e.to_string()), (None, "n/a (numbers too large)".into()));
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert_eq!(
            ExplainedVariance::new().update(&[0.0], &[f64::NAN]).unwrap_err().to_string(),
            "[explained_variance] targets must be finite; got NaN at position 0; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
    }
}
