//! Bad input of convolutions and poolings: each is an error with its text, or the value stated.

use tensor::{BatchNorm, ConvOptions, DType, Factors, Interpolation, Padding, PoolOptions, Resample, Tensor};

fn x(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32).unwrap()
}

#[track_caller]
fn refused<T>(result: Result<T, tensor::Error>) -> String {
    match result {
        Ok(_) => panic!("was not refused"),
        Err(error) => error.to_string(),
    }
}

macro_rules! refuses {
    ($($call:expr => $text:literal;)*) => {$( assert_eq!(refused($call), $text, "{}", stringify!($call)); )*};
}

fn conv(x_shape: &[usize], w_shape: &[usize], options: ConvOptions) -> Result<Tensor, tensor::Error> {
    x(x_shape).conv(&x(w_shape), None, &options, false)
}

#[test]
fn numbers_of_windows_must_be_sound() {
    let plain = ConvOptions::default;
    let (images, weight) = (&[1, 4, 5, 5][..], &[2, 4, 3, 3][..]);
    refuses! {
        conv(images, weight, ConvOptions { stride: 0.into(), ..plain() }) => "[conv] kernel, stride, dilation and groups must be 1 or more; got kernel [3, 3], stride [0, 0], dilation [1, 1], groups 1; use 1 for the plain convolution";
        conv(images, weight, ConvOptions { dilation: [1, 0].into(), ..plain() }) => "[conv] kernel, stride, dilation and groups must be 1 or more; got kernel [3, 3], stride [1, 1], dilation [1, 0], groups 1; use 1 for the plain convolution";
        conv(images, weight, ConvOptions { groups: 0, ..plain() }) => "[conv] kernel, stride, dilation and groups must be 1 or more; got kernel [3, 3], stride [1, 1], dilation [1, 1], groups 0; use 1 for the plain convolution";
        conv(images, &[2, 4, 0, 3], plain()) => "[conv] kernel, stride, dilation and groups must be 1 or more; got kernel [0, 3], stride [1, 1], dilation [1, 1], groups 1; use 1 for the plain convolution";
        conv(images, weight, ConvOptions { stride: [1, 1, 1].into(), ..plain() }) => "[conv] there must be one number for all spatial axes, or one for each; got stride [1, 1, 1] for 2 axes; give as many numbers as there are spatial axes";
        conv(images, weight, ConvOptions { padding: Padding::Uneven([(1, 1)].into_iter().collect()), ..plain() }) => "[conv] there must be a pair of paddings for each spatial axis; got [(1, 1)] for 2 axes; give as many pairs as the kernel has sizes";
        conv(images, weight, ConvOptions { groups: 3, ..plain() }) => "[conv] the images must have the channels of a group times the groups, which divide the outputs; got [1, 4, 5, 5] and [2, 4, 3, 3] and [3]; change the channels or the groups";
        conv(images, &[2, 3, 3, 3], plain()) => "[conv] the images must have the channels of a group times the groups, which divide the outputs; got [1, 4, 5, 5] and [2, 3, 3, 3] and [1]; change the channels or the groups";
        conv(images, &[2, 4, 3], plain()) => "[conv] images (n, channels, ..) and weights (c_out, c_in / groups, ..) must both have one to three spatial axes, as many as each other; got [1, 4, 5, 5] and [2, 4, 3]; add an axis for the batch with unsqueeze, or use a weight of the images' rank";
        conv(&[4, 5], &[2, 4], plain()) => "[conv] images (n, channels, ..) and weights (c_out, c_in / groups, ..) must both have one to three spatial axes, as many as each other; got [4, 5] and [2, 4]; add an axis for the batch with unsqueeze, or use a weight of the images' rank";
        conv(images, &[2, 4, 6, 3], plain()) => "[conv] a window must not be larger than the padded image; got windows over 6 of 5 pixels; use a smaller kernel or dilation, more padding, or larger images";
        x(images).conv(&x(weight), Some(&x(&[3])), &plain(), false) => "[conv] the bias must have one element for each output; got [3] and [2]; give it shape (c_out)";
        x(images).conv(&x(weight).to_dtype(DType::F64).unwrap(), None, &plain(), false) => "[conv] operands must have one dtype; got f32 and f64; convert one with to_dtype";
    }
}

