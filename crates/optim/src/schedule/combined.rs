//! Schedules made of schedules.

use super::Schedule;
use crate::error::{Error, Result};

/// One schedule after the other, each counting its steps from 0: PyTorch's `SequentialLR`.
///
/// ```
/// use optim::{Constant, Cosine, InSequence, LinearWarmup, Schedule};
/// let schedule = InSequence::new(LinearWarmup::new(1.0, 0.0, 1.0, 10)?)
///     .then(10, Constant(1.0))?
///     .then(50, Cosine::new(1.0, 0.0, 100)?)?;
/// assert_eq!([0, 5, 10, 49, 50, 150].map(|step| schedule.lr(step)), [0.0, 0.5, 1.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), optim::Error>(())
/// ```
pub struct InSequence<'a> {
    /// With the steps from which on they hold.
    parts: Vec<(u64, Box<dyn Schedule + 'a>)>,
}

impl<'a> InSequence<'a> {
    /// What holds from the first step on.
    pub fn new(first: impl Schedule + 'a) -> Self {
        Self { parts: vec![(0, Box::new(first))] }
    }

    /// What holds from this step on. Errors: `InvalidArgument` unless it lies behind the one before.
    pub fn then(mut self, from: u64, next: impl Schedule + 'a) -> Result<Self> {
        let before = self.parts[self.parts.len() - 1].0;
        if from <= before {
            return Err(Error::InvalidArgument {
                op: "in_sequence",
                rule: "each schedule must begin behind the one before",
                got: format!("step {from} behind {before}"),
                repair: "count steps from the start of the run",
            });
        }
        self.parts.push((from, Box::new(next)));
        Ok(self)
    }
}

impl Schedule for InSequence<'_> {
    fn lr(&self, step: u64) -> f64 {
        let (from, part) = &self.parts[self.parts.partition_point(|(from, _)| *from <= step) - 1];
        part.lr(step - from)
    }
}

/// A learning rate times the values of all schedules, which are factors here: PyTorch's `ChainedScheduler`.
///
/// ```
/// use optim::{Chained, Exponential, LinearWarmup, Schedule};
/// let schedule = Chained::new(0.5).times(LinearWarmup::new(1.0, 0.0, 1.0, 10)?).times(Exponential::new(1.0, 0.9)?);
/// assert!((schedule.lr(5) - 0.5 * 0.5 * 0.9f64.powi(5)).abs() < 1e-15);
/// # Ok::<(), optim::Error>(())
/// ```
pub struct Chained<'a> {
    lr: f64,
    factors: Vec<Box<dyn Schedule + 'a>>,
}

impl<'a> Chained<'a> {
    /// This learning rate, without a factor.
    pub fn new(lr: f64) -> Self {
        Self { lr, factors: Vec::new() }
    }

    /// One factor more.
    pub fn times(mut self, factor: impl Schedule + 'a) -> Self {
        self.factors.push(Box::new(factor));
        self
    }
}

impl Schedule for Chained<'_> {
    fn lr(&self, step: u64) -> f64 {
        self.factors.iter().fold(self.lr, |lr, factor| lr * factor.lr(step))
    }
}
