//! Layers one after another, around a shortcut, and in a checkpoint.

use super::Layer;
use crate::Module;
use crate::context::{Context, Name, forward_of_layer};
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
    layers: Vec<Box<dyn CloneLayer>>,
}

/// A layer behind a box that can be cloned.
trait CloneLayer: Layer {
    fn boxed_clone(&self) -> Box<dyn CloneLayer>;
}

impl<L: Layer + Clone + 'static> CloneLayer for L {
    fn boxed_clone(&self) -> Box<dyn CloneLayer> {
        Box::new(self.clone())
    }
}

/// The clone's parameters are its own, with equal values.
impl Clone for Sequential {
    fn clone(&self) -> Self {
        Self { layers: self.layers.iter().map(|layer| layer.boxed_clone()).collect() }
    }
}

impl Sequential {
    /// No layer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end. It must be `Clone`, so that the whole is.
    pub fn push(mut self, layer: impl Layer + Clone + 'static) -> Self {
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

impl Sequential {
    /// All layers, and a rectifier at the end if so wished. A rectifier is computed with the layer before it, except where
    /// a summary shows both.
    fn run(&self, x: &Var, cx: &mut Context, relu: bool) -> Result<Var> {
        let mut y = x.clone();
        let mut i = 0;
        while i < self.layers.len() {
            let layer = &self.layers[i];
            let rectified = match self.layers.get(i + 1) {
                Some(next) => next.is_relu() && !cx.is_tracing(),
                None => relu,
            };
            match rectified {
                true => y = cx.call_relu(Name::Index(i), layer, &y)?,
                false => y = cx.call(Name::Index(i), layer, &y)?,
            }
            i += if rectified { 2 } else { 1 };
        }
        Ok(if relu && self.layers.is_empty() { y.relu()? } else { y })
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
        self.run(x, cx, false)
    }
    fn forward_relu(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.run(x, cx, true)
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

/// A layer that keeps only its input and its output, and is run again when the gradient comes; see
/// [`Context::checkpoint`]. Its parameters have the names that they have without.
///
/// ```
/// use nn::{Activation, Checkpointed, Linear, Module, Sequential};
/// use tensor::Rng;
/// let rng = &mut Rng::seed(0);
/// let block = Sequential::new().push(Linear::new(4, 4, rng)?).push(Activation::Gelu);
/// let net = Sequential::new().push(Checkpointed::new(block));
/// assert_eq!(net.named_params()[0].0, "0.0.weight");
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checkpointed<L> {
    layer: L,
}

impl<L: Layer + Clone + 'static> Checkpointed<L> {
    /// `layer` in a checkpoint.
    pub fn new(layer: L) -> Self {
        Self { layer }
    }

    /// The layer.
    pub fn into_inner(self) -> L {
        self.layer
    }
}

impl<L: Module> Module for Checkpointed<L> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        self.layer.visit(visitor);
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        self.layer.visit_mut(visitor);
    }
}

impl<L: Layer + Clone + 'static> Layer for Checkpointed<L> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        match cx.is_train() {
            true => cx.recompute(&self.layer, std::slice::from_ref(x), forward_of_layer),
            false => self.layer.forward(x, cx),
        }
    }
    fn kind(&self) -> String {
        self.layer.kind()
    }
}
