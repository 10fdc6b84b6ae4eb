//! Attention of several heads and layers of Transformers: against an outside framework, where they look, in any company.

use crate::golden::{cases, fill, hold, operand, sizes};
use autodiff::Var;
use nn::{
    Activation, AttentionMask, Context, KvCache, Layer, Module, MultiHeadAttention, MultiHeadAttentionConfig,
    TransformerConfig, TransformerDecoderLayer, TransformerEncoderLayer, sinusoidal_positions,
};
use serde_json::Value;
use tensor::{DType, Rng, Tensor};

/// The gradients of inputs, then of parameters, of `Σ c·y`.
fn compare(case: &Value, y: &Var, inputs: &[&Var], module: &impl Module, state: &mut u64) {
    let cotangent = Var::from(operand(state, y.shape(), 1.0));
    let grads = y.mul(&cotangent).unwrap().sum(&[]).unwrap().backward().unwrap();
    let of_inputs = inputs.iter().map(|x| grads.of(x).unwrap().clone());
    let of_params = module.named_params().into_iter().map(|(_, p)| grads.get(p.id()).unwrap().clone());
    let found: Vec<Tensor> = [y.value().clone()].into_iter().chain(of_inputs).chain(of_params).collect();
    hold(&found, case);
}

/// `goldens/make_transformer.py` says how they were made, `goldens/transformer.json` by which version and from which seed.
#[test]
fn layers_are_those_of_the_outside_framework() {
    let cases = cases("transformer.json");
    assert_eq!(cases.len(), 29);
    let rng = &mut Rng::seed(0);
    for case in &cases {
        let mut state: u64 = case["seed"].as_str().unwrap().parse().unwrap();
        let config = TransformerConfig {
            d_ff: 7,
            activation: if case["activation"] == "gelu" { Activation::Gelu } else { Activation::Relu },
            dropout: 0.0,
            norm_first: case["norm_first"].as_bool().unwrap(),
            dtype: DType::F64,
            ..TransformerConfig::default()
        };
        let cx = &mut Context::train(&mut Rng::seed(0));
        let kind = case["kind"].as_str().unwrap();
        let lengths = sizes(&case["lengths"]);
        let keys = if kind == "cross_attention" { 4 } else { 5 };
        let mask = match case["mask"].as_str().unwrap() {
            "causal" => AttentionMask::causal(),
            "lengths" => AttentionMask::lengths(&lengths, keys).unwrap(),
            _ => AttentionMask::default(),
        };
        let operands = |state: &mut u64| {
            let of = |state: &mut u64, t: usize| Var::variable(operand(state, &[2, t, 6], 1.0));
            (of(state, 5), of(state, 4))
        };
        match kind {
            "encoder_layer" => {
                let mut layer = TransformerEncoderLayer::new(6, 2, &config, rng).unwrap();
                fill(&mut layer, &mut state);
                let (x, _) = operands(&mut state);
                let y = layer.forward_with(&x, &mask, cx).unwrap();
                compare(case, &y, &[&x], &layer, &mut state);
            }
            "decoder_layer" => {
                let mut layer = TransformerDecoderLayer::new(6, 2, &config, rng).unwrap();
                fill(&mut layer, &mut state);
                let (x, memory) = operands(&mut state);
                let y = layer.forward_with(&x, &memory, &mask, &AttentionMask::default(), cx).unwrap();
                compare(case, &y, &[&x, &memory], &layer, &mut state);
            }
            _ => {
                let how = MultiHeadAttentionConfig { dtype: DType::F64, ..Default::default() };
                let mut layer = MultiHeadAttention::with_config(6, 2, &how, rng).unwrap();
                fill(&mut layer, &mut state);
                let (x, memory) = operands(&mut state);
                if kind == "attention" {
                    let y = layer.forward_with(&x, &x, &mask, cx).unwrap();
                    compare(case, &y, &[&x], &layer, &mut state);
                } else {
                    let y = layer.forward_with(&x, &memory, &mask, cx).unwrap();
                    compare(case, &y, &[&x, &memory], &layer, &mut state);
                }
            }
        }
    }
}

#[test]
fn names_are_those_of_the_outside_framework() {
    let config = TransformerConfig { d_ff: 4, ..TransformerConfig::default() };
    let layer = TransformerEncoderLayer::new(4, 2, &config, &mut Rng::seed(0)).unwrap();
    let names = crate::paths(&layer);
    assert_eq!(
        names[..4],
        [
            "self_attn.in_proj_weight",
            "self_attn.in_proj_bias",
            "self_attn.out_proj.weight",
            "self_attn.out_proj.bias"
        ]
    );
    assert_eq!(
        names[4..],
        [
            "linear1.weight",
            "linear1.bias",
            "linear2.weight",
            "linear2.bias",
            "norm1.weight",
            "norm1.bias",
            "norm2.weight",
            "norm2.bias"
        ]
    );
}

