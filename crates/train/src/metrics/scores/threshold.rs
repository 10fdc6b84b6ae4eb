//! From which score on a sample is best taken as positive.

use super::{BinaryScores, Step};
use std::cmp::Ordering;

/// What the best threshold is best at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// F1, `2 TP / (2 TP + FP + FN)`.
    F1,
    /// Youden's J, recall minus false positive rate (W. J. Youden, Cancer 3, 1950).
    YoudenJ,
}

/// A threshold and what it reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Samples with this score or a higher one are taken as positive.
    pub threshold: f64,
    /// The criterion there.
    pub value: f64,
}

impl BinaryScores {
    /// The score from which on samples are best taken as positive; the highest among equally good ones.
    ///
    /// Only scores that occur are tried; no other threshold parts the samples otherwise. Candidates are compared in
    /// whole numbers, so rounding never decides. `None` without positive samples and, for Youden's J, without
    /// negative ones. A threshold that was chosen on the same samples as it is judged on looks too good.
    ///
    /// ```
    /// use train::metrics::{BinaryScores, Criterion};
    /// let mut scores = BinaryScores::new();
    /// scores.update(&[0.9, 0.8, 0.7, 0.2], &[1, 0, 1, 0]).unwrap();
    /// let best = scores.best_threshold(Criterion::F1).unwrap();
    /// assert_eq!((best.threshold, best.value), (0.7, 0.8));
    /// assert_eq!(scores.best_threshold(Criterion::YoudenJ).unwrap().value, 0.5);
    /// ```
    pub fn best_threshold(&self, criterion: Criterion) -> Option<Threshold> {
        let steps = self.steps();
        let last = *steps.last()?;
        if last.tp == 0 || (criterion == Criterion::YoudenJ && last.fp == 0) {
            return None;
        }
        let best = steps.into_iter().reduce(|best, next| {
            if criterion.compare(next, best, last) == Ordering::Greater { next } else { best }
        })?;
        Some(Threshold { threshold: best.threshold, value: criterion.value(best, last) })
    }
}

impl Criterion {
    fn value(self, s: Step, last: Step) -> f64 {
        match self {
            // TP + FP were taken, TP + FN there are.
            Criterion::F1 => (2 * s.tp) as f64 / (s.tp + s.fp + last.tp) as f64,
            Criterion::YoudenJ => s.tp as f64 / last.tp as f64 - s.fp as f64 / last.fp as f64,
        }
    }

    fn compare(self, a: Step, b: Step, last: Step) -> Ordering {
        match self {
            Criterion::F1 => {
                let all = |s: Step| u128::from(s.tp + s.fp + last.tp);
                (u128::from(a.tp) * all(b)).cmp(&(u128::from(b.tp) * all(a)))
            }
            Criterion::YoudenJ => {
                let (p, n) = (i128::from(last.tp), i128::from(last.fp));
                let j = |s: Step| i128::from(s.tp) * n - i128::from(s.fp) * p;
                j(a).cmp(&j(b))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scores;
    use super::*;

    #[test]
    fn the_highest_of_equally_good_thresholds_is_taken() {
        // J is 1/2 at 0.9 and at 0.7.
        let best = scores(&[0.9, 0.8, 0.7, 0.2], &[1, 0, 1, 0]).best_threshold(Criterion::YoudenJ).unwrap();
        assert_eq!((best.threshold, best.value), (0.9, 0.5));
    }

    #[test]
    fn scores_the_wrong_way_round_are_best_all_taken() {
        let s = scores(&[0.9, 0.1], &[0, 1]);
        assert_eq!(s.best_threshold(Criterion::YoudenJ), Some(Threshold { threshold: 0.1, value: 0.0 }));
        assert_eq!(s.best_threshold(Criterion::F1), Some(Threshold { threshold: 0.1, value: 2.0 / 3.0 }));
    }

    #[test]
    fn without_a_class_there_is_none() {
        assert_eq!(BinaryScores::new().best_threshold(Criterion::F1), None);
        assert_eq!(scores(&[0.5], &[0]).best_threshold(Criterion::F1), None);
        let ones = scores(&[0.5, 0.7], &[1, 1]);
        assert_eq!(ones.best_threshold(Criterion::YoudenJ), None);
        assert_eq!(ones.best_threshold(Criterion::F1).map(|t| t.value), Some(1.0));
    }
}
