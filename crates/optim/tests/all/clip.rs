//! Clipping by the global norm.

use crate::scalar;
use autodiff::{Gradients, LeafId};
use optim::{clip_grad_norm, grad_norm};
use tensor::{DType, Tensor};

fn gradients(values: &[&[f64]]) -> Gradients {
    let mut grads = Gradients::default();
    for x in values {
        grads.insert(LeafId::new(), Tensor::from_slice(x, [x.len()]).unwrap());
    }
    grads
}

fn values(grads: &Gradients) -> Vec<f64> {
    grads.iter().flat_map(|(_, grad)| grad.to_vec::<f64>().unwrap()).collect()
}

#[test]
fn gradients_longer_than_allowed_are_scaled_to_the_allowed_length_all_alike() {
    let mut grads = gradients(&[&[3.0, 0.0], &[0.0, -4.0, 12.0]]);
    assert_eq!(grad_norm(&grads).unwrap(), 13.0);
    assert_eq!(clip_grad_norm(&mut grads, 6.5).unwrap(), 13.0, "the norm as it was");
    assert_eq!(values(&grads), [1.5, 0.0, 0.0, -2.0, 6.0]);
    assert_eq!(grad_norm(&grads).unwrap(), 6.5);
}

#[test]
fn gradients_that_are_short_enough_keep_their_bits() {
    for max_norm in [13.0, 1e9] {
        let mut grads = gradients(&[&[3.0, 0.0], &[0.0, -4.0, 12.0]]);
        assert_eq!(clip_grad_norm(&mut grads, max_norm).unwrap(), 13.0);
        assert_eq!(values(&grads), [3.0, 0.0, 0.0, -4.0, 12.0]);
    }
    assert_eq!(clip_grad_norm(&mut Gradients::default(), 1.0).unwrap(), 0.0);
}

#[test]
fn single_precision_is_summed_in_doubles() {
    // 1e30² overflows a single.
    let mut grads = Gradients::default();
    let id = scalar(0.0).id();
    grads.insert(id, Tensor::full([4], 1e30, DType::F32).unwrap());
    assert!(
        (clip_grad_norm(&mut grads, 1.0).unwrap() / 2e30 - 1.0).abs() < 1e-7,
        "1e30 is rounded to a single"
    );
    assert_eq!(grads.get(id).unwrap().to_vec::<f32>().unwrap(), [0.5; 4]);
}

#[test]
fn gradients_that_are_not_finite_are_refused_and_stay() {
    for (bad, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "inf")] {
        let mut grads = gradients(&[&[3.0, bad], &[4.0]]);
        assert_eq!(
            clip_grad_norm(&mut grads, 1.0).unwrap_err().to_string(),
            format!(
                "[clip_grad_norm] gradients must be finite; got norm {shown}; \
                 skip the step, lower the learning rate or look at the data"
            )
        );
        assert_eq!(values(&grads)[0], 3.0);
    }
}

#[test]
fn a_largest_norm_that_is_none_is_refused() {
    for (max_norm, shown) in [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        assert_eq!(
            clip_grad_norm(&mut gradients(&[&[1.0]]), max_norm).unwrap_err().to_string(),
            format!(
                "[clip_grad_norm] the largest norm must be finite and positive; got {shown}; use 1.0 or the like"
            )
        );
    }
}
