//! Transformers: their names and losses against those of an outside framework from the same weights, and what no padding,
//! no neighbour and no cache may change.

mod goldens;

use autodiff::Var;
use goldens::{numbers, read};
use models::decode::{Generate, Sampler, generate};
use models::{
    Bert, BertConfig, CausalLm, Gpt, GptConfig, Llama, LlamaConfig, Translator, TranslatorConfig, Vit,
    VitConfig,
};
use nn::loss::{CrossEntropy, cross_entropy, mse_loss};
use nn::{
    Activation, AttentionMask, Context, KvCache, Layer, Module, TransformerConfig, TransformerEncoderLayer,
};
use optim::{AdamConfig, AdamW, Optimizer};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use tensor::{DType, Rng, Tensor};

const VOCAB: usize = 13;

fn tokens(state: &mut u64, shape: &[usize], below: u64) -> Tensor {
    let values = numbers(state, shape.iter().product());
    Tensor::from_vec(values.into_iter().map(|v| (v % VOCAB as u64 % below) as i64).collect(), shape).unwrap()
}

fn reals(state: &mut u64, shape: &[usize]) -> Tensor {
    let values = numbers(state, shape.iter().product());
    Tensor::from_vec(values.into_iter().map(|v| v as f64 / (1 << 24) as f64).collect(), shape).unwrap()
}

/// Gives the model the golden's starting values; its names and shapes must be the golden's.
fn fill(model: &mut dyn Module, golden: &Value, state: &mut u64) {
    let there = golden["parameters"].as_array().unwrap();
    let params = model.named_params_mut();
    assert_eq!(params.len(), there.len());
    for ((name, param), golden) in params.into_iter().zip(there) {
        let shape = param.value().shape().to_vec();
        assert_eq!(golden, &json!([name, shape]));
        let shift = if name.to_lowercase().contains("norm") && name.ends_with("weight") { 1.0 } else { 0.0 };
        let values = numbers(state, shape.iter().product());
        let values = values.into_iter().map(|v| v as f64 / (1 << 25) as f64 - 0.25 + shift).collect();
        param.set(Tensor::from_vec(values, shape).unwrap()).unwrap();
    }
}

/// Ten steps must lose what the golden lost.
fn train<M: Module>(model: &mut M, golden: &Value, loss: impl Fn(&M, &mut Context) -> Var) {
    let adam = AdamConfig { lr: 0.01, beta2: 0.99, weight_decay: 0.1, ..AdamConfig::default() };
    let mut adam = AdamW::with_config(adam);
    for (step, golden) in golden["losses"].as_array().unwrap().iter().enumerate() {
        let loss = loss(model, &mut Context::train(&mut Rng::seed(0)));
        let (found, golden) = (loss.item().unwrap(), golden.as_f64().unwrap());
        assert!((found - golden).abs() <= 1e-9 * golden, "step {step}: {found} instead of {golden}");
        adam.step(model, &loss.backward().unwrap()).unwrap();
    }
}

fn llama(dtype: DType, rng: &mut Rng) -> Llama {
    llama_with(Some(3), dtype, rng)
}

fn llama_with(window: Option<usize>, dtype: DType, rng: &mut Rng) -> Llama {
    let config = LlamaConfig {
        vocab: VOCAB,
        context: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        d: 8,
        d_ff: 12,
        rope_theta: 100.0,
        window,
        tied: false,
        dtype,
        ..LlamaConfig::default()
    };
    Llama::new(&config, rng).unwrap()
}

fn bert(dtype: DType, rng: &mut Rng) -> Bert {
    let sizes =
        BertConfig { vocab: VOCAB, context: 9, layers: 2, heads: 4, d: 8, d_ff: 12, ..Default::default() };
    Bert::new(&BertConfig { dropout: 0.0, dtype, ..sizes }, rng).unwrap()
}

fn translator(dtype: DType, rng: &mut Rng) -> Translator {
    let layer = TransformerConfig { d_ff: 12, dropout: 0.0, norm_first: true, dtype, ..Default::default() };
    let config = TranslatorConfig {
        source_vocab: VOCAB,
        target_vocab: VOCAB,
        context: 20,
        layers: 2,
        heads: 4,
        d: 8,
        layer,
        ..Default::default()
    };
    Translator::new(&config, rng).unwrap()
}

