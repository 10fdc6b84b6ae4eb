//! Metrics that are fed batch by batch, over plain slices.
//!
//! Every accumulator is exact over any split into batches up to the rounding of its `f64` sums, which are taken in
//! the order in which the values come; it never returns not-a-number for an empty part: the value is `None`, and
//! prints as `n/a`. Scores may be `f32` or `f64`; labels are `i64` class numbers. Those that need an order (areas under
//! curves, medians, ranks) keep what they have seen, and say how many bytes for each sample.

mod accuracy;
mod averages;
mod check;
mod confusion;
mod language;
mod mean;
mod moments;
mod numbers;
mod probabilities;
mod ranking;
mod regression;
mod scores;

pub use accuracy::{Accuracy, predictions};
pub use averages::Average;
pub use confusion::ConfusionMatrix;
pub use language::{
    BitsPerCharacter, Bleu, ErrorRate, ExactMatch, Perplexity, Smoothing, TokenAccuracy, Unit, edit_distance,
};
pub use mean::MeanMetric;
pub use numbers::{
    Coverage, ExplainedVariance, Mape, MaxError, MedianAbsoluteError, Pearson, Pinball, Spearman,
};
pub use probabilities::{Brier, Calibration, LogLoss, ReliabilityBin};
pub use ranking::{Gain, MeanAveragePrecision, Ndcg, PrecisionAt, RecallAt, ReciprocalRank};
pub use regression::{Mae, Mse, R2};
pub use scores::{
    BinaryScores, ClassScores, Criterion, PrecisionRecallCurve, PrecisionRecallPoint, RocCurve, RocPoint,
    Threshold,
};

use crate::error::{Error, Result};

/// Checks that `scores` is a table of `labels` rows and `classes` columns of numbers.
fn check_scores<T: Copy + Into<f64>>(
    op: &'static str,
    scores: &[T],
    classes: usize,
    labels: Option<usize>,
) -> Result<()> {
    let rows = labels.or_else(|| scores.len().checked_div(classes));
    if rows.and_then(|r| r.checked_mul(classes)) != Some(scores.len()) || classes == 0 {
        let rows = labels.map_or("any number of".to_string(), |n| n.to_string());
        return Err(Error::InvalidArgument {
            op,
            rule: "scores must be one row of all classes for each label",
            got: format!("{} scores for {rows} labels of {classes} classes", scores.len()),
            repair: "pass the model's whole output, row by row, and its number of classes",
        });
    }
    if let Some(at) = scores.iter().position(|&s| s.into().is_nan()) {
        return Err(Error::InvalidArgument {
            op,
            rule: "scores must be numbers",
            got: format!("NaN in row {}, class {}", at / classes, at % classes),
            repair: "lower the learning rate, or look for NaN and infinity in the inputs",
        });
    }
    Ok(())
}

fn check_label(
    op: &'static str,
    what: &'static str,
    label: i64,
    classes: usize,
    position: usize,
) -> Result<usize> {
    usize::try_from(label).ok().filter(|&l| l < classes).ok_or(Error::LabelOutOfRange {
        op,
        what,
        label,
        classes,
        position,
    })
}

fn check_pairs(op: &'static str, predictions: usize, targets: (&'static str, usize)) -> Result<()> {
    if predictions == targets.1 {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        op,
        rule: if targets.0 == "labels" {
            "there must be one prediction for each label"
        } else {
            "there must be one prediction for each target"
        },
        left: ("predictions", predictions),
        right: targets,
        repair: "pass the predictions of the same samples",
    })
}
