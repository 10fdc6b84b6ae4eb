//! How many values lie where.

use super::refuse;
use super::wire::Message;
use crate::error::Result;
use tensor::{DType, Tensor};

/// Most buckets of [`Bins::Even`].
const MOST: usize = 1 << 16;

/// Where the buckets of a [`Histogram`] lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bins {
    /// The same for all data: 0, ±10⁻¹²·1.1ⁱ up to 10²⁰, and the largest numbers; 10 % wide, so that gradients and
    /// weights of every size show. It is what TensorFlow writes, and what PyTorch calls `tensorflow`.
    #[default]
    Exponential,
    /// So many of one width from the least value to the greatest, 1 to 65536: for values far from zero that differ by
    /// less than 10 %.
    Even(usize),
}

/// How many of some finite values lie where, with their sum and the sum of their squares.
///
/// ```
/// use train::events::{Bins, Histogram};
///
/// let h = Histogram::new(&[0.0, 1.0, 1.5, 4.0], Bins::Even(4))?;
/// assert_eq!(h.limits(), [1.0, 2.0, 3.0, 4.0]);
/// assert_eq!(h.counts(), [1.0, 2.0, 0.0, 1.0]);
/// # Ok::<(), train::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    min: f64,
    max: f64,
    num: f64,
    sum: f64,
    sum_squares: f64,
    limits: Vec<f64>,
    counts: Vec<f64>,
}

impl Histogram {
    /// Counts values. Sums are taken in the order of the values and are infinite where they exceed `f64`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::Error::InvalidArgument) for no values, for one that is not finite, and for a number
    /// of buckets outside 1 to 65536.
    pub fn new<T: Copy + Into<f64>>(values: &[T], bins: Bins) -> Result<Self> {
        if values.is_empty() {
            let repair = "leave the histogram out";
            return refuse("a histogram must be of at least one value", "none", repair);
        }
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut sum, mut sum_squares) = (0.0, 0.0);
        for (i, &x) in values.iter().enumerate() {
            let x: f64 = x.into();
            if !x.is_finite() {
                let got = format!("{x} at position {i}");
                return refuse(
                    "values of a histogram must be finite",
                    got,
                    "look for what diverged, or leave such values out",
                );
            }
            (min, max) = (min.min(x), max.max(x));
            (sum, sum_squares) = (sum + x, sum_squares + x * x);
        }
        let edges = match bins {
            Bins::Exponential => exponential(),
            Bins::Even(n) if (1..=MOST).contains(&n) => even(min, max, n),
            Bins::Even(n) => {
                return refuse("there must be 1 to 65536 buckets", n, "30 is what TensorBoard draws");
            }
        };
        let (limits, counts) = count(values, &edges);
        Ok(Histogram { min, max, num: values.len() as f64, sum, sum_squares, limits, counts })
    }

    /// Counts the elements of a tensor of any shape and type, each as an `f64`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_tensor(values: &Tensor, bins: Bins) -> Result<Self> {
        match values.as_slice::<f32>() {
            Some(x) => Self::new(x, bins),
            None => Self::new(&values.to_dtype(DType::F64)?.to_vec::<f64>()?, bins),
        }
    }

    /// The right ends of the buckets. The first bucket begins with the least value, each other where the one before
    /// it ends. It holds what it begins with but not what it ends with; only the last may hold both. (PyTorch puts an
    /// empty bucket in front, of which a loader of TensorBoard's makes one that runs backwards.)
    pub fn limits(&self) -> &[f64] {
        &self.limits
    }

    /// How many values each bucket holds. Neither the first nor the last is empty.
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// `HistogramProto`: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7.
    pub(super) fn message(&self) -> Message {
        Message::new()
            .double(1, self.min)
            .double(2, self.max)
            .double(3, self.num)
            .double(4, self.sum)
            .double(5, self.sum_squares)
            .doubles(6, &self.limits)
            .doubles(7, &self.counts)
    }
}

fn exponential() -> Vec<f64> {
    let mut above: Vec<f64> =
        std::iter::successors(Some(1e-12), |v| Some(v * 1.1)).take_while(|&v| v < 1e20).collect();
    above.push(f64::MAX);
    let below = above.iter().rev().map(|v| -v);
    below.chain([0.0]).chain(above.iter().copied()).collect()
}

fn even(min: f64, max: f64, n: usize) -> Vec<f64> {
    // Parts of the two ends, so that the range of the largest numbers does not overflow.
    let edge = |i: usize| {
        let part = i as f64 / n as f64;
        min * (1.0 - part) + max * part
    };
    // Rounding must not put an edge before its left neighbour, nor the last before the greatest value.
    let mut last = min;
    let mut edges = vec![min];
    edges.extend((1..n).map(|i| {
        last = edge(i).clamp(last, max);
        last
    }));
    edges.push(max);
    edges
}

