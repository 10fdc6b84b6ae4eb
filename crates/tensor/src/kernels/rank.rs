//! Elements as integers of the same order, and those with a position behind. NaN is the largest, and −0 equals 0.

use crate::dtype::Element;
use crate::parallel::for_chunks;
use crate::simd::simd_fn;
use bytemuck::Pod;

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;

/// An element as an integer of the same order.
pub(crate) trait Rank: Element {
    /// Whether all ranks fit in 32 bits.
    const NARROW: bool;
    /// `base` is the smallest of all elements, where they are integers.
    fn rank(self, base: i64) -> u64;
    /// The element of a rank; none where elements that differ share it.
    fn unrank(rank: u64, base: i64) -> Option<Self>;
    /// A bound of the ranks, and `base`.
    fn range(x: &[Self]) -> (u64, i64);
}

macro_rules! rank_of_float {
    ($t:ident, $bits:ident) => {
        impl Rank for $t {
            const NARROW: bool = $bits::BITS <= 32;
            #[inline(always)]
            fn rank(self, _: i64) -> u64 {
                let bits = (self + 0.0).to_bits();
                let top = 1 << ($bits::BITS - 1);
                let rank = if bits & top != 0 { !bits } else { bits | top };
                (if self.is_nan() { $bits::MAX } else { rank }) as u64
            }
            #[inline(always)]
            fn unrank(rank: u64, _: i64) -> Option<Self> {
                let (rank, top) = (rank as $bits, 1 << ($bits::BITS - 1));
                let bits = if rank & top != 0 { rank ^ top } else { !rank };
                (rank != top && rank != $bits::MAX).then_some($t::from_bits(bits))
            }
            fn range(_: &[Self]) -> (u64, i64) {
                ($bits::MAX as u64, 0)
            }
        }
    };
}
rank_of_float!(f32, u32);
rank_of_float!(f64, u64);

impl Rank for i64 {
    const NARROW: bool = false;
    #[inline(always)]
    fn rank(self, base: i64) -> u64 {
        self.wrapping_sub(base) as u64
    }
    #[inline(always)]
    fn unrank(rank: u64, base: i64) -> Option<Self> {
        Some((rank as i64).wrapping_add(base))
    }
    fn range(x: &[Self]) -> (u64, i64) {
        let (low, high) = extent(x);
        (high.wrapping_sub(low) as u64, low)
    }
}

impl Rank for u8 {
    const NARROW: bool = true;
    #[inline(always)]
    fn rank(self, _: i64) -> u64 {
        self as u64
    }
    #[inline(always)]
    fn unrank(rank: u64, _: i64) -> Option<Self> {
        Some(rank as u8)
    }
    fn range(_: &[Self]) -> (u64, i64) {
        (u8::MAX as u64, 0)
    }
}

simd_fn! {
    fn extent_of(x: &[i64]) -> (i64, i64) {
        let (mut low, mut high) = (i64::MAX, i64::MIN);
        for &x in x {
            low = low.min(x);
            high = high.max(x);
        }
        (low, high)
    }
}

/// The smallest and the largest, or `(0, 0)` of none.
pub(crate) fn extent(x: &[i64]) -> (i64, i64) {
    let mut parts = vec![(i64::MAX, i64::MIN); x.len().div_ceil(GRAIN)];
    for_chunks(&mut parts, 1, |first, parts| {
        for (part, x) in parts.iter_mut().zip(x[first * GRAIN..].chunks(GRAIN)) {
            *part = extent_of(x);
        }
    });
    parts.into_iter().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0, 0))
}

/// A rank and, behind it, a position.
pub(super) trait Key: Pod + Ord + Send + Sync {
    /// How many of 64 bits one takes.
    const WORDS: usize;
    fn new(rank: u64, position: usize) -> Self;
    fn rank(self) -> u64;
    fn position(self) -> usize;
}

impl Key for u64 {
    const WORDS: usize = 1;
    #[inline(always)]
    fn new(rank: u64, position: usize) -> Self {
        rank << 32 | position as u64
    }
    #[inline(always)]
    fn rank(self) -> u64 {
        self >> 32
    }
    #[inline(always)]
    fn position(self) -> usize {
        self as u32 as usize
    }
}

impl Key for u128 {
    const WORDS: usize = 2;
    #[inline(always)]
    fn new(rank: u64, position: usize) -> Self {
        (rank as u128) << 64 | position as u128
    }
    #[inline(always)]
    fn rank(self) -> u64 {
        (self >> 64) as u64
    }
    #[inline(always)]
    fn position(self) -> usize {
        self as u64 as usize
    }
}

/// The rank of each of `x`, NaN last, for comparing; those of integers are shifted, so that negative ones come first.
pub(crate) fn ranks<T: Rank>(x: &[T], out: &mut [u64]) {
    out.iter_mut().zip(x).for_each(|(out, &x)| *out = x.rank(i64::MIN));
}
