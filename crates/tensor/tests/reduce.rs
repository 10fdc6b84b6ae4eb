//! Reductions: against a plain oracle, and against the order law to the bit.

use proptest::prelude::*;
use std::sync::{Mutex, MutexGuard};
use tensor::{DType, SimdLevel, Tensor, limit_simd_level, set_threads};

/// Thread count and SIMD level are process-wide; tests that set them take turns.
fn settings() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|p| p.into_inner())
}

/// Values without structure in [-1, 1).
fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// The order law, said once more and slowly: 32 lanes in chunks of 1024, halves, then neighbours.
fn sum_by_law(x: &[f32]) -> f32 {
    let mut parts: Vec<f32> = x
        .chunks(1024)
        .map(|chunk| {
            let mut lanes = [-0.0f32; 32];
            chunk.iter().enumerate().for_each(|(i, x)| lanes[i % 32] += x);
            for half in [16, 8, 4, 2, 1] {
                (0..half).for_each(|l| lanes[l] += lanes[l + half]);
            }
            lanes[0]
        })
        .collect();
    while parts.len() > 1 {
        parts = parts.chunks(2).map(|p| p.iter().copied().reduce(|a, b| a + b).unwrap()).collect();
    }
    parts.first().copied().unwrap_or(0.0)
}

