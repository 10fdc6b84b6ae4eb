//! How good probabilities are, beyond which of them is the highest.

mod brier;
mod calibration;
mod log_loss;

pub use brier::Brier;
pub use calibration::{Calibration, ReliabilityBin};
pub use log_loss::LogLoss;
