//! Around Fourier transforms: the axes of one in several dimensions, and the frequencies of its points.

use super::arithmetic::wrong_dtype;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{resolve_axes, resolve_axis};
use crate::tensor::{Tensor, with_dtype};

/// The axes of a transform of several, in order, each with its length if one is given.
///
/// `n` names lengths (none: as they are), `axes` the axes (none: the last, as many as there are lengths, or all). A
/// complex operand's last axis, of size 2, is not counted. Errors: `ShapeMismatch` for a complex operand without it;
/// `InvalidAxis`; `InvalidArgument` for no axis, or lengths that are not as many as the axes.
pub fn fft_axes(
    op: &'static str,
    shape: &[usize],
    is_complex: bool,
    n: &[usize],
    axes: &[isize],
) -> Result<Vec<(isize, Option<usize>)>> {
    if is_complex && shape.last() != Some(&2) {
        return Err(Error::ShapeMismatch {
            op,
            rule: "the last axis must have size 2, for real and imaginary part",
            shapes: vec![shape.to_vec()],
            repair: "stack the two parts along a new last axis",
        });
    }
    let rank = shape.len() - usize::from(is_complex);
    let named = if !axes.is_empty() {
        axes.len()
    } else if n.is_empty() {
        rank
    } else {
        n.len()
    };
    if named == 0 || !n.is_empty() && n.len() != named || named > rank {
        return Err(Error::InvalidArgument {
            op,
            rule: "there must be an axis at least, and one for every length",
            got: format!("lengths {n:?} and axes {axes:?} for {shape:?}"),
            repair: "name as many axes as lengths",
        });
    }
    let all: Vec<isize> = ((rank - named) as isize..rank as isize).collect();
    let axes = if axes.is_empty() { &all } else { axes };
    resolve_axes(op, axes, rank)?;
    let axis = |&axis: &isize| resolve_axis(op, axis, rank).map(|axis| axis as isize);
    axes.iter().enumerate().map(|(i, a)| Ok((axis(a)?, n.get(i).copied()))).collect()
}

/// k / (n · spacing) for the first `len` k, which from `negative` on are k − n.
fn frequencies(
    op: &'static str,
    n: usize,
    len: usize,
    negative: usize,
    spacing: f64,
    dtype: DType,
) -> Result<Tensor> {
    if spacing == 0.0 || spacing.is_nan() {
        return Err(Error::InvalidArgument {
            op,
            rule: "the spacing must be a number other than 0",
            got: spacing.to_string(),
            repair: "give the distance of two samples",
        });
    }
    let step = n as f64 * spacing;
    let at = |i: usize| (if i < negative { i as f64 } else { i as f64 - n as f64 }) / step;
    with_dtype!(dtype, T, float => Tensor::build(op, &[len], |out: &mut [T]| {
        out.iter_mut().enumerate().for_each(|(i, x)| *x = T::from_f64(at(i)));
    }), else dtype => Err(wrong_dtype(op, "the result must be floats", dtype)))
}

impl Tensor {
    /// The frequencies of a transform's `n` points, in cycles per unit of the `spacing` of its samples: 0, 1, … then the
    /// negative ones up to −1, over `n·spacing`.
    ///
    /// Errors: `InvalidArgument` for a spacing of 0 or NaN; `DTypeMismatch` unless a float.
    ///
    /// ```
    /// use tensor::{DType, Tensor};
    /// assert_eq!(Tensor::fftfreq(4, 0.5, DType::F64)?.to_vec::<f64>()?, [0.0, 0.5, -1.0, -0.5]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn fftfreq(n: usize, spacing: f64, dtype: DType) -> Result<Tensor> {
        frequencies("fftfreq", n, n, n.div_ceil(2), spacing, dtype)
    }

    /// The frequencies of the `n/2 + 1` points of a real value's transform, none of them negative. Errors: as
    /// [`Tensor::fftfreq`].
    pub fn rfftfreq(n: usize, spacing: f64, dtype: DType) -> Result<Tensor> {
        let len = if n == 0 { 0 } else { n / 2 + 1 };
        frequencies("rfftfreq", n, len, len, spacing, dtype)
    }
}
