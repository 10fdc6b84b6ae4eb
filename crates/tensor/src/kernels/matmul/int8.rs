//! Products of bytes, exact: sums are of 32 bits and never overflow, so that neither their order nor the instruction set
//! matters.
//!
//! A row of x is brought to −127..=127 by a scale of its own, and kept with 128 added, since the instruction for four
//! products at once, VNNI's, takes one side without a sign: Σ x·w = Σ (x + 128)·w − 128·Σ w.

use super::Epilogue;
use crate::parallel::{self, Disjoint, for_chunks};
use crate::simd::simd_fn;

/// Most products in a sum: 255·127·65,536 < 2³¹.
pub(crate) const MOST: usize = 1 << 16;
/// Rows that stay in the nearest cache while weights pass.
const ROWS: usize = 32;
/// Weights of a part from which on threads share the work, and products of one.
const GRAIN: usize = 1 << 18;

/// Rows of bytes: x, 128 added, and what each row is multiplied by.
pub(crate) struct Rows<'a> {
    /// (m, k)
    pub bytes: &'a [u8],
    /// (m)
    pub scales: &'a [f32],
}

/// A weight of bytes and what each of its rows is multiplied by.
pub(crate) struct Weight<'a> {
    /// (n, k)
    pub bytes: &'a [i8],
    /// (n)
    pub scales: &'a [f32],
}

simd_fn! {
    /// The bytes of `x`, 128 added, into `out`; returns what they are multiplied by: max|x|/127, which is 0 for a row below
    /// 2⁻¹⁰⁰ and NaN for one that is not finite. To the nearest, ties to even.
    fn quantize_row(x: &[f32], out: &mut [u8]) -> f32 {
        // Without their signs, bits are ordered as numbers are, infinity above them and NaN above it.
        let most = x.iter().fold(0, |most: u32, x| most.max(x.to_bits() & (u32::MAX >> 1)));
        let most = f32::from_bits(most);
        if !most.is_finite() || most < 2f32.powi(-100) {
            out.fill(128);
            return if most.is_finite() { 0.0 } else { f32::NAN };
        }
        let inverse = 127.0 / most;
        // With 3·2²² added the last bits of a number are those of the whole one nearest to it.
        const ROUND: f32 = 12_582_912.0;
        for (out, &x) in out.iter_mut().zip(x) {
            *out = ((x * inverse + ROUND).to_bits() as u8) ^ 128;
        }
        most / 127.0
    }
}

/// [`quantize_row`] of each row of `k` elements.
pub(crate) fn quantize_rows(x: &[f32], k: usize, bytes: &mut [u8], scales: &mut [f32]) {
    assert!(x.len() == bytes.len() && x.len() == k * scales.len(), "invariant: rows of k elements");
    let bytes = Disjoint::new(bytes);
    for_chunks(scales, ((1 << 15) / k.max(1)).max(1), |first, scales| {
        for (row, scale) in (first..).zip(scales) {
            let row = row * k..(row + 1) * k;
            // SAFETY: the rows of these scales, which no other part has.
            *scale = quantize_row(&x[row.clone()], unsafe { bytes.slice(row) });
        }
    });
}

simd_fn! {
    /// Σ x·w, and Σ w.
    fn dot(x: &[u8], w: &[i8]) -> (i32, i32) {
        let each = x.iter().zip(w).map(|(&x, &w)| (i32::from(x) * i32::from(w), i32::from(w)));
        each.fold((0, 0), |sums, (product, w)| (sums.0 + product, sums.1 + w))
    }
}

/// A product of `x` and `w` that is under way.
struct Job<'a> {
    x: &'a Rows<'a>,
    w: &'a Weight<'a>,
    epilogue: Epilogue<'a, f32>,
    k: usize,
}

