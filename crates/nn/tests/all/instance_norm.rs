//! Instance normalisation: against sums written out, and what its running statistics become.

use crate::normal;
use autodiff::Var;
use nn::check::gradcheck_module;
use nn::{Context, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, InstanceNormConfig, Layer, Module};
use tensor::{DType, Rng, Tensor};

fn doubles() -> InstanceNormConfig {
    InstanceNormConfig { dtype: DType::F64, ..InstanceNormConfig::default() }
}

fn tracked() -> InstanceNormConfig {
    InstanceNormConfig { affine: true, track_running_stats: true, momentum: 0.25, ..doubles() }
}

#[test]
fn each_channel_of_each_image_is_normalised_alone() {
    let x = normal([3, 2, 4, 5], 1);
    let norm = InstanceNorm2d::with_config(2, &doubles()).unwrap();
    for cx in [&mut Context::eval(), &mut Context::train(&mut Rng::seed(0))] {
        let y = norm.forward(&x.clone().into(), cx).unwrap().value().to_vec::<f64>().unwrap();
        for (x, y) in x.to_vec::<f64>().unwrap().chunks(20).zip(y.chunks(20)) {
            let mean = x.iter().sum::<f64>() / 20.0;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20.0;
            for (x, y) in x.iter().zip(y) {
                assert!((y - (x - mean) / (variance + 1e-5).sqrt()).abs() < 1e-14);
            }
        }
    }
    assert_eq!(norm.state_dict().len(), 0);
    assert_eq!(norm.kind(), "InstanceNorm2d(2)");
}

#[test]
fn an_image_alone_has_the_bits_that_it_has_in_a_batch() {
    let x = normal([4, 2, 33], 2);
    let norm = InstanceNorm1d::with_config(2, &doubles()).unwrap();
    let of = |x: Tensor| norm.forward(&x.into(), &mut Context::eval()).unwrap().into_value();
    let all = of(x.clone());
    for i in 0..4 {
        assert!(of(x.narrow(0, i, 1).unwrap()).bit_eq(&all.narrow(0, i, 1).unwrap()));
    }
}

#[test]
fn gradients_are_those_of_differences() {
    let config = InstanceNormConfig { affine: true, ..doubles() };
    let norm = InstanceNorm3d::with_config(2, &config).unwrap();
    let x = normal([2, 2, 2, 1, 3], 3);
    gradcheck_module(&norm, &x, |norm, x, cx| norm.forward(x, cx), &Default::default()).unwrap();
}

#[test]
fn running_statistics_are_means_over_the_batch_of_unbiased_variances() {
    let rng = &mut Rng::seed(0);
    let norm = InstanceNorm1d::with_config(1, &tracked()).unwrap();
    // Means 1 and 7, unbiased variances 2 and 8.
    let x = || Var::from(Tensor::from_vec(vec![0.0, 2.0, 5.0, 9.0], [2, 1, 2]).unwrap());
    norm.forward(&x(), &mut Context::train(rng)).unwrap();
    let state = norm.state_dict();
    let of = |name: &str| state.get(name).unwrap().mean(&[]).unwrap().item().unwrap();
    assert_eq!((of("running_mean"), of("running_var")), (0.25 * 4.0, 0.75 + 0.25 * 5.0));
    let y = norm.forward(&x(), &mut Context::eval()).unwrap().value().to_vec::<f64>().unwrap();
    for (y, x) in y.iter().zip([0.0, 2.0, 5.0, 9.0]) {
        assert!((y - (x - 1.0) / (2.0f64 + 1e-5).sqrt()).abs() < 1e-14);
    }
    assert_eq!(norm.state_dict().fingerprint().unwrap(), state.fingerprint().unwrap());
    let names = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
    assert!(names.iter().all(|name| state.get(name).is_some()) && state.len() == names.len());
}

#[test]
fn what_cannot_be_normalised_is_refused() {
    let norm = InstanceNorm2d::new(2).unwrap();
    let text = |shape: &[usize]| {
        let x = Tensor::zeros(shape, DType::F32).unwrap().into();
        norm.forward(&x, &mut Context::eval()).unwrap_err().to_string()
    };
    assert_eq!(
        text(&[1, 3, 2, 2]),
        "[instance_norm2d] the input must be (n, channels, ..) with the layer's spatial axes and channels; got [1, 3, 2, 2] for 2 spatial axes and 2 channels; use the layer for these axes, or change its channels"
    );
    assert_eq!(
        text(&[4, 2, 1, 1]),
        "[instance_norm2d] an image must have more than one pixel to be normalised over; got [4, 2, 1, 1]; use larger images, or running statistics in inference"
    );
    let with = |config: InstanceNormConfig| InstanceNorm1d::with_config(1, &config).unwrap_err().to_string();
    assert_eq!(
        with(InstanceNormConfig { momentum: 2.0, ..doubles() }),
        "[instance_norm1d] a momentum must lie in 0..=1; got 2; use 0.1 or so"
    );
    assert_eq!(
        with(InstanceNormConfig { eps: -1.0, ..doubles() }),
        "[instance_norm1d] eps must be a number of 0 or more; got -1; use 1e-5 or so"
    );
    assert_eq!(
        InstanceNorm1d::new(0).unwrap_err().to_string(),
        "[instance_norm1d] there must be a channel; got 0; give the layer the channels of its input"
    );
}
