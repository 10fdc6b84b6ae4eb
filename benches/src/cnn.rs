//! The two convolutional networks.

use crate::recorder::{digits, head, record};
use crate::{Args, Result};
use ironloom::data::{Augment, Augmented, Workers};
use ironloom::models::{LeNet, LeNetConfig, ResNet, ResNetConfig};
use ironloom::optim::SgdConfig;
use ironloom::prelude::*;
use ironloom::train::{Classification, Progress, TrainConfig, Trainer};
use serde_json::{Value, json};

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

/// Epochs of the first network on 4,096 images that are cropped, flipped and turned as they are read by `workers` threads: how long
/// the loop waits for them.
pub(crate) fn augmented(args: &Args) -> Result<Value> {
    let mut rng = Rng::seed(0);
    let images = rng.normal([4096, 1, 28, 28], 0.0, 1.0, DType::F32)?;
    let labels = rng.uniform([4096], 0.0, 10.0, DType::F32)?.to_dtype(DType::I64)?;
    let names: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    let images = Dataset::classification(images, labels, names.clone())?;
    let steps = vec![
        Augment::RandomCrop { padding: 2 },
        Augment::HorizontalFlip { p: 0.5 },
        Augment::Rotate { degrees: 15.0 },
    ];
    let images = Augmented::new(&images, steps, 1)?;
    let config = TrainConfig {
        epochs: (args.seconds as usize).max(1),
        batch_size: 64,
        workers: Workers { threads: args.workers, prefetch: 4 },
        progress: Progress::Silent,
        ..TrainConfig::default()
    };
    let mut model = LeNet::new(&LeNetConfig::default(), &mut rng)?;
    let mut sgd = Sgd::with_config(SgdConfig { lr: 1e-2, momentum: 0.9, ..SgdConfig::default() });
    let fit = Trainer::new(config).fit(&mut model, &mut sgd, &Classification::new(names), &images, None)?;
    let mut line = head(args);
    line["workers"] = json!(args.workers);
    line["steps"] = json!(fit.steps);
    line["step_s_mean"] = json!(digits(fit.seconds / fit.steps as f64));
    line["waited_share"] = json!(digits(fit.waited / fit.seconds));
    Ok(line)
}
