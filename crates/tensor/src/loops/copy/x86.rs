//! Square blocks turned in registers: whole vectors in, shuffles of pairs, whole vectors out. Only bits are moved.

use std::arch::x86_64::*;

/// `to[r·to_step + c] = from[c·from_step + r]` for r, c below 16.
///
/// # Safety
/// Both must be valid for these elements; the CPU must have AVX-512 F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn turn16(from: *const f32, from_step: isize, to: *mut f32, to_step: usize) {
    // SAFETY: the caller's promise.
    let x: [__m512; 16] =
        std::array::from_fn(|c| unsafe { _mm512_loadu_ps(from.offset(c as isize * from_step)) });
    // Pairs of columns, then fours: y[4g + j] holds, in its quarter q, row 4q + j of columns 4g..4g + 4.
    let pair = |c: usize| (_mm512_unpacklo_ps(x[c], x[c + 1]), _mm512_unpackhi_ps(x[c], x[c + 1]));
    let y: [[__m512; 4]; 4] = std::array::from_fn(|g| {
        let ((a, b), (c, d)) = (pair(4 * g), pair(4 * g + 2));
        let double = |x| _mm512_castps_pd(x);
        let (a, b, c, d) = (double(a), double(b), double(c), double(d));
        [
            _mm512_unpacklo_pd(a, c),
            _mm512_unpackhi_pd(a, c),
            _mm512_unpacklo_pd(b, d),
            _mm512_unpackhi_pd(b, d),
        ]
        .map(|x| _mm512_castpd_ps(x))
    });
    for j in 0..4 {
        let even = |g: usize| _mm512_shuffle_f32x4::<0x88>(y[g][j], y[g + 1][j]);
        let odd = |g: usize| _mm512_shuffle_f32x4::<0xdd>(y[g][j], y[g + 1][j]);
        let (e, f, g, h) = (even(0), even(2), odd(0), odd(2));
        let rows = [
            _mm512_shuffle_f32x4::<0x88>(e, f),
            _mm512_shuffle_f32x4::<0x88>(g, h),
            _mm512_shuffle_f32x4::<0xdd>(e, f),
            _mm512_shuffle_f32x4::<0xdd>(g, h),
        ];
        for (q, row) in rows.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { _mm512_storeu_ps(to.add((4 * q + j) * to_step), row) };
        }
    }
}

/// `to[r·to_step + c] = from[c·from_step + r]` for r, c below 8.
///
/// # Safety
/// Both must be valid for these elements; the CPU must have AVX.
#[target_feature(enable = "avx")]
pub(super) unsafe fn turn8(from: *const f32, from_step: isize, to: *mut f32, to_step: usize) {
    // SAFETY: the caller's promise.
    let x: [__m256; 8] =
        std::array::from_fn(|c| unsafe { _mm256_loadu_ps(from.offset(c as isize * from_step)) });
    // y[g][j] holds, in its half h, row 4h + j of columns 4g..4g + 4.
    let y: [[__m256; 4]; 2] = std::array::from_fn(|g| {
        let x = &x[4 * g..];
        let (a, b) = (_mm256_unpacklo_ps(x[0], x[1]), _mm256_unpackhi_ps(x[0], x[1]));
        let (c, d) = (_mm256_unpacklo_ps(x[2], x[3]), _mm256_unpackhi_ps(x[2], x[3]));
        [
            _mm256_shuffle_ps::<0x44>(a, c),
            _mm256_shuffle_ps::<0xee>(a, c),
            _mm256_shuffle_ps::<0x44>(b, d),
            _mm256_shuffle_ps::<0xee>(b, d),
        ]
    });
    for j in 0..4 {
        let low = _mm256_permute2f128_ps::<0x20>(y[0][j], y[1][j]);
        let high = _mm256_permute2f128_ps::<0x31>(y[0][j], y[1][j]);
        // SAFETY: the caller's promise.
        unsafe {
            _mm256_storeu_ps(to.add(j * to_step), low);
            _mm256_storeu_ps(to.add((4 + j) * to_step), high);
        }
    }
}
