//! Tables of vectors, one for each token, and sums of them.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::param::Param;
use autodiff::Var;
use tensor::{DType, Rng, Tensor};

/// How an [`Embedding`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingConfig {
    /// A token whose vector is zeros at the start and is not trained.
    pub padding_idx: Option<usize>,
    /// The largest Euclidean norm that a vector enters with; longer ones are shortened.
    pub max_norm: Option<f64>,
    /// How the table starts.
    pub weight_init: Init,
    /// The table's element type.
    pub dtype: DType,
    /// Whether gradients are of the rows alone that a pass has read: for large tables, of which a batch uses few rows. See
    /// [`Context::rows_sparse`].
    pub sparse: bool,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self {
            padding_idx: None,
            max_norm: None,
            weight_init: Init::Normal { std: 1.0 },
            dtype: DType::F32,
            sparse: false,
        }
    }
}

/// How vectors are read from a table.
#[derive(Debug, Clone, Copy)]
struct Reading {
    padding_idx: Option<usize>,
    max_norm: Option<f64>,
    sparse: bool,
}

impl Reading {
    fn of(config: &EmbeddingConfig) -> Self {
        let EmbeddingConfig { padding_idx, max_norm, sparse, .. } = *config;
        Self { padding_idx, max_norm, sparse }
    }

    /// The vectors of tokens, which have been checked.
    fn vectors(&self, weight: &Param, tokens: &Var, cx: &Context) -> Result<Var> {
        let y = if self.sparse { cx.rows_sparse(weight, tokens)? } else { cx.rows(weight, tokens)? };
        let y = match self.padding_idx.filter(|_| y.is_tracked()) {
            // The vector of the padding token enters as a constant.
            Some(token) => {
                let padding = tokens.value().eq(&Tensor::scalar(token as i64))?.unsqueeze(-1)?;
                Var::where_(&padding, &y.detach(), &y)?
            }
            None => y,
        };
        let Some(max_norm) = self.max_norm else { return Ok(y) };
        // 1e-7 as in PyTorch, so that zeros stay zeros.
        let norm = y.square()?.sum_keep(&[-1])?.add_scalar(1e-30)?.sqrt()?;
        let scale = norm.add_scalar(1e-7)?.recip()?.mul_scalar(max_norm)?;
        let long = norm.value().gt(&Tensor::full([], max_norm, norm.dtype())?)?;
        Ok(Var::where_(&long, &y.mul(&scale)?, &y)?)
    }
}

/// Refuses what is no token of the table.
fn check_tokens(op: &'static str, weight: &Param, tokens: &Var) -> Result<()> {
    let vocab = weight.value().shape()[0];
    if tokens.dtype() != DType::I64 {
        return Err(Error::InvalidArgument {
            op,
            rule: "tokens must be I64",
            got: tokens.dtype().to_string(),
            repair: "convert them with to_dtype",
        });
    }
    let values = tokens.value().contiguous()?;
    let outside = |token: &&i64| **token < 0 || **token >= vocab as i64;
    match values.as_slice::<i64>().unwrap_or_default().iter().find(outside) {
        None => Ok(()),
        Some(token) => Err(Error::InvalidArgument {
            op,
            rule: "every token must be in the table",
            got: format!("token {token} for {vocab} tokens"),
            repair: "map unknown tokens to one of the vocabulary",
        }),
    }
}

/// The vectors of tokens: `y = weight[token]`.
///
/// Shapes: tokens of any shape, I64 → the same with an axis of `d` more; weight `(vocab, d)`: PyTorch's name, layout and
/// starting values. With `sparse`, a step takes time and memory by the tokens and not by the table, given an optimizer that
/// does, as `SparseAdam`; see [`Context::rows_sparse`]. Differs from PyTorch in: with `max_norm`, vectors are shortened as they are read, and the table itself
/// stays as it is; the gradient goes through the shortening.
///
/// ```
/// use nn::{Context, Embedding, Layer};
/// use tensor::{Rng, Tensor};
/// let table = Embedding::new(10, 4, &mut Rng::seed(0))?;
/// let tokens = Tensor::from_slice(&[3i64, 3, 7], [3])?.into();
/// let y = table.forward(&tokens, &mut Context::eval())?;
/// assert_eq!(y.shape(), [3, 4]);
/// assert!(y.value().narrow(0, 1, 1)?.bit_eq(&table.weight.value().narrow(0, 3, 1)?));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Embedding {
    /// `(vocab, d)`
    pub weight: Param,
    #[module(skip)]
    reading: Reading,
}

impl Embedding {
    /// A table with the default configuration. Errors: as [`Embedding::with_config`].
    pub fn new(vocab: usize, d: usize, rng: &mut Rng) -> Result<Self> {
        Self::with_config(vocab, d, &EmbeddingConfig::default(), rng)
    }

