//! The area under the ROC curve for several classes.

use super::BinaryScores;
use crate::error::{Error, Result};
use crate::metrics::check::{check_alike, show};
use crate::metrics::{Average, MeanMetric, check_label, check_scores};
use std::fmt;

const OP: &str = "class_scores";

/// The scores of all classes for each sample, all of them.
///
/// Takes `8 classes + 8` bytes for each sample. Scores are compared between samples, class by class: pass
/// probabilities, as the logits of two samples are not on one scale.
///
/// ```
/// use train::metrics::{Average, ClassScores};
/// let mut scores = ClassScores::new(3).unwrap();
/// scores.update(&[0.8, 0.1, 0.1, 0.3, 0.6, 0.1, 0.2, 0.3, 0.5, 0.4, 0.5, 0.1], &[0, 1, 2, 0]).unwrap();
/// assert_eq!(scores.roc_auc_one_vs_rest(Average::Macro), Some((1.0 + 1.0 + 1.0) / 3.0));
/// assert_eq!(scores.roc_auc_one_vs_one(), Some(1.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClassScores {
    classes: usize,
    scores: Vec<f64>,
    labels: Vec<usize>,
}

impl ClassScores {
    /// No samples yet, for this many classes.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for fewer than two classes.
    pub fn new(classes: usize) -> Result<Self> {
        if classes < 2 {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there must be at least two classes",
                got: classes.to_string(),
                repair: "pass the number of columns of the scores",
            });
        }
        Ok(ClassScores { classes, scores: Vec::new(), labels: Vec::new() })
    }

    /// Adds a batch: `scores` is (labels, classes), row by row.
    ///
    /// # Errors
    /// As [`Accuracy::update`](crate::metrics::Accuracy::update). Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, scores: &[T], labels: &[i64]) -> Result<()> {
        check_scores(OP, scores, self.classes, Some(labels.len()))?;
        let label = |(i, &l): (usize, &i64)| check_label(OP, "a label", l, self.classes, i);
        let labels: Vec<usize> = labels.iter().enumerate().map(label).collect::<Result<_>>()?;
        self.scores.extend(scores.iter().map(|&s| s.into()));
        self.labels.extend(labels);
        Ok(())
    }

    /// Adds the samples of another.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless both have the same number of classes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check_alike(OP, self.classes == other.classes, || {
            format!("{} classes and {} classes", self.classes, other.classes)
        })?;
        self.scores.extend(&other.scores);
        self.labels.extend(&other.labels);
        Ok(())
    }

    /// The number of samples.
    pub fn count(&self) -> u64 {
        self.labels.len() as u64
    }

    /// One class against all others, for its curves; no samples for a class that is not there.
    pub fn one_vs_rest(&self, class: usize) -> BinaryScores {
        self.pick(class, |_| true)
    }

    /// The area under the ROC curves of each class against all others, averaged.
    ///
    /// Micro puts the scores of all classes into one curve. Macro leaves out classes that no sample is of, as
    /// [`ConfusionMatrix`](crate::metrics::ConfusionMatrix) does; scikit-learn's macro has no value then. `None`
    /// where [`undefined`](Self::undefined) says why.
    pub fn roc_auc_one_vs_rest(&self, average: Average) -> Option<f64> {
        if self.undefined().is_some() {
            return None;
        }
        self.over_classes(average, BinaryScores::roc_auc)
    }

    /// The mean over all pairs of classes of how well their own scores part them, M (D. J. Hand and R. J. Till, Machine
    /// Learning 45, 2001): for classes `a` and `b`, among the samples of both, the area by the scores of `a` and
    /// that by the scores of `b`, halved.
    ///
    /// It does not change with the shares of the classes. Pairs with a class that no sample is of are left out.
    pub fn roc_auc_one_vs_one(&self) -> Option<f64> {
        let mut mean = MeanMetric::new();
        for a in 0..self.classes {
            for b in 0..a {
                let of = |class: usize| self.pick(class, |label| label == a || label == b).roc_auc();
                if let (Some(x), Some(y)) = (of(a), of(b)) {
                    mean.add(0.5 * (x + y), 1.0);
                }
            }
        }
        mean.value()
    }

    /// The mean of the classes' average precision, each against all others.
    pub fn average_precision(&self, average: Average) -> Option<f64> {
        self.over_classes(average, BinaryScores::average_precision)
    }

    /// A figure of each class against all others, averaged over those that have one.
    fn over_classes(&self, average: Average, figure: fn(&BinaryScores) -> Option<f64>) -> Option<f64> {
        if average == Average::Micro {
            let mut all = BinaryScores::new();
            (0..self.classes).for_each(|c| all.merge(&self.one_vs_rest(c)));
            return figure(&all);
        }
        let mut mean = MeanMetric::new();
        for scores in (0..self.classes).map(|c| self.one_vs_rest(c)) {
            if let Some(value) = figure(&scores) {
                mean.add(value, if average == Average::Weighted { scores.positives() as f64 } else { 1.0 });
            }
        }
        mean.value()
    }

    /// [`roc_auc_one_vs_rest`](Self::roc_auc_one_vs_rest) with [`Average::Macro`].
    pub fn value(&self) -> Option<f64> {
        self.roc_auc_one_vs_rest(Average::Macro)
    }

    /// Why there is no area: no samples, or all of one class.
    pub fn undefined(&self) -> Option<&'static str> {
        match self.labels.split_first() {
            None => Some("no samples"),
            Some((first, rest)) if rest.iter().all(|l| l == first) => Some("one class only"),
            _ => None,
        }
    }

    fn pick(&self, class: usize, keep: impl Fn(usize) -> bool) -> BinaryScores {
        let mut scores = BinaryScores::new();
        if class < self.classes {
            for (row, &label) in self.scores.chunks_exact(self.classes).zip(&self.labels) {
                if keep(label) {
                    scores.push(row[class], label == class);
                }
            }
        }
        scores
    }
}

