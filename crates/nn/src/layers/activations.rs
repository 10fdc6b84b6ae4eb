//! Activation functions as layers.

use super::Layer;
use crate::Module;
use crate::activation::Activation;
use crate::context::Context;
use crate::error::Result;
use autodiff::Var;

/// `eˣ / Σ eˣ` along an axis: positive numbers that sum to 1. Losses take logits, so a model that is trained needs none.
///
/// ```
/// use nn::{Context, Layer, Softmax};
/// use tensor::Tensor;
/// let x = Tensor::from_vec(vec![0.0, 0.0, 7.0, 7.0], [2, 2])?.into();
/// let y = Softmax { axis: -1 }.forward(&x, &mut Context::eval())?;
/// assert_eq!(y.value().to_vec::<f64>()?, [0.5; 4]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct Softmax {
    /// The axis; negative ones count from the end.
    pub axis: isize,
}

impl Layer for Softmax {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        Ok(x.softmax(self.axis)?)
    }
    fn kind(&self) -> String {
        format!("Softmax({})", self.axis)
    }
}

impl Layer for Activation {
    fn forward(&self, x: &Var, _: &mut Context) -> Result<Var> {
        self.apply(x)
    }
    fn is_relu(&self) -> bool {
        *self == Activation::Relu
    }
    fn kind(&self) -> String {
        self.to_string()
    }
}