#[test]
fn a_sequence_has_the_same_bits_in_any_company_and_padding_changes_none() {
    let rng = &mut Rng::seed(1);
    let config = TransformerConfig {
        d_ff: 40,
        norm_first: true,
        activation: Activation::Gelu,
        ..TransformerConfig::default()
    };
    let layer = TransformerEncoderLayer::new(24, 4, &config, rng).unwrap();
    let x = rng.normal([3, 7, 24], 0.0, 1.0, DType::F32).unwrap();
    let lengths = [4, 7, 1];
    let cx = &mut Context::eval();
    let y = layer.forward_with(&x.clone().into(), &AttentionMask::lengths(&lengths, 7).unwrap(), cx).unwrap();
    for (i, &len) in lengths.iter().enumerate() {
        let alone = Var::from(x.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap());
        let alone = layer.forward(&alone, cx).unwrap();
        let among = y.value().narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap();
        assert!(alone.value().bit_eq(&among), "sequence {i}");
    }
    for threads in [1, 2, 3, 8] {
        let again = crate::with_threads(threads, || {
            let mask = AttentionMask::lengths(&lengths, 7).unwrap();
            layer.forward_with(&x.clone().into(), &mask, &mut Context::eval()).unwrap()
        });
        assert!(again.value().bit_eq(y.value()), "{threads} threads");
    }
}

#[test]
fn shared_heads_are_heads_with_equal_keys_and_weights_are_what_is_mixed_with() {
    let rng = &mut Rng::seed(2);
    let how = MultiHeadAttentionConfig { kv_heads: Some(2), dtype: DType::F64, ..Default::default() };
    let shared = MultiHeadAttention::with_config(8, 4, &how, rng).unwrap();
    let full = MultiHeadAttentionConfig { kv_heads: None, ..how };
    let mut full = MultiHeadAttention::with_config(8, 4, &full, rng).unwrap();
    // Rows of keys and values once for each of the two heads that share them.
    let (w, b) = (shared.in_proj_weight.value(), shared.in_proj_bias.as_ref().unwrap().value());
    let rows: Vec<i64> =
        (0..8).chain([8, 9, 8, 9, 10, 11, 10, 11]).chain([12, 13, 12, 13, 14, 15, 14, 15]).collect();
    let rows = Tensor::from_vec(rows, [24]).unwrap();
    full.in_proj_weight.set(w.index_select(0, &rows).unwrap()).unwrap();
    full.in_proj_bias.as_mut().unwrap().set(b.index_select(0, &rows).unwrap()).unwrap();
    full.out_proj = shared.out_proj.clone();
    let x: Var = crate::normal([2, 5, 8], 3).into();
    let cx = &mut Context::eval();
    let mask = AttentionMask::causal();
    let (a, b) =
        (shared.forward_with(&x, &x, &mask, cx).unwrap(), full.forward_with(&x, &x, &mask, cx).unwrap());
    let gap = a.value().sub(b.value()).unwrap().abs().unwrap().max(&[]).unwrap().item().unwrap();
    assert!(gap < 1e-14, "{gap}");
    let weights = shared.weights(&x, &x, &mask, cx).unwrap();
    assert_eq!(weights.shape(), [2, 4, 5, 5]);
    let sums = weights.value().sum(&[-1]).unwrap().to_vec::<f64>().unwrap();
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-14));
    assert_eq!(weights.value().triu(1).unwrap().abs().unwrap().sum(&[]).unwrap().item().unwrap(), 0.0);
}

#[test]
fn a_decoder_with_a_cache_has_the_bits_of_one_without() {
    let rng = &mut Rng::seed(5);
    let config = TransformerConfig { d_ff: 32, kv_heads: Some(2), ..TransformerConfig::default() };
    let layer = TransformerDecoderLayer::new(16, 4, &config, rng).unwrap();
    let x: Var = rng.normal([3, 9, 16], 0.0, 1.0, DType::F32).unwrap().into();
    let memory: Var = rng.normal([3, 4, 16], 0.0, 1.0, DType::F32).unwrap().into();
    let of_memory = AttentionMask::lengths(&[4, 1, 3], 4).unwrap();
    for mask in [AttentionMask::causal(), AttentionMask::sliding(3), AttentionMask::alibi(4)] {
        let run = |x: &Var, cx: &mut Context| layer.forward_with(x, &memory, &mask, &of_memory, cx).unwrap();
        let all = run(&x, &mut Context::eval());
        // Two sequences of 5 and 2 tokens, padded, and then token by token.
        let mut cx = Context::cached(KvCache::new(3, 9).unwrap());
        let mut lens = vec![5, 2, 3];
        let same = |i: usize, at: usize, y: &Var, row: usize| {
            let [a, b] = [(&all, at), (y, row)].map(|(y, row)| {
                y.value().narrow(0, i as isize as usize, 1).unwrap().narrow(1, row, 1).unwrap()
            });
            assert!(a.bit_eq(&b), "sequence {i}, token {at}");
        };
        let y = run(&x.narrow(1, 0, 5).unwrap(), &mut cx);
        for (i, &len) in lens.iter().enumerate() {
            (0..len).for_each(|t| same(i, t, &y, t));
        }
        cx.advance(&lens).unwrap();
        for _ in 0..4 {
            let next: Vec<Var> =
                (0..3).map(|i| x.narrow(0, i, 1).unwrap().narrow(1, lens[i], 1).unwrap()).collect();
            let y = run(&Var::cat(&next.iter().collect::<Vec<_>>(), 0).unwrap(), &mut cx);
            for i in 0..3 {
                same(i, lens[i], &y, 0);
                lens[i] += 1;
            }
            cx.advance(&[1; 3]).unwrap();
        }
        assert_eq!(cx.offsets(), lens);
    }
}

