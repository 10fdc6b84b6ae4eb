//! What a user calls: each function checks at the door and hands on to a loop or a kernel.

mod activation;
pub(crate) mod arithmetic;
mod cast;
mod compare;
pub(crate) mod construct;
pub mod einsum;
pub(crate) mod fft;
mod index;
pub(crate) mod into_shape;
mod join;
mod layer_norm;
pub(crate) mod matmul;
pub(crate) mod pad;
mod products;
mod rearrange;
pub(crate) mod reduce;
mod scan;
mod scatter;
pub(crate) mod slice;
mod slice_scatter;
mod softmax;
pub(crate) mod sort;
mod special;
mod triangle;
mod unary;
mod views;
