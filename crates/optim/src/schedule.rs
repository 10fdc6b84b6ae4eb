//! Learning rates as functions of the step.

use crate::error::{Error, Result, require};

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

/// Up from 0 in a straight line, then down along half a cosine: after `warmup` steps the peak, after `total` the floor.
///
/// `lr(t) = peak·(t + 1)/warmup` for t < warmup, then `floor + (peak − floor)·(1 + cos(π·p))/2` with
/// `p = (t − warmup)/(total − warmup)`, and `floor` from `total` on. Source: Loshchilov & Hutter 2017, arXiv:1608.03983.
///
/// ```
/// use optim::{CosineWarmup, Schedule};
/// let schedule = CosineWarmup::new(1e-3, 1e-4, 10, 110)?;
/// assert_eq!(schedule.lr(4), 5e-4);
/// assert_eq!(schedule.lr(10), 1e-3);
/// assert!((schedule.lr(60) - 5.5e-4).abs() < 1e-12);
/// assert_eq!(schedule.lr(1000), 1e-4);
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineWarmup {
    peak: f64,
    floor: f64,
    warmup: u64,
    total: u64,
}

impl CosineWarmup {
    /// Errors: `InvalidArgument` unless 0 ≤ floor ≤ peak, peak > 0 and warmup ≤ total.
    pub fn new(peak: f64, floor: f64, warmup: u64, total: u64) -> Result<Self> {
        const OP: &str = "cosine_warmup";
        require(OP, "the peak must be finite and positive", "peak", peak, peak > 0.0)?;
        require(
            OP,
            "the floor must lie between 0 and the peak",
            "floor",
            floor,
            (0.0..=peak).contains(&floor),
        )?;
        if warmup > total {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "the warm-up must end before the schedule does",
                got: format!("warmup {warmup} of {total} steps"),
                repair: "correct the configuration",
            });
        }
        Ok(Self { peak, floor, warmup, total })
    }
}

impl Schedule for CosineWarmup {
    fn lr(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        if step >= self.total {
            return self.floor;
        }
        let progress = (step - self.warmup) as f64 / (self.total - self.warmup) as f64;
        self.floor + (self.peak - self.floor) * (1.0 + libm::cos(std::f64::consts::PI * progress)) / 2.0
    }
}
