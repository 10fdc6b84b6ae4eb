//! Stacks of layers of Transformers: an encoder, a decoder, and both.

use super::{
    AttentionMask, Layer, LayerNorm, LayerNormConfig, TransformerConfig, TransformerDecoderLayer,
    TransformerEncoderLayer,
};
use crate::Module;
use crate::context::Context;
use crate::error::Result;
use autodiff::Var;
use tensor::Rng;

fn last_norm(d: usize, config: &TransformerConfig) -> Result<Option<LayerNorm>> {
    let norm = LayerNormConfig { eps: config.eps, dtype: config.dtype, ..LayerNormConfig::default() };
    Ok(if config.norm_first { Some(LayerNorm::with_config([d], &norm)?) } else { None })
}

/// Encoder layers one after the other and, where they are normalised before, a last normalisation.
///
/// Shapes: x `(n, t, d)` → the same. Parameters: `layers.0.self_attn.in_proj_weight`, …, `norm.weight`: PyTorch's names. Differs
/// from PyTorch in: the last normalisation is there where it is needed, `norm_first`.
#[derive(Debug, Clone, Module)]
pub struct TransformerEncoder {
    /// The layers.
    pub layers: Vec<TransformerEncoderLayer>,
    /// Behind layers that are normalised before.
    pub norm: Option<LayerNorm>,
}

impl TransformerEncoder {
    /// `n_layers` layers of `heads` heads over d features. Errors: those of the layers.
    pub fn new(
        n_layers: usize,
        d: usize,
        heads: usize,
        config: &TransformerConfig,
        rng: &mut Rng,
    ) -> Result<Self> {
        let layers = (0..n_layers).map(|_| TransformerEncoderLayer::new(d, heads, config, rng));
        Ok(Self { layers: layers.collect::<Result<_>>()?, norm: last_norm(d, config)? })
    }

    /// The layers over x where `mask` lets it look. Errors: those of the layers, with their paths.
    pub fn forward_with(&self, x: &Var, mask: &AttentionMask, cx: &mut Context) -> Result<Var> {
        let mut x = x.clone();
        cx.within("layers", |cx| {
            for (i, layer) in self.layers.iter().enumerate() {
                x = cx.within(i, |cx| layer.forward_with(&x, mask, cx))?;
            }
            Ok(())
        })?;
        match &self.norm {
            Some(norm) => cx.call("norm", norm, &x),
            None => Ok(x),
        }
    }
}

impl Layer for TransformerEncoder {
    /// Every step looks at every step.
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.forward_with(x, &AttentionMask::default(), cx)
    }
    fn kind(&self) -> String {
        format!("TransformerEncoder({} layers)", self.layers.len())
    }
}

/// Decoder layers one after the other and, where they are normalised before, a last normalisation.
///
/// Shapes: x `(n, t, d)`, memory `(n, s, d)` → `(n, t, d)`. Parameters and differences: as [`TransformerEncoder`].
#[derive(Debug, Clone, Module)]
pub struct TransformerDecoder {
    /// The layers.
    pub layers: Vec<TransformerDecoderLayer>,
    /// Behind layers that are normalised before.
    pub norm: Option<LayerNorm>,
}

impl TransformerDecoder {
    /// `n_layers` layers of `heads` heads over d features. Errors: those of the layers.
    pub fn new(
        n_layers: usize,
        d: usize,
        heads: usize,
        config: &TransformerConfig,
        rng: &mut Rng,
    ) -> Result<Self> {
        let layers = (0..n_layers).map(|_| TransformerDecoderLayer::new(d, heads, config, rng));
        Ok(Self { layers: layers.collect::<Result<_>>()?, norm: last_norm(d, config)? })
    }

    /// The layers over x, which look at x by `mask` and at `memory` by `memory_mask`. Errors: those of the layers, with their
    /// paths.
    pub fn forward_with(
        &self,
        x: &Var,
        memory: &Var,
        mask: &AttentionMask,
        memory_mask: &AttentionMask,
        cx: &mut Context,
    ) -> Result<Var> {
        let mut x = x.clone();
        cx.within("layers", |cx| {
            for (i, layer) in self.layers.iter().enumerate() {
                x = cx.within(i, |cx| layer.forward_with(&x, memory, mask, memory_mask, cx))?;
            }
            Ok(())
        })?;
        match &self.norm {
            Some(norm) => cx.call("norm", norm, &x),
            None => Ok(x),
        }
    }
}
