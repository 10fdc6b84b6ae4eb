//! Softmax and cross-entropy against oracles in doubles, and the laws that frameworks forget.

use proptest::prelude::*;
use tensor::fused::{CrossEntropyConfig, cross_entropy, cross_entropy_grad};
use tensor::{DType, Tensor};

fn noise(n: usize, seed: u64, scale: f64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 11) as f64 / (1u64 << 52) as f64 - 1.0) * scale
        })
        .collect()
}

fn softmax_of(row: &[f64]) -> Vec<f64> {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = row.iter().map(|x| (x - max).exp()).sum();
    row.iter().map(|x| (x - max).exp() / sum).collect()
}

/// Applies `f` to every row of `x` along `axis`, by index arithmetic.
fn by_rows(shape: &[usize], axis: usize, x: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let step: usize = shape[axis + 1..].iter().product();
    let len = shape[axis];
    let mut out = x.to_vec();
    for start in (0..x.len()).filter(|i| (i / step).is_multiple_of(len)) {
        let row: Vec<f64> = (0..len).map(|k| x[start + k * step]).collect();
        f(&row).into_iter().enumerate().for_each(|(k, y)| out[start + k * step] = y);
    }
    out
}

/// Both within `tol`, relative to 1 or to the larger expected value.
fn assert_near(got: &[f64], expected: &[f64], tol: f64) {
    assert_eq!(got.len(), expected.len());
    for (g, e) in got.iter().zip(expected) {
        assert!((g - e).abs() <= tol * e.abs().max(1.0), "{g} against {e}");
    }
}

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().to_vec().unwrap()
}

proptest! {
    #[test]
    fn softmax_and_its_kin_agree_with_the_formulas_along_any_axis(
        shape in prop::collection::vec(1usize..40, 1..4), axis in 0usize..3, seed: u64, turned: bool,
    ) {
        let axis = axis % shape.len();
        let n: usize = shape.iter().product();
        let (data, g) = (noise(n, seed, 20.0), noise(n, !seed, 1.0));
        let mut x = Tensor::from_vec(data, &shape).unwrap();
        if turned {
            // The same shape, but not contiguous.
            x = x.transpose(0, -1).unwrap().copied().unwrap().transpose(0, -1).unwrap();
        }
        let data = x.to_vec::<f64>().unwrap();
        let g = Tensor::from_vec(g, &shape).unwrap();
        // A few roundings for each of at most 40 terms.
        let tol = 64.0 * f64::EPSILON;
        let axis_arg = axis as isize - shape.len() as isize;
        let y = x.softmax(axis_arg).unwrap();
        assert_near(&f64s(&y), &by_rows(&shape, axis, &data, softmax_of), tol);
        let log = x.log_softmax(axis_arg).unwrap();
        let log_of = |row: &[f64]| softmax_of(row).into_iter().map(f64::ln).collect();
        assert_near(&f64s(&log), &by_rows(&shape, axis, &data, log_of), tol);
        let lse = f64s(&x.sub(&log).unwrap().max(&[axis_arg]).unwrap());
        assert_near(&f64s(&x.logsumexp(axis_arg).unwrap()), &lse, tol);
        // The gradients, composed of plain tensor functions.
        let dot = g.mul(&y).unwrap().sum_keep(&[axis_arg]).unwrap();
        let expected = y.mul(&g.sub(&dot).unwrap()).unwrap();
        assert_near(&f64s(&y.softmax_grad(&g, axis_arg).unwrap()), &f64s(&expected), tol);
        let expected = g.sub(&y.mul(&g.sum_keep(&[axis_arg]).unwrap()).unwrap()).unwrap();
        assert_near(&f64s(&log.log_softmax_grad(&g, axis_arg).unwrap()), &f64s(&expected), tol);
    }
}

#[test]
fn long_rows_sum_to_one_and_do_not_overflow() {
    let x = Tensor::from_vec(noise(3 * 5000, 5, 1000.0), [3, 5000]).unwrap();
    for x in [x.to_dtype(DType::F32).unwrap(), x] {
        let y = x.softmax(1).unwrap();
        // Each of 5000 terms and their sum rounded.
        let tol = 2.0 * if x.dtype() == DType::F32 { f32::EPSILON as f64 } else { f64::EPSILON };
        assert_near(&f64s(&y.to_dtype(DType::F64).unwrap().sum(&[1]).unwrap()), &[1.0; 3], 16.0 * tol);
        assert_near(&f64s(&y), &by_rows(&[3, 5000], 1, &f64s(&x), softmax_of), 512.0 * tol);
    }
}

#[test]
fn a_row_alone_has_the_bits_it_has_in_a_batch() {
    let x = Tensor::from_vec(noise(64 * 77, 9, 5.0), [64, 77]).unwrap().to_dtype(DType::F32).unwrap();
    let all = x.softmax(1).unwrap();
    for row in [0, 1, 31, 63] {
        let alone = x.narrow(0, row, 1).unwrap().softmax(1).unwrap().to_vec::<f32>().unwrap();
        assert_eq!(alone, all.narrow(0, row, 1).unwrap().to_vec::<f32>().unwrap());
    }
}

