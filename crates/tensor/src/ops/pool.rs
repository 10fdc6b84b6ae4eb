//! Pooling over one to three spatial axes: windows, and the largest element of each.

use super::arithmetic::wrong_dtype;
use super::index::mismatch;
use super::widen::in_wider;
use super::windows::{Spatial, invalid, three};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernels::pool::{self, Over, Tap, Windows, transposed};
use crate::layout::Dims;
use crate::tensor::{Tensor, with_dtype};
use smallvec::SmallVec;

pub(super) const FLOATS: &str = "the operand must be a float";

/// How the windows of a pooling lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOptions {
    /// Pixels of a window along each axis.
    pub kernel: Spatial,
    /// Pixels from one window to the next; `None`: the kernel's, so that windows do not overlap.
    pub stride: Option<Spatial>,
    /// Pixels around the image that belong to no window's values, half a kernel at most.
    pub padding: Spatial,
    /// Pixels from one element of a window to the next.
    pub dilation: Spatial,
    /// Whether windows that reach beyond the end are kept, if they begin inside the image or the padding before it.
    pub ceil_mode: bool,
}

impl PoolOptions {
    /// Windows of this size side by side.
    pub fn new(kernel: impl Into<Spatial>) -> Self {
        Self { kernel: kernel.into(), stride: None, padding: 0.into(), dilation: 1.into(), ceil_mode: false }
    }
}

/// The windows of a pooling along one axis of `size` pixels.
pub(super) struct Axis {
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    pub(super) dilation: usize,
    count: usize,
}

impl Axis {
    /// The places of each window inside the image, with their indices in it.
    fn taps(&self) -> Windows<usize> {
        let window = |i: usize| {
            let start = i * self.stride;
            let first = self.padding.saturating_sub(start).div_ceil(self.dilation);
            let places = (first..self.kernel).map(|k| (start + k * self.dilation - self.padding, k));
            places.take_while(|&(at, _)| at < self.size).collect()
        };
        (0..self.count).map(window).collect()
    }

    /// The places of each window, with one over the number of its pixels, of those of the padding too if so wished.
    pub(super) fn shares(&self, include_pad: bool) -> Windows<f64> {
        let share = |(i, window): (usize, Vec<(usize, usize)>)| {
            let start = i * self.stride;
            let all =
                start.saturating_add(self.kernel).min(self.size + 2 * self.padding).saturating_sub(start);
            let share = 1.0 / (if include_pad { all } else { window.len() }).max(1) as f64;
            window.into_iter().map(|(at, _)| (at, share)).collect()
        };
        self.taps().into_iter().enumerate().map(share).collect()
    }
}

/// The spatial sizes of images.
pub(super) fn spatial<'a>(op: &'static str, x: &'a [usize]) -> Result<&'a [usize]> {
    match x {
        [_, _, sizes @ ..] if (1..=3).contains(&sizes.len()) => Ok(sizes),
        _ => Err(mismatch(
            op,
            "images (n, channels, ..) must have one to three spatial axes",
            &[x],
            "add an axis for the batch with unsqueeze",
        )),
    }
}

pub(super) fn axes(op: &'static str, x: &[usize], options: &PoolOptions) -> Result<SmallVec<[Axis; 3]>> {
    let sizes = spatial(op, x)?;
    let rank = sizes.len();
    if sizes.contains(&0) {
        return invalid(op, "images must have pixels", format!("{x:?}"), "leave empty images out");
    }
    let numbers = |numbers: &Spatial, what| numbers.checked(op, what, rank);
    let kernel = numbers(&options.kernel, "kernel")?;
    let stride = numbers(options.stride.as_ref().unwrap_or(&options.kernel), "stride")?;
    let (padding, dilation) =
        (numbers(&options.padding, "padding")?, numbers(&options.dilation, "dilation")?);
    if [&kernel, &stride, &dilation].iter().any(|n| n.contains(&0)) {
        let got = format!("kernel {kernel:?}, stride {stride:?}, dilation {dilation:?}");
        return invalid(
            op,
            "kernel, stride and dilation must be 1 or more",
            got,
            "use 2 for windows of 2 pixels",
        );
    }
    let elements = kernel.iter().try_fold(1usize, |n, &k| n.checked_mul(k));
    if elements.is_none_or(|n| n > i32::MAX as usize) {
        let got = format!("kernel {kernel:?}");
        return invalid(op, "a window must have fewer than 2³¹ elements", got, "use a smaller kernel");
    }
    let axis = |i: usize| {
        let (size, kernel, stride, padding, dilation) =
            (sizes[i], kernel[i], stride[i], padding[i], dilation[i]);
        if padding > kernel / 2 {
            let got = format!("padding {padding} for a kernel of {kernel}");
            return invalid(
                op,
                "padding must be half a kernel at most",
                got,
                "pad less, or pad the images first",
            );
        }
        let reach = (kernel - 1).checked_mul(dilation).and_then(|n| n.checked_add(1));
        let padded = padding.checked_mul(2).and_then(|n| n.checked_add(size));
        let (Some(reach), Some(padded)) = (reach, padded) else {
            return Err(Error::ShapeOverflow { op, shape: x.to_vec(), dtype: DType::F64 });
        };
        if reach > padded {
            let got = format!("windows over {reach} of {padded} pixels");
            return invalid(
                op,
                "a window must not be larger than the padded image",
                got,
                "use a smaller kernel or dilation, or larger images",
            );
        }
        let room = padded - reach;
        let mut count = if options.ceil_mode { room.div_ceil(stride) } else { room / stride } + 1;
        if options.ceil_mode && (count - 1).saturating_mul(stride) >= size + padding {
            count -= 1;
        }
        Ok(Axis { size, kernel, stride, padding, dilation, count })
    };
    (0..rank).map(axis).collect()
}

