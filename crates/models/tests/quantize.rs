//! Weights kept narrow in a trained model: what they cost, and that no neighbour and no cache changes a bit.

use autodiff::Var;
use models::decode::{Generate, Sampler, generate};
use models::{CausalLm, Gpt, GptConfig, Llama, LlamaConfig};
use nn::loss::cross_entropy;
use nn::{Context, Layer, Module};
use optim::{AdamConfig, AdamW, Optimizer};
use std::ops::ControlFlow;
use tensor::{DType, Rng, Tensor};

const VOCAB: usize = 20;

/// Texts that count in steps of their own, `(n, t + 1)`.
fn texts(n: usize, t: usize, rng: &mut Rng) -> Tensor {
    let starts = rng.uniform([2, n], 0.0, VOCAB as f64, DType::F64).unwrap().to_vec::<f64>().unwrap();
    let at = |i: usize, j: usize| (starts[i] as usize + j * (1 + starts[n + i] as usize % 3)) % VOCAB;
    let tokens = (0..n).flat_map(|i| (0..=t).map(move |j| at(i, j) as i64)).collect();
    Tensor::from_vec(tokens, [n, t + 1]).unwrap()
}

fn loss(model: &impl Layer, texts: &Tensor, cx: &mut Context) -> Var {
    let (n, t) = (texts.shape()[0], texts.shape()[1] - 1);
    let logits = model.forward(&texts.narrow(1, 0, t).unwrap().into(), cx).unwrap();
    let targets = texts.narrow(1, 1, t).unwrap().reshape([n * t]).unwrap();
    cross_entropy(&logits.reshape([n * t, VOCAB]).unwrap(), &targets).unwrap()
}

fn trained(rng: &mut Rng) -> Gpt {
    let config = GptConfig { vocab: VOCAB, context: 24, layers: 2, heads: 4, d: 32, ..GptConfig::default() };
    let mut gpt = Gpt::new(&config, rng).unwrap();
    let mut adam = AdamW::with_config(AdamConfig { lr: 3e-3, ..AdamConfig::default() });
    for _ in 0..150 {
        let batch = texts(16, 12, rng);
        let loss = loss(&gpt, &batch, &mut Context::train(rng));
        adam.step(&mut gpt, &loss.backward().unwrap()).unwrap();
    }
    gpt
}

#[test]
fn a_trained_loss_moves_by_less_than_its_gradient_allows() {
    let rng = &mut Rng::seed(0);
    let gpt = trained(rng);
    let held_out = texts(64, 12, rng);
    let tracked = loss(&gpt, &held_out, &mut Context::train(rng));
    let before = tracked.item().unwrap();
    assert!(before < 1.0, "it must have learnt: {before}");
    let grads = tracked.backward().unwrap();
    let mut moved = Vec::new();
    for dtype in [DType::BF16, DType::I8] {
        let mut narrow = gpt.clone();
        narrow.quantize(dtype).unwrap();
        // To first order Σ |∂loss/∂w|·δ, with δ of 2⁻⁸·|w|, half a last place of 8 bits, or half a step. Signs would have to
        // conspire for half of it: the rest is left to the second order.
        let mut allowed = 0.0;
        for ((_, plain), (_, kept)) in gpt.named_params().into_iter().zip(narrow.named_params()) {
            let grad = grads.get(plain.id()).unwrap().abs().unwrap();
            let most = match kept.scale() {
                _ if !kept.is_narrow() => continue,
                None => plain.value().abs().unwrap().mul_scalar(2f64.powi(-8)).unwrap(),
                Some(scale) => scale.mul_scalar(0.5).unwrap(),
            };
            allowed += grad.mul(&most).unwrap().sum(&[]).unwrap().item().unwrap();
        }
        let after = loss(&narrow, &held_out, &mut Context::eval()).item().unwrap();
        assert!(
            after != before && (after - before).abs() <= allowed,
            "{dtype}: {before} to {after}, {allowed}"
        );
        moved.push(((after - before) / allowed, allowed));
    }
    assert!(moved.iter().all(|(share, allowed)| share.abs() < 0.5 && *allowed < 0.5), "{moved:?}");
}

/// What a model writes is the same alone, in a batch, and at any number of threads; and each token is the likeliest of
/// reading everything again.
fn writes_the_same(model: &impl CausalLm, max_tokens: usize) {
    let prompts = [vec![3, 4, 5], vec![9], vec![2, 4, 6, 8], vec![1, 1], vec![7], vec![0, 3]];
    let how = Generate { max_tokens, sampler: Sampler::greedy(), ..Generate::default() };
    let write = |prompts: &[Vec<usize>]| {
        generate(model, prompts, &how, &mut Rng::seed(2), |_, _| ControlFlow::Continue(())).unwrap()
    };
    let all = write(&prompts);
    for (prompt, text) in prompts.iter().zip(&all) {
        assert_eq!(&write(std::slice::from_ref(prompt))[0], text);
        let tokens: Vec<i64> = prompt.iter().chain(text).map(|&token| token as i64).collect();
        let (t, first) = (tokens.len(), prompt.len() - 1);
        let tokens = Tensor::from_vec(tokens, [1, t]).unwrap();
        let logits = model.forward(&tokens.into(), &mut Context::eval()).unwrap().into_value();
        let likeliest = logits.argmax(-1).unwrap().to_vec::<i64>().unwrap();
        assert!(likeliest[first..t - 1].iter().zip(text).all(|(&a, &b)| a as usize == b));
    }
    for threads in [1, 2, 3, 8] {
        tensor::set_threads(threads);
        assert_eq!(write(&prompts), all, "{threads} threads");
    }
}

fn small_llama(window: Option<usize>, rng: &mut Rng) -> Llama {
    let sizes = LlamaConfig {
        vocab: VOCAB,
        context: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        d: 16,
        ..LlamaConfig::default()
    };
    Llama::new(&LlamaConfig { d_ff: 32, window, ..sizes }, rng).unwrap()
}

#[test]
fn narrow_models_write_the_same_alone_in_a_batch_and_without_a_cache() {
    for dtype in [DType::BF16, DType::I8] {
        let rng = &mut Rng::seed(1);
        let mut gpt = trained(rng);
        assert_eq!(gpt.quantize(dtype).unwrap(), 9);
        writes_the_same(&gpt, 18);
        let mut llama = small_llama(None, rng);
        assert_eq!(llama.quantize(dtype).unwrap(), 15);
        writes_the_same(&llama, 18);
    }
}

#[test]
fn a_model_with_a_window_writes_on_behind_its_context() {
    let llama = small_llama(Some(5), &mut Rng::seed(4));
    // Its tables of angles end at 24, and its cache forgets at 1,029.
    writes_the_same(&llama, 1300);
    let error = small_llama(None, &mut Rng::seed(4))
        .forward(&Tensor::zeros([1, 25], DType::I64).unwrap().into(), &mut Context::eval())
        .unwrap_err();
    assert!(error.to_string().starts_with("[llama] tokens must be (n, t), t at most the context"), "{error}");
}
