#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod atomic;
mod callback;
mod checkpoint;
mod costs;
#[cfg(feature = "dashboard")]
mod dashboard;
pub mod error;
pub mod events;
pub mod format;
pub mod history;
mod kept;
mod logs;
mod lr_finder;
pub mod metrics;
mod plan;
pub mod plot;
pub mod progress;
mod repeat;
pub mod report;
mod search;
mod signals;
mod stats;
pub mod table;
mod task;
mod tensorboard;
mod trainer;
mod weights;

pub use atomic::write_atomic;
pub use callback::{Callback, Flow, NoiseSample, Position, RunStart, StepRecord};
pub use checkpoint::CheckpointConfig;
pub use costs::cost_table;
#[cfg(feature = "dashboard")]
pub use dashboard::Dashboard;
pub use error::{Error, Result};
pub use history::{Direction, EpochRecord, History, MetricValues, Part};
pub use logs::{CsvLog, JsonLog};
pub use lr_finder::{LrCurve, LrRange};
pub use plan::Plan;
pub use progress::{EpochProgress, Progress};
pub use repeat::{CrossValidation, Seeds, cross_validate, over_seeds};
pub use report::Report;
pub use search::{Candidate, Choices, Finished, Halving, Params, Search, SearchResult, Space};
pub use stats::Spread;
pub use table::Table;
pub use task::{Classification, Meter, Regression, Task};
pub use tensorboard::TensorBoardLog;
pub use trainer::{Averaging, EarlyStopping, Evaluation, Fit, OnNotFinite, TrainConfig, Trainer};
pub use weights::{load_weights, save_weights};
