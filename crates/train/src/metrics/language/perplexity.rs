//! How surprised a language model is: for each token, and for each character.

use crate::error::{Error, Result};
use crate::metrics::MeanMetric;
use crate::metrics::check::show;
use std::fmt;

/// Perplexity, `exp` of the mean loss of a token in nats: the number of equally likely tokens that would surprise as
/// much (F. Jelinek and others, Journal of the Acoustical Society of America 62, 1977).
///
/// Batches count by their tokens, so the last, smaller one weighs less. A mean loss above about 709 nats is beyond the
/// largest number and gives infinity. Perplexities over different vocabularies cannot be compared;
/// [`BitsPerCharacter`] can.
///
/// ```
/// use train::metrics::Perplexity;
/// let mut perplexity = Perplexity::new();
/// perplexity.update(2.0_f64.ln(), 30).unwrap();
/// perplexity.update(16.0_f64.ln(), 10).unwrap();
/// assert!((perplexity.value().unwrap() - 2.0_f64.powf(1.75)).abs() < 1e-14); // (30 · 1 + 10 · 4) / 40 bits
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Perplexity {
    mean: MeanMetric,
}

/// Bits per character, the total loss over the characters of the text, `nats / (ln 2 · characters)`.
///
/// ```
/// use train::metrics::BitsPerCharacter;
/// let mut bits = BitsPerCharacter::new();
/// bits.update(2.0_f64.ln(), 30, 60).unwrap(); // thirty tokens of one bit each, for sixty characters
/// assert_eq!(bits.value(), Some(0.5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BitsPerCharacter {
    nats: f64,
    characters: u64,
}

/// A mean of surprises is a number that is not negative.
fn check_nats(op: &'static str, nats: f64) -> Result<()> {
    if nats.is_finite() && nats >= 0.0 {
        return Ok(());
    }
    Err(Error::InvalidArgument {
        op,
        rule: "the mean loss must be a finite number of nats, at least 0",
        got: nats.to_string(),
        repair: "pass the mean cross-entropy; lower the learning rate if it diverged",
    })
}

impl Perplexity {
    /// No tokens yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch by its mean loss in nats and the number of its tokens, without ignored ones.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a loss that is negative or not finite.
    pub fn update(&mut self, mean_nats: f64, tokens: u64) -> Result<()> {
        check_nats("perplexity", mean_nats)?;
        self.mean.add(mean_nats, tokens as f64);
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.mean.merge(&other.mean);
    }

    /// The perplexity, at least 1, or `None` before the first token.
    pub fn value(&self) -> Option<f64> {
        self.mean.value().map(libm::exp)
    }

    /// The mean loss of a token in nats, or `None` before the first.
    pub fn nats(&self) -> Option<f64> {
        self.mean.value()
    }

    /// Why there is no value: no tokens.
    pub fn undefined(&self) -> Option<&'static str> {
        self.value().is_none().then_some("no tokens")
    }
}

impl BitsPerCharacter {
    /// No text yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch by its mean loss in nats, the number of its tokens, and the number of characters they stand for.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a loss that is negative or not finite.
    pub fn update(&mut self, mean_nats: f64, tokens: u64, characters: u64) -> Result<()> {
        check_nats("bits_per_character", mean_nats)?;
        self.nats += mean_nats * tokens as f64;
        self.characters += characters;
        Ok(())
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &Self) {
        self.nats += other.nats;
        self.characters += other.characters;
    }

    /// The bits for each character, or `None` before the first.
    pub fn value(&self) -> Option<f64> {
        let bits = self.nats / std::f64::consts::LN_2;
        (self.characters > 0).then(|| bits / self.characters as f64)
    }

    /// Why there is no value: no characters.
    pub fn undefined(&self) -> Option<&'static str> {
        self.value().is_none().then_some("no characters")
    }
}

impl fmt::Display for Perplexity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

impl fmt::Display for BitsPerCharacter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.value(), self.undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_is_one_and_nothing_is_not_available() {
        let mut p = Perplexity::new();
        p.update(3.0, 0).unwrap();
        assert_eq!((p.value(), p.to_string()), (None, "n/a (no tokens)".into()));
        p.update(0.0, 5).unwrap();
        assert_eq!((p.value(), p.nats()), (Some(1.0), Some(0.0)));
        assert_eq!(BitsPerCharacter::new().to_string(), "n/a (no characters)");
    }

    #[test]
    fn a_diverged_loss_is_refused() {
        for (nats, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-0.5, "-0.5")] {
            let tail = format!(
                "the mean loss must be a finite number of nats, at least 0; got {name}; \
                 pass the mean cross-entropy; lower the learning rate if it diverged"
            );
            let (mut p, mut b) = (Perplexity::new(), BitsPerCharacter::new());
            assert_eq!(p.update(nats, 1).unwrap_err().to_string(), format!("[perplexity] {tail}"));
            assert_eq!(b.update(nats, 1, 1).unwrap_err().to_string(), format!("[bits_per_character] {tail}"));
            assert_eq!((p, b), (Perplexity::new(), BitsPerCharacter::new()));
        }
    }
}
