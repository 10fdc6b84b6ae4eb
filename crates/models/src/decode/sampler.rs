//! Tokens drawn from what a model believes, made sharper or cut off.

use super::{greedy, no_numbers};
use nn::{Error, Result};
use tensor::{DType, Rng};

/// How a token is drawn from logits: divided by the temperature, cut to the `top_k` most likely, then to the fewest whose
/// probabilities sum to `top_p`.
///
/// ```
/// use models::decode::Sampler;
/// use tensor::Rng;
/// let sampler = Sampler { top_k: Some(2), ..Sampler::default() };
/// let rng = &mut Rng::seed(0);
/// let drawn: Vec<usize> = (0..100).map(|_| sampler.pick(&[1.0, 3.0, 2.0], &[], rng)).collect::<Result<_, _>>()?;
/// assert!(drawn.contains(&1) && drawn.contains(&2) && !drawn.contains(&0));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampler {
    /// What logits are divided by: below 1 sharper, above 1 flatter. 0: the most likely token, always.
    pub temperature: f64,
    /// How many of the most likely tokens are drawn from.
    pub top_k: Option<usize>,
    /// The share of probability that is drawn from. Source: Holtzman et al. 2020, arXiv:1904.09751.
    pub top_p: Option<f64>,
    /// What the logits of tokens that were there before are divided by if positive, and multiplied by if not; 1 changes
    /// nothing. Source: Keskar et al. 2019, arXiv:1909.05858.
    pub repetition_penalty: f64,
}

impl Default for Sampler {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: None, repetition_penalty: 1.0 }
    }
}

