//! How well a line fits.

use crate::error::Result;
use crate::metrics::check::{check_numbers, show};
use crate::metrics::moments::Moments;
use std::fmt;

/// Pearson's correlation between predictions and targets, `cov(y, t) / (σ_y σ_t)`, from -1 to 1.
///
/// Sums are centred as they grow, so numbers far from zero lose no digits. Where all predictions or all targets are
/// equal there is none.
///
/// ```
/// use train::metrics::Pearson;
/// let mut r = Pearson::new();
/// r.update(&[1.0, 2.0, 3.0], &[30.0, 20.0, 10.0]).unwrap();
/// assert_eq!(r.value(), Some(-1.0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pearson {
    moments: Moments,
}

impl Pearson {
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
        check_numbers("pearson", predictions, targets)?;
        predictions.iter().zip(targets).for_each(|(&y, &t)| self.moments.add(y.into(), t.into()));
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.moments.merge(&other.moments);
    }

    /// The correlation, or `None` where [`undefined`](Self::undefined) says why.
    pub fn value(&self) -> Option<f64> {
        let Moments { xx, yy, xy, .. } = self.moments;
        let product = xx * yy;
        let root = if product.is_normal() { product.sqrt() } else { xx.sqrt() * yy.sqrt() };
        // Rounding may carry the quotient past its bounds.
        self.undefined().is_none().then(|| (xy / root).clamp(-1.0, 1.0))
    }

    /// Why there is no value: no samples, constant predictions or targets, or numbers whose squares are beyond the
    /// largest.
    pub fn undefined(&self) -> Option<&'static str> {
        match (self.moments.count, self.moments.xx, self.moments.yy) {
            (0, ..) => Some("no samples"),
            _ if self.moments.overflowed() => Some("numbers too large"),
            (_, _, 0.0) => Some("constant targets"),
            (_, 0.0, _) => Some("constant predictions"),
            _ => None,
        }
    }
}

impl fmt::Display for Pearson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_nothing_have_no_correlation() {
        let text = |y: &[f64], t: &[f64]| {
            let mut r = Pearson::new();
            r.update(y, t).unwrap();
            assert_eq!(r.value(), None);
            r.to_string()
        };
        assert_eq!(text(&[], &[]), "n/a (no samples)");
        assert_eq!(text(&[1.0], &[1.0]), "n/a (constant targets)");
        assert_eq!(text(&[0.1, 0.1], &[1.0, 2.0]), "n/a (constant predictions)");
        assert_eq!(text(&[1e200, -1e200], &[1.0, 2.0]), "n/a (numbers too large)");
    }

    #[test]
    fn numbers_far_from_zero_lose_no_digits() {
        let mut r = Pearson::new();
        r.update(&[0.0, 1.0, 2.0].map(|x| x + 1e9), &[0.0, 1.0, 0.5].map(|x| x - 1e9)).unwrap();
        // Exact: centred sums 2, 1/2 and 1/2. Each difference is off by 1e9 ε at most, some ten times.
        assert!((r.value().unwrap() - 0.5).abs() < 10.0 * 1e9 * f64::EPSILON, "{r}");
    }

    #[test]
    fn large_and_small_numbers_correlate_as_any() {
        for size in [1e150, 1e-150] {
            let mut r = Pearson::new();
            r.update(&[1.0, 2.0, 3.0].map(|x| x * size), &[3.0, 2.0, 1.0].map(|x| x * size)).unwrap();
            // Five roundings.
            assert!((r.value().unwrap() + 1.0).abs() < 5.0 * f64::EPSILON, "{r}");
        }
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert_eq!(
            Pearson::new().update(&[f64::INFINITY], &[0.0]).unwrap_err().to_string(),
            "[pearson] predictions must be finite; got inf at position 0; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
    }
}
