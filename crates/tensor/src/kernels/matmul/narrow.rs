//! Products with a weight that is kept narrower than F32: BF16, or I8 with a scale for each column.
//!
//! Elements are widened, which is exact, and summed in the order of [`super`]; then come scale, bias and rectifier. So a
//! result has the bits that the widened weight gives. A few rows widen in registers, as fast as the narrow weight can
//! be read; many widen a block of columns at a time, which stays in the second cache for [`super::dispatch`].

mod along;

use super::{Epilogue, K_BLOCK, Mat, Product, Raw, dispatch, finish_row};
use crate::DType;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernels::vector::{Narrow, Turn, Widen, prefetch};
use crate::parallel::{self, Disjoint};
use crate::simd::simd_fn;
use along::along;
use std::mem::MaybeUninit;

/// Rows up to which the weight is widened in registers.
const FEW: usize = 4;
/// Bytes of weight from which on threads share the work.
const SHARED: usize = 256 * 1024;
/// Outputs whose sums are kept in the nearest cache, of one row; a part of the weight's rows is read again for others.
const CHUNK: usize = 4096;
const CHUNK_OF_FEW: usize = 1024;
/// Elements of a block that is widened as a whole for up to 64 rows, of more for more rows, which are packed again for each
/// block; and its least columns: the width of faer's tiles.
const BLOCK: usize = 1 << 17;
const COLUMNS: usize = 96;

/// x (m, k) · w (k, n), then times `scale`, plus bias and rectified: rows of x are contiguous, and so are columns of w,
/// or its rows.
///
/// "A valid job" means below: m, n and k are 1 at least; `out` may be written at r·ld + j, x may be read at
/// r·x_row + i, w at (i, j), scale and bias, unless they are null, at j, for all r < m, j < n and i < k; w.rs or w.cs is
/// 1; none of what is read lies in what is written, and no other thread is at work there.
#[derive(Clone, Copy)]
struct Job<N> {
    out: *mut f32,
    ld: usize,
    x: *const f32,
    x_row: usize,
    w: Raw<N>,
    m: usize,
    n: usize,
    k: usize,
    scale: *const f32,
    bias: *const f32,
    relu: bool,
}

// SAFETY: operands are borrowed slices of `Sync` types; outputs of parts do not overlap.
unsafe impl<N: Narrow> Sync for Job<N> {}

/// out (m, n), row-major and contiguous, = a (m, k) · b (k, n), each column times its scale, then the epilogue.
///
/// Panics if the sizes do not fit each other, an operand reaches outside its data, or neither rows nor columns of b are
/// contiguous. Errors: those of room for widened blocks.
pub(crate) fn matmul_narrow<N: Narrow>(
    out: &mut [f32],
    a: Mat<f32>,
    b: Mat<N>,
    scale: Option<&[f32]>,
    epilogue: Epilogue<f32>,
) -> Result<()> {
    a.check(&[a.offset]);
    b.check(&[b.offset]);
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert_eq!(k, b.rows, "invariant: inner sizes of a product are equal");
    assert_eq!(Some(out.len()), m.checked_mul(n), "invariant: the output has the size of the product");
    assert!(b.row_stride == 1 || b.col_stride == 1, "invariant: rows or columns of b are contiguous");
    for each in [scale, epilogue.bias].into_iter().flatten() {
        assert_eq!(each.len(), n, "invariant: a scale and a bias are as long as a row");
    }
    if m == 0 || n == 0 {
        return Ok(());
    }
    let raw = a.raw(a.offset);
    // SAFETY: a was checked: rows · cols elements are there.
    let copy = (a.col_stride != 1 || a.row_stride < 0).then(|| unsafe { raw.copied(m, k) });
    let (x, x_row) = match &copy {
        Some(copy) => (copy.as_ptr(), k),
        None => (raw.p, a.row_stride as usize),
    };
    let null = std::ptr::null;
    let job = Job {
        out: out.as_mut_ptr(),
        ld: n,
        x,
        x_row,
        w: b.raw(b.offset),
        m,
        n,
        k,
        scale: scale.map_or(null(), |s| s.as_ptr()),
        bias: epilogue.bias.map_or(null(), |b| b.as_ptr()),
        relu: epilogue.relu,
    };
    if k == 0 {
        out.fill(0.0);
        // SAFETY: the checks above.
        unsafe { job.finish() };
    } else if m <= FEW {
        few_rows(&job);
    } else {
        many_rows(&job)?;
    }
    Ok(())
}