impl Sampler {
    /// Always the most likely token.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    /// Errors: `InvalidArgument` for a temperature below 0 or not finite, a `top_k` of 0, a `top_p` outside (0, 1], and a
    /// penalty that is no number above 0.
    pub fn check(&self) -> Result<()> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "sampler", rule, got, repair });
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return refuse(
                "a temperature must be a number of 0 or more",
                self.temperature.to_string(),
                "use 1, or 0 for the most likely token",
            );
        }
        if self.top_k == Some(0) {
            return refuse("top_k must be at least 1", "0".into(), "leave it out to draw from all");
        }
        if let Some(p) = self.top_p
            && !(p > 0.0 && p <= 1.0)
        {
            return refuse("top_p must lie in (0, 1]", p.to_string(), "leave it out to draw from all");
        }
        if !(self.repetition_penalty > 0.0 && self.repetition_penalty.is_finite()) {
            return refuse(
                "a repetition penalty must be a number above 0",
                self.repetition_penalty.to_string(),
                "use 1 for none",
            );
        }
        Ok(())
    }

    /// The token drawn from `logits`, `before` being those that were there already. Takes a stream from `rng`, unless the
    /// temperature is 0.
    ///
    /// Errors: as [`Sampler::check`]; `InvalidArgument` if no logit is a number, or one is +∞.
    pub fn pick(&self, logits: &[f64], before: &[usize], rng: &mut Rng) -> Result<usize> {
        self.check()?;
        let mut logits = logits.to_vec();
        if self.repetition_penalty != 1.0 {
            let mut seen = vec![false; logits.len()];
            for &token in before {
                if let Some(seen) = seen.get_mut(token).filter(|seen| !**seen) {
                    *seen = true;
                    let x = &mut logits[token];
                    *x = if *x > 0.0 { *x / self.repetition_penalty } else { *x * self.repetition_penalty };
                }
            }
        }
        let most = logits[greedy(&logits)?];
        if self.temperature == 0.0 {
            return greedy(&logits);
        }
        if !most.is_finite() {
            return Err(no_numbers(&logits));
        }
        // The most likely first; of equal ones the first. NaN counts as impossible.
        let mut order: Vec<usize> = (0..logits.len()).filter(|&i| logits[i] > f64::NEG_INFINITY).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        order.truncate(self.top_k.unwrap_or(order.len()));
        let weights: Vec<f64> =
            order.iter().map(|&i| tensor::math::Math::exp((logits[i] - most) / self.temperature)).collect();
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let enough = self.top_p.and_then(|p| {
            weights.iter().position(|weight| {
                sum += weight;
                sum >= p * total
            })
        });
        let count = enough.map_or(weights.len(), |last| last + 1);
        let total: f64 = weights[..count].iter().sum();
        let at = rng.split().uniform([1], 0.0, total, DType::F64)?.item()?;
        let mut sum = 0.0;
        for (&token, weight) in order.iter().zip(&weights[..count]) {
            sum += weight;
            if at < sum {
                return Ok(token);
            }
        }
        Ok(order[count - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(sampler: &Sampler, logits: &[f64]) -> Vec<f64> {
        let rng = &mut Rng::seed(7);
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..20_000 {
            counts[sampler.pick(logits, &[], rng).unwrap()] += 1.0 / 20_000.0;
        }
        counts
    }

    #[test]
    fn shares_are_the_softmax() {
        let logits = [0.0, 2f64.ln(), 5f64.ln()];
        // Standard deviation of a share: below 0.0036.
        for (temperature, wanted) in
            [(1.0, [0.125, 0.25, 0.625]), (0.5, [1.0 / 30.0, 4.0 / 30.0, 25.0 / 30.0])]
        {
            let found = shares(&Sampler { temperature, ..Sampler::default() }, &logits);
            assert!(found.iter().zip(wanted).all(|(f, w)| (f - w).abs() < 0.015), "{found:?}");
        }
    }

    #[test]
    fn cuts_leave_the_most_likely() {
        let logits = [0.0, 2f64.ln(), 5f64.ln(), f64::NEG_INFINITY, f64::NAN];
        let found = shares(&Sampler { top_k: Some(2), ..Sampler::default() }, &logits);
        assert!(found[0] == 0.0 && (found[1] - 2.0 / 7.0).abs() < 0.015, "{found:?}");
        // 5/8 is not enough for 0.7; 7/8 is.
        let found = shares(&Sampler { top_p: Some(0.7), ..Sampler::default() }, &logits);
        assert!(found[0] == 0.0 && (found[2] - 5.0 / 7.0).abs() < 0.015, "{found:?}");
        let found = shares(&Sampler { top_p: Some(0.6), ..Sampler::default() }, &logits);
        assert!(found[..2] == [0.0; 2] && found[2] > 0.999, "{found:?}");
    }

    #[test]
    fn what_was_there_is_less_likely() {
        let sampler = Sampler { repetition_penalty: 4.0, ..Sampler::greedy() };
        let rng = &mut Rng::seed(0);
        assert_eq!(sampler.pick(&[3.0, 2.0, -0.1], &[], rng).unwrap(), 0);
        assert_eq!(sampler.pick(&[3.0, 2.0, -0.1], &[0, 0], rng).unwrap(), 1);
        assert_eq!(sampler.pick(&[-0.2, -0.5, -3.0], &[0], rng).unwrap(), 1);
    }

    #[test]
    fn settings_that_mean_nothing_are_refused() {
        let rng = &mut Rng::seed(0);
        let mut refused = |sampler: Sampler, says: &str| {
            assert_eq!(sampler.pick(&[0.0, 1.0], &[], rng).unwrap_err().to_string(), says);
        };
        let plain = Sampler::default();
        refused(
            Sampler { temperature: -1.0, ..plain },
            "[sampler] a temperature must be a number of 0 or more; got -1; use 1, or 0 for the most likely token",
        );
        refused(
            Sampler { top_p: Some(1.5), ..plain },
            "[sampler] top_p must lie in (0, 1]; got 1.5; leave it out to draw from all",
        );
        refused(
            Sampler { top_k: Some(0), ..plain },
            "[sampler] top_k must be at least 1; got 0; leave it out to draw from all",
        );
        let nothing = plain.pick(&[f64::NAN], &[], &mut Rng::seed(0)).unwrap_err().to_string();
        assert_eq!(
            nothing,
            "[decode] there must be a logit that is a number; got 1 logits, all of them NaN or −∞; check the model for values that are not finite"
        );
    }
}
