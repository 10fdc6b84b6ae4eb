//! Keys and values of the tokens that a model has read, so that the next pass reads only the new ones.

use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;
use std::collections::BTreeMap;
use tensor::fused::KEY_CHUNK;
use tensor::{Tensor, s};

const OP: &str = "kv_cache";

/// What attention remembers of each sequence of a batch: for every layer that looks backward its keys and values, and what
/// else need not be computed twice.
///
/// Room for `capacity` tokens of each sequence is taken by the first pass and written in place by the next ones. A layer whose
/// mask has a [window](crate::AttentionMask::window) of w has room for w + 1,024 of them instead, and for 3·w at most where w is
/// larger than that: it forgets what the window has passed, many tokens at a time, so that a text of any length takes no more. A pass adds its
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
    /// By the layer's path.
    layers: BTreeMap<String, Kept>,
    /// By the path of what made them.
    once: BTreeMap<String, Vec<Tensor>>,
}

/// Keys and values of one layer.
#[derive(Debug, Clone)]
struct Kept {
    /// `(n, heads, room, d_head)`
    kv: [Tensor; 2],
    /// How many tokens of each sequence were forgotten.
    gone: Vec<usize>,
}

/// What a layer looks at.
pub(crate) struct Seen {
    pub kv: [Tensor; 2],
    /// The place of each sequence's first new token among them.
    pub offsets: Vec<usize>,
}

/// How many tokens are forgotten at a time: sums over keys meet chunk by chunk, in pairs; whole subtrees as wide as the window
/// can go without a trace.
fn step(window: usize) -> usize {
    KEY_CHUNK.saturating_mul(window.div_ceil(KEY_CHUNK).checked_next_power_of_two().unwrap_or(usize::MAX))
}

impl Kept {
    fn room(&self) -> usize {
        self.kv[0].shape()[2]
    }

    /// The same with room for `room` tokens behind the first `gone` of each sequence, of which there are `lens`.
    fn moved(&self, gone: Vec<usize>, lens: &[usize], room: usize) -> Result<Self> {
        let moved = |old: &Tensor| -> Result<Tensor> {
            let [n, heads, _, d] = [0, 1, 2, 3].map(|axis| old.shape()[axis]);
            let mut new = Tensor::zeros([n, heads, room, d], old.dtype())?;
            for i in 0..n {
                let len = lens[i] - gone[i];
                let stays = old.select(0, i as isize)?.narrow(1, gone[i] - self.gone[i], len)?;
                new = new.slice_scatter_owned(s![i as isize, .., 0..len], &stays)?;
            }
            Ok(new)
        };
        Ok(Self { kv: [moved(&self.kv[0])?, moved(&self.kv[1])?], gone })
    }
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: OP, rule, got, repair })
}

impl KvCache {
    /// Room for `capacity` tokens of each of `n` sequences; as many as one likes where every layer that looks backward has a
    /// window. Errors: `InvalidArgument` for a size of 0.
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

    /// Bytes that keys and values take.
    pub fn bytes(&self) -> usize {
        let of = |x: &Tensor| x.len() * x.dtype().size();
        self.layers.values().flat_map(|kept| &kept.kv).chain(self.once.values().flatten()).map(of).sum()
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
        for (path, Kept { kv: [k, v], gone }) in &self.layers {
            let kv = [k.index_select(0, &index)?, v.index_select(0, &index)?];
            let gone = which.iter().map(|&i| gone[i]).collect();
            chosen.layers.insert(path.clone(), Kept { kv, gone });
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
    fn write(mut all: Tensor, x: &Tensor, starts: &[usize]) -> Result<Tensor> {
        let t = x.shape()[2];
        if starts.iter().all(|&start| start == starts[0]) {
            let start = starts[0];
            return Ok(all.slice_scatter_owned(s![.., .., start..start + t], x)?);
        }
        for (i, &start) in starts.iter().enumerate() {
            let one = x.select(0, i as isize)?;
            all = all.slice_scatter_owned(s![i as isize, .., start..start + t], &one)?;
        }
        Ok(all)
    }

    /// What was kept of a layer, with room for `t` more tokens.
    fn with_room(&mut self, path: &str, new: [&Tensor; 2], window: Option<usize>) -> Result<Kept> {
        let [n, t] = [new[0].shape()[0], new[0].shape()[2]];
        let most = self.lens.iter().copied().max().unwrap_or(0);
        let needed =
            |gone: &[usize]| self.lens.iter().zip(gone).map(|(len, gone)| len - gone).max().unwrap_or(0) + t;
        let room =
            window.map_or(self.capacity, |window| self.capacity.min(window.saturating_add(step(window))));
        match self.layers.remove(path) {
            Some(kept) if needed(&kept.gone) <= kept.room() => Ok(kept),
            Some(kept) => {
                let gone = |&len: &usize| {
                    window.map_or(0, |window| (len + 1).saturating_sub(window) / step(window) * step(window))
                };
                let gone: Vec<usize> = self.lens.iter().map(gone).collect();
                let room = room.max(needed(&gone));
                kept.moved(gone, &self.lens, room)
            }
            None if most > 0 => {
                let got = format!("{most} tokens that {path} has not read");
                refuse("every layer must have read the tokens before", got, "make a new cache")
            }
            None => {
                let room =
                    |x: &Tensor| Tensor::zeros([n, x.shape()[1], room.max(t), x.shape()[3]], x.dtype());
                Ok(Kept { kv: [room(new[0])?, room(new[1])?], gone: vec![0; n] })
            }
        }
    }

    /// All keys and values that a layer may still see after these came behind those before, as far as the longest sequence has
    /// any.
    fn extend(&mut self, path: String, new: [&Tensor; 2], window: Option<usize>) -> Result<Seen> {
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
        let Kept { kv: [k, v], gone } = self.with_room(&path, new, window)?;
        let offsets: Vec<usize> = self.lens.iter().zip(&gone).map(|(len, gone)| len - gone).collect();
        let kv = [Self::write(k, new[0], &offsets)?, Self::write(v, new[1], &offsets)?];
        let len = offsets.iter().copied().max().unwrap_or(0) + t;
        let seen = [kv[0].narrow(2, 0, len)?, kv[1].narrow(2, 0, len)?];
        self.layers.insert(path, Kept { kv, gone });
        self.pending = t;
        Ok(Seen { kv: seen, offsets })
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
        let (k, v, _) = self.remember_within(k, v, None)?;
        Ok((k, v))
    }

    /// As [`remember`](Self::remember), of a layer that looks back through a window; and the place of each sequence's first new
    /// token among what it sees, nothing where all are 0.
    pub(crate) fn remember_within(
        &mut self,
        k: Var,
        v: Var,
        window: Option<usize>,
    ) -> Result<(Var, Var, Vec<usize>)> {
        let path = self.path();
        let Some(cache) = self.cache_slot() else { return Ok((k, v, Vec::new())) };
        let Seen { kv: [k, v], offsets } = cache.extend(path, [k.value(), v.value()], window)?;
        Ok((k.into(), v.into(), offsets))
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