/// `axes`, after as many of one window over one pixel as make three.
pub(super) fn three_windows<E: Copy>(
    axes: impl ExactSizeIterator<Item = Windows<E>>,
    one: E,
) -> [Windows<E>; 3] {
    three(axes, vec![vec![(0, one)]])
}

pub(super) fn three_sizes(sizes: &[usize]) -> [usize; 3] {
    three(sizes.iter().copied(), 1)
}

/// A tensor `(n, channels, sizes ..)`, whose elements `fill` writes with the channels last.
pub(super) fn image<T: crate::Element>(
    op: &'static str,
    x: &[usize],
    sizes: &[usize],
    fill: impl FnOnce(&mut [T]),
) -> Result<Tensor> {
    let mut shape: Dims = [x[0]].into_iter().collect();
    shape.extend_from_slice(sizes);
    shape.push(x[1]);
    Ok(Tensor::build(op, &shape, fill)?.channels_at_front())
}

/// The windows of a max pooling, and which element of each was the largest: what its gradient needs.
#[derive(Debug, Clone)]
pub struct MaxTaps {
    windows: [Windows<usize>; 3],
    kernel: [usize; 2],
    /// The shape of the input.
    input: Dims,
    /// As the result, of U8 if the kernel has 256 elements at most, else of I64.
    which: Tensor,
}

