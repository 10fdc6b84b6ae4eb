//! What the first k places hold.

use super::{Group, check_k, groups, relevant};
use crate::error::Result;
use crate::metrics::MeanMetric;
use crate::metrics::check::{check_alike, mean_value};

/// Precision@k: of the first `k` places, the share that is relevant; the mean over the queries.
///
/// Where equal scores lie across place `k`, those that are inside are drawn by chance, and the value is what is then
/// expected. A query of fewer candidates than `k` is still divided by `k`. Any relevance above 0 is relevant.
///
/// ```
/// use train::metrics::PrecisionAt;
/// let mut precision = PrecisionAt::new(2).unwrap();
/// precision.update(&[0.9, 0.8, 0.1], &[1, 0, 1]).unwrap();
/// precision.update(&[0.5, 0.5, 0.5, 0.5], &[1, 0, 0, 0]).unwrap();
/// assert_eq!(precision.value(), Some((0.5 + 0.25) / 2.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionAt {
    k: usize,
    mean: MeanMetric,
}

mean_value!(PrecisionAt, "queries");

/// Recall@k: of what is relevant, the share that the first `k` places hold; the mean over the queries.
///
/// Equal scores are as for [`PrecisionAt`]. A query with nothing relevant is left out.
///
/// ```
/// use train::metrics::RecallAt;
/// let mut recall = RecallAt::new(2).unwrap();
/// recall.update(&[0.9, 0.8, 0.1], &[1, 0, 1]).unwrap();
/// assert_eq!(recall.value(), Some(0.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecallAt {
    k: usize,
    mean: MeanMetric,
    skipped: u64,
}

const OP: &str = "recall_at";

super::mean_of_queries!(RecallAt, |m| format!("k = {}", m.k));

impl PrecisionAt {
    /// No queries yet, for the first `k` places.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) when k is 0.
    pub fn new(k: usize) -> Result<Self> {
        check_k("precision_at", k)?;
        Ok(PrecisionAt { k, mean: MeanMetric::new() })
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
        let groups = groups("precision_at", scores, relevance, relevant)?;
        self.mean.add(expected(&groups, self.k) / self.k as f64, 1.0);
        Ok(())
    }

    /// Adds what another accumulator has seen.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) unless both have the same k.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check_alike("precision_at", self.k == other.k, || format!("k = {} and k = {}", self.k, other.k))?;
        self.mean.merge(&other.mean);
        Ok(())
    }
}

impl RecallAt {
    /// No queries yet, for the first `k` places.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) when k is 0.
    pub fn new(k: usize) -> Result<Self> {
        check_k(OP, k)?;
        Ok(RecallAt { k, mean: MeanMetric::new(), skipped: 0 })
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
        let all: f64 = groups.iter().map(|g| g.gain).sum();
        if all > 0.0 {
            self.mean.add(expected(&groups, self.k) / all, 1.0)
        } else {
            self.skipped += 1
        }
        Ok(())
    }
}

/// How many relevant candidates are expected in the first k places.
fn expected(groups: &[Group], k: usize) -> f64 {
    let (mut found, mut room) = (0.0, k);
    for g in groups {
        let inside = g.count.min(room);
        found += g.gain * inside as f64 / g.count as f64;
        room -= inside;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expectation_over_ties_is_the_mean_over_their_orders() {
        // Of places 2 to 4, one is relevant; place 2 alone is inside.
        let mut p = PrecisionAt::new(2).unwrap();
        p.update(&[0.9, 0.5, 0.5, 0.5], &[1, 0, 1, 0]).unwrap();
        assert_eq!(p.value(), Some((1.0 + 1.0 / 3.0) / 2.0));
    }

    #[test]
    fn fewer_candidates_than_k_still_divide_by_k() {
        let mut p = PrecisionAt::new(4).unwrap();
        p.update(&[0.9], &[true]).unwrap();
        assert_eq!(p.value(), Some(0.25));
        let mut r = RecallAt::new(4).unwrap();
        r.update(&[0.9], &[true]).unwrap();
        assert_eq!(r.value(), Some(1.0));
    }

    #[test]
    fn a_query_without_anything_relevant_has_a_precision_and_no_recall() {
        let (mut p, mut r) = (PrecisionAt::new(1).unwrap(), RecallAt::new(1).unwrap());
        assert_eq!((p.to_string(), r.to_string()), ("n/a (no queries)".into(), "n/a (no queries)".into()));
        p.update(&[0.9], &[0]).unwrap();
        r.update(&[0.9], &[0]).unwrap();
        assert_eq!((p.value(), r.value(), r.skipped()), (Some(0.0), None, 1));
        assert_eq!(r.to_string(), "n/a (nothing relevant)");
    }

    #[test]
    fn another_k_is_not_added_and_none_is_refused() {
        let text = PrecisionAt::new(1).unwrap().merge(&PrecisionAt::new(2).unwrap()).unwrap_err().to_string();
        assert_eq!(
            text,
            "[precision_at] metrics that are added must have been made alike; got k = 1 and k = 2; \
             make both with the same settings"
        );
        let text = RecallAt::new(1).unwrap().merge(&RecallAt::new(2).unwrap()).unwrap_err().to_string();
        assert_eq!(
            text,
            "[recall_at] metrics that are added must have been made alike; got k = 1 and k = 2; \
             make both with the same settings"
        );
        assert_eq!(
            RecallAt::new(0).unwrap_err().to_string(),
            "[recall_at] k must be at least 1; got 0; use the number of places that are looked at"
        );
    }
}
