//! Convolution over one to three spatial axes, its gradients and its transpose.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::index::mismatch;
use super::widen::in_wider;
use crate::dtype::{Float, Number};
use crate::error::{Error, Result};
use crate::kernels::conv::{Epilogue, Sizes, forward, input_grad, weight_grad};
use crate::kernels::vector::Scalar;
use crate::layout::{Dims, checked_len};
use crate::tensor::{Tensor, with_dtype};
use smallvec::{SmallVec, smallvec};

const FLOATS: &str = "the operands must be floats";

/// One number for each spatial axis, or one for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spatial(SmallVec<[usize; 3]>);

impl From<usize> for Spatial {
    fn from(n: usize) -> Self {
        Self(smallvec![n])
    }
}

impl<const N: usize> From<[usize; N]> for Spatial {
    fn from(n: [usize; N]) -> Self {
        Self(SmallVec::from_slice(&n))
    }
}

impl From<&[usize]> for Spatial {
    fn from(n: &[usize]) -> Self {
        Self(SmallVec::from_slice(n))
    }
}

impl From<&Spatial> for Spatial {
    fn from(n: &Spatial) -> Self {
        n.clone()
    }
}

impl Spatial {
    /// The numbers for `rank` axes, or none if there are others.
    pub fn over(&self, rank: usize) -> Option<SmallVec<[usize; 3]>> {
        match self.0.len() {
            1 => Some(SmallVec::from_elem(self.0[0], rank)),
            n => (n == rank).then(|| self.0.clone()),
        }
    }

    /// The numbers as they were given.
    pub fn as_slice(&self) -> &[usize] {
        &self.0
    }
}

/// Zeros around an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Padding {
    /// As many before the first pixel of an axis as after the last.
    Even(Spatial),
    /// As many as it takes for an output of the input's size, with one more after the last pixel where the number is
    /// odd; for strides of 1.
    Same,
    /// These before the first and after the last pixel of each axis.
    Uneven(SmallVec<[(usize, usize); 3]>),
}

impl Padding {
    /// None: an output for each window that lies inside.
    pub fn valid() -> Self {
        Self::from(0)
    }
}

impl<S: Into<Spatial>> From<S> for Padding {
    fn from(n: S) -> Self {
        Self::Even(n.into())
    }
}

/// How the windows of a convolution lie; the default is steps of 1, no padding, one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvOptions {
    /// Pixels from one window to the next, 1 at least.
    pub stride: Spatial,
    /// Zeros around the image.
    pub padding: Padding,
    /// Pixels from one element of a window to the next, 1 at least.
    pub dilation: Spatial,
    /// Parts that the channels fall into; outputs of a part see the inputs of that part alone.
    pub groups: usize,
}

impl Default for ConvOptions {
    fn default() -> Self {
        Self { stride: 1.into(), padding: Padding::valid(), dilation: 1.into(), groups: 1 }
    }
}

fn invalid<T>(op: &'static str, rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op, rule, got, repair })
}

/// The windows along one axis.
#[derive(Debug, Clone, Copy)]
struct Window {
    kernel: usize,
    stride: usize,
    dilation: usize,
    low: usize,
    high: usize,
}

impl Window {
    /// Pixels that a window reaches over.
    fn reach(&self) -> Option<usize> {
        (self.kernel - 1).checked_mul(self.dilation)?.checked_add(1)
    }
}

