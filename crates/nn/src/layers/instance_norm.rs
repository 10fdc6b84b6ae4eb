//! Instance normalisation, with running statistics if so wished.

use super::Layer;
use super::batch_norm::check_config;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::param::{Buffer, Param};
use autodiff::Var;
use autodiff::ops::norm::batch_norm::BatchNormOptions;
use tensor::{DType, Tensor};

/// How an [`InstanceNorm`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InstanceNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// The share of a batch in the running statistics.
    pub momentum: f64,
    /// Whether there are a weight and a bias, which start as ones and zeros.
    pub affine: bool,
    /// Whether there are running statistics, which inference then uses; else it uses each image's own.
    pub track_running_stats: bool,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for InstanceNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, momentum: 0.1, affine: false, track_running_stats: false, dtype: DType::F32 }
    }
}

/// Each channel of each image normalised over its pixels: `y = (x − m)/√(v + eps)·w + b`, with m and v the mean and the
/// variance of that channel of that image, without Bessel's correction. `D` spatial axes.
///
/// With running statistics, a pass in training moves them by the momentum towards the means over the batch of m and of the
/// unbiased v, and inference uses them instead, as in PyTorch, whose names and defaults these are; its
/// `num_batches_tracked` is there for files and counts nothing. An image alone gives the same bits as in a batch.
/// Shapes: x `(n, c, ..)` → the same; weight, bias and statistics `(c)`. Source: Ulyanov, Vedaldi & Lempitsky 2016,
/// arXiv:1607.08022.
///
/// ```
/// use nn::{Context, InstanceNorm1d, Layer};
/// use tensor::Tensor;
/// let norm = InstanceNorm1d::new(2)?;
/// let x = Tensor::from_vec(vec![1.0f32, 3.0, 10.0, 30.0], [1, 2, 2])?.into();
/// let y = norm.forward(&x, &mut Context::eval())?.value().to_vec::<f32>()?;
/// assert!(y.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, e)| (y - e).abs() < 1e-5));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct InstanceNorm<const D: usize> {
    /// `(c)`
    pub weight: Option<Param>,
    /// `(c)`
    pub bias: Option<Param>,
    /// `(c)`
    pub running_mean: Option<Buffer>,
    /// `(c)`
    pub running_var: Option<Buffer>,
    /// A scalar of I64.
    pub num_batches_tracked: Option<Buffer>,
    channels: usize,
    eps: f64,
    momentum: f64,
}

/// Instance normalisation of sequences `(n, c, length)`.
pub type InstanceNorm1d = InstanceNorm<1>;
/// Instance normalisation of images `(n, c, height, width)`.
pub type InstanceNorm2d = InstanceNorm<2>;
/// Instance normalisation of volumes `(n, c, depth, height, width)`.
pub type InstanceNorm3d = InstanceNorm<3>;

impl<const D: usize> InstanceNorm<D> {
    const NAME: &'static str = ["instance_norm1d", "instance_norm2d", "instance_norm3d"][D - 1];

    /// A layer with the default configuration. Errors: as [`InstanceNorm::with_config`].
    pub fn new(channels: usize) -> Result<Self> {
        Self::with_config(channels, &InstanceNormConfig::default())
    }

    /// A layer made as `config` says. Errors: `InvalidArgument` for 0 channels, for an eps that is no number of 0 or more,
    /// and for a momentum outside 0..=1.
    pub fn with_config(channels: usize, config: &InstanceNormConfig) -> Result<Self> {
        check_config(Self::NAME, channels, config.eps, Some(config.momentum))?;
        let of = |value: f64| Tensor::full([channels], value, config.dtype);
        let param = |value: f64| config.affine.then(|| of(value).map(Param::new)).transpose();
        let buffer = |value: f64| config.track_running_stats.then(|| of(value).map(Buffer::new)).transpose();
        Ok(Self {
            weight: param(1.0)?,
            bias: param(0.0)?,
            running_mean: buffer(0.0)?,
            running_var: buffer(1.0)?,
            num_batches_tracked: config.track_running_stats.then(|| Buffer::new(Tensor::scalar(0i64))),
            channels,
            eps: config.eps,
            momentum: config.momentum,
        })
    }

    /// Moves the running statistics towards those of `x` `(n, c, pixels)`.
    fn track(&self, x: &Tensor, mean: &Buffer, variance: &Buffer, cx: &Context) -> Result<()> {
        let moved = |old: Tensor, new: Tensor| -> Result<Tensor> {
            let new = new.mean(&[0])?.to_dtype(old.dtype())?.mul_scalar(self.momentum)?;
            Ok(old.mul_scalar(1.0 - self.momentum)?.add(&new)?)
        };
        cx.update(mean, |old| moved(old, x.mean(&[2])?))?;
        cx.update(variance, |old| moved(old, x.var(&[2], 1)?))
    }
}

impl<const D: usize> Layer for InstanceNorm<D> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let c = self.channels;
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: Self::NAME, rule, got, repair });
        if x.rank() != D + 2 || x.shape()[1] != c {
            return refuse(
                "the input must be (n, channels, ..) with the layer's spatial axes and channels",
                format!("{:?} for {D} spatial axes and {c} channels", x.shape()),
                "use the layer for these axes, or change its channels",
            );
        }
        let affine = [&self.weight, &self.bias].map(|p| p.as_ref().map(|p| cx.param(p)));
        let running = self.running_mean.as_ref().zip(self.running_var.as_ref());
        if let (Some((mean, variance)), false) = (running, cx.is_train()) {
            let [mean, variance] = [mean.value(), variance.value()];
            let options = BatchNormOptions {
                affine: affine[0].as_ref().zip(affine[1].as_ref()).map(|(w, b)| [w, b]),
                statistics: Some([&mean, &variance]),
                eps: self.eps,
                residual: None,
                relu: false,
            };
            return Ok(x.batch_norm(&options)?.0);
        }
        let (n, area) = (x.shape()[0], x.shape()[2..].iter().product());
        if area < 2 {
            return refuse(
                "an image must have more than one pixel to be normalised over",
                format!("{:?}", x.shape()),
                "use larger images, or running statistics in inference",
            );
        }
        let flat = x.reshape([n, c, area])?;
        let mut y = flat.layer_norm(&[area], None, None, self.eps)?;
        if let [Some(weight), Some(bias)] = affine {
            y = y.mul(&weight.reshape([c, 1])?)?.add(&bias.reshape([c, 1])?)?;
        }
        if let (Some((mean, variance)), true) = (running, n > 0) {
            self.track(flat.value(), mean, variance, cx)?;
        }
        Ok(y.reshape(x.shape())?)
    }
    fn kind(&self) -> String {
        format!("InstanceNorm{D}d({})", self.channels)
    }
}
