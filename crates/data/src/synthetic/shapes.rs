//! Classes in the plane that no straight line parts, and clouds around centres.

use super::{check, normal, of_classes, rng, uniform};
use crate::dataset::Dataset;
use crate::error::Result;
use std::f64::consts::PI;

/// Two half circles, one inside the other's mouth: `n/2` rows `(cos t, sin t)` of class 0, then the others
/// `(1 − cos t, 1/2 − sin t)` of class 1, t from 0 to π in even steps; each coordinate plus `noise·N(0, 1)`.
///
/// Features `(n, 2)` of F32. scikit-learn's `make_moons`, not shuffled.
///
/// ```
/// let moons = data::moons(200, 0.1, 7)?;
/// assert_eq!((moons.features().shape(), moons.class_names().unwrap().len()), (&[200, 2][..], 2));
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// No rows; noise that is negative or not finite.
pub fn moons(n: usize, noise: f64, seed: u64) -> Result<Dataset> {
    check("moons", &[("n", n)], &[("noise", noise)])?;
    let steps = |m: usize| move |i: usize| PI * i as f64 / (m.max(2) - 1) as f64;
    let (outer, inner) = (n / 2, n - n / 2);
    let outer_rows = (0..outer).map(steps(outer)).map(|t| [libm::cos(t), libm::sin(t)]);
    let inner_rows = (0..inner).map(steps(inner)).map(|t| [1.0 - libm::cos(t), 0.5 - libm::sin(t)]);
    two_classes(outer_rows.chain(inner_rows), outer, n, noise, seed)
}

/// Two circles around one middle: `n/2` rows `(cos t, sin t)` of class 0, then the others `factor·(cos t, sin t)` of
/// class 1, t from 0 to 2π in even steps, the end left out; each coordinate plus `noise·N(0, 1)`.
///
/// Features `(n, 2)` of F32. scikit-learn's `make_circles`, not shuffled.
///
/// # Errors
/// No rows; noise or a factor that is negative or not finite.
pub fn circles(n: usize, factor: f64, noise: f64, seed: u64) -> Result<Dataset> {
    check("circles", &[("n", n)], &[("noise", noise), ("factor", factor)])?;
    let circle = |m: usize, radius: f64| {
        let angles = (0..m).map(move |i| 2.0 * PI * i as f64 / m as f64);
        angles.map(move |t| [radius * libm::cos(t), radius * libm::sin(t)])
    };
    let outer = n / 2;
    two_classes(circle(outer, 1.0).chain(circle(n - outer, factor)), outer, n, noise, seed)
}

fn two_classes(
    rows: impl Iterator<Item = [f64; 2]>,
    first: usize,
    n: usize,
    noise: f64,
    seed: u64,
) -> Result<Dataset> {
    let noise = normal(&mut rng(seed), 2 * n, noise)?;
    let x: Vec<f64> = rows.flatten().zip(noise).map(|(x, noise)| x + noise).collect();
    of_classes(&x, 2, (0..n).map(|i| i64::from(i >= first)).collect(), 2)
}

/// Arms that wind around the middle `turns` times: row j of m of class c of C stands at the radius `r = (j + 1/2)/m`
/// and the angle `2π·(turns·r + c/C)`; each coordinate plus `noise·N(0, 1)`. Row i is of class `i mod classes`.
///
/// Features `(n, 2)` of F32.
///
/// # Errors
/// No rows or classes; noise or turns that are negative or not finite.
pub fn spirals(n: usize, classes: usize, turns: f64, noise: f64, seed: u64) -> Result<Dataset> {
    check("spirals", &[("n", n), ("classes", classes)], &[("noise", noise), ("turns", turns)])?;
    let noise = normal(&mut rng(seed), 2 * n, noise)?;
    let mut x = Vec::with_capacity(2 * n);
    for i in 0..n {
        let (j, class) = (i / classes, i % classes);
        let m = (n - class).div_ceil(classes);
        let r = (j as f64 + 0.5) / m as f64;
        let angle = 2.0 * PI * (turns * r + class as f64 / classes as f64);
        x.push(r * libm::cos(angle) + noise[2 * i]);
        x.push(r * libm::sin(angle) + noise[2 * i + 1]);
    }
    of_classes(&x, 2, (0..n).map(|i| (i % classes) as i64).collect(), classes)
}

/// Clouds around centres: class c has a centre uniform in `[−10, 10)` along each of `d` axes, and row i, of class `i
/// mod classes`, is its centre plus `std·N(0, 1)`.
///
/// Features `(n, d)` of F32. scikit-learn's `make_blobs`, not shuffled.
///
/// # Errors
/// No rows, classes or axes; a deviation that is negative or not finite.
pub fn blobs(n: usize, d: usize, classes: usize, std: f64, seed: u64) -> Result<Dataset> {
    check("blobs", &[("n", n), ("d", d), ("classes", classes)], &[("std", std)])?;
    let mut rng = rng(seed);
    let centres = uniform(&mut rng, classes * d, -10.0, 10.0)?;
    let mut x = normal(&mut rng, n * d, std)?;
    for (i, row) in x.chunks_exact_mut(d).enumerate() {
        let centre = &centres[(i % classes) * d..][..d];
        row.iter_mut().zip(centre).for_each(|(x, centre)| *x += centre);
    }
    of_classes(&x, d, (0..n).map(|i| (i % classes) as i64).collect(), classes)
}
