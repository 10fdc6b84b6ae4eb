//! Text: vocabularies, files, windows and lanes over a long text, batches of sequences of several lengths.

#[cfg(feature = "bpe")]
mod bpe;
mod buckets;
mod lanes;
mod padding;
mod read;
mod vocab;
mod windows;

#[cfg(feature = "bpe")]
pub use bpe::Bpe;
pub use buckets::{BucketConfig, Bucketed, LengthBuckets};
pub use lanes::TextLanes;
pub use padding::{Padded, pad_sequences};
pub use read::read_text;
pub use vocab::{Vocab, VocabConfig, VocabUnit};
pub use windows::TextWindows;

use crate::error::{Error, Result};

/// Tokens as what a tensor holds.
fn as_i64(op: &'static str, tokens: &[usize]) -> Result<Vec<i64>> {
    let one = |(at, &token): (usize, &usize)| {
        i64::try_from(token).map_err(|_| Error::InvalidArgument {
            op,
            rule: "a token must fit an i64",
            got: format!("{token} at position {at}"),
            repair: "number tokens from 0",
        })
    };
    tokens.iter().enumerate().map(one).collect()
}
