//! The weighted mean of a value, such as the loss of a batch weighted by its samples.

use crate::format;
use std::fmt;

/// `sum(w_i x_i) / sum(w_i)` over everything that was added, in `f64` and in order.
///
/// A not-a-number that is added stays visible in the value: a loss that diverged must not look like a mean.
///
/// ```
/// use train::metrics::MeanMetric;
/// let mut loss = MeanMetric::new();
/// assert_eq!(loss.value(), None);
/// loss.add(1.0, 64.0);
/// loss.add(4.0, 32.0);
/// assert_eq!(loss.value(), Some(2.0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MeanMetric {
    sum: f64,
    weight: f64,
}

impl MeanMetric {
    pub(crate) fn state(&self) -> [f64; 2] {
        [self.sum, self.weight]
    }

    pub(crate) fn of_state([sum, weight]: [f64; 2]) -> Self {
        Self { sum, weight }
    }

    /// A mean of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value that stands for `weight` samples; a weight that is zero, negative or not-a-number adds nothing.
    pub fn add(&mut self, value: f64, weight: f64) {
        if weight > 0.0 {
            self.sum += weight * value;
            self.weight += weight;
        }
    }

    /// Adds each value with weight 1.
    ///
    /// ```
    /// let mut m = train::metrics::MeanMetric::new();
    /// m.extend(&[1.0_f32, 2.0, 6.0]);
    /// assert_eq!(m.value(), Some(3.0));
    /// ```
    pub fn extend<T: Copy + Into<f64>>(&mut self, values: &[T]) {
        values.iter().for_each(|&v| self.add(v.into(), 1.0));
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.weight += other.weight;
    }

    /// The mean, or `None` before anything was added.
    pub fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    /// The sum of the weights.
    pub fn weight(&self) -> f64 {
        self.weight
    }
}

impl fmt::Display for MeanMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format::optional(self.value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_mean_is_not_available() {
        let mut m = MeanMetric::new();
        assert_eq!((m.value(), m.to_string()), (None, "n/a".into()));
        m.add(5.0, 0.0);
        m.add(5.0, f64::NAN);
        m.add(5.0, -1.0);
        assert_eq!((m.value(), m.weight()), (None, 0.0));
    }

    #[test]
    fn batches_of_different_sizes_count_by_their_samples() {
        let mut whole = MeanMetric::new();
        whole.extend(&[1.0, 2.0, 3.0, 10.0]);
        let mut batches = MeanMetric::new();
        batches.add(2.0, 3.0);
        let mut last = MeanMetric::new();
        last.add(10.0, 1.0);
        batches.merge(&last);
        assert_eq!(whole.value(), Some(4.0));
        assert_eq!(batches, whole);
    }

    #[test]
    fn a_diverged_value_stays_visible() {
        let mut m = MeanMetric::new();
        m.extend(&[1.0, f64::NAN]);
        assert!(m.value().unwrap().is_nan());
        assert_eq!(m.to_string(), "NaN");
    }
}
