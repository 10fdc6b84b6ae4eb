//! From logits to tokens: the most likely, a drawn one, the best of several continuations.

mod beam;
mod generate;
mod sampler;

pub use beam::{Beam, Hypothesis, beam_search};
pub use generate::{Generate, generate};
pub use sampler::Sampler;

use nn::{Error, Result};

/// The token with the largest logit; the first of several. NaN is never the largest.
///
/// Errors: `InvalidArgument` if there is no logit that is a number.
pub fn greedy(logits: &[f64]) -> Result<usize> {
    let best =
        logits.iter().enumerate().filter(|(_, x)| !x.is_nan()).fold(None, |best, (i, &x)| match best {
            Some((_, most)) if x <= most => best,
            _ => Some((i, x)),
        });
    best.map(|(i, _)| i).ok_or_else(|| no_numbers(logits))
}

fn no_numbers(logits: &[f64]) -> Error {
    Error::InvalidArgument {
        op: "decode",
        rule: "there must be a logit that is a number",
        got: format!("{} logits, all of them NaN or −∞", logits.len()),
        repair: "check the model for values that are not finite",
    }
}
