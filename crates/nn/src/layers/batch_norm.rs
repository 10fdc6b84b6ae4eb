//! Batch normalisation, with running statistics for inference.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::param::{Buffer, Param};
use autodiff::Var;
use autodiff::ops::norm::batch_norm::BatchNormOptions;
use tensor::{DType, Tensor};

/// How a [`BatchNorm`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// The share of a batch in the running statistics; `None`: the mean over all batches so far.
    pub momentum: Option<f64>,
    /// Whether there are a weight and a bias, which start as ones and zeros.
    pub affine: bool,
    /// Whether there are running statistics; without them inference too uses the batch's own.
    pub track_running_stats: bool,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for BatchNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, momentum: Some(0.1), affine: true, track_running_stats: true, dtype: DType::F32 }
    }
}

/// Each channel normalised over all images and pixels: `y = (x − m)/√(v + eps)·w + b`, with the mean m and variance v of
/// the batch in training, and the running ones in inference. `D` spatial axes; none of them for rows `(n, c)`, if D is 1.
///
/// In training, each pass moves `running_mean` and `running_var` (of the unbiased variance) by the momentum, as in PyTorch.
/// Shapes: x `(n, c, ..)` → the same; weight, bias and statistics `(c)`. Source: Ioffe and Szegedy 2015, arXiv:1502.03167.
///
/// ```
/// use nn::{BatchNorm2d, Context, Layer};
/// use tensor::{DType, Rng};
/// let rng = &mut Rng::seed(0);
/// let norm = BatchNorm2d::new(3)?;
/// let x = rng.normal([8, 3, 4, 4], 5.0, 2.0, DType::F32)?.into();
/// let y = norm.forward(&x, &mut Context::train(rng))?;
/// assert!(y.value().mean(&[])?.item()?.abs() < 1e-6);
/// let mean = norm.running_mean.as_ref().unwrap().value().mean(&[])?.item()?;
/// assert!((mean - 0.5).abs() < 0.1);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct BatchNorm<const D: usize> {
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
    #[module(skip)]
    momentum: Option<f64>,
}

/// Batch normalisation of rows `(n, c)` or sequences `(n, c, length)`.
pub type BatchNorm1d = BatchNorm<1>;
/// Batch normalisation of images `(n, c, height, width)`.
pub type BatchNorm2d = BatchNorm<2>;
/// Batch normalisation of volumes `(n, c, depth, height, width)`.
pub type BatchNorm3d = BatchNorm<3>;

/// Refuses what no normalisation of channels is made with. Errors: `InvalidArgument`.
pub(super) fn check_config(op: &'static str, channels: usize, eps: f64, momentum: Option<f64>) -> Result<()> {
    let refuse = |rule, got, repair| Err(Error::InvalidArgument { op, rule, got, repair });
    if channels == 0 {
        return refuse("there must be a channel", "0".into(), "give the layer the channels of its input");
    }
    if !(eps >= 0.0 && eps.is_finite()) {
        return refuse("eps must be a number of 0 or more", eps.to_string(), "use 1e-5 or so");
    }
    match momentum {
        Some(momentum) if !(0.0..=1.0).contains(&momentum) => {
            refuse("a momentum must lie in 0..=1", momentum.to_string(), "use 0.1 or so")
        }
        _ => Ok(()),
    }
}

impl<const D: usize> BatchNorm<D> {
    const NAME: &'static str = ["batch_norm1d", "batch_norm2d", "batch_norm3d"][D - 1];

    /// A layer with the default configuration. Errors: as [`BatchNorm::with_config`].
    pub fn new(channels: usize) -> Result<Self> {
        Self::with_config(channels, &BatchNormConfig::default())
    }

    /// A layer made as `config` says. Errors: `InvalidArgument` for 0 channels, and for an eps or momentum that is no
    /// number of 0 or more.
    pub fn with_config(channels: usize, config: &BatchNormConfig) -> Result<Self> {
        check_config(Self::NAME, channels, config.eps, config.momentum)?;
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

    /// `max(y + residual, 0)`, each part if it is wanted, in the same pass: the end of a residual block.
    ///
    /// Errors: `InvalidArgument` unless x has the layer's axes and channels; in training, for channels of one value; those
    /// of [`Tensor::batch_norm`].
    pub fn forward_with(&self, x: &Var, residual: Option<&Var>, relu: bool, cx: &mut Context) -> Result<Var> {
        let rank_fits = x.rank() == D + 2 || D == 1 && x.rank() == 2;
        if !rank_fits || x.shape()[1] != self.channels {
            return Err(Error::InvalidArgument {
                op: Self::NAME,
                rule: "the input must be (n, channels, ..) with the layer's spatial axes and channels",
                got: format!("{:?} for {D} spatial axes and {} channels", x.shape(), self.channels),
                repair: "use the layer for these axes, or change its channels",
            });
        }
        let (weight, bias) =
            (self.weight.as_ref().map(|p| cx.param(p)), self.bias.as_ref().map(|p| cx.param(p)));
        let running = match (&self.running_mean, &self.running_var) {
            (Some(mean), Some(variance)) => Some((mean, variance)),
            _ => None,
        };
        let known =
            running.filter(|_| !cx.is_train()).map(|(mean, variance)| [mean.value(), variance.value()]);
        let options = BatchNormOptions {
            affine: weight.as_ref().zip(bias.as_ref()).map(|(w, b)| [w, b]),
            statistics: known.as_ref().map(|[mean, variance]| [mean, variance]),
            eps: self.eps,
            residual,
            relu,
        };
        let (y, [mean, variance]) = x.batch_norm(&options)?;
        if let (Some((running_mean, running_var)), true) = (running, cx.is_train()) {
            let values = (x.value().len() / self.channels) as f64;
            let share = self.count(cx)?;
            let moved = |old: Tensor, new: &Tensor, scale: f64| -> Result<Tensor> {
                Ok(old
                    .mul_scalar(1.0 - share)?
                    .add(&new.to_dtype(old.dtype())?.mul_scalar(share * scale)?)?)
            };
            cx.update(running_mean, |old| moved(old, &mean, 1.0))?;
            cx.update(running_var, |old| moved(old, &variance, values / (values - 1.0)))?;
        }
        Ok(y)
    }

    /// Counts the batch; its share in the running statistics.
    fn count(&self, cx: &Context) -> Result<f64> {
        let Some(counter) = &self.num_batches_tracked else { return Ok(self.momentum.unwrap_or(1.0)) };
        cx.update(counter, |n| Ok(n.add(&Tensor::scalar(1i64))?))?;
        Ok(match self.momentum {
            Some(momentum) => momentum,
            None => 1.0 / counter.value().item()?.max(1.0),
        })
    }
}

impl<const D: usize> Layer for BatchNorm<D> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.forward_with(x, None, false, cx)
    }
    fn forward_relu(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.forward_with(x, None, true, cx)
    }
    fn kind(&self) -> String {
        format!("BatchNorm{D}d({})", self.channels)
    }
}
