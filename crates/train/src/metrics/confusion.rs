//! Which class was taken for which, and the figures that follow from it.

use super::{Average, check_label, check_pairs, predictions};
use crate::error::{Error, Result};
use crate::format;
use crate::table::{Align, Table};
use std::fmt;

const OP: &str = "confusion";

/// Counts of (true class, predicted class), with precision, recall and F1 of each class.
///
/// With `n(t, p)` the count of class `t` predicted as `p`: precision of `c` is `n(c, c) / sum_t n(t, c)`, recall is
/// `n(c, c) / sum_p n(c, p)`, and F1 is `2 n(c, c)` over both sums together. Where a denominator is zero the
/// figure is undefined: `None`, printed as `n/a`.
///
/// ```
/// use train::metrics::ConfusionMatrix;
/// let mut cm = ConfusionMatrix::new(["cat", "dog"]).unwrap();
/// cm.update_labels(&[0, 1, 1, 1], &[0, 0, 1, 1]).unwrap();
/// assert_eq!(cm.get(0, 1), 1);
/// assert_eq!((cm.precision(1), cm.recall(0)), (Some(2.0 / 3.0), Some(0.5)));
/// assert_eq!(cm.to_string(), "\
/// true \\ predicted  cat  dog
/// ────────────────  ───  ───
/// cat                 1    1
/// dog                 0    2
/// ");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    names: Vec<String>,
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Takes these counts; false if there are too few or too many.
    pub(crate) fn set_counts(&mut self, counts: &[f64]) -> bool {
        if counts.len() != self.counts.len() {
            return false;
        }
        self.counts = counts.iter().map(|&count| count as u64).collect();
        true
    }

    /// An empty matrix for classes with these names, in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when there is no class.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let cells = names.len().checked_mul(names.len()).filter(|&n| n > 0);
        let Some(cells) = cells else {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there must be at least one class",
                got: format!("{} names", names.len()),
                repair: "pass the names of the classes, or use with_classes(n)",
            });
        };
        Ok(ConfusionMatrix { names, counts: vec![0; cells] })
    }

    /// An empty matrix for classes named by their numbers.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when `classes` is 0.
    ///
    /// ```
    /// let cm = train::metrics::ConfusionMatrix::with_classes(10).unwrap();
    /// assert_eq!(cm.names()[9], "9");
    /// ```
    pub fn with_classes(classes: usize) -> Result<Self> {
        Self::new((0..classes).map(|c| c.to_string()))
    }

    /// Adds a batch of scores, (labels, classes) row by row; the highest counts, the first among equals.
    ///
    /// # Errors
    /// As [`Accuracy::update`](super::Accuracy::update). Nothing is counted then.
    pub fn update<T: Copy + Into<f64>>(&mut self, scores: &[T], labels: &[i64]) -> Result<()> {
        super::check_scores(OP, scores, self.classes(), Some(labels.len()))?;
        self.update_labels(&predictions(scores, self.classes())?, labels)
    }

    /// Adds a batch of chosen classes.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless there is one prediction for each label, [`Error::LabelOutOfRange`] for a
    /// number that is no class. Nothing is counted then.
    pub fn update_labels(&mut self, predictions: &[i64], labels: &[i64]) -> Result<()> {
        check_pairs(OP, predictions.len(), ("labels", labels.len()))?;
        let n = self.classes();
        let mut cells = Vec::with_capacity(labels.len());
        for (i, (&p, &t)) in predictions.iter().zip(labels).enumerate() {
            cells.push(check_label(OP, "a label", t, n, i)? * n + check_label(OP, "a prediction", p, n, i)?);
        }
        cells.into_iter().for_each(|c| self.counts[c] += 1);
        Ok(())
    }

    /// Adds the counts of another matrix.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless both have the same number of classes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.classes() != other.classes() {
            return Err(Error::LengthMismatch {
                op: OP,
                rule: "matrices that are added must have the same classes",
                left: ("classes", self.classes()),
                right: ("classes", other.classes()),
                repair: "make both with the same names",
            });
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        Ok(())
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.names.len()
    }

    /// The names of the classes.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How often the class `truth` was predicted as `predicted`; 0 for classes that are not there.
    pub fn get(&self, truth: usize, predicted: usize) -> u64 {
        let n = self.classes();
        if truth < n && predicted < n { self.counts[truth * n + predicted] } else { 0 }
    }

    /// The number of samples.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The number of samples of a true class.
    pub fn support(&self, class: usize) -> u64 {
        (0..self.classes()).map(|p| self.get(class, p)).sum()
    }

    /// The number of samples that were predicted to be of a class.
    pub fn predicted(&self, class: usize) -> u64 {
        (0..self.classes()).map(|t| self.get(t, class)).sum()
    }

    /// The share of the diagonal, or `None` without samples.
    pub fn accuracy(&self) -> Option<f64> {
        let right = (0..self.classes()).map(|c| self.get(c, c)).sum();
        share(right, self.count())
    }

    /// Of those predicted as the class, the share that is; `None` if none was.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.get(class, class), self.predicted(class))
    }

    /// Of those of the class, the share that was found; `None` if there is none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.get(class, class), self.support(class))
    }

    /// The harmonic mean of precision and recall; `None` if the class neither occurs nor was predicted.
    pub fn f1(&self, class: usize) -> Option<f64> {
        share(2 * self.get(class, class), self.support(class) + self.predicted(class))
    }

    /// The mistakes, most frequent first, as (true class, predicted class, count).
    ///
    /// ```
    /// let mut cm = train::metrics::ConfusionMatrix::with_classes(3).unwrap();
    /// cm.update_labels(&[1, 2, 2, 0], &[0, 0, 0, 0]).unwrap();
    /// assert_eq!(cm.mistakes(), [(0, 2, 2), (0, 1, 1)]);
    /// ```
    pub fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let n = self.classes();
        let mut all: Vec<_> = (0..n * n)
            .map(|i| (i / n, i % n, self.counts[i]))
            .filter(|&(t, p, count)| t != p && count > 0)
            .collect();
        all.sort_by_key(|&(t, p, count)| (std::cmp::Reverse(count), t, p));
        all
    }

    /// Precision, recall, F1 and support of each class, then their plain mean (over the classes where the figure is
    /// defined) and their mean weighted by support.
    ///
    /// ```
    /// let mut cm = train::metrics::ConfusionMatrix::new(["cat", "dog"]).unwrap();
    /// cm.update_labels(&[0, 0], &[0, 0]).unwrap();
    /// assert_eq!(cm.report().to_string(), "\
    /// class          precision  recall      f1  support
    /// ─────────────  ─────────  ──────  ──────  ───────
    /// cat               1.0000  1.0000  1.0000        2
    /// dog                  n/a     n/a     n/a        0
    /// ─────────────  ─────────  ──────  ──────  ───────
    /// mean              1.0000  1.0000  1.0000        2
    /// weighted mean     1.0000  1.0000  1.0000        2
    /// ");
    /// ```
    pub fn report(&self) -> Table {
        let mut table = Table::new(["class", "precision", "recall", "f1", "support"]);
        table.align(0, Align::Left);
        let figures = [Self::precision, Self::recall, Self::f1];
        for (c, name) in self.names.iter().enumerate() {
            let cells = figures.iter().map(|figure| format::optional(figure(self, c)));
            table.row([name.clone()].into_iter().chain(cells).chain([self.support(c).to_string()]));
        }
        table.rule();
        let total = self.count().to_string();
        let means = [Self::mean_precision, Self::mean_recall, Self::mean_f1];
        for (name, average) in [("mean", Average::Macro), ("weighted mean", Average::Weighted)] {
            let cells = means.iter().map(|mean| format::optional(mean(self, average)));
            table.row([name.to_string()].into_iter().chain(cells).chain([total.clone()]));
        }
        table
    }

    /// The counts as a table, true classes down and predicted classes across.
    pub fn table(&self) -> Table {
        let mut table = Table::new(["true \\ predicted".to_string()].into_iter().chain(self.names.clone()));
        table.align(0, Align::Left);
        for (t, name) in self.names.iter().enumerate() {
            let cells = (0..self.classes()).map(|p| self.get(t, p).to_string());
            table.row([name.clone()].into_iter().chain(cells));
        }
        table
    }
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table().fmt(f)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> ConfusionMatrix {
        let mut cm = ConfusionMatrix::new(["a", "b", "never"]).unwrap();
        cm.update_labels(&[0, 0, 1, 0, 1], &[0, 0, 0, 1, 1]).unwrap();
        cm
    }

    #[test]
    fn figures_follow_their_definitions() {
        let cm = example();
        assert_eq!(cm.accuracy(), Some(3.0 / 5.0));
        assert_eq!(
            (cm.precision(0), cm.recall(0), cm.f1(0)),
            (Some(2.0 / 3.0), Some(2.0 / 3.0), Some(4.0 / 6.0))
        );
        assert_eq!((cm.precision(1), cm.recall(1), cm.f1(1)), (Some(0.5), Some(0.5), Some(0.5)));
        assert_eq!((cm.support(0), cm.predicted(1), cm.count()), (3, 2, 5));
    }

    #[test]
    fn undefined_figures_are_not_available_and_leave_the_means_defined() {
        let cm = example();
        assert_eq!((cm.precision(2), cm.recall(2), cm.f1(2)), (None, None, None));
        let text = cm.report().to_string();
        assert!(!text.contains("NaN"), "{text}");
        assert!(text.contains("never                n/a     n/a     n/a        0"), "{text}");
        assert!(text.contains("mean              0.5833  0.5833  0.5833        5"), "{text}");
        assert!(text.contains("weighted mean     0.6000  0.6000  0.6000        5"), "{text}");
    }

    #[test]
    fn a_class_that_was_predicted_but_never_occurs_has_a_precision_of_zero_and_no_recall() {
        let mut cm = ConfusionMatrix::with_classes(2).unwrap();
        cm.update_labels(&[1], &[0]).unwrap();
        assert_eq!((cm.precision(1), cm.recall(1), cm.f1(1)), (Some(0.0), None, Some(0.0)));
    }

    #[test]
    fn without_samples_nothing_is_nan() {
        let cm = ConfusionMatrix::with_classes(2).unwrap();
        assert_eq!((cm.accuracy(), cm.count()), (None, 0));
        let text = format!("{cm}{}", cm.report());
        assert!(!text.contains("NaN") && text.contains("n/a"), "{text}");
    }

    #[test]
    fn scores_and_their_predictions_count_alike_and_matrices_add() {
        let scores = [0.9_f32, 0.1, 0.2, 0.8, 0.5, 0.5];
        let mut a = ConfusionMatrix::with_classes(2).unwrap();
        a.update(&scores, &[0, 0, 1]).unwrap();
        let mut b = ConfusionMatrix::with_classes(2).unwrap();
        b.update_labels(&[0, 1], &[0, 0]).unwrap();
        let mut rest = ConfusionMatrix::with_classes(2).unwrap();
        rest.update_labels(&[0], &[1]).unwrap();
        b.merge(&rest).unwrap();
        assert_eq!(a, b);
        let text = a.merge(&ConfusionMatrix::with_classes(3).unwrap()).unwrap_err().to_string();
        assert_eq!(
            text,
            "[confusion] matrices that are added must have the same classes; got 2 classes and 3 classes; \
             make both with the same names"
        );
    }

    #[test]
    fn a_bad_batch_counts_nothing() {
        let mut cm = example();
        let before = cm.clone();
        let text = cm.update_labels(&[0, 3], &[0, 0]).unwrap_err().to_string();
        assert_eq!(
            text,
            "[confusion] a prediction must lie in 0..3; got 3 at position 1; check the labels or the number of classes"
        );
        assert!(cm.update_labels(&[0, 1], &[0, 7]).is_err());
        assert!(cm.update_labels(&[0], &[]).is_err());
        assert_eq!(cm, before);
        assert_eq!(
            ConfusionMatrix::with_classes(0).unwrap_err().to_string(),
            "[confusion] there must be at least one class; got 0 names; \
             pass the names of the classes, or use with_classes(n)"
        );
    }
}
