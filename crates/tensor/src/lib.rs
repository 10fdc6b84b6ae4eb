//! placeholder

mod dtype;
mod error;
pub mod math;
mod parallel;
mod rng;
mod simd;

pub use dtype::{DType, Element, Float, Number};
pub use error::{Error, Result};
pub use parallel::{set_threads, threads};
pub use rng::Rng;
pub use simd::{SimdLevel, limit_simd_level, simd_level};
