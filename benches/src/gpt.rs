//! Language models of GPT-2's architecture.

use crate::text::{VOCAB, batch, train as train_text};
use crate::{Args, Result};
use ironloom::optim::AdamConfig;
use ironloom::prelude::*;
use serde_json::Value;

/// AdamW steps of `config` on n sequences of `time` characters.
fn steps(args: &Args, config: &GptConfig, [n, time]: [usize; 2]) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let (x, labels) = batch(n, time, config.vocab, &mut rng)?;
    let next = labels.reshape([n, time])?;
    let mut model = Gpt::new(config, &mut rng)?;
    let adam = AdamConfig { lr: 1e-3, beta2: 0.99, weight_decay: 0.1, ..AdamConfig::default() };
    train_text(args, &mut model, &mut AdamW::with_config(adam), &mut rng, |model, cx| {
        Ok(model.loss(&x, &next, &CrossEntropy::default(), cx)?)
    })
}

/// Sequences of a whole context, `[n, context]`.
pub(crate) fn train(args: &Args, layers: usize, heads: usize, d: usize, batch: [usize; 2]) -> Result<Value> {
    let config = GptConfig { vocab: VOCAB, context: batch[1], layers, heads, d, ..GptConfig::default() };
    steps(args, &config, batch)
}

/// One text of 256 tokens, and GPT-2 of 124 million parameters.
pub(crate) fn train_large(args: &Args) -> Result<Value> {
    steps(args, &GptConfig::default(), [1, 256])
}
