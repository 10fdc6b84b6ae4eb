//! Small and skinny products: tiles of the output in registers, one broadcast of a against a few registers of b.

use super::gemm::{FAER_SMALL, faer_has_our_order};
use super::{K_BLOCK, Product, Raw};
use crate::kernels::vector::{Scalar, relu, vector_fn};
use std::mem::MaybeUninit;

/// Bytes of the buffer, on the stack, that columns of b are gathered in.
const PACKED: usize = 64 * 1024;
/// Elements of a product that is first made the other way round.
const TURNED: usize = 4096;

/// Whether tiles are the way: faer's order would differ, or its tiles would be mostly empty.
pub(super) fn wins<T>(p: &Product<T>) -> bool {
    p.flops() <= FAER_SMALL || p.k == 1 || p.n <= 32 || !faer_has_our_order()
}

/// One block of k: out (m, n) = or += a (m, k) · b (k, n), the columns of b contiguous.
///
/// "A valid block" means below: k is 1 to [`K_BLOCK`]; the pointers of `p` are valid for its sizes, the outputs may be
/// read too unless this is the first block, and no other thread is at work on them.
#[derive(Clone, Copy)]
struct Block<T> {
    p: Product<T>,
    /// Whether the sum over k begins here.
    first: bool,
    /// Whether it ends here, so that the epilogue follows.
    last: bool,
}

/// The product, on this thread.
///
/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs.
pub(super) unsafe fn product<T: Scalar>(p: &Product<T>) {
    // SAFETY: handed on to the caller.
    unsafe {
        let (gather, turned_gather) = (p.b.cs != 1 && p.n > 1, p.a.rs != 1);
        if p.m * p.n <= TURNED {
            // In halves of a cycle, per k: registers of the output, elements gathered, elements turned.
            let straight = p.m * registers(p.n) + if gather { 2 * p.n } else { 0 };
            let turned = p.n * registers(p.m) + if turned_gather { 2 * p.m } else { 0 } + 4 * p.m * p.n / p.k;
            if turned < straight {
                return turned_product(p, turned_gather);
            }
        }
        blocks(p, gather);
    }
}

/// What a row of n outputs costs, in halves of a register of 512 bits.
fn registers(n: usize) -> usize {
    let rest = match n % 32 {
        0 => 0,
        1..=8 => 1,
        9..=16 => 2,
        17..=24 => 3,
        _ => 4,
    };
    n / 32 * 4 + rest
}

/// The product, block after block of k, with columns of b that are contiguous unless `gather`.
///
/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs; without `gather`,
/// `b.cs` must be 1, or n.
unsafe fn blocks<T: Scalar>(p: &Product<T>, gather: bool) {
    debug_assert!(gather || p.b.cs == 1 || p.n == 1, "invariant: rows of b are contiguous or gathered");
    let mut start = 0;
    while start < p.k {
        let k = (p.k - start).min(K_BLOCK);
        let part = Product { a: p.a.from(0, start), b: p.b.from(start, 0), k, ..*p };
        let block = Block { p: part, first: start == 0, last: start + k == p.k };
        // SAFETY: handed on to the caller; rows start.. to start + k of b and columns of a exist.
        unsafe {
            match gather {
                true => gathered(&block),
                false => tiles(&block),
            }
        }
        start += k;
    }
}

/// A block with columns of b that are not contiguous: gathers some, multiplies them, and so on.
///
/// # Safety
/// A valid block.
#[inline(never)]
unsafe fn gathered<T: Scalar>(block: &Block<T>) {
    let mut buffer = [const { MaybeUninit::<u64>::uninit() }; PACKED / 8];
    let packed: *mut T = buffer.as_mut_ptr().cast();
    let p = &block.p;
    // Padded, so that whole registers can be stored; 512 rows of 32 (f32) or 16 (f64) fill the buffer.
    let most = PACKED / size_of::<T>() / p.k / 16 * 16;
    let width = p.n.next_multiple_of(16).min(most);
    debug_assert!((1..=K_BLOCK).contains(&p.k), "invariant: a block of k");
    debug_assert!(width >= 16 && p.k * width * size_of::<T>() <= PACKED, "invariant: what is gathered fits");
    let mut j = 0;
    while j < p.n {
        let n = (p.n - j).min(width);
        let b = p.b.from(0, j);
        // SAFETY: k·width elements fit the buffer, those of b are the caller's promise.
        unsafe {
            if b.rs == 1 {
                turn(b, p.k, n, packed, width);
            } else {
                for r in 0..p.k {
                    for c in 0..n {
                        *packed.add(r * width + c) = *b.at(r, c);
                    }
                }
            }
            let b = Raw { p: packed.cast_const(), rs: width as isize, cs: 1 };
            tiles(&Block { p: Product { b, ..p.part(0, j, p.m, n) }, ..*block });
        }
        j += n;
    }
}

