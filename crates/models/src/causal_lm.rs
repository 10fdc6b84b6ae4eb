//! Models that say which token follows.

use autodiff::Var;
use nn::loss::CrossEntropy;
use nn::{Context, Error, Layer, Result};
use tensor::Tensor;

/// A model of the next token from all before it. `forward`, of tokens `(n, t)`, is the logits of the hidden states.
///
/// In a context with a [cache](nn::KvCache) the tokens of a pass follow those of earlier passes.
pub trait CausalLm: Layer {
    /// The most tokens that it sees.
    fn context(&self) -> usize;

    /// How far back each of its layers looks, if not over all tokens: then it goes on behind its context.
    fn window(&self) -> Option<usize> {
        None
    }

    /// Tokens that it knows.
    fn vocab(&self) -> usize;

    /// What it makes of each token and those before it: tokens `(n, t)`, I64 → `(n, t, d)`.
    ///
    /// Errors: `InvalidArgument` for more tokens than the context, those before them included; those of the layers.
    fn hidden(&self, tokens: &Var, cx: &mut Context) -> Result<Var>;

    /// The logits of the next token: hidden states `(.., d)` → `(.., vocab)`.
    fn logits(&self, hidden: &Var, cx: &mut Context) -> Result<Var>;

    /// Cross-entropy of the next tokens: tokens `(n, t)`, and `(n, t)` what follows each, I64 → a number.
    ///
    /// The models here compute no more logits at a time than some megabytes of them
    /// ([`Var::linear_cross_entropy`](autodiff::Var::linear_cross_entropy)); the bits of the loss are those of `forward` and
    /// `cross_entropy`. Errors: those of `hidden` and of the loss.
    fn loss(&self, tokens: &Var, next: &Tensor, how: &CrossEntropy, cx: &mut Context) -> Result<Var> {
        let hidden = self.hidden(tokens, cx)?;
        Ok(self.logits(&hidden, cx)?.cross_entropy(next, how)?)
    }
}

/// Refuses tokens that are no batch of sequences, and those beyond the context.
pub(crate) fn check_tokens(op: &'static str, tokens: &Var, context: usize, cx: &Context) -> Result<()> {
    let before = cx.offsets().iter().copied().max().unwrap_or(0);
    let t = tokens.shape().last().copied().unwrap_or(0);
    if tokens.rank() == 2 && before.saturating_add(t) <= context {
        return Ok(());
    }
    let behind = if before > 0 { format!(" behind {before} tokens") } else { String::new() };
    Err(Error::InvalidArgument {
        op,
        rule: "tokens must be (n, t), t at most the context",
        got: format!("{:?}{behind} for a context of {context}", tokens.shape()),
        repair: "keep the last tokens, or use a model of a larger context",
    })
}