impl MaxTaps {
    /// The gradient for the input of a gradient `g` of the result. Errors: `ShapeMismatch` for another shape.
    pub fn scatter(&self, g: &Tensor) -> Result<Tensor> {
        let op = "max_pool_grad";
        in_wider!(narrowed[g], |x| self.scatter(x[0]));
        self.fits(op, g, self.which.shape())?;
        let (n, c, from) = (self.input[0], self.input[1], three_sizes(&self.which.shape()[2..]));
        let sizes = three_sizes(&self.input[2..]);
        let places: [Windows<usize>; 3] = std::array::from_fn(|i| transposed(&self.windows[i], sizes[i]));
        let over = Over { windows: places.each_ref(), from, c };
        with_dtype!(g.dtype(), T, float => {
            let g = g.channels_at_back()?;
            let g = g.as_slice::<T>().unwrap_or_default();
            let which = self.which.channels_at_back()?;
            image(op, &self.input, &self.input[2..], |out: &mut [T]| {
                if out.is_empty() { return }
                match which.as_slice::<u8>() {
                    Some(which) => pool::max_grad(n, &over, self.kernel, g, which, out),
                    None => pool::max_grad(n, &over, self.kernel, g, which.as_slice::<i64>().unwrap_or_default(), out),
                }
            })
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }

    /// The elements of `x`, of the input's shape, that were the largest: the adjoint of [`scatter`](Self::scatter).
    pub fn gather(&self, x: &Tensor) -> Result<Tensor> {
        let op = "max_pool_gather";
        in_wider!(narrowed[x], |x| self.gather(x[0]));
        self.fits(op, x, &self.input)?;
        let (n, c, from) = (self.input[0], self.input[1], three_sizes(&self.input[2..]));
        let over = Over { windows: self.windows.each_ref(), from, c };
        with_dtype!(x.dtype(), T, float => {
            let x = x.channels_at_back()?;
            let x = x.as_slice::<T>().unwrap_or_default();
            let which = self.which.channels_at_back()?;
            image(op, &self.input, &self.which.shape()[2..], |out: &mut [T]| {
                if out.is_empty() { return }
                match which.as_slice::<u8>() {
                    Some(which) => pool::take(n, &over, self.kernel, x, which, out),
                    None => pool::take(n, &over, self.kernel, x, which.as_slice::<i64>().unwrap_or_default(), out),
                }
            })
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }

    fn fits(&self, op: &'static str, x: &Tensor, shape: &[usize]) -> Result<()> {
        if x.shape() == shape {
            return Ok(());
        }
        Err(mismatch(
            op,
            "the operand must have the pooling's shape",
            &[x.shape(), shape],
            "use it with its own pooling",
        ))
    }

    /// The flat position of each largest element among the pixels of its image and channel, as I64: PyTorch's indices.
    pub fn positions(&self) -> Result<Tensor> {
        let pixels: usize = self.input[2..].iter().product();
        let flat = Tensor::arange(pixels, DType::F64)?;
        let mut shape = vec![1isize; 2];
        shape.extend(self.input[2..].iter().map(|&d| d as isize));
        self.gather(&flat.reshape(&shape[..])?.expand(&self.input[..])?)?.to_dtype(DType::I64)
    }
}

/// Refuses images whose lists of windows would take memory of themselves.
pub(super) fn few_pixels(op: &'static str, sizes: &[usize]) -> Result<()> {
    match sizes.iter().any(|&size| size >= 1 << 24) {
        true => invalid(
            op,
            "a result must have fewer than 2²⁴ pixels along an axis",
            format!("{sizes:?}"),
            "use smaller sizes",
        ),
        false => Ok(()),
    }
}

/// The places of adaptive windows along each axis.
pub(super) fn adaptive(op: &'static str, x: &[usize], sizes: &Spatial) -> Result<Vec<Vec<Vec<usize>>>> {
    let input = spatial(op, x)?;
    let sizes = sizes.checked(op, "sizes", input.len())?;
    if input.contains(&0) {
        return invalid(op, "images must have pixels", format!("{x:?}"), "leave empty images out");
    }
    few_pixels(op, &sizes)?;
    let axis = |(&from, &to): (&usize, &usize)| {
        (0..to).map(|i| (i * from / to..((i + 1) * from).div_ceil(to)).collect()).collect()
    };
    Ok(input.iter().zip(&sizes).map(axis).collect())
}

impl Tensor {
    /// The largest element of each window, and what its gradient needs. NaN is larger than all; of equal elements the
    /// first counts. Pixels of the padding are never the largest.
    ///
    /// Shapes: `(n, c, ..)` with one to three spatial axes → `(n, c, ..)` of
    /// `⌊(size + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1` pixels.
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for numbers that are 0, windows larger than the padded
    /// image and paddings of more than half a kernel.
    pub fn max_pool(&self, options: &PoolOptions) -> Result<(Tensor, MaxTaps)> {
        let axes = axes("max_pool", self.shape(), options)?;
        let taps: usize = axes.iter().map(|axis| axis.kernel).fold(1, usize::saturating_mul);
        let kernel = three_sizes(&axes.iter().map(|axis| axis.kernel).collect::<SmallVec<[usize; 3]>>());
        let windows = three_windows(axes.iter().map(Axis::taps), 0);
        self.largest("max_pool", windows, [kernel[1], kernel[2]], taps)
    }

    /// The largest element of each of `sizes` windows along each axis, the i-th of n of
    /// `⌊i·size/n⌋ .. ⌈(i + 1)·size/n⌉`. Otherwise as [`Tensor::max_pool`].
    pub fn adaptive_max_pool(&self, sizes: &Spatial) -> Result<(Tensor, MaxTaps)> {
        let op = "adaptive_max_pool";
        let axes = adaptive(op, self.shape(), sizes)?;
        let widest = |axis: &Vec<Vec<usize>>| axis.iter().map(Vec::len).max().unwrap_or(0);
        let kernel = three_sizes(&axes.iter().map(widest).collect::<SmallVec<[usize; 3]>>());
        let numbered = |window: Vec<usize>| window.into_iter().enumerate().map(|(k, at)| (at, k)).collect();
        let windows = three_windows(axes.into_iter().map(|axis| axis.into_iter().map(numbered).collect()), 0);
        self.largest(op, windows, [kernel[1], kernel[2]], kernel.iter().product())
    }

    fn largest(
        &self,
        op: &'static str,
        windows: [Windows<usize>; 3],
        kernel: [usize; 2],
        taps: usize,
    ) -> Result<(Tensor, MaxTaps)> {
        if self.dtype().is_narrow() && self.dtype().is_float() {
            let (values, taps) = self.to_dtype(self.dtype().compute())?.largest(op, windows, kernel, taps)?;
            return Ok((values.narrowed_to(self.dtype())?, taps));
        }
        match taps {
            0..=256 => self.largest_of::<u8>(op, windows, kernel),
            _ => self.largest_of::<i64>(op, windows, kernel),
        }
    }

    fn largest_of<I: Tap>(
        &self,
        op: &'static str,
        windows: [Windows<usize>; 3],
        kernel: [usize; 2],
    ) -> Result<(Tensor, MaxTaps)> {
        let absent = 5 - self.rank();
        let sizes: SmallVec<[usize; 3]> = windows[absent..].iter().map(Vec::len).collect();
        let (n, c) = (self.shape()[0], self.shape()[1]);
        with_dtype!(self.dtype(), T, float => {
            let x = self.channels_at_back()?;
            let x = x.as_slice::<T>().unwrap_or_default();
            let over = Over { windows: windows.each_ref(), from: three_sizes(&self.shape()[2..]), c };
            let mut which = Ok(Tensor::zeros([0], DType::F32)?);
            let values = image(op, self.shape(), &sizes, |out: &mut [T]| {
                which = image(op, self.shape(), &sizes, |which: &mut [I]| {
                    if !out.is_empty() {
                        pool::max(n, &over, kernel, x, out, which);
                    }
                });
            })?;
            Ok((values, MaxTaps { which: which?, input: self.dims().clone(), windows, kernel }))
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }
}
