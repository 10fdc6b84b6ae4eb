//! Large products: faer on parts of the output, one part a thread at a time.

use super::{Product, finish, small};
use crate::parallel;
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};

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
        let out = MatMut::from_raw_parts_mut(p.out, p.m, p.n, p.ld as isize, 1);
        let a = MatRef::from_raw_parts(p.a.p, p.m, p.k, p.a.rs, p.a.cs);
        let b = MatRef::from_raw_parts(p.b.p, p.k, p.n, p.b.rs, p.b.cs);
        matmul(out, Accum::Replace, a, b, <T as crate::Number>::ONE, Par::Seq);
        finish(p);
    }
}