vector_fn! {
    /// to(k, n) = b(k, n), where the columns of b are contiguous and the rows of `to` are, `width` apart; what lies
    /// between n and the next multiple of 8 is written too.
    ///
    /// # Safety
    /// `b.rs` must be 1 and (r, j) of b readable for all r < k and j < n; `width` is n rounded up to a multiple of 8 at
    /// least, and `to` may be written at all of k·width, which lie apart from b.
    unsafe fn turn<T, H, W>(b: Raw<T>, k: usize, n: usize, to: *mut T, width: usize) {
        debug_assert!(b.rs == 1 && n.next_multiple_of(8) <= width, "invariant: what is turned fits");
        // SAFETY: columns are capped at the last one, rows at k; the caller promises the rest.
        unsafe {
            for j in (0..n).step_by(H::LANES) {
                let columns: [*const T; 8] = std::array::from_fn(|l| b.at(0, (j + l).min(n - 1)));
                let whole = k / H::LANES * H::LANES;
                for r in (0..whole).step_by(H::LANES) {
                    let turned = H::load_turned(&columns.map(|c| c.wrapping_add(r)));
                    for l in 0..H::LANES {
                        turned[l].store(to.add((r + l) * width + j));
                    }
                }
                for r in whole..k {
                    for l in 0..H::LANES {
                        *to.add(r * width + j + l) = *columns[l].wrapping_add(r);
                    }
                }
            }
        }
    }
}

/// outᵀ = bᵀ · aᵀ into a buffer, then turned around.
///
/// # Safety
/// The pointers of `p` must be valid for its sizes, and no other thread at work on these outputs; m·n is at most
/// [`TURNED`], and without `gather`, `a.rs` is 1, or m.
#[inline(never)]
unsafe fn turned_product<T: Scalar>(p: &Product<T>, gather: bool) {
    debug_assert!(p.m * p.n <= TURNED, "invariant: what is turned fits");
    let mut buffer = [const { MaybeUninit::<T>::uninit() }; TURNED];
    let turned: *mut T = buffer.as_mut_ptr().cast();
    let bias = std::ptr::null();
    let t =
        Product { out: turned, ld: p.m, a: p.b.t(), b: p.a.t(), m: p.n, n: p.m, k: p.k, bias, relu: false };
    // SAFETY: m·n elements fit the buffer and are all written; the rest is the caller's promise.
    unsafe {
        blocks(&t, gather);
        for i in 0..p.m {
            for j in 0..p.n {
                let mut x = *turned.add(j * p.m + i);
                if !p.bias.is_null() {
                    x = x.add(*p.bias.add(j));
                }
                *p.out.add(i * p.ld + j) = if p.relu { relu(x) } else { x };
            }
        }
    }
}

vector_fn! {
    /// Cuts the columns of a block into strips of one to three registers.
    ///
    /// # Safety
    /// A valid block in which `b.cs` is 1, or n.
    unsafe fn tiles<T, H, W>(block: &Block<T>) {
        let (mut j, n) = (0, block.p.n);
        while j < n {
            let left = n - j;
            // SAFETY: the caller's promise.
            unsafe {
                if W::LANES > H::LANES {
                    // 32 registers.
                    if left <= H::LANES {
                        strip::<T, H, 1, 8, true>(block, j);
                    } else if left <= W::LANES {
                        strip::<T, W, 1, 8, true>(block, j);
                    } else if left <= 3 * H::LANES {
                        strip::<T, H, 3, 8, true>(block, j);
                    } else {
                        strip::<T, W, 2, 8, true>(block, j);
                    }
                    j += if left <= W::LANES { W::LANES } else { 2 * W::LANES };
                } else if left <= H::LANES {
                    strip::<T, H, 1, 8, true>(block, j);
                    j += H::LANES;
                } else if left < 2 * H::LANES {
                    // 16 registers: fewer rows where a mask takes one.
                    strip::<T, H, 2, 5, true>(block, j);
                    j += 2 * H::LANES;
                } else if left > 2 * H::LANES && left <= 3 * H::LANES {
                    strip::<T, H, 3, 3, true>(block, j);
                    j += 3 * H::LANES;
                } else {
                    strip::<T, H, 2, 6, false>(block, j);
                    j += 2 * H::LANES;
                }
            }
        }
    }
}

/// What the tiles of a strip have in common: the lanes of the last register, and an epilogue that needs no questions.
struct Ends<V, M, const N: usize> {
    mask: M,
    /// −0 where there is none, which changes nothing.
    bias: [V; N],
    /// Sums that are not above it become 0; NaN, which nothing is below, leaves all.
    limit: V,
}

/// Columns j.. of a block, as many as N registers hold, R rows at a time.
///
/// # Safety
/// The instruction set of V; a valid block in which `b.cs` is 1, or n; more than (N − 1)·LANES columns are left from j
/// on, and N·LANES unless `MASKED`.
#[inline(always)]
unsafe fn strip<
    T: Scalar,
    V: crate::kernels::vector::Vector<T>,
    const N: usize,
    const R: usize,
    const MASKED: bool,
