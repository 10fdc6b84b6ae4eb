//! Starting values have the distribution that their name says.

use nn::init::{Init, fans};
use tensor::{DType, Rng, Tensor};

/// Fans that differ, and a kernel of 2·3 taps: fan_in 40·6, fan_out 50·6.
const SHAPE: [usize; 4] = [50, 40, 2, 3];
const FAN_IN: f64 = 240.0;
const FAN_OUT: f64 = 300.0;

fn values(init: Init) -> Vec<f64> {
    init.tensor(SHAPE, DType::F64, &mut Rng::seed(1)).unwrap().to_vec().unwrap()
}

/// The mean must be 0 and the variance `variance` up to five standard deviations of their estimates; `kurtosis` is the
/// fourth moment over the squared variance.
fn check_moments(init: Init, variance: f64, kurtosis: f64) {
    let x = values(init);
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let found = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    assert!(mean.abs() < 5.0 * (variance / n).sqrt(), "{init:?}: mean {mean:e}");
    let allowed = 5.0 * ((kurtosis - 1.0) / n).sqrt();
    assert!((found / variance - 1.0).abs() < allowed, "{init:?}: variance {found:e} for {variance:e}");
}

#[test]
fn normal_values_have_the_variance_of_their_formula() {
    for (init, variance) in [
        (Init::Normal { std: 0.3 }, 0.09),
        (Init::XavierNormal, 2.0 / (FAN_IN + FAN_OUT)),
        (Init::HeNormal, 2.0 / FAN_IN),
        (Init::LecunNormal, 1.0 / FAN_IN),
    ] {
        check_moments(init, variance, 3.0);
        let beyond = values(init).iter().filter(|x| x.abs() > 2.0 * variance.sqrt()).count();
        // 4.55 % of a normal distribution lie beyond two deviations: 546 of 12,000, give or take five times 23.
        assert!((431..=661).contains(&beyond), "{init:?}: {beyond} beyond two deviations");
    }
}

#[test]
fn uniform_values_have_the_variance_of_their_formula_and_fill_their_bounds() {
    for (init, variance) in [
        (Init::Uniform { limit: 0.3 }, 0.03),
        (Init::XavierUniform, 2.0 / (FAN_IN + FAN_OUT)),
        (Init::HeUniform, 2.0 / FAN_IN),
        (Init::LecunUniform, 1.0 / FAN_IN),
        (Init::FanIn, 1.0 / (3.0 * FAN_IN)),
    ] {
        check_moments(init, variance, 9.0 / 5.0);
        let (limit, x) = ((3.0 * variance).sqrt(), values(init));
        let (low, high) = x.iter().fold((0.0f64, 0.0f64), |(l, h), &x| (l.min(x), h.max(x)));
        // That none of 12,000 lies in the last hundredth of one side has probability 0.995^12000 = 8e-27.
        assert!((-limit..-0.99 * limit).contains(&low), "{init:?}: from {low} in ±{limit}");
        assert!((0.99 * limit..limit).contains(&high), "{init:?}: to {high} in ±{limit}");
    }
}

#[test]
fn truncated_values_end_at_two_deviations() {
    // With φ the density and Φ the distribution: variance 1 − 4·φ(2)/(2·Φ(2) − 1), from the integral by parts.
    let inside = libm::erf(2.0f64.sqrt());
    let density = libm::exp(-2.0) / std::f64::consts::TAU.sqrt();
    let variance = 1.0 - 4.0 * density / inside;
    let fourth = 3.0 - (4.0 * (2.0 * 2.0 + 3.0)) * density / inside;
    let init = Init::TruncatedNormal { std: 0.02 };
    check_moments(init, 0.02 * 0.02 * variance, fourth / (variance * variance));
    let largest = values(init).iter().fold(0.0f64, |m, x| m.max(x.abs()));
    assert!((0.039..=0.04).contains(&largest), "{largest}");
}

