//! The largest element of each window, `y[i] = max x[window i]`.   `dx[j] = Σ g[i]` over the windows i whose largest
//! element is j
//!
//! Of equal elements the first counts, so the rule is one derivative at a kink, as everywhere in this field. The places of
//! the largest elements are kept, an element of eight bits for each result; the gradient is linear in g, and so are its own.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use std::sync::{Arc, OnceLock};
use tensor::{MaxTaps, PoolOptions, Spatial, Tensor};

/// The pooling of x. Saves where the largest elements stand.
pub struct MaxPool {
    how: How,
    taps: Taps,
}

/// Where the largest elements stand, once the forward step has found them.
type Taps = Arc<OnceLock<MaxTaps>>;

/// Which windows.
enum How {
    Regular(PoolOptions),
    Adaptive(Spatial),
}

impl Op for MaxPool {
    fn name(&self) -> &'static str {
        match self.how {
            How::Regular(_) => "max_pool",
            How::Adaptive(_) => "adaptive_max_pool",
        }
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let (y, taps) = match &self.how {
            How::Regular(options) => x[0].max_pool(options)?,
            How::Adaptive(sizes) => x[0].adaptive_max_pool(sizes)?,
        };
        let _ = self.taps.set(taps);
        Ok(y)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(MaxPoolGrad { taps: self.taps.clone(), back: true }, &[grad])?])
    }
}

/// Gradients brought to where the largest elements stand, or read from there: each is the other's adjoint.
struct MaxPoolGrad {
    taps: Taps,
    back: bool,
}

impl Op for MaxPoolGrad {
    fn name(&self) -> &'static str {
        if self.back { "max_pool_grad" } else { "max_pool_gather" }
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let taps = self.taps.get().expect("invariant: the pooling came first");
        Ok(if self.back { taps.scatter(x[0])? } else { taps.gather(x[0])? })
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([Var::apply(MaxPoolGrad { taps: self.taps.clone(), back: !self.back }, &[grad])?])
    }
}

impl Var {
    /// The largest element of each window. Shapes and errors: as [`Tensor::max_pool`].
    pub fn max_pool(&self, options: &PoolOptions) -> Result<Var> {
        Var::apply(MaxPool { how: How::Regular(options.clone()), taps: Taps::default() }, &[self])
    }

    /// [`Var::max_pool`], and the flat position of each largest element among the pixels of its image and channel, of I64:
    /// PyTorch's `return_indices`, and what [`Var::max_unpool`] takes.
    ///
    /// ```
    /// use autodiff::Var;
    /// use tensor::{PoolOptions, Tensor};
    /// let x = Var::variable(Tensor::from_vec(vec![1.0, 5.0, 7.0, 3.0], [1, 1, 4])?);
    /// let (y, indices) = x.max_pool_with_indices(&PoolOptions::new(2))?;
    /// assert_eq!(indices.to_vec::<i64>()?, [1, 2]);
    /// assert_eq!(y.max_unpool(&indices, 4)?.value().to_vec::<f64>()?, [0.0, 5.0, 7.0, 0.0]);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn max_pool_with_indices(&self, options: &PoolOptions) -> Result<(Var, Tensor)> {
        let taps = Taps::default();
        let y = Var::apply(MaxPool { how: How::Regular(options.clone()), taps: taps.clone() }, &[self])?;
        let indices = taps.get().expect("invariant: forward came first").positions()?;
        Ok((y, indices))
    }

    /// The largest element of each of `sizes` windows along each axis. Otherwise as [`Tensor::adaptive_max_pool`].
    pub fn adaptive_max_pool(&self, sizes: impl Into<Spatial>) -> Result<Var> {
        Var::apply(MaxPool { how: How::Adaptive(sizes.into()), taps: Taps::default() }, &[self])
    }
}

