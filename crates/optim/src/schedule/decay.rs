//! Learning rates that fall, some behind a warm-up.

use super::{Schedule, check_floor, check_lr, check_steps};
use crate::error::{Error, Result, require};

/// `lr·γ^⌊t/every⌋`: PyTorch's `StepLR`.
///
/// ```
/// use optim::{Schedule, StepDecay};
/// let schedule = StepDecay::new(1.0, 10, 0.5)?;
/// assert_eq!([9, 10, 25].map(|step| schedule.lr(step)), [1.0, 0.5, 0.25]);
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepDecay {
    lr: f64,
    every: u64,
    gamma: f64,
}

fn check_gamma(op: &'static str, gamma: f64) -> Result<()> {
    require(op, "gamma must be finite and positive", "gamma", gamma, gamma > 0.0)
}

impl StepDecay {
    /// Errors: `InvalidArgument` unless lr and γ are positive and `every` is at least 1.
    pub fn new(lr: f64, every: u64, gamma: f64) -> Result<Self> {
        check_lr("step_decay", "lr", lr)?;
        check_steps("step_decay", "every", every)?;
        check_gamma("step_decay", gamma)?;
        Ok(Self { lr, every, gamma })
    }
}

impl Schedule for StepDecay {
    fn lr(&self, step: u64) -> f64 {
        self.lr * libm::pow(self.gamma, (step / self.every) as f64)
    }
}

/// `lr·γ^n`, n the milestones that are reached: PyTorch's `MultiStepLR`.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiStep {
    lr: f64,
    milestones: Vec<u64>,
    gamma: f64,
}

impl MultiStep {
    /// Errors: `InvalidArgument` unless lr and γ are positive and the milestones rise.
    pub fn new(lr: f64, milestones: impl Into<Vec<u64>>, gamma: f64) -> Result<Self> {
        let milestones = milestones.into();
        check_lr("multi_step", "lr", lr)?;
        check_gamma("multi_step", gamma)?;
        if !milestones.is_sorted() {
            return Err(Error::InvalidArgument {
                op: "multi_step",
                rule: "milestones must rise",
                got: format!("{milestones:?}"),
                repair: "sort them",
            });
        }
        Ok(Self { lr, milestones, gamma })
    }
}

impl Schedule for MultiStep {
    fn lr(&self, step: u64) -> f64 {
        let reached = self.milestones.partition_point(|&milestone| milestone <= step);
        self.lr * libm::pow(self.gamma, reached as f64)
    }
}

/// `lr·γᵗ`: PyTorch's `ExponentialLR`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    lr: f64,
    gamma: f64,
}

impl Exponential {
    /// Errors: `InvalidArgument` unless lr and γ are positive.
    pub fn new(lr: f64, gamma: f64) -> Result<Self> {
        check_lr("exponential", "lr", lr)?;
        check_gamma("exponential", gamma)?;
        Ok(Self { lr, gamma })
    }
}

impl Schedule for Exponential {
    fn lr(&self, step: u64) -> f64 {
        self.lr * libm::pow(self.gamma, step as f64)
    }
}

/// `lr·(1 − t/total)^power`, and 0 from `total` on: PyTorch's `PolynomialLR`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    lr: f64,
    total: u64,
    power: f64,
}

impl Polynomial {
    /// Errors: `InvalidArgument` unless lr and the power are positive and there is a step.
    pub fn new(lr: f64, total: u64, power: f64) -> Result<Self> {
        check_lr("polynomial", "lr", lr)?;
        check_steps("polynomial", "total", total)?;
        require("polynomial", "the power must be finite and positive", "power", power, power > 0.0)?;
        Ok(Self { lr, total, power })
    }
}

impl Schedule for Polynomial {
    fn lr(&self, step: u64) -> f64 {
        let left = 1.0 - step.min(self.total) as f64 / self.total as f64;
        self.lr * libm::pow(left, self.power)
    }
}

/// From `start·lr` to `end·lr` in a straight line of `steps` steps, and there it stays: PyTorch's `LinearLR`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearWarmup {
    lr: f64,
    start: f64,
    end: f64,
    steps: u64,
}

