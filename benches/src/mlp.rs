//! The two multilayer perceptrons.

use crate::recorder::record;
use crate::{Args, Result};
use ironloom::prelude::*;
use serde_json::Value;

/// 1,000 Adam steps of 10 → 20 → 10 on a full batch.
pub(crate) fn seed(args: &Args) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let x = Var::from(rng.normal([1000, 10], 0.0, 1.0, DType::F32)?);
    let y = Var::from(rng.normal([1000, 10], 0.0, 1.0, DType::F32)?);
    let mut model = Mlp::new([10, 20, 10], &mut rng)?;
    let mut adam = Adam::new(1e-3);
    record(args, || {
        let mut cx = Context::train(&mut rng);
        let loss = mse_loss(&model.forward(&x, &mut cx)?, &y)?;
        let value = loss.item()?;
        adam.step(&mut model, &loss.backward()?)?;
        Ok(value)
    })
}

/// Adam steps of 784 → 512 → 512 → 10 on a batch of 128.
pub(crate) fn mnist(args: &Args) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let x = Var::from(rng.uniform([128, 784], 0.0, 1.0, DType::F32)?);
    let labels = rng.uniform([128], 0.0, 10.0, DType::F32)?.to_dtype(DType::I64)?;
    let mut model = Mlp::new([784, 512, 512, 10], &mut rng)?;
    let mut adam = Adam::new(1e-3);
    record(args, || {
        let mut cx = Context::train(&mut rng);
        let loss = cross_entropy(&model.forward(&x, &mut cx)?, &labels)?;
        let value = loss.item()?;
        adam.step(&mut model, &loss.backward()?)?;
        Ok(value)
    })
}
