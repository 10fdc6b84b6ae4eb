//! Activation functions as layers.

use super::Layer;
use crate::activation::Activation;
use crate::context::Context;
use crate::error::Result;
use autodiff::Var;

impl Layer for Activation {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        self.apply(x)
    }
    fn kind(&self) -> String {
        self.to_string()
    }
}
