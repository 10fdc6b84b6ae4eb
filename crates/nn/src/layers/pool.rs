//! Pooling and what is made of it, over any number of spatial axes from one to three.

use super::Layer;
use super::patches::shown;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;
use tensor::{PadMode, PoolOptions, Spatial};

/// The largest element of each window: [`Var::max_pool`].
///
/// Shapes: x `(n, c, ..)` with one to three spatial axes.
///
/// ```
/// use nn::{Context, Layer, MaxPool};
/// use tensor::Tensor;
/// let x = Tensor::from_vec(vec![1.0f32, 5.0, 2.0, 3.0], [1, 1, 4])?.into();
/// let y = MaxPool::new(2).forward(&x, &mut Context::eval())?;
/// assert_eq!(y.value().to_vec::<f32>()?, [5.0, 3.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Module)]
pub struct MaxPool {
    /// The windows.
    #[module(skip)]
    pub options: PoolOptions,
}

impl MaxPool {
    /// Windows of this size side by side.
    pub fn new(kernel: impl Into<Spatial>) -> Self {
        Self { options: PoolOptions::new(kernel) }
    }

    /// Windows that lie as `options` say.
    pub fn with_options(options: PoolOptions) -> Self {
        Self { options }
    }
}

impl Layer for MaxPool {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.max_pool(&self.options)?)
    }
    fn kind(&self) -> String {
        format!("MaxPool({})", shown(&self.options.kernel))
    }
}

/// The mean of each window: [`Var::avg_pool`], or its sum over `divisor_override`: [`Var::avg_pool_by`].
///
/// ```
/// use nn::{AvgPool, Context, Layer};
/// use tensor::Tensor;
/// let x = Tensor::from_vec(vec![1.0f32, 5.0, 2.0, 4.0], [1, 1, 4])?.into();
/// let sums = AvgPool { divisor_override: Some(1), ..AvgPool::new(2) };
/// assert_eq!(sums.forward(&x, &mut Context::eval())?.value().to_vec::<f32>()?, [6.0, 6.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Module)]
pub struct AvgPool {
    /// The windows.
    #[module(skip)]
    pub options: PoolOptions,
    /// Whether pixels of the padding count as zeros.
    pub include_pad: bool,
    /// What sums are divided by instead of their number of pixels.
    pub divisor_override: Option<usize>,
}

impl AvgPool {
    /// Windows of this size side by side.
    pub fn new(kernel: impl Into<Spatial>) -> Self {
        Self::with_options(PoolOptions::new(kernel))
    }

    /// Windows that lie as `options` say.
    pub fn with_options(options: PoolOptions) -> Self {
        Self { options, include_pad: true, divisor_override: None }
    }
}

impl Layer for AvgPool {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(match self.divisor_override {
            Some(divisor) => x.avg_pool_by(&self.options, divisor)?,
            None => x.avg_pool(&self.options, self.include_pad)?,
        })
    }
    fn kind(&self) -> String {
        format!("AvgPool({})", shown(&self.options.kernel))
    }
}

/// The p-norm of each window: [`Var::lp_pool`], PyTorch's `LPPool1d` to `LPPool3d`.
///
/// ```
/// use nn::{Context, Layer, LpPool};
/// use tensor::Tensor;
/// let x = Tensor::from_vec(vec![3.0f32, 4.0, 0.0, 2.0], [1, 1, 4])?.into();
/// let y = LpPool::new(2.0, 2).forward(&x, &mut Context::eval())?;
/// assert_eq!(y.value().to_vec::<f32>()?, [5.0, 2.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Module)]
pub struct LpPool {
    /// The power.
    pub p: f64,
    /// The windows.
    #[module(skip)]
    pub options: PoolOptions,
}

impl LpPool {
    /// Windows of this size side by side.
    pub fn new(p: f64, kernel: impl Into<Spatial>) -> Self {
        Self { p, options: PoolOptions::new(kernel) }
    }

    /// Windows that lie as `options` say.
    pub fn with_options(p: f64, options: PoolOptions) -> Self {
        Self { p, options }
    }
}

