//! Discrete Fourier transforms along an axis, complex numbers as a last axis of size 2.   They are linear; with W the
//! matrix of a transform, the gradient is `Wᴴ·g`: another transform
//!
//! Of a complex transform, `Wᴴ` is that of the other direction. Of a real one, whose result is the first half, it is
//! the inverse with interior points halved, since that counts each twice: once for itself, once for its mirror image.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{Fft, FftNorm, Tensor};

/// A transform of length `n`, its operand cut or filled to n and its result to `len`. Saves nothing.
pub struct Transform {
    kind: Fft,
    n: usize,
    len: usize,
    axis: isize,
    scale: f64,
}

/// Weights along `axis` of a half transform: 1 at 0 and, for even n, at the end; `inner` elsewhere.
fn mirrored(x: &Var, n: usize, axis: isize, inner: f64) -> Result<Var> {
    let half = n / 2 + 1;
    let at = |k: usize| if k == 0 || 2 * k == n { 1.0 } else { inner };
    let mut shape = vec![1; x.rank()];
    shape[axis.rem_euclid(x.rank() as isize - 1) as usize] = half;
    let weights = Tensor::from_vec((0..half).map(at).collect::<Vec<f64>>(), shape)?;
    x.mul(&Var::from(weights.to_dtype(x.dtype())?))
}

impl Op for Transform {
    fn name(&self) -> &'static str {
        match self.kind {
            Fft::Forward => "fft",
            Fft::Inverse => "ifft",
            Fft::RealForward => "rfft",
            Fft::RealInverse => "irfft",
        }
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].fft_along(self.kind, self.n, self.len, self.axis, self.scale)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (n, axis, complex) = (self.n, self.axis, self.kind != Fft::RealForward);
        let rank = saved.shape(0).len() - usize::from(complex);
        let from = saved.shape(0)[axis.rem_euclid(rank as isize) as usize];
        let back = |kind, x: &Var, len| Var::apply(Transform { kind, n, len, axis, scale: self.scale }, &[x]);
        grads([match self.kind {
            Fft::Forward => back(Fft::Inverse, grad, from)?,
            Fft::Inverse => back(Fft::Forward, grad, from)?,
            Fft::RealForward => back(Fft::RealInverse, &mirrored(grad, n, axis, 0.5)?, from)?,
            Fft::RealInverse => {
                let whole = mirrored(&back(Fft::RealForward, grad, n / 2 + 1)?, n, axis, 2.0)?;
                resized(&whole, axis, from)?
            }
        }])
    }
}

/// A complex value cut or filled with zeros to `len` along `axis`.
fn resized(x: &Var, axis: isize, len: usize) -> Result<Var> {
    let axis = axis.rem_euclid(x.rank() as isize - 1);
    let now = x.shape()[axis as usize];
    if len <= now {
        return x.narrow(axis, 0, len);
    }
    let mut shape = x.shape().to_vec();
    shape[axis as usize] = len - now;
    Var::cat(&[x, &Var::from(Tensor::zeros(shape, x.dtype())?)], axis)
}

fn size(x: &Var, axis: isize, complex: bool) -> usize {
    let rank = x.rank().saturating_sub(usize::from(complex)) as isize;
    if rank == 0 { 0 } else { x.shape()[axis.rem_euclid(rank) as usize] }
}

impl Var {
    /// `Σ x·e^(−2πi·jk/n)` of a complex value along `axis`, which is cut or filled to `n` (none: as it is).
    ///
    /// Complex numbers are a last axis of size 2, which is not counted among the axes. Errors: as [`Tensor::fft_along`].
    pub fn fft(&self, n: Option<usize>, axis: isize, norm: FftNorm) -> Result<Var> {
        let n = n.unwrap_or(size(self, axis, true));
        Var::apply(Transform { kind: Fft::Forward, n, len: n, axis, scale: norm.scale(n, false) }, &[self])
    }

    /// The inverse of [`Var::fft`].
    pub fn ifft(&self, n: Option<usize>, axis: isize, norm: FftNorm) -> Result<Var> {
        let n = n.unwrap_or(size(self, axis, true));
        Var::apply(Transform { kind: Fft::Inverse, n, len: n, axis, scale: norm.scale(n, true) }, &[self])
    }

    /// The first `n/2 + 1` points of the transform of a real value; a last axis of size 2 is added.
    pub fn rfft(&self, n: Option<usize>, axis: isize, norm: FftNorm) -> Result<Var> {
        let n = n.unwrap_or(size(self, axis, false));
        let scale = norm.scale(n, false);
        Var::apply(Transform { kind: Fft::RealForward, n, len: n / 2 + 1, axis, scale }, &[self])
    }

    /// The inverse of [`Var::rfft`]: `n` real values (none: twice the points less one).
    pub fn irfft(&self, n: Option<usize>, axis: isize, norm: FftNorm) -> Result<Var> {
        let n = n.unwrap_or(2 * size(self, axis, true).saturating_sub(1));
        Var::apply(Transform { kind: Fft::RealInverse, n, len: n, axis, scale: norm.scale(n, true) }, &[self])
    }
}