#[test]
fn paddings_and_dilations_beyond_memory_are_refused() {
    let plain = ConvOptions::default;
    let (images, weight) = (&[1, 64, 5][..], &[64, 64, 2][..]);
    for options in [
        ConvOptions { padding: (1 << 31).into(), ..plain() },
        ConvOptions { padding: (1 << 62).into(), ..plain() },
        ConvOptions { padding: usize::MAX.into(), ..plain() },
        ConvOptions { dilation: (1 << 62).into(), ..plain() },
        ConvOptions { dilation: (1 << 62).into(), padding: (1 << 61).into(), ..plain() },
        ConvOptions { dilation: (1 << 62).into(), padding: Padding::Same, ..plain() },
        ConvOptions { stride: (1 << 62).into(), padding: (1 << 61).into(), ..plain() },
    ] {
        let text = match conv(images, weight, options.clone()) {
            Err(error) => error.to_string(),
            Ok(y) => panic!("{options:?} gave {:?}", y.shape()),
        };
        assert!(text.starts_with("[conv] "), "{text}");
        let up = x(images).conv_transpose(&x(weight), None, &options, &0.into());
        assert!(up.is_err() || up.is_ok_and(|y| y.len() < 1000), "{options:?}");
    }
}

#[test]
fn empty_batches_and_channels_have_results() {
    let plain = ConvOptions::default;
    assert_eq!(conv(&[0, 3, 5], &[2, 3, 3], plain()).unwrap().shape(), [0, 2, 3]);
    assert_eq!(conv(&[2, 3, 5], &[0, 3, 3], plain()).unwrap().shape(), [2, 0, 3]);
    let bias = Tensor::from_vec(vec![1.0f32, -2.0], [2]).unwrap();
    let y = x(&[1, 0, 4]).conv(&x(&[2, 0, 3]), Some(&bias), &plain(), true).unwrap();
    assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 1.0, 0.0, 0.0]);
    let (y, taps) = x(&[0, 3, 4]).max_pool(&PoolOptions::new(2)).unwrap();
    assert_eq!((y.shape(), taps.positions().unwrap().shape()), (&[0, 3, 2][..], &[0, 3, 2][..]));
}

#[test]
fn transposed_convolutions_need_room_for_their_padding() {
    let up = |options: ConvOptions, more: usize| {
        x(&[1, 2, 3]).conv_transpose(&x(&[2, 1, 3]), None, &options, &more.into())
    };
    let plain = ConvOptions::default;
    refuses! {
        up(ConvOptions { stride: 2.into(), ..plain() }, 2) => "[conv_transpose] output padding must be smaller than the stride or the dilation; got output padding 2, stride 2, dilation 1; leave it at 0, or at what a strided convolution dropped";
        up(ConvOptions { padding: 3.into(), ..plain() }, 0) => "[conv_transpose] padding must leave a pixel; got padding 6 of 5 pixels; use less padding";
        x(&[1, 3, 3]).conv_transpose(&x(&[2, 1, 3]), None, &plain(), &0.into()) => "[conv_transpose] images (n, c_in, ..) and weights (c_in, c_out / groups, ..) must both have one to three spatial axes, as many as each other; got [1, 3, 3] and [2, 1, 3]; add an axis for the batch with unsqueeze, or use a weight of the images' rank and channels";
    }
}

