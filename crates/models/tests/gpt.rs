//! GPT: its names and losses against those of an outside framework from the same weights, what it sees, that it learns.

mod goldens;

use autodiff::Var;
use goldens::{numbers, read};
use models::{Gpt, GptConfig};
use nn::loss::cross_entropy;
use nn::{Context, Layer, Module};
use optim::{AdamConfig, AdamW, Optimizer};
use tensor::{DType, Rng, Tensor};

#[test]
fn ten_steps_lose_what_the_outside_framework_loses() {
    let file = read("gpt.json");
    let config = GptConfig {
        vocab: 13,
        context: 8,
        layers: 2,
        heads: 2,
        d: 6,
        dtype: DType::F64,
        ..GptConfig::default()
    };
    let mut gpt = Gpt::new(&config, &mut Rng::seed(0)).unwrap();
    let mut state = file["seed"].as_u64().unwrap();
    let there = file["parameters"].as_array().unwrap();
    let params = gpt.named_params_mut();
    assert_eq!(params.len(), there.len());
    for ((name, param), golden) in params.into_iter().zip(there) {
        let shape = param.value().shape().to_vec();
        assert_eq!(golden, &serde_json::json!([name, shape]));
        let shift = if name.contains("ln_") && name.ends_with("weight") { 1.0 } else { 0.0 };
        let values = numbers(&mut state, shape.iter().product());
        let values = values.into_iter().map(|v| v as f64 / (1 << 25) as f64 - 0.25 + shift).collect();
        param.set(Tensor::from_vec(values, shape).unwrap()).unwrap();
    }
    let mut tokens = || numbers(&mut state, 24).into_iter().map(|v| (v % 13) as i64).collect::<Vec<_>>();
    let (x, y) = (Tensor::from_vec(tokens(), [3, 8]).unwrap(), Tensor::from_vec(tokens(), [24]).unwrap());
    let adam = AdamConfig { lr: 0.01, beta2: 0.99, weight_decay: 0.1, ..AdamConfig::default() };
    let mut adam = AdamW::with_config(adam);
    for (step, golden) in file["losses"].as_array().unwrap().iter().enumerate() {
        let cx = &mut Context::train(&mut Rng::seed(0));
        let logits = gpt.forward(&x.clone().into(), cx).unwrap().reshape([24, 13]).unwrap();
        let loss = cross_entropy(&logits, &y).unwrap();
        let (loss_is, golden) = (loss.item().unwrap(), golden.as_f64().unwrap());
        assert!((loss_is - golden).abs() <= 1e-9 * golden, "step {step}: {loss_is} instead of {golden}");
        adam.step(&mut gpt, &loss.backward().unwrap()).unwrap();
    }
}

fn small(rng: &mut Rng) -> Gpt {
    let config = GptConfig { vocab: 20, context: 32, layers: 2, heads: 4, d: 32, ..GptConfig::default() };
    Gpt::new(&config, rng).unwrap()
}

#[test]
fn what_comes_later_and_who_is_beside_change_no_bit() {
    let rng = &mut Rng::seed(1);
    let gpt = small(rng);
    let tokens = rng.uniform([3, 32], 0.0, 20.0, DType::F32).unwrap().to_dtype(DType::I64).unwrap();
    let run = |tokens: Tensor| gpt.forward(&tokens.into(), &mut Context::eval()).unwrap().into_value();
    let all = run(tokens.clone());
    for (i, len) in [(0, 1), (1, 17), (2, 32)] {
        let alone = run(tokens.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap());
        assert!(
            alone.bit_eq(&all.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap()),
            "sequence {i}, {len} tokens"
        );
    }
    for threads in [1, 2, 3, 8] {
        tensor::set_threads(threads);
        assert!(run(tokens.clone()).bit_eq(&all), "{threads} threads");
    }
}

#[test]
fn it_learns_a_text_by_heart_and_every_parameter_has_a_gradient() {
    let rng = &mut Rng::seed(2);
    let mut gpt = small(rng);
    let tokens = rng.uniform([4, 33], 0.0, 20.0, DType::F32).unwrap().to_dtype(DType::I64).unwrap();
    let x = Var::from(tokens.narrow(1, 0, 32).unwrap());
    let labels = tokens.narrow(1, 1, 32).unwrap().reshape([128]).unwrap();
    let mut adam = AdamW::new(3e-3);
    let mut last = f64::NAN;
    for step in 0..200 {
        let logits = gpt.forward(&x, &mut Context::train(rng)).unwrap().reshape([128, 20]).unwrap();
        let loss = cross_entropy(&logits, &labels).unwrap();
        last = loss.item().unwrap();
        if last < 0.05 {
            return;
        }
        let grads = loss.backward().unwrap();
        if step == 0 {
            assert!(gpt.named_params().iter().all(|(_, p)| grads.get(p.id()).is_some()));
        }
        adam.step(&mut gpt, &grads).unwrap();
    }
    panic!("the loss is {last} after 200 steps");
}

#[test]
fn what_it_cannot_see_is_refused() {
    let gpt = small(&mut Rng::seed(0));
    let run = |shape: [usize; 2], token: f64| {
        let tokens = Tensor::full(shape, token, DType::I64).unwrap();
        gpt.forward(&tokens.into(), &mut Context::eval()).unwrap_err().to_string()
    };
    assert_eq!(
        run([1, 33], 0.0),
        "[gpt] tokens must be (n, t), t at most the context; got [1, 33] for a context of 32; keep the last tokens, or use a model of a larger context"
    );
    assert_eq!(
        run([1, 3], 20.0),
        "wte: [embedding] every token must be in the table; got token 20 for 20 tokens; map unknown tokens to one of the vocabulary"
    );
    let error =
        Gpt::new(&GptConfig { heads: 5, ..GptConfig::default() }, &mut Rng::seed(0)).unwrap_err().to_string();
    assert_eq!(
        error,
        "[gpt] there must be a layer, and heads that divide the features; got 12 layers, 768 features, 5 heads; change the number of heads"
    );
}
