//! Training, measured and shown: history, metrics, progress, plots, reports and files that are never half-written.
//!
//! This is the only library crate of the workspace that prints, reads the clock or touches the terminal.

#![forbid(unsafe_code)]

pub mod atomic;
pub mod error;
pub mod format;
pub mod history;
pub mod metrics;
pub mod plot;
pub mod progress;
pub mod report;
pub mod table;

pub use atomic::write_atomic;
pub use error::{Error, Result};
pub use history::{Direction, EpochRecord, History, MetricValues, Part};
pub use progress::{EpochProgress, Progress};
pub use report::Report;
pub use table::Table;

/// Runs the code of the README as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadmeDocTests;