>(
    block: &Block<T>,
    j: usize,
) {
    let left = block.p.n - j;
    debug_assert!(
        left > (N - 1) * V::LANES && (MASKED || left >= N * V::LANES),
        "invariant: registers are filled"
    );
    // SAFETY: whole registers of the bias lie before the last one, of which the mask takes what is left; rows i.. to
    // i + R are below m; the rest is the caller's promise.
    unsafe {
        let (mut i, m) = (0, block.p.m);
        let p = &block.p;
        let mask = V::first((p.n - j - (N - 1) * V::LANES).min(V::LANES));
        let mut ends = Ends { mask, bias: [V::splat(T::of(-0.0)); N], limit: V::splat(T::of(f64::NAN)) };
        if block.last && !p.bias.is_null() {
            for v in 0..N - 1 {
                ends.bias[v] = V::load(p.bias.add(j + v * V::LANES));
            }
            ends.bias[N - 1] = V::load_first(p.bias.add(j + (N - 1) * V::LANES), mask);
        }
        if block.last && p.relu {
            ends.limit = V::splat(T::ZERO);
        }
        while m - i >= R {
            tile::<T, V, N, R, MASKED>(block, i, j, &ends);
            i += R;
        }
        if R > 4 && m - i >= 4 {
            tile::<T, V, N, 4, MASKED>(block, i, j, &ends);
            i += 4;
        }
        if m - i >= 2 {
            tile::<T, V, N, 2, MASKED>(block, i, j, &ends);
            i += 2;
        }
        if m - i >= 1 {
            tile::<T, V, N, 1, MASKED>(block, i, j, &ends);
        }
    }
}

/// Rows i.. to i + R and N registers of columns from j on, the last one full unless `MASKED`.
///
/// # Safety
/// As for [`strip`]; rows i.. to i + R exist, and the mask of `ends` has no lane beyond the last column.
#[inline(always)]
unsafe fn tile<
    T: Scalar,
    V: crate::kernels::vector::Vector<T>,
    const N: usize,
    const R: usize,
    const MASKED: bool,
>(
    block: &Block<T>,
    i: usize,
    j: usize,
    ends: &Ends<V, V::Mask, N>,
) {
    let (p, mask) = (&block.p, ends.mask);
    debug_assert!(i + R <= p.m, "invariant: rows of a tile exist");
    // SAFETY: rows and columns are inside the block, the last register only in the lanes of its mask.
    unsafe {
        let mut sums = [[V::splat(T::ZERO); N]; R];
        let (mut a, mut b) = (p.a.at(i, 0), p.b.at(0, j));
        for _ in 0..p.k {
            let mut row = [V::splat(T::ZERO); N];
            for v in 0..N - 1 {
                row[v] = V::load(b.add(v * V::LANES));
            }
            row[N - 1] = match MASKED {
                true => V::load_first(b.add((N - 1) * V::LANES), mask),
                false => V::load(b.add((N - 1) * V::LANES)),
            };
            for r in 0..R {
                let x = V::splat(*a.wrapping_offset(r as isize * p.a.rs));
                for v in 0..N {
                    sums[r][v] = x.mul_add(row[v], sums[r][v]);
                }
            }
            a = a.wrapping_offset(p.a.cs);
            b = b.wrapping_offset(p.b.rs);
        }
        if !block.first {
            for r in 0..R {
                let out = p.out.add((i + r) * p.ld + j);
                for v in 0..N - 1 {
                    sums[r][v] = V::load(out.add(v * V::LANES)).add(sums[r][v]);
                }
                sums[r][N - 1] = V::load_first(out.add((N - 1) * V::LANES), mask).add(sums[r][N - 1]);
            }
        }
        let mut tails = [[const { MaybeUninit::<T>::uninit() }; 16]; R];
        for r in 0..R {
            let out = p.out.add((i + r) * p.ld + j);
            for v in 0..N - 1 {
                sums[r][v].add(ends.bias[v]).rectified(ends.limit).store(out.add(v * V::LANES));
            }
            let tail = sums[r][N - 1].add(ends.bias[N - 1]).rectified(ends.limit);
            match V::MASKED_STORES {
                true => tail.store_first(out.add((N - 1) * V::LANES), mask),
                false => tail.store(tails[r].as_mut_ptr().cast()),
            }
        }
        if !V::MASKED_STORES {
            // Apart, so that the loop above stays small enough to be unrolled and the sums never leave registers.
            for r in 0..R {
                let out = p.out.add((i + r) * p.ld + j + (N - 1) * V::LANES);
                V::load(tails[r].as_ptr().cast()).store_first(out, mask);
            }
        }
    }
}