#[test]
fn slopes_are_those_of_the_paper_and_its_code() {
    assert_eq!(nn::alibi_slopes(8), [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]);
    let six = [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125];
    assert_eq!(nn::alibi_slopes(6), six);
    assert_eq!(nn::alibi_slopes(1), [0.00390625]);
}

#[test]
fn weights_are_dropped_in_training_alone() {
    let rng = &mut Rng::seed(6);
    let how = MultiHeadAttentionConfig { dropout: 0.5, ..Default::default() };
    let layer = MultiHeadAttention::with_config(8, 2, &how, rng).unwrap();
    let x: Var = rng.normal([2, 5, 8], 0.0, 1.0, DType::F32).unwrap().into();
    let run = |cx: &mut Context| layer.forward(&x, cx).unwrap().into_value();
    assert!(run(&mut Context::eval()).bit_eq(&run(&mut Context::eval())));
    let (once, again) =
        (run(&mut Context::train(&mut Rng::seed(1))), run(&mut Context::train(&mut Rng::seed(1))));
    assert!(once.bit_eq(&again) && !once.bit_eq(&run(&mut Context::train(&mut Rng::seed(2)))));
    assert!(!once.bit_eq(&run(&mut Context::eval())));
}

#[test]
fn a_cache_refuses_what_is_not_its_batch() {
    let rng = &mut Rng::seed(0);
    let layer = MultiHeadAttention::new(4, 2, rng).unwrap();
    let run = |n: usize, t: usize, cx: &mut Context| {
        let x: Var = Tensor::zeros([n, t, 4], DType::F32).unwrap().into();
        layer.forward_with(&x, &x, &AttentionMask::causal(), cx).map(|_| ()).map_err(|e| e.to_string())
    };
    let cx = &mut Context::cached(KvCache::new(2, 5).unwrap());
    run(2, 3, cx).unwrap();
    assert_eq!(
        cx.advance(&[4, 1]).unwrap_err().to_string(),
        "[kv_cache] each sequence goes on by tokens of the last pass; got [4, 1] for 2 sequences of 3 tokens; count the tokens that are not padding"
    );
    cx.advance(&[3, 1]).unwrap();
    assert_eq!(
        run(3, 1, cx).unwrap_err(),
        "[kv_cache] a cache belongs to one batch; got 3 sequences for 2; make a cache for these sequences, or select some"
    );
    assert_eq!(
        run(2, 3, cx).unwrap_err(),
        "[kv_cache] there must be room for all tokens; got 3 tokens behind 3 where there is room for 5; make a larger cache, or begin with the last tokens"
    );
    let error = cx.cache().unwrap().select(&[2]).unwrap_err().to_string();
    assert_eq!(
        error,
        "[kv_cache] sequences must be in the cache; got [2] of 2; name at least one, counted from 0"
    );
    let error = KvCache::new(0, 5).unwrap_err().to_string();
    assert!(error.starts_with("[kv_cache] there must be a sequence"), "{error}");
    // Nothing was spoilt.
    run(2, 2, cx).unwrap();
}

#[test]
fn what_does_not_fit_is_refused() {
    let rng = &mut Rng::seed(0);
    let error = MultiHeadAttention::new(6, 4, rng).unwrap_err().to_string();
    assert_eq!(
        error,
        "[multi_head_attention] heads must divide the features, and heads of keys the heads; got 6 features, 4 heads, 4 heads of keys; change the number of heads"
    );
    let layer = TransformerEncoderLayer::new(6, 2, &TransformerConfig::default(), rng).unwrap();
    let x: Var = Tensor::zeros([2, 6], DType::F32).unwrap().into();
    let error = layer.forward(&x, &mut Context::eval()).unwrap_err().to_string();
    assert!(error.starts_with("self_attn: [multi_head_attention] queries must be (n, t, d)"), "{error}");
    let error = AttentionMask::lengths(&[3, 5], 4).unwrap_err().to_string();
    assert_eq!(
        error,
        "[attention_mask] no length may exceed the steps of the batch; got length 5 of sequence 1 for 4 steps; pad the batch, or shorten the length"
    );
}

#[test]
fn positions_are_waves() {
    let p = sinusoidal_positions(50, 6, DType::F64).unwrap().to_vec::<f64>().unwrap();
    for (t, row) in p.chunks(6).enumerate() {
        for (i, pair) in row.chunks(2).enumerate() {
            let angle = t as f64 / libm::pow(10_000.0, 2.0 * i as f64 / 6.0);
            assert!((pair[0] - libm::sin(angle)).abs() < 1e-13 && (pair[1] - libm::cos(angle)).abs() < 1e-13);
        }
    }
}