#[test]
fn ten_steps_of_each_lose_what_the_outside_framework_loses() {
    let (file, rng) = (read("transformers.json"), &mut Rng::seed(0));
    let state = &mut file["seed"].as_u64().unwrap();

    let mut model = llama(DType::F64, rng);
    fill(&mut model, &file["llama"], state);
    let (x, y) = (tokens(state, &[3, 7], 13), tokens(state, &[21], 13));
    train(&mut model, &file["llama"], |model, cx| {
        let logits = model.forward(&x.clone().into(), cx).unwrap().reshape([21, VOCAB]).unwrap();
        cross_entropy(&logits, &y).unwrap()
    });

    let config =
        VitConfig { channels: 2, size: [4, 6], patch: [2, 3], layers: 2, heads: 4, ..Default::default() };
    let config = VitConfig { d: 8, d_ff: 12, classes: 4, dtype: DType::F64, ..config };
    let mut model = Vit::new(&config, rng).unwrap();
    fill(&mut model, &file["vit"], state);
    let (x, y) = (reals(state, &[5, 2, 4, 6]), tokens(state, &[5], 4));
    train(&mut model, &file["vit"], |model, cx| {
        cross_entropy(&model.forward(&x.clone().into(), cx).unwrap(), &y).unwrap()
    });

    let mut model = bert(DType::F64, rng);
    fill(&mut model, &file["bert"], state);
    let (x, kinds) = (tokens(state, &[3, 6], 13), Var::from(tokens(state, &[3, 6], 2)));
    let y = reals(state, &[3, 8]);
    train(&mut model, &file["bert"], |model, cx| {
        let mask = AttentionMask::lengths(&[6, 2, 4], 6).unwrap();
        let hidden = model.forward_with(&x.clone().into(), Some(&kinds), &mask, cx).unwrap();
        mse_loss(&model.pool(&hidden, cx).unwrap(), &y).unwrap()
    });

    let mut model = translator(DType::F64, rng);
    fill(&mut model, &file["translator"], state);
    let (source, target) = (tokens(state, &[3, 5], 13), tokens(state, &[3, 4], 13));
    let y = tokens(state, &[12], 13);
    train(&mut model, &file["translator"], |model, cx| {
        let (source, target) = (source.clone().into(), target.clone().into());
        let logits = model.forward(&source, Some(&[5, 3, 4]), &target, cx).unwrap();
        cross_entropy(&logits.reshape([12, VOCAB]).unwrap(), &y).unwrap()
    });
}

#[test]
fn a_llama_generates_with_the_bits_of_reading_everything_again() {
    let rng = &mut Rng::seed(1);
    let model = llama(DType::F32, rng);
    let prompts = [vec![3, 1, 4, 1, 5], vec![9], vec![2, 6]];
    let how = Generate {
        max_tokens: 19,
        sampler: Sampler { temperature: 2.0, ..Default::default() },
        ..Default::default()
    };
    let goes_on = |_, _| ControlFlow::Continue(());
    let batch = generate(&model, &prompts, &how, &mut Rng::seed(2), goes_on).unwrap();
    let mut rng = Rng::seed(2);
    for (prompt, text) in prompts.iter().zip(&batch) {
        let (mut all, mut stream) = (prompt.clone(), rng.split());
        for &token in text {
            let tokens =
                Tensor::from_vec(all.iter().map(|&token| token as i64).collect(), [1, all.len()]).unwrap();
            let logits = model.forward(&tokens.into(), &mut Context::eval()).unwrap().into_value();
            let last = logits.narrow(1, all.len() - 1, 1).unwrap().to_dtype(DType::F64).unwrap();
            assert_eq!(how.sampler.pick(&last.to_vec().unwrap(), &all, &mut stream).unwrap(), token);
            all.push(token);
        }
    }
    for threads in [1, 2, 3, 8] {
        tensor::set_threads(threads);
        assert_eq!(
            generate(&model, &prompts, &how, &mut Rng::seed(2), goes_on).unwrap(),
            batch,
            "{threads} threads"
        );
    }
}

#[test]
fn a_text_has_the_vector_that_it_has_alone() {
    let rng = &mut Rng::seed(3);
    let model = bert(DType::F32, rng);
    let tokens = rng.uniform([3, 9], 0.0, 13.0, DType::F32).unwrap().to_dtype(DType::I64).unwrap();
    let lengths = [9, 1, 4];
    let all = model.embed(&tokens.clone().into(), &lengths, &mut Context::eval()).unwrap().into_value();
    for (i, len) in lengths.into_iter().enumerate() {
        let alone = tokens.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap().into();
        let alone = model.embed(&alone, &[len], &mut Context::eval()).unwrap().into_value();
        assert!(alone.bit_eq(&all.narrow(0, i, 1).unwrap()), "text {i}");
    }
}

