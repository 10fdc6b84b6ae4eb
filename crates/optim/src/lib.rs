#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adam;
mod clip;
mod error;
mod groups;
mod optimizer;
mod schedule;
mod sgd;
mod slots;
mod state;

pub use adam::{Adam, AdamConfig, AdamW};
pub use clip::{clip_grad_norm, grad_norm};
pub use error::{Error, Result};
pub use groups::Groups;
pub use optimizer::Optimizer;
pub use schedule::{Constant, CosineWarmup, Schedule};
pub use sgd::{Sgd, SgdConfig};
pub use state::{OptimizerState, ParamState};
