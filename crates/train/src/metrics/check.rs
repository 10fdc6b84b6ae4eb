//! What the metrics refuse, in one wording, and how they print a value that is not defined.

use crate::error::{Error, Result};
use crate::format;
use std::fmt;

/// Prints the value, or `n/a (why)`.
pub(super) fn show(f: &mut fmt::Formatter<'_>, value: Option<f64>, why: Option<&str>) -> fmt::Result {
    match (value, why) {
        (None, Some(why)) => f.pad(&format!("n/a ({why})")),
        _ => f.pad(&format::optional(value)),
    }
}

/// Two lists of one length: `left` for each of `right`.
pub(super) fn check_lengths(
    op: &'static str,
    rule: &'static str,
    left: (&'static str, usize),
    right: (&'static str, usize),
) -> Result<()> {
    if left.1 == right.1 {
        return Ok(());
    }
    Err(Error::LengthMismatch { op, rule, left, right, repair: "pass both of the same samples" })
}

/// One score, which may be infinite and not NaN, for each label, which is 0 or 1.
pub(super) fn check_binary<T: Copy + Into<f64>>(
    op: &'static str,
    scores: &[T],
    labels: &[i64],
) -> Result<()> {
    let (left, right) = (("scores", scores.len()), ("labels", labels.len()));
    check_lengths(op, "there must be one score for each label", left, right)?;
    check_not_nan(op, scores)?;
    labels.iter().enumerate().try_for_each(|(i, &l)| super::check_label(op, "a label", l, 2, i).map(|_| ()))
}

pub(super) fn check_not_nan<T: Copy + Into<f64>>(op: &'static str, scores: &[T]) -> Result<()> {
    match scores.iter().position(|&s| s.into().is_nan()) {
        None => Ok(()),
        Some(at) => Err(Error::InvalidArgument {
            op,
            rule: "scores must be numbers",
            got: format!("NaN at position {at}"),
            repair: "lower the learning rate, or look for NaN and infinity in the inputs",
        }),
    }
}

/// Predictions and targets of one length, all finite.
pub(super) fn check_numbers<T: Copy + Into<f64>>(
    op: &'static str,
    predictions: &[T],
    targets: &[T],
) -> Result<()> {
    super::check_pairs(op, predictions.len(), ("targets", targets.len()))?;
    check_finite(op, "predictions must be finite", predictions)?;
    check_finite(op, "targets must be finite", targets)
}

pub(super) fn check_finite<T: Copy + Into<f64>>(
    op: &'static str,
    rule: &'static str,
    values: &[T],
) -> Result<()> {
    match values.iter().position(|&v| !v.into().is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::InvalidArgument {
            op,
            rule,
            got: format!("{} at position {at}", values[at].into()),
            repair: "lower the learning rate, or look for NaN and infinity in the inputs",
        }),
    }
}

/// One probability, from 0 to 1, for each label, which is 0 or 1.
pub(super) fn check_binary_probabilities<T: Copy + Into<f64>>(
    op: &'static str,
    probabilities: &[T],
    labels: &[i64],
) -> Result<()> {
    let (left, right) = (("probabilities", probabilities.len()), ("labels", labels.len()));
    check_lengths(op, "there must be one probability for each label", left, right)?;
    check_probabilities(op, probabilities)?;
    labels.iter().enumerate().try_for_each(|(i, &l)| super::check_label(op, "a label", l, 2, i).map(|_| ()))
}

fn check_probabilities<T: Copy + Into<f64>>(op: &'static str, probabilities: &[T]) -> Result<()> {
    match probabilities.iter().position(|&p| !(0.0..=1.0).contains(&p.into())) {
        None => Ok(()),
        Some(at) => Err(Error::InvalidArgument {
            op,
            rule: "probabilities must lie between 0 and 1",
            got: format!("{} at position {at}", probabilities[at].into()),
            repair: "pass what a sigmoid or a softmax gives, not the logits before it",
        }),
    }
}

/// How far a row's sum may be from 1: what single precision loses over ten thousand classes, 1e4 ε.
const SUM: f64 = 1e-3;

/// Rows (labels, classes) of probabilities that sum to 1, and labels that are classes; returns the labels as indices.
pub(super) fn check_class_probabilities<T: Copy + Into<f64>>(
    op: &'static str,
    probabilities: &[T],
    classes: usize,
    labels: &[i64],
) -> Result<Vec<usize>> {
    super::check_scores(op, probabilities, classes, Some(labels.len()))?;
    check_probabilities(op, probabilities)?;
    for (row, values) in probabilities.chunks_exact(classes).enumerate() {
        let sum: f64 = values.iter().map(|&p| p.into()).sum();
        if (sum - 1.0).abs() > SUM {
            return Err(Error::InvalidArgument {
                op,
                rule: "the probabilities of a sample must sum to 1",
                got: format!("a sum of {} in row {row}", format::metric(sum)),
                repair: "pass what a softmax gives over all classes",
            });
        }
    }
    labels.iter().enumerate().map(|(i, &l)| super::check_label(op, "a label", l, classes, i)).collect()
}

/// Accumulators that are added must have been made alike.
pub(super) fn check_alike(op: &'static str, same: bool, got: impl FnOnce() -> String) -> Result<()> {
    if same {
        return Ok(());
    }
    Err(Error::InvalidArgument {
        op,
        rule: "metrics that are added must have been made alike",
        got: got(),
        repair: "make both with the same settings",
    })
}

/// `merge`, `value`, `undefined` and `Display` of a metric that is the mean of its field `mean`.
macro_rules! mean_of {
    ($name:ident, $of:literal) => {
        impl $name {
            /// Adds what another accumulator has seen.
            pub fn merge(&mut self, other: &Self) {
                self.mean.merge(&other.mean);
            }
        }
        $crate::metrics::check::mean_value!($name, $of);
    };
}

/// `value`, `undefined` and `Display` of a metric that is the mean of its field `mean`.
macro_rules! mean_value {
    ($name:ident, $of:literal) => {
        impl $name {
            #[doc = concat!("The mean, or `None` before the first of the ", $of, ".")]
            pub fn value(&self) -> Option<f64> {
                self.mean.value()
            }

            #[doc = concat!("Why there is no value: no ", $of, ".")]
            pub fn undefined(&self) -> Option<&'static str> {
                self.value().is_none().then_some(concat!("no ", $of))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::metrics::check::show(f, self.value(), self.undefined())
            }
        }
    };
}
pub(super) use {mean_of, mean_value};
