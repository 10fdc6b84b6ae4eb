//! What a user calls: each function checks at the door and hands on to a loop or a kernel.

mod activation;
pub(crate) mod arithmetic;
mod cast;
mod compare;
pub(crate) mod construct;
pub mod einsum;
mod index;
pub(crate) mod into_shape;
mod join;
mod layer_norm;
mod matmul;
pub(crate) mod pad;
mod products;
mod rearrange;
pub(crate) mod reduce;
pub(crate) mod slice;
mod slice_scatter;
mod softmax;
mod triangle;
mod unary;
mod views;
