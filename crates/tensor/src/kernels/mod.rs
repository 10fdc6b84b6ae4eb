//! Fused loops and products.
pub(crate) mod matmul;
