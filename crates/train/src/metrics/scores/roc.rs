//! The receiver operating characteristic and the area under it.

use super::{BinaryScores, Step};

/// A point of a ROC curve: what is at or above the threshold is taken as positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// The score from which on samples are taken as positive; infinite for none.
    pub threshold: f64,
    /// Of the negative samples, the share that is taken as positive.
    pub false_positive_rate: f64,
    /// Of the positive samples, the share that is: the recall.
    pub true_positive_rate: f64,
}

/// A ROC curve, from (0, 0) to (1, 1), with the area under it.
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    points: Vec<RocPoint>,
    auc: f64,
}

impl RocCurve {
    /// The corners, thresholds falling.
    pub fn points(&self) -> &[RocPoint] {
        &self.points
    }

    /// The area under the curve.
    pub fn auc(&self) -> f64 {
        self.auc
    }
}

impl BinaryScores {
    /// The ROC curve, or `None` where [`undefined`](Self::undefined) says why (T. Fawcett, Pattern Recognition Letters
    /// 27, 2006).
    ///
    /// It begins at the threshold ∞. As with scikit-learn's `drop_intermediate`, points between two equal steps are
    /// left out: the line through them is the same.
    ///
    /// ```
    /// let mut scores = train::metrics::BinaryScores::new();
    /// scores.update(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]).unwrap();
    /// let curve = scores.roc_curve().unwrap();
    /// let at: Vec<_> = curve.points().iter().map(|p| (p.false_positive_rate, p.true_positive_rate)).collect();
    /// assert_eq!(at, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    /// ```
    pub fn roc_curve(&self) -> Option<RocCurve> {
        if self.undefined().is_some() {
            return None;
        }
        let steps = self.steps();
        let last = steps.last()?;
        let corner = |i: usize| {
            if i == 0 || i + 1 == steps.len() {
                return true;
            }
            let (a, b, c) = (steps[i - 1], steps[i], steps[i + 1]);
            (b.tp - a.tp, b.fp - a.fp) != (c.tp - b.tp, c.fp - b.fp)
        };
        let start = RocPoint { threshold: f64::INFINITY, false_positive_rate: 0.0, true_positive_rate: 0.0 };
        let rest = (0..steps.len()).filter(|&i| corner(i)).map(|i| RocPoint {
            threshold: steps[i].threshold,
            false_positive_rate: steps[i].fp as f64 / last.fp as f64,
            true_positive_rate: steps[i].tp as f64 / last.tp as f64,
        });
        Some(RocCurve { points: std::iter::once(start).chain(rest).collect(), auc: area(&steps) })
    }

    /// The area under the ROC curve: the chance that a positive sample has a higher score than a negative one, equal
    /// scores counting half (J. A. Hanley and B. J. McNeil, Radiology 143, 1982).
    ///
    /// The trapezoids are added in whole numbers, so the value is rounded once. `None` where
    /// [`undefined`](Self::undefined) says why.
    pub fn roc_auc(&self) -> Option<f64> {
        if self.undefined().is_some() {
            return None;
        }
        Some(area(&self.steps()))
    }
}

/// The trapezoids below the steps, over the rectangle of both classes; neither may be empty.
fn area(steps: &[Step]) -> f64 {
    let (mut twice, mut tp, mut fp) = (0_u128, 0, 0);
    for s in steps {
        twice += u128::from(s.fp - fp) * u128::from(s.tp + tp);
        (tp, fp) = (s.tp, s.fp);
    }
    twice as f64 / (2 * u128::from(tp) * u128::from(fp)) as f64
}

#[cfg(test)]
mod tests {
    use super::super::scores;
    use super::*;

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        let (x, y): (Vec<f64>, Vec<i64>) =
            (0..40).map(|i| (f64::from(i * 29 % 11), i64::from(i * 7 % 5 < 2))).unzip();
        let (mut pairs, mut all) = (0.0, 0.0);
        for i in (0..40).filter(|&i| y[i] == 1) {
            for j in (0..40).filter(|&j| y[j] == 0) {
                pairs += if x[i] > x[j] {
                    1.0
                } else if x[i] == x[j] {
                    0.5
                } else {
                    0.0
                };
                all += 1.0;
            }
        }
        assert_eq!(scores(&x, &y).roc_auc(), Some(pairs / all));
    }

    #[test]
    fn equal_scores_are_one_slanted_line() {
        let curve = scores(&[0.5; 4], &[0, 1, 1, 0]).roc_curve().unwrap();
        assert_eq!((curve.points().len(), curve.auc()), (2, 0.5));
        assert_eq!(curve.points()[1].threshold, 0.5);
    }

    #[test]
    fn infinite_scores_are_the_ends() {
        let s = scores(&[f64::INFINITY, f64::NEG_INFINITY, 0.0], &[1, 0, 0]);
        assert_eq!(s.roc_auc(), Some(1.0));
    }

    #[test]
    fn one_class_only_has_no_curve() {
        assert_eq!(scores(&[0.1, 0.2], &[1, 1]).roc_curve(), None);
        assert_eq!(BinaryScores::new().roc_auc(), None);
    }
}