#[test]
fn infinities_and_nan_do_what_they_must() {
    const INF: f32 = f32::INFINITY;
    let rows = [[-INF, -INF], [INF, 0.0], [f32::NAN, 0.0], [-INF, 3.0]];
    let x = Tensor::from_vec(rows.concat(), [4, 2]).unwrap();
    for y in [x.softmax(1).unwrap(), x.log_softmax(1).unwrap()] {
        assert!(y.narrow(0, 0, 3).unwrap().to_vec::<f32>().unwrap().iter().all(|y| y.is_nan()));
    }
    assert_eq!(x.softmax(1).unwrap().to_vec::<f32>().unwrap()[6..], [0.0, 1.0]);
    assert_eq!(x.log_softmax(1).unwrap().to_vec::<f32>().unwrap()[6..], [-INF, 0.0]);
    let lse = x.logsumexp(1).unwrap().to_vec::<f32>().unwrap();
    assert!(lse[0] == -INF && lse[1] == INF && lse[2].is_nan() && lse[3] == 3.0);
    let empty = Tensor::zeros([2, 0], DType::F32).unwrap();
    assert_eq!(empty.softmax(1).unwrap().shape(), [2, 0]);
    assert_eq!(empty.logsumexp(-1).unwrap().to_vec::<f32>().unwrap(), [-INF; 2]);
    assert_eq!(empty.log_softmax(0).unwrap().shape(), [2, 0]);
}

#[test]
fn what_has_no_softmax_is_named() {
    let x = Tensor::arange(4, DType::I64).unwrap();
    assert_eq!(
        x.softmax(0).unwrap_err().to_string(),
        "[softmax] the operand must be a float; got i64; convert with to_dtype first"
    );
    let y = Tensor::zeros([2, 3], DType::F32).unwrap();
    assert_eq!(
        y.log_softmax(2).unwrap_err().to_string(),
        "[log_softmax] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once"
    );
    assert_eq!(
        y.softmax_grad(&Tensor::zeros([3], DType::F32).unwrap(), 1).unwrap_err().to_string(),
        "[softmax_grad] the gradient must have the result's shape; got [2, 3] and [3]; expand the gradient"
    );
}

/// Cross-entropy by its definition: (losses, weights) of rows of `classes`.
fn by_definition(x: &[f64], t: &[Vec<f64>], w: &[f64], eps: f64, hard: bool) -> (Vec<f64>, Vec<f64>) {
    let classes = w.len();
    let (mut losses, mut weights) = (vec![], vec![]);
    for (row, t) in x.chunks(classes).zip(t) {
        let p = softmax_of(row);
        let smooth = |c: usize| t[c] * (1.0 - eps) + eps / classes as f64;
        let ignored = t.iter().all(|&t| t == 0.0);
        losses.push(if ignored {
            0.0
        } else {
            -(0..classes).map(|c| w[c] * smooth(c) * p[c].ln()).sum::<f64>()
        });
        weights.push(match hard {
            true => (0..classes).map(|c| w[c] * t[c]).sum(),
            false => 1.0,
        });
    }
    (losses, weights)
}

