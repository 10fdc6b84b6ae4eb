//! A small U-Net, for outputs of the images' size.

use autodiff::Var;
use nn::{
    Activation, BatchNorm2d, Context, Conv2d, ConvConfig, ConvTranspose2d, Error, Layer, MaxPool, Module,
    Result, Sequential,
};
use tensor::Rng;

/// How a [`UNet`] is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UNetConfig {
    /// Channels of the images.
    pub c_in: usize,
    /// Channels of the result, one for each class.
    pub c_out: usize,
    /// Channels at full size; each level below has twice as many.
    pub width: usize,
    /// Times that the image is halved.
    pub depth: usize,
}

impl Default for UNetConfig {
    fn default() -> Self {
        Self { c_in: 1, c_out: 1, width: 16, depth: 3 }
    }
}

/// Convolutions on the way down to small images and back up, each level joined with its equal.
///
/// Shapes: x `(n, c_in, height, width)`, whose sizes `2^depth` divides → `(n, c_out, height, width)`. Source: Ronneberger,
/// Fischer and Brox 2015, arXiv:1505.04597, with padding and batch normalisation.
///
/// ```
/// use models::{UNet, UNetConfig};
/// use nn::{Context, Layer};
/// use tensor::{DType, Rng, Tensor};
/// let net = UNet::new(&UNetConfig { depth: 2, ..Default::default() }, &mut Rng::seed(0))?;
/// let y = net.forward(&Tensor::zeros([1, 1, 16, 24], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [1, 1, 16, 24]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Module)]
pub struct UNet {
    down: Vec<Sequential>,
    pool: MaxPool,
    bottom: Sequential,
    up: Vec<ConvTranspose2d>,
    join: Vec<Sequential>,
    head: Conv2d,
}

/// Two convolutions of 3×3, normalised and rectified.
fn pair(c_in: usize, c_out: usize, rng: &mut Rng) -> Result<Sequential> {
    let config = ConvConfig { padding: 1.into(), bias: false, ..ConvConfig::default() };
    Ok(Sequential::new()
        .push(Conv2d::with_config(c_in, c_out, 3, &config, rng)?)
        .push(BatchNorm2d::new(c_out)?)
        .push(Activation::Relu)
        .push(Conv2d::with_config(c_out, c_out, 3, &config, rng)?)
        .push(BatchNorm2d::new(c_out)?)
        .push(Activation::Relu))
}

impl UNet {
    /// A network made as `config` says. Errors: `InvalidArgument` for sizes of 0 and depths above 16.
    pub fn new(config: &UNetConfig, rng: &mut Rng) -> Result<Self> {
        if config.width == 0 || config.depth == 0 || config.depth > 16 {
            return Err(Error::InvalidArgument {
                op: "unet",
                rule: "there must be channels, and one to sixteen levels",
                got: format!("width {}, depth {}", config.width, config.depth),
                repair: "use 16 and 3, or the like",
            });
        }
        let (mut c, mut down, mut up, mut join) = (config.c_in, Vec::new(), Vec::new(), Vec::new());
        for level in 0..config.depth {
            down.push(pair(c, config.width << level, rng)?);
            c = config.width << level;
        }
        let bottom = pair(c, 2 * c, rng)?;
        let twice = ConvConfig { stride: 2.into(), ..ConvConfig::default() };
        for level in (0..config.depth).rev() {
            let c = config.width << level;
            up.push(ConvTranspose2d::with_config(2 * c, c, 2, &twice, rng)?);
            join.push(pair(2 * c, c, rng)?);
        }
        let head = Conv2d::new(config.width, config.c_out, 1, rng)?;
        Ok(Self { down, pool: MaxPool::new(2), bottom, up, join, head })
    }
}

impl Layer for UNet {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let divides = |&size: &usize| size > 0 && size % (1 << self.down.len()) == 0;
        if x.rank() != 4 || !x.shape()[2..].iter().all(divides) {
            return Err(Error::InvalidArgument {
                op: "unet",
                rule: "the input must be (n, c_in, height, width) with sizes that can be halved at every level",
                got: format!("{:?} for {} levels", x.shape(), self.down.len()),
                repair: "pad or crop the images, or use fewer levels",
            });
        }
        let (mut y, mut levels) = (x.clone(), Vec::new());
        for (i, down) in self.down.iter().enumerate() {
            let level = cx.within("down", |cx| cx.call(i, down, &y))?;
            y = self.pool.forward(&level, cx)?;
            levels.push(level);
        }
        y = cx.call("bottom", &self.bottom, &y)?;
        for (i, (up, join)) in self.up.iter().zip(&self.join).enumerate() {
            let larger = cx.within("up", |cx| cx.call(i, up, &y))?;
            let both = Var::cat(&[&levels[levels.len() - 1 - i], &larger], 1)?;
            y = cx.within("join", |cx| cx.call(i, join, &both))?;
        }
        cx.call("head", &self.head, &y)
    }
}
