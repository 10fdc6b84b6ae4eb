//! Resampling: average pooling and interpolation, which are sums over windows with weights of their own.

use super::arithmetic::wrong_dtype;
use super::index::mismatch;
use super::pool::{
    FLOATS, PoolOptions, adaptive, axes, few_pixels, image, spatial, three_sizes, three_windows,
};
use super::widen::in_wider;
use super::windows::{Spatial, invalid};
use crate::error::Result;
use crate::kernels::pool::{self, Over, Windows, transposed};
use crate::tensor::{Tensor, with_dtype};
use smallvec::SmallVec;

/// Sums of windows with weights that are products of one for each axis: average pooling, adaptive average pooling, and
/// interpolation of every kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Resample {
    /// For each spatial axis, what each result is made of.
    axes: Vec<Windows<f64>>,
    /// The spatial sizes of the input.
    input: Vec<usize>,
}

/// How many times larger images become: one number for each spatial axis, or one for all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors(SmallVec<[f64; 3]>);

impl Factors {
    /// The numbers as they were given.
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

impl From<f64> for Factors {
    fn from(factor: f64) -> Self {
        Self(SmallVec::from_slice(&[factor]))
    }
}

impl From<usize> for Factors {
    fn from(factor: usize) -> Self {
        Self::from(factor as f64)
    }
}

impl<const N: usize> From<[f64; N]> for Factors {
    fn from(factors: [f64; N]) -> Self {
        Self(SmallVec::from_slice(&factors))
    }
}

impl<const N: usize> From<[usize; N]> for Factors {
    fn from(factors: [usize; N]) -> Self {
        Self(factors.iter().map(|&factor| factor as f64).collect())
    }
}

impl From<&Factors> for Factors {
    fn from(factors: &Factors) -> Self {
        factors.clone()
    }
}

/// How values between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interpolation {
    /// The pixel whose place is `⌊i·input/output⌋`.
    #[default]
    Nearest,
    /// Straight lines between pixels, along each axis.
    Linear,
    /// Cubic convolution with a = −0.75 along each axis. Source: Keys 1981.
    Cubic,
}

impl Resample {
    /// Means over the windows of a pooling; pixels of the padding count as zeros if `include_pad`.
    ///
    /// Errors: as [`Tensor::max_pool`], and for a dilation.
    pub fn average(x: &[usize], options: &PoolOptions, include_pad: bool) -> Result<Self> {
        let axes = axes("avg_pool", x, options)?;
        if axes.iter().any(|axis| axis.dilation != 1) {
            let got = format!("{:?}", options.dilation.as_slice());
            return invalid("avg_pool", "there must be no dilation", got, "use a dilation of 1");
        }
        Ok(Self { axes: axes.iter().map(|axis| axis.shares(include_pad)).collect(), input: x[2..].to_vec() })
    }

    /// Sums over the windows of a pooling, divided by `divisor` whatever the pixels of a window: PyTorch's
    /// `divisor_override`.
    ///
    /// Errors: as [`Resample::average`], and for a divisor of 0.
    pub fn average_by(x: &[usize], options: &PoolOptions, divisor: usize) -> Result<Self> {
        let mut sums = Self::average(x, options, true)?;
        if divisor == 0 {
            return invalid("avg_pool", "a divisor must be 1 or more", "0".into(), "use 1 for sums");
        }
        // The weight of an element is the product of those of its axes.
        for (i, axis) in sums.axes.iter_mut().enumerate() {
            let weight = if i == 0 { 1.0 / divisor as f64 } else { 1.0 };
            axis.iter_mut().flatten().for_each(|(_, share)| *share = weight);
        }
        Ok(sums)
    }

    /// Means over `sizes` windows along each axis, the i-th of n of `⌊i·size/n⌋ .. ⌈(i + 1)·size/n⌉`.
    pub fn adaptive_average(x: &[usize], sizes: &Spatial) -> Result<Self> {
        let share = |window: Vec<usize>| {
            let share = 1.0 / window.len().max(1) as f64;
            window.into_iter().map(|at| (at, share)).collect()
        };
        let axes = adaptive("adaptive_avg_pool", x, sizes)?;
        let axes = axes.into_iter().map(|axis| axis.into_iter().map(share).collect());
        Ok(Self { axes: axes.collect(), input: x[2..].to_vec() })
    }

    /// Images of `sizes`. With `align_corners` the first and last pixels of both lie on each other (not for nearest ones);
    /// else their outer edges do.
    ///
    /// Errors: `ShapeMismatch`; `InvalidArgument` for images without pixels.
    pub fn interpolate(
        x: &[usize],
        sizes: &Spatial,
        how: Interpolation,
        align_corners: bool,
    ) -> Result<Self> {
        let op = "interpolate";
        let input = spatial(op, x)?.to_vec();
        let sizes = sizes.checked(op, "sizes", input.len())?;
        few_pixels(op, &sizes)?;
        if input.contains(&0) || sizes.contains(&0) {
            let got = format!("{input:?} to {sizes:?}");
            return invalid(op, "images must have pixels before and after", got, "use sizes of 1 or more");
        }
        let axes = input.iter().zip(&sizes).map(|(&from, &to)| {
            let nearest = |i: usize| (i as u128 * from as u128 / to as u128) as usize;
            weights([from, to], from as f64 / to as f64, nearest, how, align_corners)
        });
        Ok(Self { axes: axes.collect(), input })
    }

