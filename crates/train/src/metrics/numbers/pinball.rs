//! The loss whose best answer is a quantile.

use crate::error::{Error, Result};
use crate::metrics::MeanMetric;
use crate::metrics::check::{check_alike, check_numbers, mean_value};

const OP: &str = "pinball";

/// The pinball or quantile loss, `mean max(q (t - y), (q - 1)(t - y))` (R. Koenker and G. Bassett, Econometrica 46,
/// 1978).
///
/// It is least where a share `q` of the targets lies below the prediction; at 0.5 it is half the mean absolute error.
///
/// ```
/// use train::metrics::Pinball;
/// let mut loss = Pinball::new(0.75).unwrap();
/// loss.update(&[1.0, 1.0], &[3.0, 0.0]).unwrap(); // too low costs 0.75 · 2, too high 0.25 · 1
/// assert_eq!(loss.value(), Some(0.875));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pinball {
    quantile: f64,
    mean: MeanMetric,
}

mean_value!(Pinball, "samples");

impl Pinball {
    /// No samples yet, for this quantile.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless the quantile lies between 0 and 1.
    pub fn new(quantile: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&quantile) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "the quantile must lie between 0 and 1",
                got: quantile.to_string(),
                repair: "use 0.9 for the value that nine of ten targets are below",
            });
        }
        Ok(Pinball { quantile, mean: MeanMetric::new() })
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless there is one prediction for each target, [`Error::InvalidArgument`] for a
    /// number that is not finite. Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
        check_numbers(OP, predictions, targets)?;
        for (&y, &t) in predictions.iter().zip(targets) {
            let short = t.into() - y.into();
            // At least 0, also where a quantile of 0 or 1 meets a difference that is infinite.
            self.mean.add((self.quantile * short).max((self.quantile - 1.0) * short).max(0.0), 1.0);
        }
        Ok(())
    }

    /// Adds what another accumulator has seen.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless both are of the same quantile.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let (a, b) = (self.quantile, other.quantile);
        check_alike(OP, a == b, || format!("the quantiles {a} and {b}"))?;
        self.mean.merge(&other.mean);
        Ok(())
    }

    /// The quantile.
    pub fn quantile(&self) -> f64 {
        self.quantile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_costs_half_the_absolute_error() {
        let mut loss = Pinball::new(0.5).unwrap();
        assert_eq!(loss.to_string(), "n/a (no samples)");
        loss.update(&[1.0_f32, 5.0], &[2.0, 2.0]).unwrap();
        assert_eq!((loss.value(), loss.quantile()), (Some(1.0), 0.5));
    }

    #[test]
    fn wrong_quantiles_are_refused() {
        assert_eq!(
            Pinball::new(f64::NAN).unwrap_err().to_string(),
            "[pinball] the quantile must lie between 0 and 1; got NaN; \
             use 0.9 for the value that nine of ten targets are below"
        );
        assert_eq!(
            Pinball::new(0.5).unwrap().merge(&Pinball::new(0.9).unwrap()).unwrap_err().to_string(),
            "[pinball] metrics that are added must have been made alike; got the quantiles 0.5 and 0.9; \
             make both with the same settings"
        );
        assert_eq!(
            Pinball::new(0.5).unwrap().update(&[0.0], &[f64::NAN]).unwrap_err().to_string(),
            "[pinball] targets must be finite; got NaN at position 0; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
    }
}
