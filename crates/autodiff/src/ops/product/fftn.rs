//! Discrete Fourier transforms over several axes: those of one axis, one after another.   Gradients are theirs
//!
//! Complex numbers are a last axis of size 2, which is not counted among the axes. Real transforms halve the last axis
//! that is named.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::{FftNorm, Tensor, fft_axes};

/// An error of one axis, said of the transform that was called.
fn named(op: &'static str, x: Result<Var>) -> Result<Var> {
    x.map_err(|error| error.named(op))
}

impl Var {
    /// The transform of a complex value over `axes` (none: all, or the last as many as `n` has lengths), cut or filled to
    /// the lengths `n` (none: as they are).
    ///
    /// Errors: as [`fft_axes`] and [`Tensor::fft_along`].
    pub fn fftn(&self, n: &[usize], axes: &[isize], norm: FftNorm) -> Result<Var> {
        let axes = fft_axes("fftn", self.shape(), true, n, axes)?;
        axes.iter().try_fold(self.clone(), |x, &(axis, n)| named("fftn", x.fft(n, axis, norm)))
    }

    /// The inverse of [`Var::fftn`].
    pub fn ifftn(&self, n: &[usize], axes: &[isize], norm: FftNorm) -> Result<Var> {
        let axes = fft_axes("ifftn", self.shape(), true, n, axes)?;
        axes.iter().try_fold(self.clone(), |x, &(axis, n)| named("ifftn", x.ifft(n, axis, norm)))
    }

    /// The transform of a real value, of the last axis the first `n/2 + 1` points; a last axis of size 2 is added.
    ///
    /// Errors: as [`Var::fftn`].
    pub fn rfftn(&self, n: &[usize], axes: &[isize], norm: FftNorm) -> Result<Var> {
        let axes = fft_axes("rfftn", self.shape(), false, n, axes)?;
        let Some((&(last, n), before)) = axes.split_last() else { return Ok(self.clone()) };
        let half = named("rfftn", self.rfft(n, last, norm))?;
        before.iter().try_fold(half, |x, &(axis, n)| named("rfftn", x.fft(n, axis, norm)))
    }

    /// The inverse of [`Var::rfftn`]: the last axis has its length of `n` real values (none: twice the points less one).
    pub fn irfftn(&self, n: &[usize], axes: &[isize], norm: FftNorm) -> Result<Var> {
        let axes = fft_axes("irfftn", self.shape(), true, n, axes)?;
        let Some((&(last, n), before)) = axes.split_last() else { return Ok(self.clone()) };
        let x =
            before.iter().try_fold(self.clone(), |x, &(axis, n)| named("irfftn", x.ifft(n, axis, norm)))?;
        named("irfftn", x.irfft(n, last, norm))
    }

    /// [`Var::fftn`] over the last two axes.
    pub fn fft2(&self, norm: FftNorm) -> Result<Var> {
        self.fftn(&[], &[-2, -1], norm)
    }

    /// [`Var::ifftn`] over the last two axes.
    pub fn ifft2(&self, norm: FftNorm) -> Result<Var> {
        self.ifftn(&[], &[-2, -1], norm)
    }

    /// [`Var::rfftn`] over the last two axes.
    pub fn rfft2(&self, norm: FftNorm) -> Result<Var> {
        self.rfftn(&[], &[-2, -1], norm)
    }

    /// [`Var::irfftn`] over the last two axes.
    pub fn irfft2(&self, norm: FftNorm) -> Result<Var> {
        self.irfftn(&[], &[-2, -1], norm)
    }
}

