//! Convolutions and pooling as layers.

use autodiff::Var;
use nn::check::gradcheck_module;
use nn::{
    Context, Conv1d, Conv2d, ConvConfig, ConvTranspose2d, DropoutChannels, Layer, LocalResponseNorm, Module,
    PaddingMode, PixelShuffle, StochasticDepth, Upsample,
};
use tensor::{DType, PadMode, Padding, Rng, Tensor};

fn normal(shape: &[usize], seed: u64) -> Var {
    Rng::seed(seed).normal(shape, 0.0, 1.0, DType::F64).unwrap().into()
}

fn doubles() -> ConvConfig {
    ConvConfig { dtype: DType::F64, ..ConvConfig::default() }
}

#[test]
fn borders_of_all_kinds_are_those_of_padded_images() {
    let x = normal(&[2, 2, 5, 6], 0);
    let modes = [
        (PaddingMode::Reflect, PadMode::Reflect),
        (PaddingMode::Replicate, PadMode::Replicate),
        (PaddingMode::Circular, PadMode::Circular),
        (PaddingMode::Zeros, PadMode::Constant(0.0)),
    ];
    for (padding_mode, mode) in modes {
        let config = ConvConfig { padding: [1, 2].into(), padding_mode, ..doubles() };
        let layer = Conv2d::with_config(2, 3, [3, 5], &config, &mut Rng::seed(1)).unwrap();
        let bare = Conv2d::with_config(2, 3, [3, 5], &doubles(), &mut Rng::seed(1)).unwrap();
        let padded = x.pad(&[(2, 1, 1), (3, 2, 2)], mode).unwrap();
        let cx = &mut Context::eval();
        let (y, expected) = (layer.forward(&x, cx).unwrap(), bare.forward(&padded, cx).unwrap());
        assert!(y.value().all_close(expected.value(), 1e-14, 1e-14).unwrap(), "{padding_mode:?}");
    }
}

#[test]
fn same_padding_keeps_the_size() {
    for kernel in [1, 2, 3, 4] {
        let config = ConvConfig { padding: Padding::Same, dilation: 2.into(), ..doubles() };
        let layer = Conv1d::with_config(2, 3, kernel, &config, &mut Rng::seed(1)).unwrap();
        assert_eq!(layer.forward(&normal(&[1, 2, 9], 0), &mut Context::eval()).unwrap().shape(), [1, 3, 9]);
    }
    let config = ConvConfig { padding: Padding::Same, stride: 2.into(), ..doubles() };
    let layer = Conv1d::with_config(2, 3, 3, &config, &mut Rng::seed(1)).unwrap();
    assert_eq!(
        layer.forward(&normal(&[1, 2, 9], 0), &mut Context::eval()).unwrap_err().to_string(),
        "[conv] padding to the same size is for strides of 1; got stride [2]; give the padding as numbers"
    );
}

#[test]
fn gradients_are_those_of_differences() {
    let rng = &mut Rng::seed(2);
    let config = ConvConfig { groups: 2, stride: [2, 1].into(), padding: 1.into(), ..doubles() };
    let layer = Conv2d::with_config(4, 2, 3, &config, rng).unwrap();
    let x = rng.normal([2, 4, 4, 3], 0.0, 1.0, DType::F64).unwrap();
    gradcheck_module(&layer, &x, |layer, x, cx| layer.forward(x, cx), &Default::default()).unwrap();
    let config = ConvConfig { stride: 2.into(), ..doubles() };
    let layer = ConvTranspose2d::with_config(4, 3, 2, &config, rng).unwrap();
    gradcheck_module(&layer, &x, |layer, x, cx| layer.forward(x, cx), &Default::default()).unwrap();
}

#[test]
fn names_shapes_and_kinds_are_those_of_the_field() {
    let layer =
        Conv2d::with_config(4, 6, [3, 5], &ConvConfig { groups: 2, ..doubles() }, &mut Rng::seed(0)).unwrap();
    let shapes: Vec<_> =
        layer.named_params().iter().map(|(n, p)| (n.clone(), p.value().shape().to_vec())).collect();
    assert_eq!(shapes, [("weight".to_string(), vec![6, 2, 3, 5]), ("bias".to_string(), vec![6])]);
    assert_eq!(layer.kind(), "Conv2d(4 → 6, 3×5)");
}

