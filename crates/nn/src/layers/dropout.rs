//! Dropout.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;

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
}

impl Layer for Dropout {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let Some(rng) = cx.rng().filter(|_| self.p > 0.0) else { return Ok(x.clone()) };
        let kept = rng.bernoulli(x.shape(), 1.0 - self.p)?.to_dtype(x.dtype())?;
        // p = 1 keeps nothing; there is nothing to scale up.
        let scale = if self.p < 1.0 { 1.0 / (1.0 - self.p) } else { 0.0 };
        Ok(x.mul(&Var::from(kept.mul_scalar(scale)?))?)
    }
    fn kind(&self) -> String {
        format!("Dropout({})", self.p)
    }
}
