use super::fill::GRAIN;
use super::*;
use crate::{DType, Float, set_threads};
use rand::RngExt;

fn uniform<T: Float>(rng: &mut Rng, n: usize, lo: f64, hi: f64) -> Vec<T> {
    let mut out = vec![T::ZERO; n];
    rng.fill_uniform(&mut out, lo, hi).unwrap();
    out
}

fn normal<T: Float>(rng: &mut Rng, n: usize, mean: f64, std: f64) -> Vec<T> {
    let mut out = vec![T::ZERO; n];
    rng.fill_normal(&mut out, mean, std).unwrap();
    out
}

fn bernoulli(rng: &mut Rng, n: usize, p: f64) -> Vec<bool> {
    let mut out = vec![false; n];
    rng.fill_bernoulli(&mut out, p).unwrap();
    out
}

/// Σ (count − expected)² / expected of equally likely cells must stay within 5 standard deviations, √(2·df), of its
/// mean, df = cells − 1.
fn assert_even(counts: &[usize]) {
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let chi2: f64 = counts.iter().map(|&c| (c as f64 - expected).powi(2) / expected).sum();
    let df = counts.len() as f64 - 1.0;
    assert!(
        chi2 < df + 5.0 * (2.0 * df).sqrt(),
        "chi-square {chi2} with {df} degrees of freedom: {counts:?}"
    );
}

#[test]
fn the_generator_is_chacha_with_eight_rounds() {
    // draft-strombergson-chacha-test-vectors, TC1, 256-bit key of zeros, 8 rounds.
    let mut bytes = [0; 16];
    ChaCha8Rng::from_seed([0; 32]).fill_bytes(&mut bytes);
    assert_eq!(u128::from_be_bytes(bytes), 0x3e00_ef2f_895f_40d6_7f5b_b8e8_1f09_a5a1);
}

/// These values were also computed by a ChaCha written independently; changing one breaks every stored seed.
#[test]
fn the_first_numbers_of_seed_0_never_change() {
    let mut rng = Rng::seed(0);
    assert_eq!(uniform::<f32>(&mut rng, 4, 0.0, 1.0), [0.43583214, 0.47657794, 0.4549467, 0.46865875]);
    assert_eq!(
        uniform::<f64>(&mut rng, 3, 0.0, 1.0),
        [0.7061118878390402, 0.5525236559569386, 0.0989125574679488]
    );
    assert_eq!(normal::<f32>(&mut rng, 4, 0.0, 1.0), [0.318955, -1.2873353, -0.25366637, 0.34625432]);
    assert_eq!(
        normal::<f64>(&mut rng, 3, 0.0, 1.0),
        [1.9947200646035879, -0.6302861040872264, -0.47537081404596443]
    );
    let bits: String = bernoulli(&mut rng, 12, 0.5).iter().map(|&b| if b { '1' } else { '0' }).collect();
    assert_eq!(bits, "100011111011");
    assert_eq!(rng.permutation(10).unwrap(), [7, 0, 5, 2, 9, 6, 1, 8, 3, 4]);
    assert_eq!(rng.below(1000), Ok(545));
    assert_eq!(rng.random::<u32>(), 3048137886);
    assert_eq!(rng.split().key[0], 1331593860);
    assert_eq!(rng.stream(3).key[0], 3657209099);
    assert_eq!(rng.draws(), 9);
}

#[test]
fn numbers_do_not_depend_on_the_thread_count() {
    let n = 3 * GRAIN + 17;
    let all = || {
        let mut rng = Rng::seed(11);
        (
            uniform::<f32>(&mut rng, n, -1.0, 1.0),
            uniform::<f64>(&mut rng, n, -1.0, 1.0),
            normal::<f32>(&mut rng, n, 0.0, 1.0),
            normal::<f64>(&mut rng, n, 0.0, 1.0),
            bernoulli(&mut rng, n, 0.3),
        )
    };
    set_threads(1);
    let alone = all();
    for threads in [2, 3, 8] {
        set_threads(threads);
        assert!(all() == alone, "{threads} threads");
    }
}

