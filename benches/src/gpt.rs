//! Language models of GPT-2's architecture.

use crate::recorder::record;
use crate::{Args, Result};
use ironloom::optim::{AdamConfig, clip_grad_norm};
use ironloom::prelude::*;
use serde_json::Value;

const VOCAB: usize = 65;

/// AdamW steps on n sequences of a whole context, gradients clipped to 1; `[n, context]`.
pub(crate) fn train(
    args: &Args,
    layers: usize,
    heads: usize,
    d: usize,
    [n, context]: [usize; 2],
) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let mut tokens = || -> Result<Tensor> {
        Ok(rng.uniform([n, context], 0.0, VOCAB as f64, DType::F32)?.to_dtype(DType::I64)?)
    };
    let (x, labels) = (Var::from(tokens()?), tokens()?.reshape([n * context])?);
    let config = GptConfig { vocab: VOCAB, context, layers, heads, d, ..GptConfig::default() };
    let mut model = Gpt::new(&config, &mut rng)?;
    let adam = AdamConfig { lr: 1e-3, beta2: 0.99, weight_decay: 0.1, ..AdamConfig::default() };
    let mut adam = AdamW::with_config(adam);
    record(args, || {
        let mut cx = Context::train(&mut rng);
        let logits = model.forward(&x, &mut cx)?.reshape([n * context, VOCAB])?;
        let loss = cross_entropy(&logits, &labels)?;
        let value = loss.item()?;
        let mut grads = loss.backward()?;
        clip_grad_norm(&mut grads, 1.0)?;
        adam.step(&mut model, &grads)?;
        Ok(value)
    })
}
