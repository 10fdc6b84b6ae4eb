//! Axes as they lie in memory, for loops that put them in an order of their own.

use crate::layout::{Dims, Layout, Strides};

/// A size, and the step between neighbours in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) stride: isize,
}

/// The axes of `layout`, outermost first.
pub(crate) fn axes_of(layout: &Layout) -> impl Iterator<Item = Axis> {
    layout.shape.iter().zip(&layout.strides).map(|(&size, &stride)| Axis { size, stride })
}

/// A layout with these axes.
pub(crate) fn layout_of(axes: &[Axis], offset: usize) -> Layout {
    Layout {
        shape: axes.iter().map(|a| a.size).collect::<Dims>(),
        strides: axes.iter().map(|a| a.stride).collect::<Strides>(),
        offset,
    }
}

/// Drops axes of size 1 and joins neighbours that step evenly.
pub(crate) fn joined(axes: impl IntoIterator<Item = Axis>) -> Vec<Axis> {
    let mut out: Vec<Axis> = Vec::new();
    for axis in axes.into_iter().filter(|a| a.size != 1) {
        match out.last_mut() {
            Some(last) if last.stride == axis.stride * axis.size as isize => {
                *last = Axis { size: last.size * axis.size, stride: axis.stride };
            }
            _ => out.push(axis),
        }
    }
    out
}
