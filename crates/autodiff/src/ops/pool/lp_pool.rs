//! The p-norm of each window, `y = (Σ xᵖ)^(1/p)`.   `dx = g·(x/y)^(p − 1)`
//!
//! Composed of powers and an average pooling. Where the sum is 0 the norm has no derivative for p > 1; the gradient there
//! is 0.

use crate::check::{OpSpec, Samples};
use crate::error::{Error, Result};
use crate::ops::widened::rounded;
use crate::var::Var;
use tensor::{PoolOptions, Tensor};

impl Var {
    /// The p-norm of each window, `(Σ xᵖ)^(1/p)`: the sum for p = 1, close to the maximum for a large p. PyTorch's `lp_pool`.
    ///
    /// Powers are of x as it is, not of its magnitude: with an odd p the sum, and with it the result, may be negative or
    /// NaN. As in PyTorch, a window that `ceil_mode` cuts short counts as if the mean of its powers filled it. Differs from
    /// PyTorch in: padding, whose pixels are zeros.
    ///
    /// Shapes: as [`Tensor::max_pool`]. Errors: `InvalidArgument` unless p is a positive number; as [`Var::avg_pool`].
    pub fn lp_pool(&self, p: f64, options: &PoolOptions) -> Result<Var> {
        if !(p > 0.0 && p.is_finite()) {
            return Err(Error::InvalidArgument {
                op: "lp_pool",
                rule: "p must be a positive number",
                got: p.to_string(),
                repair: "use 2, or max_pool for the limit",
            });
        }
        if let Some(out) = rounded(self, &|x| x.lp_pool(p, options)) {
            return out;
        }
        let means = self.pow_scalar(p)?.avg_pool(options, true)?;
        let kernel = options.kernel.over(self.rank() - 2).expect("invariant: the pooling has been made of it");
        let sums = means.mul_scalar(kernel.iter().product::<usize>() as f64)?;
        if p == 1.0 {
            return Ok(sums);
        }
        let zero = sums.value().eq(&Tensor::zeros([], sums.dtype())?)?;
        sums.masked_fill(&zero, 1.0)?.pow_scalar(1.0 / p)?.masked_fill(&zero, 0.0)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(54);
    let call = |p: f64, options: &PoolOptions| {
        let options = options.clone();
        move |x: &[Var]| x[0].lp_pool(p, &options)
    };
    let pairs = PoolOptions::new(2);
    let over = PoolOptions { stride: Some(1.into()), ..PoolOptions::new(2) };
    vec![
        OpSpec::new("lp_pool")
            .case("lengths", [s.away_from_zero([2, 2, 6], 0.2, 1.0)], [2, 2, 3], call(2.0, &pairs))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(2).map(|pair| libm::hypot(pair[0], pair[1])).collect()
            })
            .case("sums", [s.uniform([2, 1, 2, 2], -1.0, 1.0)], [2, 1, 1, 1], call(1.0, &pairs))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(4).map(|image| image.iter().sum()).collect()
            })
            .case("cubes, overlapping", [s.uniform([2, 1, 5], 0.2, 1.0)], [2, 1, 4], call(3.0, &over))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                let of = |row: &[f64]| -> Vec<f64> {
                    row.windows(2).map(|w| libm::cbrt(w[0] * w[0] * w[0] + w[1] * w[1] * w[1])).collect()
                };
                x.chunks(5).flat_map(of).collect()
            })
            .case("a window of zeros", [s.tensor(vec![0.0, 0.0, 3.0, 4.0], [1, 1, 4])], [1, 1, 2], call(2.0, &pairs))
            .reference(|_| vec![0.0, 5.0])
            .no_derivative()
            .case("no images", [s.empty([0, 2, 4])], [0, 2, 2], call(2.0, &pairs))
            .error(
                [s.uniform([1, 1, 4], 0.0, 1.0)],
                call(0.0, &pairs),
                "[lp_pool] p must be a positive number; got 0; use 2, or max_pool for the limit",
            )
            .error(
                [s.uniform([1, 4], 0.0, 1.0)],
                call(2.0, &pairs),
                "[avg_pool] images (n, channels, ..) must have one to three spatial axes; got [1, 4]; add an axis for the batch with unsqueeze",
            ),
    ]
}
