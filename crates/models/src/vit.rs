//! A Transformer over the patches of images.

use autodiff::Var;
use nn::init::Init;
use nn::{
    AttentionMask, Context, Conv2d, ConvConfig, Dropout, Error, Layer, LayerNorm, LayerNormConfig, Linear,
    LinearConfig, Module, Param, Result, attend, join_heads, split_heads,
};
use tensor::{DType, Rng};

/// The sizes of a [`Vit`]. The default is ViT-B/16 on ImageNet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VitConfig {
    /// Channels of an image.
    pub channels: usize,
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Height and width of a patch, which divide those of the image.
    pub patch: [usize; 2],
    /// Layers.
    pub layers: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Features of a patch.
    pub d: usize,
    /// Features inside the feed-forward network.
    pub d_ff: usize,
    /// Classes.
    pub classes: usize,
    /// The probability with which features, and weights inside attention, are dropped.
    pub dropout: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for VitConfig {
    fn default() -> Self {
        Self {
            channels: 3,
            size: [224, 224],
            patch: [16, 16],
            layers: 12,
            heads: 12,
            d: 768,
            d_ff: 3072,
            classes: 1000,
            dropout: 0.0,
            dtype: DType::F32,
        }
    }
}

impl VitConfig {
    fn linear(&self, d_in: usize, d_out: usize, rng: &mut Rng) -> Result<Linear> {
        let config = LinearConfig {
            weight_init: Init::TruncatedNormal { std: 0.02 },
            bias_init: Some(Init::Constant(0.0)),
            dtype: self.dtype,
            ..LinearConfig::default()
        };
        Linear::with_config(d_in, d_out, &config, rng)
    }

    fn norm(&self) -> Result<LayerNorm> {
        LayerNorm::with_config(
            [self.d],
            &LayerNormConfig { eps: 1e-6, dtype: self.dtype, ..Default::default() },
        )
    }
}

#[derive(Debug, Clone, Module)]
struct PatchEmbed {
    proj: Conv2d,
}

#[derive(Debug, Clone, Module)]
struct VitAttention {
    qkv: Linear,
    proj: Linear,
    heads: usize,
    dropout: f64,
}

impl Layer for VitAttention {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let (d, d_head) = (self.proj.d_in(), self.proj.d_in() / self.heads);
        let all = cx.call("qkv", &self.qkv, x)?;
        let part = |i: usize| split_heads(&all, i * d, self.heads, d_head);
        let y = attend(&part(0)?, part(1)?, part(2)?, &AttentionMask::default(), self.dropout, cx)?;
        cx.call("proj", &self.proj, &join_heads(&y)?)
    }
}

#[derive(Debug, Clone, Module)]
struct VitMlp {
    fc1: Linear,
    fc2: Linear,
    dropout: Dropout,
}

impl Layer for VitMlp {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("fc1", &self.fc1, x)?.gelu()?;
        let y = self.dropout.forward(&y, cx)?;
        cx.call("fc2", &self.fc2, &y)
    }
}

#[derive(Debug, Clone, Module)]
struct VitBlock {
    norm1: LayerNorm,
    attn: VitAttention,
    norm2: LayerNorm,
    mlp: VitMlp,
    dropout: Dropout,
}

impl Layer for VitBlock {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = cx.call("norm1", &self.norm1, x)?;
        let y = cx.call("attn", &self.attn, &y)?;
        let x = self.dropout.add_to(x, &y, cx)?;
        let y = cx.call("norm2", &self.norm2, &x)?;
        let y = cx.call("mlp", &self.mlp, &y)?;
        self.dropout.add_to(&x, &y, cx)
    }
}

/// Classes of images: linear maps of patches, a token of the class before them, learned positions, layers of attention and
/// feed-forward networks, each normalised before it, and a linear map of the token of the class.
///
/// Shapes: images `(n, channels, h, w)` → logits `(n, classes)`. Parameters are those of published weights, by name and layout:
/// `cls_token`, `pos_embed`, `patch_embed.proj.weight`, `blocks.0.norm1.weight`, `blocks.0.attn.qkv.weight`,
/// `blocks.0.attn.proj.weight`, `blocks.0.mlp.fc1.weight`, `norm.weight`, `head.weight` and so on (timm's). Source: Dosovitskiy
/// et al. 2021, arXiv:2010.11929.
///
/// ```
/// use models::{Vit, VitConfig};
/// use nn::{Context, Layer};
/// use tensor::{DType, Rng, Tensor};
/// let config = VitConfig { channels: 1, size: [8, 8], patch: [4, 4], layers: 2, heads: 2, d: 16, d_ff: 32, ..Default::default() };
/// let vit = Vit::new(&VitConfig { classes: 10, ..config }, &mut Rng::seed(0))?;
/// let images = Tensor::zeros([3, 1, 8, 8], DType::F32)?.into();
/// assert_eq!(vit.forward(&images, &mut Context::eval())?.shape(), [3, 10]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Vit {
    cls_token: Param,
    pos_embed: Param,
    patch_embed: PatchEmbed,
    blocks: Vec<VitBlock>,
    norm: LayerNorm,
    head: Linear,
    dropout: Dropout,
    #[module(skip)]
    image: [usize; 3],
}

