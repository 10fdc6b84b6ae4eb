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
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self { padding_idx: None, max_norm: None, weight_init: Init::Normal { std: 1.0 }, dtype: DType::F32 }
    }
}

/// The vectors of tokens: `y = weight[token]`.
///
/// Shapes: tokens of any shape, I64 → the same with an axis of `d` more; weight `(vocab, d)`: PyTorch's name, layout and
/// starting values. Differs from PyTorch in: with `max_norm`, vectors are shortened as they are read, and the table itself
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
    padding_idx: Option<usize>,
    #[module(skip)]
    max_norm: Option<f64>,
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
        Ok(Self {
            weight: Param::matrix(weight, 0),
            padding_idx: config.padding_idx,
            max_norm: config.max_norm,
        })
    }

    /// Tokens that the table has vectors for.
    pub fn vocab(&self) -> usize {
        self.weight.value().shape()[0]
    }

    /// Features of a vector.
    pub fn d(&self) -> usize {
        self.weight.value().shape()[1]
    }

    fn checked(&self, op: &'static str, tokens: &Var) -> Result<()> {
        let vocab = self.vocab();
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
}

impl Layer for Embedding {
    fn forward(&self, tokens: &Var, cx: &mut Context) -> Result<Var> {
        self.checked("embedding", tokens)?;
        let y = cx.rows(&self.weight, tokens)?;
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
/// `(vocab, d)`. Differs from PyTorch in: there is no `max` and no weight for each token.
#[derive(Debug, Clone, Module)]
pub struct EmbeddingBag {
    /// `(vocab, d)`
    pub weight: Param,
    #[module(skip)]
    mode: BagMode,
}

impl EmbeddingBag {
    /// A table of normal numbers. Errors: as [`Embedding::with_config`].
    pub fn new(vocab: usize, d: usize, mode: BagMode, rng: &mut Rng) -> Result<Self> {
        Ok(Self { weight: Embedding::new(vocab, d, rng)?.weight, mode })
    }

    /// The vector of each bag. Errors: `InvalidArgument` for tokens outside the table, and for offsets that do not rise from
    /// 0 to at most the number of tokens.
    pub fn forward(&self, tokens: &Var, offsets: &[usize], cx: &mut Context) -> Result<Var> {
        let op = "embedding_bag";
        let table = Embedding { weight: self.weight.same(), padding_idx: None, max_norm: None };
        table.checked(op, tokens)?;
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
        let ends = offsets.iter().skip(1).copied().chain([t]);
        let lengths: Vec<usize> = offsets.iter().zip(ends).map(|(start, end)| end - start).collect();
        let bags = lengths.iter().enumerate().flat_map(|(i, &len)| std::iter::repeat_n(i as i64, len));
        let bags: Vec<i64> = bags.collect();
        let used = bags.len();
        let rows = cx.rows(&self.weight, &tokens.narrow(0, t - used, used)?)?;
        let dtype = rows.dtype();
        let zeros = Var::from(Tensor::zeros([offsets.len(), table.d()], dtype)?);
        let sums = zeros.index_add(0, Tensor::from_slice(&bags, [used])?, &rows)?;
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
