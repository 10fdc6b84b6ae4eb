//! Layers one after another, and around a shortcut.

use super::Layer;
use crate::Module;
use crate::context::{Context, Name};
use crate::error::Result;
use crate::module::{Visitor, VisitorMut};
use autodiff::Var;

/// Layers one after another, named by their places: `0.weight`, `0.bias`, `2.weight`, as in PyTorch.
///
/// ```
/// use nn::{Activation, Context, Layer, Linear, Sequential};
/// use tensor::{DType, Rng, Tensor};
/// let rng = &mut Rng::seed(0);
/// let net = Sequential::new().push(Linear::new(4, 8, rng)?).push(Activation::Relu).push(Linear::new(8, 3, rng)?);
/// let y = net.forward(&Tensor::zeros([5, 4], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [5, 3]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Default)]
pub struct Sequential {
    layers: Vec<Box<dyn Layer>>,
}

impl Sequential {
    /// No layer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end.
    pub fn push(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// How many layers there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Module for Sequential {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        self.layers.visit(visitor);
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        self.layers.visit_mut(visitor);
    }
}

impl Layer for Sequential {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let mut y = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            y = cx.call(Name::Index(i), layer, &y)?;
        }
        Ok(y)
    }
}

/// `y = x + f(x)`. Source: He et al. 2016, arXiv:1512.03385, eq. (1).
#[derive(Debug, Clone, Module)]
pub struct Residual<L> {
    /// The branch, whose output has the input's shape.
    pub branch: L,
}

impl<L: Layer> Residual<L> {
    /// A shortcut around `branch`.
    pub fn new(branch: L) -> Self {
        Self { branch }
    }
}

impl<L: Layer> Layer for Residual<L> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        Ok(x.add(&cx.call("branch", &self.branch, x)?)?)
    }
}
