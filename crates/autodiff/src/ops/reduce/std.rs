//! Standard deviation over axes, `y = √(Σ (x − mean)² / (n − c))`.   By the rules of the variance and the root
//!
//! Where all values are equal the root has no derivative, and the gradient is NaN, as PyTorch's.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::widened::rounded;
use crate::var::Var;

impl Var {
    /// The square root of [`Var::var`]: `√(Σ (x − mean)² / (n − correction))` over `axes`, which are dropped.
    ///
    /// The gradient is NaN where all values are equal. Errors: as [`Var::var`].
    pub fn std(&self, axes: &[isize], correction: usize) -> Result<Var> {
        if let Some(out) = rounded(self, &|x| x.std(axes, correction)) {
            return out;
        }
        self.var(axes, correction).and_then(|v| v.sqrt()).map_err(|e| e.named("std"))
    }

    /// [`Var::std`] with the reduced axes left in, of size 1.
    pub fn std_keep(&self, axes: &[isize], correction: usize) -> Result<Var> {
        if let Some(out) = rounded(self, &|x| x.std_keep(axes, correction)) {
            return out;
        }
        self.var_keep(axes, correction).and_then(|v| v.sqrt()).map_err(|e| e.named("std"))
    }
}

/// From all differences: `√(Σᵢⱼ (xᵢ − xⱼ)² / (2·n·(n − 1)))`.
fn by_pairs(x: &[f64]) -> f64 {
    let squares: f64 = x.iter().flat_map(|a| x.iter().map(move |b| (a - b) * (a - b))).sum();
    (squares / (2 * x.len() * (x.len() - 1)) as f64).sqrt()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(301);
    vec![
        OpSpec::new("std")
            .case("all", [s.distinct([3, 4], 2.0)], [], |x| x[0].std(&[], 1))
            .reference(|x| vec![by_pairs(&x[0].to_vec::<f64>().unwrap_or_default())])
            .case("outer axes, kept", [s.distinct([2, 3, 4], 2.0)], [1, 3, 1], |x| x[0].std_keep(&[-1, 0], 0))
            .case("of one", [s.uniform([1, 2], -1.0, 1.0)], [2], |x| x[0].std(&[0], 1))
            .reference(|_| vec![f64::NAN; 2])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].std(&[1], 1))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [301], |x| x[0].std(&[0], 1))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].std(&[1], 0),
                "[std] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}
