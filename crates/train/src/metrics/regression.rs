//! How far numbers are from their targets: MAE, MSE and RMSE, R².

use super::{MeanMetric, check_pairs};
use crate::error::Result;
use crate::format;
use std::fmt;

/// Mean absolute error, `mean |y - t|`.
///
/// ```
/// use train::metrics::Mae;
/// let mut mae = Mae::new();
/// mae.update(&[1.0_f32, 2.0], &[2.0_f32, 4.0]).unwrap();
/// assert_eq!(mae.value(), Some(1.5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mae(MeanMetric);

/// Mean squared error, `mean (y - t)²`, and its root.
///
/// ```
/// use train::metrics::Mse;
/// let mut mse = Mse::new();
/// mse.update(&[3.0], &[0.0]).unwrap();
/// assert_eq!((mse.value(), mse.rmse()), (Some(9.0), Some(3.0)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mse(MeanMetric);

impl Mae {
    pub(crate) fn state(&self) -> [f64; 2] {
        self.0.state()
    }

    pub(crate) fn of_state(state: [f64; 2]) -> Self {
        Self(MeanMetric::of_state(state))
    }
}

macro_rules! mean_of_errors {
    ($name:ident, $op:literal, |$d:ident| $error:expr) => {
        impl $name {
            /// No samples yet.
            pub fn new() -> Self {
                Self::default()
            }

            /// Adds a batch.
            ///
            /// # Errors
            /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there is one prediction for each target.
            pub fn update<T: Copy + Into<f64>>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
                check_pairs($op, predictions.len(), ("targets", targets.len()))?;
                for (&y, &t) in predictions.iter().zip(targets) {
                    let $d: f64 = y.into() - t.into();
                    self.0.add($error, 1.0);
                }
                Ok(())
            }

            /// Adds what another accumulator has seen.
            pub fn merge(&mut self, other: &Self) {
                self.0.merge(&other.0);
            }

            /// The mean, or `None` before the first sample.
            pub fn value(&self) -> Option<f64> {
                self.0.value()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

mean_of_errors!(Mae, "mae", |d| d.abs());
mean_of_errors!(Mse, "mse", |d| d * d);

impl Mse {
    /// The root of the mean squared error, in the unit of the targets.
    pub fn rmse(&self) -> Option<f64> {
        self.value().map(f64::sqrt)
    }
}

/// The coefficient of determination, `R² = 1 - sum (y - t)² / sum (t - mean t)²`.
///
/// The spread of the targets is accumulated by Welford's update (B. P. Welford, Technometrics 4, 1962) and merged
/// by Chan, Golub and LeVeque's formula, so targets far from zero lose no digits. Constant targets have no spread
/// to explain: the value is then undefined and prints as `n/a (constant targets)`, even if every prediction is
/// right. Differs from scikit-learn in that: it returns 1 or 0 there.
///
/// ```
/// use train::metrics::R2;
/// let mut r2 = R2::new();
/// r2.update(&[1.0, 2.0, 4.0], &[1.0, 2.0, 3.0]).unwrap();
/// assert_eq!(r2.value(), Some(0.5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct R2 {
    count: u64,
    mean: f64,
    spread: f64,
    residual: f64,
}

impl R2 {
    pub(crate) fn state(&self) -> [f64; 4] {
        [self.count as f64, self.mean, self.spread, self.residual]
    }

    pub(crate) fn of_state([count, mean, spread, residual]: [f64; 4]) -> Self {
        Self { count: count as u64, mean, spread, residual }
    }

    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there is one prediction for each target.
    pub fn update<T: Copy + Into<f64>>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
        check_pairs("r2", predictions.len(), ("targets", targets.len()))?;
        for (&y, &t) in predictions.iter().zip(targets) {
            let (y, t): (f64, f64) = (y.into(), t.into());
            self.count += 1;
            let before = t - self.mean;
            self.mean += before / self.count as f64;
            self.spread += before * (t - self.mean);
            self.residual += (y - t) * (y - t);
        }
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (n, m) = (self.count as f64, other.count as f64);
        let gap = other.mean - self.mean;
        self.count += other.count;
        self.mean += gap * (m / (n + m));
        self.spread += other.spread + gap * gap * (n * m / (n + m));
        self.residual += other.residual;
    }

    /// The value, or `None` where [`R2::undefined`] says why.
    pub fn value(&self) -> Option<f64> {
        self.undefined().is_none().then(|| 1.0 - self.residual / self.spread)
    }

    /// Why there is no value: no samples, or constant targets.
    ///
    /// ```
    /// use train::metrics::R2;
    /// let mut r2 = R2::new();
    /// assert_eq!(r2.to_string(), "n/a (no samples)");
    /// r2.update(&[1.0, 2.0], &[5.0, 5.0]).unwrap();
    /// assert_eq!(r2.undefined(), Some("constant targets"));
    /// ```
    pub fn undefined(&self) -> Option<&'static str> {
        match (self.count, self.spread) {
            (0, _) => Some("no samples"),
            (_, 0.0) => Some("constant targets"),
            _ => None,
        }
    }
}

