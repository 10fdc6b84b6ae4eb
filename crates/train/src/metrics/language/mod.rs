//! How good text is: perplexity, tokens, edits, n-grams.

mod bleu;
mod edit;
mod exact;
mod perplexity;
mod tokens;

pub use bleu::{Bleu, Smoothing};
pub use edit::{ErrorRate, Unit, edit_distance};
pub use exact::ExactMatch;
pub use perplexity::{BitsPerCharacter, Perplexity};
pub use tokens::TokenAccuracy;
