//! Tensors made from a rule: evenly spaced numbers, grids, a function of the index.

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::checked_len;
use crate::math::Math;
use crate::tensor::Tensor;
use crate::word::{Word, with_words};

/// The refusal of `got`.
fn invalid(op: &'static str, rule: &'static str, got: String, repair: &'static str) -> Error {
    Error::InvalidArgument { op, rule, got, repair }
}

/// `value(i)` for `i` in `0..n`, computed in f64 and converted.
fn filled(op: &'static str, n: usize, dtype: DType, value: impl Fn(usize) -> f64) -> Result<Tensor> {
    if dtype == DType::F32 {
        return Tensor::build(op, &[n], |out: &mut [f32]| {
            out.iter_mut().enumerate().for_each(|(i, x)| *x = value(i) as f32);
        });
    }
    let x = Tensor::build(op, &[n], |out: &mut [f64]| {
        out.iter_mut().enumerate().for_each(|(i, x)| *x = value(i));
    })?;
    x.to_dtype(dtype)
}

/// A function from positions to numbers between `start` and `end`, both met exactly.
fn spaced(op: &'static str, start: f64, end: f64, steps: usize) -> Result<impl Fn(usize) -> f64> {
    if !start.is_finite() || !end.is_finite() {
        return Err(invalid(op, "both ends must be finite", format!("{start} to {end}"), "use finite ends"));
    }
    let last = steps.saturating_sub(1);
    // Each half is counted from its own end, and halves are taken first: the range may exceed the largest number.
    let step = (end / 2.0 - start / 2.0) / last.max(1) as f64 * 2.0;
    Ok(move |i: usize| if i * 2 <= last { start + step * i as f64 } else { end - step * (last - i) as f64 })
}

/// `steps` as a count.
fn count(op: &'static str, steps: isize) -> Result<usize> {
    usize::try_from(steps)
        .map_err(|_| invalid(op, "steps must be 0 or more", format!("{steps}"), "use a count"))
}

/// How [`Tensor::meshgrid`] orders the first two axes.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexing {
    /// As matrices are indexed: vector i varies along axis i.
    Ij,
    /// As planes are drawn: the first vector varies along axis 1, the second along axis 0.
    Xy,
}

