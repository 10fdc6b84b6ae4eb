//! Weights that are functions of other parameters: weight norm and spectral norm around a layer.

use super::{Conv, ConvTranspose, Layer, Linear};
use crate::context::{Context, Name};
use crate::error::{Error, Result};
use crate::module::{Module, Visitor, VisitorMut};
use crate::param::{Buffer, Param};
use autodiff::Var;
use tensor::{DType, Rng, Tensor};

/// A layer with one weight in a field of that name.
pub trait Weighted: Layer {
    /// The axis of the weight that counts outputs.
    const OUTPUT_AXIS: usize;
    /// The weight.
    fn weight(&self) -> &Param;
    /// The weight, to be changed.
    fn weight_mut(&mut self) -> &mut Param;
}

macro_rules! weighted {
    ($([$($generics:tt)*] $ty:ty, $axis:literal;)*) => {$(
        impl<$($generics)*> Weighted for $ty {
            const OUTPUT_AXIS: usize = $axis;
            fn weight(&self) -> &Param {
                &self.weight
            }
            fn weight_mut(&mut self) -> &mut Param {
                &mut self.weight
            }
        }
    )*};
}
weighted! {
    [] Linear, 0;
    [const D: usize] Conv<D>, 0;
    [const D: usize] ConvTranspose<D>, 1;
}

const PARAMETRIZATIONS: [Name; 2] = [Name::Field("parametrizations"), Name::Field("weight")];

/// Shows a layer's fields, the weight under another name.
struct Renamed<'v, V: ?Sized> {
    visitor: &'v mut V,
    original: &'static str,
    depth: usize,
    inside: bool,
}

impl<'v, V: ?Sized> Renamed<'v, V> {
    fn new(visitor: &'v mut V, original: &'static str) -> Self {
        Self { visitor, original, depth: 0, inside: false }
    }

    /// The names that a field's is replaced by.
    fn entered(&mut self, name: Name) -> Vec<Name> {
        self.depth += 1;
        match self.depth == 1 && name == Name::Field("weight") {
            true => {
                self.inside = true;
                [&PARAMETRIZATIONS[..], &[Name::Field(self.original)]].concat()
            }
            false => vec![name],
        }
    }

    /// How many names are left.
    fn left(&mut self) -> usize {
        self.depth -= 1;
        match self.depth == 0 && std::mem::take(&mut self.inside) {
            true => PARAMETRIZATIONS.len() + 1,
            false => 1,
        }
    }
}

impl<'a> Visitor<'a> for Renamed<'_, dyn Visitor<'a> + '_> {
    fn enter(&mut self, name: Name) {
        self.entered(name).into_iter().for_each(|name| self.visitor.enter(name));
    }
    fn leave(&mut self) {
        (0..self.left()).for_each(|_| self.visitor.leave());
    }
    fn param(&mut self, param: &'a Param) {
        self.visitor.param(param);
    }
    fn buffer(&mut self, buffer: &'a Buffer) {
        self.visitor.buffer(buffer);
    }
}

impl<'a> VisitorMut<'a> for Renamed<'_, dyn VisitorMut<'a> + '_> {
    fn enter(&mut self, name: Name) {
        self.entered(name).into_iter().for_each(|name| self.visitor.enter(name));
    }
    fn leave(&mut self) {
        (0..self.left()).for_each(|_| self.visitor.leave());
    }
    fn param(&mut self, param: &'a mut Param) {
        self.visitor.param(param);
    }
    fn buffer(&mut self, buffer: &'a mut Buffer) {
        self.visitor.buffer(buffer);
    }
}

/// Shows something at a path.
macro_rules! show {
    ($visitor:ident, $names:expr, $what:ident($value:expr)) => {
        let names = $names;
        names.iter().for_each(|name| $visitor.enter(*name));
        $visitor.$what($value);
        names.iter().for_each(|_| $visitor.leave());
    };
}

/// The layer inside, run with the weight that `self.weight(cx)` gives.
macro_rules! layer_of_weight {
    ($name:ident) => {
        impl<L: Weighted> Layer for $name<L> {
            fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
                let weight = self.weight(cx)?;
                cx.with_stand_in(self.layer.weight(), weight, |cx| self.layer.forward(x, cx))
            }
            fn forward_relu(&self, x: &Var, cx: &mut Context) -> Result<Var> {
                let weight = self.weight(cx)?;
                cx.with_stand_in(self.layer.weight(), weight, |cx| self.layer.forward_relu(x, cx))
            }
            fn kind(&self) -> String {
                format!("{}({})", stringify!($name), self.layer.kind())
            }
        }
    };
}

