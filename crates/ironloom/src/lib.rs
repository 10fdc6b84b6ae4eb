//! Ironloom behind one name: every crate of the workspace, and a prelude.
#![forbid(unsafe_code)]

pub use {autodiff, data, models, nn, optim, tensor, train};

/// What most programs need.
pub mod prelude {
    pub use autodiff::{Gradients, Var, grad_of};
    pub use data::Dataset;
    pub use models::{Mlp, MlpConfig};
    pub use nn::loss::{cross_entropy, mse_loss};
    pub use nn::{Activation, Buffer, Context, Dropout, Layer, Linear, Module, Param, Sequential};
    pub use optim::{Adam, AdamW, Optimizer, Sgd};
    pub use tensor::{DType, Rng, Tensor};
}
