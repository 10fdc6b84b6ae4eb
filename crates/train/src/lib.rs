#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod atomic;
mod callback;
mod checkpoint;
pub mod error;
pub mod format;
pub mod history;
pub mod metrics;
pub mod plot;
pub mod progress;
pub mod report;
pub mod table;
mod task;
mod trainer;
mod weights;

pub use atomic::write_atomic;
pub use callback::{Callback, Flow, Position};
pub use checkpoint::CheckpointConfig;
pub use error::{Error, Result};
pub use history::{Direction, EpochRecord, History, MetricValues, Part};
pub use progress::{EpochProgress, Progress};
pub use report::Report;
pub use table::Table;
pub use task::{Classification, Meter, Regression, Task};
pub use trainer::{EarlyStopping, Evaluation, Fit, TrainConfig, Trainer};
pub use weights::{load_weights, save_weights};
