//! From the learning rate of a run to the one at which weights are averaged.

use super::{Schedule, along_cosine, check_lr};
use crate::error::Result;

/// The way from one learning rate to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SwaAnneal {
    /// Half a cosine.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}

/// From `from` to `swa_lr`, up or down, in so many steps, and `swa_lr` from then on: PyTorch's `SWALR`, mostly the end of an
/// [`InSequence`](super::InSequence). Beside [`Swa`](crate::Swa).
///
/// Source: Izmailov et al. 2018, arXiv:1803.05407. Differs from PyTorch in: the learning rate from which it goes is given.
///
/// ```
/// use optim::{Schedule, SwaAnneal, SwaLr};
/// let schedule = SwaLr::new(0.25, 0.75, 4, SwaAnneal::Linear)?;
/// assert_eq!([0, 2, 4, 100].map(|step| schedule.lr(step)), [0.25, 0.5, 0.75, 0.75]);
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SwaLr {
    from: f64,
    swa_lr: f64,
    steps: u64,
    anneal: SwaAnneal,
}

impl SwaLr {
    /// Errors: `InvalidArgument` unless both learning rates are finite and positive. There may be 0 steps.
    pub fn new(from: f64, swa_lr: f64, steps: u64, anneal: SwaAnneal) -> Result<Self> {
        check_lr("swa_lr", "from", from)?;
        check_lr("swa_lr", "swa_lr", swa_lr)?;
        Ok(Self { from, swa_lr, steps, anneal })
    }
}

impl Schedule for SwaLr {
    fn lr(&self, step: u64) -> f64 {
        if step >= self.steps {
            return self.swa_lr;
        }
        let share = step as f64 / self.steps as f64;
        match self.anneal {
            SwaAnneal::Cosine => along_cosine(self.from, self.swa_lr, share),
            SwaAnneal::Linear => self.from + (self.swa_lr - self.from) * share,
        }
    }
}
