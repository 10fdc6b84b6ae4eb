//! Fourier transforms along one axis, on rustfft and realfft.
//!
//! A complex tensor is a real one whose last axis has size 2: real part, imaginary part. Plans are made once for each
//! length and kept by the thread that uses them; a row's result depends on that row and the plan alone.

use super::arithmetic::wrong_dtype;
use crate::dtype::{DType, Float, Number};
use crate::error::{Error, Result};
use crate::layout::{Dims, resolve_axis};
use crate::parallel::for_chunks;
use crate::tensor::Tensor;
use realfft::RealFftPlanner;
use rustfft::num_complex::Complex;
use rustfft::{FftDirection, FftNum, FftPlanner};
use std::cell::RefCell;

/// Elements a thread takes at a time, at least.
const GRAIN: usize = 1 << 14;

/// What is transformed into what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fft {
    /// Complex to complex, `Σ x·e^(−2πi·jk/n)`.
    Forward,
    /// Complex to complex, `Σ x·e^(+2πi·jk/n)`, not divided by n.
    Inverse,
    /// Real to the first `n/2 + 1` of its complex transform.
    RealForward,
    /// Those `n/2 + 1` to the real values, not divided by n.
    RealInverse,
}

/// What a transform and its inverse are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FftNorm {
    /// The inverse by 1/n.
    #[default]
    Backward,
    /// Both by 1/√n.
    Ortho,
    /// The transform by 1/n.
    Forward,
}

impl FftNorm {
    /// The factor of a transform of length `n`, or of its inverse.
    pub fn scale(self, n: usize, inverse: bool) -> f64 {
        let n = n as f64;
        match (self, inverse) {
            (Self::Ortho, _) => 1.0 / n.sqrt(),
            (Self::Backward, true) | (Self::Forward, false) => 1.0 / n,
            _ => 1.0,
        }
    }
}

/// The planners of a thread.
struct Plans<T: FftNum>(FftPlanner<T>, RealFftPlanner<T>);

thread_local! {
    static PLANS32: RefCell<Plans<f32>> = RefCell::new(Plans(FftPlanner::new(), RealFftPlanner::new()));
    static PLANS64: RefCell<Plans<f64>> = RefCell::new(Plans(FftPlanner::new(), RealFftPlanner::new()));
}

/// A float that rustfft transforms.
trait Transform: Float + FftNum {
    fn with_plans<R>(f: impl FnOnce(&mut Plans<Self>) -> R) -> R;
}
impl Transform for f32 {
    fn with_plans<R>(f: impl FnOnce(&mut Plans<Self>) -> R) -> R {
        PLANS32.with_borrow_mut(f)
    }
}
impl Transform for f64 {
    fn with_plans<R>(f: impl FnOnce(&mut Plans<Self>) -> R) -> R {
        PLANS64.with_borrow_mut(f)
    }
}

/// Pairs of neighbours as complex numbers.
fn complex<T>(x: &[T]) -> &[Complex<T>] {
    // SAFETY: `Complex` is two `T`s, real part first, in C's layout, and there are `len / 2` pairs.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), x.len() / 2) }
}

/// As `complex`, to be written.
fn complex_mut<T>(x: &mut [T]) -> &mut [Complex<T>] {
    // SAFETY: as in `complex`; the borrow of `x` is handed on.
    unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), x.len() / 2) }
}

/// `x`, cut or filled with zeros, into `out`.
fn fit<T: Copy>(x: &[T], zero: T, out: &mut [T]) {
    let len = x.len().min(out.len());
    out[..len].copy_from_slice(&x[..len]);
    out[len..].fill(zero);
}

