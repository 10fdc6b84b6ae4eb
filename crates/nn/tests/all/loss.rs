//! Losses as functions: means, with targets that are tensors or variables. Their values are `autodiff`'s to prove.

use autodiff::{Reduction, Var};
use nn::loss::{CrossEntropy, bce_with_logits, cross_entropy, huber_loss, l1_loss, mse_loss};
use tensor::{DType, Tensor};

fn matrix(values: [f64; 6]) -> Tensor {
    Tensor::from_slice(&values, [2, 3]).unwrap()
}

fn sample() -> (Var, Tensor) {
    (matrix([0.5, -1.0, 3.0, 0.0, 2.0, -4.0]).into(), matrix([0.0, 1.0, 0.5, 1.0, 0.25, 0.0]))
}

#[test]
fn each_is_the_mean_of_its_elements() {
    let (x, t) = sample();
    let target = Var::from(&t);
    let pairs = [
        (mse_loss(&x, &t).unwrap(), x.mse_loss(&target, Reduction::Sum).unwrap()),
        (l1_loss(&x, &t).unwrap(), x.l1_loss(&target, Reduction::Sum).unwrap()),
        (huber_loss(&x, &t, 0.7).unwrap(), x.huber_loss(&target, 0.7, Reduction::Sum).unwrap()),
        (bce_with_logits(&x, &t).unwrap(), x.bce_with_logits(&target, None, Reduction::Sum).unwrap()),
    ];
    for (i, (mean, sum)) in pairs.iter().enumerate() {
        // Six terms of order 10, each rounded.
        assert!((6.0 * mean.item().unwrap() - sum.item().unwrap()).abs() < 1e-14 * 6.0, "loss {i}");
    }
}

#[test]
fn cross_entropy_takes_labels_and_probabilities() {
    let (x, _) = sample();
    let labels = Tensor::from_slice(&[2i64, 1], [2]).unwrap();
    let one_hot = labels.one_hot(3, DType::F64).unwrap();
    let (by_label, by_target) = (cross_entropy(&x, &labels).unwrap(), cross_entropy(&x, one_hot).unwrap());
    assert!((by_label.item().unwrap() - by_target.item().unwrap()).abs() < 1e-15);
    assert_eq!(
        by_label.item().unwrap(),
        x.cross_entropy(&labels, &CrossEntropy::default()).unwrap().item().unwrap()
    );
}

#[test]
fn gradients_flow_to_the_prediction_and_to_a_target_that_is_a_variable() {
    let (x, t) = sample();
    let (x, t) = (Var::variable(x.into_value()), Var::variable(t));
    let grads = mse_loss(&x, &t).unwrap().backward().unwrap();
    let (dx, dt) = (grads.of(&x).unwrap(), grads.of(&t).unwrap());
    assert!(dx.bit_eq(&dt.neg().unwrap()));
}

#[test]
fn predictions_and_targets_that_do_not_fit_are_refused() {
    let (x, _) = sample();
    let t = Tensor::zeros([2], DType::F64).unwrap();
    let text = |result: nn::Result<Var>| result.unwrap_err().to_string();
    for (op, result) in [
        ("mse_loss", mse_loss(&x, &t)),
        ("l1_loss", l1_loss(&x, &t)),
        ("huber_loss", huber_loss(&x, &t, 1.0)),
        ("bce_with_logits", bce_with_logits(&x, &t)),
    ] {
        assert_eq!(
            text(result),
            format!(
                "[{op}] prediction and target must have one shape; got [2, 3] and [2]; reshape one of them"
            )
        );
    }
    assert_eq!(
        text(cross_entropy(&x, Tensor::from_slice(&[0i64, 3], [2]).unwrap())),
        "[cross_entropy] a label must name one of the classes, counted from 0; got label 3 in row 1, with 3 classes; \
         correct the label, or pass the value of rows to be skipped as ignore_index"
    );
}
