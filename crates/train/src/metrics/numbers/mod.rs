//! More on how far numbers are from their targets.

mod correlation;
mod coverage;
mod explained;
mod extremes;
mod percentage;
mod pinball;
mod ranks;

pub use correlation::Pearson;
pub use coverage::Coverage;
pub use explained::ExplainedVariance;
pub use extremes::{MaxError, MedianAbsoluteError};
pub use percentage::Mape;
pub use pinball::Pinball;
pub use ranks::Spearman;