    /// A table made as `config` says. Errors: `InvalidArgument` for a size of 0, a padding token outside the table, and a
    /// norm that is no number above 0.
    pub fn with_config(vocab: usize, d: usize, config: &EmbeddingConfig, rng: &mut Rng) -> Result<Self> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "embedding", rule, got, repair });
        if vocab == 0 || d == 0 {
            return refuse(
                "sizes must be at least 1",
                format!("vocab {vocab}, d {d}"),
                "give the table tokens and features",
            );
        }
        if let Some(max_norm) = config.max_norm
            && !(max_norm > 0.0 && max_norm.is_finite())
        {
            return refuse(
                "max_norm must be a number above 0",
                max_norm.to_string(),
                "leave it out for no limit",
            );
        }
        let mut weight = config.weight_init.tensor([vocab, d], config.dtype, rng)?;
        if let Some(token) = config.padding_idx {
            if token >= vocab {
                let got = format!("{token} for {vocab} tokens");
                return refuse(
                    "the padding token must be in the table",
                    got,
                    "use a token below the vocabulary's size",
                );
            }
            let others =
                Tensor::arange(vocab, DType::I64)?.ne(&Tensor::scalar(token as i64))?.unsqueeze(1)?;
            weight = Tensor::where_(&others, &weight, &Tensor::zeros([], config.dtype)?)?;
        }
        Ok(Self { weight: Param::matrix(weight, 0), reading: Reading::of(config) })
    }

    /// Tokens that the table has vectors for.
    pub fn vocab(&self) -> usize {
        self.weight.value().shape()[0]
    }

    /// Features of a vector.
    pub fn d(&self) -> usize {
        self.weight.value().shape()[1]
    }
}

impl Layer for Embedding {
    fn forward(&self, tokens: &Var, cx: &mut Context) -> Result<Var> {
        check_tokens("embedding", &self.weight, tokens)?;
        self.reading.vectors(&self.weight, tokens, cx)
    }
    fn kind(&self) -> String {
        format!("Embedding({} → {})", self.vocab(), self.d())
    }
}

/// How an [`EmbeddingBag`] joins the vectors of a bag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BagMode {
    /// Their sum.
    Sum,
    /// Their mean; of none, zeros.
    #[default]
    Mean,
}

/// The sum or mean of the vectors of each bag of tokens, without a tensor of all of them in a padded batch.
///
/// Shapes: tokens `(t)`, I64, of all bags one after the other, and where each bag begins, `offsets` → `(bags, d)`; weight
/// `(vocab, d)`. Padding tokens are in no sum and no mean. Differs from PyTorch in: there is no `max` and no weight for each
/// token; `max_norm` as in [`Embedding`].
#[derive(Debug, Clone, Module)]
pub struct EmbeddingBag {
    /// `(vocab, d)`
    pub weight: Param,
    #[module(skip)]
    mode: BagMode,
    #[module(skip)]
    reading: Reading,
}

impl EmbeddingBag {
    /// A table of normal numbers. Errors: as [`Embedding::with_config`].
    pub fn new(vocab: usize, d: usize, mode: BagMode, rng: &mut Rng) -> Result<Self> {
        Self::with_config(vocab, d, mode, &EmbeddingConfig::default(), rng)
    }

    /// A table made as `config` says. Errors: as [`Embedding::with_config`].
    pub fn with_config(
        vocab: usize,
        d: usize,
        mode: BagMode,
        config: &EmbeddingConfig,
        rng: &mut Rng,
    ) -> Result<Self> {
        let Embedding { weight, reading } = Embedding::with_config(vocab, d, config, rng)?;
        Ok(Self { weight, mode, reading })
    }

    /// The vector of each bag. Errors: `InvalidArgument` for tokens outside the table, and for offsets that do not rise from
    /// 0 to at most the number of tokens.
    pub fn forward(&self, tokens: &Var, offsets: &[usize], cx: &mut Context) -> Result<Var> {
        let op = "embedding_bag";
        check_tokens(op, &self.weight, tokens)?;
        let t = tokens.value().len();
        let rises = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        if tokens.rank() != 1
            || !rises
            || offsets.first().is_some_and(|&first| first != 0)
            || offsets.last().is_some_and(|&last| last > t)
        {
            return Err(Error::InvalidArgument {
                op,
                rule: "tokens must be (t), and offsets rise from 0 to at most t",
                got: format!("{:?} and {offsets:?}", tokens.shape()),
                repair: "give where each bag begins, in order",
            });
        }
        let values = tokens.value().to_vec::<i64>()?;
        let padding = self.reading.padding_idx.map(|token| token as i64);
        let (mut kept, mut bags, mut lengths) = (Vec::new(), Vec::new(), vec![0usize; offsets.len()]);
        let ends = offsets.iter().skip(1).copied().chain([t]);
        for (bag, (&start, end)) in offsets.iter().zip(ends).enumerate() {
            let members = values[start..end].iter().copied().filter(|&token| Some(token) != padding);
            kept.extend(members);
            lengths[bag] = kept.len() - bags.len();
            bags.resize(kept.len(), bag as i64);
        }
        let used = kept.len();
        let rows = self.reading.vectors(&self.weight, &Tensor::from_vec(kept, [used])?.into(), cx)?;
        let (dtype, d) = (rows.dtype(), self.weight.value().shape()[1]);
        let zeros = Var::from(Tensor::zeros([offsets.len(), d], dtype)?);
        let sums = zeros.index_add(0, Tensor::from_vec(bags, [used])?, &rows)?;
        match self.mode {
            BagMode::Sum => Ok(sums),
            BagMode::Mean => {
                let lengths = lengths.iter().map(|&len| len.max(1) as f64).collect();
                let lengths = Tensor::from_vec::<f64>(lengths, [offsets.len(), 1])?.to_dtype(dtype)?;
                Ok(sums.div(&Var::from(lengths))?)
            }
        }
    }
}
