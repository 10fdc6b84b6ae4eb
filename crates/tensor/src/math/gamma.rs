//! The derivatives of ln Γ: digamma ψ and polygamma ψ⁽ⁿ⁾.
//!
//! Source: M. Abramowitz, I. Stegun, *Handbook of Mathematical Functions*, 6.3 and 6.4: recurrence up to where the
//! asymptotic series in the Bernoulli numbers is good to the last bits, and reflection below 0.

use std::f64::consts::PI;

/// B₂, B₄, … B₁₄.
const BERNOULLI: [f64; 7] =
    [1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0, 7.0 / 6.0];
/// From here on the series is used; its first term left out is below 1e-17 of the sum for small n.
const SERIES: f64 = 12.0;

/// ψ(x) = d ln Γ(x) / dx; −∞ or ∞ at ±0, NaN at negative whole numbers and −∞.
///
/// The error is a few units in the last place of the larger of ψ(x) and 1, and below 0 of π cot πx.
pub(crate) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -(1.0 / x);
    }
    if x < 0.0 {
        if x == libm::floor(x) {
            return f64::NAN;
        }
        // The tangent has period 1 in x: the fraction alone keeps its digits.
        return digamma(1.0 - x) - PI / libm::tan(PI * (x - libm::rint(x)));
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < SERIES {
        sum -= 1.0 / x;
        x += 1.0;
    }
    if x == f64::INFINITY {
        return x;
    }
    let z = 1.0 / (x * x);
    let series = BERNOULLI.iter().enumerate().rev().fold(0.0, |s, (k, b)| z * (s + b / (2 * k + 2) as f64));
    sum + (libm::log(x) - 0.5 / x - series)
}

/// ψ⁽ⁿ⁾(x), the n-th derivative of digamma, for n ≥ 1; ∞ or −∞ at 0.
///
/// Below 0 only n = 1 is known here, by reflection, ∞ at whole numbers; other n give NaN there, as in SciPy.
pub(crate) fn polygamma(n: u32, x: f64) -> f64 {
    if n == 0 {
        return digamma(x);
    }
    if x < 0.0 {
        if n > 1 {
            return f64::NAN;
        }
        let sine = libm::sin(PI * (x - libm::rint(x)));
        return PI * PI / (sine * sine) - polygamma(1, 1.0 - x);
    }
    let order = f64::from(n);
    let mut factorial = 1.0;
    (1..=n).for_each(|k| factorial *= f64::from(k));
    let (mut at, mut sum) = (x, 0.0);
    // The series is good where x is large beside n.
    while at < SERIES + order {
        sum += factorial * libm::pow(at, -order - 1.0);
        at += 1.0;
    }
    let inverse = 1.0 / at;
    let power = libm::pow(at, -order);
    sum += factorial * power * (1.0 / order + 0.5 * inverse);
    // (2k + n − 1)! / (2k)! for k = 1, 2, …, over x^(2k + n).
    let mut term = factorial * power * inverse * inverse * (order + 1.0) / 2.0;
    for (k, b) in BERNOULLI.iter().enumerate() {
        sum += b * term;
        let (i, n) = ((2 * k + 2) as f64, order);
        term *= (i + n) * (i + n + 1.0) / ((i + 1.0) * (i + 2.0)) * inverse * inverse;
    }
    if n % 2 == 1 { sum } else { -sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(y: f64, expected: f64) -> bool {
        (y - expected).abs() <= 8.0 * f64::EPSILON * expected.abs().max(1.0)
    }

    #[test]
    fn digamma_has_its_known_values() {
        // Σ (1/k − ln(1 + 1/k)) has Euler's constant for its limit; here −ψ(1), by its series to 1e-16.
        let euler = 0.577_215_664_901_532_9;
        let ln2 = std::f64::consts::LN_2;
        assert!(close(digamma(1.0), -euler));
        assert!(close(digamma(0.5), -euler - 2.0 * ln2));
        assert!(close(digamma(0.25), -euler - PI / 2.0 - 3.0 * ln2));
        assert!(close(digamma(-0.5), 2.0 - euler - 2.0 * ln2));
        assert!(digamma(-3.0).is_nan() && digamma(0.0) == f64::NEG_INFINITY && digamma(f64::NAN).is_nan());
    }

    #[test]
    fn polygamma_has_its_known_values() {
        let zeta3 = 1.202_056_903_159_594_2;
        assert!(close(polygamma(1, 1.0), PI * PI / 6.0));
        assert!(close(polygamma(1, 0.5), PI * PI / 2.0));
        assert!(close(polygamma(1, -0.5), PI * PI / 2.0 + 4.0));
        assert!(close(polygamma(2, 1.0), -2.0 * zeta3));
        assert!(close(polygamma(2, 0.5), -14.0 * zeta3));
        assert!(close(polygamma(3, 1.0), PI.powi(4) / 15.0));
        assert!(polygamma(2, -0.5).is_nan());
    }

    #[test]
    fn each_is_the_step_of_the_one_before() {
        // ψ⁽ⁿ⁾(x + 1) − ψ⁽ⁿ⁾(x) = (−1)ⁿ n! x^(−n−1)
        for n in 0..6u32 {
            for i in 1..200 {
                let x = f64::from(i) * 0.17;
                let factorial: f64 = (1..=n).map(f64::from).product();
                let step = if n % 2 == 0 { 1.0 } else { -1.0 } * factorial * x.powi(-(n as i32) - 1);
                let (low, high) = (polygamma(n, x), polygamma(n, x + 1.0));
                let scale = low.abs().max(high.abs()).max(1.0);
                assert!((high - low - step).abs() <= 32.0 * f64::EPSILON * scale, "{n} {x}");
            }
        }
    }
}
