//! Dividing rows that are in the order of time, so that nothing is trained on what comes later.

use super::Split;
use crate::error::{Error, Result};

/// How [`k_folds_time`] divides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeFolds {
    /// Splits.
    pub folds: usize,
    /// Rows of each validation part; `None`: `n / (folds + 1)`.
    pub validation: Option<usize>,
    /// Rows left out between training and validation, whose features may know what is validated on.
    pub gap: usize,
    /// Most rows of a training part, the latest ones; `None`: all that came before.
    pub max_train: Option<usize>,
}

/// Five folds, no gap, all that came before.
impl Default for TimeFolds {
    fn default() -> Self {
        Self { folds: 5, validation: None, gap: 0, max_train: None }
    }
}

/// Divides rows `0..n`, the earliest first, into splits whose validation parts follow each other up to the last row,
/// each with the rows before it, less the gap, as training part. No seed: time has one order.
///
/// ```
/// let config = data::TimeFolds { folds: 2, gap: 1, ..Default::default() };
/// let splits = data::k_folds_time(6, config)?;
/// assert_eq!((&splits[0].train[..], &splits[0].validation[..]), (&[0][..], &[2, 3][..]));
/// assert_eq!((&splits[1].train[..], &splits[1].validation[..]), (&[0, 1, 2][..], &[4, 5][..]));
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// No folds; a validation part or a `max_train` of 0; too few rows for all validation parts, the gap and one row to
/// train on.
///
/// scikit-learn's `TimeSeriesSplit`, which also allows a single fold here.
pub fn k_folds_time(n: usize, config: TimeFolds) -> Result<Vec<Split>> {
    let TimeFolds { folds, validation, gap, max_train } = config;
    let op = "k_folds_time";
    if folds == 0 || validation == Some(0) || max_train == Some(0) {
        return Err(Error::InvalidArgument {
            op,
            rule: "there must be folds, and rows in their parts",
            got: format!("{config:?}"),
            repair: "use at least 1 for each",
        });
    }
    let size = validation.unwrap_or(n / folds.saturating_add(1));
    // Where the first validation part begins; its training part must have a row.
    let first = folds.checked_mul(size).and_then(|all| n.checked_sub(all));
    let Some(first) = first.filter(|&first| size > 0 && first > gap) else {
        return Err(Error::InvalidArgument {
            op,
            rule: "there must be rows for all validation parts, the gap, and training before them",
            got: format!("{n} rows for {folds} parts of {size} and a gap of {gap}"),
            repair: "use fewer folds, smaller parts or a smaller gap",
        });
    };
    Ok((0..folds)
        .map(|fold| {
            let begin = first + fold * size;
            let end = begin - gap;
            let from = end.saturating_sub(max_train.unwrap_or(end));
            Split {
                train: (from..end).collect(),
                validation: (begin..begin + size).collect(),
                test: Vec::new(),
            }
        })
        .collect())
}
