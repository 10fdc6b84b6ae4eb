#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adam;
mod average;
mod clip;
mod elementwise;
mod error;
mod groups;
mod noise;
mod optimizer;
mod schedule;
mod sgd;
mod slots;
mod state;

pub use adam::{Adam, AdamConfig, AdamW};
pub use average::Ema;
pub use clip::{clip_grad_norm, clip_grads_with_norm, grad_norm};
pub use elementwise::{
    Adadelta, AdadeltaConfig, Adagrad, AdagradConfig, Adamax, AdamaxConfig, Lion, LionConfig, NAdam,
    NAdamConfig, RAdam, RAdamConfig, RmsProp, RmsPropConfig,
};
pub use error::{Error, Result};
pub use groups::Groups;
pub use noise::GradientNoise;
pub use optimizer::Optimizer;
pub use schedule::{
    Chained, Constant, Cosine, CosineRestarts, CosineWarmup, Cyclic, CyclicMode, Exponential, InSequence,
    InverseSqrt, LinearWarmup, MultiStep, Noam, OneCycle, Plateau, PlateauConfig, Polynomial, Schedule,
    StepDecay, Wsd,
};
pub use sgd::{Sgd, SgdConfig};
pub use state::{OptimizerState, ParamState};
