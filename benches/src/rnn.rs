//! Character models of recurrent layers.

use crate::text::{VOCAB, batch, train as train_text};
use crate::{Args, Result};
use ironloom::models::{CharRnn, CharRnnConfig};
use ironloom::prelude::*;
use ironloom::tensor::Cell;
use serde_json::{Value, json};

/// Sequences and steps.
const N: usize = 32;
const TIME: usize = 64;

/// Adam steps over whole sequences.
pub(crate) fn train(args: &Args, cell: Cell) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let (x, labels) = batch(N, TIME, VOCAB, &mut rng)?;
    let mut model = CharRnn::new(&CharRnnConfig { cell, ..CharRnnConfig::default() }, &mut rng)?;
    train_text(args, &mut model, &mut Adam::new(1e-3), &mut rng, |model, cx| {
        Ok(cross_entropy(&model.forward(&x, cx)?.reshape([labels.len(), VOCAB])?, &labels)?)
    })
}

/// The same LSTM over sequences of 1 to [`TIME`] characters, each length as often as others; the loss is over real
/// characters alone, and `tokens` says how many those are.
pub(crate) fn train_ragged(args: &Args) -> Result<Value> {
    #[derive(Module)]
    struct Ragged {
        tok: Embedding,
        rnn: Lstm,
        head: Linear,
    }
    let rng = &mut Rng::seed(0);
    let (x, labels) = batch(N, TIME, VOCAB, rng)?;
    let config = RecurrentConfig { layers: 2, ..RecurrentConfig::default() };
    let mut model = Ragged {
        tok: Embedding::new(VOCAB, 128, rng)?,
        rnn: Lstm::with_config(128, 256, &config, rng)?,
        head: Linear::new(256, VOCAB, rng)?,
    };
    let lengths: Vec<usize> = (0..N).map(|i| 1 + (TIME - 1) * i / (N - 1)).collect();
    let real: Vec<i64> = (0..N * TIME).filter(|i| i % TIME < lengths[i / TIME]).map(|i| i as i64).collect();
    let real = Tensor::from_slice(&real, [real.len()])?;
    let labels = labels.index_select(0, &real)?;
    let mut line = train_text(args, &mut model, &mut Adam::new(1e-3), rng, |model, cx| {
        let x = cx.call("tok", &model.tok, &x)?;
        let (y, _) = model.rnn.forward_with(&x, Some(&lengths), None, cx)?;
        let y = y.reshape([N * TIME, 256])?.index_select(0, real.clone())?;
        Ok(cross_entropy(&cx.call("head", &model.head, &y)?, &labels)?)
    })?;
    line["tokens"] = json!(real.len());
    Ok(line)
}
