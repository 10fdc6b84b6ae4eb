//! Layers without parameters over images: columns, sizes, channels as pixels, norms of windows.

use crate::normal;
use autodiff::Var;
use nn::{
    AvgPool, Context, Conv2d, ConvConfig, DropMode, Fold, Layer, LpPool, PixelShuffle, PixelUnshuffle,
    StochasticDepth, Unfold, Upsample,
};
use tensor::{ConvOptions, DType, Interpolation, PoolOptions, Rng, Tensor};

fn run(layer: &impl Layer, x: &Tensor) -> Tensor {
    layer.forward(&x.clone().into(), &mut Context::eval()).unwrap().into_value()
}

#[test]
fn a_convolution_is_a_product_with_columns() {
    let options = ConvOptions { stride: [2, 1].into(), padding: 1.into(), ..ConvOptions::default() };
    let config = ConvConfig {
        stride: [2, 1].into(),
        padding: 1.into(),
        bias: false,
        dtype: DType::F64,
        ..ConvConfig::default()
    };
    let conv = Conv2d::with_config(3, 4, [3, 2], &config, &mut Rng::seed(0)).unwrap();
    let x = normal([2, 3, 5, 6], 1);
    let y = run(&conv, &x);
    let columns = run(&Unfold::with_options([3, 2], options), &x);
    let weight = conv.weight.value().reshape([4, 18]).unwrap();
    let product = weight.matmul(&columns).unwrap().reshape(y.shape()).unwrap();
    assert!(product.all_close(&y, 1e-13, 1e-13).unwrap());
}

#[test]
fn folding_what_was_unfolded_counts_the_windows_of_each_pixel() {
    let x = normal([2, 3, 4, 6], 2);
    let (unfold, fold) = (Unfold::new([2, 3]), Fold::new([4, 6], [2, 3]));
    let counts = run(&fold, &run(&unfold, &x.ones_like().unwrap()));
    let twice = run(&fold, &run(&unfold, &x));
    assert!(twice.all_close(&x.mul(&counts).unwrap(), 1e-14, 1e-14).unwrap());
    let apart = ConvOptions { stride: [2, 3].into(), ..ConvOptions::default() };
    let (unfold, fold) =
        (Unfold::with_options([2, 3], apart.clone()), Fold::with_options([4, 6], [2, 3], apart));
    assert!(run(&fold, &run(&unfold, &x)).bit_eq(&x));
    assert_eq!((unfold.kind(), fold.kind()), ("Unfold(2×3)".into(), "Fold(4×6, 2×3)".into()));
}

#[test]
fn shuffling_undoes_unshuffling() {
    let x = normal([2, 3, 4, 6], 3);
    let y = run(&PixelUnshuffle { factor: 2 }, &x);
    assert_eq!(y.shape(), [2, 12, 2, 3]);
    assert!(run(&PixelShuffle { factor: 2 }, &y).bit_eq(&x));
    for factor in [0, 4] {
        let error = PixelUnshuffle { factor }.forward(&x.clone().into(), &mut Context::eval()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "[pixel_unshuffle] the input must be (n, c, h·r, w·r); got [2, 3, 4, 6] for r = {factor}; use sizes that the factor divides"
            )
        );
    }
}

#[test]
fn whole_factors_are_the_sizes_that_they_make() {
    let x = normal([1, 2, 3, 5], 4);
    for how in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
        let by = run(&Upsample::with([3, 2], how), &x);
        let to = Var::from(x.clone()).interpolate([9, 10], how, false).unwrap();
        assert!(by.bit_eq(to.value()), "{how:?}");
    }
    assert_eq!(run(&Upsample::new(0.5), &x).shape(), [1, 2, 1, 2]);
    assert_eq!(
        Upsample::new([2, 2])
            .forward(&normal([1, 2, 3], 0).into(), &mut Context::eval())
            .unwrap_err()
            .to_string(),
        "[interpolate] there must be one factor for all spatial axes, or one for each; got factors [2.0, 2.0] for 1 axes; give as many factors as the images have spatial axes"
    );
    assert_eq!(Upsample::new(1.5).kind(), "Upsample(1.5, Nearest)");
}

#[test]
fn a_large_power_comes_near_the_maximum() {
    let x = normal([2, 3, 4, 6], 5).square().unwrap().add_scalar(0.5).unwrap();
    let largest = Var::from(x.clone()).max_pool(&PoolOptions::new(2)).unwrap();
    let near = run(&LpPool::new(64.0, 2), &x);
    // At most the 64th root of 4 more.
    assert!(near.all_close(largest.value(), 0.0, 0.03).unwrap());
    assert!(near.ge(largest.value()).unwrap().to_vec::<bool>().unwrap().iter().all(|ge| *ge));
    let sums = AvgPool { divisor_override: Some(1), ..AvgPool::new(2) };
    assert!(run(&LpPool::new(1.0, 2), &x).all_close(&run(&sums, &x), 1e-14, 1e-14).unwrap());
}

#[test]
fn a_whole_batch_is_dropped_by_one_draw() {
    let layer = StochasticDepth::with_mode(0.25, DropMode::Batch).unwrap();
    let x: Var = Tensor::ones([3, 2], DType::F64).unwrap().into();
    let cx = &mut Context::train(&mut Rng::seed(0));
    let mut kept = 0;
    for _ in 0..200 {
        let y = layer.forward(&x, cx).unwrap().value().to_vec::<f64>().unwrap();
        assert!(y == [0.0; 6] || y == [4.0 / 3.0; 6], "{y:?}");
        kept += usize::from(y[0] > 0.0);
    }
    // Six deviations of a binomial with n = 200 and p = 3/4.
    assert!(kept.abs_diff(150) < 37, "{kept}");
    assert_eq!(layer.kind(), "StochasticDepth(0.25, batch)");
}
