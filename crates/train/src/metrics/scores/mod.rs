//! What scores are worth at every threshold: ROC, precision and recall, the best threshold.

mod classes;
mod precision_recall;
mod roc;
mod threshold;

pub use classes::ClassScores;
pub use precision_recall::{PrecisionRecallCurve, PrecisionRecallPoint};
pub use roc::{RocCurve, RocPoint};
pub use threshold::{Criterion, Threshold};

use super::check::check_binary;
use crate::error::Result;
use crate::format;
use crate::table::{Align, Table};
use std::fmt;

/// The scores of a two-class problem, all of them: what needs their order cannot be had from sums.
///
/// Takes 9 bytes for each sample. A score is any number that is higher for samples that are more likely of class 1:
/// a logit or a probability. Samples with equal scores are on the same side of every threshold, as in scikit-learn,
/// so the order in which samples come never matters.
///
/// ```
/// use train::metrics::{BinaryScores, Criterion};
/// let mut scores = BinaryScores::new();
/// scores.update(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]).unwrap();
/// assert_eq!(scores.roc_auc(), Some(0.75));
/// assert_eq!(scores.average_precision(), Some(0.5 * 1.0 + 0.5 * (2.0 / 3.0)));
/// assert_eq!(scores.best_threshold(Criterion::F1).unwrap().threshold, 0.35);
/// assert_eq!(scores.to_string(), "ROC-AUC 0.7500, average precision 0.8333");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BinaryScores {
    scores: Vec<f64>,
    positive: Vec<bool>,
}

/// With everything at or above the threshold taken as positive: how many of those are, and how many are not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub threshold: f64,
    pub tp: u64,
    pub fp: u64,
}

impl BinaryScores {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch: one score for each label, 1 for positive and 0 for negative.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there is one score for each label,
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a score that is not-a-number,
    /// [`Error::LabelOutOfRange`](crate::Error::LabelOutOfRange) for another label. Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, scores: &[T], labels: &[i64]) -> Result<()> {
        check_binary("binary_scores", scores, labels)?;
        self.scores.extend(scores.iter().map(|&s| s.into()));
        self.positive.extend(labels.iter().map(|&l| l == 1));
        Ok(())
    }

    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) {
        self.scores.extend(&other.scores);
        self.positive.extend(&other.positive);
    }

    pub(super) fn push(&mut self, score: f64, positive: bool) {
        self.scores.push(score);
        self.positive.push(positive);
    }

    /// The number of samples.
    pub fn count(&self) -> u64 {
        self.scores.len() as u64
    }

    /// The number of positive samples.
    pub fn positives(&self) -> u64 {
        self.positive.iter().filter(|&&p| p).count() as u64
    }

    /// One step for each distinct score, from the highest down; the last holds the numbers of both classes.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_unstable_by(|&a, &b| self.scores[b].total_cmp(&self.scores[a]));
        let mut steps: Vec<Step> = Vec::new();
        let (mut tp, mut fp) = (0, 0);
        for i in order {
            if self.positive[i] {
                tp += 1
            } else {
                fp += 1
            }
            let threshold = self.scores[i];
            match steps.last_mut() {
                // Equal as numbers: 0 and -0 are one score.
                Some(last) if last.threshold == threshold => (last.tp, last.fp) = (tp, fp),
                _ => steps.push(Step { threshold, tp, fp }),
            }
        }
        steps
    }

    /// Why there is no ROC curve: no samples, or none of one of the classes.
    pub fn undefined(&self) -> Option<&'static str> {
        match (self.count(), self.positives()) {
            (0, _) => Some("no samples"),
            (_, 0) => Some("no positive samples"),
            (n, p) if n == p => Some("no negative samples"),
            _ => None,
        }
    }
}

impl BinaryScores {
    /// The areas and the best thresholds as a table; one that is not defined says why.
    ///
    /// ```
    /// let mut scores = train::metrics::BinaryScores::new();
    /// scores.update(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]).unwrap();
    /// let text = scores.table().to_string();
    /// assert!(text.contains("best threshold by F1          0.3500, reaches 0.8000"), "{text}");
    /// ```
    pub fn table(&self) -> Table {
        let best = |criterion| {
            let text = |t: Threshold| {
                format!("{}, reaches {}", format::metric(t.threshold), format::metric(t.value))
            };
            self.best_threshold(criterion).map_or_else(|| self.text(None), text)
        };
        let mut table = Table::new(["figure", "value"]);
        table.align(0, Align::Left).align(1, Align::Left);
        table.row(["samples".into(), format::grouped(self.count())]);
        table.row(["positive samples".into(), format::grouped(self.positives())]);
        table.row(["ROC-AUC".into(), self.text(self.roc_auc())]);
        table.row(["average precision".into(), self.text(self.average_precision())]);
        table.row(["best threshold by F1".into(), best(Criterion::F1)]);
        table.row(["best threshold by Youden's J".into(), best(Criterion::YoudenJ)]);
        table
    }

    fn text(&self, value: Option<f64>) -> String {
        match (value, self.undefined()) {
            (None, Some(why)) => format!("n/a ({why})"),
            _ => format::optional(value),
        }
    }
}

impl fmt::Display for BinaryScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (auc, ap) = (self.text(self.roc_auc()), self.text(self.average_precision()));
        f.pad(&format!("ROC-AUC {auc}, average precision {ap}"))
    }
}

#[cfg(test)]
fn scores(scores: &[f64], labels: &[i64]) -> BinaryScores {
    let mut s = BinaryScores::new();
    s.update(scores, labels).unwrap();
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_one_step_and_so_are_both_zeros() {
        let mut s = BinaryScores::new();
        s.update(&[0.0, -0.0, 1.0, f64::INFINITY, 1.0], &[1, 0, 1, 0, 1]).unwrap();
        let steps: Vec<_> = s.steps().iter().map(|s| (s.threshold, s.tp, s.fp)).collect();
        assert_eq!(steps, [(f64::INFINITY, 0, 1), (1.0, 2, 1), (0.0, 3, 2)]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut s = BinaryScores::new();
        assert_eq!(s.to_string(), "ROC-AUC n/a (no samples), average precision n/a (no samples)");
        s.update(&[0.5], &[0]).unwrap();
        assert_eq!(
            s.to_string(),
            "ROC-AUC n/a (no positive samples), average precision n/a (no positive samples)"
        );
        let mut s = BinaryScores::new();
        s.update(&[0.5], &[1]).unwrap();
        assert_eq!(s.to_string(), "ROC-AUC n/a (no negative samples), average precision 1.0000");
    }

    #[test]
    fn a_bad_batch_is_refused_whole() {
        let mut s = BinaryScores::new();
        let text = |r: Result<()>| r.unwrap_err().to_string();
        assert_eq!(
            text(s.update(&[0.5, 0.5], &[1])),
            "[binary_scores] there must be one score for each label; got 2 scores and 1 labels; \
             pass both of the same samples"
        );
        assert_eq!(
            text(s.update(&[0.5, f64::NAN], &[1, 0])),
            "[binary_scores] scores must be numbers; got NaN at position 1; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
        assert_eq!(
            text(s.update(&[0.5, 0.1], &[1, 2])),
            "[binary_scores] a label must lie in 0..2; got 2 at position 1; check the labels or the number of classes"
        );
        assert_eq!(s, BinaryScores::new());
    }
}
