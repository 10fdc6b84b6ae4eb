//! Data sets made from formulas, each a function of its seed.

mod friedman;
mod linear;
mod sequences;
mod shapes;

pub use friedman::{friedman1, friedman2, friedman3};
pub use linear::{ClassificationSet, RegressionSet, make_classification, make_regression};
pub use sequences::{Sequences, adding_task, copy_task, sort_task};
pub use shapes::{blobs, circles, moons, spirals};

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use tensor::{DType, Rng, Tensor};

/// Address of the random streams of synthetic data.
const SYNTHETIC: u64 = 27;

/// The generator of the set `op`.
fn rng(seed: u64) -> Rng {
    Rng::seed(seed).stream(SYNTHETIC)
}

fn refuse<T>(op: &'static str, rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op, rule, got, repair })
}

/// Sizes above 0, numbers of 0 or more.
fn check(op: &'static str, sizes: &[(&str, usize)], numbers: &[(&str, f64)]) -> Result<()> {
    if let Some((name, size)) = sizes.iter().find(|(_, size)| *size == 0) {
        return refuse(op, "sizes must be 1 or more", format!("{name} {size}"), "use at least 1");
    }
    if let Some((name, x)) = numbers.iter().find(|(_, x)| !(x.is_finite() && *x >= 0.0)) {
        let rule = "noise and the like must be finite numbers of 0 or more";
        return refuse(op, rule, format!("{name} {x}"), "use 0.1 or the like");
    }
    Ok(())
}

fn uniform(rng: &mut Rng, n: usize, lo: f64, hi: f64) -> Result<Vec<f64>> {
    Ok(rng.uniform([n], lo, hi, DType::F64)?.to_vec()?)
}

fn normal(rng: &mut Rng, n: usize, std: f64) -> Result<Vec<f64>> {
    Ok(rng.normal([n], 0.0, std, DType::F64)?.to_vec()?)
}

/// Rows of `d` numbers with classes `"0"`, `"1"`, …, rounded to F32.
fn of_classes(x: &[f64], d: usize, labels: Vec<i64>, classes: usize) -> Result<Dataset> {
    let n = labels.len();
    let names = (0..classes).map(|class| class.to_string()).collect();
    Dataset::classification(rounded(x, &[n, d])?, Tensor::from_vec(labels, [n])?, names)
}

/// Rows of `d` numbers with one target each, rounded to F32.
fn of_numbers(x: &[f64], d: usize, y: &[f64]) -> Result<Dataset> {
    Dataset::regression(rounded(x, &[y.len(), d])?, rounded(y, &[y.len(), 1])?)
}

fn rounded(x: &[f64], shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_vec(x.iter().map(|&x| x as f32).collect(), shape)?)
}