impl ConvOptions {
    /// The windows along each axis of kernels of the sizes `kernel`.
    fn windows(&self, op: &'static str, kernel: &[usize]) -> Result<SmallVec<[Window; 3]>> {
        let rank = kernel.len();
        let numbers = |numbers: &Spatial, what: &str| match numbers.over(rank) {
            Some(numbers) => Ok(numbers),
            None => invalid(
                op,
                "there must be one number for all spatial axes, or one for each",
                format!("{what} {:?} for {rank} axes", numbers.as_slice()),
                "give as many numbers as the kernel has sizes",
            ),
        };
        let (stride, dilation) = (numbers(&self.stride, "stride")?, numbers(&self.dilation, "dilation")?);
        if stride.contains(&0) || dilation.contains(&0) || kernel.contains(&0) || self.groups == 0 {
            return invalid(
                op,
                "kernel, stride, dilation and groups must be 1 or more",
                format!(
                    "kernel {kernel:?}, stride {stride:?}, dilation {dilation:?}, groups {}",
                    self.groups
                ),
                "use 1 for the plain convolution",
            );
        }
        let mut windows: SmallVec<[Window; 3]> = (0..rank)
            .map(|i| Window { kernel: kernel[i], stride: stride[i], dilation: dilation[i], low: 0, high: 0 })
            .collect();
        match &self.padding {
            Padding::Even(even) => {
                for (window, &n) in windows.iter_mut().zip(&numbers(even, "padding")?) {
                    (window.low, window.high) = (n, n);
                }
            }
            Padding::Uneven(pairs) if pairs.len() == rank => {
                for (window, &pair) in windows.iter_mut().zip(pairs) {
                    (window.low, window.high) = pair;
                }
            }
            Padding::Uneven(pairs) => {
                return invalid(
                    op,
                    "there must be a pair of paddings for each spatial axis",
                    format!("{pairs:?} for {rank} axes"),
                    "give as many pairs as the kernel has sizes",
                );
            }
            Padding::Same if stride.iter().any(|&s| s != 1) => {
                return invalid(
                    op,
                    "padding to the same size is for strides of 1",
                    format!("stride {stride:?}"),
                    "give the padding as numbers",
                );
            }
            Padding::Same => {
                for window in &mut windows {
                    let all = window.reach().map_or(usize::MAX, |reach| reach - 1);
                    (window.low, window.high) = (all / 2, all - all / 2);
                }
            }
        }
        Ok(windows)
    }

    /// The padding before and after each axis for kernels of the sizes `kernel`. Errors: `InvalidArgument`.
    pub fn pairs(&self, kernel: &[usize]) -> Result<Vec<(usize, usize)>> {
        Ok(self.windows("conv", kernel)?.iter().map(|window| (window.low, window.high)).collect())
    }

    /// The sizes of the convolution of images `x` (n, c_in, ..) with `weight` (c_out, c_in / groups, ..), and the shape
    /// of its result (n, c_out, ..).
    fn sizes(&self, op: &'static str, x: &[usize], weight: &[usize]) -> Result<(Sizes, Dims)> {
        if !(3..=5).contains(&weight.len()) || x.len() != weight.len() {
            return Err(mismatch(
                op,
                "images (n, channels, ..) and weights (c_out, c_in / groups, ..) must both have one to three spatial axes, as many as each other",
                &[x, weight],
                "add an axis for the batch with unsqueeze, or use a weight of the images' rank",
            ));
        }
        let windows = self.windows(op, &weight[2..])?;
        if weight[1].checked_mul(self.groups) != Some(x[1]) || !weight[0].is_multiple_of(self.groups) {
            return Err(mismatch(
                op,
                "the images must have the channels of a group times the groups, which divide the outputs",
                &[x, weight, &[self.groups]],
                "change the channels or the groups",
            ));
        }
        let mut shape: Dims = [x[0], weight[0]].into_iter().collect();
        for (&size, window) in x[2..].iter().zip(&windows) {
            let padded = size.checked_add(window.low).and_then(|n| n.checked_add(window.high));
            let (Some(padded), Some(reach)) = (padded, window.reach()) else {
                return Err(overflow(op, x));
            };
            if reach > padded {
                return invalid(
                    op,
                    "a window must not be larger than the padded image",
                    format!("windows over {reach} of {padded} pixels"),
                    "use a smaller kernel or dilation, more padding, or larger images",
                );
            }
            shape.push((padded - reach) / window.stride + 1);
        }
        Ok((self.over(x, &shape, weight[0], &windows), shape))
    }

