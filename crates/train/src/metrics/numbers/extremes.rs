//! The largest error and the one in the middle.

use crate::error::Result;
use crate::metrics::check::{check_numbers, show};
use std::fmt;

/// The largest absolute error, `max |y - t|`.
///
/// ```
/// use train::metrics::MaxError;
/// let mut max = MaxError::new();
/// max.update(&[1.0, 2.0], &[1.5, -1.0]).unwrap();
/// assert_eq!(max.value(), Some(3.0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MaxError {
    value: Option<f64>,
}

/// The median of the absolute errors `|y - t|`; of an even number, the mean of the middle two.
///
/// It keeps all errors, 8 bytes for each sample. Outliers do not move it until they are half of all samples.
///
/// ```
/// use train::metrics::MedianAbsoluteError;
/// let mut median = MedianAbsoluteError::new();
/// median.update(&[1.0, 2.0, 1e6], &[1.5, 1.0, 0.0]).unwrap();
/// assert_eq!(median.value(), Some(1.0));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MedianAbsoluteError {
    errors: Vec<f64>,
}

impl MaxError {
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
        check_numbers("max_error", predictions, targets)?;
        let errors = predictions.iter().zip(targets).map(|(&y, &t)| (y.into() - t.into()).abs());
        self.value = errors.chain(self.value).reduce(f64::max);
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.value = self.value.into_iter().chain(other.value).reduce(f64::max);
    }

    /// The largest error, or `None` before the first sample.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Why there is no value: no samples.
    pub fn undefined(&self) -> Option<&'static str> {
        self.value.is_none().then_some("no samples")
    }
}

impl MedianAbsoluteError {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// As [`MaxError::update`]. Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
        check_numbers("median_absolute_error", predictions, targets)?;
        self.errors.extend(predictions.iter().zip(targets).map(|(&y, &t)| (y.into() - t.into()).abs()));
        Ok(())
    }

    /// Adds the errors of another.
    pub fn merge(&mut self, other: &Self) {
        self.errors.extend(&other.errors);
    }

    /// The median, or `None` before the first sample.
    pub fn value(&self) -> Option<f64> {
        let mut errors = self.errors.clone();
        errors.sort_unstable_by(f64::total_cmp);
        let upper = *errors.get(errors.len() / 2)?;
        let odd = errors.len() % 2 == 1;
        Some(if odd { upper } else { errors[errors.len() / 2 - 1].midpoint(upper) })
    }

    /// Why there is no value: no samples.
    pub fn undefined(&self) -> Option<&'static str> {
        self.errors.is_empty().then_some("no samples")
    }
}

impl fmt::Display for MaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

impl fmt::Display for MedianAbsoluteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_number_has_the_mean_of_the_middle_two() {
        let mut m = MedianAbsoluteError::new();
        m.update(&[1.0, -4.0, 2.0, 9.0], &[0.0; 4]).unwrap();
        assert_eq!((m.value(), m.to_string()), (Some(3.0), "3.0000".into()));
    }

    #[test]
    fn nothing_seen_is_not_available_even_after_an_empty_batch() {
        let (mut max, mut median) = (MaxError::new(), MedianAbsoluteError::new());
        max.update::<f32>(&[], &[]).unwrap();
        median.update::<f32>(&[], &[]).unwrap();
        max.merge(&MaxError::new());
        assert_eq!(
            (max.to_string(), median.to_string()),
            ("n/a (no samples)".into(), "n/a (no samples)".into())
        );
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert_eq!(
            MaxError::new().update(&[f32::NAN], &[0.0]).unwrap_err().to_string(),
            "[max_error] predictions must be finite; got NaN at position 0; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
        assert_eq!(
            MedianAbsoluteError::new().update(&[0.0], &[f64::NEG_INFINITY]).unwrap_err().to_string(),
            "[median_absolute_error] targets must be finite; got -inf at position 0; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
    }
}