/// out (m, n) = (x·wᵀ)∘(scales of x and of w) + bias, rectified if asked for. Sums are exact; then there are four
/// roundings.
pub(crate) fn product(out: &mut [f32], x: &Rows, w: &Weight, k: usize, epilogue: Epilogue<f32>) {
    let (m, n) = (x.scales.len(), w.scales.len());
    assert!(
        k <= MOST && x.bytes.len() == m * k && w.bytes.len() == n * k && out.len() == m * n,
        "invariant: sizes of a product of bytes"
    );
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == n), "invariant: a bias for each output");
    if m == 0 || n == 0 {
        return;
    }
    let job = Job { x, w, epilogue, k };
    let whole = Disjoint::new(out);
    // Blocks of rows, or of outputs where there are few rows; the results do not depend on how they are cut.
    let blocks = m.div_ceil(ROWS);
    let columns = (GRAIN / (k.max(1) * ROWS.min(m))).max(16).next_multiple_of(4);
    let across = n.div_ceil(columns);
    parallel::for_ranges(blocks * across, 1, |range| {
        for i in range {
            let (block, across) = (i / across, i % across);
            let rows = block * ROWS..((block + 1) * ROWS).min(m);
            let outputs = across * columns..((across + 1) * columns).min(n);
            job.part(&whole, rows, outputs);
        }
    });
}

