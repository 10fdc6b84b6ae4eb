//! Keys and values of the tokens that a model has read, so that the next pass reads only the new ones.

use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;
use std::collections::BTreeMap;
use tensor::{Tensor, s};

const OP: &str = "kv_cache";

/// What attention remembers of each sequence of a batch: for every layer that looks backward its keys and values, and what
/// else need not be computed twice.
///
/// Room for `capacity` tokens of each sequence is taken by the first pass and written in place by the next ones. A pass adds its
/// tokens behind those that are there; [`advance`](KvCache::advance) then says how many of them count, so that prompts of
/// different lengths, padded at their ends, go on each from its own end. What a model returns has the bits that it has without
/// a cache.
///
/// ```
/// use nn::{AttentionMask, Context, KvCache, MultiHeadAttention};
/// use tensor::{DType, Rng};
/// let rng = &mut Rng::seed(0);
/// let attention = MultiHeadAttention::new(8, 2, rng)?;
/// let x = autodiff::Var::from(rng.normal([3, 5, 8], 0.0, 1.0, DType::F32)?);
/// let mask = AttentionMask::causal();
/// let all = attention.forward_with(&x, &x, &mask, &mut Context::eval())?;
/// let mut cx = Context::cached(KvCache::new(3, 5)?);
/// for t in 0..5 {
///     let step = x.narrow(1, t, 1)?;
///     let y = attention.forward_with(&step, &step, &mask, &mut cx)?;
///     cx.advance(&[1, 1, 1])?;
///     assert!(y.value().bit_eq(all.narrow(1, t, 1)?.value()));
/// }
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct KvCache {
    lens: Vec<usize>,
    capacity: usize,
    /// Tokens of the last pass, not yet counted.
    pending: usize,
    /// `(n, heads, capacity, d_head)`, by the layer's path.
    layers: BTreeMap<String, [Tensor; 2]>,
    /// By the path of what made them.
    once: BTreeMap<String, Vec<Tensor>>,
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: OP, rule, got, repair })
}

