//! Convolutions over one, two and three spatial axes, and their transposes.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::init::{Init, fans};
use crate::param::Param;
use autodiff::Var;
use tensor::{ConvOptions, DType, PadMode, Padding, Rng, Spatial};

/// What lies around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// The image mirrored at its edge, which is not repeated.
    Reflect,
    /// The pixels of the edge.
    Replicate,
    /// The other side of the image.
    Circular,
}

/// How a [`Conv`] is made. One number stands for all axes, an array has one for each.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvConfig {
    /// Pixels from one window to the next.
    pub stride: Spatial,
    /// Pixels added around the image.
    pub padding: Padding,
    /// What is added.
    pub padding_mode: PaddingMode,
    /// Pixels from one element of a window to the next.
    pub dilation: Spatial,
    /// Parts that the channels fall into; as many as there are channels for a depthwise convolution.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
    /// How the weight starts.
    pub weight_init: Init,
    /// How the bias starts; `None`: uniform in ±1/√fan_in, as in PyTorch.
    pub bias_init: Option<Init>,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for ConvConfig {
    fn default() -> Self {
        let ConvOptions { stride, padding, dilation, groups } = ConvOptions::default();
        Self {
            stride,
            padding,
            padding_mode: PaddingMode::Zeros,
            dilation,
            groups,
            bias: true,
            weight_init: Init::FanIn,
            bias_init: None,
            dtype: DType::F32,
        }
    }
}

impl ConvConfig {
    /// How the windows lie.
    fn options(&self) -> ConvOptions {
        ConvOptions {
            stride: self.stride.clone(),
            padding: self.padding.clone(),
            dilation: self.dilation.clone(),
            groups: self.groups,
        }
    }
}

/// A convolution over `D` spatial axes: formula and shapes as [`tensor::Tensor::conv`].
///
/// Shapes: x `(n, c_in, ..)` → `(n, c_out, ..)`; weight `(c_out, c_in / groups, kernel ..)`, bias `(c_out)`: PyTorch's
/// names and layouts, and by default its starting values.
///
/// ```
/// use nn::{Context, Conv2d, ConvConfig, Layer};
/// use tensor::{DType, Rng, Tensor};
/// let config = ConvConfig { stride: 2.into(), padding: 1.into(), ..ConvConfig::default() };
/// let conv = Conv2d::with_config(3, 16, 3, &config, &mut Rng::seed(0))?;
/// let y = conv.forward(&Tensor::zeros([4, 3, 32, 32], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [4, 16, 16, 16]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Conv<const D: usize> {
    /// `(c_out, c_in / groups, kernel ..)`
    pub weight: Param,
    /// `(c_out)`
    pub bias: Option<Param>,
    #[module(skip)]
    options: ConvOptions,
    #[module(skip)]
    padding_mode: PaddingMode,
}

/// A convolution over sequences `(n, c_in, length)`.
pub type Conv1d = Conv<1>;
/// A convolution over images `(n, c_in, height, width)`.
pub type Conv2d = Conv<2>;
/// A convolution over volumes `(n, c_in, depth, height, width)`.
pub type Conv3d = Conv<3>;

fn invalid<T>(op: &'static str, rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op, rule, got, repair })
}

/// The kernel's sizes, and what both layers check.
fn checked<const D: usize>(
    op: &'static str,
    [c_in, c_out]: [usize; 2],
    kernel: Spatial,
    options: &ConvOptions,
) -> Result<Vec<usize>> {
    let Some(kernel) = kernel.over(D) else {
        let got = format!("{:?} for {D} axes", kernel.as_slice());
        return invalid(
            op,
            "a kernel must have one size for all axes, or one for each",
            got,
            "give as many sizes",
        );
    };
    let groups = options.groups;
    if c_in == 0 || c_out == 0 || kernel.contains(&0) {
        let got = format!("{c_in} channels to {c_out}, kernel {kernel:?}");
        return invalid(
            op,
            "channels and kernel sizes must be at least 1",
            got,
            "give the layer channels and a window",
        );
    }
    if groups == 0 || c_in % groups != 0 || c_out % groups != 0 {
        let got = format!("{groups} groups of {c_in} channels to {c_out}");
        return invalid(op, "the groups must divide the channels", got, "use a common divisor of both");
    }
    for (what, numbers) in [("stride", &options.stride), ("dilation", &options.dilation)] {
        if numbers.over(D).is_none_or(|numbers| numbers.contains(&0)) {
            let got = format!("{what} {:?}", numbers.as_slice());
            return invalid(op, "there must be a number of 1 or more for all axes or for each", got, "use 1");
        }
    }
    Ok(kernel.to_vec())
}

