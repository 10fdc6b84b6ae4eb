//! Narrow weights: the bits of the widened one, at the level of the caller.

use super::{Numbers, bits, product};
use crate::kernels::matmul::{Epilogue, Mat, matmul_narrow};
use crate::kernels::vector::Narrow;
use crate::set_threads;
use half::bf16;

/// Elements that use all bits.
trait Any: Narrow {
    fn any(r: &mut Numbers) -> Self;
}
impl Any for bf16 {
    fn any(r: &mut Numbers) -> Self {
        bf16::from_f64(r.next())
    }
}
impl Any for i8 {
    fn any(r: &mut Numbers) -> Self {
        (r.below(256) as i64 - 128) as i8
    }
}

/// Strides of a matrix (k, n), and where it begins.
type Lie = fn(usize, usize) -> (usize, isize, isize);
const LIES: [Lie; 6] = [
    |_, n| (0, n as isize, 1),
    |k, _| (3, 1, k as isize),
    |_, n| (1, n as isize + 5, 1),
    |k, _| (7, 1, k as isize + 3),
    |k, n| (k.saturating_sub(1) * n, -(n as isize), 1),
    |k, n| (n.saturating_sub(1) * k + 1, 1, -(k as isize)),
];

fn check<N: Any>(r: &mut Numbers, lie: Lie, m: usize, k: usize, n: usize) {
    let (offset, row_stride, col_stride) = lie(k, n);
    let reach = |n: usize, stride: isize| n.saturating_sub(1) * stride.max(0) as usize;
    let len = offset + reach(k, row_stride) + reach(n, col_stride) + 1;
    let data: Vec<N> = (0..len).map(|_| N::any(r)).collect();
    let wide: Vec<f32> = data.iter().map(|x| x.wide()).collect();
    let narrow = Mat { data: &data, offset, rows: k, cols: n, row_stride, col_stride };
    let wide = Mat { data: &wide, offset, rows: k, cols: n, row_stride, col_stride };
    let x: Vec<f32> = r.vec(2 * m * k);
    // Contiguous rows, apart from each other or not, or every second element.
    let x = match r.below(3) {
        0 => Mat::row_major(&x[..m * k], m, k),
        1 => Mat { cols: k, ..Mat::row_major(&x, m, 2 * k) },
        _ => Mat { data: &x, offset: 0, rows: m, cols: k, row_stride: 2 * k as isize, col_stride: 2 },
    };
    let (scale, bias) = (r.vec::<f32>(n), r.vec::<f32>(n));
    let scale = (r.below(2) == 0).then_some(scale.as_slice());
    let epilogue = Epilogue { bias: (r.below(2) == 0).then_some(bias.as_slice()), relu: r.below(3) == 0 };
    let mut expected = product(x, wide, Epilogue::NONE);
    for row in expected.chunks_mut(n) {
        for (j, y) in row.iter_mut().enumerate() {
            *y = scale.map_or(*y, |scale| *y * scale[j]);
            *y = epilogue.bias.map_or(*y, |bias| *y + bias[j]);
            *y = if epilogue.relu && *y <= 0.0 { 0.0 } else { *y };
        }
    }
    for threads in [1, 2, 3, 8] {
        set_threads(threads);
        let mut got = vec![f32::NAN; m * n];
        matmul_narrow(&mut got, x, narrow, scale, epilogue).unwrap();
        let wrong = bits(&got).iter().zip(bits(&expected)).filter(|(g, e)| *g != e).count();
        let name = std::any::type_name::<N>();
        assert_eq!(wrong, 0, "{name} ({m}, {k}) · ({k}, {n}) {row_stride} {col_stride}, {threads} threads");
    }
}

/// A spread of sizes; few of them where the level is slow.
pub(super) fn check_all(r: &mut Numbers, slow: bool) {
    const SIZES: [usize; 12] = [1, 3, 7, 8, 9, 16, 31, 64, 65, 100, 257, 700];
    const DEPTHS: [usize; 11] = [0, 1, 5, 31, 64, 100, 511, 512, 600, 1025, 2100];
    let most = if slow { 200_000 } else { 2_000_000 };
    for m in [1, 2, 3, 4, 5, 9, 40] {
        for (i, lie) in LIES.into_iter().enumerate() {
            for _ in 0..4 {
                let (n, k) = (SIZES[r.below(12)], DEPTHS[r.below(11)]);
                if m * n * k <= most {
                    check::<bf16>(r, lie, m, k, n);
                    check::<i8>(r, lie, m, k, n);
                }
            }
            // Parts for several threads.
            if m <= 5 && i < 4 && !slow {
                check::<bf16>(r, lie, m, 600, 1500);
                check::<i8>(r, lie, m, 700, 3000);
            }
        }
    }
}

#[test]
fn every_narrow_element_is_widened_exactly() {
    for i in i8::MIN..=i8::MAX {
        assert_eq!(i.wide(), f32::from(i));
    }
    // NaN and infinity reach the sum, through registers too.
    for x in [bf16::NAN, bf16::INFINITY, bf16::NEG_INFINITY, bf16::from_bits(1)] {
        for k in [1usize, 40] {
            let w = vec![x; k * 20];
            let mut y = vec![0f32; 20];
            let ones = vec![1f32; k];
            for w in [Mat::row_major(&w, k, 20), Mat::row_major(&w, 20, k).t()] {
                matmul_narrow(&mut y, Mat::row_major(&ones, 1, k), w, None, Epilogue::NONE).unwrap();
                let expected = x.to_f32() * k as f32;
                assert!(y.iter().all(|y| *y == expected || y.is_nan() && expected.is_nan()));
            }
        }
    }
}
