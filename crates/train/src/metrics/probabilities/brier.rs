//! The Brier score: the squared error of probabilities.

use crate::error::Result;
use crate::metrics::MeanMetric;
use crate::metrics::check::{check_binary_probabilities, check_class_probabilities, mean_of};

const OP: &str = "brier";

/// The Brier score (G. W. Brier, Monthly Weather Review 78, 1950); 0 is best.
///
/// For two classes `mean (p - y)²` with the probability `p` of class 1, at most 1; for several classes
/// `mean sum_c (p_c - y_c)²` with `y_c` 1 for the label and 0 else, at most 2. Two classes given as two columns have
/// twice the score of one: the same as scikit-learn with `scale_by_half=False`, whose default halves it then.
///
/// ```
/// use train::metrics::Brier;
/// let mut brier = Brier::new();
/// brier.update(&[0.5, 1.0], &[1, 1]).unwrap();
/// assert_eq!(brier.value(), Some(0.125));
/// let mut classes = Brier::new();
/// classes.update_classes(&[0.5, 0.25, 0.25], 3, &[0]).unwrap();
/// assert_eq!(classes.value(), Some(0.375));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Brier {
    mean: MeanMetric,
}

mean_of!(Brier, "samples");

impl Brier {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch of probabilities of class 1, with labels 0 and 1.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there is one for each label,
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a probability outside 0 to 1,
    /// [`Error::LabelOutOfRange`](crate::Error::LabelOutOfRange) for another label. Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, probabilities: &[T], labels: &[i64]) -> Result<()> {
        check_binary_probabilities(OP, probabilities, labels)?;
        for (&p, &label) in probabilities.iter().zip(labels) {
            let error = p.into() - label as f64;
            self.mean.add(error * error, 1.0);
        }
        Ok(())
    }

    /// Adds a batch of probabilities (labels, classes), row by row.
    ///
    /// # Errors
    /// As [`update`](Self::update), and [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a row whose sum
    /// is more than 0.001 from 1.
    pub fn update_classes<T: Copy + Into<f64>>(
        &mut self,
        probabilities: &[T],
        classes: usize,
        labels: &[i64],
    ) -> Result<()> {
        let labels = check_class_probabilities(OP, probabilities, classes, labels)?;
        for (row, label) in probabilities.chunks_exact(classes).zip(labels) {
            let error = |(c, &p): (usize, &T)| p.into() - f64::from(u8::from(c == label));
            self.mean.add(row.iter().enumerate().map(error).map(|e| e * e).sum(), 1.0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_and_wrong_is_the_worst() {
        let mut two = Brier::new();
        two.update(&[0.0_f32, 1.0], &[1, 0]).unwrap();
        assert_eq!(two.value(), Some(1.0));
        let mut many = Brier::new();
        many.update_classes(&[0.0, 1.0, 0.0], 3, &[2]).unwrap();
        assert_eq!(many.value(), Some(2.0));
        assert_eq!(Brier::new().to_string(), "n/a (no samples)");
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let mut b = Brier::new();
        let cases = [
            (
                b.update(&[0.5], &[1, 0]).unwrap_err(),
                "[brier] there must be one probability for each label; got 1 probabilities and 2 labels; \
                 pass both of the same samples",
            ),
            (
                b.update(&[0.5, 1.5], &[1, 0]).unwrap_err(),
                "[brier] probabilities must lie between 0 and 1; got 1.5 at position 1; \
                 pass what a sigmoid or a softmax gives, not the logits before it",
            ),
            (
                b.update(&[f64::NAN], &[1]).unwrap_err(),
                "[brier] probabilities must lie between 0 and 1; got NaN at position 0; \
                 pass what a sigmoid or a softmax gives, not the logits before it",
            ),
            (
                b.update(&[0.5], &[-1]).unwrap_err(),
                "[brier] a label must lie in 0..2; got -1 at position 0; check the labels or the number of classes",
            ),
            (
                b.update_classes(&[0.5, 0.5, 0.5, 0.25], 2, &[1, 0]).unwrap_err(),
                "[brier] the probabilities of a sample must sum to 1; got a sum of 0.7500 in row 1; \
                 pass what a softmax gives over all classes",
            ),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(b, Brier::new());
    }
}
