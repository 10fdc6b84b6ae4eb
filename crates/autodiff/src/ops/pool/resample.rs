//! Weighted sums of windows, `y[i] = Σ a[i, j]·x[j]` with weights that are products of one for each axis.
//! `dx[j] = Σ a[i, j]·g[i]`: the same kind of map
//!
//! Average pooling, adaptive average pooling and interpolation are all of this kind: see [`Resample`].

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{Factors, Interpolation, PoolOptions, Resample as Map, Spatial, Tensor};

/// The map of x. Saves nothing.
pub struct Resample {
    name: &'static str,
    map: Map,
}

impl Op for Resample {
    fn name(&self) -> &'static str {
        self.name
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].resample(&self.map)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.apply_map(self.name, self.map.adjoint())?])
    }
}

impl Var {
    fn apply_map(&self, name: &'static str, map: Map) -> Result<Var> {
        Var::apply(Resample { name, map }, &[self])
    }

    /// The mean of each window; pixels of the padding count as zeros if `include_pad`, as in PyTorch, or not at all.
    ///
    /// Shapes and errors: as [`Tensor::max_pool`], and no dilation.
    pub fn avg_pool(&self, options: &PoolOptions, include_pad: bool) -> Result<Var> {
        self.apply_map("avg_pool", Map::average(self.shape(), options, include_pad)?)
    }

    /// The sum of each window, with zeros for padding, divided by `divisor` whatever the pixels of a window: PyTorch's
    /// `divisor_override`. Otherwise as [`Var::avg_pool`]. Errors: as there, and for a divisor of 0.
    pub fn avg_pool_by(&self, options: &PoolOptions, divisor: usize) -> Result<Var> {
        self.apply_map("avg_pool_by", Map::average_by(self.shape(), options, divisor)?)
    }

    /// The mean of each of `sizes` windows along each axis, the i-th of n of `⌊i·size/n⌋ .. ⌈(i + 1)·size/n⌉`.
    pub fn adaptive_avg_pool(&self, sizes: impl Into<Spatial>) -> Result<Var> {
        self.apply_map("adaptive_avg_pool", Map::adaptive_average(self.shape(), &sizes.into())?)
    }

    /// The images in other `sizes`. Errors: as [`Map::interpolate`].
    pub fn interpolate(
        &self,
        sizes: impl Into<Spatial>,
        how: Interpolation,
        align_corners: bool,
    ) -> Result<Var> {
        self.apply_map("interpolate", Map::interpolate(self.shape(), &sizes.into(), how, align_corners)?)
    }

    /// The images `factors` times larger, which need not be whole numbers. Shapes and errors: as [`Map::interpolate_by`].
    pub fn interpolate_by(
        &self,
        factors: impl Into<Factors>,
        how: Interpolation,
        align_corners: bool,
    ) -> Result<Var> {
        let map = Map::interpolate_by(self.shape(), &factors.into(), how, align_corners)?;
        self.apply_map("interpolate_by", map)
    }
}

