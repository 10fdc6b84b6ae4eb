//! Convolution, `y[n, o, i] = b[o] + Σ w[o, c, k]·x[n, c, i·s + k·d − p]`.   `dx` is the transposed convolution of g,
//! `dw[o, c, k] = Σ g[n, o, i]·x[n, c, i·s + k·d − p]`, `db` is the sum of g over images and pixels
//!
//! y, dx and dw are the three partial derivatives of one form that is linear in x, w and g, so the rules of the three
//! operations are each other. `conv_relu` saves a pass and a tensor.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::ops::pointwise::relu::relu_grad;
use crate::var::Var;
use tensor::{ConvOptions, Padding, Spatial, Tensor};

/// The convolution of `(x, w, b?)`, then `max(y, 0)` if `relu`. Saves x and w, and the result if `relu`.
pub struct Conv {
    options: ConvOptions,
    relu: bool,
}

impl Op for Conv {
    fn name(&self) -> &'static str {
        if self.relu { "conv_relu" } else { "conv" }
    }
    fn saves(&self) -> Saves {
        let saves = Saves::inputs(&[0, 1]);
        if self.relu { saves.and_output() } else { saves }
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].conv(x[1], x.get(2).copied(), &self.options, self.relu)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let g = if self.relu { relu_grad(&saved.output(), grad)? } else { grad.clone() };
        let dx = saved.if_needed(0, || g.conv_input_grad(&saved.input(1), saved.shape(0), &self.options))?;
        let dw = saved.if_needed(1, || saved.input(0).conv_weight_grad(&g, saved.shape(1), &self.options))?;
        let mut grads = Grads::from_iter([dx, dw]);
        if saved.len() > 2 {
            grads.push(saved.if_needed(2, || sum_of_pixels(&g))?);
        }
        Ok(grads)
    }
}

/// The sum over all axes but the channels.
pub(crate) fn sum_of_pixels(g: &Var) -> Result<Var> {
    let axes: Vec<isize> = (0..g.rank() as isize).filter(|&axis| axis != 1).collect();
    g.sum(&axes)
}

impl Var {
    /// The convolution of `(n, c_in, ..)` with weight `(c_out, c_in / groups, kernel ..)` and bias `(c_out)`. Formula,
    /// shapes and errors: as [`Tensor::conv`]. Saves this and the weight.
    pub fn conv(&self, weight: &Var, bias: Option<&Var>, options: &ConvOptions) -> Result<Var> {
        self.conv_op(weight, bias, options, false)
    }

    /// `max(y, 0)` of [`Var::conv`] in the same pass.
    pub fn conv_relu(&self, weight: &Var, bias: Option<&Var>, options: &ConvOptions) -> Result<Var> {
        self.conv_op(weight, bias, options, true)
    }

    fn conv_op(&self, weight: &Var, bias: Option<&Var>, options: &ConvOptions, relu: bool) -> Result<Var> {
        let op = Conv { options: options.clone(), relu };
        match bias {
            Some(bias) => Var::apply(op, &[self, weight, bias]),
            None => Var::apply(op, &[self, weight]),
        }
    }
}

