//! How often an interval holds its target.

use crate::error::{Error, Result};
use crate::metrics::MeanMetric;
use crate::metrics::check::{check_finite, check_lengths, mean_value};

const OP: &str = "coverage";

/// Interval coverage, the share of targets with `lower <= t <= upper`, and how wide the intervals are.
///
/// Intervals that promise nine of ten should have a coverage near 0.9; of those that do, narrow ones are better.
///
/// ```
/// use train::metrics::Coverage;
/// let mut coverage = Coverage::new();
/// coverage.update(&[0.0, 0.0], &[1.0, 3.0], &[0.5, 4.0]).unwrap();
/// assert_eq!((coverage.value(), coverage.mean_width()), (Some(0.5), Some(2.0)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Coverage {
    mean: MeanMetric,
    width: MeanMetric,
}

mean_value!(Coverage, "samples");

impl Coverage {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch: lower ends, upper ends, targets.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] unless there are as many of each, [`Error::InvalidArgument`] for a number that is not
    /// finite and for an interval that ends below its beginning. Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, lower: &[T], upper: &[T], targets: &[T]) -> Result<()> {
        for (name, ends) in [("lower ends", lower), ("upper ends", upper)] {
            let (left, right) = ((name, ends.len()), ("targets", targets.len()));
            check_lengths(OP, "there must be one interval for each target", left, right)?;
            check_finite(OP, "the ends of intervals must be finite", ends)?;
        }
        check_finite(OP, "targets must be finite", targets)?;
        if let Some(at) = lower.iter().zip(upper).position(|(&a, &b)| a.into() > b.into()) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "an interval must not end below its beginning",
                got: format!("{} to {} at position {at}", lower[at].into(), upper[at].into()),
                repair: "pass lower ends first; sort quantiles that cross",
            });
        }
        for ((&a, &b), &t) in lower.iter().zip(upper).zip(targets) {
            let (a, b, t) = (a.into(), b.into(), t.into());
            self.mean.add(f64::from(u8::from((a..=b).contains(&t))), 1.0);
            self.width.add(b - a, 1.0);
        }
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.mean.merge(&other.mean);
        self.width.merge(&other.width);
    }

    /// The mean width of the intervals, or `None` before the first sample.
    pub fn mean_width(&self) -> Option<f64> {
        self.width.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_inside() {
        let mut c = Coverage::new();
        assert_eq!(c.to_string(), "n/a (no samples)");
        c.update(&[1.0, 1.0, 1.0, 1.0], &[2.0, 2.0, 2.0, 1.0], &[1.0, 2.0, 2.5, 1.0]).unwrap();
        assert_eq!((c.value(), c.mean_width()), (Some(0.75), Some(0.75)));
    }

    #[test]
    fn crossed_and_missing_ends_are_refused() {
        let mut c = Coverage::new();
        assert_eq!(
            c.update(&[0.0, 2.0], &[1.0, 1.0], &[0.5, 0.5]).unwrap_err().to_string(),
            "[coverage] an interval must not end below its beginning; got 2 to 1 at position 1; \
             pass lower ends first; sort quantiles that cross"
        );
        assert_eq!(
            c.update(&[0.0], &[], &[0.5]).unwrap_err().to_string(),
            "[coverage] there must be one interval for each target; got 0 upper ends and 1 targets; \
             pass both of the same samples"
        );
        assert_eq!(
            c.update(&[f64::NEG_INFINITY], &[0.0], &[0.5]).unwrap_err().to_string(),
            "[coverage] the ends of intervals must be finite; got -inf at position 0; \
             lower the learning rate, or look for NaN and infinity in the inputs"
        );
        assert_eq!(c, Coverage::new());
    }
}
