//! Whether things happen as often as their probabilities say.

use crate::error::{Error, Result};
use crate::metrics::check::{check_alike, check_binary_probabilities, check_class_probabilities, show};
use std::fmt;

const OP: &str = "calibration";

/// The expected calibration error and the bins of a reliability diagram (C. Guo, G. Pleiss, Y. Sun and
/// K. Q. Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017).
///
/// Probabilities are sorted into bins of equal width, bin `i` of `m` holding `(i/m, (i+1)/m]` and the first 0 as well.
/// With the mean probability `conf(b)` and the share that came true `acc(b)` of a bin with `n_b` of `n` samples:
/// `ECE = sum_b n_b / n |acc(b) - conf(b)|`. The bins are those of scikit-learn's `calibration_curve`.
///
/// Feed it either with [`update`](Self::update), the probability of class 1 and whether it came true, or with
/// [`update_classes`](Self::update_classes), the highest probability and whether its class was right, not both.
///
/// ```
/// use train::metrics::Calibration;
/// let mut calibration = Calibration::new(10).unwrap();
/// calibration.update(&[0.75, 0.75, 0.75, 0.75], &[1, 1, 1, 0]).unwrap();
/// assert_eq!(calibration.value(), Some(0.0));
/// calibration.update(&[0.25; 4], &[0, 0, 0, 0]).unwrap();
/// assert_eq!(calibration.value(), Some(0.125));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    bins: Vec<Sums>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    count: u64,
    right: u64,
    confidence: f64,
}

/// A bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliabilityBin {
    /// The lower edge, which is not in the bin unless it is 0.
    pub lo: f64,
    /// The upper edge, which is in the bin.
    pub hi: f64,
    /// The number of samples.
    pub count: u64,
    /// The mean probability, or `None` for an empty bin.
    pub confidence: Option<f64>,
    /// The share that came true, or `None` for an empty bin.
    pub accuracy: Option<f64>,
}

impl Default for Calibration {
    /// Ten bins.
    fn default() -> Self {
        Calibration { bins: vec![Sums::default(); 10] }
    }
}