/// A layer whose weight is `w = g·v/|v|`, the length and the direction of each part along the first axis, which are trained
/// in its place.
///
/// For `Linear` and `Conv` the parts are the weights of the outputs; for `ConvTranspose` those of the inputs, as with
/// PyTorch's default. Names are those of PyTorch's `parametrizations.weight_norm`: g, `(d, 1, ..)`, is
/// `parametrizations.weight.original0`, v, of the weight's shape, `parametrizations.weight.original1`. A v of zeros gives
/// NaN. Source: Salimans & Kingma 2016, arXiv:1602.07868, eq. (2).
///
/// ```
/// use nn::{Context, Layer, Linear, Module, WeightNorm};
/// use tensor::Tensor;
/// let w = Tensor::from_vec(vec![3.0, 4.0], [1, 2])?;
/// let layer = WeightNorm::new(Linear::from_parts(w, None)?)?;
/// assert_eq!(layer.g.value().to_vec::<f64>()?, [5.0]);
/// let x = Tensor::from_vec(vec![1.0, 1.0], [1, 2])?.into();
/// assert!((layer.forward(&x, &mut Context::eval())?.value().item()? - 7.0).abs() < 1e-14);
/// let paths: Vec<String> = layer.named_params().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["parametrizations.weight.original0", "parametrizations.weight.original1"]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct WeightNorm<L> {
    /// The lengths, `(d, 1, ..)`.
    pub g: Param,
    layer: L,
}

impl<L: Weighted> WeightNorm<L> {
    /// `layer` with the weight that it has now as length and direction. Errors: those of the tensor operations.
    pub fn new(layer: L) -> Result<Self> {
        let weight = layer.weight().value();
        let g = lengths(&Var::constant(weight.clone()))?.into_value();
        Ok(Self { g: Param::new(g), layer })
    }

    /// The layer with the weight that this gives it, a parameter again.
    pub fn into_inner(mut self) -> Result<L> {
        let weight = self.weight(&Context::eval())?.into_value();
        self.layer.weight_mut().set(weight)?;
        Ok(self.layer)
    }

    fn weight(&self, cx: &Context) -> Result<Var> {
        let v = cx.param(self.layer.weight());
        Ok(v.mul(&cx.param(&self.g).div(&lengths(&v)?)?)?)
    }
}

/// The length of each part along the first axis, `(d, 1, ..)`.
fn lengths(v: &Var) -> Result<Var> {
    let axes: Vec<isize> = (1..v.rank() as isize).collect();
    Ok(v.square()?.sum_keep(&axes)?.sqrt()?)
}

impl<L: Module> Module for WeightNorm<L> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        show!(visitor, [&PARAMETRIZATIONS[..], &[Name::Field("original0")]].concat(), param(&self.g));
        self.layer.visit(&mut Renamed::new(visitor, "original1"));
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        show!(visitor, [&PARAMETRIZATIONS[..], &[Name::Field("original0")]].concat(), param(&mut self.g));
        self.layer.visit_mut(&mut Renamed::new(visitor, "original1"));
    }
}

layer_of_weight!(WeightNorm);

/// How a [`SpectralNorm`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectralNormConfig {
    /// Power iterations in each pass in training.
    pub n_power_iterations: usize,
    /// The least length that a vector is divided by.
    pub eps: f64,
}

impl Default for SpectralNormConfig {
    fn default() -> Self {
        Self { n_power_iterations: 1, eps: 1e-12 }
    }
}

/// A layer whose weight is `w/σ`, σ being its largest singular value as a matrix of outputs by everything else.
///
/// `σ = uᵀ·w·v`, where `u ← wv/|wv|` and `v ← wᵀu/|wᵀu|` once (or as configured) in each pass in training: power iteration,
/// which follows a weight that changes slowly. u and v are constants to the gradient, and buffers; inference leaves them,
/// and so does the second run of a checkpoint, which has those of the first.
///
/// Names, order and start (15 iterations) are those of PyTorch's `parametrizations.spectral_norm`: w is
/// `parametrizations.weight.original`, u, `(outputs)`, `parametrizations.weight.0._u`, and v, all else,
/// `parametrizations.weight.0._v`. Source: Miyato et al. 2018, arXiv:1802.05957, algorithm 1, which does v first.
///
/// ```
/// use nn::{Context, Layer, Linear, SpectralNorm};
/// use tensor::{Rng, Tensor};
/// let w = Tensor::from_vec(vec![4.0, 0.0, 0.0, 1.0], [2, 2])?;
/// let layer = SpectralNorm::new(Linear::from_parts(w, None)?, &mut Rng::seed(0))?;
/// let x = Tensor::from_vec(vec![4.0, 4.0], [1, 2])?.into();
/// let y = layer.forward(&x, &mut Context::eval())?.value().to_vec::<f64>()?;
/// assert!((y[0] - 4.0).abs() < 1e-9 && (y[1] - 1.0).abs() < 1e-9);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SpectralNorm<L> {
    /// The left vector, `(outputs)`.
    pub u: Buffer,
    /// The right vector.
    pub v: Buffer,
    layer: L,
    config: SpectralNormConfig,
}

