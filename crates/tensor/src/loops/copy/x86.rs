//! Square blocks turned in registers: whole vectors in, shuffles of pairs, whole vectors out. Only bits are moved.

use std::arch::x86_64::*;

/// `to[r·to_step + c] = from[c·from_step + r]` for r, c below 16.
///
/// # Safety
/// Both must be valid for these elements; the CPU must have AVX-512 F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn turn16(from: *const f32, from_step: isize, to: *mut f32, to_step: usize) {
    // Loops only: closures that go through a library function are not inlined into one with features of its own.
    let mut x = [_mm512_setzero_ps(); 16];
    for c in 0..16 {
        // SAFETY: the caller's promise.
        x[c] = unsafe { _mm512_loadu_ps(from.offset(c as isize * from_step)) };
    }
    // Pairs of columns, then fours: y[g][j] holds, in its quarter q, row 4q + j of columns 4g..4g + 4.
    let mut y = [[x[0]; 4]; 4];
    for g in 0..4 {
        let x = [x[4 * g], x[4 * g + 1], x[4 * g + 2], x[4 * g + 3]];
        let a = _mm512_castps_pd(_mm512_unpacklo_ps(x[0], x[1]));
        let b = _mm512_castps_pd(_mm512_unpackhi_ps(x[0], x[1]));
        let c = _mm512_castps_pd(_mm512_unpacklo_ps(x[2], x[3]));
        let d = _mm512_castps_pd(_mm512_unpackhi_ps(x[2], x[3]));
        y[g][0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        y[g][1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        y[g][2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        y[g][3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    for j in 0..4 {
        let e = _mm512_shuffle_f32x4::<0x88>(y[0][j], y[1][j]);
        let f = _mm512_shuffle_f32x4::<0x88>(y[2][j], y[3][j]);
        let g = _mm512_shuffle_f32x4::<0xdd>(y[0][j], y[1][j]);
        let h = _mm512_shuffle_f32x4::<0xdd>(y[2][j], y[3][j]);
        // SAFETY: the caller's promise.
        unsafe {
            _mm512_storeu_ps(to.add(j * to_step), _mm512_shuffle_f32x4::<0x88>(e, f));
            _mm512_storeu_ps(to.add((4 + j) * to_step), _mm512_shuffle_f32x4::<0x88>(g, h));
            _mm512_storeu_ps(to.add((8 + j) * to_step), _mm512_shuffle_f32x4::<0xdd>(e, f));
            _mm512_storeu_ps(to.add((12 + j) * to_step), _mm512_shuffle_f32x4::<0xdd>(g, h));
        }
    }
}

/// `to[r·to_step + c] = from[c·from_step + r]` for r, c below 8.
///
/// # Safety
/// Both must be valid for these elements; the CPU must have AVX.
#[target_feature(enable = "avx")]
pub(super) unsafe fn turn8(from: *const f32, from_step: isize, to: *mut f32, to_step: usize) {
    // Loops only, as above.
    let mut x = [_mm256_setzero_ps(); 8];
    for c in 0..8 {
        // SAFETY: the caller's promise.
        x[c] = unsafe { _mm256_loadu_ps(from.offset(c as isize * from_step)) };
    }
    // y[g][j] holds, in its half h, row 4h + j of columns 4g..4g + 4.
    let mut y = [[x[0]; 4]; 2];
    for g in 0..2 {
        let x = [x[4 * g], x[4 * g + 1], x[4 * g + 2], x[4 * g + 3]];
        let (a, b) = (_mm256_unpacklo_ps(x[0], x[1]), _mm256_unpackhi_ps(x[0], x[1]));
        let (c, d) = (_mm256_unpacklo_ps(x[2], x[3]), _mm256_unpackhi_ps(x[2], x[3]));
        y[g] = [
            _mm256_shuffle_ps::<0x44>(a, c),
            _mm256_shuffle_ps::<0xee>(a, c),
            _mm256_shuffle_ps::<0x44>(b, d),
            _mm256_shuffle_ps::<0xee>(b, d),
        ];
    }
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
