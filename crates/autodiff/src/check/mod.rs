//! Proof by numbers: gradients against finite differences, and the contract that every operation must keep.
//!
//! [`gradcheck`] and [`gradgradcheck`] take any function of `Var`s, yours included, in full or in fast mode. [`OpSpec`] is how an operation
//! tells [`contract`] what it promises; the workspace's own operations are checked by the same function.

mod compare;
mod contract;
mod frames;
mod gradcheck;
mod report;
mod spec;

pub use contract::{Broken, contract};
pub use gradcheck::{CheckMode, GradCheck, gradcheck, gradgradcheck};
pub use report::{Against, Mismatch, Place, Report};
pub use spec::{Call, Case, ErrorCase, OpSpec, Reference, Samples};
