//! Figures of a confusion matrix as a whole: means over the classes, agreement, correlation.

use super::{ConfusionMatrix, MeanMetric};
use crate::format;
use crate::table::{Align, Table};

/// How the figures of several classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// The plain mean over the classes: each counts alike, however rare.
    Macro,
    /// One figure from the counts of all classes added up: each sample counts alike.
    Micro,
    /// The mean over the classes, weighted by how many samples are of each.
    Weighted,
}

/// The figures over all classes.
///
/// Means leave out the classes where the figure is undefined (never predicted, never there), as the rows of
/// [`report`](Self::report) do and as scikit-learn with `zero_division=nan`; its default counts them as 0.
///
/// ```
/// use train::metrics::{Average, ConfusionMatrix};
/// let mut cm = ConfusionMatrix::with_classes(2).unwrap();
/// cm.update_labels(&[0, 1, 1, 1], &[0, 0, 1, 1]).unwrap();
/// assert_eq!(cm.balanced_accuracy(), Some(0.75));
/// assert_eq!(cm.mean_precision(Average::Weighted), Some((2.0 * 1.0 + 2.0 * (2.0 / 3.0)) / 4.0));
/// assert_eq!(cm.cohen_kappa(), Some(0.5));
/// assert!((cm.matthews().unwrap() - 1.0 / 3.0_f64.sqrt()).abs() < 1e-15);
/// ```
impl ConfusionMatrix {
    /// Precision over all classes; micro is the accuracy. `None` where no class has one.
    pub fn mean_precision(&self, average: Average) -> Option<f64> {
        self.mean_of(average, Self::precision)
    }

    /// Recall over all classes; micro and weighted are the accuracy. `None` where no class has one.
    pub fn mean_recall(&self, average: Average) -> Option<f64> {
        self.mean_of(average, Self::recall)
    }

    /// F1 over all classes: the mean of their F1, not the F1 of their means; micro is the accuracy. `None` where no
    /// class has one.
    pub fn mean_f1(&self, average: Average) -> Option<f64> {
        self.mean_of(average, Self::f1)
    }

    /// Balanced accuracy, the mean recall of the classes that occur; guessing has 1 / classes. `None` without samples.
    ///
    /// ```
    /// let mut cm = train::metrics::ConfusionMatrix::with_classes(2).unwrap();
    /// cm.update_labels(&[0; 10], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap();
    /// assert_eq!((cm.accuracy(), cm.balanced_accuracy()), (Some(0.9), Some(0.5)));
    /// ```
    pub fn balanced_accuracy(&self) -> Option<f64> {
        self.mean_recall(Average::Macro)
    }

    /// Cohen's kappa, `(p - e) / (1 - e)`, the agreement `p` beyond the agreement `e` of chance (J. Cohen, Educational
    /// and Psychological Measurement 20, 1960).
    ///
    /// `e` is `sum_c support(c) predicted(c) / count²`. `None` without samples, and where labels and predictions
    /// are all of the same one class (`e = 1`); scikit-learn has not-a-number there.
    pub fn cohen_kappa(&self) -> Option<f64> {
        let (all, right, chance, ..) = self.whole();
        let rest = all * all - chance;
        (rest > 0).then(|| (right * all - chance) as f64 / rest as f64)
    }

    /// Matthews' correlation coefficient for any number of classes, R_K (J. Gorodkin, Computational Biology and
    /// Chemistry 28, 2004).
    ///
    /// With `s` samples, `c` of them right, `t_k` of class `k` and `p_k` predicted as it:
    /// `(c s - sum t_k p_k) / sqrt((s² - sum p_k²)(s² - sum t_k²))`. `None` without samples, and where all labels
    /// or all predictions are of one class; scikit-learn gives 0 there.
    pub fn matthews(&self) -> Option<f64> {
        let (all, right, chance, truths, predicted) = self.whole();
        let (t, p) = (all * all - truths, all * all - predicted);
        (t > 0 && p > 0).then(|| {
            // The root of a square is exact, so that two lists of the same classes have exactly 1 or -1.
            let r = (right * all - chance) as f64 / (t as f64 * p as f64).sqrt();
            r.clamp(-1.0, 1.0)
        })
    }