#[test]
fn pooling_windows_must_be_sound() {
    let pool = |options: PoolOptions| x(&[1, 2, 5]).max_pool(&options);
    refuses! {
        pool(PoolOptions::new(0)) => "[max_pool] kernel, stride and dilation must be 1 or more; got kernel [0], stride [0], dilation [1]; use 2 for windows of 2 pixels";
        pool(PoolOptions { stride: Some(0.into()), ..PoolOptions::new(2) }) => "[max_pool] kernel, stride and dilation must be 1 or more; got kernel [2], stride [0], dilation [1]; use 2 for windows of 2 pixels";
        pool(PoolOptions { padding: 2.into(), ..PoolOptions::new(2) }) => "[max_pool] padding must be half a kernel at most; got padding 2 for a kernel of 2; pad less, or pad the images first";
        pool(PoolOptions::new(6)) => "[max_pool] a window must not be larger than the padded image; got windows over 6 of 5 pixels; use a smaller kernel or dilation, or larger images";
        pool(PoolOptions { padding: (1 << 61).into(), ..PoolOptions::new(1 << 62) }) => "[max_pool] a window must have fewer than 2³¹ elements; got kernel [4611686018427387904]; use a smaller kernel";
        x(&[2, 5]).max_pool(&PoolOptions::new(2)) => "[max_pool] images (n, channels, ..) must have one to three spatial axes; got [2, 5]; add an axis for the batch with unsqueeze";
        Tensor::zeros([1, 1, 4], DType::I64).unwrap().max_pool(&PoolOptions::new(2)) => "[max_pool] the operand must be a float; got i64; convert with to_dtype first";
        x(&[1, 2, 0]).adaptive_max_pool(&1.into()) => "[adaptive_max_pool] images must have pixels; got [1, 2, 0]; leave empty images out";
        x(&[1, 2, 0]).max_pool(&PoolOptions { padding: 1.into(), ..PoolOptions::new(2) }) => "[max_pool] images must have pixels; got [1, 2, 0]; leave empty images out";
        x(&[1, 2, 3]).adaptive_max_pool(&(1 << 40).into()) => "[adaptive_max_pool] a result must have fewer than 2²⁴ pixels along an axis; got [1099511627776]; use smaller sizes";
        Resample::interpolate(&[1, 2, 0], &1.into(), Interpolation::Linear, false) => "[interpolate] images must have pixels before and after; got [0] to [1]; use sizes of 1 or more";
    }
    assert_eq!(x(&[1, 2, 5]).adaptive_max_pool(&0.into()).unwrap().0.shape(), [1, 2, 0]);
}

#[test]
fn columns_must_be_those_of_windows() {
    let plain = ConvOptions::default();
    let tall = Tensor::zeros([1, 1], DType::U8)
        .unwrap()
        .reshape([1, 1, 1])
        .unwrap()
        .expand([1usize, 1, 1 << 40])
        .unwrap();
    let fold = |shape: &[usize], sizes: &[usize], kernel: &[usize]| {
        x(shape).col2im(&sizes.into(), &kernel.into(), &ConvOptions::default())
    };
    refuses! {
        x(&[1, 2, 5]).im2col(&6.into(), &plain) => "[im2col] a window must not be larger than the padded image; got windows over 6 of 5 pixels; use a smaller kernel or dilation, more padding, or larger images";
        x(&[1, 2, 5]).im2col(&0.into(), &plain) => "[im2col] kernel, stride, dilation and groups must be 1 or more; got kernel [0], stride [1], dilation [1], groups 1; use 1 for the plain convolution";
        x(&[1, 2, 5]).im2col(&[1, 1].into(), &plain) => "[im2col] there must be one number for all spatial axes, or one for each; got kernel [1, 1] for 1 axes; give as many numbers as there are spatial axes";
        x(&[2, 5]).im2col(&1.into(), &plain) => "[im2col] images (n, channels, ..) must have one to three spatial axes; got [2, 5]; add an axis for the batch with unsqueeze";
        tall.im2col(&(1 << 39).into(), &plain) => "[im2col] a tensor must stay below 9223372036854775807 bytes; got shape [1, 1, 549755813888, 549755813889] of f64; use smaller sizes";
        x(&[1, 2, 5]).im2col(&2.into(), &ConvOptions { groups: 2, ..plain.clone() }) => "[im2col] all channels must be of one group; got 2 groups; leave groups at 1";
        fold(&[1, 4, 4], &[4], &[2]) => "[col2im] there must be a column for each window of the images; got [1, 4, 4] and [1, 4, 3]; give the sizes of the images that they were read from";
        fold(&[1, 4, 4], &[4], &[0]) => "[col2im] columns must be (n, c·elements of a window, windows); got [1, 4, 4] and [0]; give the kernel that they were read with";
        fold(&[1, 4, 4], &[4], &[1 << 40, 1 << 40]) => "[col2im] columns must be (n, c·elements of a window, windows); got [1, 4, 4] and [1099511627776, 1099511627776]; give the kernel that they were read with";
        fold(&[1, 4, 4], &[4], &[]) => "[col2im] images (n, channels, ..) must have one to three spatial axes; got [1, 4]; add an axis for the batch with unsqueeze";
        fold(&[4, 4], &[4], &[2]) => "[col2im] columns must be (n, c·elements of a window, windows); got [4, 4] and [2]; give the kernel that they were read with";
        Tensor::zeros([1, 2, 3], DType::Bool).unwrap().col2im(&4.into(), &2.into(), &plain) => "[col2im] the operand must be numbers; got bool; convert with to_dtype first";
    }
    let empty = x(&[0, 2, 4]).im2col(&2.into(), &plain).unwrap();
    assert_eq!(
        (empty.shape(), empty.col2im(&4.into(), &2.into(), &plain).unwrap().shape()),
        (&[0, 4, 3][..], &[0, 2, 4][..])
    );
}

