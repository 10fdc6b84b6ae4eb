//! A row of attention depends on its query and the keys that it sees, and on nothing else.

use tensor::fused::{Attention, AttentionConfig, attention, attention_grad};
use tensor::{DType, Rng, Tensor};

const CAUSAL: AttentionConfig = AttentionConfig {
    mask: None,
    causal: true,
    offsets: &[],
    window: None,
    slopes: &[],
    dropout: None,
    scale: None,
};

fn drawn(seed: u64, shape: &[usize], dtype: DType) -> Tensor {
    Rng::seed(seed).normal(shape, 0.0, 1.0, dtype).unwrap()
}

fn whole(x: &[Tensor; 3]) -> Attention {
    attention(&x[0], &x[1], &x[2], &CAUSAL).unwrap()
}

#[test]
fn one_query_with_the_keys_before_it_gives_its_row_of_a_whole_sequence() {
    for (dtype, n, d) in [(DType::F32, 1100, 16), (DType::F64, 600, 7), (DType::F32, 70, 64)] {
        let x = [1, 2, 3].map(|seed| drawn(seed, &[1, 2, n, d], dtype));
        let all = whole(&x).out;
        for i in [0, 1, 15, 16, 17, 63, 64, 65, 511, 512, 513, 599, 1023, 1024, 1099] {
            if i >= n {
                continue;
            }
            let cached = |x: &Tensor| x.narrow(2, 0, i + 1).unwrap();
            let query = x[0].narrow(2, i, 1).unwrap();
            let config = AttentionConfig { offsets: &[i], ..CAUSAL };
            let one = attention(&query, &cached(&x[1]), &cached(&x[2]), &config).unwrap().out;
            assert!(one.bit_eq(&all.narrow(2, i, 1).unwrap()), "row {i} of {n} in {dtype}");
        }
    }
}

#[test]
fn a_window_is_the_same_wherever_its_row_is_worked_on() {
    let slopes = [0.01, 0.002];
    for (window, n) in [(1, 70), (90, 1300), (1500, 2700)] {
        let config = AttentionConfig { window: Some(window), slopes: &slopes, ..CAUSAL };
        let x = [5, 6, 7].map(|seed| drawn(seed, &[1, 2, n, 8], DType::F32));
        let all = attention(&x[0], &x[1], &x[2], &config).unwrap().out;
        for i in [0, 15, 16, 63, 64, 69, 90, 91, 1023, 1024, 1299, 1500, 2047, 2048, 2600, 2699] {
            if i >= n {
                continue;
            }
            let cached = |x: &Tensor| x.narrow(2, 0, i + 1).unwrap();
            let query = x[0].narrow(2, i, 1).unwrap();
            let config = AttentionConfig { offsets: &[i], ..config };
            let one = attention(&query, &cached(&x[1]), &cached(&x[2]), &config).unwrap().out;
            assert!(one.bit_eq(&all.narrow(2, i, 1).unwrap()), "row {i} of {n}, window {window}");
        }
    }
}

#[test]
fn each_sample_has_its_own_place_whatever_lies_behind_it() {
    let x = [8, 9, 10].map(|seed| drawn(seed, &[3, 2, 40, 8], DType::F32));
    let offsets = [0, 17, 39];
    let query = drawn(11, &[3, 2, 1, 8], DType::F32);
    let config = AttentionConfig { offsets: &offsets, ..CAUSAL };
    let all = attention(&query, &x[1], &x[2], &config).unwrap().out;
    for (i, &offset) in offsets.iter().enumerate() {
        let seen = |x: &Tensor| x.narrow(0, i, 1).unwrap().narrow(2, 0, offset + 1).unwrap();
        let query = query.narrow(0, i, 1).unwrap();
        let alone = attention(&query, &seen(&x[1]), &seen(&x[2]), &AttentionConfig::default()).unwrap().out;
        assert!(alone.bit_eq(&all.narrow(0, i, 1).unwrap()), "sample {i}");
    }
}

#[test]
fn a_sample_alone_gives_what_it_gives_in_a_batch_in_any_layout() {
    let x = [1, 2, 3].map(|seed| drawn(seed, &[5, 3, 90, 8], DType::F32));
    let g = drawn(4, &[5, 3, 90, 8], DType::F32);
    let found = whole(&x);
    for i in 0..5 {
        let one = [0, 1, 2].map(|j: usize| x[j].narrow(0, i, 1).unwrap());
        let alone = whole(&one);
        assert!(alone.out.bit_eq(&found.out.narrow(0, i, 1).unwrap()));
        let g = g.narrow(0, i, 1).unwrap();
        let grads = attention_grad([&one[0], &one[1], &one[2]], &g, &alone, &CAUSAL).unwrap();
        let spread =
            one.each_ref().map(|x| x.transpose(1, 2).unwrap().copied().unwrap().transpose(1, 2).unwrap());
        let again = attention_grad([&spread[0], &spread[1], &spread[2]], &g, &alone, &CAUSAL).unwrap();
        assert!(grads.bit_eq(&again));
    }
}

#[test]
fn nothing_is_seen_through_a_mask_of_false_and_zeros_come_out() {
    let x = [1, 2, 3].map(|seed| drawn(seed, &[2, 4, 3], DType::F64));
    let none = Tensor::zeros([1], DType::Bool).unwrap();
    let config = AttentionConfig { mask: Some(&none), ..AttentionConfig::default() };
    let found = attention(&x[0], &x[1], &x[2], &config).unwrap();
    let grads = attention_grad([&x[0], &x[1], &x[2]], &x[1], &found, &config).unwrap();
    for y in [found.out, grads] {
        assert!(y.contiguous().unwrap().to_vec::<f64>().unwrap().iter().all(|&y| y == 0.0));
    }
}

#[test]
fn heads_of_one_query_lie_side_by_side() {
    let x = [1, 2, 3].map(|seed| drawn(seed, &[2, 3, 5, 4], DType::F32));
    // (batch, heads, n, d) to (batch, n, heads·d), as a projection wants it, without a copy.
    assert!(whole(&x).out.transpose(1, 2).unwrap().is_contiguous());
}

#[test]
fn endless_keys_and_wrong_masks_are_refused() {
    let q = Tensor::zeros([1, 1, 1], DType::F32).unwrap();
    let endless = q.expand([1isize, 1 << 50, 1]).unwrap();
    let text = attention(&q, &endless, &endless, &AttentionConfig::default()).unwrap_err().to_string();
    assert!(text.starts_with("[scaled_dot_product_attention] "), "{text}");
    let mask = Tensor::zeros([1], DType::I64).unwrap();
    let config = AttentionConfig { mask: Some(&mask), ..AttentionConfig::default() };
    assert_eq!(
        attention(&q, &q, &q, &config).unwrap_err().to_string(),
        "[scaled_dot_product_attention] the mask must be of Bool or of the operands' dtype; got i64 and f32; convert it with to_dtype"
    );
}
