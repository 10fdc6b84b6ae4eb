#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod anomaly;
pub mod check;
mod checkpoint;
mod custom;
mod engine;
mod error;
mod export;
mod forward;
pub mod functional;
mod gradients;
mod graph;
mod op;
pub mod ops;
mod profile;
mod reduction;
mod row_gradient;
mod scope;
mod var;

pub use anomaly::{Anomaly, Range, detect_anomaly};
pub use checkpoint::checkpoint;
pub use custom::custom_function;
pub use engine::grad_of;
pub use error::{Error, Result};
pub use export::{GraphOutline, OutlineNode};
pub use forward::{LinearMap, linearize};
pub use gradients::{Gradients, LeafId};
pub use op::{Grads, Op, Saved, Saves, grads, not_differentiable};
pub use ops::linalg::matrix_norm::MatrixNorm;
pub use profile::{Cost, Profile, ProfileRow, profile};
pub use reduction::Reduction;
pub use row_gradient::RowGradient;
pub use scope::{ModuleScope, module_scope};
pub use var::Var;
