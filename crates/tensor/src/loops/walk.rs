//! Row-major order over operands with strides of their own, cut into runs along the last axis.

use crate::layout::{Dims, Layout, Strides};
use smallvec::SmallVec;
use std::ops::Range;

/// The positions of `N` operands of one shape, in row-major order.
///
/// Axes of size 1 are dropped, and neighbouring axes that step evenly in every operand are merged, so that the last
/// axis is as long as it can be.
pub(crate) struct Walk<const N: usize> {
    dims: Dims,
    strides: [Strides; N],
    offsets: [usize; N],
    /// The steps of the operands along the last axis.
    pub(crate) inner: [isize; N],
}

impl<const N: usize> Walk<N> {
    /// All layouts have the same shape.
    pub(crate) fn new(layouts: [&Layout; N]) -> Self {
        let shape = &layouts[0].shape;
        let mut dims = Dims::new();
        let mut strides: [Strides; N] = std::array::from_fn(|_| Strides::new());
        for (axis, &d) in shape.iter().enumerate() {
            if d == 1 {
                continue;
            }
            let merges = dims.last().is_some()
                && (0..N).all(|i| strides[i].last() == Some(&(layouts[i].strides[axis] * d as isize)));
            if merges {
                *dims.last_mut().expect("invariant: just seen") *= d;
            } else {
                dims.push(d);
            }
            for i in 0..N {
                if merges {
                    strides[i].pop();
                }
                strides[i].push(layouts[i].strides[axis]);
            }
        }
        if dims.is_empty() {
            dims.push(1);
            strides.iter_mut().for_each(|s| s.push(1));
        }
        let inner = std::array::from_fn(|i| *strides[i].last().expect("invariant: one axis at least"));
        Self { dims, strides, offsets: layouts.map(|l| l.offset), inner }
    }

    /// Calls `run(position, offsets, len)` for each run along the last axis that `range` of the row-major positions
    /// meets: `len` elements, the first at `position`, operand `i`'s at `offsets[i]` and then `inner[i]` apart.
    #[inline]
    pub(crate) fn runs(&self, range: Range<usize>, mut run: impl FnMut(usize, [usize; N], usize)) {
        if range.is_empty() {
            return;
        }
        let last = self.dims.len() - 1;
        let width = self.dims[last];
        // Coordinates of the first run.
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, self.dims.len());
        let mut rest = range.start;
        let mut at: [isize; N] = self.offsets.map(|o| o as isize);
        for axis in (0..self.dims.len()).rev() {
            index[axis] = rest % self.dims[axis];
            rest /= self.dims[axis];
            for i in 0..N {
                at[i] += index[axis] as isize * self.strides[i][axis];
            }
        }
        let mut position = range.start;
        loop {
            let len = (width - index[last]).min(range.end - position);
            run(position, at.map(|a| a as usize), len);
            position += len;
            if position == range.end {
                return;
            }
            // To the start of the next row: undo this row, then carry.
            for i in 0..N {
                at[i] -= index[last] as isize * self.strides[i][last];
            }
            index[last] = 0;
            let mut axis = last;
            loop {
                axis -= 1;
                index[axis] += 1;
                for i in 0..N {
                    at[i] += self.strides[i][axis];
                }
                if index[axis] < self.dims[axis] {
                    break;
                }
                for i in 0..N {
                    at[i] -= self.strides[i][axis] * self.dims[axis] as isize;
                }
                index[axis] = 0;
            }
        }
    }
}