/// Groups the elements of `x`, in row-major order, by output, outputs in row-major order.
fn groups(x: &Tensor, axes: &[usize]) -> Vec<Vec<f32>> {
    let (shape, data) = (x.shape(), x.to_vec::<f32>().unwrap());
    let outputs = (0..shape.len()).filter(|i| !axes.contains(i)).map(|i| shape[i]).product();
    let mut groups = vec![Vec::new(); outputs];
    for (position, value) in data.into_iter().enumerate() {
        let (mut rest, mut output, mut step) = (position, 0, 1);
        for i in (0..shape.len()).rev() {
            let index = rest % shape[i];
            rest /= shape[i];
            if !axes.contains(&i) {
                output += index * step;
                step *= shape[i];
            }
        }
        groups[output].push(value);
    }
    groups
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// A tensor under a view: permuted, narrowed or expanded.
fn views() -> impl Strategy<Value = Tensor> {
    (prop::collection::vec(0usize..7, 0..5), any::<u64>(), 0usize..4).prop_map(|(shape, seed, view)| {
        let x = Tensor::from_vec(noise(shape.iter().product(), seed), &shape).unwrap();
        let rank = shape.len();
        match view {
            1 if rank > 1 => {
                let mut order: Vec<isize> = (0..rank as isize).collect();
                order.rotate_left(seed as usize % rank);
                order.swap(0, seed as usize / 8 % rank);
                x.permute(&order).unwrap()
            }
            2 if rank > 0 && shape[rank - 1] > 1 => x.narrow(-1, 1, shape[rank - 1] - 1).unwrap(),
            3 => {
                let mut wide = vec![3];
                wide.extend(&shape);
                x.expand(&wide).unwrap()
            }
            _ => x,
        }
    })
}

proptest! {
    #[test]
    fn sums_follow_the_order_law_whatever_the_axes_and_strides(x in views(), mask in 0usize..32) {
        let axes: Vec<usize> = (0..x.rank()).filter(|i| mask >> i & 1 == 1).collect();
        prop_assume!(!axes.is_empty() || x.rank() == 0);
        let named: Vec<isize> = axes.iter().map(|&a| a as isize).collect();
        let expected: Vec<f32> = groups(&x, &axes).iter().map(|g| sum_by_law(g)).collect();
        let sum = x.sum(&named).unwrap();
        prop_assert_eq!(bits(&sum.to_vec().unwrap()), bits(&expected));
        let keep = x.sum_keep(&named).unwrap();
        let kept: Vec<usize> = (0..x.rank()).map(|i| if axes.contains(&i) { 1 } else { x.shape()[i] }).collect();
        prop_assert_eq!(keep.shape(), &kept[..]);
        prop_assert_eq!(bits(&keep.to_vec().unwrap()), bits(&expected));
    }

    #[test]
    fn extremes_and_their_places_are_those_of_a_plain_scan(x in views(), axis in 0usize..5) {
        prop_assume!(axis < x.rank() && x.shape()[axis] > 0);
        let groups = groups(&x, &[axis]);
        let max: Vec<f32> = groups.iter().map(|g| g.iter().copied().fold(f32::NEG_INFINITY, f32::max)).collect();
        let min: Vec<f32> = groups.iter().map(|g| g.iter().copied().fold(f32::INFINITY, f32::min)).collect();
        let place = |g: &Vec<f32>, best: f32| g.iter().position(|&v| v == best).unwrap() as i64;
        let argmax: Vec<i64> = groups.iter().zip(&max).map(|(g, &m)| place(g, m)).collect();
        let argmin: Vec<i64> = groups.iter().zip(&min).map(|(g, &m)| place(g, m)).collect();
        let axis = axis as isize;
        prop_assert_eq!(x.max(&[axis]).unwrap().to_vec::<f32>().unwrap(), max);
        prop_assert_eq!(x.min(&[axis]).unwrap().to_vec::<f32>().unwrap(), min);
        prop_assert_eq!(x.argmax(axis).unwrap().to_vec::<i64>().unwrap(), argmax);
        prop_assert_eq!(x.argmin(axis - x.rank() as isize).unwrap().to_vec::<i64>().unwrap(), argmin);
    }
}

#[test]
fn long_reductions_follow_the_order_law_in_rows_columns_and_gathers() {
    // Chunk borders, tiles of columns, narrow flat rows, strided lines.
    for (rows, columns) in
        [(1, 10_000), (3, 1024), (3, 1025), (8193, 3), (2049, 600), (70_001, 1), (33, 257), (5, 5), (100, 20)]
    {
        let x = Tensor::from_vec(noise(rows * columns, 7), [rows, columns]).unwrap();
        for x in [x.clone(), x.t().unwrap(), x.narrow(1, columns / 2, columns - columns / 2).unwrap()] {
            for axis in [0, 1] {
                let expected: Vec<f32> = groups(&x, &[axis]).iter().map(|g| sum_by_law(g)).collect();
                let sum = x.sum(&[axis as isize]).unwrap().to_vec::<f32>().unwrap();
                assert_eq!(bits(&sum), bits(&expected), "{:?} over {axis}", x.shape());
            }
            assert_eq!(x.sum(&[]).unwrap().item().unwrap() as f32, sum_by_law(&x.to_vec().unwrap()));
        }
    }
}

#[test]
fn sums_have_the_same_bits_at_any_thread_count_and_simd_level() {
    let _turn = settings();
    let x = Tensor::from_vec(noise(300 * 1100, 3), [300, 1100]).unwrap();
    let long = Tensor::from_vec(noise(1_000_003, 4), [1_000_003]).unwrap();
    let run = || {
        let all = [
            x.sum(&[0]).unwrap(),
            x.sum(&[1]).unwrap(),
            x.var(&[0], 1).unwrap(),
            x.mean(&[1]).unwrap(),
            x.max(&[0]).unwrap(),
            long.sum(&[]).unwrap(),
            long.var(&[], 0).unwrap(),
        ];
        all.map(|t| bits(&t.to_vec().unwrap()))
    };
    set_threads(1);
    let expected = run();
    for level in [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512] {
        limit_simd_level(level);
        for threads in [1, 2, 3, 8] {
            set_threads(threads);
            assert_eq!(run(), expected, "{threads} threads, {level:?}");
        }
    }
    set_threads(2);
}

#[test]
fn the_error_of_a_sum_stays_under_its_bound() {
    for n in [1usize, 31, 1000, 4096, 4097, 65_537, 1_000_003] {
        let data = noise(n, n as u64);
        let exact: f64 = data.iter().map(|&x| x as f64).sum();
        let magnitude: f64 = data.iter().map(|&x| x.abs() as f64).sum();
        let sum = Tensor::from_vec(data, [n]).unwrap().sum(&[]).unwrap().item().unwrap();
        let depth = match n {
            0..=1024 => (n as f64 / 32.0).ceil() + 5.0,
            _ => 37.0 + (n as f64 / 1024.0).log2().ceil(),
        };
        let bound = depth * (f32::EPSILON as f64 / 2.0) * magnitude;
        assert!((sum - exact).abs() <= bound, "n {n}: {} > {bound}", (sum - exact).abs());
    }
}

#[test]
fn integers_and_booleans_sum_in_64_bits_and_wrap() {
    let bytes = Tensor::from_vec(vec![255u8; 1000], [2, 500]).unwrap();
    assert_eq!(bytes.sum(&[1]).unwrap().to_vec::<i64>().unwrap(), [127_500; 2]);
    assert_eq!(bytes.sum(&[0]).unwrap().to_vec::<i64>().unwrap(), [510; 500]);
    let mask = Tensor::from_vec(vec![true, false, true], [3]).unwrap();
    assert_eq!(mask.sum(&[]).unwrap().to_vec::<i64>().unwrap(), [2]);
    let edge = Tensor::from_vec(vec![i64::MAX, 1], [2]).unwrap();
    assert_eq!(edge.sum(&[]).unwrap().to_vec::<i64>().unwrap(), [i64::MIN]);
    assert_eq!(edge.max(&[]).unwrap().to_vec::<i64>().unwrap(), [i64::MAX]);
    assert_eq!(bytes.min(&[0, 1]).unwrap().to_vec::<u8>().unwrap(), [255]);
}

#[test]
fn variance_is_computed_around_the_mean() {
    // Far from 0, where Σx² − n·mean² would cancel to nothing in f32.
    let x = Tensor::from_vec(vec![4097.0f32, 4098.0, 4099.0, 4100.0], [2, 2]).unwrap();
    assert_eq!(x.var(&[], 1).unwrap().item().unwrap(), (5.0f32 / 3.0) as f64);
    assert_eq!(x.var(&[1], 0).unwrap().to_vec::<f32>().unwrap(), [0.25, 0.25]);
    assert_eq!(x.var_keep(&[0], 1).unwrap().to_vec::<f32>().unwrap(), [2.0, 2.0]);
    assert!(x.narrow(0, 0, 1).unwrap().var(&[0], 1).unwrap().to_vec::<f32>().unwrap()[0].is_nan());
}

#[test]
fn nan_wins_and_the_first_of_equals_is_found() {
    let x = Tensor::from_vec(vec![1.0f32, f32::NAN, 9.0, f32::NAN, 3.0, 3.0, 0.0, -1.0], [2, 4]).unwrap();
    let max = x.max(&[1]).unwrap().to_vec::<f32>().unwrap();
    assert!(max[0].is_nan() && max[1] == 3.0);
    assert_eq!(x.argmax(1).unwrap().to_vec::<i64>().unwrap(), [1, 0]);
    assert_eq!(x.argmin(-1).unwrap().to_vec::<i64>().unwrap(), [1, 3]);
    let min = x.min(&[0]).unwrap().to_vec::<f32>().unwrap();
    assert!(min[1].is_nan() && min[3].is_nan() && min[0] == 1.0 && min[2] == 0.0);
    let low = Tensor::from_vec(vec![f32::NEG_INFINITY; 200], [200]).unwrap();
    assert_eq!(low.argmax(0).unwrap().to_vec::<i64>().unwrap(), [0]);
    assert_eq!(low.max(&[]).unwrap().item().unwrap(), f64::NEG_INFINITY);
}

#[test]
fn truth_is_counted() {
    let x = Tensor::from_vec(vec![0.0f32, f32::NAN, 0.0, -0.0, 2.0, 1.0], [2, 3]).unwrap();
    assert_eq!(x.count_nonzero(&[1]).unwrap().to_vec::<i64>().unwrap(), [1, 2]);
    assert_eq!(x.any(&[0]).unwrap().to_vec::<bool>().unwrap(), [false, true, true]);
    assert_eq!(x.all_keep(&[0]).unwrap().to_vec::<bool>().unwrap(), [false, true, false]);
    let none = Tensor::zeros([0], DType::Bool).unwrap();
    assert_eq!((none.any(&[]).unwrap().item().unwrap(), none.all(&[]).unwrap().item().unwrap()), (0.0, 1.0));
}

#[test]
fn nothing_sums_to_zero_and_has_no_mean() {
    let x = Tensor::zeros([0, 3], DType::F32).unwrap();
    let zero = x.sum(&[0]).unwrap().to_vec::<f32>().unwrap();
    assert!(zero.len() == 3 && zero.iter().all(|z| z.to_bits() == 0));
    assert!(x.mean(&[0]).unwrap().to_vec::<f32>().unwrap().iter().all(|m| m.is_nan()));
    assert_eq!(x.sum(&[1]).unwrap().shape(), [0]);
    assert_eq!(x.max(&[1]).unwrap().shape(), [0]);
    assert_eq!(x.argmax(1).unwrap().shape(), [0]);
    assert_eq!(Tensor::scalar(2.5f32).sum(&[]).unwrap().item().unwrap(), 2.5);
}

#[test]
fn sum_to_undoes_broadcasting() {
    let x = Tensor::arange(24, DType::F32).unwrap().reshape([2, 3, 4]).unwrap();
    assert_eq!(x.sum_to([4]).unwrap().to_vec::<f32>().unwrap(), [60., 66., 72., 78.]);
    assert_eq!(x.sum_to([3, 1]).unwrap().to_vec::<f32>().unwrap(), [60., 92., 124.]);
    assert_eq!(x.sum_to([2, 1, 1]).unwrap().to_vec::<f32>().unwrap(), [66., 210.]);
    assert_eq!(x.sum_to([2, 3, 4]).unwrap().to_vec::<f32>().unwrap(), x.to_vec::<f32>().unwrap());
    assert_eq!(x.sum_to([]).unwrap().item().unwrap(), 276.0);
    assert_eq!(x.narrow(0, 0, 1).unwrap().sum_to([3, 4]).unwrap().shape(), [3, 4]);
    assert_eq!(
        x.sum_to([2, 4]).unwrap_err().to_string(),
        "[sum_to] the target shape must broadcast to the tensor's; got [2, 3, 4] and [2, 4]; \
         sum over axes by number with sum"
    );
}

#[test]
fn what_cannot_be_reduced_is_named() {
    let x = Tensor::zeros([0, 3], DType::F32).unwrap();
    assert_eq!(
        x.max(&[0]).unwrap_err().to_string(),
        "[max] an empty axis has no maximum; got [0, 3] over axis 0; leave the empty axis out or give it elements"
    );
    assert_eq!(
        x.min_keep(&[]).unwrap_err().to_string(),
        "[min_keep] an empty axis has no minimum; got [0, 3] over axes [0, 1]; \
         leave the empty axis out or give it elements"
    );
    assert_eq!(
        x.argmin(0).unwrap_err().to_string(),
        "[argmin] an empty axis has no minimum; got [0, 3] over axis 0; leave the empty axis out or give it elements"
    );
    assert_eq!(
        x.sum(&[2]).unwrap_err().to_string(),
        "[sum] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once"
    );
    assert_eq!(
        x.sum(&[1, -1]).unwrap_err().to_string(),
        "[sum] an axis may be named once; got axis -1 for rank 2; use each axis of -2..2 at most once"
    );
    assert_eq!(
        Tensor::arange(3, DType::I64).unwrap().mean(&[]).unwrap_err().to_string(),
        "[mean] the operand must be a float; got i64; convert with to_dtype first"
    );
    assert_eq!(
        Tensor::zeros([2], DType::Bool).unwrap().argmax(0).unwrap_err().to_string(),
        "[argmax] the operand must be a number; got bool; convert with to_dtype first"
    );
}