impl<L: Weighted> SpectralNorm<L> {
    /// `layer` with the default configuration. Takes two streams from `rng`. Errors: as [`SpectralNorm::with_config`].
    pub fn new(layer: L, rng: &mut Rng) -> Result<Self> {
        Self::with_config(layer, &SpectralNormConfig::default(), rng)
    }

    /// `layer`, made as `config` says. Errors: `InvalidArgument` for no iteration and for an eps that is no positive number.
    pub fn with_config(layer: L, config: &SpectralNormConfig, rng: &mut Rng) -> Result<Self> {
        let refuse =
            |rule, got, repair| Err(Error::InvalidArgument { op: "spectral_norm", rule, got, repair });
        if config.n_power_iterations == 0 {
            return refuse("there must be an iteration in each pass", "0".into(), "use 1");
        }
        if !(config.eps > 0.0 && config.eps.is_finite()) {
            return refuse("eps must be a positive number", config.eps.to_string(), "use 1e-12 or so");
        }
        let matrix = matrix::<L>(&Var::constant(layer.weight().value().clone()))?.into_value();
        let mut draw = |n: usize| -> Result<Buffer> {
            let x = rng.normal([n], 0.0, 1.0, DType::F64)?.to_dtype(matrix.dtype())?;
            Ok(Buffer::new(unit(&x, config.eps)?))
        };
        let (u, v) = (draw(matrix.shape()[0])?, draw(matrix.shape()[1])?);
        let this = Self { u, v, layer, config: *config };
        for _ in 0..15 {
            this.u.set(this.left(&matrix, &this.v.value())?)?;
            this.v.set(this.right(&matrix, &this.u.value())?)?;
        }
        Ok(this)
    }

    /// The layer with the weight that this gives it, a parameter again.
    pub fn into_inner(mut self) -> Result<L> {
        let weight = self.weight(&mut Context::eval())?.into_value();
        self.layer.weight_mut().set(weight)?;
        Ok(self.layer)
    }

    /// The next v.
    fn right(&self, matrix: &Tensor, u: &Tensor) -> Result<Tensor> {
        unit(&matrix.transpose(0, 1)?.matmul(u)?, self.config.eps)
    }

    /// The next u.
    fn left(&self, matrix: &Tensor, v: &Tensor) -> Result<Tensor> {
        unit(&matrix.matmul(v)?, self.config.eps)
    }

    fn weight(&self, cx: &mut Context) -> Result<Var> {
        let weight = cx.param(self.layer.weight());
        let matrix = matrix::<L>(&weight)?;
        let (mut u, mut v) = (self.u.value(), self.v.value());
        for _ in 0..self.config.n_power_iterations {
            u = cx.updated(&self.u, |_| self.left(matrix.value(), &v))?;
            v = cx.updated(&self.v, |_| self.right(matrix.value(), &u))?;
        }
        let sigma = matrix.matmul(&Var::constant(v))?.mul(&Var::constant(u))?.sum(&[])?;
        Ok(weight.div(&sigma)?)
    }
}

/// The weight with its outputs first and all else in one axis.
fn matrix<L: Weighted>(weight: &Var) -> Result<Var> {
    let outputs = L::OUTPUT_AXIS;
    let mut axes: Vec<isize> = (0..weight.rank() as isize).collect();
    axes[..=outputs].rotate_right(1);
    let rows = weight.shape()[outputs];
    Ok(weight.permute(&axes)?.reshape([rows, weight.value().len() / rows.max(1)])?)
}

/// The vector in length 1, or over `eps` if it is shorter than that.
fn unit(x: &Tensor, eps: f64) -> Result<Tensor> {
    let length = x.square()?.sum(&[])?.sqrt()?.item()?;
    Ok(x.mul_scalar(1.0 / length.max(eps))?)
}

const SPECTRAL: [Name; 3] = [PARAMETRIZATIONS[0], PARAMETRIZATIONS[1], Name::Index(0)];

impl<L: Module> Module for SpectralNorm<L> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        self.layer.visit(&mut Renamed::new(visitor, "original"));
        show!(visitor, [&SPECTRAL[..], &[Name::Field("_u")]].concat(), buffer(&self.u));
        show!(visitor, [&SPECTRAL[..], &[Name::Field("_v")]].concat(), buffer(&self.v));
    }
    fn visit_mut<'a>(&'a mut self, visitor: &mut dyn VisitorMut<'a>) {
        self.layer.visit_mut(&mut Renamed::new(visitor, "original"));
        show!(visitor, [&SPECTRAL[..], &[Name::Field("_u")]].concat(), buffer(&mut self.u));
        show!(visitor, [&SPECTRAL[..], &[Name::Field("_v")]].concat(), buffer(&mut self.v));
    }
}

layer_of_weight!(SpectralNorm);
