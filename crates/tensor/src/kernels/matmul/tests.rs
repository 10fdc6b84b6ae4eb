mod narrow;

use super::{Epilogue, K_BLOCK, Mat, batched, matmul};
use crate::simd::{SimdLevel, limit_simd_level};
use crate::{Float, set_threads};
use proptest::prelude::*;

/// Numbers in (−1, 1) that use all bits of the mantissa; a plain congruential generator, so that nothing is shared
/// with what is tested.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
    fn below(&mut self, n: usize) -> usize {
        ((self.next() + 1.0) * 0.5 * n as f64) as usize % n
    }
    fn vec<T: Float>(&mut self, len: usize) -> Vec<T> {
        (0..len).map(|_| T::of(self.next())).collect()
    }
}

fn at<T: Float>(m: &Mat<T>, i: usize, j: usize) -> T {
    m.data[(m.offset as isize + i as isize * m.row_stride + j as isize * m.col_stride) as usize]
}

/// The order as it is defined: chains of 512, added left to right.
fn oracle<T: Float>(a: &Mat<T>, b: &Mat<T>, epilogue: &Epilogue<T>) -> Vec<T> {
    let mut out = Vec::new();
    for i in 0..a.rows {
        for j in 0..b.cols {
            let mut total = T::ZERO;
            for start in (0..a.cols).step_by(K_BLOCK) {
                let mut sum = T::ZERO;
                for k in start..(start + K_BLOCK).min(a.cols) {
                    sum = at(a, i, k).mul_add(at(b, k, j), sum);
                }
                total = if start == 0 { sum } else { total.add(sum) };
            }
            if let Some(bias) = epilogue.bias {
                total = total.add(bias[j]);
            }
            out.push(if epilogue.relu && total <= T::ZERO { T::ZERO } else { total });
        }
    }
    out
}

/// Bits, with all NaNs alike: which operand's payload survives is not promised.
fn bits<T: Float>(x: &[T]) -> Vec<u64> {
    x.iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_f64().to_bits() }).collect()
}

fn product<T: Float>(a: Mat<T>, b: Mat<T>, epilogue: Epilogue<T>) -> Vec<T> {
    let mut out = vec![T::of(f64::NAN); a.rows * b.cols];
    matmul(&mut out, a, b, epilogue);
    out
}

/// Ways a matrix can lie in memory.
#[derive(Debug, Clone, Copy)]
enum Lie {
    Rows,
    Columns,
    EverySecondColumn,
    RowsUpward,
    ColumnsBackward,
    OneRowForAll,
    OneColumnForAll,
    PaddedColumns,
}
use Lie::*;
const LIES: [Lie; 8] = [
    Rows,
    Columns,
    EverySecondColumn,
    RowsUpward,
    ColumnsBackward,
    OneRowForAll,
    OneColumnForAll,
    PaddedColumns,
];

/// A matrix that lies so, in `data` that it makes.
fn lay<'a, T: Float>(
    data: &'a mut Vec<T>,
    r: &mut Numbers,
    lie: Lie,
    rows: usize,
    cols: usize,
) -> Mat<'a, T> {
    let (offset, row_stride, col_stride) = match lie {
        Rows => (0, cols as isize, 1),
        Columns => (3, 1, rows as isize),
        EverySecondColumn => (5, 2 * cols as isize + 1, 2),
        RowsUpward => (rows.saturating_sub(1) * cols, -(cols as isize), 1),
        ColumnsBackward => (cols.saturating_sub(1) * rows + 1, 1, -(rows as isize)),
        OneRowForAll => (1, 0, 1),
        OneColumnForAll => (2, 1, 0),
        PaddedColumns => (7, 1, rows as isize + 3),
    };
    let reach = |n: usize, stride: isize| n.saturating_sub(1) * stride.max(0) as usize;
    *data = r.vec(offset + reach(rows, row_stride) + reach(cols, col_stride) + 1);
    Mat { data, offset, rows, cols, row_stride, col_stride }
}

fn check<T: Float>(r: &mut Numbers, lies: (Lie, Lie), m: usize, k: usize, n: usize) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let a = lay::<T>(&mut a, r, lies.0, m, k);
    let b = lay::<T>(&mut b, r, lies.1, k, n);
    let bias = r.vec::<T>(n);
    let epilogue = Epilogue { bias: (r.below(2) == 0).then_some(bias.as_slice()), relu: r.below(3) == 0 };
    let expected = bits(&oracle(&a, &b, &epilogue));
    for threads in [1, 2, 3, 8] {
        set_threads(threads);
        let got = bits(&product(a, b, epilogue));
        let wrong = got.iter().zip(&expected).filter(|(g, e)| g != e).count();
        assert_eq!(
            wrong,
            0,
            "{} ({m}, {k}) {:?} · ({k}, {n}) {:?}, {threads} threads",
            T::DTYPE,
            lies.0,
            lies.1
        );
    }
}

