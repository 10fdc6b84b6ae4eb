//! Convolution over one to three spatial axes, its gradients and its transpose.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::index::mismatch;
use super::widen::in_wider;
use super::windows::{ConvOptions, Spatial};
use crate::dtype::{Float, Number};
use crate::error::Result;
use crate::kernels::conv::{Epilogue, forward, input_grad, weight_grad};
use crate::kernels::vector::Scalar;
use crate::layout::Dims;
use crate::tensor::{Tensor, with_dtype};
use smallvec::SmallVec;

const FLOATS: &str = "the operands must be floats";

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
    /// [channels last](Tensor::channels_last) in memory. Windows of 2 to 5 taps a step
    /// along both axes, over enough channels, are computed by Winograd's minimal filtering, whose rounding errors are relative to the
    /// largest values near a window.
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
        sizes.count_flops();
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
        sizes.count_flops();
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
        sizes.count_flops();
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
