#![doc = include_str!("../README.md")]

mod buffer;
mod bytes;
mod display;
mod dtype;
mod error;
mod flops;
pub(crate) mod kernels;
mod layout;
mod linalg;
mod loops;
pub mod math;
mod ops;
mod parallel;
mod rng;
mod serde;
mod simd;
mod stream;
mod tensor;
mod word;

pub use buffer::{
    MemoryStats, memory_stats, poison_fresh_memory, release_pooled_memory, reset_peak_memory, trace_memory,
};
pub use dtype::{DType, Element, Float, Number};
pub use error::{Error, Result};
pub use flops::product_flops;
pub use half::{bf16, f16};
pub use kernels::fused;
pub use kernels::gated::Gate;
pub use kernels::recurrent::Cell;
pub use linalg::{MatrixNorm, Triangular};
pub use ops::batch_norm::{BatchNorm, BatchNormGrads, BatchNormed};
pub use ops::construct::Indexing;
pub use ops::ctc::CtcTargets;
pub use ops::einsum;
pub use ops::fft::{Fft, FftNorm};
pub use ops::fft_axes::fft_axes;
pub use ops::into_shape::{IntoShape, Size};
pub use ops::pad::PadMode;
pub use ops::pool::{MaxTaps, PoolOptions};
pub use ops::recurrent::{Recurrence, Recurrent, RecurrentGrads, RecurrentOperands};
pub use ops::resample::{Factors, Interpolation, Resample};
pub use ops::rotary::RotaryPairs;
pub use ops::search::Unique;
pub use ops::slice::SliceArg::{self, Ellipsis, NewAxis};
pub use ops::sort::Order;
pub use ops::unary::NanToNum;
pub use ops::windows::{ConvOptions, Padding, Spatial};
pub use parallel::{set_threads, threads};
pub use rng::Rng;
pub use simd::{SimdLevel, limit_simd_level, simd_level};
pub use tensor::Tensor;