#[test]
fn a_constant_is_everywhere_and_a_limit_of_0_is_0() {
    assert!(values(Init::Constant(0.25)).iter().all(|&x| x == 0.25));
    assert!(values(Init::Uniform { limit: 0.0 }).iter().all(|&x| x == 0.0));
    assert!(values(Init::Normal { std: 0.0 }).iter().all(|&x| x == 0.0));
    assert!(values(Init::TruncatedNormal { std: 0.0 }).iter().all(|&x| x == 0.0));
}

#[test]
fn every_initialiser_takes_one_stream() {
    let next = |init: Init| {
        let rng = &mut Rng::seed(0);
        init.tensor([3, 3], DType::F32, rng).unwrap();
        rng.draws()
    };
    let all = [
        Init::Constant(1.0),
        Init::Uniform { limit: 0.0 },
        Init::Uniform { limit: 1.0 },
        Init::Normal { std: 1.0 },
        Init::TruncatedNormal { std: 1.0 },
        Init::HeNormal,
        Init::FanIn,
    ];
    assert_eq!(all.map(next), [1; 7]);
}

#[test]
fn fans_count_the_taps_of_the_kernel() {
    assert_eq!(fans(&[7, 5]).unwrap(), (5, 7));
    assert_eq!(fans(&[7, 5, 3, 3]).unwrap(), (45, 63));
    assert_eq!(
        fans(&[7]).unwrap_err().to_string(),
        "[init] a weight whose variance depends on its fans must have two axes at least; got shape [7]; \
         use Constant, Uniform or Normal"
    );
}

#[test]
fn an_empty_weight_and_one_too_large_are_no_panic() {
    let rng = &mut Rng::seed(0);
    let shape = |shape: &[usize], rng: &mut Rng| Init::XavierNormal.tensor(shape, DType::F32, rng);
    assert_eq!(shape(&[0, 0], rng).unwrap().len(), 0);
    let text = shape(&[usize::MAX, usize::MAX, 3], rng).unwrap_err().to_string();
    assert!(text.starts_with("[normal] a tensor must stay below"), "{text}");
}

#[test]
fn settings_and_types_without_a_distribution_are_refused() {
    let text = |init: Init, dtype| init.tensor([2, 2], dtype, &mut Rng::seed(0)).unwrap_err().to_string();
    assert_eq!(
        text(Init::Uniform { limit: -1.0 }, DType::F32),
        "[uniform] bounds must be finite with lo < hi in the element type; got 1..-1 of f32; \
         pass a non-empty finite range"
    );
    assert_eq!(
        text(Init::Normal { std: f64::NAN }, DType::F64),
        "[normal] mean must be finite and std finite and not negative; got mean 0 and std NaN of f64; \
         pass finite values with std >= 0"
    );
    assert_eq!(
        text(Init::TruncatedNormal { std: -0.02 }, DType::F64),
        "[init] a standard deviation must be finite and not negative; got -0.02; use 0.02 or the like"
    );
    assert_eq!(
        text(Init::HeUniform, DType::I64),
        "[uniform] numbers of this distribution are floats; got i64; ask for f32 or f64 and convert with to_dtype"
    );
    assert_eq!(
        Init::HeNormal.tensor([3], DType::F32, &mut Rng::seed(0)).unwrap_err().to_string(),
        fans(&[3]).unwrap_err().to_string()
    );
}

#[test]
fn a_second_run_gives_the_same_numbers_and_single_precision_keeps_the_bound() {
    let init = Init::TruncatedNormal { std: 0.02 };
    let tensor = |dtype| init.tensor(SHAPE, dtype, &mut Rng::seed(1)).unwrap();
    assert!(tensor(DType::F64).bit_eq(&tensor(DType::F64)));
    let single: Tensor = tensor(DType::F32);
    assert!(single.to_vec::<f32>().unwrap().iter().all(|x| x.abs() <= 0.04));
}
