//! Convolutions of up to three spatial axes, and their gradients, over images with their channels last.
//!
//! All of them are products of windows, which are read where they lie in a padded image, with the weight: see [`super::tile`].
//! The gradient of the input is a convolution too, one for each phase of the stride, and so is a transposed convolution.
//! What is computed for a pixel, and in which order, depends on the sizes of the window alone: not on the batch, nor on
//! threads.

mod depthwise;
mod direct;
mod few;
mod pass;
mod rooms;
mod weight;
mod winograd;

pub(crate) use direct::{forward, input_grad};
pub(crate) use weight::weight_grad;

/// The sizes of a convolution; axes that are not there have size 1 and come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Images.
    pub n: usize,
    /// Channels of the input, of all groups together.
    pub c_in: usize,
    /// Channels of the output, of all groups together.
    pub c_out: usize,
    /// Groups, which divide both.
    pub groups: usize,
    /// Pixels of the input.
    pub input: [usize; 3],
    /// Pixels of the output.
    pub output: [usize; 3],
    /// Pixels of the window.
    pub kernel: [usize; 3],
    /// Steps between windows.
    pub stride: [usize; 3],
    /// Steps inside a window.
    pub dilation: [usize; 3],
    /// Zeros before the first pixel of each axis; as many as are needed come after the last.
    pub padding: [usize; 3],
}

impl Sizes {
    fn input_len(&self) -> usize {
        self.input.iter().product::<usize>() * self.c_in
    }
    fn output_len(&self) -> usize {
        self.output.iter().product::<usize>() * self.c_out
    }
    /// Counts the arithmetic of a pass, as if it were summed directly.
    pub(crate) fn count_flops(&self) {
        crate::flops::count([self.n, self.output_len(), self.taps(), self.c_in / self.groups]);
    }
    /// Pixels of the window.
    fn taps(&self) -> usize {
        self.kernel.iter().product()
    }
    /// Whether each channel is a group of its own, with one output.
    fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.c_in == self.groups && self.c_out == self.groups
    }
}

/// What is added to an output, and whether it is rectified.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a, T> {
    pub bias: Option<&'a [T]>,
    pub relu: bool,
}
