//! Elements in order: each becomes an integer of the same order with its position behind, and integers are sorted by
//! their digits, or the first of them selected.
//!
//! All keys of a row differ, so there is one sorted row, however it is reached: every way here is stable, and neither
//! pieces nor threads show in the result. NaN counts as the largest, and −0 equals 0.

use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::rank::{Key, Rank};
use crate::parallel::{Disjoint, for_chunks, for_ranges, threads};
use crate::simd::simd_fn;

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 13;
/// Rows below this length are sorted by comparing.
const DIGITS_FROM: usize = 1 << 7;
/// Rows from this length on have wider digits, whose counts then cost less than the passes they save.
const WIDE_FROM: usize = 1 << 14;
/// Rows from this length on are divided among the threads.
const LONG: usize = 1 << 16;
/// From this number on, what is selected is not worth sorting by comparing.
const SELECTED: usize = 1 << 12;
/// Elements that are compared at a time with the last of those selected so far.
const BLOCK: usize = 64;
/// Bits of the digit that says in which part of a long row an element of a given place is.
const PART_BITS: u32 = 11;

/// What turns the elements of all rows into ranks: `rank(base) ^ mask`, with a mask of all bits the largest first.
#[derive(Clone, Copy)]
struct Ranking {
    base: i64,
    mask: u64,
}

impl Ranking {
    #[inline(always)]
    fn of<T: Rank>(self, x: T) -> u64 {
        x.rank(self.base) ^ self.mask
    }
}

simd_fn! {
    /// The keys of `x`, whose first element has the position `first`, and in which bits of the ranks any differs from
    /// `like`.
    fn fill_keys[T: Rank, K: Key](r: Ranking, x: &[T], first: usize, like: u64, keys: &mut [K]) -> u64, wide if matches!(T::DTYPE, DType::F32) => {
        let mut differ = 0;
        for (i, (key, &x)) in keys.iter_mut().zip(x).enumerate() {
            let rank = r.of(x);
            differ |= rank ^ like;
            *key = K::new(rank, first + i);
        }
        differ
    }

    /// Whether any rank lies below `limit`.
    fn any_below[T: Rank](r: Ranking, x: &[T], limit: u64) -> bool, wide if matches!(T::DTYPE, DType::F32) => {
        let mut any = false;
        for &x in x {
            any |= r.of(x) < limit;
        }
        any
    }
}

/// How the bits in which ranks differ are cut into digits: bits each, and where each that is not the same in all begins.
fn digits(differ: u64, len: usize) -> (u32, impl Iterator<Item = u32>) {
    let bits = u64::BITS - differ.leading_zeros();
    let count = bits.div_ceil(if len < WIDE_FROM { 8 } else { 11 }).max(1);
    let width = bits.div_ceil(count).max(1);
    let varies = move |shift: &u32| differ >> shift & ((1 << width) - 1) != 0;
    (width, (0..count).map(move |i| i * width).filter(varies))
}

/// `counts` becomes where the elements of each digit begin.
fn starts(counts: &mut [usize]) {
    let mut at = 0;
    for count in counts {
        at += std::mem::replace(count, at);
    }
}

