//! Layers: modules with one input and one output.

mod activations;
mod conv;
mod dropout;
mod linear;
mod norm;
mod sequential;
mod shape;

pub use activations::Softmax;
pub use conv::{
    Conv, Conv1d, Conv2d, Conv3d, ConvConfig, ConvTranspose, ConvTranspose1d, ConvTranspose2d,
    ConvTranspose3d, PaddingMode,
};
pub use dropout::Dropout;
pub use linear::{Linear, LinearConfig};
pub use norm::{GroupNorm, GroupNormConfig, LayerNorm, LayerNormConfig, RmsNorm, RmsNormConfig};
pub use sequential::{Checkpointed, Residual, Sequential};
pub use shape::{Flatten, Identity};

use crate::context::Context;
use crate::error::Result;
use crate::module::Module;
use autodiff::Var;

/// A module with one input and one output.
pub trait Layer: Module + Send + Sync {
    /// The output for `x`. Errors: those of the operations inside, with the path of the layer that met them.
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var>;

    /// What the layer is, with its sizes, as a summary shows it: `Linear(784 → 512)`.
    fn kind(&self) -> String {
        let name = std::any::type_name::<Self>();
        let name = name.split('<').next().unwrap_or(name);
        name.rsplit("::").next().unwrap_or(name).to_string()
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        (**self).forward(x, cx)
    }
    fn kind(&self) -> String {
        (**self).kind()
    }
}
