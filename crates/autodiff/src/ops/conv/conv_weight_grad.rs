//! The gradient of a convolution for its weight, `y[o, c, k] = Σ g[n, o, i]·x[n, c, i·s + k·d − p]`. With u its
//! gradient: `dx` is the transposed convolution of g with u, `dg` the convolution of x with u

use super::conv::each_term;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::{ConvOptions, Tensor};

/// The gradient for a weight of `shape` of `(x, g)`. Saves both.
pub struct ConvWeightGrad {
    options: ConvOptions,
    shape: Vec<usize>,
}

impl Op for ConvWeightGrad {
    fn name(&self) -> &'static str {
        "conv_weight_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].conv_weight_grad(x[1], &self.shape, &self.options)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dx = saved.if_needed(0, || saved.input(1).conv_input_grad(grad, saved.shape(0), &self.options))?;
        let dg = saved.if_needed(1, || saved.input(0).conv(grad, None, &self.options))?;
        Ok(Grads::from_iter([dx, dg]))
    }
}

impl Var {
    /// The gradient of [`Var::conv`] for its weight of shape `weight`: this is its input, `grad` that of its result.
    pub fn conv_weight_grad(&self, grad: &Var, weight: &[usize], options: &ConvOptions) -> Result<Var> {
        Var::apply(ConvWeightGrad { options: options.clone(), shape: weight.to_vec() }, &[self, grad])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(43);
    let mut take = |shapes: &[&[usize]]| -> Vec<Tensor> {
        shapes.iter().map(|&shape| s.uniform(shape, -1.0, 1.0)).collect()
    };
    let plain = ConvOptions::default();
    let strided = ConvOptions { stride: 2.into(), padding: 1.into(), ..plain.clone() };
    let padded = ConvOptions { padding: 1.into(), ..plain.clone() };
    let grouped = ConvOptions { groups: 2, dilation: 2.into(), ..plain.clone() };
    let call = |options: &ConvOptions, shape: &[usize]| {
        let (options, shape) = (options.clone(), shape.to_vec());
        move |x: &[Var]| x[0].conv_weight_grad(&x[1], &shape, &options)
    };
    let by = |options: &ConvOptions, shape: &[usize]| {
        let (options, shape) = (options.clone(), shape.to_vec());
        move |x: &[Tensor]| {
            let values: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
            let mut out = vec![0.0; shape.iter().product()];
            each_term([x[0].shape(), &shape, x[1].shape()], &options, |p, q, k| {
                out[k] += values[1][p] * values[0][q]
            });
            out
        }
    };
    vec![
        OpSpec::new("conv_weight_grad")
            .case("strided", take(&[&[2, 2, 5, 4], &[2, 3, 3, 3]]), [3, 2, 3, 2], call(&strided, &[3, 2, 3, 2]))
            .reference(by(&strided, &[3, 2, 3, 2]))
            .ulps(32.0, 64.0)
            .case("groups, dilated", take(&[&[1, 4, 5, 6], &[1, 6, 3, 2]]), [6, 2, 2, 3], call(&grouped, &[6, 2, 2, 3]))
            .reference(by(&grouped, &[6, 2, 2, 3]))
            .ulps(32.0, 64.0)
            .case("one axis", take(&[&[2, 3, 6], &[2, 4, 4]]), [4, 3, 3], call(&plain, &[4, 3, 3]))
            .reference(by(&plain, &[4, 3, 3]))
            .ulps(32.0, 64.0)
            .case("tiles", take(&[&[2, 16, 4, 5], &[2, 16, 4, 5]]), [16, 16, 3, 3], call(&padded, &[16, 16, 3, 3]))
            .reference(by(&padded, &[16, 16, 3, 3]))
            // Tiles, whose errors are those of their largest values.
            .ulps(128.0, 512.0)
            .case("no images", take(&[&[0, 2, 4], &[0, 3, 2]]), [3, 2, 3], call(&plain, &[3, 2, 3]))
            .reference(|_| vec![0.0; 18])
            .case("large", take(&[&[13, 16, 21, 22], &[13, 20, 21, 22]]), [20, 16, 3, 3], call(&padded, &[20, 16, 3, 3]))
            .large(),
    ]
}