/// Rows of `from` elements, each times a matrix with `to` rows.
fn by_matrix(x: &Tensor, matrix: &[&[f64]]) -> Vec<f64> {
    let x = x.to_vec::<f64>().unwrap_or_default();
    let row = |row: &[f64]| -> Vec<f64> {
        matrix.iter().map(|a| a.iter().zip(row).map(|(a, x)| a * x).sum()).collect()
    };
    x.chunks(matrix[0].len()).flat_map(row).collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(52);
    let mut take = |shape: &[usize]| [s.uniform(shape, -1.0, 1.0)];
    let padded = PoolOptions { stride: Some(2.into()), padding: 1.into(), ..PoolOptions::new(3) };
    let call = |options: &PoolOptions, include_pad: bool| {
        let options = options.clone();
        move |x: &[Var]| x[0].avg_pool(&options, include_pad)
    };
    let divided = |options: &PoolOptions, divisor: usize| {
        let options = options.clone();
        move |x: &[Var]| x[0].avg_pool_by(&options, divisor)
    };
    let up = |how: Interpolation, corners: bool, to: usize| move |x: &[Var]| x[0].interpolate(to, how, corners);
    use Interpolation::{Cubic, Linear, Nearest};
    vec![
        OpSpec::new("avg_pool")
            .case("padding counts", take(&[2, 2, 5]), [2, 2, 3], call(&padded, true))
            .reference(|x| {
                let third = 1.0 / 3.0;
                by_matrix(&x[0], &[&[third, third, 0.0, 0.0, 0.0], &[0.0, third, third, third, 0.0], &[0.0, 0.0, 0.0, third, third]])
            })
            .case("padding does not", take(&[2, 2, 5]), [2, 2, 3], call(&padded, false))
            .reference(|x| {
                let third = 1.0 / 3.0;
                by_matrix(&x[0], &[&[0.5, 0.5, 0.0, 0.0, 0.0], &[0.0, third, third, third, 0.0], &[0.0, 0.0, 0.0, 0.5, 0.5]])
            })
            .case("two axes", take(&[1, 3, 4, 4]), [1, 3, 2, 2], call(&PoolOptions::new(2), true))
            .case("no images", take(&[0, 3, 4]), [0, 3, 2], call(&PoolOptions::new(2), true))
            .case("large", take(&[3, 20, 41, 40]), [3, 20, 21, 20], call(&padded, true))
            .large(),
        OpSpec::new("avg_pool_by")
            .case("padded", take(&[2, 2, 5]), [2, 2, 3], divided(&padded, 2))
            .reference(|x| {
                let half = 0.5;
                by_matrix(&x[0], &[&[half, half, 0.0, 0.0, 0.0], &[0.0, half, half, half, 0.0], &[0.0, 0.0, 0.0, half, half]])
            })
            .case("two axes", take(&[1, 3, 2, 2]), [1, 3, 1, 1], divided(&PoolOptions::new(2), 3))
            .reference(|x| by_matrix(&x[0], &[&[1.0 / 3.0; 4]]))
            .case("no images", take(&[0, 3, 4]), [0, 3, 2], divided(&PoolOptions::new(2), 3))
            .error(
                take(&[1, 1, 4]),
                divided(&PoolOptions::new(2), 0),
                "[avg_pool] a divisor must be 1 or more; got 0; use 1 for sums",
            ),
        OpSpec::new("adaptive_avg_pool")
            .case("five to three", take(&[2, 2, 5]), [2, 2, 3], |x| x[0].adaptive_avg_pool(3))
            .reference(|x| {
                let third = 1.0 / 3.0;
                by_matrix(&x[0], &[&[0.5, 0.5, 0.0, 0.0, 0.0], &[0.0, third, third, third, 0.0], &[0.0, 0.0, 0.0, 0.5, 0.5]])
            })
            .case("to one", take(&[2, 3, 3, 2]), [2, 3, 1, 1], |x| x[0].adaptive_avg_pool(1))
            .reference(|x| by_matrix(&x[0], &[&[1.0 / 6.0; 6]]))
            .case("no images", take(&[0, 3, 4]), [0, 3, 2], |x| x[0].adaptive_avg_pool(2)),
        OpSpec::new("interpolate")
            .case("nearest", take(&[2, 1, 3]), [2, 1, 5], up(Nearest, false, 5))
            .reference(|x| {
                let (a, b, c) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
                by_matrix(&x[0], &[&a, &a, &b, &b, &c])
            })
            .case("linear", take(&[2, 1, 2]), [2, 1, 4], up(Linear, false, 4))
            .reference(|x| by_matrix(&x[0], &[&[1.0, 0.0], &[0.75, 0.25], &[0.25, 0.75], &[0.0, 1.0]]))
            .case("linear, corners", take(&[2, 1, 2]), [2, 1, 3], up(Linear, true, 3))
            .reference(|x| by_matrix(&x[0], &[&[1.0, 0.0], &[0.5, 0.5], &[0.0, 1.0]]))
            .case("cubic, corners", take(&[2, 1, 4]), [2, 1, 7], up(Cubic, true, 7))
            .reference(|x| {
                let (w, v) = (-3.0 / 32.0, 19.0 / 32.0);
                by_matrix(
                    &x[0],
                    &[
                        &[1.0, 0.0, 0.0, 0.0],
                        &[v + w, v, w, 0.0],
                        &[0.0, 1.0, 0.0, 0.0],
                        &[w, v, v, w],
                        &[0.0, 0.0, 1.0, 0.0],
                        &[0.0, w, v, v + w],
                        &[0.0, 0.0, 0.0, 1.0],
                    ],
                )
            })
            .ulps(8.0, 8.0)
            .case("two axes", take(&[1, 2, 3, 4]), [1, 2, 6, 5], |x| x[0].interpolate([6, 5], Linear, false))
            .case("no images", take(&[0, 3, 4]), [0, 3, 2], up(Cubic, false, 2))
            .case("large", take(&[3, 20, 31, 30]), [3, 20, 50, 50], up(Linear, false, 50))
            .large()
            .error(
                take(&[1, 1, 4]),
                up(Linear, false, 0),
                "[interpolate] images must have pixels before and after; got [4] to [0]; use sizes of 1 or more",
            ),
        OpSpec::new("interpolate_by")
            .case("nearest", take(&[2, 1, 3]), [2, 1, 4], |x| x[0].interpolate_by(1.5, Nearest, false))
            .reference(|x| {
                // ⌊i/1.5⌋ of 0 to 3
                let (a, b, c) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
                by_matrix(&x[0], &[&a, &a, &b, &c])
            })
            .case("linear, a size that the factor cuts", take(&[2, 1, 3]), [2, 1, 7], |x| x[0].interpolate_by(2.5, Linear, false))
            .reference(|x| {
                // At (i + ½)/2.5 − ½, which is i·0.4 − 0.3.
                by_matrix(
                    &x[0],
                    &[
                        &[1.0, 0.0, 0.0],
                        &[0.9, 0.1, 0.0],
                        &[0.5, 0.5, 0.0],
                        &[0.1, 0.9, 0.0],
                        &[0.0, 0.7, 0.3],
                        &[0.0, 0.3, 0.7],
                        &[0.0, 0.0, 1.0],
                    ],
                )
            })
            .case("smaller, corners", take(&[2, 1, 5]), [2, 1, 3], |x| x[0].interpolate_by(0.7, Linear, true))
            .reference(|x| {
                by_matrix(&x[0], &[&[1.0, 0.0, 0.0, 0.0, 0.0], &[0.0, 0.0, 1.0, 0.0, 0.0], &[0.0, 0.0, 0.0, 0.0, 1.0]])
            })
            .case("two axes", take(&[1, 2, 3, 4]), [1, 2, 4, 8], |x| x[0].interpolate_by([1.4, 2.0], Cubic, false))
            .case("no images", take(&[0, 3, 4]), [0, 3, 2], |x| x[0].interpolate_by(0.5, Cubic, false))
            .error(
                take(&[1, 1, 4]),
                |x| x[0].interpolate_by(-1.0, Linear, false),
                "[interpolate] factors must be positive numbers; got [-1.0]; use 2 for images twice as large",
            ),
    ]
}
