//! Up and down again.

use super::{Schedule, along_cosine, check_lr, check_steps};
use crate::error::{Error, Result, require};

/// One rise from `peak/25` to the peak over three tenths of the steps and one fall to `peak/25/10⁴`, both along half cosines:
/// PyTorch's `OneCycleLR` with its defaults; behind the last step the last value. Source: Smith & Topin 2018, arXiv:1708.07120.
///
/// ```
/// use optim::{OneCycle, Schedule};
/// let schedule = OneCycle::new(1.0, 101)?;
/// assert!((schedule.lr(0) - 0.04).abs() < 1e-15);
/// assert!((29..32).any(|step| schedule.lr(step) > 0.99));
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycle {
    peak: f64,
    total: u64,
    rise: f64,
    start: f64,
    end: f64,
}

impl OneCycle {
    /// With PyTorch's defaults. Errors: as [`OneCycle::with`].
    pub fn new(peak: f64, total: u64) -> Result<Self> {
        Self::with(peak, total, 0.3, 25.0, 1e4)
    }

    /// The share of the steps that rise, what the peak is over the start, and what the start is over the end.
    ///
    /// Errors: `InvalidArgument` unless the peak and both quotients are positive, the share lies in 0..=1 and there are two steps.
    pub fn with(peak: f64, total: u64, rise: f64, div: f64, final_div: f64) -> Result<Self> {
        const OP: &str = "one_cycle";
        check_lr(OP, "peak", peak)?;
        require(
            OP,
            "the share of steps that rise must lie in 0..=1",
            "rise",
            rise,
            (0.0..=1.0).contains(&rise),
        )?;
        for (name, value) in [("div", div), ("final_div", final_div)] {
            require(OP, "a quotient must be finite and positive", name, value, value > 0.0)?;
        }
        if total < 2 {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "there must be two steps",
                got: total.to_string(),
                repair: "give the number of all steps",
            });
        }
        Ok(Self { peak, total, rise, start: peak / div, end: peak / div / final_div })
    }
}

impl Schedule for OneCycle {
    fn lr(&self, step: u64) -> f64 {
        let (at, last) = (step.min(self.total - 1) as f64, (self.total - 1) as f64);
        let top = self.rise * self.total as f64 - 1.0;
        if at <= top {
            return if top > 0.0 { along_cosine(self.start, self.peak, at / top) } else { self.peak };
        }
        along_cosine(self.peak, self.end, (at - top) / (last - top))
    }
}

/// How the tops of a [`Cyclic`] schedule change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CyclicMode {
    /// Not at all.
    Triangular,
    /// Each is half as far above the base as the one before.
    Triangular2,
    /// They fall by this factor in every step.
    ExpRange(f64),
}

/// From the base up to the top and down again, in straight lines, over and over: PyTorch's `CyclicLR`. Source: Smith 2017,
/// arXiv:1506.01186.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cyclic {
    base: f64,
    top: f64,
    up: u64,
    down: u64,
    mode: CyclicMode,
}

impl Cyclic {
    /// Errors: `InvalidArgument` unless 0 < base ≤ top, both ways have a step, and a factor is positive.
    pub fn new(base: f64, top: f64, up: u64, down: u64, mode: CyclicMode) -> Result<Self> {
        const OP: &str = "cyclic";
        check_lr(OP, "base", base)?;
        require(OP, "the top must not lie below the base", "top", top, top >= base)?;
        check_steps(OP, "up", up)?;
        check_steps(OP, "down", down)?;
        if let CyclicMode::ExpRange(gamma) = mode {
            require(OP, "gamma must be finite and positive", "gamma", gamma, gamma > 0.0)?;
        }
        Ok(Self { base, top, up, down, mode })
    }
}

impl Schedule for Cyclic {
    fn lr(&self, step: u64) -> f64 {
        let len = self.up.saturating_add(self.down);
        let (cycle, at) = (step / len, step % len);
        let height = match at <= self.up {
            true => at as f64 / self.up as f64,
            false => (len - at) as f64 / self.down as f64,
        };
        let factor = match self.mode {
            CyclicMode::Triangular => 1.0,
            CyclicMode::Triangular2 => libm::pow(0.5, cycle as f64),
            CyclicMode::ExpRange(gamma) => libm::pow(gamma, step as f64),
        };
        self.base + (self.top - self.base) * height * factor
    }
}
