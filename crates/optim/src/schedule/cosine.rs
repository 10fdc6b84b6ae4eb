//! Half cosines: once, again and again, behind a warm-up.

use super::{Schedule, along_cosine, check_floor, check_lr, check_steps};
use crate::error::{Error, Result, require};

/// Down along half a cosine: `floor + (peak − floor)·(1 + cos(π·t/total))/2`, and the floor from `total` on.
///
/// Source: Loshchilov & Hutter 2017, arXiv:1608.03983. Differs from PyTorch's `CosineAnnealingLR` in: it does not rise again.
///
/// ```
/// use optim::{Cosine, Schedule};
/// let schedule = Cosine::new(1.0, 0.0, 100)?;
/// assert_eq!([schedule.lr(0), schedule.lr(100)], [1.0, 0.0]);
/// assert!((schedule.lr(50) - 0.5).abs() < 1e-15);
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    peak: f64,
    floor: f64,
    total: u64,
}

impl Cosine {
    /// Errors: `InvalidArgument` unless 0 ≤ floor ≤ peak, peak > 0 and there is a step.
    pub fn new(peak: f64, floor: f64, total: u64) -> Result<Self> {
        check_lr("cosine", "peak", peak)?;
        check_floor("cosine", floor, peak)?;
        check_steps("cosine", "total", total)?;
        Ok(Self { peak, floor, total })
    }
}

impl Schedule for Cosine {
    fn lr(&self, step: u64) -> f64 {
        if step >= self.total {
            return self.floor;
        }
        along_cosine(self.peak, self.floor, step as f64 / self.total as f64)
    }
}

/// Half cosines one after the other, each `times` as long as the one before, the first of `first` steps. PyTorch's
/// `CosineAnnealingWarmRestarts`. Source: Loshchilov & Hutter 2017, arXiv:1608.03983.
///
/// ```
/// use optim::{CosineRestarts, Schedule};
/// let schedule = CosineRestarts::new(1.0, 0.0, 10, 2)?;
/// assert_eq!([0, 10, 30].map(|step| schedule.lr(step)), [1.0; 3]);
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineRestarts {
    peak: f64,
    floor: f64,
    first: u64,
    times: u64,
}

impl CosineRestarts {
    /// Errors: `InvalidArgument` unless 0 ≤ floor ≤ peak, peak > 0, and the first has a step and is repeated once or longer.
    pub fn new(peak: f64, floor: f64, first: u64, times: u64) -> Result<Self> {
        check_lr("cosine_restarts", "peak", peak)?;
        check_floor("cosine_restarts", floor, peak)?;
        check_steps("cosine_restarts", "first", first)?;
        check_steps("cosine_restarts", "times", times)?;
        Ok(Self { peak, floor, first, times })
    }
}

impl Schedule for CosineRestarts {
    fn lr(&self, step: u64) -> f64 {
        let (mut at, mut len) = (step, self.first);
        if self.times == 1 {
            at %= len;
        }
        while at >= len {
            at -= len;
            len = len.saturating_mul(self.times);
        }
        along_cosine(self.peak, self.floor, at as f64 / len as f64)
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
        along_cosine(self.peak, self.floor, progress)
    }
}
