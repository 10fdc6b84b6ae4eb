//! Inference: a text written on by GPT-2's smallest, and texts read by an encoder.

use crate::recorder::{digits, head, median, record};
use crate::{Args, Result, Weights, machine};
use clap::ValueEnum;
use ironloom::models::decode::greedy;
use ironloom::nn::KvCache;
use ironloom::prelude::*;
use ironloom::tensor::Tensor;
use serde_json::{Value, json};
use std::time::Instant;

/// Tokens of the prompt, and tokens that are written.
const PROMPT: usize = 64;
const WRITTEN: usize = 32;

fn tokens(shape: [usize; 2], vocab: usize, rng: &mut Rng) -> Result<Tensor> {
    Ok(rng.uniform(shape, 0.0, vocab as f64, DType::F32)?.to_dtype(DType::I64)?)
}

/// Keeps the matrices of `model` as the arguments say.
fn keep(args: &Args, model: &mut impl Module) -> Result<()> {
    match args.weights {
        Weights::F32 => {}
        Weights::Bf16 => drop(model.quantize(DType::BF16)?),
        Weights::Int8 => drop(model.quantize(DType::I8)?),
        Weights::Int8Dynamic => drop(model.quantize_dynamic()?),
    }
    Ok(())
}

/// Bytes of all weights and scales.
fn bytes(model: &impl Module) -> usize {
    model.state_dict().iter().map(|(_, x)| x.len() * x.dtype().size()).sum()
}

/// The most likely token behind those of a pass.
fn next(gpt: &Gpt, tokens: Tensor, cx: &mut Context) -> Result<Tensor> {
    let t = tokens.shape()[1];
    let hidden = gpt.hidden(&tokens.into(), cx)?.narrow(1, t - 1, 1)?;
    let logits = gpt.logits(&hidden, cx)?;
    cx.advance(&[t])?;
    let token = greedy(&logits.value().to_dtype(DType::F64)?.to_vec()?)?;
    Ok(Tensor::from_slice(&[token as i64], [1, 1])?)
}

/// A prompt read, and then greedy tokens one by one with a cache; a step is one token.
pub(crate) fn generate(args: &Args) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let config = GptConfig::default();
    let mut gpt = Gpt::new(&config, &mut rng)?;
    keep(args, &mut gpt)?;
    let prompt = tokens([1, PROMPT], config.vocab, &mut rng)?;
    let (mut prefills, mut times) = (Vec::new(), Vec::new());
    let mut first_step_s = None;
    let mut begin = None;
    while begin.is_none_or(|begin: Instant| times.is_empty() || begin.elapsed().as_secs_f64() < args.seconds)
    {
        let mut cx = Context::cached(KvCache::new(1, PROMPT + WRITTEN)?);
        let mut last = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            let passed = (now - last).as_secs_f64();
            last = now;
            passed
        };
        let mut token = next(&gpt, prompt.clone(), &mut cx)?;
        let prefill = lap();
        first_step_s.get_or_insert_with(|| machine::since_start().as_secs_f64());
        let mut of_tokens = Vec::with_capacity(WRITTEN);
        for _ in 1..WRITTEN {
            token = next(&gpt, token, &mut cx)?;
            of_tokens.push(lap());
        }
        // The first generation is the warm-up.
        match begin {
            None => begin = Some(Instant::now()),
            Some(_) => {
                prefills.push(prefill);
                times.append(&mut of_tokens);
            }
        }
    }
    let mut line = head(args);
    line["steps"] = json!(times.len());
    let (fastest, usual) = (times.iter().copied().fold(f64::INFINITY, f64::min), median(times));
    line["step_s_min"] = json!(digits(fastest));
    line["step_s_median"] = json!(digits(usual));
    line["prefill_s"] = json!(digits(median(prefills)));
    // A token reads all weights but the table of places, of which it reads a row.
    let read = bytes(&gpt) - 4 * config.context * config.d;
    let bandwidth = machine::read_bandwidth()?;
    line["weights"] = json!(args.weights.to_possible_value().map(|v| v.get_name().to_string()));
    line["weight_mb"] = json!(digits(read as f64 / 1e6));
    line["read_gb_s"] = json!(digits(bandwidth / 1e9));
    line["times_of_reading"] = json!(digits(usual / (read as f64 / bandwidth)));
    line["first_step_s"] = json!(first_step_s.map(digits));
    line["peak_rss_mb"] = json!(machine::peak_rss_mb());
    line["loss_first"] = Value::Null;
    line["loss_last"] = Value::Null;
    Ok(line)
}

/// 16 texts of 128 tokens, to a vector each.
pub(crate) fn encode(args: &Args) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let config = BertConfig::default();
    let mut bert = Bert::new(&config, &mut rng)?;
    keep(args, &mut bert)?;
    let texts = tokens([16, 128], config.vocab, &mut rng)?.into();
    let mut line = record(args, || {
        bert.embed(&texts, &[128; 16], &mut Context::eval())?;
        Ok(0.0)
    })?;
    line["loss_first"] = Value::Null;
    line["loss_last"] = Value::Null;
    Ok(line)
}
