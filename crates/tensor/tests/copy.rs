//! Copies between layouts: every view copied is what indexing says.

use proptest::prelude::*;
use tensor::{DType, Element, SimdLevel, Tensor, limit_simd_level, set_threads};

/// The elements of a permuted tensor, by index arithmetic.
fn permuted<T: Element>(x: &[T], shape: &[usize], order: &[usize]) -> Vec<T> {
    let mut steps = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        steps[i - 1] = steps[i] * shape[i];
    }
    let dims: Vec<usize> = order.iter().map(|&i| shape[i]).collect();
    (0..x.len())
        .map(|position| {
            let (mut rest, mut at) = (position, 0);
            for k in (0..dims.len()).rev() {
                at += rest % dims[k] * steps[order[k]];
                rest /= dims[k];
            }
            x[at]
        })
        .collect()
}

fn check<T: Element>(shape: &[usize], order: &[usize]) {
    let n: usize = shape.iter().product();
    let x: Vec<T> = (0..n).map(|i| T::from_i64((i % 251) as i64)).collect();
    let axes: Vec<isize> = order.iter().map(|&i| i as isize).collect();
    let view = Tensor::from_slice(&x, shape).unwrap().permute(&axes).unwrap();
    assert_eq!(
        view.contiguous().unwrap().as_slice::<T>().unwrap(),
        permuted(&x, shape, order),
        "{shape:?} {order:?}"
    );
}

proptest! {
    #[test]
    fn permuted_tensors_are_copied_element_by_element(
        (shape, order) in prop::collection::vec(1usize..9, 1..5)
            .prop_flat_map(|shape| { let n = shape.len(); (Just(shape), Just((0..n).collect::<Vec<_>>()).prop_shuffle()) })
    ) {
        check::<f32>(&shape, &order);
        check::<u8>(&shape, &order);
    }
}

#[test]
fn planes_are_turned_whatever_their_edges_and_dtypes() {
    let levels = [SimdLevel::Avx512, SimdLevel::Avx2, SimdLevel::Baseline];
    for (threads, level) in [1, 3].into_iter().flat_map(|t| levels.map(|l| (t, l))) {
        set_threads(threads);
        limit_simd_level(level);
        for (rows, columns) in [(64, 64), (65, 63), (1, 200), (200, 3), (1100, 130), (4, 4), (31, 1500)] {
            check::<f32>(&[rows, columns], &[1, 0]);
            check::<f64>(&[rows, columns], &[1, 0]);
            check::<i64>(&[rows, columns], &[1, 0]);
            check::<u8>(&[rows, columns], &[1, 0]);
            check::<bool>(&[rows, columns], &[1, 0]);
        }
        for order in [[0, 2, 3, 1], [3, 2, 1, 0], [2, 0, 3, 1], [0, 3, 1, 2], [1, 0, 3, 2]] {
            check::<f32>(&[3, 70, 5, 67], &order);
        }
    }
    set_threads(2);
    limit_simd_level(SimdLevel::Avx512);
}

#[test]
fn flipped_stepped_and_repeated_tensors_are_copied() {
    let x = Tensor::arange(12, DType::I64).unwrap().reshape([3, 4]).unwrap();
    let rows = x.expand([2, 3, 4]).unwrap().permute([2, 0, 1]).unwrap().contiguous().unwrap();
    assert_eq!(rows.to_vec::<i64>().unwrap()[..6], [0, 4, 8, 0, 4, 8]);
    let flipped = x.flip(1).unwrap().contiguous().unwrap().to_vec::<i64>().unwrap();
    assert_eq!(flipped[..4], [3, 2, 1, 0]);
    let turned = x.flip(0).unwrap().t().unwrap().contiguous().unwrap().to_vec::<i64>().unwrap();
    assert_eq!(turned[..3], [8, 4, 0]);
}