#[test]
fn an_element_does_not_depend_on_how_many_are_asked_for() {
    let long = 2 * GRAIN + 5;
    for short in [1, 2, 3, 16, 65, GRAIN - 1, GRAIN, GRAIN + 1] {
        let pair = || (Rng::seed(3), Rng::seed(3));
        let (mut a, mut b) = pair();
        assert_eq!(uniform::<f32>(&mut a, long, 0.0, 1.0)[..short], uniform::<f32>(&mut b, short, 0.0, 1.0));
        assert_eq!(uniform::<f64>(&mut a, long, 0.0, 1.0)[..short], uniform::<f64>(&mut b, short, 0.0, 1.0));
        assert_eq!(normal::<f32>(&mut a, long, 0.0, 1.0)[..short], normal::<f32>(&mut b, short, 0.0, 1.0));
        assert_eq!(normal::<f64>(&mut a, long, 0.0, 1.0)[..short], normal::<f64>(&mut b, short, 0.0, 1.0));
        assert_eq!(bernoulli(&mut a, long, 0.5)[..short], bernoulli(&mut b, short, 0.5));
    }
}

#[test]
fn seeds_draws_streams_and_splits_all_differ() {
    let first = |mut rng: Rng| rng.next_u64();
    let mut rng = Rng::seed(5);
    let (draw_0, draw_1) = (rng.next_u64(), rng.next_u64());
    let (split_2, split_3) = (rng.split(), rng.split());
    let mut all = vec![
        draw_0,
        draw_1,
        first(rng.clone()),
        first(Rng::seed(6)),
        first(split_2.stream(0)),
        first(split_2),
        first(split_3),
        first(rng.stream(0)),
        first(rng.stream(1)),
        first(rng.stream(0).stream(0)),
        first(rng.stream(u64::MAX)),
    ];
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 11);
}

#[test]
fn a_stream_takes_no_draw_and_ignores_those_taken() {
    let mut rng = Rng::seed(5);
    let before = rng.stream(9);
    rng.permutation(3).unwrap();
    assert_eq!((rng.draws(), rng.stream(9)), (1, before));
}

#[test]
fn uniform_numbers_fill_their_range_evenly() {
    let n = 100_000;
    let x = uniform::<f64>(&mut Rng::seed(1), n, 2.0, 6.0);
    let mean = x.iter().sum::<f64>() / n as f64;
    let var = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
    // Five standard deviations of each estimate: of the mean 4/√(12 n); of the variance 16/√(180 n).
    assert!((mean - 4.0).abs() < 5.0 * 4.0 / (12.0 * n as f64).sqrt(), "{mean}");
    assert!((var - 16.0 / 12.0).abs() < 5.0 * 16.0 / (180.0 * n as f64).sqrt(), "{var}");
    let mut counts = [0; 64];
    for x in x {
        counts[((x - 2.0) * 16.0) as usize] += 1;
    }
    assert_even(&counts);
}

fn assert_normal<T: Float>(seed: u64) {
    let n = 100_000;
    let x: Vec<f64> = normal::<T>(&mut Rng::seed(seed), n, 3.0, 2.0).iter().map(|x| x.to_f64()).collect();
    let z: Vec<f64> = x.iter().map(|x| (x - 3.0) / 2.0).collect();
    let moment = |k: i32| z.iter().map(|z| z.powi(k)).sum::<f64>() / n as f64;
    let lag = z.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / n as f64;
    // Five standard deviations each; the variances of zᵏ are 1, 2, 15, 96, that of a product of two is 1.
    let sd = 5.0 / (n as f64).sqrt();
    assert!(moment(1).abs() < sd && lag.abs() < sd, "mean {} lag {lag}", moment(1));
    assert!((moment(2) - 1.0).abs() < sd * 2.0f64.sqrt(), "variance {}", moment(2));
    assert!(moment(3).abs() < sd * 15.0f64.sqrt(), "skewness {}", moment(3));
    assert!((moment(4) - 3.0).abs() < sd * 96.0f64.sqrt(), "kurtosis {}", moment(4));
    let mut counts = [0; 64];
    for z in z {
        let quantile = 0.5 * (1.0 + libm::erf(z / std::f64::consts::SQRT_2));
        counts[(quantile * 64.0) as usize] += 1;
    }
    assert_even(&counts);
}

#[test]
fn normal_numbers_have_the_moments_and_quantiles_of_the_normal_distribution() {
    assert_normal::<f32>(2);
    assert_normal::<f64>(3);
}

