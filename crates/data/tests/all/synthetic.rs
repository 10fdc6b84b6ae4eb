use crate::message;
use data::{
    ClassificationSet, Dataset, RegressionSet, Source, adding_task, blobs, circles, copy_task, friedman1,
    friedman2, friedman3, make_classification, make_regression, moons, sort_task, spirals,
};

fn numbers(data: &Dataset) -> (Vec<f64>, Vec<f64>) {
    let doubles = |x: &tensor::Tensor| x.to_dtype(tensor::DType::F64).unwrap().to_vec::<f64>().unwrap();
    (doubles(data.features()), doubles(data.targets()))
}

/// Features are rounded to F32 once, and targets by themselves: the answer of a rounded row is off by that much.
fn assert_answers(data: &Dataset, d: usize, tolerance: f64, answer: impl Fn(&[f64]) -> f64) {
    let (x, y) = numbers(data);
    for (x, y) in x.chunks_exact(d).zip(y) {
        assert!((answer(x) - y).abs() <= tolerance, "{x:?} {y} {}", answer(x));
    }
}

#[test]
fn a_set_is_a_function_of_its_seed() {
    let sets = |seed| {
        vec![
            moons(20, 0.1, seed),
            circles(20, 0.5, 0.1, seed),
            blobs(20, 3, 4, 1.0, seed),
            spirals(20, 3, 1.5, 0.1, seed),
            friedman1(20, 6, 1.0, seed),
            friedman2(20, 1.0, seed),
            friedman3(20, 0.1, seed),
            make_regression(RegressionSet { noise: 1.0, ..Default::default() }, seed).map(|(data, _)| data),
            make_classification(ClassificationSet::default(), seed),
            adding_task(20, 7, seed),
        ]
    };
    for ((a, b), other) in sets(1).into_iter().zip(sets(1)).zip(sets(2)) {
        let (a, b, other) = (a.unwrap(), b.unwrap(), other.unwrap());
        assert!(a.features().bit_eq(b.features()) && a.targets().bit_eq(b.targets()));
        assert!(!a.features().bit_eq(other.features()));
    }
    for task in [copy_task, sort_task] {
        let features = |seed| task(9, 5, 4, seed).unwrap().features;
        assert!(features(1).bit_eq(&features(1)) && !features(1).bit_eq(&features(2)));
    }
}

#[test]
fn shapes_without_noise_lie_on_their_curves() {
    let (x, y) = numbers(&moons(31, 0.0, 0).unwrap());
    assert_eq!(y.iter().filter(|&&y| y == 0.0).count(), 15);
    for (p, y) in x.chunks_exact(2).zip(&y) {
        let (dx, dy) = if *y == 0.0 { (p[0], p[1]) } else { (p[0] - 1.0, p[1] - 0.5) };
        // Two coordinates rounded to F32.
        assert!((dx * dx + dy * dy - 1.0).abs() < 1e-6);
        assert!(if *y == 0.0 { p[1] >= -1e-7 } else { p[1] <= 0.5 + 1e-7 });
    }
    let (x, y) = numbers(&circles(30, 0.25, 0.0, 0).unwrap());
    for (p, y) in x.chunks_exact(2).zip(&y) {
        assert!((libm::hypot(p[0], p[1]) - if *y == 0.0 { 1.0 } else { 0.25 }).abs() < 1e-6);
    }
    // Turned back by its radius, an arm is a ray.
    let (x, y) = numbers(&spirals(31, 3, 2.0, 0.0, 0).unwrap());
    for (p, y) in x.chunks_exact(2).zip(&y) {
        let r = libm::hypot(p[0], p[1]);
        let turn = libm::atan2(p[1], p[0]) / std::f64::consts::TAU - 2.0 * r - y / 3.0;
        assert!((turn - turn.round()).abs() < 1e-5, "{turn}");
    }
}

#[test]
fn rows_of_a_blob_spread_around_its_centre() {
    let data = blobs(4000, 2, 2, 0.5, 3).unwrap();
    let (x, y) = numbers(&data);
    for class in [0.0, 1.0] {
        for j in 0..2 {
            let rows: Vec<f64> =
                x.chunks_exact(2).zip(&y).filter(|(_, y)| **y == class).map(|(x, _)| x[j]).collect();
            let mean = rows.iter().sum::<f64>() / 2000.0;
            let var = rows.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 2000.0;
            // Six deviations of a sample variance: 6 · 0.25 · √(2/2000) = 0.047.
            assert!((var - 0.25).abs() < 0.05 && mean.abs() < 10.1, "{var}");
        }
    }
}

#[test]
fn friedmans_targets_are_friedmans_formulas() {
    use std::f64::consts::PI;
    // Slopes up to 10π and values up to 30, ulp 2⁻²⁴: 5 · 32 · 2⁻²⁴.
    assert_answers(&friedman1(200, 7, 0.0, 1).unwrap(), 7, 1e-5, |x| {
        10.0 * (PI * x[0] * x[1]).sin() + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4]
    });
    // Values up to 1,760.
    let product = |x: &[f64]| x[1] * x[2] - 1.0 / (x[1] * x[3]);
    assert_answers(&friedman2(200, 0.0, 1).unwrap(), 4, 5e-4, |x| (x[0] * x[0] + product(x).powi(2)).sqrt());
    assert_answers(&friedman3(200, 0.0, 1).unwrap(), 4, 1e-6, |x| (product(x) / x[0]).atan());
    let (x, _) = numbers(&friedman2(500, 0.0, 9).unwrap());
    for (j, (low, high)) in
        [(0.0, 100.0), (40.0 * PI, 560.0 * PI), (0.0, 1.0), (1.0, 11.0)].into_iter().enumerate()
    {
        let column = || x.iter().skip(j).step_by(4).copied();
        assert!(column().all(|x| low <= x && x <= high));
        let width = column().fold(f64::MIN, f64::max) - column().fold(f64::MAX, f64::min);
        assert!(width > 0.9 * (high - low));
    }
}

