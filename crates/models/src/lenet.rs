//! A small convolutional network for digits.

use autodiff::Var;
use nn::{Context, Conv2d, ConvConfig, Error, Layer, Linear, MaxPool, Module, Result};
use tensor::Rng;

/// How a [`LeNet`] is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeNetConfig {
    /// Channels of the images.
    pub c_in: usize,
    /// Height and width of the images.
    pub size: [usize; 2],
    /// Outputs of the convolutions.
    pub channels: Vec<usize>,
    /// A pooling of 2×2 after each convolution from this one on, counted from 0.
    pub pool_from: usize,
    /// Outputs of the linear layer between.
    pub hidden: usize,
    /// Outputs.
    pub classes: usize,
}

impl Default for LeNetConfig {
    /// For images of 28×28: 32, 64 and 64 channels, a pooling after the second and third, 128 hidden, 10 classes.
    fn default() -> Self {
        Self { c_in: 1, size: [28, 28], channels: vec![32, 64, 64], pool_from: 1, hidden: 128, classes: 10 }
    }
}

/// Convolutions of 3×3 with rectifiers and poolings, and two linear layers. After LeCun et al. 1998, with rectifiers and
/// maxima.
///
/// Shapes: x `(n, c_in, height, width)` → `(n, classes)`. Parameters: `convs.0.weight`, …, `fc1.weight`, `fc2.weight`.
///
/// ```
/// use models::{LeNet, LeNetConfig};
/// use nn::{Context, Layer, Module};
/// use tensor::{DType, Rng, Tensor};
/// let net = LeNet::new(&LeNetConfig::default(), &mut Rng::seed(0))?;
/// let y = net.forward(&Tensor::zeros([2, 1, 28, 28], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [2, 10]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct LeNet {
    convs: Vec<Conv2d>,
    pool: MaxPool,
    pool_from: usize,
    fc1: Linear,
    fc2: Linear,
}

impl LeNet {
    /// A network made as `config` says. Errors: `InvalidArgument` for sizes of 0, and images too small for the poolings.
    pub fn new(config: &LeNetConfig, rng: &mut Rng) -> Result<Self> {
        let poolings = config.channels.len().saturating_sub(config.pool_from) as u32;
        let pixels: usize = config.size.iter().map(|n| n.checked_shr(poolings).unwrap_or(0)).product();
        if pixels == 0 || config.channels.is_empty() {
            return Err(Error::InvalidArgument {
                op: "lenet",
                rule: "there must be a convolution, and a pixel left after the poolings",
                got: format!("{:?} after {poolings} poolings", config.size),
                repair: "use fewer poolings or larger images",
            });
        }
        let padded = ConvConfig { padding: 1.into(), ..ConvConfig::default() };
        let (mut c, mut convs) = (config.c_in, Vec::new());
        for &channels in &config.channels {
            convs.push(Conv2d::with_config(c, channels, 3, &padded, rng)?);
            c = channels;
        }
        Ok(Self {
            convs,
            pool: MaxPool::new(2),
            pool_from: config.pool_from,
            fc1: Linear::new(c * pixels, config.hidden, rng)?,
            fc2: Linear::new(config.hidden, config.classes, rng)?,
        })
    }
}

impl Layer for LeNet {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.within("convs", |cx| {
            self.convs.iter().enumerate().try_fold(x.clone(), |y, (i, conv)| {
                let y = cx.call_relu(i, conv, &y)?;
                if i < self.pool_from { Ok(y) } else { self.pool.forward(&y, cx) }
            })
        })?;
        let n = y.shape()[0];
        let features: usize = y.shape()[1..].iter().product();
        let y = cx.call_relu("fc1", &self.fc1, &y.reshape([n, features])?)?;
        cx.call("fc2", &self.fc2, &y)
    }
}