/// Limits and counts of the buckets between ascending edges, from the first that holds a value to the last.
fn count<T: Copy + Into<f64>>(values: &[T], edges: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let buckets = edges.len() - 1;
    let mut counts = vec![0u64; buckets];
    for &x in values {
        let x: f64 = x.into();
        let at = edges.partition_point(|&edge| edge <= x);
        counts[at.clamp(1, buckets) - 1] += 1;
    }
    let invariant = "invariant: there is a value, and every value was counted";
    let first = counts.iter().position(|&c| c > 0).expect(invariant);
    let last = counts.iter().rposition(|&c| c > 0).expect(invariant);
    let held = counts[first..=last].iter().map(|&c| c as f64);
    (edges[first + 1..=last + 1].to_vec(), held.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            -1e3..1e3f64,
            -1e-11..1e-11f64,
            prop::num::f64::NORMAL,
            prop::num::f64::SUBNORMAL,
            Just(0.0),
            Just(-0.0),
            Just(f64::MAX),
            Just(f64::MIN),
            Just(1e-12)
        ]
    }

    fn bins() -> impl Strategy<Value = Bins> {
        prop_oneof![Just(Bins::Exponential), (1..40usize).prop_map(Bins::Even)]
    }

    proptest! {
        #[test]
        fn every_value_is_counted_once_between_its_limits(
            values in prop::collection::vec(finite(), 1..40),
            bins in bins(),
        ) {
            let h = Histogram::new(&values, bins).unwrap();
            let (limits, counts) = (h.limits(), h.counts());
            prop_assert_eq!(limits.len(), counts.len());
            prop_assert!(limits.is_sorted() && limits.iter().all(|l| l.is_finite()));
            prop_assert!(counts[0] > 0.0 && counts[counts.len() - 1] > 0.0);
            prop_assert_eq!(counts.iter().sum::<f64>(), values.len() as f64);
            let min = values.iter().copied().fold(f64::INFINITY, f64::min);
            for i in 0..limits.len() {
                // Of equal edges the last holds the value, and the very last bucket is closed.
                let (left, last) = (if i == 0 { min } else { limits[i - 1] }, i == limits.len() - 1);
                let inside = |&&x: &&f64| left <= x && (x < limits[i] || last && x == limits[i]);
                prop_assert_eq!(values.iter().filter(inside).count() as f64, counts[i], "bucket {}", i);
            }
        }
    }

    #[test]
    fn exponential_limits_are_a_tenth_apart_and_symmetric_about_zero() {
        let edges = exponential();
        // ln(10³²)/ln(1.1) = 773.1, so 774 powers on each side, with zero and the two largest numbers.
        assert_eq!(edges.len(), 2 * 775 + 1);
        assert!(edges.is_sorted_by(|a, b| a < b));
        assert!(edges.iter().zip(edges.iter().rev()).all(|(a, b)| *a == -b));
        assert_eq!(edges[775..777], [0.0, 1e-12]);
        // A product and a quotient, each rounded once.
        assert!(
            edges[776..1550].windows(2).all(|pair| (pair[1] / pair[0] - 1.1).abs() <= 2.0 * f64::EPSILON)
        );
    }

    #[test]
    fn sums_and_ends_are_those_of_the_values() {
        let h = Histogram::new(&[3.0f32, -1.0, 0.5], Bins::Exponential).unwrap();
        assert_eq!((h.min, h.max, h.num, h.sum, h.sum_squares), (-1.0, 3.0, 3.0, 2.5, 10.25));
        let h = Histogram::new(&[5u8; 4], Bins::Even(7)).unwrap();
        assert_eq!((h.limits(), h.counts()), (&[5.0][..], &[4.0][..]));
        let h = Histogram::new(&[f64::MAX, f64::MIN], Bins::Even(2)).unwrap();
        assert_eq!((h.limits(), h.counts()), (&[0.0, f64::MAX][..], &[1.0, 1.0][..]));
        assert_eq!((h.sum, h.sum_squares), (0.0, f64::INFINITY));
    }

    #[test]
    fn tensors_of_every_type_and_layout_count_alike() {
        let whole = Tensor::from_vec(vec![0.0f32, 1.0, 1.0, 0.0, 1.0, 1.0], [2, 3]).unwrap();
        let wanted = Histogram::new(&[0.0, 1.0, 1.0, 0.0, 1.0, 1.0], Bins::Exponential).unwrap();
        for dtype in DType::ALL {
            let x = whole.to_dtype(dtype).unwrap();
            assert_eq!(Histogram::of_tensor(&x, Bins::Exponential).unwrap(), wanted, "{dtype}");
            let turned = x.transpose(0, 1).unwrap();
            assert_eq!(Histogram::of_tensor(&turned, Bins::Exponential).unwrap(), wanted, "{dtype}");
        }
    }

    #[test]
    fn nothing_and_values_that_are_not_finite_are_refused() {
        let text = |values: &[f64], bins| Histogram::new(values, bins).unwrap_err().to_string();
        assert_eq!(
            text(&[], Bins::Exponential),
            "[events] a histogram must be of at least one value; got none; leave the histogram out"
        );
        for (x, name) in [(f64::NAN, "NaN"), (f64::NEG_INFINITY, "-inf")] {
            assert_eq!(
                text(&[1.0, x], Bins::Exponential),
                format!(
                    "[events] values of a histogram must be finite; got {name} at position 1; \
                     look for what diverged, or leave such values out"
                )
            );
        }
        for n in [0, MOST + 1] {
            assert_eq!(
                text(&[1.0], Bins::Even(n)),
                format!("[events] there must be 1 to 65536 buckets; got {n}; 30 is what TensorBoard draws")
            );
        }
    }
}
