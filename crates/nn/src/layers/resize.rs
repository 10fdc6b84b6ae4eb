//! Images in other sizes: between their pixels, and with channels for pixels.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;
use tensor::{Factors, Interpolation};

/// Images in another size: [`Var::interpolate_by`]. Factors need not be whole numbers; sizes are rounded down.
///
/// ```
/// use nn::{Context, Layer, Upsample};
/// use tensor::{DType, Tensor};
/// let x = Tensor::arange(3, DType::F32)?.reshape([1, 1, 3])?.into();
/// let y = Upsample::new(1.5).forward(&x, &mut Context::eval())?;
/// assert_eq!(y.value().to_vec::<f32>()?, [0.0, 0.0, 1.0, 2.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Module)]
pub struct Upsample {
    /// How many times larger each axis becomes.
    #[module(skip)]
    pub scale: Factors,
    /// How values between pixels are found.
    #[module(skip)]
    pub how: Interpolation,
    /// Whether the first and last pixels of both lie on each other.
    pub align_corners: bool,
}

impl Upsample {
    /// So many times larger, by the nearest pixels.
    pub fn new(scale: impl Into<Factors>) -> Self {
        Self { scale: scale.into(), how: Interpolation::Nearest, align_corners: false }
    }

    /// As `how` says, outer edges on each other.
    pub fn with(scale: impl Into<Factors>, how: Interpolation) -> Self {
        Self { how, ..Self::new(scale) }
    }
}

impl Layer for Upsample {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.interpolate_by(&self.scale, self.how, self.align_corners)?)
    }
    fn kind(&self) -> String {
        let factors = self.scale.as_slice().iter().map(f64::to_string).collect::<Vec<_>>();
        format!("Upsample({}, {:?})", factors.join("×"), self.how)
    }
}

/// Channels as pixels: `(n, c·r², h, w)` → `(n, c, h·r, w·r)`, channel `c·r² + i·r + j` becoming pixel (i, j) of each
/// square. Source: Shi et al. 2016, arXiv:1609.05158.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct PixelShuffle {
    /// How many times larger each axis becomes.
    pub factor: usize,
}

impl Layer for PixelShuffle {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        let r = self.factor;
        match *x.shape() {
            [n, c, h, w] if r > 0 && r.checked_mul(r).is_some_and(|square| c.is_multiple_of(square)) => {
                let y = x.reshape([n, c / (r * r), r, r, h, w])?.permute(&[0, 1, 4, 2, 5, 3])?;
                Ok(y.reshape([n, c / (r * r), h * r, w * r])?)
            }
            _ => Err(Error::InvalidArgument {
                op: "pixel_shuffle",
                rule: "the input must be (n, c·r², h, w)",
                got: format!("{:?} for r = {r}", x.shape()),
                repair: "use channels that the square of the factor divides",
            }),
        }
    }
}

/// Pixels as channels: `(n, c, h·r, w·r)` → `(n, c·r², h, w)`, the inverse of [`PixelShuffle`].
///
/// ```
/// use nn::{Context, Layer, PixelUnshuffle};
/// use tensor::{DType, Tensor};
/// let x = Tensor::arange(8, DType::F32)?.reshape([1, 1, 2, 4])?.into();
/// let y = PixelUnshuffle { factor: 2 }.forward(&x, &mut Context::eval())?;
/// assert_eq!(y.shape(), [1, 4, 1, 2]);
/// assert_eq!(y.value().to_vec::<f32>()?, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct PixelUnshuffle {
    /// How many times smaller each axis becomes.
    pub factor: usize,
}

impl Layer for PixelUnshuffle {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        let r = self.factor;
        match *x.shape() {
            [n, c, h, w] if r > 0 && h.is_multiple_of(r) && w.is_multiple_of(r) => {
                let y = x.reshape([n, c, h / r, r, w / r, r])?.permute(&[0, 1, 3, 5, 2, 4])?;
                // Without pixels r may be anything, and its square beyond all bounds.
                Ok(y.reshape([n, c.saturating_mul(r).saturating_mul(r), h / r, w / r])?)
            }
            _ => Err(Error::InvalidArgument {
                op: "pixel_unshuffle",
                rule: "the input must be (n, c, h·r, w·r)",
                got: format!("{:?} for r = {r}", x.shape()),
                repair: "use sizes that the factor divides",
            }),
        }
    }
}
