//! GPT: its names and losses against those of an outside framework from the same weights, what it sees, that it learns.

mod goldens;

use autodiff::Var;
use goldens::{numbers, read};
use models::decode::{Generate, Sampler, generate};
use models::{Gpt, GptConfig};
use nn::loss::cross_entropy;
use nn::{Context, KvCache, Layer, Module};
use optim::{AdamConfig, AdamW, Optimizer};
use std::ops::ControlFlow;
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
fn generation_has_the_bits_of_reading_everything_again() {
    let rng = &mut Rng::seed(3);
    let gpt = small(rng);
    let mut prompts = |len: usize| rng.permutation(20).unwrap()[..len].to_vec();
    let prompts = [prompts(7), prompts(1), prompts(12)];
    // The logits that a sampler saw, by reading all again each time.
    let how = Generate {
        max_tokens: 15,
        sampler: Sampler { temperature: 1.3, ..Sampler::default() },
        stop: vec![3],
    };
    let batch = generate(&gpt, &prompts, &how, &mut Rng::seed(4), |_, _| ControlFlow::Continue(())).unwrap();
    let mut rng = Rng::seed(4);
    for (prompt, text) in prompts.iter().zip(&batch) {
        let (mut all, mut stream) = (prompt.clone(), rng.split());
        for &token in text {
            let tokens: Vec<i64> = all.iter().map(|&token| token as i64).collect();
            let tokens = Tensor::from_vec(tokens, [1, all.len()]).unwrap();
            let logits = gpt.forward(&tokens.into(), &mut Context::eval()).unwrap().into_value();
            let last = logits.narrow(1, all.len() - 1, 1).unwrap().to_dtype(DType::F64).unwrap();
            assert_eq!(how.sampler.pick(&last.to_vec().unwrap(), &all, &mut stream).unwrap(), token);
            all.push(token);
        }
        assert!(text.len() == 15 || text.last() == Some(&3));
    }
    for threads in [1, 3] {
        tensor::set_threads(threads);
        let again =
            generate(&gpt, &prompts, &how, &mut Rng::seed(4), |_, _| ControlFlow::Continue(())).unwrap();
        assert_eq!(again, batch, "{threads} threads");
    }
}

#[test]
fn cached_logits_have_the_bits_of_uncached_ones_alone_and_in_a_batch() {
    let rng = &mut Rng::seed(5);
    let gpt = small(rng);
    let tokens = rng.uniform([3, 30], 0.0, 20.0, DType::F32).unwrap().to_dtype(DType::I64).unwrap();
    let all = gpt.forward(&tokens.clone().into(), &mut Context::eval()).unwrap().into_value();
    let part = |x: &Tensor, i: usize, t: usize| x.narrow(0, i, 1).unwrap().narrow(1, t, 1).unwrap();
    let mut cx = Context::cached(KvCache::new(3, 32).unwrap());
    let mut lens = [11, 4, 7];
    let prompt = gpt.forward(&tokens.narrow(1, 0, 11).unwrap().into(), &mut cx).unwrap().into_value();
    cx.advance(&lens).unwrap();
    for i in 0..3 {
        assert!(part(&prompt, i, lens[i] - 1).bit_eq(&part(&all, i, lens[i] - 1)));
    }
    for _ in 0..15 {
        let next: Vec<Tensor> = (0..3).map(|i| part(&tokens, i, lens[i])).collect();
        let next = Tensor::cat(&next.iter().collect::<Vec<_>>(), 0).unwrap();
        let logits = gpt.forward(&next.into(), &mut cx).unwrap().into_value();
        for i in 0..3 {
            assert!(part(&logits, i, 0).bit_eq(&part(&all, i, lens[i])), "sequence {i}, token {}", lens[i]);
            lens[i] += 1;
        }
        cx.advance(&[1; 3]).unwrap();
    }
}

#[test]
fn a_text_longer_than_the_context_goes_on_and_who_is_beside_it_changes_nothing() {
    let rng = &mut Rng::seed(6);
    let gpt = small(rng);
    let mut heard = vec![0; 3];
    let prompts = [vec![1; 40], vec![2, 3], vec![4; 31]];
    let how = Generate { max_tokens: 70, ..Generate::default() };
    let batch = generate(&gpt, &prompts, &how, &mut Rng::seed(7), |i, _| {
        heard[i] += 1;
        if i == 1 && heard[i] == 50 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(batch.iter().map(Vec::len).collect::<Vec<_>>(), [70, 50, 70]);
    assert_eq!(heard, [70, 50, 70]);
    let mut rng = Rng::seed(7);
    for (i, prompt) in prompts.iter().enumerate() {
        // The stream that the first of one takes is that of the first: the ones before are passed over.
        let alone =
            generate(&gpt, std::slice::from_ref(prompt), &how, &mut rng, |_, _| ControlFlow::Continue(()))
                .unwrap();
        assert_eq!(alone[0][..batch[i].len()], batch[i], "text {i}");
    }
}

#[test]
fn prompts_that_cannot_be_read_are_refused() {
    let gpt = small(&mut Rng::seed(0));
    let run = |prompts: &[Vec<usize>], sampler: Sampler| {
        let how = Generate { sampler, ..Generate::default() };
        let texts = generate(&gpt, prompts, &how, &mut Rng::seed(0), |_, _| ControlFlow::Break(()));
        texts.map_err(|error| error.to_string())
    };
    assert_eq!(
        run(&[vec![1], vec![]], Sampler::default()).unwrap_err(),
        "[generate] a prompt must have a token; got none in prompt 1; begin with a token that begins a text, such as the end of another one"
    );
    assert_eq!(
        run(&[vec![20]], Sampler::default()).unwrap_err(),
        "[generate] every token must be one of the vocabulary; got token 20 in prompt 0 for 20 tokens; encode the prompt with the model's own vocabulary"
    );
    let error = run(&[vec![1]], Sampler { temperature: -1.0, ..Sampler::default() }).unwrap_err();
    assert!(error.starts_with("[sampler] a temperature"), "{error}");
    assert_eq!(run(&[], Sampler::default()).unwrap(), Vec::<Vec<usize>>::new());
    assert_eq!(run(&[vec![1], vec![2]], Sampler::default()).unwrap().iter().map(Vec::len).sum::<usize>(), 2);
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
