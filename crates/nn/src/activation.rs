//! Activation functions by name, for models that let their user choose.

use crate::error::Result;
use autodiff::Var;
use std::fmt;
use tensor::Gate;

/// A function applied to every element between layers.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Activation {
    /// `x`
    Identity,
    /// `max(x, 0)`
    #[default]
    Relu,
    /// `x` above 0, `slope·x` below.
    LeakyRelu {
        /// The slope below 0; PyTorch's default is 0.01.
        slope: f64,
    },
    /// `x` above 0, `alpha·(eˣ − 1)` below.
    Elu {
        /// The limit at −∞, negated; PyTorch's default is 1.
        alpha: f64,
    },
    /// `x·Φ(x)`
    Gelu,
    /// The tanh approximation of GELU.
    GeluTanh,
    /// `x·σ(x)`
    Silu,
    /// `1/(1 + e⁻ˣ)`
    Sigmoid,
    /// `tanh x`
    Tanh,
    /// `ln(1 + eˣ)`
    Softplus,
}

impl Activation {
    /// The function at every element of `x`. Errors: `DTypeMismatch` unless `x` is a float.
    pub fn apply(self, x: &Var) -> Result<Var> {
        Ok(match self {
            Activation::Identity => x.clone(),
            Activation::Relu => x.relu()?,
            Activation::LeakyRelu { slope } => x.leaky_relu(slope)?,
            Activation::Elu { alpha } => x.elu(alpha)?,
            Activation::Gelu => x.gelu()?,
            Activation::GeluTanh => x.gelu_tanh()?,
            Activation::Silu => x.silu()?,
            Activation::Sigmoid => x.sigmoid()?,
            Activation::Tanh => x.tanh()?,
            Activation::Softplus => x.softplus()?,
        })
    }

    /// `x` times the function of `gate`: GLU with `Sigmoid`, ReGLU with `Relu`, GEGLU with `Gelu`, SwiGLU with `Silu`. Those
    /// and `GeluTanh` are one pass, which keeps `x` and `gate` alone for the way back; the others are two.
    ///
    /// Shapes: both the same. Source: Shazeer 2020, arXiv:2002.05202. Errors: `ShapeMismatch`, `DTypeMismatch`.
    pub fn gated(self, x: &Var, gate: &Var) -> Result<Var> {
        let act = match self {
            Activation::Relu => Gate::Relu,
            Activation::Gelu => Gate::Gelu,
            Activation::GeluTanh => Gate::GeluTanh,
            Activation::Silu => Gate::Silu,
            Activation::Sigmoid => Gate::Sigmoid,
            _ => return Ok(x.mul(&self.apply(gate)?)?),
        };
        Ok(x.gated(gate, act)?)
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activation::Identity => f.write_str("identity"),
            Activation::Relu => f.write_str("relu"),
            Activation::LeakyRelu { slope } => write!(f, "leaky_relu({slope})"),
            Activation::Elu { alpha } => write!(f, "elu({alpha})"),
            Activation::Gelu => f.write_str("gelu"),
            Activation::GeluTanh => f.write_str("gelu_tanh"),
            Activation::Silu => f.write_str("silu"),
            Activation::Sigmoid => f.write_str("sigmoid"),
            Activation::Tanh => f.write_str("tanh"),
            Activation::Softplus => f.write_str("softplus"),
        }
    }
}
