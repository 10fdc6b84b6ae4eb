//! What all attention layers do between their linear maps.

use super::AttentionMask;
use crate::context::Context;
use crate::error::Result;
use autodiff::Var;
use autodiff::ops::attention::scaled_dot_product_attention::Attention;

/// `heads` heads of `d_head` features, of those from `start` on: `(n, t, ..)` → `(n, heads, t, d_head)`.
///
/// Errors: those of the operations, for features that are not there.
pub fn split_heads(x: &Var, start: usize, heads: usize, d_head: usize) -> Result<Var> {
    let [n, t] = [x.shape()[0], x.shape()[1]];
    let part = match (start, heads * d_head) {
        (0, all) if all == x.shape()[2] => x.clone(),
        (start, len) => x.narrow(-1, start, len)?,
    };
    Ok(part.reshape([n, t, heads, d_head])?.transpose(1, 2)?)
}

/// Heads side by side again: `(n, heads, t, d_head)` → `(n, t, heads·d_head)`.
pub fn join_heads(x: &Var) -> Result<Var> {
    let [n, heads, t, d_head] = [0, 1, 2, 3].map(|axis| x.shape()[axis]);
    Ok(x.transpose(1, 2)?.reshape([n, t, heads * d_head])?)
}

/// What queries gather from values where `mask` lets them look; weights are dropped at probability `dropout` in training.
///
/// Shapes: q `(n, heads, t, d)`, k and v `(n, kv_heads, s, d)` → `(n, heads, t, d)`. Causal attention in a context with a
/// [cache](crate::KvCache) sees what came in earlier passes too. Errors: those of the cache and of the operation.
pub fn attend(q: &Var, k: Var, v: Var, mask: &AttentionMask, dropout: f64, cx: &mut Context) -> Result<Var> {
    // A mask of its own speaks of all keys.
    let window = mask.window.filter(|_| mask.mask.is_none());
    let (k, v, offsets) = if mask.causal { cx.remember_within(k, v, window)? } else { (k, v, Vec::new()) };
    let how = Attention {
        mask: mask.mask.clone(),
        causal: mask.causal,
        offsets,
        window: mask.window,
        slopes: mask.slopes.clone(),
        dropout: cx.rng().filter(|_| dropout > 0.0).map(|rng| (dropout, rng.split())),
        scale: None,
    };
    Ok(q.scaled_dot_product_attention(&k, &v, &how)?)
}
