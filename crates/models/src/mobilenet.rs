//! A small network of depthwise convolutions.

use autodiff::Var;
use nn::{
    Activation, BatchNorm2d, Context, Conv2d, ConvConfig, Error, GlobalAvgPool, Layer, Linear, Module,
    Result, Sequential,
};
use tensor::Rng;

/// How a [`MobileNet`] is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MobileNetConfig {
    /// Channels of the images.
    pub c_in: usize,
    /// Outputs.
    pub classes: usize,
    /// Channels of the first convolution.
    pub width: usize,
    /// Channels and steps of each block.
    pub blocks: Vec<(usize, usize)>,
}

impl MobileNetConfig {
    /// For images of 32×32: 32 channels, then 64, 128, 128, 256, 256, halved three times.
    pub fn small(classes: usize) -> Self {
        Self { c_in: 3, classes, width: 32, blocks: vec![(64, 1), (128, 2), (128, 1), (256, 2), (256, 1)] }
    }
}

/// Blocks of a depthwise 3×3 and a 1×1 convolution, each normalised and rectified, a mean over all pixels and a linear
/// layer.
///
/// Shapes: x `(n, c_in, height, width)` → `(n, classes)`. Source: Howard et al. 2017, arXiv:1704.04861.
///
/// ```
/// use models::{MobileNet, MobileNetConfig};
/// use nn::{Context, Layer};
/// use tensor::{DType, Rng, Tensor};
/// let net = MobileNet::new(&MobileNetConfig::small(10), &mut Rng::seed(0))?;
/// let y = net.forward(&Tensor::zeros([2, 3, 32, 32], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [2, 10]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Module)]
pub struct MobileNet {
    features: Sequential,
    fc: Linear,
}

impl MobileNet {
    /// A network made as `config` says. Errors: `InvalidArgument` for no blocks and sizes of 0.
    pub fn new(config: &MobileNetConfig, rng: &mut Rng) -> Result<Self> {
        if config.blocks.is_empty() || config.width == 0 {
            return Err(Error::InvalidArgument {
                op: "mobilenet",
                rule: "there must be channels and a block",
                got: format!("width {}, blocks {:?}", config.width, config.blocks),
                repair: "use MobileNetConfig::small, or the like",
            });
        }
        let conv = |c_in, c_out, kernel: usize, stride: usize, groups, rng: &mut Rng| {
            let config = ConvConfig {
                stride: stride.into(),
                padding: (kernel / 2).into(),
                groups,
                bias: false,
                ..ConvConfig::default()
            };
            Conv2d::with_config(c_in, c_out, kernel, &config, rng)
        };
        let normal = |features: Sequential, conv: Conv2d, c| -> Result<Sequential> {
            Ok(features.push(conv).push(BatchNorm2d::new(c)?).push(Activation::Relu))
        };
        let mut c = config.width;
        let mut features = normal(Sequential::new(), conv(config.c_in, c, 3, 1, 1, rng)?, c)?;
        for &(channels, stride) in &config.blocks {
            features = normal(features, conv(c, c, 3, stride, c, rng)?, c)?;
            features = normal(features, conv(c, channels, 1, 1, 1, rng)?, channels)?;
            c = channels;
        }
        Ok(Self { features: features.push(GlobalAvgPool), fc: Linear::new(c, config.classes, rng)? })
    }
}

impl Layer for MobileNet {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("features", &self.features, x)?;
        cx.call("fc", &self.fc, &y)
    }
}
