//! How well the order fits.

use crate::error::Result;
use crate::metrics::check::{check_numbers, show};
use std::fmt;

/// Spearman's rank correlation, Pearson's correlation between the ranks of predictions and of targets (C. Spearman,
/// American Journal of Psychology 15, 1904); equal numbers share the mean of their ranks.
///
/// It keeps all numbers, 16 bytes for each sample. The sums are of whole numbers, so neither the order of the samples
/// nor a transformation that keeps the order of the numbers changes a bit.
///
/// ```
/// use train::metrics::Spearman;
/// let mut rho = Spearman::new();
/// rho.update(&[1.0, 10.0, 100.0], &[0.1, 0.2, 0.3]).unwrap();
/// assert_eq!(rho.value(), Some(1.0));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spearman {
    predictions: Vec<f64>,
    targets: Vec<f64>,
}

impl Spearman {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there is one prediction for each target,
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a number that is not finite. Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
        check_numbers("spearman", predictions, targets)?;
        self.predictions.extend(predictions.iter().map(|&y| y.into()));
        self.targets.extend(targets.iter().map(|&t| t.into()));
        Ok(())
    }

    /// Adds the samples of another.
    pub fn merge(&mut self, other: &Self) {
        self.predictions.extend(&other.predictions);
        self.targets.extend(&other.targets);
    }

    /// The correlation, or `None` where [`undefined`](Self::undefined) says why.
    pub fn value(&self) -> Option<f64> {
        if self.undefined().is_some() {
            return None;
        }
        let (a, b) = (twice_ranks(&self.predictions), twice_ranks(&self.targets));
        // Ranks have the mean (n + 1) / 2, which is n + 1 when doubled.
        let middle = self.predictions.len() as i128 + 1;
        let sum = |x: &[i128], y: &[i128]| -> i128 {
            x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum()
        };
        let (aa, bb, ab) = (sum(&a, &a) as f64, sum(&b, &b) as f64, sum(&a, &b) as f64);
        // The root of a square is exact, so that one order without ties has exactly 1.
        Some((ab / (aa * bb).sqrt()).clamp(-1.0, 1.0))
    }

    /// Why there is no value: no samples, or constant predictions or targets.
    pub fn undefined(&self) -> Option<&'static str> {
        let constant = |x: &[f64]| x.iter().all(|v| *v == x[0]);
        if self.targets.is_empty() {
            Some("no samples")
        } else if constant(&self.targets) {
            Some("constant targets")
        } else {
            constant(&self.predictions).then_some("constant predictions")
        }
    }
}

/// Twice the rank of each number, from 1, equal ones sharing their mean rank: whole numbers.
fn twice_ranks(values: &[f64]) -> Vec<i128> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        // Ranks before + 1 to before + equal.len().
        equal.iter().for_each(|&i| ranks[i] = (2 * before + equal.len() + 1) as i128);
        before += equal.len();
    }
    ranks
}

impl fmt::Display for Spearman {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_share_their_mean_rank() {
        assert_eq!(twice_ranks(&[3.0, 1.0, 3.0, 0.0, -0.0]), [9, 6, 9, 3, 3]);
    }

    #[test]
    fn constants_and_nothing_have_no_correlation() {
        let text = |y: &[f64], t: &[f64]| {
            let mut rho = Spearman::new();
            rho.update(y, t).unwrap();
            assert_eq!(rho.value(), None);
            rho.to_string()
        };
        assert_eq!(text(&[], &[]), "n/a (no samples)");
        assert_eq!(text(&[1.0, 2.0], &[7.0, 7.0]), "n/a (constant targets)");
        assert_eq!(text(&[7.0, 7.0], &[1.0, 2.0]), "n/a (constant predictions)");
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert_eq!(
            Spearman::new().update(&[0.0], &[f64::NAN]).unwrap_err().to_string(),
            "[spearman] targets must be finite; got NaN at position 0; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
    }
}