impl KvCache {
    /// Room for `capacity` tokens of each of `n` sequences. Errors: `InvalidArgument` for a size of 0.
    pub fn new(n: usize, capacity: usize) -> Result<Self> {
        if n == 0 || capacity == 0 {
            let got = format!("{n} sequences of {capacity} tokens");
            return refuse(
                "there must be a sequence, and room for a token",
                got,
                "give the sizes of the batch",
            );
        }
        let (layers, once) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { lens: vec![0; n], capacity, pending: 0, layers, once })
    }

    /// Tokens of each sequence.
    pub fn lens(&self) -> &[usize] {
        &self.lens
    }

    /// The most tokens of a sequence.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Counts the tokens of the last pass: of sequence i its first `by[i]`.
    ///
    /// Errors: `InvalidArgument` for another number of sequences, and for more tokens than the pass had.
    pub fn advance(&mut self, by: &[usize]) -> Result<()> {
        if by.len() != self.lens.len() || by.iter().any(|&by| by > self.pending) {
            let got = format!("{by:?} for {} sequences of {} tokens", self.lens.len(), self.pending);
            return refuse(
                "each sequence goes on by tokens of the last pass",
                got,
                "count the tokens that are not padding",
            );
        }
        for (len, by) in self.lens.iter_mut().zip(by) {
            *len += by;
        }
        self.pending = 0;
        Ok(())
    }

    /// The sequences `which`, in that order; one may come twice, as in beam search.
    ///
    /// Errors: `InvalidArgument` for a sequence that is not there, and for none.
    pub fn select(&self, which: &[usize]) -> Result<Self> {
        if which.is_empty() || which.iter().any(|&i| i >= self.lens.len()) {
            let got = format!("{which:?} of {}", self.lens.len());
            return refuse("sequences must be in the cache", got, "name at least one, counted from 0");
        }
        let index: Vec<i64> = which.iter().map(|&i| i as i64).collect();
        let index = Tensor::from_vec(index, [which.len()])?;
        let mut chosen = Self { lens: which.iter().map(|&i| self.lens[i]).collect(), ..self.empty() };
        for (path, [k, v]) in &self.layers {
            chosen.layers.insert(path.clone(), [k.index_select(0, &index)?, v.index_select(0, &index)?]);
        }
        for (path, kept) in &self.once {
            let kept = kept.iter().map(|x| x.index_select(0, &index)).collect::<Result<_, _>>()?;
            chosen.once.insert(path.clone(), kept);
        }
        Ok(chosen)
    }

    fn empty(&self) -> Self {
        let (layers, once) = (BTreeMap::new(), BTreeMap::new());
        Self { lens: Vec::new(), capacity: self.capacity, pending: self.pending, layers, once }
    }

    /// Writes `x`, `(n, heads, t, d_head)`, behind what `all` holds of each sequence.
    fn write(&self, mut all: Tensor, x: &Tensor) -> Result<Tensor> {
        let t = x.shape()[2];
        if self.lens.iter().all(|&len| len == self.lens[0]) {
            let start = self.lens[0];
            return Ok(all.slice_scatter_owned(s![.., .., start..start + t], x)?);
        }
        for (i, &len) in self.lens.iter().enumerate() {
            let one = x.select(0, i as isize)?;
            all = all.slice_scatter_owned(s![i as isize, .., len..len + t], &one)?;
        }
        Ok(all)
    }

    /// All keys and values of a layer after these came behind those before, as far as the longest sequence has any.
    fn extend(&mut self, path: String, new: [&Tensor; 2]) -> Result<[Tensor; 2]> {
        let [n, t] = [new[0].shape()[0], new[0].shape()[2]];
        let most = self.lens.iter().copied().max().unwrap_or(0);
        if n != self.lens.len() {
            let got = format!("{n} sequences for {}", self.lens.len());
            return refuse(
                "a cache belongs to one batch",
                got,
                "make a cache for these sequences, or select some",
            );
        }
        if most + t > self.capacity {
            let got = format!("{t} tokens behind {most} where there is room for {}", self.capacity);
            return refuse(
                "there must be room for all tokens",
                got,
                "make a larger cache, or begin with the last tokens",
            );
        }
        let old = match self.layers.remove(&path) {
            Some(old) => old,
            None if most > 0 => {
                let got = format!("{most} tokens that {path} has not read");
                return refuse("every layer must have read the tokens before", got, "make a new cache");
            }
            None => {
                let room =
                    |x: &Tensor| Tensor::zeros([n, x.shape()[1], self.capacity, x.shape()[3]], x.dtype());
                [room(new[0])?, room(new[1])?]
            }
        };
        let [k, v] = old;
        let all = [self.write(k, new[0])?, self.write(v, new[1])?];
        let seen = [all[0].narrow(2, 0, most + t)?, all[1].narrow(2, 0, most + t)?];
        self.layers.insert(path, all);
        self.pending = t;
        Ok(seen)
    }
}

impl Context {
    /// An inference pass over the tokens that follow those of `cache`.
    pub fn cached(cache: KvCache) -> Self {
        let mut cx = Self::eval();
        *cx.cache_slot() = Some(cache);
        cx
    }

    /// The cache of this pass, back again.
    pub fn into_cache(mut self) -> Option<KvCache> {
        self.cache_slot().take()
    }

    /// Tokens of each sequence before those of this pass: the cache's lengths; nothing without a cache, where all are 0.
    pub fn offsets(&self) -> &[usize] {
        self.cache().map_or(&[], KvCache::lens)
    }

    /// [`KvCache::advance`], where there is a cache. Errors: its.
    pub fn advance(&mut self, by: &[usize]) -> Result<()> {
        self.cache_slot().as_mut().map_or(Ok(()), |cache| cache.advance(by))
    }

    /// The keys and values of the layer that is running, `(n, heads, t, d_head)`, behind those that it had in earlier passes;
    /// without a cache these alone. Errors: `InvalidArgument` for another batch, and where there is no room.
    pub fn remember(&mut self, k: Var, v: Var) -> Result<(Var, Var)> {
        let path = self.path();
        let Some(cache) = self.cache_slot() else { return Ok((k, v)) };
        let [k, v] = cache.extend(path, [k.value(), v.value()])?;
        Ok((k.into(), v.into()))
    }

    /// What `make` returns; where there is a cache, what it returned to the layer that is running in its first pass.
    pub fn once(&mut self, make: impl FnOnce(&mut Self) -> Result<Vec<Var>>) -> Result<Vec<Var>> {
        let path = self.path();
        if let Some(kept) = self.cache().and_then(|cache| cache.once.get(&path)) {
            return Ok(kept.iter().cloned().map(Var::from).collect());
        }
        let made = make(self)?;
        if let Some(cache) = self.cache_slot() {
            cache.once.insert(path, made.iter().map(|x| x.value().clone()).collect());
        }
        Ok(made)
    }
}
