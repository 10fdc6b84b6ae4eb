//! How near the top of a list the relevant things are.
//!
//! A batch is one query: a score for each of its candidates, and how relevant each is. Candidates with equal scores
//! have no order among them; each metric says what it makes of that, and none depends on the order they are given in.

mod at_k;
mod mean_precision;
mod ndcg;
mod reciprocal;

pub use at_k::{PrecisionAt, RecallAt};
pub use mean_precision::MeanAveragePrecision;
pub use ndcg::{Gain, Ndcg};
pub use reciprocal::ReciprocalRank;

use super::check::{check_lengths, check_not_nan};
use crate::error::{Error, Result};

/// The candidates of a query that have one score: how many, and the sum of their gains.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Group {
    count: usize,
    gain: f64,
}

/// Checks a query and groups its candidates by score, highest first, with the sum of `gain(relevance)` of each group.
fn groups<S: Copy + Into<f64>, R: Copy + Into<f64>>(
    op: &'static str,
    scores: &[S],
    relevance: &[R],
    gain: impl Fn(f64) -> f64,
) -> Result<Vec<Group>> {
    let (left, right) = (("scores", scores.len()), ("relevances", relevance.len()));
    check_lengths(op, "there must be one score for each relevance", left, right)?;
    check_not_nan(op, scores)?;
    let relevance: Vec<f64> = relevance.iter().map(|&r| r.into()).collect();
    if let Some(at) = relevance.iter().position(|r| !(0.0..=512.0).contains(r)) {
        return Err(Error::InvalidArgument {
            op,
            rule: "relevance must lie between 0 and 512",
            got: format!("{} at position {at}", relevance[at]),
            repair: "use 0 for what is not relevant, and 1, or grades from 1 up, for what is",
        });
    }
    // Equal scores by relevance, so that the order in which they come does not decide how a sum is rounded.
    let mut order: Vec<(f64, f64)> = scores.iter().map(|&s| s.into()).zip(relevance).collect();
    order.sort_unstable_by(|a, b| {
        b.0.partial_cmp(&a.0).unwrap_or(std::cmp::Ordering::Equal).then(b.1.total_cmp(&a.1))
    });
    let group =
        |equal: &[(f64, f64)]| Group { count: equal.len(), gain: equal.iter().map(|x| gain(x.1)).sum() };
    Ok(order.chunk_by(|a, b| a.0 == b.0).map(group).collect())
}

/// 1 for anything relevant.
fn relevant(relevance: f64) -> f64 {
    f64::from(u8::from(relevance > 0.0))
}

fn check_k(op: &'static str, k: usize) -> Result<()> {
    if k > 0 {
        return Ok(());
    }
    Err(Error::InvalidArgument {
        op,
        rule: "k must be at least 1",
        got: "0".into(),
        repair: "use the number of places that are looked at",
    })
}

/// `merge`, `value`, `undefined`, `Display` and the counts of a metric whose queries may have nothing relevant.
macro_rules! mean_of_queries {
    ($name:ident, $same:expr) => {
        impl $name {
            /// Adds what another accumulator has seen.
            ///
            /// # Errors
            /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) unless both have the same settings.
            pub fn merge(&mut self, other: &Self) -> Result<()> {
                let same: fn(&Self) -> String = $same;
                let (a, b) = (same(self), same(other));
                $crate::metrics::check::check_alike(OP, a == b, || format!("{a} and {b}"))?;
                self.mean.merge(&other.mean);
                self.skipped += other.skipped;
                Ok(())
            }

            /// The mean over the queries, or `None` where [`undefined`](Self::undefined) says why.
            pub fn value(&self) -> Option<f64> {
                self.mean.value()
            }

            /// The number of queries that were left out, as they had nothing relevant.
            pub fn skipped(&self) -> u64 {
                self.skipped
            }

            /// Why there is no value: no queries, or none with anything relevant.
            pub fn undefined(&self) -> Option<&'static str> {
                match (self.mean.value(), self.skipped) {
                    (Some(_), _) => None,
                    (None, 0) => Some("no queries"),
                    (None, _) => Some("nothing relevant"),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::metrics::check::show(f, self.value(), self.undefined())
            }
        }
    };
}
use mean_of_queries;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_one_group() {
        let found = groups("op", &[0.5, f64::INFINITY, 0.0, 0.5, -0.0], &[1, 0, 3, 2, 0], |r| r).unwrap();
        let wanted = [(1, 0.0), (2, 3.0), (2, 3.0)].map(|(count, gain)| Group { count, gain });
        assert_eq!(found, wanted);
    }

    #[test]
    fn queries_that_make_no_sense_are_refused() {
        let text = |s: &[f64], r: &[f64]| groups("ndcg", s, r, relevant).unwrap_err().to_string();
        assert_eq!(
            text(&[1.0], &[]),
            "[ndcg] there must be one score for each relevance; got 1 scores and 0 relevances; \
             pass both of the same samples"
        );
        assert_eq!(
            text(&[0.0, f64::NAN], &[1.0, 0.0]),
            "[ndcg] scores must be numbers; got NaN at position 1; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
        for (bad, name) in [(-1.0, "-1"), (f64::NAN, "NaN"), (513.0, "513")] {
            assert_eq!(
                text(&[0.0], &[bad]),
                format!(
                    "[ndcg] relevance must lie between 0 and 512; got {name} at position 0; \
                     use 0 for what is not relevant, and 1, or grades from 1 up, for what is"
                )
            );
        }
        assert_eq!(
            check_k("ndcg", 0).unwrap_err().to_string(),
            "[ndcg] k must be at least 1; got 0; use the number of places that are looked at"
        );
    }
}
