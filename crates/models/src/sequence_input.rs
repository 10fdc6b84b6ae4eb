//! What models of sequences read.

use autodiff::Var;
use nn::{Context, Embedding, EmbeddingConfig, Error, Result};
use tensor::{DType, Rng};

/// What a model of sequences is given at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceInput {
    /// A token, which becomes a vector of `d` features.
    Tokens {
        /// Tokens that there are.
        vocab: usize,
        /// Features of a token's vector.
        d: usize,
    },
    /// So many features as they are.
    Features(usize),
}

impl SequenceInput {
    /// The vectors of tokens, if it is tokens.
    pub(crate) fn embedding(self, dtype: DType, rng: &mut Rng) -> Result<Option<Embedding>> {
        let Self::Tokens { vocab, d } = self else { return Ok(None) };
        let config = EmbeddingConfig { dtype, ..EmbeddingConfig::default() };
        Ok(Some(Embedding::with_config(vocab, d, &config, rng).map_err(|e| e.at("tok"))?))
    }

    /// Features of a step.
    pub(crate) fn d(self) -> usize {
        match self {
            Self::Tokens { d, .. } | Self::Features(d) => d,
        }
    }
}

/// The features of each step, `(n, time, d)`.
pub(crate) fn features(op: &'static str, tok: Option<&Embedding>, x: &Var, cx: &mut Context) -> Result<Var> {
    let (rank, rule) = match tok {
        Some(_) => (2, "tokens must be (n, time)"),
        None => (3, "features must be (n, time, d)"),
    };
    if x.rank() != rank {
        return Err(Error::InvalidArgument {
            op,
            rule,
            got: format!("{:?}", x.shape()),
            repair: "add the axis that lacks with unsqueeze",
        });
    }
    match tok {
        Some(tok) => cx.call("tok", tok, x),
        None => Ok(x.clone()),
    }
}
