//! Tensors and slices of random numbers: uniform, normal, Bernoulli.

use super::Rng;
use crate::error::{Error, Result};
use crate::parallel;
use crate::tensor::with_dtype;
use crate::{DType, Element, Float, Tensor};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

/// Elements a thread fills at a time; even, so that no Box-Muller pair is cut.
pub(super) const GRAIN: usize = 4096;

impl Rng {
    /// A tensor of uniform numbers of `lo..hi`; one draw. How, and which errors: [`fill_uniform`](Rng::fill_uniform);
    /// also an error unless `dtype` is a float. BF16 and F16 are the numbers of F32, rounded, which may be `hi`.
    ///
    /// ```
    /// use tensor::{DType, Rng};
    /// let x = Rng::seed(0).uniform([2, 3], -1.0, 1.0, DType::F32)?;
    /// assert!(x.to_vec::<f32>()?.iter().all(|x| (-1.0..1.0).contains(x)));
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn uniform(&mut self, shape: impl AsRef<[usize]>, lo: f64, hi: f64, dtype: DType) -> Result<Tensor> {
        if let DType::BF16 | DType::F16 = dtype {
            return self.uniform(shape, lo, hi, DType::F32)?.to_dtype(dtype);
        }
        with_dtype!(dtype, T, float => filled::<T>("uniform", shape.as_ref(), |out| self.fill_uniform(out, lo, hi)),
            else other => Err(not_a_float("uniform", other)))
    }

    /// A tensor of normal numbers; one draw. How, and which errors: [`fill_normal`](Rng::fill_normal); also an error
    /// unless `dtype` is a float. BF16 and F16 are the numbers of F32, rounded.
    ///
    /// ```
    /// use tensor::{DType, Rng};
    /// let x = Rng::seed(0).normal([4], 0.0, 1.0, DType::F32)?;
    /// assert_eq!(x.to_vec::<f32>()?, [-1.0583912, 0.1568922, -1.080408, 0.21555027]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn normal(
        &mut self,
        shape: impl AsRef<[usize]>,
        mean: f64,
        std: f64,
        dtype: DType,
    ) -> Result<Tensor> {
        if let DType::BF16 | DType::F16 = dtype {
            return self.normal(shape, mean, std, DType::F32)?.to_dtype(dtype);
        }
        with_dtype!(dtype, T, float => filled::<T>("normal", shape.as_ref(), |out| self.fill_normal(out, mean, std)),
            else other => Err(not_a_float("normal", other)))
    }

    /// A tensor of Bool, each `true` at probability `p`; one draw. How, and which errors:
    /// [`fill_bernoulli`](Rng::fill_bernoulli).
    pub fn bernoulli(&mut self, shape: impl AsRef<[usize]>, p: f64) -> Result<Tensor> {
        filled("bernoulli", shape.as_ref(), |out| self.fill_bernoulli(out, p))
    }

    /// Fills `out` with uniform numbers of `lo..hi`.
    ///
    /// `lo + (hi − lo)·u` in double precision, rounded once, where u is a multiple of 2⁻²⁴ (`f32`, element i from word i)
    /// or 2⁻⁵³ (`f64`, words 2i and 2i + 1). Never `hi`, also where rounding would reach it.
    ///
    /// # Errors
    /// `lo` and `hi` must be finite and `lo < hi` as numbers of type `T`, and `hi − lo` finite.
    pub fn fill_uniform<T: Float>(&mut self, out: &mut [T], lo: f64, hi: f64) -> Result<()> {
        let (first, end) = (T::of(lo), T::of(hi));
        let (from, span) = (first.to_f64(), end.to_f64() - first.to_f64());
        let bounded = span.is_finite() && first < end; // NaN and infinite ends make the span NaN or infinite
        if !bounded {
            return Err(Error::InvalidArgument {
                op: "uniform",
                rule: "bounds must be finite with lo < hi in the element type",
                got: format!("{lo}..{hi} of {}", T::DTYPE),
                repair: "pass a non-empty finite range",
            });
        }
        let last = below_in::<T>(end);
        self.fill(out, words_of::<T>(), |source, run| {
            for x in run {
                let value = T::of(from + span * unit::<T>(source));
                *x = if value < end { value } else { last };
            }
        });
        Ok(())
    }

    /// Fills `out` with numbers of the normal distribution.
    ///
    /// Box-Muller in double precision, rounded once: `r = √(−2 ln u)`, `mean + std·r·cos 2πv` at even and
    /// `mean + std·r·sin 2πv` at odd places, u in (0, 1] and v in [0, 1) with 32 bits each for `f32`
    /// (|z| ≤ √(64 ln 2) ≈ 6.66; beyond it lie 3 of 10¹¹ numbers) and 53 for `f64` (|z| ≤ √(106 ln 2) ≈ 8.57).
    /// Elements 2j and 2j + 1 come from words 2j and 2j + 1 (`f32`), 4j … 4j + 3 (`f64`).
    ///
    /// # Errors
    /// `mean` must be finite, `std` finite and not negative, both as numbers of type `T`.
    pub fn fill_normal<T: Float>(&mut self, out: &mut [T], mean: f64, std: f64) -> Result<()> {
        let usable = T::of(mean).is_finite() && T::of(std).is_finite() && std >= 0.0;
        if !usable {
            return Err(Error::InvalidArgument {
                op: "normal",
                rule: "mean must be finite and std finite and not negative",
                got: format!("mean {mean} and std {std} of {}", T::DTYPE),
                repair: "pass finite values with std >= 0",
            });
        }
        self.fill(out, words_of::<T>(), |source, run| {
            for pair in run.chunks_mut(2) {
                let (u, v) = (open_unit::<T>(source), whole_unit::<T>(source));
                let r = (-2.0 * libm::log(u)).sqrt();
                let (sin, cos) = libm::sincos(std::f64::consts::TAU * v);
                pair[0] = T::of(mean + std * (r * cos));
                if let Some(odd) = pair.get_mut(1) {
                    *odd = T::of(mean + std * (r * sin));
                }
            }
        });
        Ok(())
    }

    /// Fills `out` with `true` at probability `p`, rounded to a multiple of 2⁻³²; 0 is never, 1 is always.
    /// Element i is whether word i lies below `p`·2³².
    ///
    /// # Errors
    /// `p` must lie in `0..=1`.
    pub fn fill_bernoulli(&mut self, out: &mut [bool], p: f64) -> Result<()> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::InvalidArgument {
                op: "bernoulli",
                rule: "a probability must lie in 0..=1",
                got: p.to_string(),
                repair: "pass a probability",
            });
        }
        let threshold = libm::round(p * 4294967296.0) as u64;
        self.fill(out, 1, |source, run| {
            for x in run {
                *x = u64::from(source.next_u32()) < threshold;
            }
        });
        Ok(())
    }

    /// Elements `start..` of what [`fill_bernoulli`](Rng::fill_bernoulli) would draw next, which it still will; p is a
    /// probability.
    pub(crate) fn bernoulli_at(&self, start: u64, p: f64, out: &mut [bool]) {
        let threshold = libm::round(p * 4294967296.0) as u64;
        let mut source = self.at(self.draws, u128::from(start));
        for x in out {
            *x = u64::from(source.next_u32()) < threshold;
        }
    }

    /// One draw over `out`: `part` fills runs of at most [`GRAIN`] elements from a source that stands at the first
    /// word of the run.
    fn fill<T: Send>(
        &mut self,
        out: &mut [T],
        words: usize,
        part: impl Fn(&mut ChaCha8Rng, &mut [T]) + Sync,
    ) {
        let draw = self.next_draw();
        let this = &*self;
        parallel::for_chunks(out, GRAIN, |start, run| {
            part(&mut this.at(draw, start as u128 * words as u128), run);
        });
    }
}