/// `from`, which stands in the order of positions, sorted, in one of the two; the ranks differ in no other bits than
/// those of `differ`.
#[inline(never)]
fn sort_keys<'a, K: Key>(
    mut from: &'a mut [K],
    mut to: &'a mut [K],
    differ: u64,
    counts: &mut Vec<usize>,
) -> &'a mut [K] {
    if from.len() < DIGITS_FROM {
        from.sort_unstable();
        return from;
    }
    let (width, shifts) = digits(differ, from.len());
    for shift in shifts {
        let digit = |key: K| (key.rank() >> shift) as usize & ((1 << width) - 1);
        counts.clear();
        counts.resize(1 << width, 0);
        from.iter().for_each(|&key| counts[digit(key)] += 1);
        starts(counts);
        for &key in from.iter() {
            let at = &mut counts[digit(key)];
            to[*at] = key;
            *at += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    from
}

/// As [`sort_keys`], each pass divided among the threads.
#[inline(never)]
fn sort_keys_together<'a, K: Key>(mut from: &'a mut [K], mut to: &'a mut [K], differ: u64) -> &'a mut [K] {
    let pieces = threads();
    if pieces == 1 {
        return sort_keys(from, to, differ, &mut Vec::new());
    }
    let piece = from.len().div_ceil(pieces);
    let (width, shifts) = digits(differ, from.len());
    let size = 1usize << width;
    let mut counts = vec![0usize; pieces * size];
    for shift in shifts {
        let digit = |key: K| (key.rank() >> shift) as usize & (size - 1);
        for_chunks(&mut counts, size, |start, counts| {
            counts.fill(0);
            let keys = from.chunks(piece).nth(start / size).unwrap_or_default();
            keys.iter().for_each(|&key| counts[digit(key)] += 1);
        });
        let mut at = 0;
        for d in 0..size {
            for count in counts[d..].iter_mut().step_by(size) {
                at += std::mem::replace(count, at);
            }
        }
        let whole = Disjoint::new(to);
        for_chunks(&mut counts, size, |start, counts| {
            for &key in from.chunks(piece).nth(start / size).unwrap_or_default() {
                let at = &mut counts[digit(key)];
                // SAFETY: `to` stays borrowed, and the counts give each key of all pieces a place of its own.
                unsafe { *whole.at(*at) = key };
                *at += 1;
            }
        });
        std::mem::swap(&mut from, &mut to);
    }
    from
}

/// The `k` smallest keys of `x`, in any order; `first` is the position of its first element, and k is not 0.
fn smallest<T: Rank, K: Key>(r: Ranking, x: &[T], first: usize, k: usize, keys: &mut Vec<K>) {
    let room = (2 * k + 2 * BLOCK).min(x.len());
    keys.clear();
    keys.resize(room, K::zeroed());
    fill_keys(r, &x[..room], first, 0, keys);
    let keep = |keys: &mut [K]| keys.select_nth_unstable(k - 1).1.rank();
    if room == x.len() {
        if k < room {
            keep(keys);
            keys.truncate(k);
        }
        return;
    }
    let (mut limit, mut len) = (keep(keys), k);
    for (i, block) in x[room..].chunks(BLOCK).enumerate() {
        if !any_below(r, block, limit) {
            continue;
        }
        for (j, &x) in block.iter().enumerate() {
            let rank = r.of(x);
            keys[len] = K::new(rank, first + room + i * BLOCK + j);
            len += usize::from(rank < limit);
        }
        if len + BLOCK >= room {
            (limit, len) = (keep(&mut keys[..len]), k);
        }
    }
    keys.truncate(len);
    if k < len {
        keep(keys);
        keys.truncate(k);
    }
}

/// Room of the pool for `len` keys.
fn with_room<K: Key, R>(len: usize, work: impl FnOnce(&mut [K]) -> R) -> Result<R> {
    let mut buffer = Buffer::new("sort", len.saturating_mul(K::WORDS), DType::I64)?;
    Ok(work(bytemuck::cast_slice_mut(buffer.as_mut_slice::<i64>())))
}

/// Where the keys of one row go.
struct Sink<'a, T> {
    r: Ranking,
    positions: &'a Disjoint<i64>,
    /// Of the length of the positions, or of none.
    values: &'a Disjoint<T>,
}

impl<T: Rank> Sink<'_, T> {
    /// # Safety
    /// No other thread takes the places from `at` on.
    unsafe fn take<K: Key>(&self, row: &[T], keys: &[K], at: usize) {
        // SAFETY: as promised; whoever made the sink keeps both borrowed.
        let positions = unsafe { self.positions.slice(at..at + keys.len()) };
        positions.iter_mut().zip(keys).for_each(|(out, key)| *out = key.position() as i64);
        if self.values.len == 0 {
            return;
        }
        // SAFETY: as above.
        let values = unsafe { self.values.slice(at..at + keys.len()) };
        for (out, key) in values.iter_mut().zip(keys) {
            let known = T::unrank(key.rank() ^ self.r.mask, self.r.base);
            *out = known.unwrap_or_else(|| row[key.position()]);
        }
    }
}