fn few_rows<N: Narrow>(job: &Job<N>) {
    let bytes = job.n.saturating_mul(job.k).saturating_mul(size_of::<N>());
    let threads = parallel::threads();
    // Rows of w are read a part of each at a time: the parts must stay long.
    let most = if job.w.cs == 1 { (job.n / 512).max(threads) } else { 4 * threads };
    let pieces = (bytes / (SHARED / 2)).min(4 * threads).min(most).min(job.n / 64);
    let part = |start: usize, n: usize| {
        // SAFETY: the checks at the door; parts do not overlap.
        unsafe {
            let part = job.part(start, n);
            rows(&part);
            part.finish();
        }
    };
    if threads < 2 || pieces < 2 {
        return part(0, job.n);
    }
    let grain = job.n.div_ceil(pieces).next_multiple_of(64);
    parallel::for_ranges(job.n, grain, |range| part(range.start, range.len()));
}

fn many_rows<N: Narrow>(job: &Job<N>) -> Result<()> {
    let threads = parallel::threads();
    let block = BLOCK * (job.m / 64).clamp(1, 8);
    let columns = (block / job.k).max(1).next_multiple_of(COLUMNS).min(job.n);
    let blocks = job.n.div_ceil(columns);
    let pieces = if threads > 1 { blocks.min(4 * threads) } else { 1 };
    let mut room = Buffer::new("linear", pieces.saturating_mul(columns).saturating_mul(job.k), DType::F32)?;
    let room = Disjoint::new(room.as_mut_slice::<f32>());
    parallel::run(pieces, |piece| {
        // SAFETY: each piece has room of its own.
        let wide = unsafe { room.slice(piece * columns * job.k..(piece + 1) * columns * job.k) };
        for block in blocks * piece / pieces..blocks * (piece + 1) / pieces {
            let j = block * columns;
            let n = columns.min(job.n - j);
            let wide = &mut wide[..n * job.k];
            // SAFETY: the checks at the door; blocks do not overlap, and the widened one has n columns of k elements.
            unsafe {
                let part = job.part(j, n);
                let (runs, len, apart) =
                    if part.w.rs == 1 { (n, job.k, part.w.cs) } else { (job.k, n, part.w.rs) };
                for (i, wide) in wide.chunks_exact_mut(len).enumerate().take(runs) {
                    let run = part.w.p.wrapping_offset(i as isize * apart);
                    widen(std::slice::from_raw_parts(run, len), wide);
                }
                let (rs, cs) = if part.w.rs == 1 { (1, len as isize) } else { (len as isize, 1) };
                let product = Product {
                    out: part.out,
                    ld: part.ld,
                    a: Raw { p: part.x, rs: part.x_row as isize, cs: 1 },
                    b: Raw { p: wide.as_ptr(), rs, cs },
                    m: part.m,
                    n,
                    k: part.k,
                    bias: std::ptr::null(),
                    relu: false,
                };
                dispatch(product, 1);
                part.finish();
            }
        }
    });
    Ok(())
}

simd_fn! {
    fn widen[N: Narrow](x: &[N], out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x.wide();
        }
    }

    fn scale_row(row: &mut [f32], scale: &[f32]) {
        for (x, &s) in row.iter_mut().zip(scale) {
            *x *= s;
        }
    }
}

impl<N: Narrow> Job<N> {
    /// Outputs j.. to j + n; only to be followed if there are any.
    fn part(&self, j: usize, n: usize) -> Self {
        let at = |p: *const f32| if p.is_null() { p } else { p.wrapping_add(j) };
        Self {
            out: self.out.wrapping_add(j),
            w: self.w.from(0, j),
            n,
            scale: at(self.scale),
            bias: at(self.bias),
            ..*self
        }
    }

    /// Scale, bias and rectifier over sums that are in place.
    ///
    /// # Safety
    /// A valid job, but for k, which may be 0.
    unsafe fn finish(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let given = |p: *const f32| (!p.is_null()).then(|| std::slice::from_raw_parts(p, self.n));
            for r in 0..self.m {
                let row = std::slice::from_raw_parts_mut(self.out.add(r * self.ld), self.n);
                if let Some(scale) = given(self.scale) {
                    scale_row(row, scale);
                }
                finish_row(row, given(self.bias), self.relu);
            }
        }
    }
}

