//! Settings of their own for some parameters, chosen by path.

use crate::error::{Error, Result, require};
use nn::{Param, Pattern};

/// Rules that change settings for the parameters whose paths match; where several match, the last decides.
///
/// ```
/// use optim::Groups;
/// let groups = Groups::default().no_decay_on_biases_and_norms().lr_scale("backbone.**", 0.1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Groups {
    rules: Vec<(Which, Change)>,
}

#[derive(Debug, Clone)]
enum Which {
    Matching(Pattern),
    /// Biases and the scales and shifts of norms: all that is no matrix.
    Vectors,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    LrScale(f64),
    WeightDecay(f64),
}

/// What holds for one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Settings {
    pub(crate) lr_scale: f64,
    pub(crate) weight_decay: f64,
}

impl Groups {
    /// Multiplies the learning rate of the parameters that match `pattern` (see [`Pattern`]).
    pub fn lr_scale(mut self, pattern: &str, scale: f64) -> Self {
        self.rules.push((Which::Matching(Pattern::new(pattern)), Change::LrScale(scale)));
        self
    }

    /// Sets the weight decay of the parameters that match `pattern`.
    pub fn weight_decay(mut self, pattern: &str, weight_decay: f64) -> Self {
        self.rules.push((Which::Matching(Pattern::new(pattern)), Change::WeightDecay(weight_decay)));
        self
    }

    /// No weight decay on parameters of fewer than two axes: biases, and the scales and shifts of norms.
    pub fn no_decay_on_biases_and_norms(mut self) -> Self {
        self.rules.push((Which::Vectors, Change::WeightDecay(0.0)));
        self
    }

    /// The settings of each parameter, whose weight decays are `decays` where no rule says otherwise. Errors: `NoMatch` for a pattern that names none; `InvalidArgument` for a scale
    /// or decay that is negative or not finite.
    pub(crate) fn settings(
        &self,
        op: &'static str,
        params: &[(String, &Param)],
        decays: &[f64],
    ) -> Result<Vec<Settings>> {
        let mut all: Vec<Settings> =
            decays.iter().map(|&weight_decay| Settings { lr_scale: 1.0, weight_decay }).collect();
        for (which, change) in &self.rules {
            let (name, value) = match *change {
                Change::LrScale(value) => ("lr_scale", value),
                Change::WeightDecay(value) => ("weight_decay", value),
            };
            require(op, "a group's setting must be finite and not negative", name, value, value >= 0.0)?;
            let mut matched = false;
            for (settings, (path, param)) in all.iter_mut().zip(params) {
                let applies = match which {
                    Which::Matching(pattern) => pattern.matches(path),
                    Which::Vectors => param.value().rank() < 2,
                };
                matched |= applies;
                match *change {
                    Change::LrScale(value) if applies => settings.lr_scale = value,
                    Change::WeightDecay(value) if applies => settings.weight_decay = value,
                    _ => {}
                }
            }
            if let (false, Which::Matching(pattern)) = (matched, which) {
                return Err(Error::NoMatch {
                    op,
                    pattern: pattern.as_str().to_string(),
                    paths: params.iter().map(|(path, _)| path.clone()).collect(),
                });
            }
        }
        Ok(all)
    }
}
