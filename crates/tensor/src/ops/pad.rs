//! Tensors with a border, and tensors turned round an axis. Both are views joined: copies go in runs.

use crate::error::{Error, Result};
use crate::layout::{Dims, checked_len, resolve_axis};
use crate::ops::slice::SliceArg;
use crate::ops::widen::in_wider;
use crate::tensor::Tensor;

/// What [`Tensor::pad`] puts beside the elements.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PadMode {
    /// One value.
    Constant(f64),
    /// The elements mirrored at the edge, which is not repeated: `c b | a b c | b a`.
    Reflect,
    /// The edge: `a a | a b c | c c`.
    Replicate,
    /// The elements from the other side: `b c | a b c | a b`.
    Circular,
}

/// The refusal of `pad` on `shape`.
fn refused(rule: &'static str, pad: (isize, isize, isize), shape: &[usize], repair: &'static str) -> Error {
    let got = format!("{} before and {} after axis {} of {shape:?}", pad.1, pad.2, pad.0);
    Error::InvalidArgument { op: "pad", rule, got, repair }
}

/// The border of one axis, checked: axis, positions before, positions after.
type Border = (usize, usize, usize);

/// `pads` checked against `shape`.
fn checked(x: &[usize], pads: &[(isize, isize, isize)], mode: PadMode) -> Result<Vec<Border>> {
    let mut borders: Vec<Border> = Vec::with_capacity(pads.len());
    for &pad in pads {
        let axis = resolve_axis("pad", pad.0, x.len())?;
        if borders.iter().any(|b| b.0 == axis) {
            let rule = "an axis may be named once";
            return Err(Error::InvalidAxis { op: "pad", rule, axis: pad.0, rank: x.len() });
        }
        if pad.1 < 0 || pad.2 < 0 {
            return Err(refused("a border must be 0 or more", pad, x, "cut with narrow"));
        }
        let (before, after) = (pad.1 as usize, pad.2 as usize);
        let (n, most) = (x[axis], before.max(after));
        match mode {
            PadMode::Reflect if most > 0 && most >= n => {
                return Err(refused("a reflected border must be smaller than the axis", pad, x, "pad less"));
            }
            PadMode::Replicate if most > 0 && n == 0 => {
                return Err(refused("there must be an edge to replicate", pad, x, "pad with a constant"));
            }
            PadMode::Circular if most > n => {
                return Err(refused("a circular border must not exceed the axis", pad, x, "pad less"));
            }
            _ => borders.push((axis, before, after)),
        }
    }
    Ok(borders)
}

/// Slice arguments that take positions `at..at + len` of `axis`.
fn range(axis: usize, at: usize, len: usize) -> Vec<SliceArg> {
    let mut args = vec![SliceArg::from(..); axis];
    args.push(SliceArg::Range { start: Some(at as isize), end: Some((at + len) as isize), step: 1 });
    args
}

/// Where in an axis of `n` the two borders read, in the same order or in reverse.
fn sources(mode: PadMode, n: usize, before: usize, after: usize) -> [(usize, usize); 2] {
    match mode {
        PadMode::Reflect => [(1, before), (n.saturating_sub(1 + after), after)],
        PadMode::Circular => [(n - before, before), (0, after)],
        _ => [(0, before.min(1)), (n.saturating_sub(1), after.min(1))],
    }
}