#[test]
fn a_translation_is_the_same_alone_in_a_batch_and_without_a_cache() {
    let rng = &mut Rng::seed(4);
    let model = translator(DType::F32, rng);
    let source = rng.uniform([4, 7], 0.0, 13.0, DType::F32).unwrap().to_dtype(DType::I64).unwrap();
    let lengths = [7, 2, 5, 1];
    let all = model.greedy(&source, Some(&lengths), 12).unwrap();
    let beams = model.beam(&source, Some(&lengths), 1, 13, 0.0).unwrap();
    for (i, len) in lengths.into_iter().enumerate() {
        let one = source.narrow(0, i, 1).unwrap().narrow(1, 0, len).unwrap();
        assert_eq!(model.greedy(&one, None, 12).unwrap()[0], all[i], "source {i}");
        // A beam of one takes the likeliest each time, and may end before; without a cache the target is read again each time.
        let beam = &beams[i][0];
        assert_eq!(
            beam.tokens[..beam.tokens.len().min(12)],
            all[i][..beam.tokens.len().min(12)],
            "source {i}"
        );
        let (mut target, mut log) = (vec![0i64], 0.0);
        let wanted: Vec<usize> = beam.tokens.iter().copied().chain(beam.ended.then_some(1)).collect();
        for token in wanted {
            let given = Tensor::from_slice(&target, [1, target.len()]).unwrap().into();
            let logits = model.forward(&one.clone().into(), None, &given, &mut Context::eval()).unwrap();
            let last = logits.value().narrow(1, target.len() - 1, 1).unwrap().to_dtype(DType::F64).unwrap();
            log += last.log_softmax(-1).unwrap().to_vec::<f64>().unwrap()[token];
            target.push(token as i64);
        }
        assert_eq!(log, beam.log_prob, "source {i}");
    }
    let wide = model.beam(&source, Some(&lengths), 4, 12, 0.0).unwrap();
    for (wide, narrow) in wide.iter().zip(&beams) {
        assert!(wide[0].log_prob >= narrow[0].log_prob || !narrow[0].ended);
        assert!(wide.windows(2).all(|pair| pair[0].score() >= pair[1].score()));
    }
    for threads in [1, 3] {
        tensor::set_threads(threads);
        assert_eq!(model.greedy(&source, Some(&lengths), 12).unwrap(), all, "{threads} threads");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let rng = &mut Rng::seed(0);
    // With a window it would go on.
    let model = llama_with(None, DType::F32, rng);
    let long = Tensor::zeros([1, 25], DType::I64).unwrap();
    let error = model.forward(&long.into(), &mut Context::eval()).unwrap_err().to_string();
    assert_eq!(
        error,
        "[llama] tokens must be (n, t), t at most the context; got [1, 25] for a context of 24; keep the last tokens, or use a model of a larger context"
    );
    let mut cx = Context::cached(KvCache::new(1, 30).unwrap());
    model.hidden(&Tensor::zeros([1, 20], DType::I64).unwrap().into(), &mut cx).unwrap();
    cx.advance(&[20]).unwrap();
    let error =
        model.forward(&Tensor::zeros([1, 5], DType::I64).unwrap().into(), &mut cx).unwrap_err().to_string();
    assert!(error.contains("got [1, 5] behind 20 tokens for a context of 24"), "{error}");
    let error = Llama::new(&LlamaConfig { kv_heads: 2, ..Default::default() }, rng).unwrap_err().to_string();
    assert_eq!(
        error,
        "[llama] there must be a layer, heads that divide the features, and heads of keys that divide the heads; got 30 layers, 576 features, 9 heads, 2 heads of keys; change the number of heads"
    );
    let error = Vit::new(&VitConfig { patch: [5, 4], ..Default::default() }, rng).unwrap_err().to_string();
    assert!(error.starts_with("[vit] there must be a layer, heads that divide"), "{error}");
    let bert = bert(DType::F32, rng);
    let run = |shape: [usize; 2], lengths: &[usize]| {
        let tokens = Tensor::zeros(shape, DType::I64).unwrap().into();
        bert.embed(&tokens, lengths, &mut Context::eval()).unwrap_err().to_string()
    };
    assert!(run([1, 10], &[10]).starts_with("[bert] tokens must be (n, t), t at most the context"));
    assert_eq!(
        run([2, 3], &[3, 0]),
        "[bert] each text must have a length of 1 or more; got lengths [3, 0] of tokens [2, 3]; give the number of tokens of each text"
    );
    let model = translator(DType::F32, rng);
    let source = Tensor::zeros([2, 3], DType::I64).unwrap();
    let error = model.greedy(&source, Some(&[3]), 5).unwrap_err().to_string();
    assert!(error.starts_with("[translator] each source must have a length of 1 or more"), "{error}");
    let error = model.greedy(&source, None, 21).unwrap_err().to_string();
    assert!(error.contains("got 21 for a context of 20"), "{error}");
    assert_eq!(
        model.greedy(&Tensor::zeros([0, 3], DType::I64).unwrap(), None, 5).unwrap(),
        Vec::<Vec<usize>>::new()
    );
}

#[test]
fn the_loss_of_tokens_is_that_of_their_logits_with_its_gradients() {
    let rng = &mut Rng::seed(5);
    let tied = llama(DType::F64, rng);
    let sizes = LlamaConfig {
        vocab: VOCAB,
        context: 24,
        layers: 1,
        heads: 2,
        kv_heads: 1,
        d: 8,
        d_ff: 12,
        ..Default::default()
    };
    let untied = Llama::new(&LlamaConfig { tied: false, dtype: DType::F64, ..sizes }, rng).unwrap();
    let sizes = GptConfig { vocab: VOCAB, context: 24, layers: 2, heads: 2, d: 8, ..GptConfig::default() };
    let gpt = Gpt::new(&GptConfig { dtype: DType::F64, ..sizes }, rng).unwrap();
    same_loss(&tied, rng);
    same_loss(&untied, rng);
    same_loss(&gpt, rng);
}

fn same_loss(model: &impl CausalLm, rng: &mut Rng) {
    let mut tokens =
        || rng.uniform([3, 7], 0.0, VOCAB as f64, DType::F64).unwrap().to_dtype(DType::I64).unwrap();
    let (x, next) = (Var::from(tokens()), tokens());
    // What stands behind the end of a text counts for nothing.
    let how = CrossEntropy { ignore_index: Some(next.to_vec::<i64>().unwrap()[4]), ..Default::default() };
    let cx = || Context::train(&mut Rng::seed(0));
    let loss = model.loss(&x, &next, &how, &mut cx()).unwrap();
    let of_logits = model.forward(&x, &mut cx()).unwrap().cross_entropy(&next, &how).unwrap();
    assert!(loss.value().bit_eq(of_logits.value()));
    // One block has all rows, and products the same order then.
    let (grads, of_logits) = (loss.backward().unwrap(), of_logits.backward().unwrap());
    assert_eq!(grads.len(), of_logits.len());
    assert!(grads.iter().zip(of_logits.iter()).all(|((_, a), (_, b))| a.bit_eq(b)));
    assert!(model.loss(&x, &next, &how, &mut Context::eval()).unwrap().item().is_ok());
}

#[test]
fn a_gated_layer_learns() {
    let rng = &mut Rng::seed(8);
    let layer = TransformerConfig {
        d_ff: 16,
        activation: Activation::Gelu,
        gated: true,
        dropout: 0.0,
        norm_first: true,
        ..Default::default()
    };
    let mut layer = TransformerEncoderLayer::new(8, 2, &layer, rng).unwrap();
    // The mean of a sequence, which attention has to fetch, and squares, which the network has to make.
    let x = rng.normal([8, 6, 8], 0.0, 1.0, DType::F32).unwrap();
    let wanted = x.square().unwrap().add(&x.mean_keep(&[1]).unwrap()).unwrap();
    let mut adam = AdamW::new(1e-2);
    let mut losses = Vec::new();
    for _ in 0..200 {
        let y = layer.forward(&x.clone().into(), &mut Context::train(rng)).unwrap();
        let loss = mse_loss(&y, &wanted).unwrap();
        losses.push(loss.item().unwrap());
        adam.step(&mut layer, &loss.backward().unwrap()).unwrap();
    }
    let (first, last) = (losses[0], losses[199]);
    assert!(last < first / 4.0, "{first} to {last}");
}