impl Tensor {
    /// `start, start + step, …` before `end`, which is not reached: `⌈(end − start) / step⌉` numbers.
    ///
    /// Each number is `start + i·step`, computed in f64. Errors: `InvalidArgument` for numbers that are not finite, a step
    /// of 0 or one away from the end; `ShapeOverflow`, `OutOfMemory`.
    ///
    /// ```
    /// use tensor::{DType, Tensor};
    /// assert_eq!(Tensor::arange_step(1.0, 2.0, 0.25, DType::F64)?.to_vec::<f64>()?, [1.0, 1.25, 1.5, 1.75]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn arange_step(start: f64, end: f64, step: f64, dtype: DType) -> Result<Tensor> {
        let op = "arange_step";
        let got = || format!("{start} to {end} by {step}");
        if ![start, end, step].iter().all(|x| x.is_finite()) {
            return Err(invalid(op, "start, end and step must be finite", got(), "use finite numbers"));
        }
        if step == 0.0 || (end - start) * step.signum() < 0.0 {
            return Err(invalid(
                op,
                "the step must lead from start to end",
                got(),
                "change the step's sign or size",
            ));
        }
        // What is larger than any size becomes the largest one, and is refused as such.
        let n = ((end - start) / step).ceil() as usize;
        checked_len(op, &[n], dtype)?;
        filled(op, n, dtype, |i| start + i as f64 * step)
    }

    /// `steps` numbers evenly spaced from `start` to `end`, both included; one step is `start` alone.
    ///
    /// Errors: `InvalidArgument` for negative steps or an end that is not finite; `ShapeOverflow`, `OutOfMemory`.
    pub fn linspace(start: f64, end: f64, steps: isize, dtype: DType) -> Result<Tensor> {
        let n = count("linspace", steps)?;
        checked_len("linspace", &[n], dtype)?;
        filled("linspace", n, dtype, spaced("linspace", start, end, n)?)
    }

    /// `base` to the powers that [`Tensor::linspace`] gives. Errors: as there.
    pub fn logspace(start: f64, end: f64, steps: isize, base: f64, dtype: DType) -> Result<Tensor> {
        let n = count("logspace", steps)?;
        checked_len("logspace", &[n], dtype)?;
        let power = spaced("logspace", start, end, n)?;
        filled("logspace", n, dtype, |i| Math::pow(base, power(i)))
    }

    /// The identity's top left corner of `rows × columns`, or its continuation: 1 where both indices are equal.
    ///
    /// Errors: `ShapeOverflow`, `OutOfMemory`.
    pub fn eye_rectangular(rows: usize, columns: usize, dtype: DType) -> Result<Tensor> {
        Self::diagonal_ones("eye_rectangular", rows, columns, dtype)
    }

    pub(crate) fn diagonal_ones(
        op: &'static str,
        rows: usize,
        columns: usize,
        dtype: DType,
    ) -> Result<Tensor> {
        let one = dtype.bits_of(1.0);
        with_words!(dtype, W => Tensor::build_words(op, &[rows, columns], dtype, |out: &mut [W]| {
            out.fill(0);
            out.iter_mut().step_by(columns.saturating_add(1)).take(rows.min(columns)).for_each(|x| *x = W::of(one));
        }))
    }

    /// `value(index)` at each index, called in row-major order.
    ///
    /// ```
    /// let x = tensor::Tensor::from_fn([2, 2], |at| (10 * at[0] + at[1]) as f32)?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0, 1.0, 10.0, 11.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    /// Errors: `ShapeOverflow`, `OutOfMemory`.
    pub fn from_fn<T: Element>(
        shape: impl AsRef<[usize]>,
        mut value: impl FnMut(&[usize]) -> T,
    ) -> Result<Tensor> {
        let shape = shape.as_ref();
        let mut at = vec![0; shape.len()];
        Tensor::build("from_fn", shape, |out: &mut [T]| {
            for x in out {
                *x = value(&at);
                for (i, &d) in at.iter_mut().zip(shape).rev() {
                    *i += 1;
                    if *i < d {
                        break;
                    }
                    *i = 0;
                }
            }
        })
    }

    /// The grids of vectors: result i has the values of vector i along one axis and repeats them along all others.
    /// Views.
    ///
    /// Errors: `ShapeMismatch` unless all are vectors; `ShapeOverflow`.
    pub fn meshgrid(vectors: &[&Tensor], indexing: Indexing) -> Result<Vec<Tensor>> {
        if vectors.iter().any(|x| x.rank() != 1) {
            return Err(Error::ShapeMismatch {
                op: "meshgrid",
                rule: "each must be a vector",
                shapes: vectors.iter().map(|x| x.shape().to_vec()).collect(),
                repair: "flatten the others",
            });
        }
        let mut order: Vec<usize> = (0..vectors.len()).collect();
        if indexing == Indexing::Xy && order.len() > 1 {
            order.swap(0, 1);
        }
        let shape: Vec<usize> = order.iter().map(|&i| vectors[i].len()).collect();
        let grid = |(i, x): (usize, &&Tensor)| {
            let mut own = vec![1; shape.len()];
            own[order[i]] = x.len();
            x.reshape(&own[..])?.expand(&shape[..])
        };
        vectors.iter().enumerate().map(grid).collect()
    }

    /// Every element `value`, in this tensor's shape and dtype. Errors: `OutOfMemory`, as this may be a view.
    pub fn full_like(&self, value: f64) -> Result<Tensor> {
        checked_len("full_like", self.shape(), self.dtype())?;
        Tensor::full(self.shape(), value, self.dtype())
    }

    /// Every element 0, in this tensor's shape and dtype. Errors: as [`Tensor::full_like`].
    pub fn zeros_like(&self) -> Result<Tensor> {
        self.full_like(0.0)
    }

    /// Every element 1, in this tensor's shape and dtype. Errors: as [`Tensor::full_like`].
    pub fn ones_like(&self) -> Result<Tensor> {
        self.full_like(1.0)
    }
}
