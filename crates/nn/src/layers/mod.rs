//! Layers: modules with one input and one output.

mod activations;
mod attention;
mod batch_norm;
mod conv;
mod dropout;
mod embedding;
mod experts;
mod feed_forward;
mod heads;
mod instance_norm;
mod linear;
mod lora;
mod norm;
mod patches;
mod pool;
mod recurrent;
mod reparam;
mod resize;
mod rotary;
mod sequential;
mod shape;
mod transformer;
mod transformer_stack;

pub use activations::Softmax;
pub use attention::{AttentionMask, MultiHeadAttention, MultiHeadAttentionConfig, alibi_slopes};
pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d, BatchNormConfig};
pub use conv::{
    Conv, Conv1d, Conv2d, Conv3d, ConvConfig, ConvTranspose, ConvTranspose1d, ConvTranspose2d,
    ConvTranspose3d, PaddingMode,
};
pub use dropout::{DropMode, Dropout, DropoutChannels, StochasticDepth};
pub use embedding::{BagMode, Embedding, EmbeddingBag, EmbeddingConfig};
pub use experts::{Mixed, MixtureOfExperts, MixtureOfExpertsConfig};
pub use feed_forward::{FeedForward, FeedForwardConfig};
pub use heads::{attend, join_heads, split_heads};
pub use instance_norm::{InstanceNorm, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, InstanceNormConfig};
pub use linear::{Linear, LinearConfig};
pub use lora::{Adapter, Lora, LoraConfig};
pub use norm::{GroupNorm, GroupNormConfig, LayerNorm, LayerNormConfig, RmsNorm, RmsNormConfig};
pub use patches::{Fold, Unfold};
pub use pool::{
    AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, GlobalAvgPool, LocalResponseNorm, LpPool, MaxPool,
};
pub use recurrent::{Gru, GruCell, Lstm, LstmCell, Recurrent, RecurrentConfig, RecurrentState, Rnn, RnnCell};
pub use reparam::{SpectralNorm, SpectralNormConfig, WeightNorm, Weighted};
pub use resize::{PixelShuffle, PixelUnshuffle, Upsample};
pub use rotary::{Rotary, RotaryConfig, rows_at};
pub use sequential::{Checkpointed, Residual, Sequential};
pub use shape::{Flatten, Identity, Unflatten};
pub use transformer::{
    TransformerConfig, TransformerDecoderLayer, TransformerEncoderLayer, sinusoidal_positions,
};
pub use transformer_stack::{TransformerDecoder, TransformerEncoder};

use crate::context::Context;
use crate::error::Result;
use crate::module::Module;
use autodiff::Var;

/// A module with one input and one output.
pub trait Layer: Module + Send + Sync {
    /// The output for `x`. Errors: those of the operations inside, with the path of the layer that met them.
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var>;

    /// `max(y, 0)` of [`forward`](Layer::forward): in one pass, where a layer can, and the same bits. Containers call it
    /// where a rectifier follows.
    fn forward_relu(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        Ok(self.forward(x, cx)?.relu()?)
    }

    /// Whether this is a rectifier.
    fn is_relu(&self) -> bool {
        false
    }

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
    fn forward_relu(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        (**self).forward_relu(x, cx)
    }
    fn is_relu(&self) -> bool {
        (**self).is_relu()
    }
    fn kind(&self) -> String {
        (**self).kind()
    }
}
