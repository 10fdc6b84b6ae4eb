//! Plain stacks of 3×3 convolutions.

use autodiff::Var;
use nn::init::Init;
use nn::{
    Activation, AdaptiveAvgPool, BatchNorm2d, Context, Conv2d, ConvConfig, Dropout, Error, Flatten, Layer,
    Linear, MaxPool, Module, Result, Sequential,
};
use tensor::Rng;

/// How a [`Vgg`] is made.
#[derive(Debug, Clone, PartialEq)]
pub struct VggConfig {
    /// Channels of the images.
    pub c_in: usize,
    /// Outputs.
    pub classes: usize,
    /// The channels of the convolutions of each stage, after which the image is halved.
    pub stages: Vec<Vec<usize>>,
    /// Whether each convolution is followed by batch normalisation.
    pub batch_norm: bool,
    /// Outputs of the two linear layers between.
    pub hidden: usize,
    /// Pixels along an axis that the linear layers see.
    pub pooled: usize,
    /// Between the linear layers, in training.
    pub dropout: f64,
}

impl VggConfig {
    /// 16 layers for images of 224×224, 138 million parameters with 1,000 classes: `torchvision`'s `vgg16`.
    pub fn vgg16(classes: usize) -> Self {
        let stages = vec![vec![64; 2], vec![128; 2], vec![256; 3], vec![512; 3], vec![512; 3]];
        Self { c_in: 3, classes, stages, batch_norm: false, hidden: 4096, pooled: 7, dropout: 0.5 }
    }
}

/// Stages of convolutions with rectifiers and a pooling, then three linear layers. Names of the parameters are those of
/// `torchvision`: `features.0.weight`, …, `classifier.6.bias`.
///
/// Shapes: x `(n, c_in, height, width)` → `(n, classes)`. Source: Simonyan and Zisserman 2015, arXiv:1409.1556.
///
/// ```
/// use models::{Vgg, VggConfig};
/// use nn::{Context, Layer};
/// use tensor::{DType, Rng, Tensor};
/// let config = VggConfig { stages: vec![vec![8], vec![16, 16]], hidden: 32, pooled: 2, ..VggConfig::vgg16(10) };
/// let net = Vgg::new(&config, &mut Rng::seed(0))?;
/// let y = net.forward(&Tensor::zeros([2, 3, 16, 16], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [2, 10]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Module)]
pub struct Vgg {
    features: Sequential,
    avgpool: AdaptiveAvgPool,
    classifier: Sequential,
}

impl Vgg {
    /// A network made as `config` says. Errors: `InvalidArgument` for no convolutions and sizes of 0.
    pub fn new(config: &VggConfig, rng: &mut Rng) -> Result<Self> {
        let mut c = config.c_in;
        let mut features = Sequential::new();
        for stage in &config.stages {
            for &channels in stage {
                let conv = ConvConfig {
                    padding: 1.into(),
                    weight_init: Init::Normal { std: (2.0 / (9 * channels.max(1)) as f64).sqrt() },
                    bias_init: Some(Init::Constant(0.0)),
                    ..ConvConfig::default()
                };
                features = features.push(Conv2d::with_config(c, channels, 3, &conv, rng)?);
                if config.batch_norm {
                    features = features.push(BatchNorm2d::new(channels)?);
                }
                features = features.push(Activation::Relu);
                c = channels;
            }
            features = features.push(MaxPool::new(2));
        }
        if features.len() == config.stages.len() || config.pooled == 0 {
            return Err(Error::InvalidArgument {
                op: "vgg",
                rule: "there must be a convolution, and a pixel for the linear layers",
                got: format!("stages {:?}, pooled {}", config.stages, config.pooled),
                repair: "use the stages of VggConfig::vgg16, or fewer of them",
            });
        }
        let classifier = Sequential::new()
            .push(Linear::new(c * config.pooled * config.pooled, config.hidden, rng)?)
            .push(Activation::Relu)
            .push(Dropout::new(config.dropout)?)
            .push(Linear::new(config.hidden, config.hidden, rng)?)
            .push(Activation::Relu)
            .push(Dropout::new(config.dropout)?)
            .push(Linear::new(config.hidden, config.classes, rng)?);
        Ok(Self { features, avgpool: AdaptiveAvgPool::new(config.pooled), classifier })
    }
}

impl Layer for Vgg {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("features", &self.features, x)?;
        let y = cx.call("avgpool", &self.avgpool, &y)?;
        let y = Flatten.forward(&y, cx)?;
        cx.call("classifier", &self.classifier, &y)
    }
}
