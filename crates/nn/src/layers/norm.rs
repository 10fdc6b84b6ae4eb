//! Normalisation: layer norm, root-mean-square norm, group norm.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::param::Param;
use autodiff::Var;
use tensor::{DType, Tensor};

/// How a [`LayerNorm`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// Whether there is a weight, which starts as ones.
    pub elementwise_affine: bool,
    /// Whether there is a bias beside the weight, which starts as zeros.
    pub bias: bool,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for LayerNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, elementwise_affine: true, bias: true, dtype: DType::F32 }
    }
}

/// `(x − mean)/√(var + eps)·weight + bias` over the last axes; var without Bessel's correction.
///
/// Shapes: x `(.., normalized_shape)` → the same; weight and bias `normalized_shape`. PyTorch's names, and its starting
/// values, ones and zeros. A row alone gives the same bits as in a batch. Source: Ba, Kiros & Hinton 2016,
/// arXiv:1607.06450.
///
/// ```
/// use nn::{Context, Layer, LayerNorm};
/// use tensor::Tensor;
/// let norm = LayerNorm::new([2])?;
/// let x = Tensor::from_vec(vec![1.0f32, 3.0], [1, 2])?.into();
/// let y = norm.forward(&x, &mut Context::eval())?.value().to_vec::<f32>()?;
/// assert!((y[0] + 1.0).abs() < 1e-5 && (y[1] - 1.0).abs() < 1e-5);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct LayerNorm {
    /// `normalized_shape`
    pub weight: Option<Param>,
    /// `normalized_shape`
    pub bias: Option<Param>,
    normalized_shape: Vec<usize>,
    eps: f64,
}

impl LayerNorm {
    /// A layer with the default configuration. Errors: as [`LayerNorm::with_config`].
    pub fn new(normalized_shape: impl AsRef<[usize]>) -> Result<Self> {
        Self::with_config(normalized_shape, &LayerNormConfig::default())
    }

    /// A layer made as `config` says. Errors: `InvalidArgument` if `normalized_shape` has no axis, or eps is negative or
    /// not finite.
    pub fn with_config(normalized_shape: impl AsRef<[usize]>, config: &LayerNormConfig) -> Result<Self> {
        let shape = checked("layer_norm", normalized_shape.as_ref(), Some(config.eps))?;
        let weight = config.elementwise_affine.then(|| Tensor::ones(&shape, config.dtype)).transpose()?;
        let bias = config.elementwise_affine && config.bias;
        let bias = bias.then(|| Tensor::zeros(&shape, config.dtype)).transpose()?;
        Ok(Self {
            weight: weight.map(Param::new),
            bias: bias.map(Param::new),
            normalized_shape: shape,
            eps: config.eps,
        })
    }
}

impl Layer for LayerNorm {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let [weight, bias] = [&self.weight, &self.bias].map(|p| p.as_ref().map(|p| cx.param(p)));
        Ok(x.layer_norm(&self.normalized_shape, weight.as_ref(), bias.as_ref(), self.eps)?)
    }
    fn kind(&self) -> String {
        format!("LayerNorm({})", listed(&self.normalized_shape))
    }
}

/// How an [`RmsNorm`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsNormConfig {
    /// Added to the mean of squares; `None`: the machine epsilon of the dtype that the input is computed in (F32 for
    /// 16-bit floats).
    pub eps: Option<f64>,
    /// Whether there is a weight, which starts as ones.
    pub elementwise_affine: bool,
    /// The weight's element type.
    pub dtype: DType,
}

impl Default for RmsNormConfig {
    fn default() -> Self {
        Self { eps: None, elementwise_affine: true, dtype: DType::F32 }
    }
}

/// `x/√(mean x² + eps)·weight` over the last axes.
///
/// Shapes and names as for [`LayerNorm`], without a bias. Source: Zhang & Sennrich 2019, arXiv:1910.07467, eq. (4).
///
/// ```
/// use nn::{Context, Layer, RmsNorm};
/// use tensor::Tensor;
/// let norm = RmsNorm::new([2])?;
/// let x = Tensor::from_vec(vec![1.0f32, 7.0], [1, 2])?.into();
/// let y = norm.forward(&x, &mut Context::eval())?.value().to_vec::<f32>()?;
/// assert!((y[0] - 0.2).abs() < 1e-6 && (y[1] - 1.4).abs() < 1e-6); // √((1 + 49)/2) = 5
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct RmsNorm {
    /// `normalized_shape`
    pub weight: Option<Param>,
    normalized_shape: Vec<usize>,
    #[module(skip)]
    eps: Option<f64>,
}

impl RmsNorm {
    /// A layer with the default configuration. Errors: as [`RmsNorm::with_config`].
    pub fn new(normalized_shape: impl AsRef<[usize]>) -> Result<Self> {
        Self::with_config(normalized_shape, &RmsNormConfig::default())
    }