#[test]
fn factors_and_divisors_must_be_positive() {
    let by = |factors: Factors| Resample::interpolate_by(&[1, 2, 5], &factors, Interpolation::Linear, false);
    refuses! {
        by(0.1.into()) => "[interpolate] images must have pixels before and after; got [5] to [0]; use larger factors";
        by(f64::NAN.into()) => "[interpolate] factors must be positive numbers; got [NaN]; use 2 for images twice as large";
        by(0.into()) => "[interpolate] factors must be positive numbers; got [0.0]; use 2 for images twice as large";
        by([2.0, 2.0].into()) => "[interpolate] there must be one factor for all spatial axes, or one for each; got factors [2.0, 2.0] for 1 axes; give as many factors as the images have spatial axes";
        by(1e300.into()) => "[interpolate] a result must have fewer than 2²⁴ pixels along an axis; got [18446744073709551615]; use smaller sizes";
        Resample::average_by(&[1, 2, 5], &PoolOptions::new(2), 0) => "[avg_pool] a divisor must be 1 or more; got 0; use 1 for sums";
    }
}

#[test]
fn the_nearest_pixel_is_that_of_whole_numbers() {
    // 49·(1/49) rounds to less than 1.
    let x = Tensor::arange(2, DType::F32).unwrap().reshape([1, 1, 2]).unwrap();
    let to = Resample::interpolate(x.shape(), &98.into(), Interpolation::Nearest, false).unwrap();
    let by = Resample::interpolate_by(x.shape(), &49.into(), Interpolation::Nearest, false).unwrap();
    let expected = [[0.0f32; 49], [1.0; 49]].concat();
    for map in [to, by] {
        assert_eq!(x.resample(&map).unwrap().to_vec::<f32>().unwrap(), expected);
    }
}

#[test]
fn a_window_of_the_least_values_has_its_first_pixel_for_the_largest() {
    let least = Tensor::full([1, 1, 3], f64::NEG_INFINITY, DType::F32).unwrap();
    let options = PoolOptions { stride: Some(2.into()), padding: 1.into(), ..PoolOptions::new(3) };
    let (y, taps) = least.max_pool(&options).unwrap();
    assert_eq!(taps.positions().unwrap().to_vec::<i64>().unwrap(), [0, 1]);
    let g = taps.scatter(&Tensor::ones(y.shape(), DType::F32).unwrap()).unwrap();
    assert_eq!(g.to_vec::<f32>().unwrap(), [1.0, 1.0, 0.0]);
}

#[test]
fn batch_norm_needs_channels_and_more_than_one_value() {
    let how = BatchNorm { affine: None, statistics: None, eps: 1e-5, residual: None, relu: false };
    let two = x(&[2]);
    refuses! {
        x(&[1, 3, 1, 1]).batch_norm(&how) => "[batch_norm] a channel must have more than one value to be normalised by its own statistics; got [1, 3, 1, 1]; use larger batches or images, drop the last batch, or evaluate";
        x(&[3]).batch_norm(&how) => "[batch_norm] the input must be (n, channels, ..); got [3]; add an axis for the batch with unsqueeze";
        x(&[2, 3]).batch_norm(&BatchNorm { statistics: Some([&two, &two]), ..how }) => "[batch_norm] weight, bias and statistics must have one element for each channel; got [2, 3] and [2]; give them shape (channels)";
        x(&[2, 3]).batch_norm(&BatchNorm { eps: -1.0, ..how }) => "[batch_norm] eps must be a number of 0 or more; got -1; use 1e-5 or so";
        x(&[2, 3]).batch_norm(&BatchNorm { residual: Some(&two), ..how }) => "[batch_norm] the residual must have the input's shape; got [2, 3] and [2]; project it first";
    }
}
