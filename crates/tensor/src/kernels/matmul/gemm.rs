//! Large products: faer on parts of the output, one part a thread at a time.
//!
//! faer packs b and reads a where it lies, four rows side by side. Where the columns of a are what lies together, as in the
//! gradient of a weight, that is a line of the cache and a page for each k, on the same few sets of the cache where columns are
//! a power of two apart: a is turned around first if that pays. And it cuts wide outputs in a way that costs a tenth where rows
//! are few: it is given [`WIDE`] columns at most.

use super::{Product, Raw, finish, small};
use crate::buffer::Buffer;
use crate::layout::{Dims, Layout};
use crate::loops::copy::copy_into;
use crate::parallel;
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};
use smallvec::smallvec;

/// The least multiply-adds, some 5 µs of them, that a part is worth handing to a thread for.
pub(super) const PART_FLOPS: usize = 1 << 18;
/// The least columns of a part: the width of faer's tiles (96 f32, 48 f64 with AVX-512; 24, 12 with AVX2).
const COLUMNS: usize = 96;
/// Columns are cut at multiples of this: a vector of f32, two of f64, with AVX-512.
const VECTOR: usize = 16;

/// A type that faer multiplies natively.
pub(super) trait Faer: ComplexField + Copy {}
impl Faer for f32 {}
impl Faer for f64 {}

/// At most this many multiply-adds faer hands to kernels that have another order.
pub(super) const FAER_SMALL: usize = 4096;

/// Whether faer's large products have our order here: its kernels for AVX2 and AVX-512 do.
#[inline]
pub(super) fn faer_has_our_order() -> bool {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        is_x86_feature_detected!("avx512f")
            || is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        false
    }
}

/// Cuts the output into parts, none with fewer than `least` rows or columns, and runs `part` on each, over `threads`.
///
/// Columns are cut first: faer packs the columns of b, and parts side by side pack nothing twice.
///
/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs; `part` may be told
/// so of the part it is given.
pub(super) unsafe fn split<T: Send + Sync>(
    p: &Product<T>,
    threads: usize,
    least: usize,
    part: impl Fn(&Product<T>) + Sync,
) {
    // One part a thread; four, to even out their speeds, where that does not show in the cost of a part.
    let most = p.flops() / PART_FLOPS;
    let pieces = if most >= 8 * threads { 4 * threads } else { most.min(threads) };
    if threads < 2 || pieces < 2 {
        return part(p);
    }
    let by_columns = pieces.min(p.n / COLUMNS).max(1);
    let by_rows = (pieces / by_columns).min(p.m / least.max(8)).max(1);
    // Even widths matter more than whole tiles: 1024 columns in 288, 288, 288 and 160 cost two threads 576.
    let column = |i: usize| if i == by_columns { p.n } else { p.n * i / by_columns / VECTOR * VECTOR };
    let row = |i: usize| p.m * i / by_rows;
    parallel::run(by_columns * by_rows, |piece| {
        let (down, across) = (piece / by_columns, piece % by_columns);
        let (i, j) = (row(down), column(across));
        part(&p.part(i, j, row(down + 1) - i, column(across + 1) - j));
    });
}

/// The most columns that faer is given at a time: four of its tiles, and fewer than it cuts by itself.
const WIDE: usize = 4 * COLUMNS;
/// The least columns of b for which a turned copy of a pays, and the bytes of it, which stay in the last cache.
const TURNED_FOR: usize = 128;
const TURNED: usize = 8 << 20;

/// The product, with a turned around for it, a part at a time, if its columns are contiguous and many.
///
/// # Safety
/// As for [`split`] and [`product`].
pub(super) unsafe fn turned<T: Faer + super::Scalar>(p: &Product<T>, threads: usize) {
    let far = p.a.rs == 1 && p.a.cs >= 256 && p.k >= 256 && p.n >= TURNED_FOR;
    let rows = (TURNED / size_of::<T>() / p.k.max(1)).min(p.m);
    let room = if far && rows >= 64 { Buffer::new("matmul", rows * p.k, T::DTYPE).ok() } else { None };
    let Some(mut room) = room else {
        // SAFETY: handed on to the caller.
        return unsafe { split(p, threads, 2, |p| product(p)) };
    };
    let parts = p.m.div_ceil(rows);
    for i in 0..parts {
        let (start, end) = (p.m * i / parts, p.m * (i + 1) / parts);
        let part = p.part(start, 0, end - start, p.n);
        let layout =
            Layout { shape: Dims::from_slice(&[part.m, p.k]), strides: smallvec![1, p.a.cs], offset: 0 };
        let room = &mut room.as_mut_slice::<T>()[..part.m * p.k];
        // SAFETY: (i, l) of a may be read for i < m and l < k, i + l·cs from the first one, and what lies between them belongs to
        // the slice that a was borrowed from; the room has m·k elements; the rest is handed on.
        unsafe {
            let a = std::slice::from_raw_parts(part.a.p, (p.k - 1) * p.a.cs as usize + part.m);
            copy_into(a, &layout, room);
            let a = Raw { p: room.as_ptr(), rs: p.k as isize, cs: 1 };
            split(&Product { a, ..part }, threads, 2, |p| product(p));
        }
    }
}

/// The product by faer, or by tiles where that would change the order.
///
/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs.
pub(super) unsafe fn product<T: Faer + super::Scalar>(p: &Product<T>) {
    debug_assert!(p.k > 0, "invariant: there is something to sum");
    // SAFETY: handed on to the caller; faer is given the sizes and strides that the pointers are valid for.
    unsafe {
        if p.m < 2 || p.n < 2 || p.flops() <= FAER_SMALL {
            return small::product(p);
        }
        let a = MatRef::from_raw_parts(p.a.p, p.m, p.k, p.a.rs, p.a.cs);
        // Of equal widths, whole vectors each: what is left over would be tiles that are mostly empty.
        let parts = p.n.div_ceil(WIDE).min(p.flops() / (2 * FAER_SMALL)).max(1);
        let column = |i: usize| if i == parts { p.n } else { p.n * i / parts / VECTOR * VECTOR };
        for i in 0..parts {
            let part = p.part(0, column(i), p.m, column(i + 1) - column(i));
            let out = MatMut::from_raw_parts_mut(part.out, part.m, part.n, part.ld as isize, 1);
            let b = MatRef::from_raw_parts(part.b.p, part.k, part.n, part.b.rs, part.b.cs);
            matmul(out, Accum::Replace, a, b, <T as crate::Number>::ONE, Par::Seq);
        }
        finish(p);
    }
}