impl fmt::Display for R2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.undefined() {
            Some(why) => f.pad(&format!("n/a ({why})")),
            None => f.pad(&format::optional(self.value())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_samples_are_not_available() {
        let (mae, mse, r2) = (Mae::new(), Mse::new(), R2::new());
        assert_eq!((mae.value(), mse.value(), mse.rmse(), r2.value()), (None, None, None, None));
        assert_eq!((mae.to_string(), mse.to_string()), ("n/a".into(), "n/a".into()));
    }

    #[test]
    fn constant_targets_have_no_r2_even_when_every_prediction_is_right() {
        let mut r2 = R2::new();
        r2.update(&[0.1_f32; 7], &[0.1_f32; 7]).unwrap();
        assert_eq!((r2.value(), r2.to_string()), (None, "n/a (constant targets)".into()));
    }

    #[test]
    fn r2_of_the_mean_is_zero_and_worse_is_negative() {
        let targets = [1.0, 2.0, 3.0, 6.0];
        let mut r2 = R2::new();
        r2.update(&[3.0; 4], &targets).unwrap();
        assert_eq!(r2.value(), Some(0.0));
        let mut worse = R2::new();
        worse.update(&[-3.0; 4], &targets).unwrap();
        assert!(worse.value().unwrap() < 0.0);
    }

    #[test]
    fn targets_far_from_zero_lose_no_digits() {
        // The exact spread of 0, 1, 2, 3 is 5, at any offset; a sum of squares would lose it all at 1e9.
        let targets = [0.0, 1.0, 2.0, 3.0].map(|t| t + 1e9);
        let mut r2 = R2::new();
        r2.update(&targets.map(|t| t + 1.0), &targets).unwrap();
        // k = 8 roundings, each at most eps * 1e9 absolute in a difference of size 1.
        let bound = 8.0 * f64::EPSILON * 1e9;
        assert!((r2.value().unwrap() - (1.0 - 4.0 / 5.0)).abs() < bound, "{r2}");
    }

    #[test]
    fn merged_parts_equal_the_whole() {
        let y: Vec<f64> = (0..100).map(|i| f64::from(i * 31 % 17)).collect();
        let t: Vec<f64> = (0..100).map(|i| f64::from(i * 13 % 29)).collect();
        let mut whole = R2::new();
        whole.update(&y, &t).unwrap();
        let mut merged = R2::new();
        for at in [0..1, 1..40, 40..100] {
            let mut part = R2::new();
            part.update(&y[at.clone()], &t[at]).unwrap();
            merged.merge(&part);
        }
        merged.merge(&R2::new());
        // About 300 roundings of sums that are at most 1e5 in relative terms of each other.
        let (a, b) = (whole.value().unwrap(), merged.value().unwrap());
        assert!((a - b).abs() <= 300.0 * f64::EPSILON * a.abs(), "{a} {b}");
        let mut mse = Mse::new();
        mse.update(&y[..50], &t[..50]).unwrap();
        let mut rest = Mse::new();
        rest.update(&y[50..], &t[50..]).unwrap();
        mse.merge(&rest);
        let mut at_once = Mse::new();
        at_once.update(&y, &t).unwrap();
        assert_eq!(mse, at_once);
    }

    #[test]
    fn lists_of_different_length_are_refused_by_name() {
        let wanted = |op: &str| {
            format!(
                "[{op}] there must be one prediction for each target; got 2 predictions and 1 targets; \
                 pass the predictions of the same samples"
            )
        };
        assert_eq!(Mae::new().update(&[1.0, 2.0], &[1.0]).unwrap_err().to_string(), wanted("mae"));
        assert_eq!(Mse::new().update(&[1.0, 2.0], &[1.0]).unwrap_err().to_string(), wanted("mse"));
        assert_eq!(R2::new().update(&[1.0, 2.0], &[1.0]).unwrap_err().to_string(), wanted("r2"));
    }
}
