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

use crate::dtype::Float;
use crate::error::{Error, Result};
use crate::parallel;
use crate::{DType, Element};
use rand::{Rng as _, SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// Elements a thread fills at a time; even, so that no Box-Muller pair is cut.
const GRAIN: usize = 4096;
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
/// assert_eq!(a.permutation(5), b.permutation(5));
/// assert_ne!(a.permutation(50), child.permutation(50));
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

    /// Fills `out` with uniform numbers of `lo..hi`.
    ///
    /// `lo + (hi − lo)·u` in double precision, rounded once, where u is a multiple of 2⁻²⁴ (`f32`, element i from word i)
    /// or 2⁻⁵³ (`f64`, words 2i and 2i + 1). Never `hi`, also where rounding would reach it.
    ///
    /// # Errors
    /// `lo` and `hi` must be finite and `lo < hi` as numbers of type `T`, and `hi − lo` finite.
    pub fn fill_uniform<T: Float>(&mut self, out: &mut [T], lo: f64, hi: f64) -> Result<()> {
        let (first, end) = (T::of(lo), T::of(hi));
        let (from, span) = (first.to_f64(), end.to_f64() - first.to_f64());
        let bounded = span.is_finite() && first < end; // NaN and infinite ends make the span NaN or infinite
        if !bounded {
            return Err(Error::InvalidArgument {
                op: "uniform",
                rule: "bounds must be finite with lo < hi in the element type",
                got: format!("{lo}..{hi} of {}", T::DTYPE),
                repair: "pass a non-empty finite range",
            });
        }
        let last = below_in::<T>(end);
        self.fill(out, words_of::<T>(), |source, run| {
            for x in run {
                let value = T::of(from + span * unit::<T>(source));
                *x = if value < end { value } else { last };
            }
        });
        Ok(())
    }

    /// Fills `out` with numbers of the normal distribution.
    ///
    /// Box-Muller in double precision, rounded once: `r = √(−2 ln u)`, `mean + std·r·cos 2πv` at even and
    /// `mean + std·r·sin 2πv` at odd places, u in (0, 1] and v in [0, 1) with 32 bits each for `f32`
    /// (|z| ≤ √(64 ln 2) ≈ 6.66; beyond it lie 3 of 10¹¹ numbers) and 53 for `f64` (|z| ≤ √(106 ln 2) ≈ 8.57).
    /// Elements 2j and 2j + 1 come from words 2j and 2j + 1 (`f32`), 4j … 4j + 3 (`f64`).
    ///
    /// # Errors
    /// `mean` must be finite, `std` finite and not negative, both as numbers of type `T`.
    pub fn fill_normal<T: Float>(&mut self, out: &mut [T], mean: f64, std: f64) -> Result<()> {
        let usable = T::of(mean).is_finite() && T::of(std).is_finite() && std >= 0.0;
        if !usable {
            return Err(Error::InvalidArgument {
                op: "normal",
                rule: "mean must be finite and std finite and not negative",
                got: format!("mean {mean} and std {std} of {}", T::DTYPE),
                repair: "pass finite values with std >= 0",
            });
        }
        self.fill(out, words_of::<T>(), |source, run| {
            for pair in run.chunks_mut(2) {
                let (u, v) = (open_unit::<T>(source), whole_unit::<T>(source));
                let r = (-2.0 * libm::log(u)).sqrt();
                let (sin, cos) = libm::sincos(std::f64::consts::TAU * v);
                pair[0] = T::of(mean + std * (r * cos));
                if let Some(odd) = pair.get_mut(1) {
                    *odd = T::of(mean + std * (r * sin));
                }
            }
        });
        Ok(())
    }

    /// Fills `out` with `true` at probability `p`, rounded to a multiple of 2⁻³²; 0 is never, 1 is always.
    /// Element i is whether word i lies below `p`·2³².
    ///
    /// # Errors
    /// `p` must lie in `0..=1`.
    pub fn fill_bernoulli(&mut self, out: &mut [bool], p: f64) -> Result<()> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::InvalidArgument {
                op: "bernoulli",
                rule: "a probability must lie in 0..=1",
                got: p.to_string(),
                repair: "pass a probability",
            });
        }
        let threshold = libm::round(p * 4294967296.0) as u64;
        self.fill(out, 1, |source, run| {
            for x in run {
                *x = u64::from(source.next_u32()) < threshold;
            }
        });
        Ok(())
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
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// Puts the items in random order (Fisher-Yates, from the last place down).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let draw = self.next_draw();
        let mut source = self.at(draw, 0);
        for last in (1..items.len()).rev() {
            items.swap(last, bounded(&mut source, last + 1));
        }
    }

    /// One draw over `out`: `part` fills runs of at most [`GRAIN`] elements from a source that stands at the first
    /// word of the run.
    fn fill<T: Send>(
        &mut self,
        out: &mut [T],
        words: usize,
        part: impl Fn(&mut ChaCha8Rng, &mut [T]) + Sync,
    ) {
        let draw = self.next_draw();
        let this = &*self;
        parallel::for_chunks(out, GRAIN, |start, run| {
            part(&mut this.at(draw, start as u128 * words as u128), run);
        });
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

/// Words an element takes.
const fn words_of<T: Element>() -> usize {
    match T::DTYPE {
        DType::F32 => 1,
        _ => 2,
    }
}

/// Uniform in [0, 1) with as many bits as `T` has: 24 or 53.
#[inline(always)]
fn unit<T: Element>(source: &mut ChaCha8Rng) -> f64 {
    match T::DTYPE {
        DType::F32 => f64::from(source.next_u32() >> 8) * (1.0 / 16777216.0),
        _ => whole_unit::<T>(source),
    }
}

/// Uniform in [0, 1) with 32 bits (`f32`) or 53.
#[inline(always)]
fn whole_unit<T: Element>(source: &mut ChaCha8Rng) -> f64 {
    match T::DTYPE {
        DType::F32 => f64::from(source.next_u32()) * (1.0 / 4294967296.0),
        _ => (source.next_u64() >> 11) as f64 * (1.0 / 9007199254740992.0),
    }
}

/// Uniform in (0, 1] with 32 bits (`f32`) or 53.
#[inline(always)]
fn open_unit<T: Element>(source: &mut ChaCha8Rng) -> f64 {
    1.0 - whole_unit::<T>(source)
}

/// The largest number of type `T` below `x`.
fn below_in<T: Float>(x: T) -> T {
    match T::DTYPE {
        DType::F32 => T::of(f64::from((x.to_f64() as f32).next_down())),
        _ => T::of(x.to_f64().next_down()),
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

#[cfg(test)]
mod tests;