proptest! {
    #[test]
    fn cross_entropy_is_its_definition_and_its_gradient_the_slope(
        n in 1usize..6, classes in 1usize..40, seed: u64, weighted: bool, smoothed: bool, soft: bool, ignores: bool,
    ) {
        let x = noise(n * classes, seed, 3.0);
        let w: Vec<f64> = noise(classes, !seed, 0.5).iter().map(|w| if weighted { w + 1.0 } else { 1.0 }).collect();
        let eps = if smoothed { 0.1 } else { 0.0 };
        let labels: Vec<i64> = (0..n as i64)
            .map(|i| if ignores && !soft && i == 0 { -100 } else { (seed as i64 & 0xff) * (i + 1) % classes as i64 })
            .collect();
        let targets: Vec<Vec<f64>> = match soft {
            true => (0..n).map(|i| softmax_of(&noise(classes, seed ^ i as u64, 2.0))).collect(),
            false => labels.iter().map(|&l| (0..classes as i64).map(|c| (c == l) as u8 as f64).collect()).collect(),
        };
        let target = match soft {
            true => Tensor::from_vec(targets.concat(), [n, classes]).unwrap(),
            false => Tensor::from_vec(labels, [n]).unwrap(),
        };
        let weight = Tensor::from_vec(w.clone(), [classes]).unwrap();
        let config = CrossEntropyConfig {
            weight: weighted.then_some(&weight),
            ignore_index: (!soft).then_some(-100),
            label_smoothing: eps,
        };
        let logits = Tensor::from_vec(x.clone(), [n, classes]).unwrap();
        let out = cross_entropy(&logits, &target, &config).unwrap();
        let (losses, weights) = by_definition(&x, &targets, &w, eps, !soft);
        // Some tens of roundings on values of order 10.
        assert_near(&f64s(&out.losses), &losses, 1e-13);
        assert_near(&f64s(&out.weights), &weights, 1e-15);

        let g = noise(n, seed / 3, 1.0);
        let dx = cross_entropy_grad(&logits, &target, &config, &out.stats, &Tensor::from_vec(g.clone(), [n]).unwrap());
        let dx = f64s(&dx.unwrap());
        for i in [0, n * classes / 2, n * classes - 1] {
            // Central differences: the error is of order h² and ε/h.
            let h = 1e-5;
            let at = |d: f64| {
                let mut x = x.clone();
                x[i] += d;
                by_definition(&x, &targets, &w, eps, !soft).0.iter().zip(&g).map(|(l, g)| l * g).sum::<f64>()
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            prop_assert!((slope - dx[i]).abs() < 1e-8, "{} against {}", dx[i], slope);
        }
        let one = cross_entropy_grad(&logits, &target, &config, &out.stats, &Tensor::scalar(1.0f64)).unwrap();
        let ones = cross_entropy_grad(&logits, &target, &config, &out.stats, &Tensor::ones([n], DType::F64).unwrap());
        prop_assert_eq!(f64s(&one), f64s(&ones.unwrap()));
    }
}

#[test]
fn a_sure_prediction_loses_little_and_a_wrong_one_its_margin() {
    let logits = Tensor::from_vec(vec![100.0f32, 0.0, 0.0, 100.0], [2, 2]).unwrap();
    let labels = Tensor::from_vec(vec![0i64, 0], [2]).unwrap();
    let out = cross_entropy(&logits, &labels, &CrossEntropyConfig::default()).unwrap();
    assert_eq!(out.losses.to_vec::<f32>().unwrap(), [0.0, 100.0]);
    let dx = cross_entropy_grad(&logits, &labels, &Default::default(), &out.stats, &Tensor::scalar(0.5f32))
        .unwrap();
    let dx = dx.to_vec::<f32>().unwrap();
    assert_eq!(dx[2..], [-0.5, 0.5]);
    assert!(dx[0] == 0.0 && dx[1] < 1e-40);
}

#[test]
fn batches_without_rows_have_no_losses() {
    let logits = Tensor::zeros([0, 3], DType::F32).unwrap();
    let labels = Tensor::zeros([0], DType::I64).unwrap();
    let out = cross_entropy(&logits, &labels, &Default::default()).unwrap();
    assert_eq!((out.losses.shape(), out.weights.shape()), (&[0][..], &[0][..]));
    let g = Tensor::scalar(1.0f32);
    assert_eq!(
        cross_entropy_grad(&logits, &labels, &Default::default(), &out.stats, &g).unwrap().shape(),
        [0, 3]
    );
}

#[test]
fn bad_targets_are_named() {
    let logits = Tensor::zeros([3, 2], DType::F32).unwrap();
    let text = |target: &Tensor, config: &CrossEntropyConfig| {
        cross_entropy(&logits, target, config).err().map(|e| e.to_string()).unwrap_or_default()
    };
    let labels = |labels: Vec<i64>| Tensor::from_slice(&labels, [labels.len()]).unwrap();
    let plain = CrossEntropyConfig::default();
    assert_eq!(
        text(&labels(vec![0, 1, 2]), &plain),
        "[cross_entropy] a label must name one of the classes, counted from 0; got label 2 in row 2, with 2 classes; \
         correct the label, or pass the value of rows to be skipped as ignore_index"
    );
    assert!(text(&labels(vec![0, -1, 0]), &plain).contains("label -1 in row 1"));
    assert_eq!(text(&labels(vec![0, -1, 0]), &CrossEntropyConfig { ignore_index: Some(-1), ..plain }), "");
    assert_eq!(
        text(&labels(vec![0, 1]), &plain),
        "[cross_entropy] there must be one label for each row of logits; got [3, 2] and [2]; reshape the labels"
    );
    let soft = Tensor::zeros([3, 2], DType::F32).unwrap();
    assert_eq!(
        text(&soft, &CrossEntropyConfig { ignore_index: Some(0), ..plain }),
        "[cross_entropy] ignore_index needs labels, and soft targets have none; got ignore_index with targets of f32; \
         leave ignore_index out, or give the targets as labels of i64"
    );
    assert_eq!(
        text(&labels(vec![0, 1, 0]), &CrossEntropyConfig { weight: Some(&soft), ..plain }),
        "[cross_entropy] there must be one weight for each class; got [3, 2] and [3, 2]; correct the weights"
    );
    assert_eq!(
        text(&labels(vec![0, 1, 0]), &CrossEntropyConfig { label_smoothing: 1.5, ..plain }),
        "[cross_entropy] label_smoothing must lie in 0..=1; got 1.5; use a small share such as 0.1"
    );
    assert_eq!(
        text(&Tensor::zeros([3, 2], DType::F64).unwrap(), &plain),
        "[cross_entropy] operands must have one dtype; got f32 and f64; convert one with to_dtype"
    );
    let flat = Tensor::zeros([6], DType::F32).unwrap();
    assert_eq!(
        cross_entropy(&flat, &labels(vec![0]), &plain).err().unwrap().to_string(),
        "[cross_entropy] logits must have the shape (rows, classes); got [6] and [1]; reshape the logits"
    );
}
