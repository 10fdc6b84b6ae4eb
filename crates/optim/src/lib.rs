#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adafactor;
mod adam;
mod average;
mod clip;
mod elementwise;
mod error;
mod groups;
mod lamb;
mod lbfgs;
mod muon;
mod noise;
mod optimizer;
mod rows;
mod schedule;
mod schedule_free;
mod sgd;
mod slots;
mod sparse_adam;
mod state;
mod whole;

pub use adafactor::{Adafactor, AdafactorConfig};
pub use adam::{Adam, AdamConfig, AdamW};
pub use average::{Ema, Swa};
pub use clip::{clip_grad_norm, clip_grads_with_norm, grad_norm};
pub use elementwise::{
    Adadelta, AdadeltaConfig, Adagrad, AdagradConfig, Adamax, AdamaxConfig, Lion, LionConfig, NAdam,
    NAdamConfig, RAdam, RAdamConfig, RmsProp, RmsPropConfig,
};
pub use error::{Error, Result};
pub use groups::Groups;
pub use lamb::{Lamb, LambConfig};
pub use lbfgs::{Lbfgs, LbfgsConfig, LbfgsState, LineSearch};
pub use muon::{Muon, MuonConfig, MuonScale};
pub use noise::GradientNoise;
pub use optimizer::Optimizer;
pub use schedule::{
    Chained, Constant, Cosine, CosineRestarts, CosineWarmup, Cyclic, CyclicMode, Exponential, InSequence,
    InverseSqrt, LinearWarmup, MultiStep, Noam, OneCycle, Plateau, PlateauConfig, Polynomial, Schedule,
    StepDecay, SwaAnneal, SwaLr, Wsd,
};
pub use schedule_free::{ScheduleFreeAdamW, ScheduleFreeConfig};
pub use sgd::{Sgd, SgdConfig};
pub use sparse_adam::{SparseAdam, SparseAdamConfig};
pub use state::{OptimizerState, ParamState};
