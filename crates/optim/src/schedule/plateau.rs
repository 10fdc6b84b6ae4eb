//! A learning rate that falls when a measure does not get better.

use super::check_lr;
use crate::error::{Result, require};
use serde::{Deserialize, Serialize};

/// How a [`Plateau`] works; PyTorch's names and defaults.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlateauConfig {
    /// Whether smaller values are better.
    pub lower: bool,
    /// What the learning rate is multiplied by.
    pub factor: f64,
    /// Measures without a better one that are waited for.
    pub patience: u64,
    /// How much better, relative to the best, a better one must be.
    pub threshold: f64,
    /// Measures after a fall that are not counted.
    pub cooldown: u64,
    /// The least learning rate.
    pub floor: f64,
}

impl Default for PlateauConfig {
    fn default() -> Self {
        Self { lower: true, factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, floor: 0.0 }
    }
}

/// The learning rate falls by a factor when a measure has not become better for a while: PyTorch's `ReduceLROnPlateau`.
///
/// It depends on what was measured, so it is no function of the step; it can be saved as it is. NaN is never better.
///
/// ```
/// use optim::{Plateau, PlateauConfig};
/// let mut plateau = Plateau::new(1.0, PlateauConfig { patience: 1, ..PlateauConfig::default() })?;
/// let rates: Vec<f64> = [3.0, 2.0, 2.5, 2.6, 2.0].map(|loss| plateau.observe(loss)).to_vec();
/// assert_eq!(rates, [1.0, 1.0, 1.0, 0.1, 0.1]);
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    config: PlateauConfig,
    lr: f64,
    best: Option<f64>,
    bad: u64,
    cooling: u64,
}

impl Plateau {
    /// Errors: `InvalidArgument` unless lr is positive, the factor lies in 0..1, and threshold and floor are not negative.
    pub fn new(lr: f64, config: PlateauConfig) -> Result<Self> {
        const OP: &str = "plateau";
        check_lr(OP, "lr", lr)?;
        let PlateauConfig { factor, threshold, floor, .. } = config;
        require(OP, "the factor must lie in 0..1", "factor", factor, (0.0..1.0).contains(&factor))?;
        require(
            OP,
            "the threshold must be finite and not negative",
            "threshold",
            threshold,
            threshold >= 0.0,
        )?;
        require(OP, "the floor must be finite and not negative", "floor", floor, floor >= 0.0)?;
        Ok(Self { config, lr, best: None, bad: 0, cooling: 0 })
    }

    /// The learning rate now.
    pub fn lr(&self) -> f64 {
        self.lr
    }

    /// Takes a measure; the learning rate from then on.
    pub fn observe(&mut self, measure: f64) -> f64 {
        let PlateauConfig { lower, factor, patience, threshold, cooldown, floor } = self.config;
        let better = match self.best {
            None => !measure.is_nan(),
            Some(best) if lower => measure < best * (1.0 - threshold),
            Some(best) => measure > best * (1.0 + threshold),
        };
        if better {
            (self.best, self.bad) = (Some(measure), 0);
        } else {
            self.bad += 1;
        }
        if self.cooling > 0 {
            (self.cooling, self.bad) = (self.cooling - 1, 0);
        }
        if self.bad > patience {
            self.lr = (self.lr * factor).max(floor);
            (self.cooling, self.bad) = (cooldown, 0);
        }
        self.lr
    }
}
