#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

extern crate self as nn;

mod activation;
mod cache;
pub mod check;
mod context;
mod error;
pub mod init;
pub mod layers;
pub mod loss;
mod module;
mod param;
mod pattern;
mod quantize;
mod state;
mod summary;

pub use activation::Activation;
pub use cache::KvCache;
pub use context::{Context, Name};
pub use error::{Error, Result};
pub use layers::{
    Adapter, AdaptiveAvgPool, AdaptiveMaxPool, AttentionMask, AvgPool, BagMode, BatchNorm, BatchNorm1d,
    BatchNorm2d, BatchNorm3d, BatchNormConfig, Checkpointed, Conv, Conv1d, Conv2d, Conv3d, ConvConfig,
    ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, DropMode, Dropout, DropoutChannels,
    Embedding, EmbeddingBag, EmbeddingConfig, FeedForward, FeedForwardConfig, Flatten, Fold, GlobalAvgPool,
    GroupNorm, GroupNormConfig, Gru, GruCell, Identity, InstanceNorm, InstanceNorm1d, InstanceNorm2d,
    InstanceNorm3d, InstanceNormConfig, Layer, LayerNorm, LayerNormConfig, Linear, LinearConfig,
    LocalResponseNorm, Lora, LoraConfig, LpPool, Lstm, LstmCell, MaxPool, Mixed, MixtureOfExperts,
    MixtureOfExpertsConfig, MultiHeadAttention, MultiHeadAttentionConfig, PaddingMode, PixelShuffle,
    PixelUnshuffle, Recurrent, RecurrentConfig, RecurrentState, Residual, RmsNorm, RmsNormConfig, Rnn,
    RnnCell, Rotary, RotaryConfig, Sequential, Softmax, SpectralNorm, SpectralNormConfig, StochasticDepth,
    TransformerConfig, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder,
    TransformerEncoderLayer, Unflatten, Unfold, Upsample, WeightNorm, Weighted, alibi_slopes, attend,
    join_heads, rows_at, sinusoidal_positions, split_heads,
};
pub use module::{Module, Visitor, VisitorMut};
pub use nn_derive::Module;
pub use param::{Buffer, Param};
pub use pattern::Pattern;
pub use state::{LoadReport, StateDict};
pub use summary::{Summary, SummaryRow};

/// Runs the code of the derive macro's README, which needs this crate, as a test.
#[cfg(doctest)]
#[doc = include_str!("../../nn-derive/README.md")]
pub struct DeriveReadme;