/// `Σ x[j, k]·e^(∓2πi(ja/m + kb/n))` of an m × n matrix of pairs, by its definition, times `scale`.
fn naive(x: &[[f64; 2]], [m, n]: [usize; 2], sign: f64, scale: f64) -> Vec<[f64; 2]> {
    let point = |at: usize| {
        let (a, b) = (at / n, at % n);
        x.iter().enumerate().fold([0.0, 0.0], |[re, im], (i, [u, v])| {
            let (j, k) = (i / n, i % n);
            let turns = ((j * a) % m) as f64 / m as f64 + ((k * b) % n) as f64 / n as f64;
            let (c, s) =
                (libm::cos(std::f64::consts::TAU * turns), sign * libm::sin(std::f64::consts::TAU * turns));
            [re + scale * (u * c - v * s), im + scale * (u * s + v * c)]
        })
    };
    (0..m * n).map(point).collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(268);
    let mut take = |shape: &[usize]| [s.uniform(shape, -1.0, 1.0)];
    let numbers = |x: &[Tensor]| x[0].to_vec::<f64>().unwrap_or_default();
    let pairs = move |x: &[Tensor]| numbers(x).as_chunks::<2>().0.to_vec();
    let back = FftNorm::Backward;
    // Rows of pairs cut or filled to m × n.
    let fitted = |x: &[[f64; 2]], from: [usize; 2], to: [usize; 2]| -> Vec<[f64; 2]> {
        let at = |i: usize| match (i / to[1], i % to[1]) {
            (j, k) if j < from[0] && k < from[1] => x[j * from[1] + k],
            _ => [0.0, 0.0],
        };
        (0..to[0] * to[1]).map(at).collect()
    };
    vec![
        OpSpec::new("fftn")
            .case("a matrix", take(&[3, 4, 2]), [3, 4, 2], move |x| x[0].fft2(back))
            .reference(move |x| naive(&pairs(x), [3, 4], -1.0, 1.0).concat())
            .case("cut and filled, orthonormal", take(&[3, 4, 2]), [4, 3, 2], |x| {
                x[0].fftn(&[4, 3], &[], FftNorm::Ortho)
            })
            .reference(move |x| naive(&fitted(&pairs(x), [3, 4], [4, 3]), [4, 3], -1.0, 1.0 / libm::sqrt(12.0)).concat())
            .case("axes of three", take(&[3, 2, 2, 2]), [3, 2, 2, 2], move |x| x[0].fftn(&[], &[2, 0], back))
            .case("no rows", take(&[0, 3, 2, 2]), [0, 3, 2, 2], move |x| x[0].fftn(&[], &[1, 2], back))
            .case("large", take(&[90, 64, 2]), [90, 64, 2], move |x| x[0].fft2(back))
            .large()
            .error(
                take(&[3, 4]),
                move |x| x[0].fft2(back),
                "[fftn] the last axis must have size 2, for real and imaginary part; got [3, 4]; stack the two parts along a new last axis",
            )
            .error(
                take(&[3, 4, 2]),
                move |x| x[0].fftn(&[3], &[0, 1], back),
                "[fftn] there must be an axis at least, and one for every length; got lengths [3] and axes [0, 1] for [3, 4, 2]; name as many axes as lengths",
            )
            .error(
                take(&[3, 2]),
                move |x| x[0].fft2(back),
                "[fftn] there must be an axis at least, and one for every length; got lengths [] and axes [-2, -1] for [3, 2]; name as many axes as lengths",
            )
            .error(
                take(&[3, 4, 2]),
                move |x| x[0].fftn(&[3, 0], &[], back),
                "[fftn] a transform must have one point at least; got n of 0; give the axis elements or name n",
            )
            .error(
                take(&[3, 4, 2]),
                move |x| x[0].fftn(&[], &[0, -2], back),
                "[fftn] an axis may be named once; got axis -2 for rank 2; use each axis of -2..2 at most once",
            ),
        OpSpec::new("ifftn")
            .case("a matrix", take(&[3, 4, 2]), [3, 4, 2], move |x| x[0].ifft2(back))
            .reference(move |x| naive(&pairs(x), [3, 4], 1.0, 1.0 / 12.0).concat())
            .case("undoes fftn", take(&[2, 3, 2, 2]), [2, 3, 2, 2], |x| {
                x[0].fftn(&[], &[], FftNorm::Forward)?.ifftn(&[], &[], FftNorm::Forward)
            })
            .reference(numbers)
            .case("empty", take(&[0, 3, 2, 2]), [0, 3, 2, 2], move |x| x[0].ifft2(back)),
        OpSpec::new("rfftn")
            .case("a matrix", take(&[3, 4]), [3, 3, 2], move |x| x[0].rfft2(back))
            .reference(move |x| {
                let whole: Vec<[f64; 2]> = numbers(x).into_iter().map(|x| [x, 0.0]).collect();
                let rows = naive(&whole, [3, 4], -1.0, 1.0);
                rows.chunks(4).flat_map(|row| row[..3].concat()).collect()
            })
            .case("axis 0 halved", take(&[4, 3]), [3, 3, 2], move |x| x[0].rfftn(&[], &[1, 0], back))
            .case("empty", take(&[0, 3, 4]), [0, 3, 3, 2], move |x| x[0].rfft2(back))
            .case("large", take(&[90, 128]), [90, 65, 2], move |x| x[0].rfft2(back))
            .large()
            .error(
                [Tensor::scalar(1.0f64)],
                move |x| x[0].rfftn(&[], &[], back),
                "[rfftn] there must be an axis at least, and one for every length; got lengths [] and axes [] for []; name as many axes as lengths",
            ),
        OpSpec::new("irfftn")
            .case("undoes rfftn, even", take(&[3, 4]), [3, 4], move |x| x[0].rfft2(back)?.irfft2(back))
            .reference(numbers)
            .case("undoes rfftn, odd", take(&[2, 3, 5]), [2, 3, 5], |x| {
                x[0].rfftn(&[], &[], FftNorm::Ortho)?.irfftn(&[2, 3, 5], &[], FftNorm::Ortho)
            })
            .reference(numbers)
            .case("any half", take(&[3, 3, 2]), [3, 4], move |x| x[0].irfft2(back))
            .case("empty", take(&[0, 3, 3, 2]), [0, 3, 4], move |x| x[0].irfft2(back)),
    ]
}
