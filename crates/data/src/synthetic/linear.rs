//! Linear regression with known weights, and classes at the corners of a cube.

use super::{check, normal, of_classes, of_numbers, refuse, rng, uniform};
use crate::dataset::Dataset;
use crate::error::Result;

/// What [`make_regression`] makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegressionSet {
    /// Rows.
    pub n: usize,
    /// Features.
    pub d: usize,
    /// Features that the target depends on, the first ones.
    pub informative: usize,
    /// What is added to each target.
    pub bias: f64,
    /// Deviation of the noise of a target.
    pub noise: f64,
}

/// 100 rows of 10 features, all of which count, without bias and noise.
impl Default for RegressionSet {
    fn default() -> Self {
        Self { n: 100, d: 10, informative: 10, bias: 0.0, noise: 0.0 }
    }
}

/// `y = x·w + bias + noise·N(0, 1)` with x of `N(0, 1)` and w uniform in `[0, 100)` for informative features, 0 for
/// others; also w.
///
/// Features `(n, d)`, targets `(n, 1)`, F32. scikit-learn's `make_regression`, not shuffled.
///
/// ```
/// let (data, weight) = data::make_regression(data::RegressionSet { informative: 3, ..Default::default() }, 5)?;
/// assert_eq!((data.len(), weight[2] > 0.0, weight[3]), (100, true, 0.0));
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// No rows or features; more informative features than there are; noise that is negative, or a bias, not finite.
pub fn make_regression(set: RegressionSet, seed: u64) -> Result<(Dataset, Vec<f64>)> {
    let RegressionSet { n, d, informative, bias, noise } = set;
    let op = "make_regression";
    check(op, &[("n", n), ("d", d)], &[("noise", noise), ("|bias|", bias.abs())])?;
    check_informative(op, informative, d)?;
    let mut rng = rng(seed);
    let mut weight = uniform(&mut rng, informative, 0.0, 100.0)?;
    weight.resize(d, 0.0);
    let x = normal(&mut rng, n * d, 1.0)?;
    let noise = normal(&mut rng, n, noise)?;
    let dot = |x: &[f64]| x.iter().zip(&weight).map(|(x, w)| x * w).sum::<f64>();
    let y: Vec<f64> = x.chunks_exact(d).zip(noise).map(|(x, noise)| dot(x) + bias + noise).collect();
    Ok((of_numbers(&x, d, &y)?, weight))
}

/// What [`make_classification`] makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassificationSet {
    /// Rows.
    pub n: usize,
    /// Features.
    pub d: usize,
    /// Features that the class shows in, the first ones.
    pub informative: usize,
    /// Classes.
    pub classes: usize,
    /// Half the edge of the cube.
    pub separation: f64,
    /// How often a label is replaced by any of the classes.
    pub flip: f64,
}

/// 100 rows of 10 features, two of which tell two classes apart.
impl Default for ClassificationSet {
    fn default() -> Self {
        Self { n: 100, d: 10, informative: 2, classes: 2, separation: 1.0, flip: 0.0 }
    }
}

/// Clouds of `N(0, 1)` at corners of a cube: the informative features of class c have their middle at `±separation`,
/// the signs being those of a corner of its own, drawn at random; other features are `N(0, 1)`. Row i is of class `i
/// mod classes`, and with chance `flip` its label is drawn anew from all classes.
///
/// Features `(n, d)` of F32. After scikit-learn's `make_classification` (Guyon 2003), one cluster a class, without
/// redundant features.
///
/// # Errors
/// No rows, features or classes; more informative features than there are, or more classes than corners; numbers that
/// are negative or not finite, `flip` above 1.
pub fn make_classification(set: ClassificationSet, seed: u64) -> Result<Dataset> {
    let ClassificationSet { n, d, informative, classes, separation, flip } = set;
    let op = "make_classification";
    check(op, &[("n", n), ("d", d), ("classes", classes)], &[("separation", separation), ("flip", flip)])?;
    check_informative(op, informative, d)?;
    if flip > 1.0 {
        return refuse(op, "a chance must lie in 0..=1", format!("flip {flip}"), "use 0.01 or the like");
    }
    // 2^20 corners are enough for any number of classes that fits in memory twice.
    let corners = 1usize << informative.min(20);
    if classes > corners {
        let got = format!("{classes} classes for {informative} informative features");
        return refuse(op, "every class must have a corner", got, "use more informative features");
    }
    let mut rng = rng(seed);
    let corner = rng.permutation(corners)?;
    let mut x = normal(&mut rng, n * d, 1.0)?;
    for (i, row) in x.chunks_exact_mut(d).enumerate() {
        for (j, x) in row.iter_mut().take(informative).enumerate() {
            // Features beyond the twentieth repeat the signs of the first.
            let up = corner[i % classes] >> (j % 20) & 1 == 1;
            *x += if up { separation } else { -separation };
        }
    }
    let (flips, others) = (uniform(&mut rng, n, 0.0, 1.0)?, uniform(&mut rng, n, 0.0, classes as f64)?);
    let label = |i: usize| if flips[i] < flip { others[i] as i64 } else { (i % classes) as i64 };
    of_classes(&x, d, (0..n).map(label).collect(), classes)
}

fn check_informative(op: &'static str, informative: usize, d: usize) -> Result<()> {
    match informative {
        1.. if informative <= d => Ok(()),
        _ => {
            let got = format!("{informative} informative features of {d}");
            refuse(op, "some of the features must be informative", got, "use 1 to d")
        }
    }
}
