//! The share of answers that are right in every part.

use crate::error::Result;
use crate::metrics::MeanMetric;
use crate::metrics::check::{check_lengths, mean_of};

/// Exact match: the share of predictions that equal their targets as a whole, of any type that can be compared.
///
/// ```
/// use train::metrics::ExactMatch;
/// let mut exact = ExactMatch::new();
/// exact.update(&["2024-05-01", "2024-6-1"], &["2024-05-01", "2024-06-01"]).unwrap();
/// exact.update(&[vec![1, 2]], &[vec![1, 2]]).unwrap();
/// assert_eq!(exact.value(), Some(2.0 / 3.0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExactMatch {
    mean: MeanMetric,
}

mean_of!(ExactMatch, "samples");

impl ExactMatch {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there is one prediction for each target.
    pub fn update<T: PartialEq<U>, U>(&mut self, predictions: &[T], targets: &[U]) -> Result<()> {
        let (left, right) = (("predictions", predictions.len()), ("targets", targets.len()));
        check_lengths("exact_match", "there must be one prediction for each target", left, right)?;
        for (p, t) in predictions.iter().zip(targets) {
            self.mean.add(f64::from(u8::from(p == t)), 1.0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_both_kinds_is_compared_and_lengths_must_agree() {
        let mut e = ExactMatch::new();
        assert_eq!(e.to_string(), "n/a (no samples)");
        e.update(&["a".to_string(), "b".to_string()], &["a", "c"]).unwrap();
        assert_eq!(e.value(), Some(0.5));
        assert_eq!(
            e.update(&["a"], &["a", "b"]).unwrap_err().to_string(),
            "[exact_match] there must be one prediction for each target; got 1 predictions and 2 targets; \
             pass both of the same samples"
        );
    }
}
