//! The share of tokens that were predicted right, without padding.

use crate::error::Result;
use crate::metrics::check::{check_alike, show};
use crate::metrics::{check_label, check_pairs, check_scores, predictions};
use std::fmt;

const OP: &str = "token_accuracy";

/// Accuracy over the tokens whose label is not the ignored one.
///
/// ```
/// use train::metrics::TokenAccuracy;
/// let mut accuracy = TokenAccuracy::ignoring(-100);
/// accuracy.update_labels(&[4, 7, 9], &[4, 8, -100]).unwrap();
/// assert_eq!((accuracy.value(), accuracy.count()), (Some(0.5), 2));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenAccuracy {
    ignored: Option<i64>,
    right: u64,
    count: u64,
}

impl TokenAccuracy {
    /// Every label counts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tokens with this label do not count, such as -100 or the padding's number.
    pub fn ignoring(label: i64) -> Self {
        TokenAccuracy { ignored: Some(label), ..Self::default() }
    }

    /// Adds a batch: `scores` is (tokens, vocab), row by row; the highest counts, the first among equals.
    ///
    /// # Errors
    /// As [`Accuracy::update`](crate::metrics::Accuracy::update); the ignored label need not be in the vocabulary.
    /// Nothing is counted then.
    pub fn update<T: Copy + Into<f64>>(&mut self, scores: &[T], vocab: usize, labels: &[i64]) -> Result<()> {
        check_scores(OP, scores, vocab, Some(labels.len()))?;
        for (i, &label) in labels.iter().enumerate().filter(|&(_, l)| Some(*l) != self.ignored) {
            check_label(OP, "a label", label, vocab, i)?;
        }
        self.update_labels(&predictions(scores, vocab)?, labels)
    }

    /// Adds a batch of chosen tokens.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there is one prediction for each label.
    pub fn update_labels(&mut self, predictions: &[i64], labels: &[i64]) -> Result<()> {
        check_pairs(OP, predictions.len(), ("labels", labels.len()))?;
        for (p, label) in predictions.iter().zip(labels).filter(|x| Some(*x.1) != self.ignored) {
            self.right += u64::from(p == label);
            self.count += 1;
        }
        Ok(())
    }

    /// Adds what another accumulator has seen.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) unless both ignore the same label.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let name =
            |x: &Self| x.ignored.map_or("no ignored label".into(), |l| format!("the ignored label {l}"));
        check_alike(OP, self.ignored == other.ignored, || format!("{} and {}", name(self), name(other)))?;
        self.right += other.right;
        self.count += other.count;
        Ok(())
    }

    /// The share of right tokens, or `None` before the first that counts.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.right as f64 / self.count as f64)
    }

    /// The number of tokens that count.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Why there is no value: no tokens that count.
    pub fn undefined(&self) -> Option<&'static str> {
        (self.count == 0).then_some("no tokens")
    }
}

impl fmt::Display for TokenAccuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(x) => f.pad(&crate::format::percent(Some(x))),
            None => show(f, None, self.undefined()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_chosen_tokens_count_alike() {
        let mut a = TokenAccuracy::ignoring(-100);
        a.update(&[0.1, 0.9, 0.8, 0.2, 0.5, 0.5], 2, &[1, 1, -100]).unwrap();
        let mut b = TokenAccuracy::ignoring(-100);
        b.update_labels(&[1, 0, 0], &[1, 1, -100]).unwrap();
        assert_eq!((a, a.to_string()), (b, "50.0 %".into()));
    }

    #[test]
    fn only_ignored_tokens_are_none() {
        let mut a = TokenAccuracy::ignoring(0);
        a.update_labels(&[0, 0], &[0, 0]).unwrap();
        assert_eq!((a.value(), a.to_string()), (None, "n/a (no tokens)".into()));
    }

    #[test]
    fn wrong_labels_and_lengths_are_refused() {
        let mut a = TokenAccuracy::ignoring(-100);
        assert_eq!(
            a.update(&[0.5, 0.5], 2, &[2]).unwrap_err().to_string(),
            "[token_accuracy] a label must lie in 0..2; got 2 at position 0; check the labels or the number of classes"
        );
        assert_eq!(
            a.update_labels(&[1], &[]).unwrap_err().to_string(),
            "[token_accuracy] there must be one prediction for each label; got 1 predictions and 0 labels; \
             pass the predictions of the same samples"
        );
        assert_eq!(
            a.merge(&TokenAccuracy::new()).unwrap_err().to_string(),
            "[token_accuracy] metrics that are added must have been made alike; got the ignored label -100 and \
             no ignored label; make both with the same settings"
        );
        assert_eq!(a, TokenAccuracy::ignoring(-100));
    }
}
