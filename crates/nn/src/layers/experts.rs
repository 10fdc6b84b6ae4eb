//! Mixtures of experts: each token goes to few of many feed-forward networks.

use super::{FeedForward, FeedForwardConfig, Layer, Linear, LinearConfig};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::{Activation, Module};
use autodiff::Var;
use tensor::{DType, Order, Rng, Tensor};

/// How a [`MixtureOfExperts`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureOfExpertsConfig {
    /// Experts.
    pub experts: usize,
    /// Experts that a token goes to.
    pub top_k: usize,
    /// Features inside an expert.
    pub d_ff: usize,
    /// Between the two linear layers of an expert.
    pub activation: Activation,
    /// Whether the activation is that of a gate; see [`FeedForwardConfig`].
    pub gated: bool,
    /// The parameters' element type.
    pub dtype: DType,
}

impl Default for MixtureOfExpertsConfig {
    fn default() -> Self {
        Self {
            experts: 8,
            top_k: 2,
            d_ff: 2048,
            activation: Activation::Gelu,
            gated: false,
            dtype: DType::F32,
        }
    }
}

/// What a [`MixtureOfExperts`] returns.
#[derive(Debug, Clone)]
pub struct Mixed {
    /// Of x's shape.
    pub out: Var,
    /// What grows where few experts get most tokens; 1 where all get as many. To be added to the loss, times 0.01 or so.
    pub balance: Var,
}

/// Each token to its `top_k` likeliest experts, their results mixed by their softmax: `y = Σ_e p_e·expert_e(x)` over those, with
/// `p` the softmax of their k logits.
///
/// Shapes: x `(.., d)` → the same. Parameters: `gate.weight` `(experts, d)`, and those of each [`FeedForward`], `experts.0.linear1.weight` and so on. An expert
/// computes the tokens that come to it and no others; none is turned away. The balance is `E·Σ_e f_e·P_e`, f the share of the
/// choices that fell on e and P its mean probability among all. Sources: Shazeer et al. 2017, arXiv:1701.06538; for the
/// softmax over the chosen, Jiang et al. 2024, arXiv:2401.04088; for the balance, Fedus et al. 2021, arXiv:2101.03961, equation 4.
///
/// ```
/// use nn::{Context, MixtureOfExperts, MixtureOfExpertsConfig};
/// use tensor::{DType, Rng};
/// let rng = &mut Rng::seed(0);
/// let config = MixtureOfExpertsConfig { experts: 4, d_ff: 16, ..MixtureOfExpertsConfig::default() };
/// let layer = MixtureOfExperts::new(8, &config, rng)?;
/// let x = rng.normal([3, 5, 8], 0.0, 1.0, DType::F32)?.into();
/// let mixed = layer.forward_with(&x, &mut Context::eval())?;
/// assert_eq!(mixed.out.shape(), [3, 5, 8]);
/// assert!(mixed.balance.item()? > 0.5);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct MixtureOfExperts {
    gate: Linear,
    experts: Vec<FeedForward>,
    top_k: usize,
}

impl MixtureOfExperts {
    /// Experts over d features. Errors: `InvalidArgument` for a size of 0 and a `top_k` above the number of experts.
    pub fn new(d: usize, config: &MixtureOfExpertsConfig, rng: &mut Rng) -> Result<Self> {
        let &MixtureOfExpertsConfig { experts, top_k, d_ff, activation, gated, dtype } = config;
        if top_k == 0 || top_k > experts {
            return Err(Error::InvalidArgument {
                op: "mixture_of_experts",
                rule: "a token must go to an expert, and to no more than there are",
                got: format!("top_k {top_k} of {experts}"),
                repair: "change top_k",
            });
        }
        let linear = LinearConfig { bias: false, dtype, ..LinearConfig::default() };
        let gate = Linear::with_config(d, experts, &linear, rng)?;
        let expert = FeedForwardConfig { d_ff, activation, gated, dtype, ..FeedForwardConfig::default() };
        let experts = (0..experts).map(|_| FeedForward::new(d, &expert, rng)).collect::<Result<_>>()?;
        Ok(Self { gate, experts, top_k })
    }

    /// What the experts make of x, and how evenly it fell on them. Errors: those of the layers.
    pub fn forward_with(&self, x: &Var, cx: &mut Context) -> Result<Mixed> {
        let d = self.gate.d_in();
        if x.shape().last() != Some(&d) {
            return Err(Error::InvalidArgument {
                op: "mixture_of_experts",
                rule: "the last axis of the input must be the features",
                got: format!("{:?} where d is {d}", x.shape()),
                repair: "change the layer's features or the input",
            });
        }
        let (rows, count) = (x.value().len() / d.max(1), self.experts.len());
        let tokens = x.reshape([rows, d])?;
        let logits = cx.call("gate", &self.gate, &tokens)?;
        let (chosen, which) = logits.topk(self.top_k, -1, Order::Descending)?;
        let shares = chosen.softmax(-1)?.reshape([rows * self.top_k])?;
        let which = which.to_vec::<i64>()?;
        let mut out = Var::from(Tensor::zeros([rows, d], x.dtype())?);
        let mut fell = vec![0.0; count];
        cx.within("experts", |cx| {
            for (e, expert) in self.experts.iter().enumerate() {
                // Choices that fell on this expert, in the order of the tokens.
                let choices: Vec<i64> =
                    (0..which.len()).filter(|&i| which[i] == e as i64).map(|i| i as i64).collect();
                fell[e] = choices.len() as f64 / which.len().max(1) as f64;
                // In training an expert without tokens has a gradient of zeros.
                if choices.is_empty() && !cx.is_train() {
                    continue;
                }
                let rows_of: Vec<i64> = choices.iter().map(|i| i / self.top_k as i64).collect();
                let n = choices.len();
                let (choices, rows_of) = (Tensor::from_vec(choices, [n])?, Tensor::from_vec(rows_of, [n])?);
                let y = cx.within(e, |cx| expert.forward(&tokens.index_select(0, &rows_of)?, cx))?;
                let share = shares.index_select(0, &choices)?.unsqueeze(1)?;
                out = out.index_add(0, &rows_of, &y.mul(&share)?)?;
            }
            Ok(())
        })?;
        let fell = Tensor::from_vec(fell, [count])?.to_dtype(x.dtype())?;
        let mean = logits.softmax(-1)?.mean(&[0])?;
        let balance = mean.mul(&Var::from(fell))?.sum(&[])?.mul_scalar(count as f64)?;
        Ok(Mixed { out: out.reshape(x.shape())?, balance })
    }
}

impl Layer for MixtureOfExperts {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        Ok(self.forward_with(x, cx)?.out)
    }
    fn kind(&self) -> String {
        format!("MixtureOfExperts({} of {}, {})", self.top_k, self.experts.len(), self.gate.d_in())
    }
}