/// Whether a rank below `range` and a position below `n` fit in 64 bits, 32 each. (Rows that are longer come here with
/// wide ranks; and no key of 128 bits is compiled for those that never need one.)
#[inline(always)]
fn is_narrow<T: Rank>(range: u64, n: usize) -> bool {
    T::NARROW || (T::DTYPE == DType::I64 && range <= u32::MAX as u64 && n <= u32::MAX as usize)
}

/// The first `k` of each sorted row of `n` elements: where they stood and, unless `values` has no place, what they are.
pub(crate) fn sort_rows<T: Rank>(
    x: &[T],
    n: usize,
    k: usize,
    down: bool,
    positions: &mut [i64],
    values: &mut [T],
) -> Result<()> {
    if x.is_empty() || k == 0 {
        return Ok(());
    }
    let (range, base) = T::range(x);
    let narrow = is_narrow::<T>(range, n);
    let mask = if !down {
        0
    } else if narrow {
        u32::MAX as u64
    } else {
        u64::MAX
    };
    let (positions, values) = (Disjoint::new(positions), Disjoint::new(values));
    let sink = Sink { r: Ranking { base, mask }, positions: &positions, values: &values };
    match narrow {
        true => sort_rows_by::<T, u64>(x, n, k, &sink),
        false => sort_rows_by::<T, u128>(x, n, k, &sink),
    }
}

fn sort_rows_by<T: Rank, K: Key>(x: &[T], n: usize, k: usize, sink: &Sink<T>) -> Result<()> {
    let selects = k < SELECTED && 4 * k < n;
    if n >= LONG {
        for (i, row) in x.chunks_exact(n).enumerate() {
            match selects {
                true => select_long_row::<T, K>(row, k, i * k, sink),
                false => sort_long_row::<T, K>(row, k, i * k, sink)?,
            }
        }
        return Ok(());
    }
    for_ranges(x.len() / n, (GRAIN / n).max(1), |rows| {
        let room = if selects { 0 } else { n };
        let (mut keys, mut spare, mut counts) =
            (vec![K::zeroed(); room], vec![K::zeroed(); room], Vec::new());
        for i in rows {
            let row = &x[i * n..(i + 1) * n];
            let sorted = match selects {
                true => {
                    smallest(sink.r, row, 0, k, &mut keys);
                    // By comparing: only what stands in its order is sorted right by the digits of the rank alone.
                    keys.sort_unstable();
                    &mut keys[..]
                }
                false => {
                    let differ = fill_keys(sink.r, row, 0, sink.r.of(row[0]), &mut keys);
                    sort_keys(&mut keys, &mut spare, differ, &mut counts)
                }
            };
            // SAFETY: each row has k places of its own and is met once.
            unsafe { sink.take(row, &sorted[..k], i * k) };
        }
    });
    Ok(())
}

fn sort_long_row<T: Rank, K: Key>(row: &[T], k: usize, at: usize, sink: &Sink<T>) -> Result<()> {
    let n = row.len();
    with_room::<K, _>(2 * n, |room| {
        let (keys, spare) = room.split_at_mut(n);
        let mut differ = vec![0u64; n.div_ceil(GRAIN)];
        let whole = Disjoint::new(keys);
        for_chunks(&mut differ, 1, |i, differ| {
            let range = i * GRAIN..n.min((i + 1) * GRAIN);
            // SAFETY: `keys` stays borrowed, and each part is taken once.
            let keys = unsafe { whole.slice(range.clone()) };
            differ[0] = fill_keys(sink.r, &row[range.clone()], range.start, sink.r.of(row[0]), keys);
        });
        let differ = differ.into_iter().fold(0, |a, b| a | b);
        let sorted = sort_keys_together(keys, spare, differ);
        for_ranges(k, GRAIN, |range| {
            // SAFETY: ranges do not overlap, and each is handed out once.
            unsafe { sink.take(row, &sorted[range.clone()], at + range.start) };
        });
    })
}

