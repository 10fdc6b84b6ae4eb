//! Where the elements of a tensor stand in its buffer: shape, strides, offset, and the algebra of views.

use crate::dtype::DType;
use crate::error::{Error, Result};
use smallvec::SmallVec;

/// Sizes of the axes; up to four without an allocation.
pub(crate) type Dims = SmallVec<[usize; 4]>;
/// Steps in elements between neighbours along each axis.
pub(crate) type Strides = SmallVec<[isize; 4]>;

/// Element `(i0, i1, …)` stands at `offset + Σ i·stride`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) shape: Dims,
    pub(crate) strides: Strides,
    pub(crate) offset: usize,
}

/// The number of elements of `shape`, refused where its bytes cannot be addressed. A zero does not hide an overflow.
pub(crate) fn checked_len(op: &'static str, shape: &[usize], dtype: DType) -> Result<usize> {
    shape
        .iter()
        .try_fold(dtype.size(), |bytes, &d| bytes.checked_mul(d.max(1)))
        .filter(|&bytes| bytes <= isize::MAX as usize)
        .map(|_| shape.iter().product())
        .ok_or_else(|| Error::ShapeOverflow { op, shape: shape.to_vec(), dtype })
}

/// The axis that `axis` names, negative ones counted from the end.
pub(crate) fn resolve_axis(op: &'static str, axis: isize, rank: usize) -> Result<usize> {
    let from_front = if axis < 0 { axis + rank as isize } else { axis };
    if (0..rank as isize).contains(&from_front) {
        return Ok(from_front as usize);
    }
    Err(Error::InvalidAxis { op, rule: "an axis must exist", axis, rank })
}

/// One flag per axis, set for those named; each at most once, and none named means all.
pub(crate) fn resolve_axes(op: &'static str, axes: &[isize], rank: usize) -> Result<SmallVec<[bool; 8]>> {
    let mut flags = SmallVec::from_elem(axes.is_empty(), rank);
    for &axis in axes {
        let resolved = resolve_axis(op, axis, rank)?;
        if std::mem::replace(&mut flags[resolved], true) {
            return Err(Error::InvalidAxis { op, rule: "an axis may be named once", axis, rank });
        }
    }
    Ok(flags)
}

/// The shape that both operands broadcast to, by NumPy's rule: aligned at the last axis, sizes equal or one of them 1.
pub(crate) fn broadcast_shapes(op: &'static str, a: &[usize], b: &[usize]) -> Result<Dims> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| if i + s.len() < rank { 1 } else { s[i + s.len() - rank] };
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect::<Option<Dims>>()
        .ok_or_else(|| Error::ShapeMismatch {
            op,
            rule: "shapes must broadcast: aligned at the last axis, sizes equal or one of them 1",
            shapes: vec![a.to_vec(), b.to_vec()],
            repair: "reshape or expand one operand",
        })
}

impl Layout {
    /// Row-major, from the start of the buffer.
    pub(crate) fn contiguous(shape: &[usize]) -> Self {
        let mut strides = Strides::from_elem(0, shape.len());
        let mut step = 1isize;
        for i in (0..shape.len()).rev() {
            strides[i] = step;
            step = step.saturating_mul(shape[i].max(1) as isize);
        }
        Self { shape: Dims::from_slice(shape), strides, offset: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the elements stand one after another in row-major order. Axes of size 1 may have any stride.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut step = 1isize;
        for i in (0..self.shape.len()).rev() {
            match self.shape[i] {
                0 => return true,
                1 => {}
                d if self.strides[i] == step => step *= d as isize,
                _ => return false,
            }
        }
        true
    }

    /// The same elements under another shape of the same length, where strides allow it without a copy.
    pub(crate) fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        if self.is_contiguous() {
            return Some(Self { offset: self.offset, ..Self::contiguous(shape) });
        }
        // Walk both shapes from the back; a run of old axes that step evenly may be cut anew.
        let mut strides = Strides::from_elem(0, shape.len());
        let mut new = shape.len();
        let mut old = self.shape.len();
        while old > 0 {
            old -= 1;
            if self.shape[old] == 1 {
                continue;
            }
            let (mut run, step) = (self.shape[old], self.strides[old]);
            while old > 0 && (self.shape[old - 1] == 1 || self.strides[old - 1] == step * run as isize) {
                old -= 1;
                run *= self.shape[old];
            }
            let mut filled = 1;
            while filled < run {
                new = new.checked_sub(1)?;
                strides[new] = step * filled as isize;
                filled *= shape[new];
            }
            if filled != run {
                return None;
            }
        }
        Some(Self { shape: Dims::from_slice(shape), strides, offset: self.offset })
    }

    /// Axis `i` of the result is axis `axes[i]` of this one.
    pub(crate) fn permuted(&self, axes: &[usize]) -> Self {
        Self {
            shape: axes.iter().map(|&a| self.shape[a]).collect(),
            strides: axes.iter().map(|&a| self.strides[a]).collect(),
            offset: self.offset,
        }
    }

    /// With axis 1, the channels of `(n, channels, ..)`, moved to the back. The rank is 2 at least.
    pub(crate) fn channels_to_back(mut self) -> Self {
        self.shape[1..].rotate_left(1);
        self.strides[1..].rotate_left(1);
        self
    }

    /// The inverse of [`channels_to_back`](Self::channels_to_back).
    pub(crate) fn channels_to_front(mut self) -> Self {
        self.shape[1..].rotate_right(1);
        self.strides[1..].rotate_right(1);
        self
    }

    /// Whether this is `(n, channels, ..)`, not contiguous, and would be with the channels at the back.
    pub(crate) fn has_channels_last(&self) -> bool {
        self.shape.len() > 2 && !self.is_contiguous() && self.clone().channels_to_back().is_contiguous()
    }

    /// This layout repeated (stride 0) to `shape`, which it must broadcast to.
    pub(crate) fn expanded(&self, shape: &[usize]) -> Self {
        let lead = shape.len() - self.shape.len();
        let strides = (0..shape.len())
            .map(|i| match i.checked_sub(lead) {
                Some(j) if self.shape[j] == shape[i] => self.strides[j],
                _ => 0,
            })
            .collect();
        Self { shape: Dims::from_slice(shape), strides, offset: self.offset }
    }

    /// `len` positions of `axis`, `step` apart, from `start`. All must exist.
    pub(crate) fn stepped(&self, axis: usize, start: usize, len: usize, step: isize) -> Self {
        let mut out = self.clone();
        out.shape[axis] = len;
        // What has no elements starts at 0: there may be no buffer to point into.
        out.offset = match out.shape.contains(&0) {
            true => 0,
            false => (self.offset as isize + start as isize * self.strides[axis]) as usize,
        };
        // A single position needs no step, and `step` may be too large to multiply with.
        if len > 1 {
            out.strides[axis] = self.strides[axis] * step;
        }
        out
    }

    pub(crate) fn without_axis(&self, axis: usize) -> Self {
        let mut out = self.clone();
        out.shape.remove(axis);
        out.strides.remove(axis);
        out
    }

    pub(crate) fn with_axis(&self, axis: usize) -> Self {
        let mut out = self.clone();
        out.shape.insert(axis, 1);
        out.strides.insert(axis, 0);
        out
    }
}
