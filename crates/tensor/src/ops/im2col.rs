//! Windows of images as columns of a matrix, and columns added where they were read: each is the other's adjoint.

use super::arithmetic::wrong_dtype;
use super::index::mismatch;
use super::pad::PadMode;
use super::pool::spatial;
use super::slice::SliceArg;
use super::widen::in_wider;
use super::windows::{ConvOptions, Spatial, invalid};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Dims, checked_len};
use crate::tensor::Tensor;
use smallvec::SmallVec;

/// Where the windows of images `(n, c, ..)` lie.
struct Geometry {
    n: usize,
    c: usize,
    kernel: SmallVec<[usize; 3]>,
    stride: SmallVec<[usize; 3]>,
    dilation: SmallVec<[usize; 3]>,
    /// Zeros before and after each axis.
    padding: Vec<(usize, usize)>,
    /// Sizes with the padding.
    padded: SmallVec<[usize; 3]>,
    /// Windows along each axis.
    counts: SmallVec<[usize; 3]>,
    /// `(n, c·elements of a window, windows)`
    columns: [usize; 3],
}

impl Geometry {
    fn new(op: &'static str, x: &[usize], kernel: &Spatial, options: &ConvOptions) -> Result<Self> {
        let sizes = spatial(op, x)?;
        if options.groups != 1 {
            let got = format!("{} groups", options.groups);
            return invalid(op, "all channels must be of one group", got, "leave groups at 1");
        }
        let rank = sizes.len();
        let kernel = kernel.checked(op, "kernel", rank)?;
        // The windows are those of a convolution with one output.
        let mut weight: Dims = [1, x[1]].into_iter().collect();
        weight.extend_from_slice(&kernel);
        let (_, out) = options.sizes(op, x, &weight)?;
        let padding = options.pairs(&kernel)?;
        let padded: SmallVec<[usize; 3]> =
            sizes.iter().zip(&padding).map(|(&size, (low, high))| size + low + high).collect();
        let of =
            |numbers: &Spatial| numbers.over(rank).expect("invariant: the windows have been made of them");
        let counts: SmallVec<[usize; 3]> = out[2..].iter().copied().collect();
        // What lies in between, and the result, can be addressed.
        checked_len(op, &[&x[..2], &padded].concat(), DType::F64)?;
        let rows = [&x[1..2], &kernel].concat();
        checked_len(op, &[&x[..1], &rows, &counts].concat(), DType::F64)?;
        checked_len(op, &rows, DType::F64)?;
        checked_len(op, &counts, DType::F64)?;
        let columns = [x[0], rows.iter().product(), counts.iter().product()];
        Ok(Self {
            n: x[0],
            c: x[1],
            stride: of(&options.stride),
            dilation: of(&options.dilation),
            kernel,
            padding,
            padded,
            counts,
            columns,
        })
    }

    /// Where element `k` of each window along axis `i` stands.
    fn taps(&self, i: usize, k: usize) -> SliceArg {
        let start = k * self.dilation[i];
        let end = start + (self.counts[i] - 1) * self.stride[i] + 1;
        SliceArg::Range {
            start: Some(start as isize),
            end: Some(end as isize),
            step: self.stride[i] as isize,
        }
    }
}

impl Tensor {
    /// The windows of images as the columns of a matrix, one for each window: with s the stride, d the dilation and p the
    /// padding, `y[n, (c, k), i] = x[n, c, i·s + k·d − p]`, and 0 beyond the image. PyTorch's `unfold`.
    ///
    /// A convolution is the product of its weight `(c_out, c·elements)` with this; [`Tensor::conv`] takes the product
    /// without writing the columns down.
    ///
    /// Shapes: `(n, c, ..)` with one to three spatial axes → `(n, c·elements of a window, windows)`, both counted with the
    /// last axis fastest; windows along an axis as for [`Tensor::conv`]. `options.groups` must be 1. Differs from PyTorch
    /// in: any dtype, and one and three axes too.
    /// Errors: `ShapeMismatch`; `InvalidArgument` as for [`Tensor::conv`]; `ShapeOverflow`.
    ///
    /// ```
    /// use tensor::{ConvOptions, DType, Tensor};
    /// let x = Tensor::arange(6, DType::F32)?.reshape([1, 1, 2, 3])?;
    /// let y = x.im2col(&2.into(), &ConvOptions::default())?;
    /// assert_eq!(y.shape(), [1, 4, 2]);
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.0, 5.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn im2col(&self, kernel: &Spatial, options: &ConvOptions) -> Result<Tensor> {
        let of = Geometry::new("im2col", self.shape(), kernel, options)?;
        if of.columns.contains(&0) {
            return Tensor::zeros(of.columns, self.dtype());
        }
        let rank = of.kernel.len();
        let pads: SmallVec<[(isize, isize, isize); 3]> = (of.padding.iter().enumerate())
            .filter(|(_, pair)| **pair != (0, 0))
            .map(|(i, &(low, high))| (2 + i as isize, low as isize, high as isize))
            .collect();
        let mut y = match pads.is_empty() {
            true => self.clone(),
            false => self.pad(&pads, PadMode::Constant(0.0))?,
        };
        // All views: (n, c, counts .., kernel ..).
        for i in 0..rank {
            y = y.unfold(2 + i as isize, (of.kernel[i] - 1) * of.dilation[i] + 1, of.stride[i])?;
            y = y.slice(&[
                SliceArg::Ellipsis,
                SliceArg::Range { start: None, end: None, step: of.dilation[i] as isize },
            ])?;
        }
        let axes = [0, 1].into_iter().chain(2 + rank..2 + 2 * rank).chain(2..2 + rank);
        y.permute(axes.map(|axis| axis as isize).collect::<Vec<_>>())?.reshape(of.columns)
    }

