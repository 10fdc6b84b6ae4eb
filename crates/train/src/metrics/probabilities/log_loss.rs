//! The log loss: the mean surprise at the labels.

use crate::error::Result;
use crate::metrics::MeanMetric;
use crate::metrics::check::{check_binary_probabilities, check_class_probabilities, mean_of};

const OP: &str = "log_loss";

/// The log loss or cross-entropy in nats, `mean -ln p(label)`; 0 is best.
///
/// Probabilities are first moved into `[ε, 1 - ε]` with ε = 2⁻⁵², as scikit-learn does with double precision, so that
/// one certain mistake costs 36 nats and not everything. Single precision is widened first, and so has the same ε;
/// scikit-learn takes that of the type.
///
/// ```
/// use train::metrics::LogLoss;
/// let mut loss = LogLoss::new();
/// loss.update(&[0.5, 0.75], &[1, 0]).unwrap();
/// let wanted = 1.5 * std::f64::consts::LN_2; // (ln 2 + ln 4) / 2
/// assert!((loss.value().unwrap() - wanted).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LogLoss {
    mean: MeanMetric,
}

mean_of!(LogLoss, "samples");

impl LogLoss {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch of probabilities of class 1, with labels 0 and 1.
    ///
    /// # Errors
    /// As [`Brier::update`](crate::metrics::Brier::update). Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, probabilities: &[T], labels: &[i64]) -> Result<()> {
        check_binary_probabilities(OP, probabilities, labels)?;
        for (&p, &label) in probabilities.iter().zip(labels) {
            let p = p.into();
            self.add(if label == 1 { p } else { 1.0 - p });
        }
        Ok(())
    }

    /// Adds a batch of probabilities (labels, classes), row by row.
    ///
    /// # Errors
    /// As [`Brier::update_classes`](crate::metrics::Brier::update_classes). Nothing is added then.
    pub fn update_classes<T: Copy + Into<f64>>(
        &mut self,
        probabilities: &[T],
        classes: usize,
        labels: &[i64],
    ) -> Result<()> {
        let labels = check_class_probabilities(OP, probabilities, classes, labels)?;
        for (row, label) in probabilities.chunks_exact(classes).zip(labels) {
            self.add(row[label].into());
        }
        Ok(())
    }

    fn add(&mut self, p: f64) {
        self.mean.add(-libm::log(p.clamp(f64::EPSILON, 1.0 - f64::EPSILON)), 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certain_mistake_is_finite() {
        let mut loss = LogLoss::new();
        loss.update(&[1.0_f32], &[0]).unwrap();
        // -ln 2^-52
        let wanted = 52.0 * std::f64::consts::LN_2;
        assert!((loss.value().unwrap() - wanted).abs() < 4.0 * f64::EPSILON * wanted, "{loss}");
    }

    #[test]
    fn one_column_and_two_are_the_same() {
        let p = [0.25, 0.5, 0.875];
        let (mut one, mut two) = (LogLoss::new(), LogLoss::new());
        one.update(&p, &[0, 1, 1]).unwrap();
        two.update_classes(&p.map(|p| [1.0 - p, p]).concat(), 2, &[0, 1, 1]).unwrap();
        assert_eq!(one, two);
    }

    #[test]
    fn logits_and_odd_labels_are_refused() {
        let mut loss = LogLoss::new();
        assert_eq!(
            loss.update_classes(&[0.5, -0.1, 0.6], 3, &[0]).unwrap_err().to_string(),
            "[log_loss] probabilities must lie between 0 and 1; got -0.1 at position 1; \
             pass what a sigmoid or a softmax gives, not the logits before it"
        );
        assert_eq!(
            loss.update_classes(&[0.5, 0.5], 2, &[2]).unwrap_err().to_string(),
            "[log_loss] a label must lie in 0..2; got 2 at position 0; check the labels or the number of classes"
        );
        assert_eq!(
            loss.update_classes(&[0.5, 0.5], 2, &[0, 1]).unwrap_err().to_string(),
            "[log_loss] scores must be one row of all classes for each label; got 2 scores for 2 labels of 2 classes; \
             pass the model's whole output, row by row, and its number of classes"
        );
        assert_eq!(loss.to_string(), "n/a (no samples)");
    }
}