    fn over(&self, x: &[usize], out: &[usize], c_out: usize, windows: &[Window]) -> Sizes {
        let spatial = |of: &dyn Fn(usize) -> usize| {
            let mut all = [1; 3];
            let absent = 3 - windows.len();
            (0..windows.len()).for_each(|i| all[absent + i] = of(i));
            all
        };
        let absent = 3 - windows.len();
        let mut padding = spatial(&|i| windows[i].low);
        padding[..absent].fill(0);
        Sizes {
            n: x[0],
            c_in: x[1],
            c_out,
            groups: self.groups,
            input: spatial(&|i| x[2 + i]),
            output: spatial(&|i| out[2 + i]),
            kernel: spatial(&|i| windows[i].kernel),
            stride: spatial(&|i| windows[i].stride),
            dilation: spatial(&|i| windows[i].dilation),
            padding,
        }
    }

    /// The images that a transposed convolution of `g` (n, c_out, ..) with `weight` makes: the smallest whose convolution
    /// has the size of g, and `more` pixels at the end of each axis.
    fn transposed_shape(
        &self,
        op: &'static str,
        g: &[usize],
        weight: &[usize],
        more: &Spatial,
    ) -> Result<Dims> {
        if !(3..=5).contains(&weight.len()) || g.len() != weight.len() || weight[0] != g[1] {
            return Err(mismatch(
                op,
                "images (n, c_in, ..) and weights (c_in, c_out / groups, ..) must both have one to three spatial axes, as many as each other",
                &[g, weight],
                "add an axis for the batch with unsqueeze, or use a weight of the images' rank and channels",
            ));
        }
        let windows = self.windows(op, &weight[2..])?;
        if !weight[0].is_multiple_of(self.groups) {
            return Err(mismatch(
                op,
                "the groups must divide the channels",
                &[g, &[self.groups]],
                "change the groups",
            ));
        }
        let Some(more) = more.over(windows.len()) else {
            return invalid(
                op,
                "there must be one number for all spatial axes, or one for each",
                format!("output padding {:?} for {} axes", more.as_slice(), windows.len()),
                "give as many numbers as the kernel has sizes",
            );
        };
        let channels = weight[1].checked_mul(self.groups).ok_or_else(|| overflow(op, weight))?;
        let mut shape: Dims = [g[0], channels].into_iter().collect();
        for (i, window) in windows.iter().enumerate() {
            if more[i] >= window.stride.max(window.dilation) {
                return invalid(
                    op,
                    "output padding must be smaller than the stride or the dilation",
                    format!(
                        "output padding {}, stride {}, dilation {}",
                        more[i], window.stride, window.dilation
                    ),
                    "leave it at 0, or at what a strided convolution dropped",
                );
            }
            let size = |pixels: usize| {
                let far =
                    (pixels.checked_sub(1)?).checked_mul(window.stride)?.checked_add(window.reach()?)?;
                far.checked_add(more[i])
            };
            let padding = window.low.checked_add(window.high).ok_or_else(|| overflow(op, g))?;
            match (g[2 + i], size(g[2 + i])) {
                (0, _) => {
                    return invalid(
                        op,
                        "an image must have pixels",
                        format!("{g:?}"),
                        "leave empty images out",
                    );
                }
                (_, None) => return Err(overflow(op, g)),
                (_, Some(size)) if size <= padding => {
                    return invalid(
                        op,
                        "padding must leave a pixel",
                        format!("padding {padding} of {size} pixels"),
                        "use less padding",
                    );
                }
                (_, Some(size)) => shape.push(size - padding),
            }
        }
        Ok(shape)
    }
}

fn overflow(op: &'static str, shape: &[usize]) -> Error {
    Error::ShapeOverflow { op, shape: shape.to_vec(), dtype: crate::DType::F64 }
}

impl Sizes {
    /// Refuses padded copies that cannot be addressed.
    fn checked(self, op: &'static str) -> Result<Self> {
        let padded = |i: usize| {
            let reach = (self.kernel[i] - 1).checked_mul(self.dilation[i])?;
            let input = (self.output[i].max(1) - 1)
                .checked_mul(self.stride[i])?
                .checked_add(reach)?
                .checked_add(1)?;
            self.output[i].checked_add(reach)?.max(input).checked_add(self.input[i])
        };
        let sizes: Option<SmallVec<[usize; 4]>> = (0..3).map(padded).collect();
        let Some(mut sizes) = sizes else { return Err(overflow(op, &self.input)) };
        sizes.push(self.c_in.max(self.c_out));
        checked_len(op, &sizes, crate::DType::F64)?;
        Ok(self)
    }