    /// Images of `sizes` with every column added where [`Tensor::im2col`] reads it, its adjoint: with the letters there,
    /// `y[n, c, j] = Σ x[n, (c, k), i]` over the i and k of `i·s + k·d − p = j`. PyTorch's `fold`.
    ///
    /// An element that is in several windows gets the sum of their elements, so this undoes `im2col` where windows do not
    /// overlap. The sum goes axis by axis from the last, over the elements of a window in order.
    ///
    /// Shapes: `(n, c·elements of a window, windows)` → `(n, c, sizes ..)`. Errors: as `im2col` of such images;
    /// `ShapeMismatch`; `DTypeMismatch` for booleans.
    ///
    /// ```
    /// use tensor::{ConvOptions, DType, Tensor};
    /// let ones = Tensor::ones([1, 2, 3], DType::F32)?;
    /// let y = ones.col2im(&4.into(), &2.into(), &ConvOptions::default())?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 2.0, 2.0, 1.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn col2im(&self, sizes: &Spatial, kernel: &Spatial, options: &ConvOptions) -> Result<Tensor> {
        let op = "col2im";
        // As many axes as the sizes have, or as the kernel has where one size stands for all.
        let rank = match [sizes, kernel].map(|numbers| numbers.as_slice().len()) {
            [1, rank] | [rank, _] => rank,
        };
        let sizes = sizes.checked(op, "sizes", rank)?;
        let elements = kernel.checked(op, "kernel", rank)?.iter().try_fold(1usize, |n, &k| n.checked_mul(k));
        let fits =
            |elements: usize| self.rank() == 3 && elements > 0 && self.shape()[1].is_multiple_of(elements);
        let Some(elements) = elements.filter(|&elements| fits(elements)) else {
            let kernel = kernel.as_slice();
            let rule = "columns must be (n, c·elements of a window, windows)";
            return Err(mismatch(
                op,
                rule,
                &[self.shape(), kernel],
                "give the kernel that they were read with",
            ));
        };
        let mut images: Dims = [self.shape()[0], self.shape()[1] / elements].into_iter().collect();
        images.extend_from_slice(&sizes);
        let of = Geometry::new(op, &images, kernel, options)?;
        if self.shape() != of.columns {
            let rule = "there must be a column for each window of the images";
            return Err(mismatch(
                op,
                rule,
                &[self.shape(), &of.columns],
                "give the sizes of the images that they were read from",
            ));
        }
        if self.dtype() == DType::Bool {
            return Err(wrong_dtype(op, "the operand must be numbers", self.dtype()));
        }
        in_wider!(narrowed[self], |x| x[0].col2im(&(&sizes[..]).into(), kernel, options));
        if of.columns.contains(&0) {
            return Tensor::zeros(&images[..], self.dtype());
        }
        let mut y = self.reshape(&[&[of.n, of.c], &of.kernel[..], &of.counts].concat()[..])?;
        // From (n, c, kernel .., counts ..), the last axis of the kernel goes into the last of the counts' that is left.
        for i in (0..rank).rev() {
            let (window, axis) = (2 + i, 2 + 2 * i);
            let mut shape = Dims::from_slice(y.shape());
            shape.remove(window);
            shape[axis] = of.padded[i];
            let mut sums = Tensor::zeros(&shape[..], self.dtype())?;
            let mut args = vec![SliceArg::from(..); axis + 1];
            for k in 0..of.kernel[i] {
                args[axis] = of.taps(i, k);
                let sum = sums.slice(&args)?.add(&y.select(window as isize, k as isize)?)?;
                sums = sums.slice_scatter_owned(&args, &sum)?;
            }
            y = sums;
        }
        for (i, &(low, high)) in of.padding.iter().enumerate() {
            if (low, high) != (0, 0) {
                y = y.narrow(2 + i as isize, low, sizes[i])?;
            }
        }
        Ok(y)
    }
}
