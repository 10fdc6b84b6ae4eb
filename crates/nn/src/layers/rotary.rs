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
    /// Of all pairs.
    #[module(skip)]
    rates: Vec<f64>,
    /// Whether places go on behind the tables.
    endless: bool,
    #[module(skip)]
    config: RotaryConfig,
}

impl Rotary {
    /// For heads of `d` features at fewer than `places` places, with the default configuration. Errors: as
    /// [`Rotary::with_config`].
    pub fn new(d: usize, places: usize) -> Result<Self> {
        Self::with_config(d, places, &RotaryConfig::default())
    }

    /// Made as `config` says. Errors: `InvalidArgument` for an odd or no d, no place, and a base or scale that is not positive.
    pub fn with_config(d: usize, places: usize, config: &RotaryConfig) -> Result<Self> {
        let &RotaryConfig { base, pairs, scale, .. } = config;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if d == 0 || !d.is_multiple_of(2) || places == 0 || !positive(base) || !positive(scale) {
            return Err(Error::InvalidArgument {
                op: "rotary",
                rule: "features must be even, and there must be a place, a positive base and a positive scale",
                got: format!("{d} features, {places} places, base {base}, scale {scale}"),
                repair: "change the size of a head",
            });
        }
        let rates: Vec<f64> = (0..d / 2).map(|i| Math::pow(base, -2.0 * i as f64 / d as f64)).collect();
        let all = || 0..places;
        let (cos, sin) = (table(all(), &rates, config, Math::cos)?, table(all(), &rates, config, Math::sin)?);
        Ok(Self { cos, sin, pairs, rates, endless: false, config: *config })
    }

    /// The same, and places go on for ever: angles of those behind the last one are computed in each pass. For layers that look
    /// back through a [window](crate::AttentionMask::window).
    pub fn endless(self) -> Self {
        Self { endless: true, ..self }
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
        let (cos, sin) = (self.rows(&self.cos, Math::cos, t, cx)?, self.rows(&self.sin, Math::sin, t, cx)?);
        Ok(x.rotary(&cos, &sin, self.pairs)?)
    }

    /// `(t, d/2)` where all sequences are at one place, `(n, 1, t, d/2)` otherwise.
    fn rows(&self, all: &Tensor, f: fn(f64) -> f64, t: usize, cx: &Context) -> Result<Tensor> {
        let offsets = cx.offsets();
        let most = offsets.iter().copied().max().unwrap_or(0);
        if self.endless && most.saturating_add(t) > self.places() {
            let each = if offsets.iter().all(|&offset| offset == most) { &[most][..] } else { offsets };
            let places = each.iter().flat_map(|&offset| offset..offset + t);
            let rows = table(places, &self.rates, &self.config, f)?;
            let half = self.rates.len() as isize;
            let shape = [each.len() as isize, 1, t as isize, half];
            return Ok(if each.len() == 1 { rows } else { rows.reshape(shape)? });
        }
        let rows = rows_at(&Var::from(all.clone()), t, offsets)?.into_value();
        if rows.rank() == 3 { Ok(rows.unsqueeze(1)?) } else { Ok(rows) }
    }
}

/// `f` of the angles of `places`, `(places, d/2)`.
fn table(
    places: impl Iterator<Item = usize>,
    rates: &[f64],
    config: &RotaryConfig,
    f: fn(f64) -> f64,
) -> Result<Tensor> {
    let angles = places.flat_map(|place| rates.iter().map(move |rate| place as f64 / config.scale * rate));
    let values: Vec<f64> = angles.map(f).collect();
    let shape = [values.len() / rates.len(), rates.len()];
    Ok(Tensor::from_vec(values, shape)?.to_dtype(config.dtype.compute())?)
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
