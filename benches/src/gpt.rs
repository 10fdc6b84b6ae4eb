//! Language models of GPT-2's architecture.

use crate::text::{VOCAB, batch, train as train_text};
use crate::{Args, Result};
use ironloom::optim::AdamConfig;
use ironloom::prelude::*;
use serde_json::Value;

/// AdamW steps on n sequences of a whole context; `[n, context]`.
pub(crate) fn train(
    args: &Args,
    layers: usize,
    heads: usize,
    d: usize,
    [n, context]: [usize; 2],
) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let (x, labels) = batch(n, context, &mut rng)?;
    let config = GptConfig { vocab: VOCAB, context, layers, heads, d, ..GptConfig::default() };
    let mut model = Gpt::new(&config, &mut rng)?;
    let adam = AdamConfig { lr: 1e-3, beta2: 0.99, weight_decay: 0.1, ..AdamConfig::default() };
    train_text(args, &mut model, &mut AdamW::with_config(adam), &labels, &mut rng, |model, cx| {
        Ok(model.forward(&x, cx)?.reshape([labels.len(), VOCAB])?)
    })
}
