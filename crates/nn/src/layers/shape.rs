//! Layers that compute nothing.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;

/// `y = x`.
#[derive(Debug, Clone, Copy, Default, Module)]
pub struct Identity;

impl Layer for Identity {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.clone())
    }
}

/// All axes but the first become one: `(n, ..)` → `(n, product)`.
#[derive(Debug, Clone, Copy, Default, Module)]
pub struct Flatten;

impl Layer for Flatten {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        let Some((&n, rest)) = x.shape().split_first() else {
            return Err(Error::InvalidArgument {
                op: "flatten",
                rule: "the input must have a batch axis",
                got: "a scalar".into(),
                repair: "add an axis with unsqueeze(0)",
            });
        };
        Ok(x.reshape([n, rest.iter().product()])?)
    }
}