impl fmt::Display for ClassScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_classes_are_the_binary_area_whatever_the_average() {
        let p = [0.9, 0.4, 0.35, 0.8, 0.4];
        let labels = [1, 0, 1, 1, 1];
        let mut binary = BinaryScores::new();
        binary.update(&p, &labels).unwrap();
        let mut classes = ClassScores::new(2).unwrap();
        classes.update(&p.map(|p| [1.0 - p, p]).concat(), &labels).unwrap();
        for auc in [classes.value(), classes.roc_auc_one_vs_one()] {
            assert_eq!(auc, binary.roc_auc());
        }
        assert_eq!(classes.one_vs_rest(1), binary);
        assert_eq!(classes.one_vs_rest(2), BinaryScores::new());
    }

    #[test]
    fn absent_classes_are_left_out_and_one_class_has_no_area() {
        let mut s = ClassScores::new(3).unwrap();
        assert_eq!(s.to_string(), "n/a (no samples)");
        s.update(&[0.9, 0.1, 0.0], &[0]).unwrap();
        assert_eq!((s.value(), s.to_string()), (None, "n/a (one class only)".into()));
        assert_eq!((s.roc_auc_one_vs_one(), s.roc_auc_one_vs_rest(Average::Micro)), (None, None));
        s.update(&[0.2, 0.8, 0.0], &[1]).unwrap();
        assert_eq!((s.value(), s.roc_auc_one_vs_one()), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn wrong_settings_and_batches_are_refused() {
        let mut s = ClassScores::new(3).unwrap();
        let text = |e: Error| e.to_string();
        assert_eq!(
            text(ClassScores::new(1).unwrap_err()),
            "[class_scores] there must be at least two classes; got 1; pass the number of columns of the scores"
        );
        assert_eq!(
            text(s.merge(&ClassScores::new(2).unwrap()).unwrap_err()),
            "[class_scores] metrics that are added must have been made alike; got 3 classes and 2 classes; \
             make both with the same settings"
        );
        assert_eq!(
            text(s.update(&[0.1, 0.2, f64::NAN], &[0]).unwrap_err()),
            "[class_scores] scores must be numbers; got NaN in row 0, class 2; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
        assert_eq!(
            text(s.update(&[0.1, 0.2, 0.7], &[3]).unwrap_err()),
            "[class_scores] a label must lie in 0..3; got 3 at position 0; check the labels or the number of classes"
        );
        assert_eq!(s.count(), 0);
    }
}
