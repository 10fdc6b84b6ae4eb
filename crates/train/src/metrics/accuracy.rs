//! The share of samples whose label is among the k highest scores.

use super::{check_label, check_pairs, check_scores};
use crate::error::{Error, Result};
use crate::format;
use std::fmt;

const OP: &str = "accuracy";

/// Accuracy and top-k accuracy: right / all.
///
/// A label is right when fewer than k classes stand before it, in the order of falling scores and, among equal
/// scores, of rising class numbers. For k = 1 this is the first maximum, as [`predictions`] gives it. Differs from
/// scikit-learn's `top_k_accuracy_score`, which puts the higher class number first among equal scores.
///
/// ```
/// use train::metrics::Accuracy;
/// let scores = [0.1_f32, 0.7, 0.2, /* second sample */ 0.5, 0.3, 0.2];
/// let (mut top1, mut top2) = (Accuracy::new(), Accuracy::top_k(2).unwrap());
/// top1.update(&scores, 3, &[1, 1]).unwrap();
/// top2.update(&scores, 3, &[1, 1]).unwrap();
/// assert_eq!((top1.value(), top2.value()), (Some(0.5), Some(1.0)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accuracy {
    k: usize,
    right: u64,
    count: u64,
}

impl Default for Accuracy {
    fn default() -> Self {
        Accuracy { k: 1, right: 0, count: 0 }
    }
}

impl Accuracy {
    /// Accuracy: the label has the highest score.
    pub fn new() -> Self {
        Self::default()
    }

    /// Top-k accuracy: the label is among the k highest scores.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when k is 0.
    pub fn top_k(k: usize) -> Result<Self> {
        if k == 0 {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "k must be at least 1",
                got: "0".into(),
                repair: "use 1 for plain accuracy",
            });
        }
        Ok(Accuracy { k, ..Self::default() })
    }

    /// Adds a batch: `scores` is (labels, classes), row by row; scores may be logits or probabilities.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the sizes do not fit or a score is not-a-number,
    /// [`Error::LabelOutOfRange`] for a label that is no class. Nothing is counted then.
    pub fn update<T: Copy + Into<f64>>(
        &mut self,
        scores: &[T],
        classes: usize,
        labels: &[i64],
    ) -> Result<()> {
        check_scores(OP, scores, classes, Some(labels.len()))?;
        let mut right = 0;
        for (i, (row, &label)) in scores.chunks_exact(classes).zip(labels).enumerate() {
            let label = check_label(OP, "a label", label, classes, i)?;
            let own: f64 = row[label].into();
            let before = |(c, &s): (usize, &T)| s.into() > own || (s.into() == own && c < label);
            right += u64::from(row.iter().enumerate().filter(|&x| before(x)).count() < self.k);
        }
        self.right += right;
        self.count += labels.len() as u64;
        Ok(())
    }

    /// Adds a batch of class numbers that were chosen already; for top-k this counts the first choice only.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless there is one prediction for each label.
    pub fn update_labels(&mut self, predictions: &[i64], labels: &[i64]) -> Result<()> {
        check_pairs(OP, predictions.len(), ("labels", labels.len()))?;
        self.right += predictions.iter().zip(labels).filter(|(p, l)| p == l).count() as u64;
        self.count += labels.len() as u64;
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.right += other.right;
        self.count += other.count;
    }

    /// The share of right samples, or `None` before the first.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.right as f64 / self.count as f64)
    }

    /// The number of samples seen.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The number of samples that were right.
    pub fn right(&self) -> u64 {
        self.right
    }
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format::percent(self.value()))
    }
}