impl Job<'_> {
    fn part(&self, out: &Disjoint<f32>, rows: std::ops::Range<usize>, outputs: std::ops::Range<usize>) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if vnni::runs() {
            // SAFETY: it runs here; rows and outputs exist; parts of `out` do not overlap.
            return unsafe { vnni::part(self, out, rows, outputs) };
        }
        let (k, n) = (self.k, self.w.scales.len());
        for r in rows {
            let x = &self.x.bytes[r * k..][..k];
            for j in outputs.clone() {
                let (sum, of_w) = dot(x, &self.w.bytes[j * k..][..k]);
                let y = self.finished(sum - 128 * of_w, r, j);
                // SAFETY: parts of `out` do not overlap.
                unsafe { out.slice(r * n + j..r * n + j + 1)[0] = y };
            }
        }
    }

    #[inline(always)]
    fn finished(&self, sum: i32, r: usize, j: usize) -> f32 {
        let y = sum as f32 * (self.x.scales[r] * self.w.scales[j]);
        let y = self.epilogue.bias.map_or(y, |bias| y + bias[j]);
        if self.epilogue.relu && y <= 0.0 { 0.0 } else { y }
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod vnni {
    use super::Job;
    use crate::parallel::Disjoint;
    use crate::simd::{SimdLevel, simd_level};
    use std::arch::x86_64::*;
    use std::ops::Range;

    /// Whether this CPU has it, and kernels may use it.
    pub(super) fn runs() -> bool {
        simd_level() == SimdLevel::Avx512 && is_x86_feature_detected!("avx512vnni")
    }

    /// # Safety
    /// [`runs`]; rows and outputs of the job, whose part of `out` nobody else has.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    pub(super) unsafe fn part(job: &Job, out: &Disjoint<f32>, rows: Range<usize>, outputs: Range<usize>) {
        for j in outputs.clone().step_by(4) {
            let count = (outputs.end - j).min(4);
            let w = [0, 1, 2, 3].map(|i| job.w.bytes[(j + i.min(count - 1)) * job.k..].as_ptr());
            // SAFETY: the caller's promise; rows that do not exist stand for the last.
            unsafe {
                let less = _mm_slli_epi32::<7>(of_weights(w, job.k));
                let mut r = rows.start;
                while r < rows.end {
                    r += match rows.end - r {
                        6.. => tile::<6>(job, out, r, w, j, count, less),
                        4 | 5 => tile::<4>(job, out, r, w, j, count, less),
                        2 | 3 => tile::<2>(job, out, r, w, j, count, less),
                        _ => tile::<1>(job, out, r, w, j, count, less),
                    }
                }
            }
        }
    }

    /// The sums of four registers.
    #[inline(always)]
    unsafe fn sums(x: [__m512i; 4]) -> __m128i {
        // SAFETY: the caller has the instruction set.
        unsafe {
            let [a, b] = [(x[0], x[1]), (x[2], x[3])]
                .map(|(x, y)| _mm512_add_epi32(_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y)));
            let all = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
            let half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64::<1>(all));
            _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
        }
    }

    /// The lanes of the `left` bytes that are left.
    #[inline(always)]
    fn lanes(left: usize) -> u64 {
        u64::MAX >> (64 - left.clamp(1, 64))
    }

    /// Σ w of four rows.
    #[inline(always)]
    unsafe fn of_weights(w: [*const i8; 4], k: usize) -> __m128i {
        // SAFETY: k bytes at each pointer.
        unsafe {
            let (ones, mut sum) = (_mm512_set1_epi8(1), [_mm512_setzero_si512(); 4]);
            for i in (0..k).step_by(64) {
                let mask = lanes(k - i);
                for c in 0..4 {
                    sum[c] = _mm512_dpbusd_epi32(sum[c], ones, _mm512_maskz_loadu_epi8(mask, w[c].add(i)));
                }
            }
            sums(sum)
        }
    }

    /// R rows against four rows of the weight; returns R.
    #[inline(always)]
    unsafe fn tile<const R: usize>(
        job: &Job,
        out: &Disjoint<f32>,
        r: usize,
        w: [*const i8; 4],
        j: usize,
        count: usize,
        less: __m128i,
    ) -> usize {
        let (k, n) = (job.k, job.w.scales.len());
        let x = job.x.bytes[r * k..(r + R) * k].as_ptr();
        // SAFETY: R rows of k bytes in x, k bytes at each pointer of w, `count` outputs in each row from j on.
        unsafe {
            let mut acc = [[_mm512_setzero_si512(); 4]; R];
            let mut i = 0;
            while i + 64 <= k {
                let w = [0, 1, 2, 3].map(|c| _mm512_loadu_si512(w[c].add(i).cast()));
                for r in 0..R {
                    let x = _mm512_loadu_si512(x.add(r * k + i).cast());
                    for c in 0..4 {
                        acc[r][c] = _mm512_dpbusd_epi32(acc[r][c], x, w[c]);
                    }
                }
                i += 64;
            }
            if i < k {
                let mask = lanes(k - i);
                let w = [0, 1, 2, 3].map(|c| _mm512_maskz_loadu_epi8(mask, w[c].add(i)));
                for r in 0..R {
                    let x = _mm512_maskz_loadu_epi8(mask, x.add(r * k + i).cast());
                    for c in 0..4 {
                        acc[r][c] = _mm512_dpbusd_epi32(acc[r][c], x, w[c]);
                    }
                }
            }
            let mask = (1u8 << count) - 1;
            let scale = _mm_maskz_loadu_ps(mask, job.w.scales.as_ptr().add(j));
            for r_in in 0..R {
                let r = r + r_in;
                let sum = _mm_cvtepi32_ps(_mm_sub_epi32(sums(acc[r_in]), less));
                let mut y = _mm_mul_ps(sum, _mm_mul_ps(_mm_set1_ps(job.x.scales[r]), scale));
                if let Some(bias) = job.epilogue.bias {
                    y = _mm_add_ps(y, _mm_maskz_loadu_ps(mask, bias.as_ptr().add(j)));
                }
                if job.epilogue.relu {
                    // Not below 0, and NaN as it is.
                    let negative = _mm_cmp_ps_mask::<_CMP_LE_OQ>(y, _mm_setzero_ps());
                    y = _mm_mask_mov_ps(y, negative, _mm_setzero_ps());
                }
                _mm_mask_storeu_ps(out.at(r * n + j), mask, y);
            }
        }
        R
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{SimdLevel, limit_simd_level};
    use crate::{DType, Rng, Tensor};

    fn bytes(n: usize, rng: &mut Rng) -> Vec<i8> {
        let x = rng.uniform([n], -127.5, 127.5, DType::F64).unwrap().to_vec::<f64>().unwrap();
        x.into_iter().map(|x| x as i8).collect()
    }

    #[test]
    fn a_product_of_bytes_is_exact_at_every_level_and_number_of_threads() {
        let rng = &mut Rng::seed(5);
        for (m, k, n) in
            [(1, 1, 1), (1, 64, 4), (3, 63, 5), (7, 65, 9), (33, 200, 18), (40, 0, 3), (6, 1000, 1)]
        {
            let (x, w) = (bytes(m * k, rng), bytes(n * k, rng));
            let [of_x, of_w, bias] =
                [m, n, n].map(|n| rng.uniform([n], -1.0, 1.0, DType::F32).unwrap().to_vec::<f32>().unwrap());
            let offset: Vec<u8> = x.iter().map(|&x| (i16::from(x) + 128) as u8).collect();
            for relu in [false, true] {
                let wanted: Vec<f32> = (0..m * n)
                    .map(|i| {
                        let (r, j) = (i / n, i % n);
                        let row = |x: &[i8], r: usize| x[r * k..(r + 1) * k].to_vec();
                        let sum: i32 = row(&x, r)
                            .iter()
                            .zip(row(&w, j))
                            .map(|(&a, b)| i32::from(a) * i32::from(b))
                            .sum();
                        let y = sum as f32 * (of_x[r] * of_w[j]) + bias[j];
                        if relu { y.max(0.0) } else { y }
                    })
                    .collect();
                for level in [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512] {
                    limit_simd_level(level);
                    let mut out = vec![f32::NAN; m * n];
                    let (x, w) =
                        (Rows { bytes: &offset, scales: &of_x }, Weight { bytes: &w, scales: &of_w });
                    product(&mut out, &x, &w, k, Epilogue { bias: Some(&bias), relu });
                    assert_eq!(out, wanted, "({m}, {k}, {n}) at {level:?}");
                }
                limit_simd_level(SimdLevel::Avx512);
            }
        }
    }

    #[test]
    fn the_longest_sum_does_not_overflow() {
        let (x, w) = (vec![255u8; MOST], vec![-127i8; MOST]);
        let (x, w) = (Rows { bytes: &x, scales: &[1.0] }, Weight { bytes: &w, scales: &[1.0] });
        for level in [SimdLevel::Baseline, SimdLevel::Avx512] {
            limit_simd_level(level);
            let mut out = [0.0];
            product(&mut out, &x, &w, MOST, Epilogue::NONE);
            assert_eq!(out[0], -(127.0 * 127.0) * MOST as f32);
        }
    }

    #[test]
    fn a_row_is_rounded_to_the_nearest_of_its_255_steps() {
        for n in [1, 15, 16, 17, 100] {
            let x = Rng::seed(n).normal([n as usize], 0.0, 3.0, DType::F32).unwrap().to_vec::<f32>().unwrap();
            let mut q = vec![0; x.len()];
            let scale = quantize_row(&x, &mut q);
            let most = x.iter().fold(0.0, |m: f32, x| m.max(x.abs()));
            assert_eq!(scale, most / 127.0);
            for (&x, &q) in x.iter().zip(&q) {
                let wanted = (x * (127.0 / most)).round_ties_even();
                assert_eq!(f32::from(q) - 128.0, wanted);
            }
        }
        let mut q = [7; 20];
        assert_eq!(quantize_row(&[0.0; 20], &mut q), 0.0);
        assert_eq!(q, [128; 20]);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 17, 19] {
                let mut x = [1.0; 20];
                x[at] = bad;
                assert!(quantize_row(&x, &mut q).is_nan(), "{bad} at {at}");
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let rng = &mut Rng::seed(1);
        let x = rng.normal([70, 300], 0.0, 1.0, DType::F32).unwrap();
        let w = Tensor::from_vec(bytes(90 * 300, rng), [90, 300]).unwrap();
        let scale = rng.uniform([90], 0.01, 0.02, DType::F32).unwrap();
        let before = crate::threads();
        let all = [1, 2, 3, 8].map(|threads| {
            crate::set_threads(threads);
            x.linear_dynamic(&w, &scale, None, false).unwrap()
        });
        crate::set_threads(before);
        assert!(all.iter().all(|y| y.bit_eq(&all[0])));
        // Nor does who else is there.
        let alone = x.narrow(0, 41, 1).unwrap().linear_dynamic(&w, &scale, None, false).unwrap();
        assert!(alone.bit_eq(&all[0].narrow(0, 41, 1).unwrap()));
    }
}
