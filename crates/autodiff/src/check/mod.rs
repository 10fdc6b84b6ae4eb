//! Proof by numbers: gradients against finite differences, and the contract that every operation must keep.
//!
//! [`gradcheck`] and [`gradgradcheck`] take any function of `Var`s, yours included. [`OpSpec`] is how an operation
//! tells [`contract`] what it promises; the workspace's own operations are checked by the same function.

mod contract;
mod gradcheck;
mod spec;

pub use contract::{Broken, contract};
pub use gradcheck::{GradCheck, Mismatch, Report, gradcheck, gradgradcheck};
pub use spec::{Call, Case, ErrorCase, OpSpec, Reference, Samples};
