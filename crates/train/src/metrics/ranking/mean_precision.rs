//! The average precision of each query, averaged.

use super::{groups, mean_of_queries, relevant};
use crate::error::Result;
use crate::metrics::MeanMetric;

const OP: &str = "mean_average_precision";

/// Mean average precision, MAP: the mean over the queries of the mean over their relevant candidates of the precision
/// at their places (C. Buckley and E. M. Voorhees, SIGIR 2000).
///
/// Equal scores are one place, the last of theirs, so that a query has scikit-learn's `average_precision_score`. Any
/// relevance above 0 is relevant; a query without one is left out.
///
/// ```
/// use train::metrics::MeanAveragePrecision;
/// let mut map = MeanAveragePrecision::new();
/// map.update(&[0.9, 0.8, 0.7, 0.1], &[1, 0, 1, 0]).unwrap();
/// assert_eq!(map.value(), Some((1.0 + 2.0 / 3.0) / 2.0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MeanAveragePrecision {
    mean: MeanMetric,
    skipped: u64,
}

mean_of_queries!(MeanAveragePrecision, |_| String::new());

impl MeanAveragePrecision {
    /// No queries yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a query: a score and a relevance for each candidate.
    ///
    /// # Errors
    /// As [`Ndcg::update`](crate::metrics::Ndcg::update).
    pub fn update<S: Copy + Into<f64>, R: Copy + Into<f64>>(
        &mut self,
        scores: &[S],
        relevance: &[R],
    ) -> Result<()> {
        let (mut sum, mut found, mut place) = (0.0, 0.0, 0);
        for group in groups(OP, scores, relevance, relevant)? {
            found += group.gain;
            place += group.count;
            sum += group.gain * (found / place as f64);
        }
        if found > 0.0 {
            self.mean.add(sum / found, 1.0)
        } else {
            self.skipped += 1
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::BinaryScores;

    #[test]
    fn one_query_is_the_average_precision_of_its_scores() {
        let (scores, labels) = ([0.5, 0.9, 0.5, 0.1, 0.9, 0.3], [1, 0, 0, 1, 1, 0]);
        let mut map = MeanAveragePrecision::new();
        map.update(&scores, &labels.map(|l| l as f64)).unwrap();
        let mut binary = BinaryScores::new();
        binary.update(&scores, &labels).unwrap();
        assert_eq!(map.value(), binary.average_precision());
    }

    #[test]
    fn a_query_without_anything_relevant_is_left_out() {
        let mut map = MeanAveragePrecision::new();
        map.update(&[0.5], &[0]).unwrap();
        assert_eq!((map.value(), map.skipped()), (None, 1));
        assert_eq!(
            map.update(&[0.5], &[1, 0]).unwrap_err().to_string(),
            "[mean_average_precision] there must be one score for each relevance; got 1 scores and 2 relevances; \
             pass both of the same samples"
        );
    }
}
