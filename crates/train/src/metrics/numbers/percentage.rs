//! Errors as a share of their targets.

use crate::error::Result;
use crate::metrics::MeanMetric;
use crate::metrics::check::{check_numbers, show};
use std::fmt;

/// Mean absolute percentage error, `mean |y - t| / |t|`, as a share: 0.1 is ten percent.
///
/// A target of 0 has no such error, and the mean none with it: the value is then `None` and prints as
/// `n/a (a target is 0)`. Differs from scikit-learn in that: it divides by 2⁻⁵² there. It weighs predictions that are
/// too high more than those that are too low (S. Makridakis, International Journal of Forecasting 9, 1993).
///
/// ```
/// use train::metrics::Mape;
/// let mut mape = Mape::new();
/// mape.update(&[1.0, 3.0], &[2.0, 2.0]).unwrap();
/// assert_eq!(mape.value(), Some(0.5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mape {
    mean: MeanMetric,
    zeros: u64,
}

impl Mape {
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
        check_numbers("mape", predictions, targets)?;
        for (&y, &t) in predictions.iter().zip(targets) {
            let (y, t) = (y.into(), t.into());
            if t == 0.0 {
                self.zeros += 1;
            } else {
                self.mean.add((y - t).abs() / t.abs(), 1.0);
            }
        }
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.mean.merge(&other.mean);
        self.zeros += other.zeros;
    }

    /// The mean, or `None` where [`undefined`](Self::undefined) says why.
    pub fn value(&self) -> Option<f64> {
        self.mean.value().filter(|_| self.zeros == 0)
    }

    /// Why there is no value: no samples, or a target of 0.
    pub fn undefined(&self) -> Option<&'static str> {
        match (self.zeros, self.mean.weight()) {
            (0, 0.0) => Some("no samples"),
            (0, _) => None,
            _ => Some("a target is 0"),
        }
    }
}

impl fmt::Display for Mape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_of_zero_makes_it_undefined() {
        let mut m = Mape::new();
        assert_eq!(m.to_string(), "n/a (no samples)");
        m.update(&[1.0, 1.0], &[-2.0, 0.0]).unwrap();
        assert_eq!((m.value(), m.to_string()), (None, "n/a (a target is 0)".into()));
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        let mut m = Mape::new();
        assert_eq!(
            m.update(&[1.0, f64::NAN], &[1.0, 1.0]).unwrap_err().to_string(),
            "[mape] predictions must be finite; got NaN at position 1; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
        assert_eq!(
            m.update(&[1.0, 1.0], &[f64::INFINITY, 1.0]).unwrap_err().to_string(),
            "[mape] targets must be finite; got inf at position 0; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
        assert_eq!(
            m.update(&[1.0], &[]).unwrap_err().to_string(),
            "[mape] there must be one prediction for each target; got 1 predictions and 0 targets; \
             pass the predictions of the same samples"
        );
        assert_eq!(m, Mape::new());
    }
}