fn filled<T: Element>(
    op: &'static str,
    shape: &[usize],
    fill: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<Tensor> {
    let mut done = Ok(());
    let x = Tensor::build(op, shape, |out| done = fill(out))?;
    done.map(|()| x)
}

fn not_a_float(op: &'static str, dtype: DType) -> Error {
    Error::DTypeMismatch {
        op,
        rule: "numbers of this distribution are floats",
        dtypes: vec![dtype],
        repair: "ask for f32 or f64 and convert with to_dtype",
    }
}

/// Words an element takes.
const fn words_of<T: Element>() -> usize {
    match T::DTYPE {
        DType::F32 => 1,
        _ => 2,
    }
}

/// Uniform in [0, 1) with as many bits as `T` has: 24 or 53.
#[inline(always)]
fn unit<T: Element>(source: &mut ChaCha8Rng) -> f64 {
    match T::DTYPE {
        DType::F32 => f64::from(source.next_u32() >> 8) * (1.0 / 16777216.0),
        _ => whole_unit::<T>(source),
    }
}

/// Uniform in [0, 1) with 32 bits (`f32`) or 53.
#[inline(always)]
fn whole_unit<T: Element>(source: &mut ChaCha8Rng) -> f64 {
    match T::DTYPE {
        DType::F32 => f64::from(source.next_u32()) * (1.0 / 4294967296.0),
        _ => (source.next_u64() >> 11) as f64 * (1.0 / 9007199254740992.0),
    }
}

/// Uniform in (0, 1] with 32 bits (`f32`) or 53.
#[inline(always)]
fn open_unit<T: Element>(source: &mut ChaCha8Rng) -> f64 {
    1.0 - whole_unit::<T>(source)
}

/// The largest number of type `T` below `x`.
fn below_in<T: Float>(x: T) -> T {
    match T::DTYPE {
        DType::F32 => T::of(f64::from((x.to_f64() as f32).next_down())),
        _ => T::of(x.to_f64().next_down()),
    }
}