/// Calls `term(place in y, place in x, place in w)` for every product of the definition, with even padding.
pub(super) fn each_term(
    [x, w, y]: [&[usize]; 3],
    options: &ConvOptions,
    mut term: impl FnMut(usize, usize, usize),
) {
    let rank = x.len() - 2;
    let over = |s: &Spatial| s.over(rank).map(|s| s.to_vec()).unwrap_or_default();
    let padding = match &options.padding {
        Padding::Even(n) => over(n),
        _ => vec![0; rank],
    };
    let (stride, dilation) = (over(&options.stride), over(&options.dilation));
    let product = |sizes: &[usize]| sizes.iter().product::<usize>();
    let place = |mut flat: usize, sizes: &[usize]| {
        let mut at = vec![0; sizes.len()];
        for (at, &size) in at.iter_mut().zip(sizes).rev() {
            (*at, flat) = (flat % size, flat / size);
        }
        at
    };
    let outs = w[0] / options.groups;
    for n in 0..x[0] {
        for o in 0..w[0] {
            for c in 0..w[1] {
                for p in 0..product(&y[2..]) {
                    for k in 0..product(&w[2..]) {
                        let (at, tap) = (place(p, &y[2..]), place(k, &w[2..]));
                        let from = (0..rank).try_fold(0, |flat, a| {
                            let q = (at[a] * stride[a] + tap[a] * dilation[a]).checked_sub(padding[a])?;
                            (q < x[2 + a]).then_some(flat * x[2 + a] + q)
                        });
                        if let Some(q) = from {
                            let channel = o / outs * w[1] + c;
                            term(
                                (n * w[0] + o) * product(&y[2..]) + p,
                                (n * x[1] + channel) * product(&x[2..]) + q,
                                (o * w[1] + c) * product(&w[2..]) + k,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// By the definition.
fn naive(x: &[Tensor], y: &[usize], options: &ConvOptions, relu: bool) -> Vec<f64> {
    let values: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
    let pixels: usize = y[2..].iter().product();
    let bias = |i: usize| values.get(2).map_or(0.0, |b| b[i / pixels % y[1]]);
    let mut out: Vec<f64> = (0..y.iter().product()).map(bias).collect();
    each_term([x[0].shape(), x[1].shape(), y], options, |p, q, k| out[p] += values[0][q] * values[1][k]);
    if relu {
        out.iter_mut().for_each(|y| *y = y.max(0.0));
    }
    out
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(41);
    let mut take = |shapes: &[&[usize]]| -> Vec<Tensor> {
        shapes.iter().map(|&shape| s.uniform(shape, -1.0, 1.0)).collect()
    };
    let plain = ConvOptions::default();
    let strided = ConvOptions { stride: 2.into(), padding: 1.into(), ..plain.clone() };
    let grouped = ConvOptions { groups: 2, dilation: [1, 2].into(), ..plain.clone() };
    let depthwise = ConvOptions { groups: 3, padding: [1, 0].into(), ..plain.clone() };
    let padded = ConvOptions { padding: 1.into(), ..plain.clone() };
    let call = |options: &ConvOptions, relu: bool| {
        let options = options.clone();
        move |x: &[Var]| match relu {
            true => x[0].conv_relu(&x[1], x.get(2), &options),
            false => x[0].conv(&x[1], x.get(2), &options),
        }
    };
    let cases: [(&str, Vec<Tensor>, Vec<usize>, &ConvOptions); 6] = [
        ("one axis", take(&[&[2, 3, 6], &[4, 3, 3], &[4]]), vec![2, 4, 4], &plain),
        ("two axes, strided", take(&[&[2, 2, 5, 4], &[3, 2, 3, 2], &[3]]), vec![2, 3, 3, 3], &strided),
        ("three axes", take(&[&[1, 2, 3, 3, 4], &[2, 2, 2, 1, 3]]), vec![1, 2, 2, 3, 2], &plain),
        ("groups, dilated", take(&[&[1, 4, 4, 5], &[6, 2, 2, 3], &[6]]), vec![1, 6, 3, 1], &grouped),
        ("depthwise", take(&[&[2, 3, 3, 4], &[3, 1, 3, 2], &[3]]), vec![2, 3, 3, 3], &depthwise),
        ("tiles", take(&[&[1, 16, 4, 5], &[16, 16, 3, 3], &[16]]), vec![1, 16, 4, 5], &padded),
    ];
    let mut specs = Vec::new();
    for relu in [false, true] {
        let mut spec = OpSpec::new(if relu { "conv_relu" } else { "conv" });
        for (label, inputs, shape, options) in &cases {
            let (y, how) = (shape.clone(), (*options).clone());
            spec = spec
                .case(*label, inputs.clone(), shape.clone(), call(options, relu))
                .reference(move |x| naive(x, &y, &how, relu))
                // Sums of up to 144 terms.
                .ulps(144.0, 256.0);
        }
        specs.push(
            spec.case("no images", take(&[&[0, 2, 4], &[3, 2, 3], &[3]]), [0, 3, 2], call(&plain, relu))
                .case("large", take(&[&[3, 16, 21, 22], &[20, 16, 3, 3], &[20]]), [3, 20, 21, 22], call(&padded, relu))
                .large(),
        );
    }
    let spec = specs.remove(0);
    specs.insert(
        0,
        spec.error(
            take(&[&[1, 2, 4], &[3, 4, 3]]),
            call(&plain, false),
            "[conv] the images must have the channels of a group times the groups, which divide the outputs; got [1, 2, 4] and [3, 4, 3] and [1]; change the channels or the groups",
        )
        .error(
            take(&[&[1, 2, 4], &[3, 2, 5]]),
            call(&plain, false),
            "[conv] a window must not be larger than the padded image; got windows over 5 of 4 pixels; use a smaller kernel or dilation, more padding, or larger images",
        ),
    );
    specs
}
