//! Windows of images as columns, and back.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::Result;
use autodiff::Var;
use tensor::{ConvOptions, Spatial};

/// The windows of images as columns: [`Var::im2col`], PyTorch's `nn.Unfold`.
///
/// Shapes: `(n, c, ..)` with one to three spatial axes → `(n, c·elements of a window, windows)`.
///
/// ```
/// use nn::{Context, Layer, Unfold};
/// use tensor::{DType, Tensor};
/// let x = Tensor::zeros([2, 5, 3, 4], DType::F32)?.into();
/// assert_eq!(Unfold::new([2, 3]).forward(&x, &mut Context::eval())?.shape(), [2, 30, 4]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Module)]
pub struct Unfold {
    /// Pixels of a window along each axis.
    #[module(skip)]
    pub kernel: Spatial,
    /// How the windows lie; `groups` must be 1.
    #[module(skip)]
    pub options: ConvOptions,
}

impl Unfold {
    /// Windows of this size, in steps of 1.
    pub fn new(kernel: impl Into<Spatial>) -> Self {
        Self::with_options(kernel, ConvOptions::default())
    }

    /// Windows that lie as `options` say.
    pub fn with_options(kernel: impl Into<Spatial>, options: ConvOptions) -> Self {
        Self { kernel: kernel.into(), options }
    }
}

impl Layer for Unfold {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.im2col(&self.kernel, &self.options)?)
    }
    fn kind(&self) -> String {
        format!("Unfold({})", shown(&self.kernel))
    }
}

/// Images of `sizes`, with every column added where [`Unfold`] reads it: [`Var::col2im`], PyTorch's `nn.Fold`.
///
/// Shapes: `(n, c·elements of a window, windows)` → `(n, c, sizes ..)`. There are as many spatial axes as sizes, or, where
/// one size stands for all, as the kernel has numbers; differs from PyTorch in: a size alone is not two.
///
/// ```
/// use nn::{Context, Fold, Layer};
/// use tensor::{DType, Tensor};
/// let x = Tensor::ones([1, 4, 4], DType::F32)?.into();
/// let y = Fold::new([3, 3], 2).forward(&x, &mut Context::eval())?;
/// assert_eq!(y.value().to_vec::<f32>()?, [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Module)]
pub struct Fold {
    /// The spatial sizes of the images.
    #[module(skip)]
    pub sizes: Spatial,
    /// Pixels of a window along each axis.
    #[module(skip)]
    pub kernel: Spatial,
    /// How the windows lie; `groups` must be 1.
    #[module(skip)]
    pub options: ConvOptions,
}

impl Fold {
    /// Images of `sizes` from windows of this size, in steps of 1.
    pub fn new(sizes: impl Into<Spatial>, kernel: impl Into<Spatial>) -> Self {
        Self::with_options(sizes, kernel, ConvOptions::default())
    }

    /// Images of `sizes` from windows that lie as `options` say.
    pub fn with_options(sizes: impl Into<Spatial>, kernel: impl Into<Spatial>, options: ConvOptions) -> Self {
        Self { sizes: sizes.into(), kernel: kernel.into(), options }
    }
}

impl Layer for Fold {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.col2im(&self.sizes, &self.kernel, &self.options)?)
    }
    fn kind(&self) -> String {
        format!("Fold({}, {})", shown(&self.sizes), shown(&self.kernel))
    }
}

/// `3×3`, or the one number for all axes.
pub(super) fn shown(numbers: &Spatial) -> String {
    numbers.as_slice().iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}
