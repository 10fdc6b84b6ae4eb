//! Character models of recurrent layers.

use crate::recorder::record;
use crate::{Args, Result};
use ironloom::models::{CharRnn, CharRnnConfig};
use ironloom::nn::{Embedding, Lstm, RecurrentConfig};
use ironloom::optim::clip_grad_norm;
use ironloom::prelude::*;
use ironloom::tensor::Cell;
use serde_json::{Value, json};

/// Sequences, steps and characters.
const N: usize = 32;
const TIME: usize = 64;
const VOCAB: usize = 65;

/// Adam steps, gradients clipped to 1; `ragged`: sequences of 1 to [`TIME`] characters, each length as often as others.
pub(crate) fn train(args: &Args, cell: Cell, ragged: bool) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let mut tokens = || -> Result<Tensor> {
        Ok(rng.uniform([N, TIME], 0.0, VOCAB as f64, DType::F32)?.to_dtype(DType::I64)?)
    };
    let (x, labels) = (Var::from(tokens()?), tokens()?.reshape([N * TIME])?);
    if ragged {
        return train_ragged(args, &x, &labels, &mut rng);
    }
    let mut model = CharRnn::new(&CharRnnConfig { cell, ..CharRnnConfig::default() }, &mut rng)?;
    let mut adam = Adam::new(1e-3);
    record(args, || {
        let mut cx = Context::train(&mut rng);
        let logits = model.forward(&x, &mut cx)?.reshape([N * TIME, VOCAB])?;
        let loss = cross_entropy(&logits, &labels)?;
        let value = loss.item()?;
        let mut grads = loss.backward()?;
        clip_grad_norm(&mut grads, 1.0)?;
        adam.step(&mut model, &grads)?;
        Ok(value)
    })
}

/// What a tagger of real lengths does: the loss is over real characters alone. `tokens` says how many those are.
fn train_ragged(args: &Args, x: &Var, labels: &Tensor, rng: &mut Rng) -> Result<Value> {
    #[derive(Module)]
    struct Ragged {
        tok: Embedding,
        rnn: Lstm,
        head: Linear,
    }
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
    let mut adam = Adam::new(1e-3);
    let mut line = record(args, || {
        let mut cx = Context::train(rng);
        let x = cx.call("tok", &model.tok, x)?;
        let (y, _) = model.rnn.forward_with(&x, Some(&lengths), None, &mut cx)?;
        let y = y.reshape([N * TIME, 256])?.index_select(0, real.clone())?;
        let loss = cross_entropy(&cx.call("head", &model.head, &y)?, &labels)?;
        let value = loss.item()?;
        let mut grads = loss.backward()?;
        clip_grad_norm(&mut grads, 1.0)?;
        adam.step(&mut model, &grads)?;
        Ok(value)
    })?;
    line["tokens"] = json!(real.len());
    Ok(line)
}
