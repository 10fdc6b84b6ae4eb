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
        let axes = input.iter().zip(&sizes).map(|(&from, &to)| weights(from, to, how, align_corners));
        Ok(Self { axes: axes.collect(), input })
    }

    /// The map that brings gradients back.
    pub fn adjoint(&self) -> Self {
        let axes = self.axes.iter().zip(&self.input).map(|(axis, &len)| transposed(axis, len)).collect();
        Self { axes, input: self.axes.iter().map(Vec::len).collect() }
    }
}

/// The weights of each of `to` results along an axis of `from` pixels.
fn weights(from: usize, to: usize, how: Interpolation, align_corners: bool) -> Windows<f64> {
    let scale = from as f64 / to as f64;
    let place = |i: usize| match align_corners {
        true if to > 1 => i as f64 * (from - 1) as f64 / (to - 1) as f64,
        true => 0.0,
        false => (i as f64 + 0.5) * scale - 0.5,
    };
    let last = from as isize - 1;
    let window = |i: usize| match how {
        Interpolation::Nearest => vec![(((i as f64 * scale) as usize).min(from - 1), 1.0)],
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