/// The sums of all outputs, for [`FEW`] rows at most.
///
/// # Safety
/// A valid job.
unsafe fn rows<N: Narrow>(job: &Job<N>) {
    debug_assert!((1..=FEW).contains(&job.m) && job.n > 0 && job.k > 0, "invariant: sizes of a job");
    #[inline(always)]
    unsafe fn body<N: Narrow, H: Turn<f32> + Widen, W: Widen>(job: &Job<N>) {
        // SAFETY: the caller's promise, and the condition of each before it.
        unsafe { if job.w.rs == 1 { along::<N, H>(job) } else { across::<N, W>(job) } }
    }
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{__m256, __m512};
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2<N: Narrow>(job: &Job<N>) {
            // SAFETY: handed on to the caller.
            unsafe { body::<N, __m256, __m256>(job) }
        }
        #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma")]
        unsafe fn avx512<N: Narrow>(job: &Job<N>) {
            // SAFETY: handed on to the caller.
            unsafe { body::<N, __m256, __m512>(job) }
        }
        match crate::simd::simd_level() {
            // SAFETY: the level is never above what this CPU has; the rest is the caller's promise.
            crate::simd::SimdLevel::Avx512 => return unsafe { avx512(job) },
            // SAFETY: as above.
            crate::simd::SimdLevel::Avx2 => return unsafe { avx2(job) },
            crate::simd::SimdLevel::Baseline => {}
        }
    }
    type Plain = crate::kernels::vector::Lanes<f32>;
    // SAFETY: plain registers need no instruction set; the rest is the caller's promise.
    unsafe { body::<N, Plain, Plain>(job) }
}

/// Rows of w contiguous: lanes are outputs, eight rows at a time are added to sums in the nearest cache.
///
/// # Safety
/// The instruction set of V; a valid job with `w.cs` of 1.
#[inline(always)]
unsafe fn across<N: Narrow, V: Widen>(job: &Job<N>) {
    debug_assert!(job.w.cs == 1 || job.n == 1, "invariant: rows of w are contiguous");
    let mut buffer = [const { MaybeUninit::<f32>::uninit() }; CHUNK];
    let chunk = if job.m == 1 { CHUNK } else { CHUNK_OF_FEW };
    for j in (0..job.n).step_by(chunk) {
        let n = (job.n - j).min(chunk);
        for start in (0..job.k).step_by(K_BLOCK) {
            let end = (start + K_BLOCK).min(job.k);
            // SAFETY: rows start.. to end and columns j.. to j + n are inside the operands; FEW times n sums fit the buffer.
            unsafe {
                let out = job.out.add(j);
                let (sums, ld) = match start {
                    0 => (out, job.ld),
                    _ => (buffer.as_mut_ptr().cast::<f32>(), chunk),
                };
                let mut k = start;
                while k < end {
                    let w = Raw { p: job.w.at(k, j), ..job.w };
                    let many = end - k >= 8;
                    for r in 0..job.m {
                        let (sums, x) = (sums.add(r * ld), job.x.add(r * job.x_row + k));
                        match many {
                            true => add_rows::<N, V, 8>(sums, x, w, n, k == start),
                            false => add_rows::<N, V, 1>(sums, x, w, n, k == start),
                        }
                    }
                    k += if many { 8 } else { 1 };
                }
                if start > 0 {
                    for r in 0..job.m {
                        for c in 0..n {
                            *out.add(r * job.ld + c) += *sums.add(r * ld + c);
                        }
                    }
                }
            }
        }
    }
}

/// sums(n) += x(0)·w(0, ·) + … + x(R−1)·w(R−1, ·), one after the other; from 0 if `fresh`.
///
/// # Safety
/// The instruction set of V; n sums that may be written, and read unless `fresh`; R elements of x, and n contiguous
/// elements of w from (r, 0) on, for all r < R; the sums lie apart from both.
#[inline(always)]
unsafe fn add_rows<N: Narrow, V: Widen, const R: usize>(
    sums: *mut f32,
    x: *const f32,
    w: Raw<N>,
    n: usize,
    fresh: bool,
) {
    // SAFETY: R elements of x, R rows of n elements of w, n sums: the caller's promise.
    unsafe {
        let mut factors = [V::splat(0.0); R];
        for r in 0..R {
            factors[r] = V::splat(*x.add(r));
        }
        // The rows behind these are asked for, each line once: so many of them in a step.
        let bytes = V::LANES * size_of::<N>();
        let ahead = if R == 1 { 0 } else { (R * bytes / 64).max(1) };
        let mut c = 0;
        while c + V::LANES <= n {
            for i in 0..ahead {
                let r = (c / V::LANES * ahead + i) % R;
                prefetch(w.at(R + r, 0).wrapping_add(c));
            }
            let mut sum = if fresh { V::splat(0.0) } else { V::load(sums.add(c)) };
            for r in 0..R {
                sum = factors[r].mul_add(V::widened(w.at(r, 0).add(c)), sum);
            }
            sum.store(sums.add(c));
            c += V::LANES;
        }
        while c < n {
            let mut sum = if fresh { 0.0 } else { *sums.add(c) };
            for r in 0..R {
                sum = (*x.add(r)).mul_add((*w.at(r, 0).add(c)).wide(), sum);
            }
            *sums.add(c) = sum;
            c += 1;
        }
    }
}