impl LinearWarmup {
    /// Errors: `InvalidArgument` unless lr is positive, the factors are not negative and there is a step.
    pub fn new(lr: f64, start: f64, end: f64, steps: u64) -> Result<Self> {
        check_lr("linear_warmup", "lr", lr)?;
        check_steps("linear_warmup", "steps", steps)?;
        for (name, factor) in [("start", start), ("end", end)] {
            require(
                "linear_warmup",
                "a factor must be finite and not negative",
                name,
                factor,
                factor >= 0.0,
            )?;
        }
        Ok(Self { lr, start, end, steps })
    }
}

impl Schedule for LinearWarmup {
    fn lr(&self, step: u64) -> f64 {
        let share = step.min(self.steps) as f64 / self.steps as f64;
        self.lr * (self.start + (self.end - self.start) * share)
    }
}

/// `peak·(t + 1)/warmup`, and then `peak·√(warmup/(t + 1))`. Source: Raffel et al. 2020, arXiv:1910.10683.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseSqrt {
    peak: f64,
    warmup: u64,
}

impl InverseSqrt {
    /// Errors: `InvalidArgument` unless the peak is positive and the warm-up has a step.
    pub fn new(peak: f64, warmup: u64) -> Result<Self> {
        check_lr("inverse_sqrt", "peak", peak)?;
        check_steps("inverse_sqrt", "warmup", warmup)?;
        Ok(Self { peak, warmup })
    }
}

impl Schedule for InverseSqrt {
    fn lr(&self, step: u64) -> f64 {
        let (t, warmup) = (step as f64 + 1.0, self.warmup as f64);
        self.peak * (t / warmup).min((warmup / t).sqrt())
    }
}

/// `scale·d^(−1/2)·min(t^(−1/2), t·warmup^(−3/2))`, t counted from 1. Source: Vaswani et al. 2017, §5.3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noam {
    scale: f64,
    d: u64,
    warmup: u64,
}

impl Noam {
    /// Errors: `InvalidArgument` unless the scale is positive and d and the warm-up are at least 1.
    pub fn new(scale: f64, d: u64, warmup: u64) -> Result<Self> {
        check_lr("noam", "scale", scale)?;
        check_steps("noam", "d", d)?;
        check_steps("noam", "warmup", warmup)?;
        Ok(Self { scale, d, warmup })
    }
}

impl Schedule for Noam {
    fn lr(&self, step: u64) -> f64 {
        let (t, warmup) = (step as f64 + 1.0, self.warmup as f64);
        self.scale / (self.d as f64).sqrt() * (1.0 / t.sqrt()).min(t / (warmup * warmup.sqrt()))
    }
}

/// Up in a straight line, level, and down to the floor as `1 − √share`: warm-up, stable, decay.
///
/// `peak·(t + 1)/warmup`; the peak until `total − decay`; then `floor + (peak − floor)·(1 − √s)`, s the share of the decay that is
/// done; the floor from `total` on. Source: Hu et al. 2024, arXiv:2404.06395; the root: Hägele et al. 2024, arXiv:2405.18392.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wsd {
    peak: f64,
    floor: f64,
    warmup: u64,
    decay: u64,
    total: u64,
}

impl Wsd {
    /// Errors: `InvalidArgument` unless 0 ≤ floor ≤ peak, peak > 0 and warm-up and decay fit in the whole.
    pub fn new(peak: f64, floor: f64, warmup: u64, decay: u64, total: u64) -> Result<Self> {
        check_lr("wsd", "peak", peak)?;
        check_floor("wsd", floor, peak)?;
        if warmup.saturating_add(decay) > total {
            return Err(Error::InvalidArgument {
                op: "wsd",
                rule: "warm-up and decay must fit in the whole",
                got: format!("{warmup} and {decay} of {total} steps"),
                repair: "shorten them",
            });
        }
        Ok(Self { peak, floor, warmup, decay, total })
    }
}

impl Schedule for Wsd {
    fn lr(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        if step >= self.total {
            return self.floor;
        }
        let done = step.saturating_sub(self.total - self.decay);
        match done {
            0 => self.peak,
            done => self.floor + (self.peak - self.floor) * (1.0 - (done as f64 / self.decay as f64).sqrt()),
        }
    }
}
