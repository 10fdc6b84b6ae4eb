//! A model as a table: path, layer, output shape, parameters.

use crate::context::Context;
use crate::error::Result;
use crate::layers::Layer;
use autodiff::Var;
use std::fmt;
use tensor::Tensor;

/// One layer of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// Where it is in the model.
    pub path: String,
    /// What it is, with its sizes.
    pub layer: String,
    /// The shape of what it returned.
    pub output: Vec<usize>,
    /// Elements of its parameters, those of the layers inside it included.
    pub params: usize,
}

/// The layers of a model in the order in which they ran, for one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The layers that were called by name.
    pub rows: Vec<SummaryRow>,
    /// The shape of the model's output.
    pub output: Vec<usize>,
    /// Elements of all parameters.
    pub params: usize,
    /// Elements of the parameters that are not frozen.
    pub trainable: usize,
}

impl Summary {
    /// Runs `model` once on `x`, in inference mode, and notes what ran. Errors: those of the model.
    ///
    /// ```
    /// use nn::{Activation, Linear, Sequential, Summary};
    /// use tensor::{DType, Rng, Tensor};
    /// let net = Sequential::new().push(Linear::new(64, 10, &mut Rng::seed(0))?).push(Activation::Relu);
    /// let summary = Summary::of(&net, &Tensor::zeros([1, 64], DType::F32)?)?;
    /// assert_eq!((summary.rows[0].layer.as_str(), summary.params), ("Linear(64 → 10)", 650));
    /// # Ok::<(), nn::Error>(())
    /// ```
    pub fn of(model: &(impl Layer + ?Sized), x: &Tensor) -> Result<Self> {
        let mut cx = Context::tracing();
        let output = model.forward(&Var::from(x), &mut cx)?.shape().to_vec();
        let params = model.named_params();
        Ok(Self {
            rows: cx.into_trace(),
            output,
            params: params.iter().map(|(_, p)| p.value().len()).sum(),
            trainable: params.iter().filter(|(_, p)| p.is_trainable()).map(|(_, p)| p.value().len()).sum(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = |s: &[usize]| format!("{s:?}");
        let mut cells = vec![["path".to_string(), "layer".into(), "output".into(), "parameters".into()]];
        cells.extend(
            self.rows
                .iter()
                .map(|r| [r.path.clone(), r.layer.clone(), shape(&r.output), r.params.to_string()]),
        );
        let width = |i: usize| cells.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        for row in &cells {
            let [path, layer, output, params] = row;
            let [a, b, c, d] = widths;
            writeln!(f, "{path:<a$}  {layer:<b$}  {output:<c$}  {params:>d$}")?;
        }
        write!(f, "{} parameters, {} trainable; output {:?}", self.params, self.trainable, self.output)
    }
}