    /// Every figure over all classes by name, as a table; one that is not defined says why.
    ///
    /// ```
    /// let mut cm = train::metrics::ConfusionMatrix::with_classes(2).unwrap();
    /// cm.update_labels(&[0, 0], &[0, 0]).unwrap();
    /// let text = cm.summary().to_string();
    /// assert!(text.contains("accuracy              1.0000"), "{text}");
    /// assert!(text.contains("Cohen's kappa         n/a (one class only)"), "{text}");
    /// ```
    pub fn summary(&self) -> Table {
        let why = if self.count() == 0 { "no samples" } else { "one class only" };
        let text = |x: Option<f64>| x.map_or_else(|| format!("n/a ({why})"), format::metric);
        let mut table = Table::new(["figure", "value"]);
        table.align(0, Align::Left).align(1, Align::Left);
        table.row(["accuracy".into(), text(self.accuracy())]);
        table.row(["balanced accuracy".into(), text(self.balanced_accuracy())]);
        for (name, average) in [("macro", Average::Macro), ("weighted", Average::Weighted)] {
            table.row([format!("{name} precision"), text(self.mean_precision(average))]);
            table.row([format!("{name} recall"), text(self.mean_recall(average))]);
            table.row([format!("{name} F1"), text(self.mean_f1(average))]);
        }
        table.row(["Cohen's kappa".into(), text(self.cohen_kappa())]);
        table.row(["Matthews correlation".into(), text(self.matthews())]);
        table
    }

    fn mean_of(&self, average: Average, figure: impl Fn(&Self, usize) -> Option<f64>) -> Option<f64> {
        if average == Average::Micro {
            // Every sample is predicted as one class, so false positives, false negatives and mistakes are as many.
            return self.accuracy();
        }
        let mut mean = MeanMetric::new();
        for c in 0..self.classes() {
            if let Some(x) = figure(self, c) {
                mean.add(x, if average == Average::Weighted { self.support(c) as f64 } else { 1.0 });
            }
        }
        mean.value()
    }

    /// Count, right, `sum t_k p_k`, `sum t_k²`, `sum p_k²`: whole numbers, so that nothing cancels.
    fn whole(&self) -> (i128, i128, i128, i128, i128) {
        let (mut right, mut chance, mut truths, mut predicted) = (0, 0, 0, 0);
        for c in 0..self.classes() {
            let (t, p) = (i128::from(self.support(c)), i128::from(self.predicted(c)));
            right += i128::from(self.get(c, c));
            chance += t * p;
            truths += t * t;
            predicted += p * p;
        }
        (i128::from(self.count()), right, chance, truths, predicted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(predictions: &[i64], labels: &[i64]) -> ConfusionMatrix {
        let mut cm = ConfusionMatrix::with_classes(3).unwrap();
        cm.update_labels(predictions, labels).unwrap();
        cm
    }

    #[test]
    fn micro_means_are_the_accuracy() {
        let cm = matrix(&[0, 1, 2, 2, 0], &[0, 1, 1, 2, 2]);
        for mean in [cm.mean_precision(Average::Micro), cm.mean_recall(Average::Micro)] {
            assert_eq!(mean, Some(0.6));
        }
        assert_eq!(cm.mean_f1(Average::Micro), Some(0.6));
        let weighted = cm.mean_recall(Average::Weighted).unwrap();
        // Three products and their sum.
        assert!((weighted - 0.6).abs() <= 4.0 * f64::EPSILON, "{weighted}");
    }

    #[test]
    fn classes_without_a_figure_are_left_out_of_its_mean() {
        let cm = matrix(&[0, 0, 0, 1], &[0, 0, 1, 1]);
        assert_eq!(cm.mean_recall(Average::Macro), Some(0.75));
        assert_eq!(cm.mean_precision(Average::Macro), Some((2.0 / 3.0 + 1.0) / 2.0));
    }

    #[test]
    fn one_class_or_nothing_has_no_agreement_beyond_chance() {
        for (cm, why) in [(matrix(&[1, 1], &[1, 1]), "one class only"), (matrix(&[], &[]), "no samples")] {
            assert_eq!((cm.cohen_kappa(), cm.matthews()), (None, None));
            let text = cm.summary().to_string();
            assert_eq!(text.matches(&format!("n/a ({why})")).count(), if cm.count() == 0 { 10 } else { 2 });
            assert!(!text.contains("NaN"));
        }
        // Predictions of one class only: kappa is that of chance, Matthews' correlation has no meaning.
        let cm = matrix(&[1, 1], &[0, 1]);
        assert_eq!((cm.cohen_kappa(), cm.matthews()), (Some(0.0), None));
    }

    #[test]
    fn all_right_is_one_and_all_swapped_is_minus_one() {
        let right = matrix(&[0, 1, 2], &[0, 1, 2]);
        assert_eq!((right.cohen_kappa(), right.matthews()), (Some(1.0), Some(1.0)));
        let swapped = matrix(&[1, 0, 1, 0], &[0, 1, 0, 1]);
        assert_eq!((swapped.cohen_kappa(), swapped.matthews()), (Some(-1.0), Some(-1.0)));
    }
}
