//! What a user calls: each function checks at the door and hands on to a loop or a kernel.

mod activation;
mod arithmetic;
mod cast;
mod compare;
mod index;
mod join;
mod matmul;
mod reduce;
pub(crate) mod slice;
mod slice_scatter;
mod triangle;
mod unary;
pub(crate) mod views;
