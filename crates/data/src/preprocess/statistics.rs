//! What is learnt from a column; sums in the order of the rows.

use super::Scale;
use std::collections::BTreeMap;

pub(super) fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// The quantile `q` of `x`, which is not empty, by a straight line between neighbours (NumPy's `linear`).
pub(super) fn quantile(x: &[f64], q: f64) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    of_sorted(&sorted, q)
}

fn of_sorted(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    // Weights that sum to 1: huge values of two signs do not overflow.
    if low == high { low } else { low * (1.0 - part) + high * part }
}

/// The most frequent of `x`, which is not empty; of several the smallest.
pub(super) fn most_frequent(x: &[f64]) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (mut best, mut most) = (sorted[0], 0);
    for same in sorted.chunk_by(|a, b| a == b) {
        if same.len() > most {
            (best, most) = (same[0], same.len());
        }
    }
    best
}

/// The most frequent text; of several the first in the order of the bytes.
pub(super) fn most_frequent_text(cells: &[Option<String>]) -> Option<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    cells.iter().flatten().for_each(|cell| *counts.entry(cell).or_insert(0) += 1);
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(text, _)| text.clone())
}

/// What `x` is shifted and scaled by; a scale of 0 becomes 1. `None` unless both are finite and the scale is normal.
pub(crate) fn shift_and_scale(x: &[f64], how: Scale) -> Option<(f64, f64)> {
    if how == Scale::Keep || x.is_empty() {
        return Some((0.0, 1.0));
    }
    let low = x.iter().copied().fold(f64::INFINITY, f64::min);
    let high = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (shift, scale) = match how {
        // Of a constant the mean would be off by its rounding.
        _ if low == high => (low, 0.0),
        Scale::Standard => {
            let mean = mean(x);
            let squares: f64 = x.iter().map(|x| (x - mean) * (x - mean)).sum();
            (mean, (squares / x.len() as f64).sqrt())
        }
        Scale::MinMax => (low, high - low),
        Scale::Robust => {
            let mut sorted = x.to_vec();
            sorted.sort_by(f64::total_cmp);
            (of_sorted(&sorted, 0.5), of_sorted(&sorted, 0.75) - of_sorted(&sorted, 0.25))
        }
        Scale::Keep => (0.0, 1.0),
    };
    let scale = if scale == 0.0 { 1.0 } else { scale };
    (shift.is_finite() && scale.is_normal()).then_some((shift, scale))
}
