//! Rotary positions.

use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use autodiff::Var;
use tensor::math::Math;
use tensor::{DType, RotaryPairs, Tensor};

/// How a [`Rotary`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RotaryConfig {
    /// The rate of pair i is `base^(−2i/d)`.
    pub base: f64,
    /// Which features are turned together.
    pub pairs: RotaryPairs,
    /// What places are divided by, to reach further than a model was trained for. Source: Chen et al. 2023, arXiv:2306.15595.
    pub scale: f64,
    /// The element type of what is turned.
    pub dtype: DType,
}

impl Default for RotaryConfig {
    fn default() -> Self {
        Self { base: 10_000.0, pairs: RotaryPairs::Halves, scale: 1.0, dtype: DType::F32 }
    }
}

/// Turns the features of queries and keys by angles that grow with their places, so that their products depend on how far they
/// are apart: pair i of d/2 at place p by `p/scale·base^(−2i/d)`.
///
/// It has no parameters; cosines and sines of all places are computed once, in doubles. Source: Su et al. 2021, arXiv:2104.09864.
///
/// ```
/// use nn::{Context, KvCache, Rotary};
/// use tensor::{DType, Rng};
/// let rotary = Rotary::new(4, 10)?;
/// let x = autodiff::Var::from(Rng::seed(0).normal([1, 1, 1, 4], 0.0, 1.0, DType::F32)?);
/// let cx = &Context::eval();
/// let all = rotary.forward(&x.expand(&[1, 1, 10, 4])?, cx)?;
/// // Products depend on the distance.
/// let at = |i: usize, j: usize| -> nn::Result<f64> {
///     Ok(all.narrow(2, i, 1)?.mul(&all.narrow(2, j, 1)?)?.sum(&[])?.item()?)
/// };
/// assert!((at(1, 4)? - at(5, 8)?).abs() < 1e-5 && (at(1, 4)? - at(1, 5)?).abs() > 1e-3);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Rotary {
    /// `(places, d/2)`
    #[module(skip)]
    cos: Tensor,
    #[module(skip)]
    sin: Tensor,
    #[module(skip)]
    pairs: RotaryPairs,
}

impl Rotary {
    /// For heads of `d` features at fewer than `places` places, with the default configuration. Errors: as
    /// [`Rotary::with_config`].
    pub fn new(d: usize, places: usize) -> Result<Self> {
        Self::with_config(d, places, &RotaryConfig::default())
    }

    /// Made as `config` says. Errors: `InvalidArgument` for an odd or no d, no place, and a base or scale that is not positive.
    pub fn with_config(d: usize, places: usize, config: &RotaryConfig) -> Result<Self> {
        let &RotaryConfig { base, pairs, scale, dtype } = config;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if d == 0 || !d.is_multiple_of(2) || places == 0 || !positive(base) || !positive(scale) {
            return Err(Error::InvalidArgument {
                op: "rotary",
                rule: "features must be even, and there must be a place, a positive base and a positive scale",
                got: format!("{d} features, {places} places, base {base}, scale {scale}"),
                repair: "change the size of a head",
            });
        }
        let rate = |i: usize| Math::pow(base, -2.0 * i as f64 / d as f64);
        let rates: Vec<f64> = (0..d / 2).map(rate).collect();
        let angles =
            || (0..places).flat_map(|place| rates.iter().map(move |rate| place as f64 / scale * rate));
        let table = |f: fn(f64) -> f64| -> Result<Tensor> {
            Ok(Tensor::from_vec(angles().map(f).collect(), [places, d / 2])?.to_dtype(dtype.compute())?)
        };
        Ok(Self { cos: table(Math::cos)?, sin: table(Math::sin)?, pairs })
    }

    /// Places that it knows.
    pub fn places(&self) -> usize {
        self.cos.shape()[0]
    }

    /// Heads `(n, heads, t, d)` turned by the angles of their places, which follow those of the context's cache.
    ///
    /// Errors: `InvalidArgument` beyond the last place; those of the operation.
    pub fn forward(&self, x: &Var, cx: &Context) -> Result<Var> {
        let t = x.shape()[x.rank() - 2];
        let (cos, sin) = (self.rows(&self.cos, t, cx)?, self.rows(&self.sin, t, cx)?);
        Ok(x.rotary(&cos, &sin, self.pairs)?)
    }

    /// `(t, d/2)` where all sequences are at one place, `(n, 1, t, d/2)` otherwise.
    fn rows(&self, table: &Tensor, t: usize, cx: &Context) -> Result<Tensor> {
        let rows = rows_at(&Var::from(table.clone()), t, cx.offsets())?.into_value();
        if rows.rank() == 3 { Ok(rows.unsqueeze(1)?) } else { Ok(rows) }
    }
}

/// Rows `offset` to `offset + t` of a table `(places, ..)`: `(t, ..)` where all offsets are one, `(n, t, ..)` otherwise; from
/// the first where there are no offsets.
///
/// Errors: `InvalidArgument` beyond the last place.
pub fn rows_at(table: &Var, t: usize, offsets: &[usize]) -> Result<Var> {
    let most = offsets.iter().copied().max().unwrap_or(0);
    if most.saturating_add(t) > table.shape()[0] {
        return Err(Error::InvalidArgument {
            op: "positions",
            rule: "there must be a position for every token",
            got: format!("{t} tokens behind {most} for {} positions", table.shape()[0]),
            repair: "keep the last tokens, or make a model of a larger context",
        });
    }
    let first = offsets.first().copied().unwrap_or(0);
    if offsets.iter().all(|&offset| offset == first) {
        return Ok(table.narrow(0, first, t)?);
    }
    let rows: Vec<i64> =
        offsets.iter().flat_map(|&offset| (offset..offset + t).map(|row| row as i64)).collect();
    let rows = Tensor::from_vec(rows, [offsets.len() * t])?;
    let shape = [&[offsets.len(), t], &table.shape()[1..]].concat();
    Ok(table.index_select(0, &rows)?.reshape(shape)?)
}