#[test]
fn a_regression_has_the_weights_it_says() {
    let set = RegressionSet { n: 50, d: 4, informative: 2, bias: -3.0, noise: 0.0 };
    let (data, weight) = make_regression(set, 2).unwrap();
    assert!(weight[..2].iter().all(|w| (0.0..100.0).contains(w)) && weight[2..] == [0.0, 0.0]);
    // Values up to 500, rounded to F32.
    assert_answers(&data, 4, 1e-4, |x| weight[0] * x[0] + weight[1] * x[1] - 3.0);
}

#[test]
fn classes_at_corners_come_apart_far_out_and_labels_flip_as_often_as_asked() {
    let set = ClassificationSet { n: 400, classes: 4, separation: 20.0, ..Default::default() };
    let (x, y) = numbers(&make_classification(set, 1).unwrap());
    let mut corners = std::collections::BTreeMap::new();
    for (x, y) in x.chunks_exact(10).zip(&y) {
        let corner = (x[0] > 0.0, x[1] > 0.0);
        assert!(x[..2].iter().all(|x| (x.abs() - 20.0).abs() < 6.0) && x[2..].iter().all(|x| x.abs() < 6.0));
        assert_eq!(*corners.entry(corner).or_insert(*y), *y);
    }
    assert_eq!(corners.len(), 4);
    let set = ClassificationSet { n: 10_000, flip: 0.3, ..Default::default() };
    let (_, y) = numbers(&make_classification(set, 1).unwrap());
    let wrong = y.iter().enumerate().filter(|(i, y)| (i % 2) as f64 != **y).count() as f64;
    // Half of the labels drawn anew are right: 15 %, five deviations of 36.
    assert!((wrong - 1500.0).abs() < 180.0, "{wrong}");
}

#[test]
fn tasks_over_sequences_have_the_answers_they_say() {
    let task = copy_task(6, 4, 3, 1).unwrap();
    assert_eq!((task.features.shape(), task.vocab, task.len()), (&[6, 9][..], 5, 6));
    let (x, y) = (task.features.to_vec::<i64>().unwrap(), task.targets.to_vec::<i64>().unwrap());
    for (x, y) in x.chunks_exact(9).zip(y.chunks_exact(9)) {
        assert_eq!((&x[..4], &x[4..]), (&y[5..], &[1, 0, 0, 0, 0][..]));
        assert!(x[..4].iter().all(|s| (2..5).contains(s)) && y[..5] == [0; 5]);
    }
    let task = sort_task(6, 8, 3, 1).unwrap();
    let batch = task.batch(&[4, 1]).unwrap();
    let (x, y) = (batch.features.to_vec::<i64>().unwrap(), batch.targets.to_vec::<i64>().unwrap());
    for (x, y) in x.chunks_exact(8).zip(y.chunks_exact(8)) {
        let mut sorted = x.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, y);
    }
    let (x, y) = numbers(&adding_task(40, 7, 2).unwrap());
    for (x, y) in x.chunks_exact(14).zip(y) {
        let sum: f64 = x.chunks_exact(2).map(|step| step[0] * step[1]).sum();
        assert!((sum - y).abs() < 1e-6);
        let marks: Vec<f64> = x.chunks_exact(2).map(|step| step[1]).collect();
        assert_eq!((marks[..3].iter().sum::<f64>(), marks[3..].iter().sum::<f64>()), (1.0, 1.0));
    }
}

#[test]
fn sets_that_cannot_be_are_refused() {
    assert_eq!(message(moons(0, 0.1, 0)), "[moons] sizes must be 1 or more; got n 0; use at least 1");
    assert_eq!(
        message(circles(5, f64::NAN, 0.0, 0)),
        "[circles] noise and the like must be finite numbers of 0 or more; got factor NaN; use 0.1 or the like"
    );
    assert_eq!(
        message(friedman1(5, 4, 0.0, 0)),
        "[friedman1] there must be five features; got d 4; use d >= 5"
    );
    assert_eq!(
        message(make_regression(RegressionSet { informative: 11, ..Default::default() }, 0)),
        "[make_regression] some of the features must be informative; got 11 informative features of 10; use 1 to d"
    );
    assert_eq!(
        message(make_classification(ClassificationSet { classes: 5, ..Default::default() }, 0)),
        "[make_classification] every class must have a corner; got 5 classes for 2 informative features; \
         use more informative features"
    );
    assert_eq!(
        message(make_classification(ClassificationSet { flip: 1.5, ..Default::default() }, 0)),
        "[make_classification] a chance must lie in 0..=1; got flip 1.5; use 0.01 or the like"
    );
    assert_eq!(
        message(sort_task(3, 1, 2, 0).unwrap().batch(&[3])),
        "[sequences] a row must lie in 0..3; got 3 at position 0; check the indices or the data they were made for"
    );
    assert_eq!(
        message(adding_task(3, 1, 0)),
        "[adding_task] sizes must be 1 or more; got len / 2 0; use at least 1"
    );
    // One row is enough.
    for data in
        [moons(1, 0.0, 0), circles(1, 0.5, 0.0, 0), spirals(1, 3, 1.0, 0.0, 0), blobs(1, 1, 3, 0.0, 0)]
    {
        assert_eq!(data.unwrap().len(), 1);
    }
}
