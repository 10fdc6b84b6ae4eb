//! Learning rates as functions of the step.

mod combined;
mod cosine;
mod cycles;
mod decay;
mod plateau;
mod swa;

pub use combined::{Chained, InSequence};
pub use cosine::{Cosine, CosineRestarts, CosineWarmup};
pub use cycles::{Cyclic, CyclicMode, OneCycle};
pub use decay::{Exponential, InverseSqrt, LinearWarmup, MultiStep, Noam, Polynomial, StepDecay, Wsd};
pub use plateau::{Plateau, PlateauConfig};
pub use swa::{SwaAnneal, SwaLr};

use crate::error::{Result, require};

/// A learning rate for each step.
pub trait Schedule {
    /// The learning rate of update `step`, counted from 0.
    fn lr(&self, step: u64) -> f64;
}

/// The same learning rate always.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant(pub f64);

impl Schedule for Constant {
    fn lr(&self, _: u64) -> f64 {
        self.0
    }
}

impl Schedule for Box<dyn Schedule + '_> {
    fn lr(&self, step: u64) -> f64 {
        (**self).lr(step)
    }
}

/// Refuses a learning rate that is not finite and positive.
fn check_lr(op: &'static str, name: &str, lr: f64) -> Result<()> {
    require(op, "a learning rate must be finite and positive", name, lr, lr > 0.0)
}

/// Refuses a floor that is not between 0 and the peak.
fn check_floor(op: &'static str, floor: f64, peak: f64) -> Result<()> {
    require(op, "the floor must lie between 0 and the peak", "floor", floor, (0.0..=peak).contains(&floor))
}

/// Refuses 0 steps.
fn check_steps(op: &'static str, name: &str, steps: u64) -> Result<()> {
    require(op, "there must be at least one step", name, steps as f64, steps > 0)
}

/// From `a` at 0 to `b` at 1 along half a cosine.
fn along_cosine(a: f64, b: f64, share: f64) -> f64 {
    b + (a - b) * (1.0 + libm::cos(std::f64::consts::PI * share)) / 2.0
}