#[test]
fn bernoulli_hits_its_probability_and_both_ends_are_certain() {
    let n = 100_000;
    let mut rng = Rng::seed(4);
    assert!(bernoulli(&mut rng, n, 0.0).iter().all(|&b| !b));
    assert!(bernoulli(&mut rng, n, 1.0).iter().all(|&b| b));
    for p in [0.1, 0.5, 0.9] {
        let hits = bernoulli(&mut rng, n, p).iter().filter(|&&b| b).count() as f64;
        let sd = (n as f64 * p * (1.0 - p)).sqrt();
        assert!((hits - n as f64 * p).abs() < 5.0 * sd, "{hits} of {n} at {p}");
    }
}

#[test]
fn every_order_is_as_likely_as_any_other() {
    let mut rng = Rng::seed(8);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..24_000 {
        *counts.entry(rng.permutation(4).unwrap()).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 24);
    assert_even(&counts.into_values().collect::<Vec<_>>());
    assert_eq!((rng.permutation(0).unwrap(), rng.permutation(1).unwrap()), (vec![], vec![0]));
}

#[test]
fn a_bounded_integer_is_even_and_reaches_both_ends() {
    let mut rng = Rng::seed(9);
    let mut counts = [0; 7];
    for _ in 0..70_000 {
        counts[rng.below(7).unwrap()] += 1;
    }
    assert_even(&counts);
}

#[test]
fn the_bounded_integer_draws_again_where_a_number_would_be_favoured() {
    let n = (1usize << 63) + 1; // 2⁶⁴ mod n = 2⁶³ − 1: nearly half of all words are refused
    let mut source = Rng::seed(10).at(0, 0);
    for _ in 0..100 {
        assert!(bounded(&mut source, n) < n);
    }
    // Two words a try, 200 tries expected, the tries geometric with p = ½: standard deviation √(100·2) ≈ 14.
    let tries = source.get_word_pos() / 2;
    assert!((130..270).contains(&tries), "{tries} tries for 100 numbers");
}

#[test]
fn a_uniform_number_never_equals_its_upper_end() {
    // One unit in the last place wide: half of all results would round up to the end.
    let end = 1.0 + f64::from(f32::EPSILON);
    assert!(uniform::<f32>(&mut Rng::seed(0), 1000, 1.0, end).iter().all(|&x| x == 1.0));
    let end = 1.0 + f64::EPSILON;
    assert!(uniform::<f64>(&mut Rng::seed(0), 1000, 1.0, end).iter().all(|&x| x == 1.0));
    assert!(uniform::<f64>(&mut Rng::seed(0), 1000, -1.0, 0.0).iter().all(|&x| (-1.0..0.0).contains(&x)));
}

#[test]
fn the_rand_crate_works_on_it() {
    use rand::seq::SliceRandom;
    let mut rng = Rng::seed(12);
    assert!((0.0..1.0).contains(&rng.random::<f64>()));
    assert!((3..9).contains(&rng.random_range(3..9)));
    let mut items = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    SliceRandom::shuffle(&mut items[..], &mut rng);
    assert_ne!(items, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let mut bytes = [0; 8];
    let mut same = rng.clone();
    rng.fill_bytes(&mut bytes);
    assert_eq!(u64::from_le_bytes(bytes), same.words().next_u64());
}

#[test]
fn a_stored_state_goes_on_where_it_was() {
    let mut rng = Rng::seed(13);
    rng.permutation(3).unwrap();
    let text = serde_json::to_string(&rng).unwrap();
    assert_eq!(
        text,
        r#"{"version":1,"key":[13,0,1852797545,1836019564,1851879968,544042852,1701999731,824208737],"draws":1}"#
    );
    let mut back: Rng = serde_json::from_str(&text).unwrap();
    assert_eq!(back, rng);
    assert_eq!(back.next_u64(), rng.next_u64());
}

#[test]
fn a_state_of_another_version_or_form_is_refused() {
    let text = serde_json::to_string(&Rng::seed(0)).unwrap();
    let read = |text: &str| serde_json::from_str::<Rng>(text).unwrap_err().to_string();
    assert_eq!(
        read(&text.replace("\"version\":1", "\"version\":2")),
        "[rng state] a state must have version 1; got version 2; read it with the release that wrote it"
    );
    assert!(
        read(&text.replace("[0,0,", "[0,")).starts_with("invalid length 7, expected an array of length 8")
    );
    assert!(read(&text.replace("draws", "drawn")).starts_with("unknown field `drawn`"));
}

#[test]
fn bad_arguments_are_refused_and_take_no_draw() {
    let mut rng = Rng::seed(0);
    let mut x = [0f32; 3];
    for (lo, hi, shown) in [
        (1.0, 1.0, "1..1"),
        (2.0, 1.0, "2..1"),
        (f64::NAN, 1.0, "NaN..1"),
        (0.0, f64::NAN, "0..NaN"),
        (0.0, f64::INFINITY, "0..inf"),
        (f64::NEG_INFINITY, 0.0, "-inf..0"),
        (1.0, 1.0 + 1e-12, "1..1.000000000001"),
    ] {
        assert_eq!(
            rng.fill_uniform(&mut x, lo, hi).unwrap_err().to_string(),
            format!(
                "[uniform] bounds must be finite with lo < hi in the element type; got {shown} of f32; \
                 pass a non-empty finite range"
            )
        );
    }
    assert!(rng.fill_uniform(&mut [0f64], -f64::MAX, f64::MAX).is_err());
    for (mean, std) in [(0.0, -1.0), (0.0, f64::NAN), (f64::NAN, 1.0), (0.0, f64::INFINITY), (1e300, 1.0)] {
        assert_eq!(
            rng.fill_normal(&mut x, mean, std).unwrap_err().to_string(),
            format!(
                "[normal] mean must be finite and std finite and not negative; got mean {mean} and std {std} of f32; \
                 pass finite values with std >= 0"
            )
        );
    }
    for p in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(
            rng.fill_bernoulli(&mut [true], p).unwrap_err().to_string(),
            format!("[bernoulli] a probability must lie in 0..=1; got {p}; pass a probability")
        );
    }
    assert_eq!(
        rng.below(0).unwrap_err().to_string(),
        "[below] a range to pick from must not be empty; got 0..0; pass n >= 1"
    );
    assert_eq!((x, rng), ([0.0; 3], Rng::seed(0)));
}

