//! Dropout: of elements, of channels, of whole branches.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;
use tensor::Tensor;

/// In training, each element is 0 with probability p and else divided by 1 − p; in inference nothing happens.
///
/// The mask is a function of the context's stream, of the draws taken from it before in the pass, and of the element's
/// index. Source: Srivastava et al. 2014, in the inverted form.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Drops with probability `p`. Errors: `InvalidArgument` unless `0 ≤ p ≤ 1`.
    pub fn new(p: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::InvalidArgument {
                op: "dropout",
                rule: "a probability must lie in 0..=1",
                got: p.to_string(),
                repair: "use 0.1 or the like",
            });
        }
        Ok(Self { p })
    }

    /// `residual + forward(x)`, in one pass and, but for BF16 and F16, with the bits of both. Errors: `ShapeMismatch`, `DTypeMismatch`.
    pub fn add_to(&self, residual: &Var, x: &Var, cx: &mut Context) -> Result<Var> {
        Ok(match self.draw(x, cx)? {
            Some(kept) => residual.add_dropped(x, &kept, self.scale())?,
            None => residual.add(x)?,
        })
    }

    /// What of x is kept, if not all.
    fn draw(&self, x: &Var, cx: &mut Context) -> Result<Option<Tensor>> {
        let rng = cx.rng().filter(|_| self.p > 0.0);
        Ok(rng.map(|rng| rng.bernoulli(x.shape(), 1.0 - self.p)).transpose()?)
    }

    /// p = 1 keeps nothing; there is nothing to scale up.
    fn scale(&self) -> f64 {
        if self.p < 1.0 { 1.0 / (1.0 - self.p) } else { 0.0 }
    }
}

impl Layer for Dropout {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        Ok(match self.draw(x, cx)? {
            Some(kept) => x.dropped(&kept, self.scale())?,
            None => x.clone(),
        })
    }
    fn kind(&self) -> String {
        format!("Dropout({})", self.p)
    }
}

/// In training, each channel of each sample is 0 with probability p and else divided by 1 − p: PyTorch's `Dropout1d`,
/// `Dropout2d` and `Dropout3d`. Source: Tompson et al. 2015, arXiv:1411.4280.
///
/// Shapes: x `(n, c, ..)` → the same.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct DropoutChannels {
    p: f64,
}

impl DropoutChannels {
    /// Drops with probability `p`. Errors: `InvalidArgument` unless `0 ≤ p ≤ 1`.
    pub fn new(p: f64) -> Result<Self> {
        Dropout::new(p).map(|Dropout { p }| Self { p })
    }
}

impl Layer for DropoutChannels {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        drop_along(x, self.p, 2, "dropout_channels", cx)
    }
    fn kind(&self) -> String {
        format!("DropoutChannels({})", self.p)
    }
}

/// What [`StochasticDepth`] drops at once; torchvision's modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DropMode {
    /// Each sample by a draw of its own.
    #[default]
    Row,
    /// The whole batch by one draw.
    Batch,
}

/// In training, each sample, or the whole batch, is 0 with probability p and else divided by 1 − p: for the branch of a
/// residual block, which is then skipped. Source: Huang et al. 2016, arXiv:1603.09382.
///
/// Shapes: x `(n, ..)` → the same.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct StochasticDepth {
    p: f64,
    #[module(skip)]
    mode: DropMode,
}

impl StochasticDepth {
    /// Drops samples with probability `p`. Errors: `InvalidArgument` unless `0 ≤ p ≤ 1`.
    pub fn new(p: f64) -> Result<Self> {
        Self::with_mode(p, DropMode::Row)
    }

    /// Drops what `mode` says with probability `p`. Errors: as [`StochasticDepth::new`].
    pub fn with_mode(p: f64, mode: DropMode) -> Result<Self> {
        Dropout::new(p).map(|Dropout { p }| Self { p, mode })
    }
}

impl Layer for StochasticDepth {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let axes = match self.mode {
            DropMode::Row => 1,
            DropMode::Batch => 0,
        };
        drop_along(x, self.p, axes, "stochastic_depth", cx)
    }
    fn kind(&self) -> String {
        match self.mode {
            DropMode::Row => format!("StochasticDepth({})", self.p),
            DropMode::Batch => format!("StochasticDepth({}, batch)", self.p),
        }
    }
}

/// One draw for each position of the first `axes` axes.
fn drop_along(x: &Var, p: f64, axes: usize, op: &'static str, cx: &mut Context) -> Result<Var> {
    if x.rank() < axes {
        return Err(Error::InvalidArgument {
            op,
            rule: "the input must have the axes that are drawn for",
            got: format!("{:?}", x.shape()),
            repair: "add an axis for the batch with unsqueeze",
        });
    }
    let Some(rng) = cx.rng().filter(|_| p > 0.0) else { return Ok(x.clone()) };
    let mut shape = x.shape().to_vec();
    shape[axes..].fill(1);
    let kept = rng.bernoulli(&shape, 1.0 - p)?.to_dtype(x.dtype())?;
    let scale = if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
    Ok(x.mul(&Var::from(kept.mul_scalar(scale)?))?)
}
