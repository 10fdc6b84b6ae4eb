//! Precision against recall, and the average precision.

use super::{BinaryScores, Step};

/// A point of a precision-recall curve: what is at or above the threshold is taken as positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionRecallPoint {
    /// The score from which on samples are taken as positive; infinite for none.
    pub threshold: f64,
    /// Of those taken as positive, the share that is; 1 for none.
    pub precision: f64,
    /// Of the positive samples, the share that is found.
    pub recall: f64,
}

/// A precision-recall curve, from recall 0 to 1, with the average precision.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecallCurve {
    points: Vec<PrecisionRecallPoint>,
    average_precision: f64,
    base_rate: f64,
}

impl PrecisionRecallCurve {
    /// One point for each distinct score, thresholds falling.
    pub fn points(&self) -> &[PrecisionRecallPoint] {
        &self.points
    }

    /// The average precision.
    pub fn average_precision(&self) -> f64 {
        self.average_precision
    }

    /// The share of positive samples: the precision of guessing.
    pub fn base_rate(&self) -> f64 {
        self.base_rate
    }
}

impl BinaryScores {
    /// The precision-recall curve, or `None` without positive samples.
    ///
    /// It begins with nothing taken as positive, where the recall is 0 and the precision is set to 1. Differs from
    /// scikit-learn in the order: there the thresholds rise and that point comes last.
    ///
    /// ```
    /// let mut scores = train::metrics::BinaryScores::new();
    /// scores.update(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]).unwrap();
    /// let curve = scores.precision_recall_curve().unwrap();
    /// let at: Vec<_> = curve.points().iter().map(|p| (p.recall, p.precision)).collect();
    /// assert_eq!(at, [(0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 2.0 / 3.0), (1.0, 0.5)]);
    /// ```
    pub fn precision_recall_curve(&self) -> Option<PrecisionRecallCurve> {
        let steps = self.steps();
        let last = steps.last().filter(|s| s.tp > 0)?;
        let start = PrecisionRecallPoint { threshold: f64::INFINITY, precision: 1.0, recall: 0.0 };
        let rest = steps.iter().map(|s| PrecisionRecallPoint {
            threshold: s.threshold,
            precision: s.tp as f64 / (s.tp + s.fp) as f64,
            recall: s.tp as f64 / last.tp as f64,
        });
        Some(PrecisionRecallCurve {
            points: std::iter::once(start).chain(rest).collect(),
            average_precision: average(&steps)?,
            base_rate: last.tp as f64 / (last.tp + last.fp) as f64,
        })
    }

    /// The average precision, often called PR-AUC: `sum_n (R_n - R_(n-1)) P_n` over the falling thresholds, or `None`
    /// without positive samples.
    ///
    /// It is the area under the curve as steps, as in scikit-learn: trapezoids would promise what lies between two
    /// thresholds (J. Davis and M. Goadrich, ICML 2006).
    pub fn average_precision(&self) -> Option<f64> {
        average(&self.steps())
    }
}

fn average(steps: &[Step]) -> Option<f64> {
    let positives = steps.last().filter(|s| s.tp > 0)?.tp;
    let (mut sum, mut before) = (0.0, 0);
    for s in steps {
        sum += (s.tp - before) as f64 * (s.tp as f64 / (s.tp + s.fp) as f64);
        before = s.tp;
    }
    Some(sum / positives as f64)
}

#[cfg(test)]
mod tests {
    use super::super::scores;
    use super::*;

    #[test]
    fn equal_scores_have_the_precision_of_guessing() {
        let s = scores(&[0.3; 8], &[1, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(s.average_precision(), Some(0.25));
        assert_eq!(s.precision_recall_curve().unwrap().base_rate(), 0.25);
    }

    #[test]
    fn all_positive_first_is_one() {
        let curve = scores(&[3.0, 2.0, 1.0], &[1, 1, 0]).precision_recall_curve().unwrap();
        assert_eq!(curve.average_precision(), 1.0);
        assert_eq!(curve.points().len(), 4);
    }

    #[test]
    fn without_positive_samples_there_is_none() {
        assert_eq!(scores(&[0.1], &[0]).precision_recall_curve(), None);
        assert_eq!(BinaryScores::new().average_precision(), None);
    }
}