/// The starting values of a weight and a bias.
fn params(
    shape: &[usize],
    outputs: usize,
    config: &ConvConfig,
    rng: &mut Rng,
) -> Result<(Param, Option<Param>)> {
    let weight = config.weight_init.tensor(shape, config.dtype, rng)?;
    let fan_in = fans(shape)?.0;
    let bias_init = config.bias_init.unwrap_or(Init::Uniform { limit: 1.0 / (fan_in as f64).sqrt() });
    let bias = bias_init.tensor([outputs], config.dtype, rng)?;
    Ok((Param::new(weight), config.bias.then(|| Param::new(bias))))
}

impl<const D: usize> Conv<D> {
    const NAME: &'static str = ["conv1d", "conv2d", "conv3d"][D - 1];

    /// A layer with the default configuration. Takes two streams from `rng`.
    ///
    /// Errors: `InvalidArgument` if a size is 0.
    pub fn new(c_in: usize, c_out: usize, kernel: impl Into<Spatial>, rng: &mut Rng) -> Result<Self> {
        Self::with_config(c_in, c_out, kernel, &ConvConfig::default(), rng)
    }

    /// A layer made as `config` says.
    ///
    /// Errors: as [`Conv::new`], for groups that do not divide the channels, and for strides and dilations of 0.
    pub fn with_config(
        c_in: usize,
        c_out: usize,
        kernel: impl Into<Spatial>,
        config: &ConvConfig,
        rng: &mut Rng,
    ) -> Result<Self> {
        let options = config.options();
        let kernel = checked::<D>(Self::NAME, [c_in, c_out], kernel.into(), &options)?;
        let shape = [&[c_out, c_in / config.groups], &kernel[..]].concat();
        let (weight, bias) = params(&shape, c_out, config, rng)?;
        Ok(Self { weight, bias, options, padding_mode: config.padding_mode })
    }

    fn run(&self, x: &Var, cx: &mut Context, relu: bool) -> Result<Var> {
        let (x, options) = self.bordered(x)?;
        let (weight, bias) = (cx.param(&self.weight), self.bias.as_ref().map(|bias| cx.param(bias)));
        Ok(match relu {
            true => x.conv_relu(&weight, bias.as_ref(), &options)?,
            false => x.conv(&weight, bias.as_ref(), &options)?,
        })
    }

    /// The image with its border, where that is no zeros, and what is left for the convolution to pad.
    fn bordered(&self, x: &Var) -> Result<(Var, ConvOptions)> {
        let mode = match self.padding_mode {
            PaddingMode::Zeros => return Ok((x.clone(), self.options.clone())),
            PaddingMode::Reflect => PadMode::Reflect,
            PaddingMode::Replicate => PadMode::Replicate,
            PaddingMode::Circular => PadMode::Circular,
        };
        let kernel = &self.weight.value().shape()[2..];
        let pairs = self.options.pairs(kernel)?;
        let border = |(axis, &(low, high)): (usize, &(usize, usize))| {
            (axis as isize - D as isize, low as isize, high as isize)
        };
        let borders: Vec<_> = pairs.iter().enumerate().map(border).collect();
        Ok((x.pad(&borders, mode)?, ConvOptions { padding: Padding::valid(), ..self.options.clone() }))
    }
}