const SIZES: [usize; 18] = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 127, 129, 255, 257];
const DEPTHS: [usize; 12] = [0, 1, 2, 5, 10, 31, 100, 511, 512, 513, 1025, 2000];

/// One test for all levels, since the level is the process's.
#[test]
fn every_element_is_the_chain_in_blocks_of_512_at_every_level_layout_and_thread_count() {
    for level in [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512] {
        if limit_simd_level(level) != level {
            continue;
        }
        let mut r = Numbers(7);
        let mut done = 0;
        while done < 400 {
            let (m, n, k) = (SIZES[r.below(18)], SIZES[r.below(18)], DEPTHS[r.below(12)]);
            let slow = level == SimdLevel::Baseline && m * n * k > 300_000;
            if m * n * k > 10_000_000 || slow {
                continue;
            }
            let lies = (LIES[r.below(8)], LIES[r.below(8)]);
            check::<f32>(&mut r, lies, m, k, n);
            check::<f64>(&mut r, lies, m, k, n);
            done += 1;
        }
        for lies in [(Rows, Rows), (Rows, Columns), (Columns, Rows), (Columns, Columns)] {
            // Parts of several threads, by columns, by rows, both; skinny ones; one row, one column, one number.
            for (m, k, n) in
                [(40, 70, 300), (300, 70, 40), (260, 40, 260), (2000, 10, 32), (10, 300, 20), (20, 300, 10)]
            {
                check::<f32>(&mut r, lies, m, k, n);
                check::<f64>(&mut r, lies, m, k, n);
            }
            // Columns 4 KiB apart (f32), a few rows.
            for (m, k, n) in [
                (1, 130, 1500),
                (1500, 130, 1),
                (1, 5000, 1),
                (3, 1100, 1),
                (1, 600, 70),
                (1, 3072, 21),
                (2, 600, 70),
                (3, 1100, 37),
                (4, 513, 129),
            ] {
                check::<f32>(&mut r, lies, m, k, n);
                check::<f64>(&mut r, lies, m, k, n);
            }
        }
        narrow::check_all(&mut r, level == SimdLevel::Baseline);
    }
    limit_simd_level(SimdLevel::Avx512);
}

#[test]
fn a_row_of_a_product_is_the_product_of_the_row() {
    fn rows<T: Float>(m: usize, k: usize, n: usize, weight_by_columns: bool) {
        let mut r = Numbers(11);
        let (a, b) = (r.vec::<T>(m * k), r.vec::<T>(k * n));
        let b = if weight_by_columns { Mat::row_major(&b, n, k).t() } else { Mat::row_major(&b, k, n) };
        let all = product(Mat::row_major(&a, m, k), b, Epilogue::NONE);
        for i in 0..m {
            for some in 1..=(m - i).min(3) {
                let part = Mat::row_major(&a[i * k..(i + some) * k], some, k);
                assert_eq!(bits(&product(part, b, Epilogue::NONE)), bits(&all[i * n..(i + some) * n]));
            }
        }
    }
    for (m, k, n) in [(64, 784, 10), (64, 100, 100), (9, 1025, 33), (257, 20, 1), (5, 3, 2)] {
        for weight_by_columns in [false, true] {
            rows::<f32>(m, k, n, weight_by_columns);
            rows::<f64>(m, k, n, weight_by_columns);
        }
    }
}

#[test]
fn nan_and_infinity_go_through_zeros_and_the_rectifier() {
    for (m, k, n) in [(1, 40, 40), (40, 40, 1), (3, 4, 5), (20, 20, 20), (40, 40, 40), (2, 2000, 3)] {
        let mut a = vec![0f32; m * k];
        let b = vec![0f32; k * n];
        a[k - 1] = f32::NAN;
        let relu = Epilogue { bias: None, relu: true };
        let y = product(Mat::row_major(&a, m, k), Mat::row_major(&b, k, n), relu);
        assert!(y[..n].iter().all(|y| y.is_nan()), "0 · NaN is NaN, and stays so");
        assert!(y[n..].iter().all(|&y| y == 0.0));
        a[k - 1] = f32::INFINITY;
        let y = product(Mat::row_major(&a, m, k), Mat::row_major(&b, k, n), relu);
        assert!(y[..n].iter().all(|y| y.is_nan()), "0 · ∞ is NaN");
        let ones = vec![1f32; k * n];
        let y = product(Mat::row_major(&a, m, k), Mat::row_major(&ones, k, n), relu);
        assert!(y[..n].iter().all(|&y| y == f32::INFINITY));
    }
}

