//! The feed-forward network of a Transformer's layer, gated or not.

use super::{Dropout, Layer, Linear, LinearConfig};
use crate::context::Context;
use crate::error::Result;
use crate::{Activation, Module};
use autodiff::Var;
use tensor::{DType, Rng};

/// How a [`FeedForward`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeedForwardConfig {
    /// Features between the two linear layers.
    pub d_ff: usize,
    /// Between the two linear layers.
    pub activation: Activation,
    /// Whether the activation is that of a gate: GLU with `Sigmoid`, ReGLU with `Relu`, GEGLU with `Gelu`, SwiGLU with
    /// `Silu`. There is a third linear layer then, and two thirds of `d_ff` make as many parameters.
    pub gated: bool,
    /// Whether the linear layers have biases.
    pub bias: bool,
    /// The probability with which features inside are dropped.
    pub dropout: f64,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for FeedForwardConfig {
    fn default() -> Self {
        Self {
            d_ff: 2048,
            activation: Activation::Gelu,
            gated: false,
            bias: true,
            dropout: 0.0,
            dtype: DType::F32,
        }
    }
}

/// `linear2(dropout(act(linear1(x))))`, or `linear2(dropout(linear1(x)·act(gate(x))))`.
///
/// Shapes: x `(.., d)` → the same. Parameters: `linear1.weight` `(d_ff, d)`, `gate.weight` `(d_ff, d)` if gated, `linear2.weight`
/// `(d, d_ff)`, with their biases: PyTorch's names, and one that it has no word for. In published weights `gate`, `linear1`,
/// `linear2` are Llama's `gate_proj`, `up_proj`, `down_proj` and T5's `wi_0`, `wi_1`, `wo`; where one matrix holds two, its first
/// rows are the gate in `ModernBERT`'s `Wi` and `DINOv2`'s `w12`, and its last ones in PyTorch's `glu` and in `GEGLU` of diffusers.
/// Source: Shazeer 2020, arXiv:2002.05202.
///
/// ```
/// use nn::{Activation, Context, FeedForward, FeedForwardConfig, Layer, Module};
/// use tensor::{DType, Rng};
/// let rng = &mut Rng::seed(0);
/// let geglu = FeedForwardConfig { d_ff: 16, activation: Activation::Gelu, gated: true, ..Default::default() };
/// let layer = FeedForward::new(6, &geglu, rng)?;
/// assert_eq!(layer.n_params(), 2 * 16 * (6 + 1) + 6 * (16 + 1));
/// let x = rng.normal([3, 5, 6], 0.0, 1.0, DType::F32)?.into();
/// assert_eq!(layer.forward(&x, &mut Context::eval())?.shape(), [3, 5, 6]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct FeedForward {
    /// d to `d_ff`.
    pub linear1: Linear,
    /// d to `d_ff`, through the activation.
    pub gate: Option<Linear>,
    /// `d_ff` to d.
    pub linear2: Linear,
    dropout: Dropout,
    #[module(skip)]
    activation: Activation,
}

impl FeedForward {
    /// A network over d features. Errors: those of its layers.
    pub fn new(d: usize, config: &FeedForwardConfig, rng: &mut Rng) -> Result<Self> {
        let &FeedForwardConfig { d_ff, activation, gated, bias, dropout, dtype } = config;
        let linear = LinearConfig { bias, dtype, ..LinearConfig::default() };
        Ok(Self {
            linear1: Linear::with_config(d, d_ff, &linear, rng)?,
            gate: if gated { Some(Linear::with_config(d, d_ff, &linear, rng)?) } else { None },
            linear2: Linear::with_config(d_ff, d, &linear, rng)?,
            dropout: Dropout::new(dropout)?,
            activation,
        })
    }
}

impl Layer for FeedForward {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let y = match (&self.gate, self.activation) {
            (Some(gate), activation) => {
                let y = cx.call("linear1", &self.linear1, x)?;
                activation.gated(&y, &cx.call("gate", gate, x)?)?
            }
            (None, Activation::Relu) => cx.call_relu("linear1", &self.linear1, x)?,
            (None, activation) => activation.apply(&cx.call("linear1", &self.linear1, x)?)?,
        };
        let y = self.dropout.forward(&y, cx)?;
        cx.call("linear2", &self.linear2, &y)
    }
    fn kind(&self) -> String {
        let gated = if self.gate.is_some() { "gated " } else { "" };
        format!("FeedForward({} → {}, {gated}{})", self.linear1.d_in(), self.linear1.d_out(), self.activation)
    }
}
