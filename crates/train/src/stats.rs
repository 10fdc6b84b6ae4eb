//! What a handful of numbers says: mean, spread, and the interval in which the true mean lies.

use crate::format;
use std::fmt;

/// Numbers that were measured again and again: over seeds, or over the parts of a cross-validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation, with `count − 1`; 0 of a single one.
    pub std: f64,
    /// Half of the interval around the mean that holds the true mean with 95 % confidence, if they are independent and normal:
    /// `t·std/√count` with Student's t of `count − 1` degrees of freedom. `None` of a single one.
    pub half_width: Option<f64>,
}

impl Spread {
    /// Of these numbers; `None` if there are none.
    ///
    /// ```
    /// use train::Spread;
    /// let spread = Spread::of([0.97, 0.98, 0.99]).unwrap();
    /// assert!((spread.mean - 0.98).abs() < 1e-12 && (spread.std - 0.01).abs() < 1e-12);
    /// // t is 4.303 for two degrees of freedom.
    /// assert!((spread.half_width.unwrap() - 4.302653 * 0.01 / 3_f64.sqrt()).abs() < 1e-7);
    /// assert_eq!(spread.to_string(), "0.9800 ± 0.0248");
    /// ```
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().collect();
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        if count == 1 {
            return Some(Self { count, mean, std: 0.0, half_width: None });
        }
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        let std = (squares / (count - 1) as f64).sqrt();
        let half_width = Some(student_t(0.95, count - 1) * std / (count as f64).sqrt());
        Some(Self { count, mean, std, half_width })
    }

    /// Both ends of the interval; the mean itself of a single number.
    pub fn interval(&self) -> (f64, f64) {
        let half = self.half_width.unwrap_or(0.0);
        (self.mean - half, self.mean + half)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format::metric(self.mean))?;
        self.half_width.map_or(Ok(()), |half| write!(f, " ± {}", format::metric(half)))
    }
}

/// The t for which Student's distribution with `degrees` has `share` of its mass between −t and t.
fn student_t(share: f64, degrees: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while within(high, degrees) < share {
        (low, high) = (high, 2.0 * high);
    }
    // To the last bit, or nearly.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if within(middle, degrees) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The mass between −t and t: a finite sum for whole degrees of freedom. Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.
fn within(t: f64, degrees: usize) -> f64 {
    let angle = libm::atan(t / (degrees as f64).sqrt());
    let (sin, cos) = (libm::sin(angle), libm::cos(angle));
    let (mut term, mut sum) = if degrees % 2 == 1 { (cos, cos) } else { (1.0, 1.0) };
    // cos + 2/3·cos³ + (2·4)/(3·5)·cos⁵ … for odd ones, 1 + 1/2·cos² + (1·3)/(2·4)·cos⁴ … for even ones.
    for k in (degrees % 2 + 2..degrees).step_by(2) {
        term *= cos * cos * (k - 1) as f64 / k as f64;
        sum += term;
    }
    match (degrees % 2, degrees) {
        (1, 1) => 2.0 * angle / std::f64::consts::PI,
        (1, _) => 2.0 * (angle + sin * sum) / std::f64::consts::PI,
        _ => sin * sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        // scipy.stats.t.ppf(0.975, n), SciPy 1.17.
        for (degrees, t) in [
            (1, 12.706204736174694),
            (2, 4.302652729749462),
            (3, 3.1824463052837078),
            (4, 2.776445105197793),
            (9, 2.262157162798204),
            (29, 2.045229642132703),
            (100, 1.983971518523552),
        ] {
            assert!(
                (student_t(0.95, degrees) - t).abs() < 1e-10 * t,
                "{degrees}: {}",
                student_t(0.95, degrees)
            );
        }
    }

    #[test]
    fn none_one_and_equal_numbers_have_what_is_defined() {
        assert_eq!(Spread::of([]), None);
        let one = Spread::of([2.0]).unwrap();
        assert_eq!(
            (one.std, one.half_width, one.interval(), one.to_string()),
            (0.0, None, (2.0, 2.0), "2.0000".into())
        );
        let same = Spread::of([3.0; 5]).unwrap();
        assert_eq!((same.mean, same.std, same.interval()), (3.0, 0.0, (3.0, 3.0)));
    }
}