impl<const D: usize> Layer for Conv<D> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.run(x, cx, false)
    }
    fn forward_relu(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.run(x, cx, true)
    }
    fn kind(&self) -> String {
        let shape = self.weight.value().shape();
        let channels = shape[1] * self.options.groups;
        format!("Conv{D}d({channels} → {}, {})", shape[0], sizes(&shape[2..]))
    }
}

/// `3×3`
fn sizes(kernel: &[usize]) -> String {
    kernel.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// A transposed convolution over `D` spatial axes: formula and shapes as
/// [`tensor::Tensor::conv_transpose`].
///
/// Shapes: x `(n, c_in, ..)` → `(n, c_out, ..)`; weight `(c_in, c_out / groups, kernel ..)`, bias `(c_out)`, as in
/// PyTorch.
///
/// ```
/// use nn::{Context, ConvConfig, ConvTranspose2d, Layer};
/// use tensor::{DType, Rng, Tensor};
/// let config = ConvConfig { stride: 2.into(), ..ConvConfig::default() };
/// let up = ConvTranspose2d::with_config(16, 8, 2, &config, &mut Rng::seed(0))?;
/// let y = up.forward(&Tensor::zeros([4, 16, 7, 7], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [4, 8, 14, 14]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct ConvTranspose<const D: usize> {
    /// `(c_in, c_out / groups, kernel ..)`
    pub weight: Param,
    /// `(c_out)`
    pub bias: Option<Param>,
    #[module(skip)]
    options: ConvOptions,
    #[module(skip)]
    output_padding: Spatial,
}

/// A transposed convolution over sequences.
pub type ConvTranspose1d = ConvTranspose<1>;
/// A transposed convolution over images.
pub type ConvTranspose2d = ConvTranspose<2>;
/// A transposed convolution over volumes.
pub type ConvTranspose3d = ConvTranspose<3>;

impl<const D: usize> ConvTranspose<D> {
    const NAME: &'static str = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"][D - 1];

    /// A layer with the default configuration. Takes two streams from `rng`. Errors: as [`Conv::new`].
    pub fn new(c_in: usize, c_out: usize, kernel: impl Into<Spatial>, rng: &mut Rng) -> Result<Self> {
        Self::with_config(c_in, c_out, kernel, &ConvConfig::default(), rng)
    }

    /// A layer made as `config` says, whose border is always of zeros. Errors: as [`Conv::with_config`], and for
    /// another padding mode.
    pub fn with_config(
        c_in: usize,
        c_out: usize,
        kernel: impl Into<Spatial>,
        config: &ConvConfig,
        rng: &mut Rng,
    ) -> Result<Self> {
        if config.padding_mode != PaddingMode::Zeros {
            let got = format!("{:?}", config.padding_mode);
            return invalid(Self::NAME, "the border must be of zeros", got, "use PaddingMode::Zeros");
        }
        let options = config.options();
        let kernel = checked::<D>(Self::NAME, [c_in, c_out], kernel.into(), &options)?;
        let shape = [&[c_in, c_out / config.groups], &kernel[..]].concat();
        let (weight, bias) = params(&shape, c_out, config, rng)?;
        Ok(Self { weight, bias, options, output_padding: 0.into() })
    }

    /// With pixels added at the end of each axis, which a strided convolution of the result would drop: they must be
    /// fewer than the stride or the dilation.
    pub fn output_padding(self, pixels: impl Into<Spatial>) -> Self {
        Self { output_padding: pixels.into(), ..self }
    }
}

impl<const D: usize> Layer for ConvTranspose<D> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let (weight, bias) = (cx.param(&self.weight), self.bias.as_ref().map(|bias| cx.param(bias)));
        Ok(x.conv_transpose(&weight, bias.as_ref(), &self.options, &self.output_padding)?)
    }
    fn kind(&self) -> String {
        let shape = self.weight.value().shape();
        let channels = shape[1] * self.options.groups;
        format!("ConvTranspose{D}d({} → {channels}, {})", shape[0], sizes(&shape[2..]))
    }
}
