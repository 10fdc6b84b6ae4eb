//! Residual networks for images.

use autodiff::Var;
use nn::init::Init;
use nn::{
    BatchNorm2d, BatchNormConfig, Context, Conv2d, ConvConfig, Error, GlobalAvgPool, Layer, Linear,
    LinearConfig, MaxPool, Module, Result,
};
use tensor::{DType, PoolOptions, Rng};

/// How a [`ResNet`] is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResNetConfig {
    /// Channels of the images.
    pub c_in: usize,
    /// Outputs.
    pub classes: usize,
    /// Blocks of each stage, two to four of them; each after the first halves the image.
    pub blocks: Vec<usize>,
    /// Channels of the first stage; each next one has twice as many.
    pub width: usize,
    /// Blocks of three convolutions, 1×1, 3×3 and 1×1, with four times the channels at their ends.
    pub bottleneck: bool,
    /// A first convolution for large images, 7×7 in steps of 2, and a pooling; else 3×3 in steps of 1.
    pub large_images: bool,
    /// The parameters' element type.
    pub dtype: DType,
}

impl ResNetConfig {
    fn of(blocks: &[usize], width: usize, bottleneck: bool, large_images: bool, classes: usize) -> Self {
        Self { c_in: 3, classes, blocks: blocks.to_vec(), width, bottleneck, large_images, dtype: DType::F32 }
    }

    /// 20 layers for images of 32×32, 0.27 million parameters.
    pub fn resnet20(classes: usize) -> Self {
        Self::of(&[3, 3, 3], 16, false, false, classes)
    }

    /// 18 layers for images of 224×224, 11.7 million parameters with 1,000 classes.
    pub fn resnet18(classes: usize) -> Self {
        Self::of(&[2, 2, 2, 2], 64, false, true, classes)
    }

    /// 34 layers for images of 224×224, 21.8 million parameters with 1,000 classes.
    pub fn resnet34(classes: usize) -> Self {
        Self::of(&[3, 4, 6, 3], 64, false, true, classes)
    }

    /// 50 layers for images of 224×224, 25.6 million parameters with 1,000 classes.
    pub fn resnet50(classes: usize) -> Self {
        Self::of(&[3, 4, 6, 3], 64, true, true, classes)
    }
}

/// A residual network. Names and shapes of the parameters are those of PyTorch's `torchvision`, so that its published
/// weights load: `conv1`, `bn1`, `layer1.0.conv1`, …, `layer2.0.downsample.0`, `fc`.
///
/// Shapes: x `(n, c_in, height, width)` → `(n, classes)`. Source: He et al. 2016, arXiv:1512.03385; steps of 2 are taken
/// by the 3×3 convolution of a bottleneck, as in `torchvision`.
///
/// ```
/// use models::{ResNet, ResNetConfig};
/// use nn::{Context, Layer, Module};
/// use tensor::{DType, Rng, Tensor};
/// let net = ResNet::new(&ResNetConfig::resnet20(10), &mut Rng::seed(0))?;
/// assert_eq!(net.n_params(), 272_474);
/// let y = net.forward(&Tensor::zeros([2, 3, 32, 32], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [2, 10]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    maxpool: Option<MaxPool>,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    fc: Linear,
}

/// Two or three convolutions around a shortcut.
#[derive(Debug, Clone, Module)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm2d>,
    downsample: Option<(Conv2d, BatchNorm2d)>,
}

/// A convolution without bias, padded by half its kernel. Its weights start as normal with variance 2/fan_out.
fn conv(
    c_in: usize,
    c_out: usize,
    kernel: usize,
    stride: usize,
    dtype: DType,
    rng: &mut Rng,
) -> Result<Conv2d> {
    let config = ConvConfig {
        stride: stride.into(),
        padding: (kernel / 2).into(),
        bias: false,
        dtype,
        weight_init: Init::Normal { std: (2.0 / (c_out * kernel * kernel) as f64).sqrt() },
        ..ConvConfig::default()
    };
    Conv2d::with_config(c_in, c_out, kernel, &config, rng)
}

fn norm(channels: usize, dtype: DType) -> Result<BatchNorm2d> {
    BatchNorm2d::with_config(channels, &BatchNormConfig { dtype, ..BatchNormConfig::default() })
}