impl Calibration {
    /// No samples yet, in this many bins.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for no bin, or more than 10,000.
    pub fn new(bins: usize) -> Result<Self> {
        if !(1..=10_000).contains(&bins) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there must be 1 to 10,000 bins",
                got: bins.to_string(),
                repair: "use 10 or 15, as is usual",
            });
        }
        Ok(Calibration { bins: vec![Sums::default(); bins] })
    }

    /// Adds a batch of probabilities of class 1, with labels 0 and 1.
    ///
    /// # Errors
    /// As [`Brier::update`](crate::metrics::Brier::update). Nothing is added then.
    pub fn update<T: Copy + Into<f64>>(&mut self, probabilities: &[T], labels: &[i64]) -> Result<()> {
        check_binary_probabilities(OP, probabilities, labels)?;
        for (&p, &label) in probabilities.iter().zip(labels) {
            self.add(p.into(), label == 1);
        }
        Ok(())
    }

    /// Adds a batch of probabilities (labels, classes), row by row: the highest of each row, the first among equals,
    /// is the confidence.
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
        let chosen = crate::metrics::predictions(probabilities, classes)?;
        for ((row, label), class) in probabilities.chunks_exact(classes).zip(labels).zip(chosen) {
            let class = class as usize;
            self.add(row[class].into(), class == label);
        }
        Ok(())
    }

    fn add(&mut self, p: f64, right: bool) {
        let m = self.bins.len();
        let edge = |i: usize| i as f64 / m as f64;
        // The product may round across an edge; the edges themselves decide.
        let mut bin = ((p * m as f64) as usize).min(m - 1);
        if bin > 0 && p <= edge(bin) {
            bin -= 1;
        } else if bin + 1 < m && p > edge(bin + 1) {
            bin += 1;
        }
        let sums = &mut self.bins[bin];
        sums.count += 1;
        sums.right += u64::from(right);
        sums.confidence += p;
    }

    /// Adds what another accumulator has seen.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless both have the same number of bins.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let (a, b) = (self.bins.len(), other.bins.len());
        check_alike(OP, a == b, || format!("{a} bins and {b} bins"))?;
        for (a, b) in self.bins.iter_mut().zip(&other.bins) {
            a.count += b.count;
            a.right += b.right;
            a.confidence += b.confidence;
        }
        Ok(())
    }

    /// The number of samples.
    pub fn count(&self) -> u64 {
        self.bins.iter().map(|b| b.count).sum()
    }

    /// The bins, from 0 to 1.
    ///
    /// ```
    /// let mut calibration = train::metrics::Calibration::new(4).unwrap();
    /// calibration.update(&[0.5, 0.25], &[1, 0]).unwrap();
    /// let bins = calibration.bins();
    /// assert_eq!((bins[0].count, bins[1].count, bins[2].count), (1, 1, 0));
    /// assert_eq!((bins[1].confidence, bins[1].accuracy), (Some(0.5), Some(1.0)));
    /// assert_eq!(bins[2].accuracy, None);
    /// ```
    pub fn bins(&self) -> Vec<ReliabilityBin> {
        let m = self.bins.len() as f64;
        let bin = |(i, b): (usize, &Sums)| {
            let share = |x: f64| (b.count > 0).then(|| x / b.count as f64);
            ReliabilityBin {
                lo: i as f64 / m,
                hi: (i + 1) as f64 / m,
                count: b.count,
                confidence: share(b.confidence),
                accuracy: share(b.right as f64),
            }
        };
        self.bins.iter().enumerate().map(bin).collect()
    }

    /// The expected calibration error, or `None` before the first sample.
    pub fn value(&self) -> Option<f64> {
        let count = self.count();
        // n_b |acc - conf| is the gap between the sums.
        let gaps: f64 = self.bins.iter().map(|b| (b.right as f64 - b.confidence).abs()).sum();
        (count > 0).then(|| gaps / count as f64)
    }

    /// The largest gap of a bin, `max_b |acc(b) - conf(b)|`, or `None` before the first sample.
    pub fn max_error(&self) -> Option<f64> {
        let gaps = self.bins.iter().filter(|b| b.count > 0);
        gaps.map(|b| (b.right as f64 - b.confidence).abs() / b.count as f64).reduce(f64::max)
    }

    /// Why there is no value: no samples.
    pub fn undefined(&self) -> Option<&'static str> {
        (self.count() == 0).then_some("no samples")
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_belongs_to_the_bin_below_it() {
        for m in [1, 3, 7, 10, 49, 100] {
            let mut c = Calibration::new(m).unwrap();
            let edges: Vec<f64> = (0..=m).map(|i| i as f64 / m as f64).collect();
            c.update(&edges, &vec![1; m + 1]).unwrap();
            let counts: Vec<u64> = c.bins().iter().map(|b| b.count).collect();
            assert_eq!((counts[0], counts[1..].iter().all(|&n| n == 1)), (2, true), "{m}: {counts:?}");
        }
    }

    #[test]
    fn the_confidence_of_classes_is_their_highest_probability() {
        let mut c = Calibration::default();
        c.update_classes(&[0.5, 0.5, 0.0, 0.1, 0.2, 0.7], 3, &[0, 1]).unwrap();
        let bins = c.bins();
        assert_eq!((bins[4].accuracy, bins[6].accuracy), (Some(1.0), Some(0.0)));
        assert_eq!((c.value(), c.max_error()), (Some(0.6), Some(0.7)));
    }

    #[test]
    fn nothing_seen_is_not_available() {
        let c = Calibration::default();
        assert_eq!((c.value(), c.max_error(), c.to_string()), (None, None, "n/a (no samples)".into()));
    }

    #[test]
    fn bins_that_differ_and_logits_are_refused() {
        let mut c = Calibration::new(5).unwrap();
        assert_eq!(
            Calibration::new(0).unwrap_err().to_string(),
            "[calibration] there must be 1 to 10,000 bins; got 0; use 10 or 15, as is usual"
        );
        assert_eq!(
            c.merge(&Calibration::default()).unwrap_err().to_string(),
            "[calibration] metrics that are added must have been made alike; got 5 bins and 10 bins; \
             make both with the same settings"
        );
        assert_eq!(
            c.update(&[-2.0], &[0]).unwrap_err().to_string(),
            "[calibration] probabilities must lie between 0 and 1; got -2 at position 0; \
             pass what a sigmoid or a softmax gives, not the logits before it"
        );
        assert_eq!(c.count(), 0);
    }
}
