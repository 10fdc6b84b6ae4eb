#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod lenet;
mod mlp;
mod resnet;

pub use lenet::{LeNet, LeNetConfig};
pub use mlp::{Mlp, MlpConfig};
pub use resnet::{ResNet, ResNetConfig};