    fn is_empty(&self) -> bool {
        let pixels = |of: [usize; 3]| of.contains(&0);
        self.n == 0 || self.c_in == 0 || self.c_out == 0 || pixels(self.input) || pixels(self.output)
    }
}

fn pixel_shape(shape: &[usize]) -> Dims {
    let mut shape = Dims::from_slice(shape);
    shape[1..].rotate_left(1);
    shape
}

/// Every bias as long as there are outputs.
fn checked_bias(op: &'static str, bias: Option<&Tensor>, like: &Tensor, outputs: usize) -> Result<()> {
    let Some(bias) = bias else { return Ok(()) };
    same_dtype(op, like, bias)?;
    if bias.shape() != [outputs] {
        let rule = "the bias must have one element for each output";
        return Err(mismatch(op, rule, &[bias.shape(), &[outputs]], "give it shape (c_out)"));
    }
    Ok(())
}

/// A tensor `shape` (n, channels, ..) whose elements `fill` writes with the channels last.
fn image<T: Float>(
    op: &'static str,
    shape: &[usize],
    fill: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<Tensor> {
    let mut done = Ok(());
    let out = Tensor::build(op, &pixel_shape(shape), |out: &mut [T]| done = fill(out))?;
    done.map(|()| out.channels_at_front())
}

/// Zeros or the bias, for images without terms to sum.
fn without_terms<T: Scalar>(out: &mut [T], finish: Epilogue<T>) {
    match finish.bias {
        Some(bias) => {
            for pixel in out.chunks_exact_mut(bias.len().max(1)) {
                for (out, &b) in pixel.iter_mut().zip(bias) {
                    *out = if finish.relu && b <= T::ZERO { T::ZERO } else { b };
                }
            }
        }
        None => out.fill(T::ZERO),
    }
}

impl Tensor {
    /// Convolution (cross-correlation, as everywhere in this field): with s the stride, d the dilation and p the padding,
    /// `y[n, o, i] = b[o] + Σ_{c, k} w[o, c, k]·x[n, c, i·s + k·d − p]`, x being 0 outside; then `max(y, 0)` if `relu`.
    ///
    /// Shapes: this `(n, c_in, ..)` with one to three spatial axes, weight `(c_out, c_in / groups, kernel ..)`, bias
    /// `(c_out)` → `(n, c_out, ..)`, of `⌊(size + paddings − d·(kernel − 1) − 1)/s⌋ + 1` pixels. The result has its
    /// [channels last](Tensor::channels_last) in memory. 3×3 windows in steps of 1 with 16 channels or more are computed
    /// by Winograd's F(4×4, 3×3), whose rounding errors are relative to the largest values near a window.
    ///
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for windows larger than the padded image and for
    /// numbers that must not be 0.
    pub fn conv(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: &ConvOptions,
        relu: bool,
    ) -> Result<Tensor> {
        let op = "conv";
        let operands: SmallVec<[&Tensor; 3]> =
            [Some(self), Some(weight), bias].into_iter().flatten().collect();
        in_wider!(narrowed of &operands, |x: &[&Tensor]| x[0].conv(x[1], x.get(2).copied(), options, relu));
        let dtype = same_dtype(op, self, weight)?;
        let (sizes, shape) = options.sizes(op, self.shape(), weight.shape())?;
        checked_bias(op, bias, self, sizes.c_out)?;
        let sizes = sizes.checked(op)?;
        with_dtype!(dtype, T, float => {
            let (x, weight, bias) = (self.channels_at_back()?, weight.contiguous()?, bias.map(Tensor::contiguous).transpose()?);
            let finish = Epilogue { bias: bias.as_ref().and_then(|b| b.as_slice::<T>()), relu };
            image(op, &shape, |out: &mut [T]| match sizes.is_empty() {
                true => { without_terms(out, finish); Ok(()) }
                false => forward(
                    &sizes,
                    x.as_slice().unwrap_or_default(),
                    weight.as_slice().unwrap_or_default(),
                    finish,
                    out,
                ),
            })
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }

    /// The gradient of [`Tensor::conv`] for its input of shape `input`: this is the gradient of its result.
    ///
    /// Errors: as [`Tensor::conv`]; `ShapeMismatch` unless this has the shape of the result.
    pub fn conv_input_grad(&self, weight: &Tensor, input: &[usize], options: &ConvOptions) -> Result<Tensor> {
        self.to_input("conv_input_grad", weight, None, input, options)
    }

    /// Transposed convolution: the linear map that is [`Tensor::conv`]'s with input and output exchanged, and a bias.
    ///
    /// Shapes: this `(n, c_in, ..)`, weight `(c_in, c_out / groups, kernel ..)`, bias `(c_out)` → `(n, c_out, ..)`, of
    /// `(size − 1)·s − paddings + d·(kernel − 1) + output_padding + 1` pixels. Errors: as [`Tensor::conv`];
    /// `InvalidArgument` for an output padding that is neither below the stride nor below the dilation.
    pub fn conv_transpose(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: &ConvOptions,
        output_padding: &Spatial,
    ) -> Result<Tensor> {
        let op = "conv_transpose";
        let shape = options.transposed_shape(op, self.shape(), weight.shape(), output_padding)?;
        self.to_input(op, weight, bias, &shape, options)
    }

    fn to_input(
        &self,
        op: &'static str,
        weight: &Tensor,
        bias: Option<&Tensor>,
        input: &[usize],
        options: &ConvOptions,
    ) -> Result<Tensor> {
        let operands: SmallVec<[&Tensor; 3]> =
            [Some(self), Some(weight), bias].into_iter().flatten().collect();
        in_wider!(narrowed of &operands, |x: &[&Tensor]| x[0].to_input(op, x[1], x.get(2).copied(), input, options));
        let dtype = same_dtype(op, self, weight)?;
        let (sizes, shape) = options.sizes(op, input, weight.shape())?;
        if self.shape() != &shape[..] {
            let rule = "the gradient must have the shape of the convolution's result";
            return Err(mismatch(op, rule, &[self.shape(), &shape], "give the input's own shape"));
        }
        checked_bias(op, bias, self, sizes.c_in)?;
        let sizes = sizes.checked(op)?;
        with_dtype!(dtype, T, float => {
            let (g, weight, bias) = (self.channels_at_back()?, weight.contiguous()?, bias.map(Tensor::contiguous).transpose()?);
            let finish = Epilogue { bias: bias.as_ref().and_then(|b| b.as_slice::<T>()), relu: false };
            image(op, input, |out: &mut [T]| match sizes.is_empty() {
                true => { without_terms(out, finish); Ok(()) }
                false => input_grad(
                    &sizes,
                    g.as_slice().unwrap_or_default(),
                    weight.as_slice().unwrap_or_default(),
                    finish,
                    out,
                ),
            })
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }

    /// The gradient of [`Tensor::conv`] for its weight of shape `weight`: this is its input, `grad` that of its result.
    ///
    /// Errors: as [`Tensor::conv`]; `ShapeMismatch` unless `grad` has the shape of the result.
    pub fn conv_weight_grad(&self, grad: &Tensor, weight: &[usize], options: &ConvOptions) -> Result<Tensor> {
        let op = "conv_weight_grad";
        in_wider!(narrowed[self, grad], |x| x[0].conv_weight_grad(x[1], weight, options));
        let dtype = same_dtype(op, self, grad)?;
        let (sizes, shape) = options.sizes(op, self.shape(), weight)?;
        if grad.shape() != &shape[..] {
            let rule = "the gradient must have the shape of the convolution's result";
            return Err(mismatch(op, rule, &[grad.shape(), &shape], "give the weight's own shape"));
        }
        let sizes = sizes.checked(op)?;
        with_dtype!(dtype, T, float => {
            let (x, g) = (self.channels_at_back()?, grad.channels_at_back()?);
            let mut done = Ok(());
            let out = Tensor::build(op, weight, |out: &mut [T]| match sizes.is_empty() {
                true => out.fill(T::ZERO),
                false => done = weight_grad(
                    &sizes,
                    x.as_slice().unwrap_or_default(),
                    g.as_slice().unwrap_or_default(),
                    out,
                ),
            })?;
            done.map(|()| out)
        }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
    }
}