/// `Σⱼ xⱼ·e^(∓2πi·jk/n)` for one row of pairs, by its definition.
fn naive(x: &[[f64; 2]], n: usize, sign: f64) -> Vec<[f64; 2]> {
    let term = |k: usize| {
        x.iter().take(n).enumerate().fold([0.0, 0.0], |[re, im], (j, [a, b])| {
            let angle = sign * std::f64::consts::TAU * ((j * k) % n) as f64 / n as f64;
            let (c, s) = (libm::cos(angle), libm::sin(angle));
            [re + a * c - b * s, im + a * s + b * c]
        })
    };
    (0..n).map(term).collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(39);
    let mut take = |shape: &[usize]| [s.uniform(shape, -1.0, 1.0)];
    let pairs = |x: &[Tensor]| x[0].to_vec::<f64>().unwrap_or_default().as_chunks::<2>().0.to_vec();
    let reals = |x: &[Tensor]| -> Vec<[f64; 2]> {
        x[0].to_vec::<f64>().unwrap_or_default().into_iter().map(|x| [x, 0.0]).collect()
    };
    let back = FftNorm::Backward;
    vec![
        OpSpec::new("fft")
            .case("a row", take(&[5, 2]), [5, 2], move |x| x[0].fft(None, 0, back))
            .reference(move |x| naive(&pairs(x), 5, -1.0).concat())
            .case("cut, orthonormal", take(&[6, 2]), [4, 2], |x| x[0].fft(Some(4), -1, FftNorm::Ortho))
            .reference(move |x| naive(&pairs(x), 4, -1.0).concat().iter().map(|y| y / 2.0).collect())
            .case("filled, axis 0", take(&[3, 2, 2]), [4, 2, 2], move |x| x[0].fft(Some(4), 0, back))
            .case("no rows", take(&[0, 3, 2]), [0, 3, 2], move |x| x[0].fft(None, 1, back))
            .case("large", take(&[90, 128, 2]), [90, 128, 2], move |x| x[0].fft(None, 1, back))
            .large()
            .error(
                take(&[3, 3]),
                move |x| x[0].fft(None, 0, back),
                "[fft] the last axis must have size 2, for real and imaginary part; got [3, 3]; stack the two parts along a new last axis",
            )
            .error(
                take(&[0, 2]),
                move |x| x[0].fft(None, 0, back),
                "[fft] a transform must have one point at least; got n of 0; give the axis elements or name n",
            )
            .error(
                take(&[3, 2]),
                move |x| x[0].fft(Some(3), 1, back),
                "[fft] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
        OpSpec::new("ifft")
            .case("a row", take(&[5, 2]), [5, 2], move |x| x[0].ifft(None, 0, back))
            .reference(move |x| naive(&pairs(x), 5, 1.0).concat().iter().map(|y| y / 5.0).collect())
            .case("empty", take(&[0, 3, 2]), [0, 3, 2], move |x| x[0].ifft(None, 1, back)),
        OpSpec::new("rfft")
            .case("even", take(&[6]), [4, 2], move |x| x[0].rfft(None, 0, back))
            .reference(move |x| naive(&reals(x), 6, -1.0)[..4].concat())
            .case("odd", take(&[5]), [3, 2], move |x| x[0].rfft(None, 0, back))
            .reference(move |x| naive(&reals(x), 5, -1.0)[..3].concat())
            .case("filled, axis 0", take(&[3, 2]), [3, 2, 2], move |x| x[0].rfft(Some(4), 0, back))
            .case("cut", take(&[2, 5]), [2, 3, 2], |x| x[0].rfft(Some(4), 1, FftNorm::Forward))
            .case("empty", take(&[0, 4]), [0, 3, 2], move |x| x[0].rfft(None, 1, back))
            .case("large", take(&[90, 256]), [90, 129, 2], move |x| x[0].rfft(None, 1, back))
            .large(),
        OpSpec::new("irfft")
            .case("even", take(&[4, 2]), [6], move |x| x[0].irfft(None, 0, back))
            .reference(move |x| {
                // The whole transform: the mirror image is the conjugate.
                let half = pairs(x);
                let at = |k: usize| match k {
                    0 | 3 => [half[k][0], 0.0],
                    1 | 2 => half[k],
                    _ => [half[6 - k][0], -half[6 - k][1]],
                };
                let whole: Vec<[f64; 2]> = (0..6).map(at).collect();
                naive(&whole, 6, 1.0).iter().map(|y| y[0] / 6.0).collect()
            })
            .case("odd", take(&[3, 2]), [5], move |x| x[0].irfft(Some(5), 0, back))
            .case("filled, axis 0", take(&[2, 2, 2]), [6, 2], move |x| x[0].irfft(Some(6), 0, back))
            .case("cut", take(&[5, 2]), [4], move |x| x[0].irfft(Some(4), 0, back))
            .case("empty", take(&[0, 3, 2]), [0, 4], move |x| x[0].irfft(None, 1, back)),
    ]
}