/// The class with the highest score in each row, the first among equals.
///
/// # Errors
/// [`Error::InvalidArgument`] when the scores are no whole number of rows, or one is not-a-number.
///
/// ```
/// use train::metrics::predictions;
/// assert_eq!(predictions(&[0.1, 0.9, 0.5, 0.5], 2).unwrap(), [1, 0]);
/// ```
pub fn predictions<T: Copy + Into<f64>>(scores: &[T], classes: usize) -> Result<Vec<i64>> {
    check_scores("predictions", scores, classes, None)?;
    Ok(scores
        .chunks_exact(classes)
        .map(|row| {
            let best = (1..classes).fold(0, |b, c| if row[c].into() > row[b].into() { c } else { b });
            best as i64
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_ranked_by_class_number() {
        let ties = [1.0_f32, 1.0, 1.0];
        for (k, right) in [(1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1])] {
            for label in 0..3 {
                let mut a = Accuracy::top_k(k).unwrap();
                a.update(&ties, 3, &[label as i64]).unwrap();
                assert_eq!(a.right(), right[label], "k {k} label {label}");
            }
        }
        assert_eq!(predictions(&ties, 3).unwrap(), [0]);
    }

    #[test]
    fn k_beyond_the_classes_is_always_right() {
        let mut a = Accuracy::top_k(9).unwrap();
        a.update(&[0.0, 1.0], 2, &[0]).unwrap();
        assert_eq!(a.value(), Some(1.0));
    }

    #[test]
    fn any_split_into_batches_gives_the_same_value() {
        let scores: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 23)).collect();
        let labels: Vec<i64> = (0..20).map(|i| i % 3).collect();
        let mut whole = Accuracy::new();
        whole.update(&scores, 3, &labels).unwrap();
        let mut parts = Accuracy::new();
        for (s, l) in scores.chunks(21).zip(labels.chunks(7)) {
            let mut part = Accuracy::new();
            part.update(s, 3, l).unwrap();
            parts.merge(&part);
        }
        assert_eq!(parts, whole);
        let mut chosen = Accuracy::new();
        chosen.update_labels(&predictions(&scores, 3).unwrap(), &labels).unwrap();
        assert_eq!(chosen, whole);
    }

    #[test]
    fn no_samples_have_no_accuracy() {
        let mut a = Accuracy::new();
        a.update::<f32>(&[], 3, &[]).unwrap();
        assert_eq!((a.value(), a.to_string()), (None, "n/a".into()));
    }

    #[test]
    fn infinite_scores_are_ranked_and_nan_is_refused() {
        let mut a = Accuracy::new();
        a.update(&[f32::NEG_INFINITY, f32::INFINITY], 2, &[1]).unwrap();
        assert_eq!(a.right(), 1);
        let text = a.update(&[0.0, 1.0, 2.0, f64::NAN], 2, &[0, 0]).unwrap_err().to_string();
        assert_eq!(
            text,
            "[accuracy] scores must be numbers; got NaN in row 1, class 1; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
        assert_eq!(a.count(), 1);
    }

    #[test]
    fn wrong_sizes_and_labels_are_named_and_count_nothing() {
        let mut a = Accuracy::new();
        let cases = [
            (
                a.update(&[0.0_f32; 5], 3, &[0, 1]).unwrap_err().to_string(),
                "[accuracy] scores must be one row of all classes for each label; got 5 scores for 2 labels of 3 \
                 classes; pass the model's whole output, row by row, and its number of classes",
            ),
            (
                a.update(&[0.0_f32; 6], 3, &[0, 3]).unwrap_err().to_string(),
                "[accuracy] a label must lie in 0..3; got 3 at position 1; check the labels or the number of classes",
            ),
            (
                a.update(&[0.0_f32; 3], 3, &[-1]).unwrap_err().to_string(),
                "[accuracy] a label must lie in 0..3; got -1 at position 0; check the labels or the number of classes",
            ),
            (
                predictions(&[0.0_f32; 3], 0).unwrap_err().to_string(),
                "[predictions] scores must be one row of all classes for each label; got 3 scores for any number of \
                 labels of 0 classes; pass the model's whole output, row by row, and its number of classes",
            ),
            (
                Accuracy::top_k(0).unwrap_err().to_string(),
                "[accuracy] k must be at least 1; got 0; use 1 for plain accuracy",
            ),
        ];
        for (text, wanted) in cases {
            assert_eq!(text, wanted);
        }
        assert_eq!(a, Accuracy::new());
    }
}
