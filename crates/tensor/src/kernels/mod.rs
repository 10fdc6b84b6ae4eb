//! Fused loops and products.
pub(crate) mod cross_entropy;
pub mod fused;
pub(crate) mod layer_norm;
pub(crate) mod matmul;
pub(crate) mod softmax;
pub(crate) mod update;