/// The largest of the elements of each image that `inside(result, element)` says are in its window.
fn naive(x: &Tensor, results: usize, inside: impl Fn(usize, usize) -> bool) -> Vec<f64> {
    let pixels: usize = x.shape()[2..].iter().product();
    let x = x.to_vec::<f64>().unwrap_or_default();
    let of = |image: &[f64]| -> Vec<f64> {
        let window = |i: usize| (0..pixels).filter(|&j| inside(i, j)).map(|j| image[j]).fold(f64::NEG_INFINITY, f64::max);
        (0..results).map(window).collect()
    };
    x.chunks(pixels).flat_map(of).collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(51);
    // Distinct elements, so that no window stands at a kink.
    let mut distinct = |shape: &[usize]| s.distinct(shape, 1.0);
    let side = PoolOptions::new(2);
    let over = PoolOptions { stride: Some(2.into()), padding: 1.into(), ..PoolOptions::new(3) };
    let dilated = PoolOptions { stride: Some(1.into()), dilation: 2.into(), ..PoolOptions::new([2, 1]) };
    let ceil = PoolOptions { ceil_mode: true, ..PoolOptions::new(2) };
    let call = |options: &PoolOptions| {
        let options = options.clone();
        move |x: &[Var]| x[0].max_pool(&options)
    };
    vec![
        OpSpec::new("max_pool")
            .case("side by side", [distinct(&[2, 3, 4, 6])], [2, 3, 2, 3], call(&side))
            .reference(|x| naive(&x[0], 6, |i, j| j / 6 / 2 == i / 3 && j % 6 / 2 == i % 3))
            .case("overlapping, padded", [distinct(&[1, 2, 5, 6])], [1, 2, 3, 3], call(&over))
            .reference(|x| {
                naive(&x[0], 9, |i, j| (j / 6).abs_diff(i / 3 * 2) <= 1 && (j % 6).abs_diff(i % 3 * 2) <= 1)
            })
            .case("dilated", [distinct(&[1, 3, 4, 3])], [1, 3, 2, 3], call(&dilated))
            .reference(|x| naive(&x[0], 6, |i, j| j % 3 == i % 3 && (j / 3 == i / 3 || j / 3 == i / 3 + 2)))
            .case("one axis, last window cut", [distinct(&[2, 1, 5])], [2, 1, 3], call(&ceil))
            .reference(|x| naive(&x[0], 3, |i, j| j / 2 == i))
            .case("three axes", [distinct(&[1, 2, 2, 4, 2])], [1, 2, 1, 2, 1], call(&side))
            .reference(|x| naive(&x[0], 2, |i, j| j / 2 % 4 / 2 == i))
            .case("no images", [Tensor::zeros([0, 2, 4], tensor::DType::F64).expect("invariant: no elements")], [0, 2, 2], call(&side))
            .case("large", [distinct(&[3, 20, 41, 40])], [3, 20, 21, 20], call(&over))
            .large()
            .error(
                [distinct(&[1, 1, 4])],
                call(&PoolOptions { padding: 2.into(), ..PoolOptions::new(3) }),
                "[max_pool] padding must be half a kernel at most; got padding 2 for a kernel of 3; pad less, or pad the images first",
            )
            .error(
                [distinct(&[1, 1, 4])],
                call(&PoolOptions::new(5)),
                "[max_pool] a window must not be larger than the padded image; got windows over 5 of 4 pixels; use a smaller kernel or dilation, or larger images",
            )
            .error(
                [distinct(&[1, 1, 4])],
                call(&PoolOptions { stride: Some(0.into()), ..PoolOptions::new(2) }),
                "[max_pool] kernel, stride and dilation must be 1 or more; got kernel [2], stride [0], dilation [1]; use 2 for windows of 2 pixels",
            ),
        OpSpec::new("adaptive_max_pool")
            .case("five to three", [distinct(&[2, 2, 5])], [2, 2, 3], |x| x[0].adaptive_max_pool(3))
            .reference(|x| naive(&x[0], 3, |i, j| [[0, 2], [1, 4], [3, 5]][i][0] <= j && j < [[0, 2], [1, 4], [3, 5]][i][1]))
            .case("no results", [distinct(&[2, 2, 5])], [2, 2, 0], |x| x[0].adaptive_max_pool(0))
            .case("no images", [Tensor::zeros([0, 2, 4], tensor::DType::F64).expect("invariant: no elements")], [0, 2, 2], |x| x[0].adaptive_max_pool(2)),
    ]
}
