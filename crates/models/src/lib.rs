//! Model families.
#![forbid(unsafe_code)]

mod mlp;

pub use mlp::{Mlp, MlpConfig};