impl Tensor {
    /// With a border: each of `pads` is an axis, the positions before it and those after.
    ///
    /// Differs from PyTorch in: axes are named, in any mode; a negative border is refused.
    /// Errors: `InvalidAxis`; `InvalidArgument` for a negative border, or one that the axis cannot fill;
    /// `ShapeOverflow`, `OutOfMemory`.
    ///
    /// ```
    /// use tensor::{PadMode, Tensor};
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0], [3])?;
    /// assert_eq!(x.pad(&[(0, 2, 1)], PadMode::Reflect)?.to_vec::<f64>()?, [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn pad(&self, pads: &[(isize, isize, isize)], mode: PadMode) -> Result<Tensor> {
        let borders = checked(self.shape(), pads, mode)?;
        let mut shape = Dims::from_slice(self.shape());
        for &(axis, before, after) in &borders {
            shape[axis] = shape[axis].saturating_add(before).saturating_add(after);
        }
        checked_len("pad", &shape, self.dtype())?;
        if let PadMode::Constant(value) = mode {
            let mut args = vec![SliceArg::from(..); self.rank()];
            for &(axis, before, _) in &borders {
                args[axis] = range(0, before, self.shape()[axis]).remove(0);
            }
            return Tensor::full(&shape, value, self.dtype())?.slice_scatter_owned(&args, self);
        }
        let mut out = self.clone();
        for &(axis, before, after) in &borders {
            let (n, along) = (out.shape()[axis], axis as isize);
            let border = |(at, len): (usize, usize), count: usize| {
                let part = out.narrow(along, at, len)?;
                match mode {
                    PadMode::Reflect => part.flip(along),
                    PadMode::Circular => Ok(part),
                    _ => {
                        let mut shape = Dims::from_slice(part.shape());
                        shape[axis] = count;
                        part.expand(&shape[..])
                    }
                }
            };
            let [first, last] = sources(mode, n, before, after);
            let (first, last) = (border(first, before)?, border(last, after)?);
            out = Tensor::cat(&[&first, &out, &last], along)?;
        }
        Ok(out)
    }

    /// The gradient of [`Tensor::pad`]: this, of the padded shape, without its border, each element of which is added
    /// where `pad` read it. `shape` is that before padding.
    ///
    /// Errors: as [`Tensor::pad`] for a tensor of `shape`; `ShapeMismatch` unless this has the shape that gives;
    /// `DTypeMismatch` for booleans.
    pub fn pad_adjoint(
        &self,
        shape: &[usize],
        pads: &[(isize, isize, isize)],
        mode: PadMode,
    ) -> Result<Tensor> {
        let borders = checked(shape, pads, mode)?;
        let mut padded = Dims::from_slice(shape);
        for &(axis, before, after) in &borders {
            padded[axis] = padded[axis].saturating_add(before).saturating_add(after);
        }
        if self.shape() != &padded[..] {
            return Err(Error::ShapeMismatch {
                op: "pad_adjoint",
                rule: "the gradient must have the padded shape",
                shapes: vec![self.shape().to_vec(), padded.to_vec()],
                repair: "give the shape before padding",
            });
        }
        in_wider!(narrowed[self], |x| x[0].pad_adjoint(shape, pads, mode));
        let mut dx = self.clone();
        for &(axis, before, after) in borders.iter().rev() {
            let (grad, n, along) = (dx, shape[axis], axis as isize);
            dx = grad.narrow(along, before, n)?;
            if matches!(mode, PadMode::Constant(_)) {
                continue;
            }
            let pieces = [(0, before), (before + n, after)];
            for ((from, count), (at, len)) in pieces.into_iter().zip(sources(mode, n, before, after)) {
                if count == 0 {
                    continue;
                }
                let part = grad.narrow(along, from, count)?;
                let part = match mode {
                    PadMode::Reflect => part.flip(along)?,
                    PadMode::Circular => part,
                    _ => part.sum(&[along])?.unsqueeze(along)?,
                };
                let sum = dx.narrow(along, at, len)?.add(&part)?;
                dx = dx.slice_scatter_owned(&range(axis, at, len), &sum)?;
            }
        }
        Ok(dx)
    }

    /// The elements moved by `shift` positions along an axis; those that leave at one end enter at the other.
    ///
    /// Errors: `InvalidAxis`.
    ///
    /// ```
    /// let x = tensor::Tensor::arange(4, tensor::DType::F32)?;
    /// assert_eq!(x.roll(1, 0)?.to_vec::<f32>()?, [3.0, 0.0, 1.0, 2.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn roll(&self, shift: isize, axis: isize) -> Result<Tensor> {
        let n = self.shape()[resolve_axis("roll", axis, self.rank())?];
        let k = if n == 0 { 0 } else { shift.rem_euclid(n as isize) as usize };
        if k == 0 {
            return Ok(self.clone());
        }
        Tensor::cat(&[&self.narrow(axis, n - k, k)?, &self.narrow(axis, 0, n - k)?], axis)
    }

    /// Each position of an axis `repeats` times, one after another: `a a b b` of `a b`.
    ///
    /// Errors: `InvalidAxis`; `InvalidArgument` for negative repeats; `ShapeOverflow`, `OutOfMemory`.
    pub fn repeat_interleave(&self, repeats: isize, axis: isize) -> Result<Tensor> {
        let op = "repeat_interleave";
        let axis = resolve_axis(op, axis, self.rank())?;
        let Ok(times) = usize::try_from(repeats) else {
            return Err(Error::InvalidArgument {
                op,
                rule: "repeats must be 0 or more",
                got: format!("{repeats} repeats for {:?}", self.shape()),
                repair: "use a count",
            });
        };
        let mut shape = Dims::from_slice(self.shape());
        shape[axis] = shape[axis].saturating_mul(times);
        checked_len(op, &shape, self.dtype())?;
        let mut apart = Dims::from_slice(self.shape());
        apart.insert(axis + 1, times);
        checked_len(op, &apart, self.dtype())?;
        self.with_layout(self.layout().with_axis(axis + 1).expanded(&apart)).reshape(&shape[..])
    }
}
