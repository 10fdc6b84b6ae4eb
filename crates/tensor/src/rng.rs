//! Seeded randomness whose numbers have addresses.
//!
//! A number is a function of (seed, stream, element index), never of the thread count, of timing, or of how many
//! elements are asked for beside it. The generator is ChaCha with 8 rounds: a keyed function from (nonce, block) to
//! 16 words. An [`Rng`] is a key and a counter of draws; its block space is split in three:
//!
//! | blocks        | nonce      | what they hold                       |
//! |---------------|------------|--------------------------------------|
//! | 0 … 2⁶³ − 1   | draw       | the numbers of one draw              |
//! | 2⁶³           | `id`       | the key of the child `stream(id)`    |
//! | 2⁶³ + 1       | draw       | the key of the child made by `split` |
//!
//! One call that fills, shuffles or picks is one draw. The golden values in the tests pin all of this for good.

use crate::error::{Error, Result};
use rand::{Rng as _, SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

mod fill;
#[cfg(test)]
mod tests;

/// Words in a ChaCha block.
const BLOCK: u128 = 16;
/// First block of the keys of addressed children.
const STREAM_KEYS: u128 = 1 << 63;
/// First block of the keys of split children.
const SPLIT_KEYS: u128 = STREAM_KEYS + 1;

/// A seeded source of random numbers, 40 bytes of state: a ChaCha key and the number of draws taken.
///
/// A clone repeats the numbers of its original; [`split`](Rng::split) and [`stream`](Rng::stream) give independent
/// ones. It is also a generator of the `rand` crate, so `rand::RngExt`, `rand::seq` and `rand_distr` work on it; there,
/// each word is a draw of its own (some 100 ns). For many words take [`words`](Rng::words).
///
/// ```
/// use tensor::Rng;
/// let mut a = Rng::seed(7);
/// let (mut b, mut child) = (a.clone(), a.stream(1));
/// assert_eq!(a.permutation(5)?, b.permutation(5)?);
/// assert_ne!(a.permutation(50)?, child.permutation(50)?);
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// Differs from PyTorch in: there is no global generator, and the numbers do not depend on the thread count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Rng {
    key: [u32; 8],
    draws: u64,
}

impl Rng {
    /// The generator of a seed: the ChaCha key is the seed, little-endian, and a fixed label of 24 bytes.
    pub fn seed(seed: u64) -> Self {
        let mut bytes = *b"\0\0\0\0\0\0\0\0ironloom random stream 1";
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut key = [0; 8];
        for (word, four) in key.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        }
        Self { key, draws: 0 }
    }

    /// An independent child; takes one draw, so the next child is another one.
    #[must_use]
    pub fn split(&mut self) -> Self {
        let draw = self.next_draw();
        self.child(draw, SPLIT_KEYS)
    }

    /// The independent child with the address `id`. It depends on this generator's key and `id` alone, not on the
    /// draws taken, and takes none: one key per layer, epoch or sample.
    #[must_use]
    pub fn stream(&self, id: u64) -> Self {
        self.child(id, STREAM_KEYS)
    }

    /// How many draws were taken: calls that filled, shuffled, picked or split.
    pub fn draws(&self) -> u64 {
        self.draws
    }

    /// The words of one draw as a generator of the `rand` crate.
    pub fn words(&mut self) -> impl rand::Rng + use<> {
        let draw = self.next_draw();
        self.at(draw, 0)
    }

    /// A uniform integer of `0..n`, without bias.
    ///
    /// # Errors
    /// `n` must not be 0.
    pub fn below(&mut self, n: usize) -> Result<usize> {
        if n == 0 {
            return Err(Error::InvalidArgument {
                op: "below",
                rule: "a range to pick from must not be empty",
                got: "0..0".to_string(),
                repair: "pass n >= 1",
            });
        }
        let draw = self.next_draw();
        Ok(bounded(&mut self.at(draw, 0), n))
    }

    /// The numbers `0..n` in random order, each order as likely as any other.
    ///
    /// # Errors
    /// The numbers must fit in memory.
    pub fn permutation(&mut self, n: usize) -> Result<Vec<usize>> {
        let mut order = Self::room_for(n)?;
        order.extend(0..n);
        self.shuffle(&mut order);
        Ok(order)
    }

    /// Room for a permutation of `0..n`, and its refusal.
    #[doc(hidden)]
    pub fn room_for(n: usize) -> Result<Vec<usize>> {
        let bytes = n.saturating_mul(size_of::<usize>());
        crate::buffer::room(n).ok_or(Error::OutOfMemory { op: "permutation", bytes })
    }

    /// Puts the items in random order (Fisher-Yates, from the last place down).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let draw = self.next_draw();
        let mut source = self.at(draw, 0);
        for last in (1..items.len()).rev() {
            items.swap(last, bounded(&mut source, last + 1));
        }
    }

    fn next_draw(&mut self) -> u64 {
        let draw = self.draws;
        self.draws = draw.wrapping_add(1);
        draw
    }

    fn at(&self, nonce: u64, word: u128) -> ChaCha8Rng {
        let mut bytes = [0; 32];
        for (four, word) in bytes.chunks_exact_mut(4).zip(self.key) {
            four.copy_from_slice(&word.to_le_bytes());
        }
        let mut source = ChaCha8Rng::from_seed(bytes);
        source.set_stream(nonce);
        source.set_word_pos(word);
        source
    }

    fn child(&self, nonce: u64, block: u128) -> Self {
        let mut source = self.at(nonce, block * BLOCK);
        Self { key: std::array::from_fn(|_| source.next_u32()), draws: 0 }
    }
}

/// Each call is one draw.
impl TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.words().next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.words().next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.words().fill_bytes(bytes);
        Ok(())
    }
}

/// The state as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    key: [u32; 8],
    draws: u64,
}

/// The meaning of a state; raised whenever the golden values change.
const VERSION: u32 = 1;

impl From<Rng> for Wire {
    fn from(rng: Rng) -> Self {
        Self { version: VERSION, key: rng.key, draws: rng.draws }
    }
}

impl TryFrom<Wire> for Rng {
    type Error = Error;

    fn try_from(wire: Wire) -> Result<Self> {
        match wire.version {
            VERSION => Ok(Self { key: wire.key, draws: wire.draws }),
            other => Err(Error::InvalidArgument {
                op: "rng state",
                rule: "a state must have version 1",
                got: format!("version {other}"),
                repair: "read it with the release that wrote it",
            }),
        }
    }
}

/// Uniform in `0..n` (Lemire 2019, "Fast random integer generation in an interval"): the high half of word·n, drawn
/// again where the low half falls among the 2⁶⁴ mod n products that would favour some numbers.
fn bounded(source: &mut ChaCha8Rng, n: usize) -> usize {
    let n = n as u64;
    loop {
        let product = u128::from(source.next_u64()) * u128::from(n);
        let low = product as u64;
        if low >= n || low >= n.wrapping_neg() % n {
            return (product >> 64) as usize;
        }
    }
}
