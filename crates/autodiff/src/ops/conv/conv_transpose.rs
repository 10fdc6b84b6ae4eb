//! Transposed convolution: the gradient of a convolution for its input, and a layer of its own.
//! `y = b + convᵀ(x; w)`, `dx = conv(g; w)`, `dw` is the convolution's with x for its gradient and g for its input, `db`
//! the sum of g over images and pixels

use super::conv::{each_term, sum_of_pixels};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::{ConvOptions, Spatial, Tensor};

/// The transposed convolution of `(x, w, b?)`. Saves x and w.
pub struct ConvTranspose {
    options: ConvOptions,
    to: To,
}

/// What decides the size of the result.
enum To {
    /// The input of a convolution, whose gradient this is.
    Input(Vec<usize>),
    /// The smallest input, and some pixels more.
    OutputPadding(Spatial),
}

impl Op for ConvTranspose {
    fn name(&self) -> &'static str {
        match self.to {
            To::Input(_) => "conv_input_grad",
            To::OutputPadding(_) => "conv_transpose",
        }
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(match &self.to {
            To::Input(shape) => x[0].conv_input_grad(x[1], shape, &self.options)?,
            To::OutputPadding(more) => x[0].conv_transpose(x[1], x.get(2).copied(), &self.options, more)?,
        })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dx = saved.if_needed(0, || grad.conv(&saved.input(1), None, &self.options))?;
        let dw = saved.if_needed(1, || grad.conv_weight_grad(&saved.input(0), saved.shape(1), &self.options))?;
        let mut grads = Grads::from_iter([dx, dw]);
        if saved.len() > 2 {
            grads.push(saved.if_needed(2, || sum_of_pixels(grad))?);
        }
        Ok(grads)
    }
}

impl Var {
    /// The transposed convolution of `(n, c_in, ..)` with weight `(c_in, c_out / groups, kernel ..)` and bias `(c_out)`.
    /// Formula, shapes and errors: as [`Tensor::conv_transpose`]. Saves this and the weight.
    pub fn conv_transpose(
        &self,
        weight: &Var,
        bias: Option<&Var>,
        options: &ConvOptions,
        output_padding: &Spatial,
    ) -> Result<Var> {
        let op = ConvTranspose { options: options.clone(), to: To::OutputPadding(output_padding.clone()) };
        match bias {
            Some(bias) => Var::apply(op, &[self, weight, bias]),
            None => Var::apply(op, &[self, weight]),
        }
    }

    /// The gradient of [`Var::conv`] for its input of shape `input`, of which this is the result's.
    pub fn conv_input_grad(&self, weight: &Var, input: &[usize], options: &ConvOptions) -> Result<Var> {
        Var::apply(ConvTranspose { options: options.clone(), to: To::Input(input.to_vec()) }, &[self, weight])
    }
}

/// Each product of the convolution, brought back to where its input stood.
fn naive(x: &[Tensor], y: &[usize], options: &ConvOptions) -> Vec<f64> {
    let values: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
    let pixels: usize = y[2..].iter().product();
    let bias = |i: usize| values.get(2).map_or(0.0, |b| b[i / pixels % y[1]]);
    let mut out: Vec<f64> = (0..y.iter().product()).map(bias).collect();
    each_term([y, x[1].shape(), x[0].shape()], options, |p, q, k| out[q] += values[0][p] * values[1][k]);
    out
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(42);
    let mut take = |shapes: &[&[usize]]| -> Vec<Tensor> {
        shapes.iter().map(|&shape| s.uniform(shape, -1.0, 1.0)).collect()
    };
    let plain = ConvOptions::default();
    let strided = ConvOptions { stride: [2, 3].into(), padding: 1.into(), ..plain.clone() };
    let grouped = ConvOptions { groups: 2, dilation: 2.into(), ..plain.clone() };
    let up = |options: &ConvOptions, more: usize| {
        let options = options.clone();
        move |x: &[Var]| x[0].conv_transpose(&x[1], x.get(2), &options, &more.into())
    };
    let back = |options: &ConvOptions, shape: &[usize]| {
        let (options, shape) = (options.clone(), shape.to_vec());
        move |x: &[Var]| x[0].conv_input_grad(&x[1], &shape, &options)
    };
    let by = |options: &ConvOptions, shape: &[usize]| {
        let (options, shape) = (options.clone(), shape.to_vec());
        move |x: &[Tensor]| naive(x, &shape, &options)
    };
    vec![
        OpSpec::new("conv_transpose")
            .case("one axis", take(&[&[2, 3, 4], &[3, 2, 3], &[2]]), [2, 2, 6], up(&plain, 0))
            .reference(by(&plain, &[2, 2, 6]))
            .ulps(16.0, 32.0)
            .case("two axes, strided", take(&[&[2, 2, 3, 2], &[2, 3, 3, 3], &[3]]), [2, 3, 6, 5], up(&strided, 1))
            .reference(by(&strided, &[2, 3, 6, 5]))
            .ulps(16.0, 32.0)
            .case("groups, dilated", take(&[&[1, 4, 2, 3], &[4, 1, 2, 2]]), [1, 2, 4, 5], up(&grouped, 0))
            .reference(by(&grouped, &[1, 2, 4, 5]))
            .ulps(16.0, 32.0)
            .case("no images", take(&[&[0, 2, 4], &[2, 3, 3], &[3]]), [0, 3, 6], up(&plain, 0))
            .case("large", take(&[&[3, 16, 21, 22], &[16, 20, 3, 3], &[20]]), [3, 20, 23, 24], up(&plain, 0))
            .large()
            .error(
                take(&[&[1, 2, 4], &[2, 3, 3]]),
                up(&plain, 1),
                "[conv_transpose] output padding must be smaller than the stride or the dilation; got output padding 1, stride 1, dilation 1; leave it at 0, or at what a strided convolution dropped",
            ),
        OpSpec::new("conv_input_grad")
            .case("strided", take(&[&[2, 3, 3, 2], &[3, 2, 3, 2]]), [2, 2, 5, 4], back(&strided, &[2, 2, 5, 4]))
            .reference(by(&strided, &[2, 2, 5, 4]))
            .ulps(16.0, 32.0)
            .case("a step wider than the kernel", take(&[&[1, 2, 3, 2], &[2, 2, 1, 1]]), [1, 2, 4, 4], {
                back(&strided, &[1, 2, 4, 4])
            })
            .reference(by(&strided, &[1, 2, 4, 4]))
            .ulps(16.0, 32.0)
            .case("no images", take(&[&[0, 3, 2], &[3, 2, 3]]), [0, 2, 4], back(&plain, &[0, 2, 4])),
    ]
}
