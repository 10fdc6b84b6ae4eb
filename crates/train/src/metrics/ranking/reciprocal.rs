//! One over the place of the first relevant candidate.

use super::{groups, mean_of_queries, relevant};
use crate::error::Result;
use crate::metrics::MeanMetric;

const OP: &str = "reciprocal_rank";

/// The mean reciprocal rank, MRR: the mean over the queries of `1 / place` of the first relevant candidate (E. M.
/// Voorhees, TREC-8, 1999).
///
/// Among equal scores a relevant candidate stands last: a model that cannot tell is not rewarded for luck. Any
/// relevance above 0 is relevant; a query without one is left out.
///
/// ```
/// use train::metrics::ReciprocalRank;
/// let mut mrr = ReciprocalRank::new();
/// mrr.update(&[0.9, 0.8, 0.1], &[0, 1, 1]).unwrap();
/// mrr.update(&[0.9, 0.8, 0.1], &[1, 0, 0]).unwrap();
/// assert_eq!(mrr.value(), Some(0.75));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReciprocalRank {
    mean: MeanMetric,
    skipped: u64,
}

mean_of_queries!(ReciprocalRank, |_| String::new());

impl ReciprocalRank {
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
        let groups = groups(OP, scores, relevance, relevant)?;
        match groups.iter().position(|g| g.gain > 0.0) {
            Some(first) => {
                let place: usize = groups[..=first].iter().map(|g| g.count).sum();
                self.mean.add(1.0 / place as f64, 1.0);
            }
            None => self.skipped += 1,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_not_rewarded() {
        let mut mrr = ReciprocalRank::new();
        mrr.update(&[0.5; 4], &[1, 0, 0, 0]).unwrap();
        assert_eq!(mrr.value(), Some(0.25));
    }

    #[test]
    fn a_query_without_anything_relevant_is_left_out() {
        let mut mrr = ReciprocalRank::new();
        mrr.update(&[0.5], &[0.0]).unwrap();
        assert_eq!((mrr.skipped(), mrr.to_string()), (1, "n/a (nothing relevant)".into()));
        let mut other = ReciprocalRank::new();
        other.update(&[0.5], &[0.1]).unwrap();
        mrr.merge(&other).unwrap();
        assert_eq!((mrr.value(), mrr.skipped()), (Some(1.0), 1));
        assert_eq!(
            mrr.update(&[0.5], &[-0.5]).unwrap_err().to_string(),
            "[reciprocal_rank] relevance must lie between 0 and 512; got -0.5 at position 0; \
             use 0 for what is not relevant, and 1, or grades from 1 up, for what is"
        );
    }
}
