//! The linear layer, `y = x·wᵀ + b`.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::param::Param;
use autodiff::Var;
use tensor::{DType, Rng, Tensor};

/// How a [`Linear`] layer is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearConfig {
    /// Whether a bias is added.
    pub bias: bool,
    /// How the weight starts.
    pub weight_init: Init,
    /// How the bias starts; `None`: uniform in ±1/√d_in, as in PyTorch.
    pub bias_init: Option<Init>,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for LinearConfig {
    fn default() -> Self {
        Self { bias: true, weight_init: Init::FanIn, bias_init: None, dtype: DType::F32 }
    }
}

/// `y = x·wᵀ + b`.
///
/// Shapes: x `(.., d_in)` → `(.., d_out)`; weight `(d_out, d_in)`, bias `(d_out)`: PyTorch's names and layouts, and by
/// default its starting values.
///
/// ```
/// use nn::{Context, Layer, Linear};
/// use tensor::Tensor;
/// let w = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])?;
/// let layer = Linear::from_parts(w, Some(Tensor::from_vec(vec![0.5, -0.5], [2])?))?;
/// let x = Tensor::from_vec(vec![1.0, 0.0, -1.0], [1, 3])?.into();
/// assert_eq!(layer.forward(&x, &mut Context::eval())?.value().to_vec::<f64>()?, [-1.5, -2.5]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Linear {
    /// `(d_out, d_in)`
    pub weight: Param,
    /// `(d_out)`
    pub bias: Option<Param>,
}

impl Linear {
    /// A layer with the default configuration. Takes two streams from `rng`.
    ///
    /// Errors: `InvalidArgument` if a size is 0.
    pub fn new(d_in: usize, d_out: usize, rng: &mut Rng) -> Result<Self> {
        Self::with_config(d_in, d_out, &LinearConfig::default(), rng)
    }

    /// A layer made as `config` says. Errors: as [`Linear::new`], and those of the initialisers.
    pub fn with_config(d_in: usize, d_out: usize, config: &LinearConfig, rng: &mut Rng) -> Result<Self> {
        if d_in == 0 || d_out == 0 {
            return Err(Error::InvalidArgument {
                op: "linear",
                rule: "sizes must be at least 1",
                got: format!("d_in {d_in}, d_out {d_out}"),
                repair: "give the layer features and outputs",
            });
        }
        let weight = config.weight_init.tensor([d_out, d_in], config.dtype, rng)?;
        let bias_init = config.bias_init.unwrap_or(Init::Uniform { limit: 1.0 / (d_in as f64).sqrt() });
        let bias = bias_init.tensor([d_out], config.dtype, rng)?;
        Ok(Self { weight: Param::matrix(weight, 0), bias: config.bias.then(|| Param::new(bias)) })
    }

    /// A layer with these parameters. Errors: `InvalidArgument` unless the weight is `(d_out, d_in)` of floats and the
    /// bias `(d_out)` of the same dtype.
    pub fn from_parts(weight: Tensor, bias: Option<Tensor>) -> Result<Self> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "linear", rule, got, repair });
        let shown = |x: &Tensor| format!("{} {:?}", x.dtype(), x.shape());
        if weight.rank() != 2 || !weight.dtype().is_float() {
            return refuse(
                "the weight must be floats (d_out, d_in)",
                shown(&weight),
                "reshape or convert it",
            );
        }
        if let Some(bias) = &bias
            && (bias.shape() != &weight.shape()[..1] || bias.dtype() != weight.dtype())
        {
            let got = format!("{} for a weight {}", shown(bias), shown(&weight));
            return refuse("the bias must be (d_out) of the weight's dtype", got, "reshape or convert it");
        }
        Ok(Self { weight: Param::matrix(weight, 0), bias: bias.map(Param::new) })
    }

    /// Features in.
    pub fn d_in(&self) -> usize {
        self.weight.value().shape()[1]
    }

    /// Features out.
    pub fn d_out(&self) -> usize {
        self.weight.value().shape()[0]
    }
}

impl Layer for Linear {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        cx.linear(x, &self.weight, self.bias.as_ref())
    }
    fn forward_relu(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        cx.linear_relu(x, &self.weight, self.bias.as_ref())
    }
    fn kind(&self) -> String {
        format!("Linear({} → {})", self.d_in(), self.d_out())
    }
}
