//! The discounted cumulative gain, as a share of the best there could be.

use super::{check_k, groups, mean_of_queries};
use crate::error::Result;
use crate::metrics::MeanMetric;

const OP: &str = "ndcg";

/// What a candidate of some relevance is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Gain {
    /// Its relevance, as in K. Järvelin and J. Kekäläinen, ACM Transactions on Information Systems 20, 2002.
    #[default]
    Linear,
    /// `2^relevance - 1`, as in C. Burges and others, *Learning to Rank using Gradient Descent*, ICML 2005.
    Exponential,
}

/// The mean over the queries of the normalised discounted cumulative gain, NDCG or NDCG@k.
///
/// `DCG = sum_i gain_i / log2(i + 1)` over the places `i = 1, 2, …` (to `k`), divided by the DCG of the best order.
/// Candidates with equal scores share the mean gain of their group (F. McSherry and M. Najork, ECIR 2008), as in
/// scikit-learn. A query with nothing relevant has no best order and is left out; scikit-learn counts it as 0.
///
/// ```
/// use train::metrics::Ndcg;
/// let mut ndcg = Ndcg::new();
/// ndcg.update(&[0.9, 0.8, 0.1], &[0, 1, 0]).unwrap();
/// let second = 1.0 / 3.0_f64.log2();
/// assert!((ndcg.value().unwrap() - second).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ndcg {
    k: Option<usize>,
    gain: Gain,
    mean: MeanMetric,
    skipped: u64,
}

mean_of_queries!(Ndcg, |m| match m.k {
    Some(k) => format!("{:?} gain at {k}", m.gain),
    None => format!("{:?} gain", m.gain),
});

impl Ndcg {
    /// Over all places, with linear gain.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over the first `k` places.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) when k is 0.
    pub fn at(k: usize) -> Result<Self> {
        check_k(OP, k)?;
        Ok(Ndcg { k: Some(k), ..Self::default() })
    }

    /// With this gain.
    ///
    /// ```
    /// use train::metrics::{Gain, Ndcg};
    /// let mut ndcg = Ndcg::at(1).unwrap().with_gain(Gain::Exponential);
    /// ndcg.update(&[2.0, 1.0], &[1, 3]).unwrap();
    /// assert_eq!(ndcg.value(), Some(1.0 / 7.0));
    /// ```
    pub fn with_gain(mut self, gain: Gain) -> Self {
        self.gain = gain;
        self
    }

    /// Adds a query: a score and a relevance, from 0 to 512, for each candidate.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there are as many of both,
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a score that is not-a-number or another relevance.
    pub fn update<S: Copy + Into<f64>, R: Copy + Into<f64>>(
        &mut self,
        scores: &[S],
        relevance: &[R],
    ) -> Result<()> {
        let found = self.dcg(scores, relevance)?;
        let best = self.dcg(relevance, relevance)?;
        if best > 0.0 {
            self.mean.add(found / best, 1.0)
        } else {
            self.skipped += 1
        }
        Ok(())
    }

    fn dcg<S: Copy + Into<f64>, R: Copy + Into<f64>>(&self, scores: &[S], relevance: &[R]) -> Result<f64> {
        let gain = |r: f64| match self.gain {
            Gain::Linear => r,
            Gain::Exponential => libm::exp2(r) - 1.0,
        };
        let (mut dcg, mut place) = (0.0, 0);
        for group in groups(OP, scores, relevance, gain)? {
            let last = (place + group.count).min(self.k.unwrap_or(usize::MAX));
            let discount: f64 = (place..last).map(|i| 1.0 / libm::log2((i + 2) as f64)).sum();
            dcg += group.gain / group.count as f64 * discount;
            place += group.count;
        }
        Ok(dcg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_order_is_one_and_places_after_k_do_not_count() {
        let mut n = Ndcg::at(2).unwrap();
        n.update(&[3.0, 2.0, 1.0], &[3.0, 2.0, 1.0]).unwrap();
        assert_eq!(n.value(), Some(1.0));
        let mut late = Ndcg::at(2).unwrap();
        late.update(&[3, 2, 1], &[false, false, true]).unwrap();
        assert_eq!(late.value(), Some(0.0));
    }

    #[test]
    fn without_anything_relevant_a_query_is_left_out() {
        let mut n = Ndcg::new();
        assert_eq!(n.to_string(), "n/a (no queries)");
        n.update(&[1.0, 2.0], &[0, 0]).unwrap();
        n.update::<f64, f64>(&[], &[]).unwrap();
        assert_eq!((n.value(), n.skipped(), n.to_string()), (None, 2, "n/a (nothing relevant)".into()));
        n.update(&[1.0], &[1]).unwrap();
        assert_eq!(n.value(), Some(1.0));
    }

    #[test]
    fn other_settings_are_not_added() {
        let text = Ndcg::new().merge(&Ndcg::at(3).unwrap()).unwrap_err().to_string();
        assert_eq!(
            text,
            "[ndcg] metrics that are added must have been made alike; got Linear gain and Linear gain at 3; \
             make both with the same settings"
        );
        assert_eq!(
            Ndcg::at(0).unwrap_err().to_string(),
            "[ndcg] k must be at least 1; got 0; use the number of places that are looked at"
        );
    }
}