impl Vit {
    /// A model made as `config` says. Errors: `InvalidArgument` for a size of 0, and for heads or patches that do not divide;
    /// those of its layers.
    pub fn new(config: &VitConfig, rng: &mut Rng) -> Result<Self> {
        let &VitConfig { channels, size, patch, layers, heads, d, d_ff, classes, dropout, dtype } = config;
        let divide = |a: usize, b: usize| a > 0 && b > 0 && a.is_multiple_of(b);
        if layers == 0 || !divide(d, heads) || !divide(size[0], patch[0]) || !divide(size[1], patch[1]) {
            return Err(Error::InvalidArgument {
                op: "vit",
                rule: "there must be a layer, heads that divide the features, and patches that divide the image",
                got: format!("{layers} layers, {heads} heads of {d} features, patches {patch:?} of {size:?}"),
                repair: "change the number of heads or the size of a patch",
            });
        }
        let tokens = 1 + size[0] / patch[0] * (size[1] / patch[1]);
        let normal = Init::TruncatedNormal { std: 0.02 };
        let conv = ConvConfig { stride: patch.into(), dtype, ..ConvConfig::default() };
        let mut blocks = Vec::with_capacity(layers);
        for _ in 0..layers {
            blocks.push(VitBlock {
                norm1: config.norm()?,
                attn: VitAttention {
                    qkv: config.linear(d, 3 * d, rng)?,
                    proj: config.linear(d, d, rng)?,
                    heads,
                    dropout,
                },
                norm2: config.norm()?,
                mlp: VitMlp {
                    fc1: config.linear(d, d_ff, rng)?,
                    fc2: config.linear(d_ff, d, rng)?,
                    dropout: Dropout::new(dropout)?,
                },
                dropout: Dropout::new(dropout)?,
            });
        }
        Ok(Self {
            cls_token: Param::new(normal.tensor([1, 1, d], dtype, rng)?),
            pos_embed: Param::new(normal.tensor([1, tokens, d], dtype, rng)?),
            patch_embed: PatchEmbed { proj: Conv2d::with_config(channels, d, patch, &conv, rng)? },
            blocks,
            norm: config.norm()?,
            head: config.linear(d, classes, rng)?,
            dropout: Dropout::new(dropout)?,
            image: [channels, size[0], size[1]],
        })
    }

    /// What it makes of the class's token and each patch, normalised: images `(n, channels, h, w)` → `(n, 1 + patches, d)`.
    ///
    /// Errors: `InvalidArgument` for images of another size.
    pub fn features(&self, images: &Var, cx: &mut Context) -> Result<Var> {
        if images.rank() != 4 || images.shape()[1..] != self.image {
            return Err(Error::InvalidArgument {
                op: "vit",
                rule: "images must be (n, channels, height, width) of the model's size",
                got: format!("{:?} for images of {:?}", images.shape(), self.image),
                repair: "resize the images, or make a model of their size",
            });
        }
        let x = cx.within("patch_embed", |cx| cx.call("proj", &self.patch_embed.proj, images))?;
        let [n, d] = [x.shape()[0], x.shape()[1]];
        let patches = x.flatten(2, 3)?.transpose(1, 2)?;
        let class = cx.param(&self.cls_token).expand(&[n, 1, d])?;
        let x = Var::cat(&[&class, &patches], 1)?.add(&cx.param(&self.pos_embed))?;
        let mut x = self.dropout.forward(&x, cx)?;
        cx.within("blocks", |cx| {
            for (i, block) in self.blocks.iter().enumerate() {
                x = cx.call(i, block, &x)?;
            }
            Ok(())
        })?;
        cx.call("norm", &self.norm, &x)
    }
}

impl Layer for Vit {
    fn forward(&self, images: &Var, cx: &mut Context) -> Result<Var> {
        let class = self.features(images, cx)?.select(1, 0)?;
        cx.call("head", &self.head, &class)
    }
}