#[test]
fn errors_stay_inside_the_bound_of_the_order() {
    for (m, k, n) in [(5, 3000, 7), (64, 512, 64), (1, 2500, 30), (100, 10, 20)] {
        let mut r = Numbers(13);
        let (a, b) = (r.vec::<f32>(m * k), r.vec::<f32>(k * n));
        let y = product(Mat::row_major(&a, m, k), Mat::row_major(&b, k, n), Epilogue::NONE);
        // Each rounding of a chain and of the sum of blocks is at most u = 2⁻²⁴ of Σ|a·b|, to first order.
        let roundings = k.min(K_BLOCK) + k.div_ceil(K_BLOCK) + 2;
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let terms = (0..k).map(|l| a[i * k + l] as f64 * b[l * n + j] as f64);
            let (exact, size) = terms.fold((0.0, 0.0), |(s, z), t| (s + t, z + f64::abs(t)));
            let bound = roundings as f64 * (f32::EPSILON as f64 / 2.0) * size;
            assert!((y[i * n + j] as f64 - exact).abs() <= bound);
        }
    }
}

#[test]
fn a_batch_is_its_products_one_by_one() {
    fn batch<T: Float>(size: usize, m: usize, k: usize, n: usize) {
        let mut r = Numbers(17);
        let (a, b) = (r.vec::<T>(2 * m * k), r.vec::<T>(3 * k * n));
        let a_offsets: Vec<usize> = (0..size).map(|i| i % 2 * m * k).collect();
        let b_offsets: Vec<usize> = (0..size).map(|i| i % 3 * k * n).collect();
        for threads in [1, 2, 3, 8] {
            set_threads(threads);
            let mut out = vec![T::of(f64::NAN); size * m * n];
            let (am, bm) = (Mat::row_major(&a, m, k), Mat::row_major(&b, n, k).t());
            // The offset that the matrices come with plays no part.
            let am = Mat { offset: a.len(), ..am };
            batched(&mut out, am, &a_offsets, bm, &b_offsets);
            for i in 0..size {
                let am = Mat { offset: a_offsets[i], ..am };
                let bm = Mat { offset: b_offsets[i], ..bm };
                let expected = bits(&oracle(&am, &bm, &Epilogue::NONE));
                assert_eq!(bits(&out[i * m * n..(i + 1) * m * n]), expected);
            }
        }
    }
    for (size, m, k, n) in
        [(0, 2, 2, 2), (1, 70, 60, 200), (7, 33, 17, 40), (50, 3, 4, 5), (9, 1, 30, 8), (4, 2, 0, 3)]
    {
        batch::<f32>(size, m, k, n);
        batch::<f64>(size, m, k, n);
    }
}

#[test]
fn without_a_shared_axis_a_product_is_the_epilogue_of_zero() {
    let bias = [1.0f64, -1.0];
    let empty = Mat::row_major(&[], 3, 0);
    let y = product(empty, Mat::row_major(&[], 0, 2), Epilogue { bias: Some(&bias), relu: true });
    assert_eq!(y, [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    matmul::<f64>(&mut [], Mat::row_major(&[], 0, 4), Mat::row_major(&[0.0; 8], 4, 2), Epilogue::NONE);
}

#[test]
#[should_panic(expected = "a matrix lies inside its data")]
fn a_matrix_that_reaches_outside_its_data_is_refused() {
    let a = Mat { data: &[0f32; 6], offset: 1, rows: 2, cols: 3, row_stride: 3, col_stride: 1 };
    product(a, Mat::row_major(&[0.0; 3], 3, 1), Epilogue::NONE);
}

#[test]
#[should_panic(expected = "a matrix lies inside its data")]
fn a_matrix_whose_reach_overflows_is_refused() {
    let a =
        Mat { data: &[0f32; 6], offset: 0, rows: 3, cols: 3, row_stride: isize::MAX, col_stride: isize::MAX };
    product(a, Mat::row_major(&[0.0; 3], 3, 1), Epilogue::NONE);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn small_products_of_any_layout_are_the_chain(
        (m, k, n) in (1usize..24, 0usize..40, 1usize..40),
        strides in [-50isize..50, -50isize..50, -50isize..50, -50isize..50],
        seed in any::<u64>(),
    ) {
        let mut r = Numbers(seed);
        let reach = |x: isize, y: isize, rows: usize, cols: usize| {
            (x.abs() * rows.saturating_sub(1) as isize + y.abs() * cols.saturating_sub(1) as isize) as usize
        };
        let start = |x: isize, y: isize, rows: usize, cols: usize| reach(x.min(0), y.min(0), rows, cols);
        let [ar, ac, br, bc] = strides;
        let (a, b) = (r.vec::<f32>(reach(ar, ac, m, k) + 1), r.vec::<f32>(reach(br, bc, k, n) + 1));
        let a = Mat { data: &a, offset: start(ar, ac, m, k), rows: m, cols: k, row_stride: ar, col_stride: ac };
        let b = Mat { data: &b, offset: start(br, bc, k, n), rows: k, cols: n, row_stride: br, col_stride: bc };
        let epilogue = Epilogue { bias: None, relu: seed % 2 == 0 };
        prop_assert_eq!(bits(&product(a, b, epilogue)), bits(&oracle(&a, &b, &epilogue)));
    }
}
