//! Batch normalisation: what its running statistics become, and when.

use autodiff::Var;
use nn::check::gradcheck_module;
use nn::{
    Activation, BatchNorm1d, BatchNorm2d, BatchNormConfig, Checkpointed, Context, Conv2d, ConvConfig, Layer,
    Module, Sequential,
};
use tensor::{DType, Rng, Tensor};

fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().to_vec().unwrap()
}

fn running(norm: &BatchNorm1d) -> (Vec<f64>, Vec<f64>) {
    (
        values(&norm.running_mean.as_ref().unwrap().value()),
        values(&norm.running_var.as_ref().unwrap().value()),
    )
}

fn rows(values: [f64; 4]) -> Var {
    Tensor::from_vec(values.to_vec(), [4, 1]).unwrap().into()
}

fn config(momentum: Option<f64>) -> BatchNormConfig {
    BatchNormConfig { momentum, dtype: DType::F64, ..BatchNormConfig::default() }
}

#[test]
fn running_statistics_move_by_the_momentum_and_take_the_unbiased_variance() {
    let rng = &mut Rng::seed(0);
    let norm = BatchNorm1d::with_config(1, &config(Some(0.25))).unwrap();
    // Mean 2 and squares 9 + 1 + 1 + 9 over 3.
    norm.forward(&rows([-1.0, 1.0, 3.0, 5.0]), &mut Context::train(rng)).unwrap();
    let (mean, variance) = running(&norm);
    assert_eq!(mean, [0.5]);
    assert!((variance[0] - (0.75 + 0.25 * 20.0 / 3.0)).abs() < 1e-15);
    assert_eq!(norm.num_batches_tracked.as_ref().unwrap().value().item().unwrap(), 1.0);
}

#[test]
fn without_momentum_they_are_means_over_the_batches() {
    let rng = &mut Rng::seed(0);
    let norm = BatchNorm1d::with_config(1, &config(None)).unwrap();
    norm.forward(&rows([-1.0, 1.0, 3.0, 5.0]), &mut Context::train(rng)).unwrap();
    norm.forward(&rows([4.0, 4.0, 8.0, 8.0]), &mut Context::train(rng)).unwrap();
    let (mean, variance) = running(&norm);
    assert_eq!(mean, [4.0]);
    assert!((variance[0] - (20.0 / 3.0 + 16.0 / 3.0) / 2.0).abs() < 1e-14);
}

#[test]
fn inference_uses_them_and_leaves_them() {
    let rng = &mut Rng::seed(0);
    let norm = BatchNorm1d::with_config(1, &config(Some(1.0))).unwrap();
    norm.forward(&rows([-1.0, 1.0, 3.0, 5.0]), &mut Context::train(rng)).unwrap();
    let before = running(&norm);
    let y = norm.forward(&rows([2.0, 2.0, 2.0, 2.0 + (20.0f64 / 3.0).sqrt()]), &mut Context::eval()).unwrap();
    let y = values(y.value());
    assert!(y[..3].iter().all(|y| *y == 0.0) && (y[3] - 1.0).abs() < 1e-5, "{y:?}");
    assert_eq!(running(&norm), before);
}

#[test]
fn a_checkpoint_updates_once_and_has_the_same_gradients() {
    let block = |rng: &mut Rng| {
        let config = ConvConfig { padding: 1.into(), ..ConvConfig::default() };
        Sequential::new()
            .push(Conv2d::with_config(2, 3, 3, &config, rng).unwrap())
            .push(BatchNorm2d::new(3).unwrap())
            .push(Activation::Relu)
    };
    let plain = block(&mut Rng::seed(1));
    let again = Checkpointed::new(block(&mut Rng::seed(1)));
    let x = Var::variable(Rng::seed(2).normal([4, 2, 5, 5], 0.0, 1.0, DType::F32).unwrap());
    let run = |layer: &dyn Layer| {
        let loss = layer
            .forward(&x, &mut Context::train(&mut Rng::seed(3)))
            .unwrap()
            .square()
            .unwrap()
            .sum(&[])
            .unwrap();
        loss.backward().unwrap().of(&x).unwrap().clone()
    };
    assert!(run(&plain).bit_eq(&run(&again)));
    let (a, b) = (plain.state_dict(), again.state_dict());
    assert_eq!(a.get("1.num_batches_tracked").unwrap().item().unwrap(), 1.0);
    assert_eq!(a.fingerprint().unwrap(), b.fingerprint().unwrap());
}

