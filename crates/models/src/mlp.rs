//! The multilayer perceptron.

use autodiff::Var;
use nn::{
    Activation, Context, Dropout, Error, Layer, Linear, LinearConfig, Module, Result, Visitor, VisitorMut,
};
use tensor::Rng;

/// How an [`Mlp`] is made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MlpConfig {
    /// Between the layers; not after the last.
    pub activation: Activation,
    /// After each activation, in training.
    pub dropout: f64,
    /// How each layer is made.
    pub linear: LinearConfig,
}

/// Linear layers with an activation between each two.
///
/// Shapes: x `(.., sizes[0])` → `(.., sizes[last])`. Parameters: `layers.0.weight`, `layers.0.bias`, ….
///
/// ```
/// use models::Mlp;
/// use nn::{Context, Layer, Module};
/// use tensor::{DType, Rng, Tensor};
/// let mlp = Mlp::new([10, 20, 10], &mut Rng::seed(0))?;
/// assert_eq!(mlp.n_params(), 10 * 20 + 20 + 20 * 10 + 10);
/// let y = mlp.forward(&Tensor::zeros([4, 10], DType::F32)?.into(), &mut Context::eval())?;
/// assert_eq!(y.shape(), [4, 10]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Mlp {
    layers: Vec<Linear>,
    activation: Activation,
    dropout: Option<Dropout>,
}

impl Mlp {
    /// Rectifiers between layers of these sizes, no dropout. Errors: `InvalidArgument` for fewer than two sizes or a 0.
    pub fn new(sizes: impl AsRef<[usize]>, rng: &mut Rng) -> Result<Self> {
        Self::with_config(sizes, &MlpConfig::default(), rng)
    }

    /// As `config` says. Errors: as [`Mlp::new`], and for a dropout outside 0..=1.
    pub fn with_config(sizes: impl AsRef<[usize]>, config: &MlpConfig, rng: &mut Rng) -> Result<Self> {
        let sizes = sizes.as_ref();
        if sizes.len() < 2 {
            return Err(Error::InvalidArgument {
                op: "mlp",
                rule: "there must be an input and an output size at least",
                got: format!("{sizes:?}"),
                repair: "use [d_in, hidden, d_out] or the like",
            });
        }
        let dropout = Dropout::new(config.dropout)?;
        let layers = sizes.windows(2).enumerate().map(|(i, pair)| {
            Linear::with_config(pair[0], pair[1], &config.linear, rng).map_err(|e| e.at(i).at("layers"))
        });
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            activation: config.activation,
            dropout: (config.dropout > 0.0).then_some(dropout),
        })
    }
}

/// A layer and the activation after it; a rectifier is computed in the same pass.
struct Activated<'a>(&'a Linear, Activation);

impl Module for Activated<'_> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        self.0.visit(visitor);
    }
    /// Nothing can be changed through a view; it lives for one call.
    fn visit_mut<'a>(&'a mut self, _: &mut dyn VisitorMut<'a>) {}
}

impl Layer for Activated<'_> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        match self.1 {
            Activation::Relu => self.0.forward_relu(x, cx),
            activation => activation.apply(&self.0.forward(x, cx)?),
        }
    }
    fn kind(&self) -> String {
        format!("{} + {}", self.0.kind(), self.1)
    }
}

impl Layer for Mlp {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        cx.within("layers", |cx| {
            let mut y = x.clone();
            for (i, layer) in self.layers.iter().enumerate() {
                if i + 1 == self.layers.len() {
                    return cx.call(i, layer, &y);
                }
                y = cx.call(i, &Activated(layer, self.activation), &y)?;
                if let Some(dropout) = &self.dropout {
                    y = dropout.forward(&y, cx)?;
                }
            }
            Ok(y)
        })
    }
    fn kind(&self) -> String {
        let sizes: Vec<String> = self.layers.iter().map(|layer| layer.d_out().to_string()).collect();
        format!("Mlp({} → {})", self.layers[0].d_in(), sizes.join(" → "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{DType, Tensor};

    #[test]
    fn every_activation_gives_the_layers_composed_by_hand() {
        for activation in [Activation::Relu, Activation::Tanh, Activation::Gelu] {
            let config = MlpConfig { activation, ..Default::default() };
            let rng = &mut Rng::seed(1);
            let mlp = Mlp::with_config([3, 5, 4, 2], &config, rng).unwrap();
            let x = Var::from(rng.normal([7, 3], 0.0, 1.0, DType::F32).unwrap());
            let cx = &mut Context::eval();
            let mut expected = x.clone();
            for (i, layer) in mlp.layers.iter().enumerate() {
                expected = layer.forward(&expected, cx).unwrap();
                if i < 2 {
                    expected = activation.apply(&expected).unwrap();
                }
            }
            assert!(mlp.forward(&x, cx).unwrap().value().bit_eq(expected.value()));
        }
    }

    #[test]
    fn an_error_names_the_layer_that_met_it() {
        let mlp = Mlp::new([3, 5, 2], &mut Rng::seed(0)).unwrap();
        let x = Tensor::zeros([4, 8], DType::F32).unwrap();
        let error = mlp.forward(&x.into(), &mut Context::eval()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "layers.0: [linear] the last axis of the input must equal the second axis of the weight (d_out, d_in); got [4, 8] and [5, 3]; change d_in of the layer or the features of the input"
        );
    }

    #[test]
    fn one_size_is_refused() {
        let error = Mlp::new([3], &mut Rng::seed(0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "[mlp] there must be an input and an output size at least; got [3]; use [d_in, hidden, d_out] or the like"
        );
    }
}
