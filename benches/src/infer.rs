//! Inference: a text written on by GPT-2's smallest, and texts read by an encoder.

use crate::recorder::{digits, head, median, record};
use crate::{Args, Result, machine};
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
    let gpt = Gpt::new(&config, &mut rng)?;
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
    line["step_s_min"] = json!(digits(times.iter().copied().fold(f64::INFINITY, f64::min)));
    line["step_s_median"] = json!(digits(median(times)));
    line["prefill_s"] = json!(digits(median(prefills)));
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
    let bert = Bert::new(&config, &mut rng)?;
    let texts = tokens([16, 128], config.vocab, &mut rng)?.into();
    let mut line = record(args, || {
        bert.embed(&texts, &[128; 16], &mut Context::eval())?;
        Ok(0.0)
    })?;
    line["loss_first"] = Value::Null;
    line["loss_last"] = Value::Null;
    Ok(line)
}
