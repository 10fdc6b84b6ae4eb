//! Friedman's functions: regression that is not linear, with known answers. Source: Friedman 1991, "Multivariate adaptive
//! regression splines", and Breiman 1996, "Bagging predictors".

use super::{check, normal, of_numbers, refuse, rng, uniform};
use crate::dataset::Dataset;
use crate::error::Result;
use std::f64::consts::PI;

/// `y = 10 sin(π x₀ x₁) + 20 (x₂ − 1/2)² + 10 x₃ + 5 x₄ + noise·N(0, 1)` with x uniform in `[0, 1)`; features beyond
/// the fifth say nothing.
///
/// Features `(n, d)`, targets `(n, 1)`, F32; targets are of the features before rounding.
///
/// ```
/// let data = data::friedman1(100, 10, 0.0, 3)?;
/// assert_eq!(data.features().shape(), [100, 10]);
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// No rows; `d` below 5; noise that is negative or not finite.
pub fn friedman1(n: usize, d: usize, noise: f64, seed: u64) -> Result<Dataset> {
    let op = "friedman1";
    check(op, &[("n", n)], &[("noise", noise)])?;
    if d < 5 {
        return refuse(op, "there must be five features", format!("d {d}"), "use d >= 5");
    }
    let mut rng = rng(seed);
    let x = uniform(&mut rng, n * d, 0.0, 1.0)?;
    let answer = |x: &[f64]| {
        let middle = x[2] - 0.5;
        10.0 * libm::sin(PI * x[0] * x[1]) + 20.0 * middle * middle + 10.0 * x[3] + 5.0 * x[4]
    };
    let noise = normal(&mut rng, n, noise)?;
    let y: Vec<f64> = x.chunks_exact(d).zip(noise).map(|(x, noise)| answer(x) + noise).collect();
    of_numbers(&x, d, &y)
}

/// `y = √(x₀² + (x₁ x₂ − 1/(x₁ x₃))²) + noise·N(0, 1)` with x₀ uniform in `[0, 100)`, x₁ in `[40π, 560π)`, x₂ in `[0,
/// 1)`, x₃ in `[1, 11)`: the impedance of a circuit.
///
/// Features `(n, 4)`, targets `(n, 1)`, F32.
///
/// # Errors
/// No rows; noise that is negative or not finite.
pub fn friedman2(n: usize, noise: f64, seed: u64) -> Result<Dataset> {
    circuit("friedman2", n, noise, seed, libm::hypot)
}

/// `y = atan((x₁ x₂ − 1/(x₁ x₃)) / x₀) + noise·N(0, 1)` with x as in [`friedman2`]: the phase of that circuit.
///
/// Features `(n, 4)`, targets `(n, 1)`, F32.
///
/// # Errors
/// No rows; noise that is negative or not finite.
pub fn friedman3(n: usize, noise: f64, seed: u64) -> Result<Dataset> {
    // x₀ of 0, which can be drawn, has the angle of its limit.
    circuit("friedman3", n, noise, seed, |real, imaginary| libm::atan2(imaginary, real))
}

fn circuit(
    op: &'static str,
    n: usize,
    noise: f64,
    seed: u64,
    answer: impl Fn(f64, f64) -> f64,
) -> Result<Dataset> {
    check(op, &[("n", n)], &[("noise", noise)])?;
    let mut rng = rng(seed);
    let columns = [(0.0, 100.0), (40.0 * PI, 560.0 * PI), (0.0, 1.0), (1.0, 11.0)]
        .map(|(low, high)| uniform(&mut rng, n, low, high));
    let [x0, x1, x2, x3] = columns;
    let (x0, x1, x2, x3) = (x0?, x1?, x2?, x3?);
    let noise = normal(&mut rng, n, noise)?;
    let x: Vec<f64> = (0..n).flat_map(|i| [x0[i], x1[i], x2[i], x3[i]]).collect();
    let y: Vec<f64> =
        (0..n).map(|i| answer(x0[i], x1[i] * x2[i] - 1.0 / (x1[i] * x3[i])) + noise[i]).collect();
    of_numbers(&x, 4, &y)
}