impl Block {
    fn new(c_in: usize, width: usize, stride: usize, config: &ResNetConfig, rng: &mut Rng) -> Result<Self> {
        let (bottleneck, dtype) = (config.bottleneck, config.dtype);
        let c_out = if bottleneck { 4 * width } else { width };
        let first = if bottleneck { [1, 1] } else { [3, stride] };
        let second = if bottleneck { stride } else { 1 };
        Ok(Self {
            conv1: conv(c_in, width, first[0], first[1], dtype, rng)?,
            bn1: norm(width, dtype)?,
            conv2: conv(width, width, 3, second, dtype, rng)?,
            bn2: norm(width, dtype)?,
            conv3: bottleneck.then(|| conv(width, c_out, 1, 1, dtype, rng)).transpose()?,
            bn3: bottleneck.then(|| norm(c_out, dtype)).transpose()?,
            downsample: (stride != 1 || c_in != c_out)
                .then(|| Ok::<_, Error>((conv(c_in, c_out, 1, stride, dtype, rng)?, norm(c_out, dtype)?)))
                .transpose()?,
        })
    }
}

impl Layer for Block {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let shortcut = match &self.downsample {
            Some((conv, norm)) => cx.within("downsample", |cx| {
                let y = cx.call(0, conv, x)?;
                cx.call(1, norm, &y)
            })?,
            None => x.clone(),
        };
        let y = cx.call("conv1", &self.conv1, x)?;
        let y = cx.call_relu("bn1", &self.bn1, &y)?;
        let y = cx.call("conv2", &self.conv2, &y)?;
        match (&self.conv3, &self.bn3) {
            (Some(conv3), Some(bn3)) => {
                let y = cx.call_relu("bn2", &self.bn2, &y)?;
                let y = cx.call("conv3", conv3, &y)?;
                cx.within("bn3", |cx| bn3.forward_with(&y, Some(&shortcut), true, cx))
            }
            _ => cx.within("bn2", |cx| self.bn2.forward_with(&y, Some(&shortcut), true, cx)),
        }
    }
}

impl ResNet {
    /// A network made as `config` says. Errors: `InvalidArgument` for fewer than two stages or more than four, and sizes
    /// of 0.
    pub fn new(config: &ResNetConfig, rng: &mut Rng) -> Result<Self> {
        if !(2..=4).contains(&config.blocks.len()) || config.blocks.contains(&0) || config.width == 0 {
            return Err(Error::InvalidArgument {
                op: "resnet",
                rule: "there must be two to four stages of blocks, and channels",
                got: format!("blocks {:?}, width {}", config.blocks, config.width),
                repair: "use [2, 2, 2, 2] and 64, or the like",
            });
        }
        let (kernel, stride) = if config.large_images { (7, 2) } else { (3, 1) };
        let conv1 = conv(config.c_in, config.width, kernel, stride, config.dtype, rng)?;
        let mut c = config.width;
        let mut stages: [Vec<Block>; 4] = Default::default();
        for (i, (stage, &blocks)) in stages.iter_mut().zip(&config.blocks).enumerate() {
            let width = config.width << i;
            for block in 0..blocks {
                let stride = if i > 0 && block == 0 { 2 } else { 1 };
                stage.push(Block::new(c, width, stride, config, rng)?);
                c = if config.bottleneck { 4 * width } else { width };
            }
        }
        let [layer1, layer2, layer3, layer4] = stages;
        let linear = LinearConfig { dtype: config.dtype, ..LinearConfig::default() };
        let pooling = PoolOptions { stride: Some(2.into()), padding: 1.into(), ..PoolOptions::new(3) };
        Ok(Self {
            conv1,
            bn1: norm(config.width, config.dtype)?,
            maxpool: config.large_images.then(|| MaxPool::with_options(pooling)),
            layer1,
            layer2,
            layer3,
            layer4,
            fc: Linear::with_config(c, config.classes, &linear, rng)?,
        })
    }
}

impl Layer for ResNet {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("conv1", &self.conv1, x)?;
        let mut y = cx.call_relu("bn1", &self.bn1, &y)?;
        if let Some(pool) = &self.maxpool {
            y = cx.call("maxpool", pool, &y)?;
        }
        let stages = [
            ("layer1", &self.layer1),
            ("layer2", &self.layer2),
            ("layer3", &self.layer3),
            ("layer4", &self.layer4),
        ];
        for (name, stage) in stages {
            y = cx.within(name, |cx| {
                stage.iter().enumerate().try_fold(y.clone(), |y, (i, block)| cx.call(i, block, &y))
            })?;
        }
        let y = cx.call("avgpool", &GlobalAvgPool, &y)?;
        cx.call("fc", &self.fc, &y)
    }
}