    /// A layer made as `config` says. Errors: as [`LayerNorm::with_config`].
    pub fn with_config(normalized_shape: impl AsRef<[usize]>, config: &RmsNormConfig) -> Result<Self> {
        let shape = checked("rms_norm", normalized_shape.as_ref(), config.eps)?;
        let weight = config.elementwise_affine.then(|| Tensor::ones(&shape, config.dtype)).transpose()?;
        Ok(Self { weight: weight.map(Param::new), normalized_shape: shape, eps: config.eps })
    }
}

impl Layer for RmsNorm {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let weight = self.weight.as_ref().map(|p| cx.param(p));
        let eps = self.eps.unwrap_or(match x.dtype() {
            DType::F64 => f64::EPSILON,
            _ => f32::EPSILON.into(),
        });
        Ok(x.rms_norm(&self.normalized_shape, weight.as_ref(), eps)?)
    }
    fn kind(&self) -> String {
        format!("RmsNorm({})", listed(&self.normalized_shape))
    }
}

/// How a [`GroupNorm`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// Whether there are a weight and a bias, which start as ones and zeros.
    pub affine: bool,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for GroupNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, affine: true, dtype: DType::F32 }
    }
}

/// Each sample's channels in groups, each group normalised as in [`LayerNorm`]; a weight and a bias for each channel.
///
/// Shapes: x `(n, channels, ..)` → the same; weight and bias `(channels)`. Source: Wu & He 2018, arXiv:1803.08494.
///
/// ```
/// use nn::{Context, GroupNorm, Layer};
/// use tensor::Tensor;
/// let norm = GroupNorm::new(2, 4)?;
/// let x = Tensor::from_vec(vec![1.0f32, 3.0, 10.0, 30.0], [1, 4])?.into();
/// let y = norm.forward(&x, &mut Context::eval())?.value().to_vec::<f32>()?;
/// assert!(y.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, e)| (y - e).abs() < 1e-5));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct GroupNorm {
    /// `(channels)`
    pub weight: Option<Param>,
    /// `(channels)`
    pub bias: Option<Param>,
    groups: usize,
    channels: usize,
    eps: f64,
}

impl GroupNorm {
    /// A layer with the default configuration. Errors: as [`GroupNorm::with_config`].
    pub fn new(groups: usize, channels: usize) -> Result<Self> {
        Self::with_config(groups, channels, &GroupNormConfig::default())
    }

    /// A layer made as `config` says. Errors: `InvalidArgument` unless the groups divide the channels, of which there is
    /// one at least, or if eps is negative or not finite.
    pub fn with_config(groups: usize, channels: usize, config: &GroupNormConfig) -> Result<Self> {
        if channels == 0 || groups == 0 || !channels.is_multiple_of(groups) {
            return Err(Error::InvalidArgument {
                op: "group_norm",
                rule: "the groups must divide the channels",
                got: format!("{groups} groups of {channels} channels"),
                repair: "use a divisor of the number of channels",
            });
        }
        checked("group_norm", &[channels], Some(config.eps))?;
        let [weight, bias] = match config.affine {
            true => [Tensor::ones([channels], config.dtype)?, Tensor::zeros([channels], config.dtype)?]
                .map(|value| Some(Param::new(value))),
            false => [None, None],
        };
        Ok(Self { weight, bias, groups, channels, eps: config.eps })
    }
}

impl Layer for GroupNorm {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let (&[n, channels, ref rest @ ..], c) = (x.shape(), self.channels) else {
            return Err(self.refused(x));
        };
        if channels != c {
            return Err(self.refused(x));
        }
        let area: usize = rest.iter().product();
        let group = [c / self.groups * area];
        let normal = x.reshape([n, self.groups, group[0]])?.layer_norm(&group, None, None, self.eps)?;
        let mut y = normal.reshape([n, c, area])?;
        if let Some(weight) = &self.weight {
            y = y.mul(&cx.param(weight).reshape([c, 1])?)?;
        }
        if let Some(bias) = &self.bias {
            y = y.add(&cx.param(bias).reshape([c, 1])?)?;
        }
        Ok(y.reshape(x.shape())?)
    }
    fn kind(&self) -> String {
        format!("GroupNorm({}, {})", self.groups, self.channels)
    }
}

impl GroupNorm {
    fn refused(&self, x: &Var) -> Error {
        Error::InvalidArgument {
            op: "group_norm",
            rule: "the second axis of the input must be the channels",
            got: format!("{:?} for {} channels", x.shape(), self.channels),
            repair: "change the layer's channels, or permute the input to (n, channels, ..)",
        }
    }
}

/// The sizes, if they and eps can be used.
fn checked(op: &'static str, shape: &[usize], eps: Option<f64>) -> Result<Vec<usize>> {
    let refuse = |rule, got, repair| Err(Error::InvalidArgument { op, rule, got, repair });
    if shape.is_empty() {
        return refuse(
            "at least one axis must be normalised",
            "[]".into(),
            "name the sizes of the last axes",
        );
    }
    match eps {
        Some(eps) if !(eps >= 0.0 && eps.is_finite()) => {
            refuse("eps must be a number of 0 or more", eps.to_string(), "use 1e-5 or so")
        }
        _ => Ok(shape.to_vec()),
    }
}

fn listed(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
