//! Fused loops and products.
