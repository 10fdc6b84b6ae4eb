//! A convolutional autoencoder.

use autodiff::Var;
use nn::{
    Activation, Context, Conv2d, ConvConfig, ConvTranspose2d, Error, Layer, Linear, Module, Result,
    Sequential,
};
use tensor::Rng;

/// How an [`Autoencoder`] is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoencoderConfig {
    /// Channels of the images.
    pub c_in: usize,
    /// Height and width of the images, which `2^channels.len()` divides.
    pub size: [usize; 2],
    /// Outputs of the convolutions, each of which halves the image.
    pub channels: Vec<usize>,
    /// Numbers that an image becomes.
    pub code: usize,
}

impl Default for AutoencoderConfig {
    /// For images of 8×8: 16 and 32 channels, 8 numbers.
    fn default() -> Self {
        Self { c_in: 1, size: [8, 8], channels: vec![16, 32], code: 8 }
    }
}

/// Convolutions in steps of 2 down to a few numbers, and transposed ones back up to the image.
///
/// Shapes: x `(n, c_in, height, width)` → the same, in 0..1.
///
/// ```
/// use models::{Autoencoder, AutoencoderConfig};
/// use nn::{Context, Layer};
/// use tensor::{DType, Rng, Tensor};
/// let net = Autoencoder::new(&AutoencoderConfig::default(), &mut Rng::seed(0))?;
/// let x = Tensor::zeros([2, 1, 8, 8], DType::F32)?.into();
/// assert_eq!(net.encode(&x, &mut Context::eval())?.shape(), [2, 8]);
/// assert_eq!(net.forward(&x, &mut Context::eval())?.shape(), [2, 1, 8, 8]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Module)]
pub struct Autoencoder {
    down: Sequential,
    code: Linear,
    open: Linear,
    up: Sequential,
    /// Channels, height and width of the smallest images.
    smallest: [usize; 3],
}

impl Autoencoder {
    /// A network made as `config` says. Errors: `InvalidArgument` for no convolutions, sizes of 0, and images that cannot
    /// be halved so often.
    pub fn new(config: &AutoencoderConfig, rng: &mut Rng) -> Result<Self> {
        let depth = config.channels.len() as u32;
        let halves = |&n: &usize| depth < usize::BITS && n > 0 && n.is_multiple_of(1 << depth);
        if depth == 0 || !config.size.iter().all(halves) {
            return Err(Error::InvalidArgument {
                op: "autoencoder",
                rule: "there must be a convolution, and sizes that can be halved by each",
                got: format!("{:?} with channels {:?}", config.size, config.channels),
                repair: "pad or crop the images, or use fewer convolutions",
            });
        }
        let down_by_2 = ConvConfig { stride: 2.into(), padding: 1.into(), ..ConvConfig::default() };
        let up_by_2 = ConvConfig { stride: 2.into(), ..ConvConfig::default() };
        let (mut c, mut down) = (config.c_in, Sequential::new());
        for &channels in &config.channels {
            down = down.push(Conv2d::with_config(c, channels, 3, &down_by_2, rng)?).push(Activation::Relu);
            c = channels;
        }
        let smallest = [c, config.size[0] >> depth, config.size[1] >> depth];
        let features: usize = smallest.iter().product();
        let (code, open) =
            (Linear::new(features, config.code, rng)?, Linear::new(config.code, features, rng)?);
        let mut up = Sequential::new();
        for &channels in config.channels.iter().rev().skip(1).chain([&config.c_in]) {
            up = up.push(Activation::Relu).push(ConvTranspose2d::with_config(c, channels, 2, &up_by_2, rng)?);
            c = channels;
        }
        Ok(Self { down, code, open, up: up.push(Activation::Sigmoid), smallest })
    }

    /// The numbers of each image: `(n, code)`.
    pub fn encode(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("down", &self.down, x)?;
        let n = y.shape()[0];
        let features: usize = y.shape()[1..].iter().product();
        cx.call("code", &self.code, &y.reshape([n, features])?)
    }

    /// The images of such numbers.
    pub fn decode(&self, code: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("open", &self.open, code)?;
        let [c, h, w] = self.smallest;
        cx.call("up", &self.up, &y.reshape([y.shape()[0], c, h, w])?)
    }
}

impl Layer for Autoencoder {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let code = self.encode(x, cx)?;
        self.decode(&code, cx)
    }
}
