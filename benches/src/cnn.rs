//! The two convolutional networks.

use crate::recorder::record;
use crate::{Args, Result};
use ironloom::models::{LeNet, LeNetConfig, ResNet, ResNetConfig};
use ironloom::optim::SgdConfig;
use ironloom::prelude::*;
use serde_json::Value;

fn train(
    args: &Args,
    shape: &[usize],
    lr: f64,
    model: impl FnOnce(&mut Rng) -> Result<Box<dyn Layer>>,
) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let x = Var::from(rng.normal(shape, 0.0, 1.0, DType::F32)?);
    let labels = rng.uniform([shape[0]], 0.0, 10.0, DType::F32)?.to_dtype(DType::I64)?;
    let mut model = model(&mut rng)?;
    let mut sgd = Sgd::with_config(SgdConfig { lr, momentum: 0.9, ..SgdConfig::default() });
    record(args, || {
        let mut cx = Context::train(&mut rng);
        let loss = cross_entropy(&model.forward(&x, &mut cx)?, &labels)?;
        let value = loss.item()?;
        sgd.step(&mut *model, &loss.backward()?)?;
        Ok(value)
    })
}

/// SGD steps of three convolutions and two linear layers on 64 images of 28×28.
pub(crate) fn small(args: &Args) -> Result<Value> {
    train(args, &[64, 1, 28, 28], 1e-2, |rng| Ok(Box::new(LeNet::new(&LeNetConfig::default(), rng)?)))
}

/// SGD steps of ResNet-20 on 64 images of 32×32.
pub(crate) fn resnet20(args: &Args) -> Result<Value> {
    train(args, &[64, 3, 32, 32], 0.1, |rng| Ok(Box::new(ResNet::new(&ResNetConfig::resnet20(10), rng)?)))
}