impl Layer for LpPool {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.lp_pool(self.p, &self.options)?)
    }
    fn kind(&self) -> String {
        format!("LpPool({}, {})", self.p, shown(&self.options.kernel))
    }
}

/// The largest element of each of so many windows: [`Var::adaptive_max_pool`].
#[derive(Debug, Clone, PartialEq, Module)]
pub struct AdaptiveMaxPool {
    /// Results along each axis.
    #[module(skip)]
    pub sizes: Spatial,
}

impl AdaptiveMaxPool {
    /// To images of these sizes.
    pub fn new(sizes: impl Into<Spatial>) -> Self {
        Self { sizes: sizes.into() }
    }
}

impl Layer for AdaptiveMaxPool {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.adaptive_max_pool(self.sizes.clone())?)
    }
    fn kind(&self) -> String {
        format!("AdaptiveMaxPool({})", shown(&self.sizes))
    }
}

/// The mean of each of so many windows: [`Var::adaptive_avg_pool`].
#[derive(Debug, Clone, PartialEq, Module)]
pub struct AdaptiveAvgPool {
    /// Results along each axis.
    #[module(skip)]
    pub sizes: Spatial,
}

impl AdaptiveAvgPool {
    /// To images of these sizes.
    pub fn new(sizes: impl Into<Spatial>) -> Self {
        Self { sizes: sizes.into() }
    }
}

impl Layer for AdaptiveAvgPool {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.adaptive_avg_pool(self.sizes.clone())?)
    }
    fn kind(&self) -> String {
        format!("AdaptiveAvgPool({})", shown(&self.sizes))
    }
}

/// The mean of each channel over all pixels: `(n, c, ..)` → `(n, c)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Module)]
pub struct GlobalAvgPool;

impl Layer for GlobalAvgPool {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        if x.rank() < 3 {
            return Err(Error::InvalidArgument {
                op: "global_avg_pool",
                rule: "the input must be (n, channels, ..) with a spatial axis",
                got: format!("{:?}", x.shape()),
                repair: "leave the layer out, or add an axis",
            });
        }
        let axes: Vec<isize> = (2..x.rank() as isize).collect();
        Ok(x.mean(&axes)?)
    }
}

/// `y = x/(k + alpha/size·Σ x²)^beta`, the sum over `size` neighbouring channels. Source: Krizhevsky et al. 2012, section
/// 3.3, with PyTorch's division by the size.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct LocalResponseNorm {
    /// Channels of a window.
    pub size: usize,
    /// The weight of the squares.
    pub alpha: f64,
    /// The power.
    pub beta: f64,
    /// Added to the squares.
    pub k: f64,
}

impl LocalResponseNorm {
    /// With PyTorch's constants.
    pub fn new(size: usize) -> Self {
        Self { size, alpha: 1e-4, beta: 0.75, k: 1.0 }
    }
}

impl Layer for LocalResponseNorm {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        let (&[n, c, ref rest @ ..], true) = (x.shape(), self.size > 0) else {
            return Err(Error::InvalidArgument {
                op: "local_response_norm",
                rule: "the input must be (n, channels, ..), and a window have a channel",
                got: format!("{:?} for windows of {}", x.shape(), self.size),
                repair: "add an axis for the batch, or use a larger window",
            });
        };
        let pixels: usize = rest.iter().product();
        let (low, high) = ((self.size / 2) as isize, ((self.size - 1) / 2) as isize);
        let squares =
            x.square()?.reshape([n, 1, c, pixels])?.pad(&[(2, low, high)], PadMode::Constant(0.0))?;
        let options = PoolOptions { stride: Some(1.into()), ..PoolOptions::new([self.size, 1]) };
        let means = squares.avg_pool(&options, true)?.reshape(x.shape())?;
        Ok(x.div(&means.mul_scalar(self.alpha)?.add_scalar(self.k)?.pow_scalar(self.beta)?)?)
    }
    fn kind(&self) -> String {
        format!("LocalResponseNorm({})", self.size)
    }
}