#[test]
fn a_clone_has_statistics_of_its_own() {
    let norm = BatchNorm1d::with_config(1, &config(Some(0.5))).unwrap();
    let other = norm.clone();
    other.forward(&rows([1.0, 2.0, 3.0, 4.0]), &mut Context::train(&mut Rng::seed(0))).unwrap();
    assert_eq!(running(&norm), (vec![0.0], vec![1.0]));
    assert_ne!(running(&other), (vec![0.0], vec![1.0]));
}

#[test]
fn a_rectifier_is_computed_with_the_layer_before_it_to_the_same_bits() {
    let rng = &mut Rng::seed(4);
    let net = Sequential::new()
        .push(Conv2d::new(2, 5, 3, rng).unwrap())
        .push(Activation::Relu)
        .push(BatchNorm2d::new(5).unwrap())
        .push(Activation::Relu);
    let x: Var = rng.normal([3, 2, 6, 7], 0.0, 1.0, DType::F32).unwrap().into();
    let y = net.forward(&x, &mut Context::eval()).unwrap();
    let mut state = net.state_dict();
    let conv = x.conv(
        &state.remove("0.weight").unwrap().into(),
        Some(&state.remove("0.bias").unwrap().into()),
        &Default::default(),
    );
    let normal =
        BatchNorm2d::new(5).unwrap().forward(&conv.unwrap().relu().unwrap(), &mut Context::eval()).unwrap();
    assert!(y.value().bit_eq(normal.relu().unwrap().value()));
}

#[test]
fn gradients_are_those_of_differences() {
    let rng = &mut Rng::seed(5);
    let config = BatchNormConfig { dtype: DType::F64, ..BatchNormConfig::default() };
    let norm = BatchNorm2d::with_config(2, &config).unwrap();
    let x = rng.normal([3, 2, 2, 2], 0.0, 1.0, DType::F64).unwrap();
    let square = |layer: &BatchNorm2d, x: &Var, cx: &mut Context| Ok(layer.forward(x, cx)?.square()?);
    gradcheck_module(&norm, &x, square, &Default::default()).unwrap();
    assert_eq!(values(&norm.running_mean.as_ref().unwrap().value()), [0.0, 0.0], "a check leaves no trace");
}

#[test]
fn a_channel_of_one_value_is_refused_by_name() {
    let net = Sequential::new().push(BatchNorm2d::new(3).unwrap());
    let x: Var = Tensor::zeros([1, 3, 1, 1], DType::F32).unwrap().into();
    let error = net.forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "0: [batch_norm] a channel must have more than one value to be normalised by its own statistics; got [1, 3, 1, 1]; use larger batches or images, drop the last batch, or evaluate"
    );
    assert!(net.forward(&x, &mut Context::eval()).is_ok());
}

#[test]
fn wrong_channels_and_axes_are_refused() {
    let norm = BatchNorm2d::new(3).unwrap();
    for shape in [&[2, 4, 5, 5][..], &[2, 3, 5], &[2, 3]] {
        let error = norm
            .forward(&Tensor::zeros(shape, DType::F32).unwrap().into(), &mut Context::eval())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "[batch_norm2d] the input must be (n, channels, ..) with the layer's spatial axes and channels; got {shape:?} for 2 spatial axes and 3 channels; use the layer for these axes, or change its channels"
            )
        );
    }
}