#[test]
fn layers_that_cannot_be_are_refused() {
    let rng = &mut Rng::seed(0);
    let groups = ConvConfig { groups: 3, ..doubles() };
    let stride = ConvConfig { stride: 0.into(), ..doubles() };
    for (error, text) in [
        (
            Conv2d::with_config(4, 6, 3, &groups, rng).unwrap_err(),
            "[conv2d] the groups must divide the channels; got 3 groups of 4 channels to 6; use a common divisor of both",
        ),
        (
            Conv2d::with_config(4, 6, 0, &doubles(), rng).unwrap_err(),
            "[conv2d] channels and kernel sizes must be at least 1; got 4 channels to 6, kernel [0, 0]; give the layer channels and a window",
        ),
        (
            Conv2d::with_config(4, 6, 3, &stride, rng).unwrap_err(),
            "[conv2d] there must be a number of 1 or more for all axes or for each; got stride [0]; use 1",
        ),
        (
            Conv2d::with_config(4, 6, [3, 3, 3], &doubles(), rng).unwrap_err(),
            "[conv2d] a kernel must have one size for all axes, or one for each; got [3, 3, 3] for 2 axes; give as many sizes",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn pixels_are_shuffled_from_channels() {
    let x: Var = Tensor::arange(8, DType::F64).unwrap().reshape([1, 4, 1, 2]).unwrap().into();
    let y = PixelShuffle { factor: 2 }.forward(&x, &mut Context::eval()).unwrap();
    assert_eq!(y.shape(), [1, 1, 2, 4]);
    assert_eq!(y.value().to_vec::<f64>().unwrap(), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
}

#[test]
fn nearest_pixels_repeat() {
    let x: Var = Tensor::arange(2, DType::F64).unwrap().reshape([1, 1, 2]).unwrap().into();
    let y = Upsample::new(3).forward(&x, &mut Context::eval()).unwrap();
    assert_eq!(y.value().to_vec::<f64>().unwrap(), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
}

#[test]
fn neighbouring_channels_damp_each_other() {
    let x = normal(&[2, 5, 3], 3);
    let norm = LocalResponseNorm { size: 3, alpha: 0.5, beta: 0.75, k: 2.0 };
    let y = norm.forward(&x, &mut Context::eval()).unwrap().value().to_vec::<f64>().unwrap();
    let x = x.value().to_vec::<f64>().unwrap();
    for (i, y) in y.iter().enumerate() {
        let (n, c, p) = (i / 15, i / 3 % 5, i % 3);
        let near = (0..5usize).filter(|&k| k.abs_diff(c) <= 1);
        let sum: f64 = near.map(|k| x[n * 15 + k * 3 + p].powi(2)).sum();
        assert!((y - x[i] / (2.0 + 0.5 / 3.0 * sum).powf(0.75)).abs() < 1e-14);
    }
}

#[test]
fn whole_channels_and_whole_samples_are_dropped() {
    let x: Var = Tensor::ones([8, 16, 5], DType::F32).unwrap().into();
    let cx = &mut Context::train(&mut Rng::seed(4));
    let channels =
        DropoutChannels::new(0.5).unwrap().forward(&x, cx).unwrap().value().to_vec::<f32>().unwrap();
    let samples =
        StochasticDepth::new(0.5).unwrap().forward(&x, cx).unwrap().value().to_vec::<f32>().unwrap();
    for (values, size) in [(channels, 5), (samples, 80)] {
        let parts: Vec<&[f32]> = values.chunks(size).collect();
        assert!(parts.iter().all(|part| part.iter().all(|v| *v == part[0] && (*v == 0.0 || *v == 2.0))));
        let kept = parts.iter().filter(|part| part[0] == 2.0).count();
        assert!(kept > 0 && kept < parts.len());
    }
}