/// Rows of `from` numbers each, cut or filled with zeros to what length `n` takes, into rows of `to` numbers, likewise.
/// Rows that need neither are transformed where they stand.
fn rows<T: Transform>(kind: Fft, x: &[T], from: usize, n: usize, to: usize, scale: f64, out: &mut [T]) {
    let none = T::of(0.0);
    let zero = Complex::new(none, none);
    let half = matches!(kind, Fft::RealForward | Fft::RealInverse);
    let points = if half { n / 2 + 1 } else { n };
    let whole = to == if kind == Fft::RealInverse { n } else { 2 * points };
    let mut line = vec![zero; points];
    let mut real = vec![none; if half { n } else { 0 }];
    let fits = "invariant: buffers were made for the plan";
    match kind {
        Fft::Forward | Fft::Inverse => {
            let direction = if kind == Fft::Forward { FftDirection::Forward } else { FftDirection::Inverse };
            let plan = T::with_plans(|p| p.0.plan_fft(n, direction));
            if whole && from == to {
                let mut room = vec![zero; plan.get_immutable_scratch_len()];
                plan.process_immutable_with_scratch(complex(x), complex_mut(out), &mut room);
            } else {
                let mut room = vec![zero; plan.get_inplace_scratch_len()];
                for (x, out) in x.chunks_exact(from).zip(out.chunks_exact_mut(to)) {
                    fit(complex(x), zero, &mut line);
                    plan.process_with_scratch(&mut line, &mut room);
                    fit(&line, zero, complex_mut(out));
                }
            }
        }
        Fft::RealForward => {
            let plan = T::with_plans(|p| p.1.plan_fft_forward(n));
            let mut room = plan.make_scratch_vec();
            for (x, out) in x.chunks_exact(from).zip(out.chunks_exact_mut(to)) {
                fit(x, none, &mut real);
                if whole {
                    plan.process_with_scratch(&mut real, complex_mut(out), &mut room).expect(fits);
                } else {
                    plan.process_with_scratch(&mut real, &mut line, &mut room).expect(fits);
                    fit(&line, zero, complex_mut(out));
                }
            }
        }
        Fft::RealInverse => {
            let plan = T::with_plans(|p| p.1.plan_fft_inverse(n));
            let mut room = plan.make_scratch_vec();
            for (x, out) in x.chunks_exact(from).zip(out.chunks_exact_mut(to)) {
                fit(complex(x), zero, &mut line);
                // What a real signal has no imaginary part at.
                line[0].im = none;
                if n.is_multiple_of(2) {
                    line[n / 2].im = none;
                }
                if whole {
                    plan.process_with_scratch(&mut line, out, &mut room).expect(fits);
                } else {
                    plan.process_with_scratch(&mut line, &mut real, &mut room).expect(fits);
                    fit(&real, none, out);
                }
            }
        }
    }
    if scale != 1.0 {
        let scale = T::of(scale);
        out.iter_mut().for_each(|x| *x = Number::mul(*x, scale));
    }
}

impl Tensor {
    /// A transform of length `n` along `axis`, counted without the last axis of complex tensors, times `scale`. What
    /// stands along the axis is cut or filled with zeros to n, and the result to `len`.
    ///
    /// Complex tensors have a last axis of size 2: real and imaginary part. Real to complex adds it, complex to real
    /// drops it. The imaginary parts that a real signal's transform does not have are not read.
    /// Errors: `InvalidArgument` for n of 0; `InvalidAxis`; `ShapeMismatch` for a complex operand whose last axis is not
    /// of size 2; `DTypeMismatch` unless a float.
    pub fn fft_along(&self, kind: Fft, n: usize, len: usize, axis: isize, scale: f64) -> Result<Tensor> {
        let op = match kind {
            Fft::Forward => "fft",
            Fft::Inverse => "ifft",
            Fft::RealForward => "rfft",
            Fft::RealInverse => "irfft",
        };
        let (reads, writes) = (kind != Fft::RealForward, kind != Fft::RealInverse);
        if reads && self.shape().last() != Some(&2) {
            return Err(Error::ShapeMismatch {
                op,
                rule: "the last axis must have size 2, for real and imaginary part",
                shapes: vec![self.shape().to_vec()],
                repair: "stack the two parts along a new last axis",
            });
        }
        if n == 0 {
            return Err(Error::InvalidArgument {
                op,
                rule: "a transform must have one point at least",
                got: "n of 0".into(),
                repair: "give the axis elements or name n",
            });
        }
        let rank = self.rank() - usize::from(reads);
        let axis = resolve_axis(op, axis, rank)?;
        if n / 2 > self.shape()[axis].max(len) {
            return Err(Error::InvalidArgument {
                op,
                rule: "n must be at most twice what is read or written along the axis",
                got: format!("n of {n} for {} and {len}", self.shape()[axis]),
                repair: "shorten n",
            });
        }
        let mut order: Vec<isize> = (0..self.rank() as isize).filter(|&i| i != axis as isize).collect();
        order.insert(rank - 1, axis as isize);
        let moved = self.permute(&order)?.contiguous()?;
        let mut shape: Dims = moved.shape()[..rank].into();
        let from = shape[rank - 1] * (1 + usize::from(reads));
        shape[rank - 1] = len;
        if writes {
            shape.push(2);
        }
        let to = len.saturating_mul(1 + usize::from(writes));
        let fill = |out: Result<Tensor>| -> Result<Tensor> {
            let mut back: Vec<isize> = (0..rank as isize - 1).collect();
            back.insert(axis, rank as isize - 1);
            if writes {
                back.push(rank as isize);
            }
            out?.permute(back)?.contiguous()
        };
        macro_rules! run {
            ($T:ty) => {
                fill(Tensor::build(op, &shape, |out: &mut [$T]| {
                    let x = moved.as_slice::<$T>().unwrap_or_default();
                    if from == 0 || to == 0 {
                        return out.fill(0.0);
                    }
                    for_chunks(out, GRAIN.div_ceil(to) * to, |start, out| {
                        let (first, count) = (start / to, out.len() / to);
                        rows(kind, &x[first * from..(first + count) * from], from, n, to, scale, out);
                    });
                }))
            };
        }
        match self.dtype() {
            DType::F32 => run!(f32),
            DType::F64 => run!(f64),
            dtype => Err(wrong_dtype(op, "the operand must be a float", dtype)),
        }
    }
}
