//! Fused loops and products.
pub(crate) mod along;
pub(crate) mod attention;
pub(crate) mod batch_norm;
pub(crate) mod compact;
pub(crate) mod conv;
pub(crate) mod cross_entropy;
pub mod fused;
pub(crate) mod layer_norm;
pub(crate) mod matmul;
pub(crate) mod order;
pub(crate) mod pool;
pub(crate) mod rank;
pub(crate) mod recurrent;
pub(crate) mod softmax;
pub(crate) mod tile;
pub(crate) mod update;
pub(crate) mod vector;
