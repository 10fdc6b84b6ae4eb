//! Optimizers, schedules and clipping, from the outside.

mod average;
mod clip;
mod goldens;
mod groups;
mod lbfgs;
mod noise;
mod rules;
mod schedule;
mod schedule_free;
mod schedule_goldens;
mod shapes;
mod sparse;
mod state;

use autodiff::Gradients;
use nn::{Linear, Module, Param};
use optim::{
    Adadelta, Adafactor, Adam, AdamConfig, AdamW, Adamax, Lamb, Lion, Muon, NAdam, Optimizer, RAdam, RmsProp,
    ScheduleFreeAdamW,
};
use tensor::{DType, Rng, Tensor};

type Make = fn() -> Box<dyn Optimizer>;

/// The optimizers that every test of all of them takes as they are; each test adds its settings of the others.
const MOST: [Make; 12] = [
    || Box::new(Adam::new(0.1)),
    || Box::new(AdamW::new(0.1)),
    || Box::new(RmsProp::new(0.1)),
    || Box::new(Adadelta::new(1.0)),
    || Box::new(Adamax::new(0.1)),
    || Box::new(NAdam::new(0.1)),
    || Box::new(RAdam::new(0.1)),
    || Box::new(Lion::new(0.1)),
    || Box::new(Lamb::new(0.1)),
    || Box::new(Adafactor::new(0.1)),
    || Box::new(Muon::new(0.1).with_fallback(AdamConfig::default())),
    || Box::new(ScheduleFreeAdamW::new(0.1)),
];

/// A parameter of each rank, in modules and beside them.
#[derive(Clone, Module)]
struct Net {
    body: Linear,
    scale: Param,
    head: Linear,
}

/// A linear layer 2 → 3, a vector of 3, a linear layer 3 → 2.
fn net(seed: u64) -> Net {
    let rng = &mut Rng::seed(seed);
    let mut normal = |shape: &[usize]| rng.normal(shape, 0.0, 1.0, DType::F64).unwrap();
    Net {
        body: Linear::from_parts(normal(&[3, 2]), Some(normal(&[3]))).unwrap(),
        scale: Param::new(normal(&[3])),
        head: Linear::from_parts(normal(&[2, 3]), Some(normal(&[2]))).unwrap(),
    }
}

/// A parameter of each shape that an optimizer may look at.
#[derive(Clone, Module)]
struct Mixed {
    tall: Param,
    wide: Param,
    square: Param,
    cube: Param,
    vector: Param,
    number: Param,
}

fn mixed(seed: u64) -> Mixed {
    mixed_of(seed, DType::F64)
}

fn mixed_of(seed: u64, dtype: DType) -> Mixed {
    let rng = &mut Rng::seed(seed);
    let mut normal = |shape: &[usize]| {
        Param::new(rng.normal(shape, 0.0, 1.0, DType::F64).unwrap().to_dtype(dtype).unwrap())
    };
    Mixed {
        tall: normal(&[5, 2]),
        wide: normal(&[2, 4]),
        square: normal(&[3, 3]),
        cube: normal(&[2, 3, 2]),
        vector: normal(&[4]),
        number: normal(&[]),
    }
}

/// Random gradients for the parameters that train.
fn gradients(net: &impl Module, seed: u64) -> Gradients {
    let (rng, mut grads) = (&mut Rng::seed(seed), Gradients::default());
    for (_, param) in net.named_params() {
        let grad = rng.normal(param.value().shape(), 0.0, 1.0, param.value().dtype()).unwrap();
        if param.is_trainable() {
            grads.insert(param.id(), grad);
        }
    }
    grads
}

/// One step with random gradients.
fn step(optimizer: &mut (impl Optimizer + ?Sized), model: &mut impl Module, seed: u64) {
    let grads = gradients(model, seed);
    optimizer.step(model, &grads).unwrap();
}

fn get(net: &impl Module, path: &str) -> Vec<f64> {
    net.state_dict().get(path).unwrap().to_vec().unwrap()
}

fn fingerprint(net: &impl Module) -> u64 {
    net.state_dict().fingerprint().unwrap()
}

fn scalar(x: f64) -> Param {
    Param::new(Tensor::scalar(x))
}
