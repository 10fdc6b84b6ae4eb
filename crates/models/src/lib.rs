#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod mlp;

pub use mlp::{Mlp, MlpConfig};