    /// Images `factors` times larger, of `⌊size·factor⌋` pixels; a pixel of the result lies at `(i + ½)/factor − ½`, also
    /// where the factor does not divide the sizes, and the nearest one's place is `⌊i/factor⌋`. As PyTorch with
    /// `scale_factor` and without `recompute_scale_factor`. Otherwise as [`Resample::interpolate`].
    ///
    /// Errors: as [`Resample::interpolate`]; `InvalidArgument` for factors that are no positive numbers.
    pub fn interpolate_by(
        x: &[usize],
        factors: &Factors,
        how: Interpolation,
        align_corners: bool,
    ) -> Result<Self> {
        let op = "interpolate";
        let input = spatial(op, x)?.to_vec();
        let factors: SmallVec<[f64; 3]> = match factors.as_slice() {
            [factor] => SmallVec::from_elem(*factor, input.len()),
            factors if factors.len() == input.len() => SmallVec::from_slice(factors),
            factors => {
                let got = format!("factors {factors:?} for {} axes", input.len());
                let rule = "there must be one factor for all spatial axes, or one for each";
                return invalid(op, rule, got, "give as many factors as the images have spatial axes");
            }
        };
        if factors.iter().any(|factor| !(*factor > 0.0 && factor.is_finite())) {
            let got = format!("{:?}", &factors[..]);
            return invalid(op, "factors must be positive numbers", got, "use 2 for images twice as large");
        }
        // A size beyond all bounds is the largest integer, which is refused.
        let sizes: SmallVec<[usize; 3]> =
            input.iter().zip(&factors).map(|(&size, factor)| (size as f64 * factor) as usize).collect();
        few_pixels(op, &sizes)?;
        if input.contains(&0) || sizes.contains(&0) {
            let got = format!("{input:?} to {sizes:?}");
            return invalid(op, "images must have pixels before and after", got, "use larger factors");
        }
        let axes = input.iter().zip(&sizes).zip(&factors).map(|((&from, &to), factor)| {
            let nearest = |i: usize| (i as f64 / factor) as usize;
            weights([from, to], 1.0 / factor, nearest, how, align_corners)
        });
        Ok(Self { axes: axes.collect(), input })
    }

    /// The map that brings gradients back.
    pub fn adjoint(&self) -> Self {
        let axes = self.axes.iter().zip(&self.input).map(|(axis, &len)| transposed(axis, len)).collect();
        Self { axes, input: self.axes.iter().map(Vec::len).collect() }
    }
}

/// The weights of each of `to` results along an axis of `from` pixels, `scale` of them apart.
fn weights(
    [from, to]: [usize; 2],
    scale: f64,
    nearest: impl Fn(usize) -> usize,
    how: Interpolation,
    align_corners: bool,
) -> Windows<f64> {
    let place = |i: usize| match align_corners {
        true if to > 1 => i as f64 * (from - 1) as f64 / (to - 1) as f64,
        true => 0.0,
        false => (i as f64 + 0.5) * scale - 0.5,
    };
    let last = from as isize - 1;
    let window = |i: usize| match how {
        Interpolation::Nearest => vec![(nearest(i).min(from - 1), 1.0)],
        Interpolation::Linear => {
            let at = place(i).max(0.0);
            let low = (at as usize).min(from - 1);
            let t = at - low as f64;
            match low + 1 < from && t > 0.0 {
                true => vec![(low, 1.0 - t), (low + 1, t)],
                false => vec![(low, 1.0)],
            }
        }
        Interpolation::Cubic => {
            let at = place(i);
            let low = at.floor();
            let t = at - low;
            let near = |d: f64| (1.25 * d - 2.25) * d * d + 1.0;
            let far = |d: f64| ((-0.75 * d + 3.75) * d - 6.0) * d + 3.0;
            let mut window: Vec<(usize, f64)> = Vec::new();
            for (k, weight) in [far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)].into_iter().enumerate() {
                let pixel = (low as isize - 1 + k as isize).clamp(0, last) as usize;
                // Pixels beyond an edge are the edge's.
                match window.last_mut() {
                    Some((same, sum)) if *same == pixel => *sum += weight,
                    _ => window.push((pixel, weight)),
                }
            }
            window
        }
    };
    (0..to).map(window).collect()
}

impl Tensor {
    /// The weighted sums that `how` names. Errors: `ShapeMismatch` unless the images have the sizes that it was made for;
    /// `DTypeMismatch`.
    ///
    /// ```
    /// use tensor::{Interpolation, Resample, Tensor};
    /// let x = Tensor::from_vec(vec![1.0f32, 3.0], [1, 1, 2])?;
    /// let twice = Resample::interpolate(x.shape(), &4.into(), Interpolation::Linear, false)?;
    /// assert_eq!(x.resample(&twice)?.to_vec::<f32>()?, [1.0, 1.5, 2.5, 3.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn resample(&self, how: &Resample) -> Result<Tensor> {
        let op = "resample";
        in_wider!(narrowed[self], |x| x[0].resample(how));
        if self.rank() != how.input.len() + 2 || self.shape()[2..] != how.input[..] {
            let rule = "the images must have the sizes that the map was made for";
            return Err(mismatch(op, rule, &[self.shape(), &how.input], "make the map for this shape"));
        }
        let windows = three_windows(how.axes.iter().cloned(), 1.0);
        let sizes: SmallVec<[usize; 3]> = how.axes.iter().map(Vec::len).collect();
        let over = Over { windows: windows.each_ref(), from: three_sizes(&how.input), c: self.shape()[1] };
        with_dtype!(self.dtype(), T, float => {
            let x = self.channels_at_back()?;
            let x = x.as_slice::<T>().unwrap_or_default();
            image(op, self.shape(), &sizes, |out: &mut [T]| {
                if !out.is_empty() {
                    pool::sums(self.shape()[0], &over, x, out);
                }
            })
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }
}
