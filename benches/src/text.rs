//! What the workloads of language models share.

use crate::recorder::record;
use crate::{Args, Result};
use ironloom::optim::clip_grad_norm;
use ironloom::prelude::*;
use serde_json::Value;

/// Characters.
pub(crate) const VOCAB: usize = 65;

/// n sequences of `time` random characters of `vocab`, and as many labels in one row.
pub(crate) fn batch(n: usize, time: usize, vocab: usize, rng: &mut Rng) -> Result<(Var, Tensor)> {
    let mut tokens = || -> Result<Tensor> {
        Ok(rng.uniform([n, time], 0.0, vocab as f64, DType::F32)?.to_dtype(DType::I64)?)
    };
    Ok((tokens()?.into(), tokens()?.reshape([n * time])?))
}

/// Steps by the loss that `loss` gives; gradients are clipped to 1.
pub(crate) fn train<M: Module>(
    args: &Args,
    model: &mut M,
    optimizer: &mut impl Optimizer,
    rng: &mut Rng,
    loss: impl Fn(&M, &mut Context) -> Result<Var>,
) -> Result<Value> {
    record(args, || {
        let loss = loss(model, &mut Context::train(rng))?;
        let value = loss.item()?;
        let mut grads = loss.backward()?;
        clip_grad_norm(&mut grads, 1.0)?;
        optimizer.step(model, &grads)?;
        Ok(value)
    })
}