/// The first `k` of the row, from the first `k` of each of its parts.
fn select_long_row<T: Rank, K: Key>(row: &[T], k: usize, at: usize, sink: &Sink<T>) {
    let part = LONG.max(8 * k);
    let mut parts: Vec<Vec<K>> = vec![Vec::new(); row.len().div_ceil(part)];
    for_chunks(&mut parts, 1, |i, keys| {
        let x = &row[i * part..row.len().min((i + 1) * part)];
        smallest(sink.r, x, i * part, k.min(x.len()), &mut keys[0]);
    });
    let mut keys = parts.concat();
    if k < keys.len() {
        keys.select_nth_unstable(k - 1);
        keys.truncate(k);
    }
    keys.sort_unstable();
    // SAFETY: rows come one after another, each with k places of its own.
    unsafe { sink.take(row, &keys, at) };
}

/// Where in each row of `n` elements those stand that would be at `places`, which ascend, were the row sorted.
pub(crate) fn places_of_rows<T: Rank>(x: &[T], n: usize, places: &[usize], out: &mut [i64]) {
    if out.is_empty() {
        return;
    }
    let (range, base) = T::range(x);
    let r = Ranking { base, mask: 0 };
    match is_narrow::<T>(range, n) {
        true => places_by::<T, u64>(r, x, n, places, out),
        false => places_by::<T, u128>(r, x, n, places, out),
    }
}

fn places_by<T: Rank, K: Key>(r: Ranking, x: &[T], n: usize, places: &[usize], out: &mut [i64]) {
    let m = places.len();
    if n >= LONG {
        for (row, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(m)) {
            places_of_long_row::<T, K>(r, row, places, out);
        }
        return;
    }
    for_chunks(out, (GRAIN / n).max(1) * m, |start, out| {
        let mut keys = vec![K::zeroed(); n];
        for (i, out) in out.chunks_exact_mut(m).enumerate() {
            fill_keys(r, &x[(start / m + i) * n..][..n], 0, 0, &mut keys);
            settle(&mut keys, places, out);
        }
    });
}

/// The positions of the keys at `places` of the sorted row.
fn settle<K: Key>(keys: &mut [K], places: &[usize], out: &mut [i64]) {
    let mut settled = 0;
    for (out, &place) in out.iter_mut().zip(places) {
        if place >= settled {
            keys[settled..].select_nth_unstable(place - settled);
            settled = place + 1;
        }
        *out = keys[place].position() as i64;
    }
}

/// By the leading digit of all, then among those that have the digit in which a place falls.
fn places_of_long_row<T: Rank, K: Key>(r: Ranking, row: &[T], places: &[usize], out: &mut [i64]) {
    let n = row.len();
    let like = r.of(row[0]);
    let differ = row.iter().fold(0, |differ, &x| differ | (r.of(x) ^ like));
    let shift = (u64::BITS - differ.leading_zeros()).saturating_sub(PART_BITS);
    let digit = |rank: u64| (rank >> shift) as usize & ((1 << PART_BITS) - 1);
    let pieces = n.div_ceil(LONG);
    let mut counts = vec![0usize; pieces << PART_BITS];
    for_chunks(&mut counts, 1 << PART_BITS, |start, counts| {
        let piece = start >> PART_BITS;
        for &x in &row[piece * LONG..n.min((piece + 1) * LONG)] {
            counts[digit(r.of(x))] += 1;
        }
    });
    let mut sums = vec![0usize; 1 << PART_BITS];
    for counts in counts.chunks_exact(1 << PART_BITS) {
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    starts(&mut sums);
    let mut last = (usize::MAX, Vec::<K>::new());
    for (out, &place) in out.iter_mut().zip(places) {
        let part = sums.partition_point(|&start| start <= place) - 1;
        if last.0 != part {
            let mut parts: Vec<Vec<K>> = vec![Vec::new(); pieces];
            for_chunks(&mut parts, 1, |piece, keys| {
                let first = piece * LONG;
                for (i, &x) in row[first..n.min(first + LONG)].iter().enumerate() {
                    let rank = r.of(x);
                    if digit(rank) == part {
                        keys[0].push(K::new(rank, first + i));
                    }
                }
            });
            last = (part, parts.concat());
        }
        settle(&mut last.1, &[place - sums[part]], std::slice::from_mut(out));
    }
}