#[test]
fn a_tensor_holds_the_numbers_of_the_fill() {
    let mut a = Rng::seed(14);
    let mut b = a.clone();
    let x = a.uniform([2, 3], 0.0, 2.0, DType::F32).unwrap();
    assert_eq!((x.shape(), x.to_vec::<f32>().unwrap()), (&[2, 3][..], uniform::<f32>(&mut b, 6, 0.0, 2.0)));
    let x = a.normal([3, 1], 1.0, 2.0, DType::F64).unwrap();
    assert_eq!((x.shape(), x.to_vec::<f64>().unwrap()), (&[3, 1][..], normal::<f64>(&mut b, 3, 1.0, 2.0)));
    let x = a.bernoulli([5], 0.5).unwrap();
    assert_eq!((x.shape(), x.to_vec::<bool>().unwrap()), (&[5][..], bernoulli(&mut b, 5, 0.5)));
    let x = a.normal([0, 4], 0.0, 1.0, DType::F32).unwrap();
    assert_eq!((x.shape(), x.len()), (&[0, 4][..], 0));
}

#[test]
fn a_random_tensor_of_integers_or_of_impossible_size_is_refused() {
    let mut rng = Rng::seed(0);
    assert_eq!(
        rng.uniform([2], 0.0, 1.0, DType::I64).unwrap_err().to_string(),
        "[uniform] numbers of this distribution are floats; got i64; ask for f32 or f64 and convert with to_dtype"
    );
    assert_eq!(
        rng.normal([2], 0.0, 1.0, DType::Bool).unwrap_err().to_string(),
        "[normal] numbers of this distribution are floats; got bool; ask for f32 or f64 and convert with to_dtype"
    );
    assert!(rng.uniform([2], 1.0, 0.0, DType::F64).is_err());
    assert!(matches!(rng.bernoulli([usize::MAX, 2], 0.5), Err(Error::ShapeOverflow { op: "bernoulli", .. })));
    assert_eq!(rng.draws(), 0);
}

#[test]
fn a_permutation_that_no_memory_holds_is_refused() {
    let mut rng = Rng::seed(0);
    for (n, bytes) in [(1usize << 43, 1u64 << 46), (usize::MAX, u64::MAX)] {
        let text = rng.permutation(n).expect_err("no machine has that").to_string();
        let rule = "[permutation] memory must be had for the result; got a refusal for";
        assert_eq!(text, format!("{rule} {bytes} bytes; use smaller sizes or free some tensors"));
    }
    assert_eq!(rng.draws(), 0);
}
