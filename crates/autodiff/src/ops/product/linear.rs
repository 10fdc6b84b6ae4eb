//! The map of a linear layer, `y = x·wᵀ + b`.   `dx = g·w`, `dw = gᵀ·x`, `db = Σ g` over all but the last axis
//!
//! Composed of `matmul` and `add` it would pass over `y` twice more; `linear_relu` saves a further pass and tensor.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::ops::declared::declared;
use crate::ops::pointwise::relu::relu_grad;
use crate::var::Var;
use tensor::{DType, Tensor};

/// `y = x·wᵀ + b`, then `max(y, 0)` if `relu`. Saves x and w, and the result if `relu`.
pub struct Linear {
    relu: bool,
}

impl Op for Linear {
    fn name(&self) -> &'static str {
        if self.relu { "linear_relu" } else { "linear" }
    }
    fn saves(&self) -> Saves {
        let saves = Saves::inputs(&[0, 1]);
        if self.relu { saves.and_output() } else { saves }
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].linear(x[1], x.get(2).copied(), self.relu)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let g = if self.relu { relu_grad(&saved.output(), grad)? } else { grad.clone() };
        let x = saved.input(0);
        let (d_in, d_out) = (*x.shape().last().unwrap_or(&0), *g.shape().last().unwrap_or(&0));
        let rows: usize = g.shape()[..g.rank() - 1].iter().product();
        let dx = saved.if_needed(0, || g.matmul(&saved.input(1)))?;
        let dw = saved.if_needed(1, || {
            let (g, x) = (g.reshape([rows, d_out])?, x.reshape([rows, d_in])?);
            // In memory as the weight, which may be one of (d_in, d_out) turned round: the same sums.
            match saved.input(1).value().t()?.is_contiguous() {
                true => x.t()?.matmul(&g)?.t(),
                false => g.t()?.matmul(&x),
            }
        })?;
        let mut grads = Grads::from_iter([dx, dw]);
        if saved.len() > 2 {
            grads.push(saved.if_needed(2, || g.reshape([rows, d_out])?.sum(&[0]))?);
        }
        Ok(grads)
    }
}

impl Var {
    /// `x·wᵀ + b`: x `(.., d_in)`, weight `(d_out, d_in)`, bias `(d_out)` → `(.., d_out)`. Errors: as [`Tensor::linear`].
    pub fn linear(&self, weight: &Var, bias: Option<&Var>) -> Result<Var> {
        self.linear_op(weight, bias, false)
    }

    /// `max(x·wᵀ + b, 0)`, shapes as in [`Var::linear`].
    pub fn linear_relu(&self, weight: &Var, bias: Option<&Var>) -> Result<Var> {
        self.linear_op(weight, bias, true)
    }

    /// `(x·wᵀ)∘scale + b`, rectified if `relu`, with a constant weight that is kept as BF16 or I8; see
    /// [`Tensor::linear_narrow`]. The weight has no gradient; where x or b has one, the weight is widened first, to the
    /// same bits. Errors: as [`Tensor::linear_narrow`].
    pub fn linear_narrow(
        &self,
        weight: &Tensor,
        scale: Option<&Tensor>,
        bias: Option<&Var>,
        relu: bool,
    ) -> Result<Var> {
        if !self.is_tracked() && !bias.is_some_and(Var::is_tracked) {
            let (weight, scale, bias) = (weight.clone(), scale.cloned(), bias.map(|b| b.value().clone()));
            return declared("linear_narrow", self, move |x| {
                x.linear_narrow(&weight, scale.as_ref(), bias.as_ref(), relu)
            });
        }
        let mut y = self.linear(&Var::constant(weight.to_dtype(DType::F32)?), None)?;
        if let Some(scale) = scale {
            y = y.mul(&Var::constant(scale.clone()))?;
        }
        if let Some(bias) = bias {
            y = y.add(bias)?;
        }
        if relu { y.relu() } else { Ok(y) }
    }

    /// As [`linear_narrow`](Self::linear_narrow), with a weight of I8 and x brought to bytes too; see
    /// [`Tensor::linear_dynamic`]. Where x or b has a gradient it is `linear_narrow`.
    pub fn linear_dynamic(&self, weight: &Tensor, scale: &Tensor, bias: Option<&Var>, relu: bool) -> Result<Var> {
        if self.is_tracked() || bias.is_some_and(Var::is_tracked) {
            return self.linear_narrow(weight, Some(scale), bias, relu);
        }
        let (weight, scale, bias) = (weight.clone(), scale.clone(), bias.map(|b| b.value().clone()));
        declared("linear_dynamic", self, move |x| x.linear_dynamic(&weight, &scale, bias.as_ref(), relu))
    }

    fn linear_op(&self, weight: &Var, bias: Option<&Var>, relu: bool) -> Result<Var> {
        match bias {
            Some(bias) => Var::apply(Linear { relu }, &[self, weight, bias]),
            None => Var::apply(Linear { relu }, &[self, weight]),
        }
    }
}

/// By three loops.
fn naive(x: &[Tensor], relu: bool) -> Vec<f64> {
    let values: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
    let (d_out, d_in) = (x[1].shape()[0], x[1].shape()[1]);
    let rows = x[0].len() / d_in;
    (0..rows * d_out)
        .map(|ij| {
            let (i, j) = (ij / d_out, ij % d_out);
            let y: f64 = (0..d_in).map(|p| values[0][i * d_in + p] * values[1][j * d_in + p]).sum();
            let y = y + values.get(2).map_or(0.0, |b| b[j]);
            if relu { y.max(0.0) } else { y }
        })
        .collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(31);
    let mut three = |x: &[usize], w: &[usize], b: &[usize]| [s.uniform(x, -1.0, 1.0), s.uniform(w, -1.0, 1.0), s.uniform(b, -1.0, 1.0)];
    let call = |x: &[Var]| x[0].linear(&x[1], Some(&x[2]));
    let call_relu = |x: &[Var]| x[0].linear_relu(&x[1], Some(&x[2]));
    vec![
        OpSpec::new("linear")
            .case("with bias", three(&[3, 5], &[4, 5], &[4]), [3, 4], call)
            .reference(|x| naive(x, false))
            .case("more axes", three(&[2, 3, 5], &[4, 5], &[4]), [2, 3, 4], call)
            .reference(|x| naive(x, false))
            .case("one row", three(&[5], &[4, 5], &[4]), [4], call)
            .case("no bias", three(&[3, 5], &[4, 5], &[0])[..2].to_vec(), [3, 4], |x| x[0].linear(&x[1], None))
            .reference(|x| naive(x, false))
            .case("no rows", three(&[0, 5], &[4, 5], &[4]), [0, 4], call)
            .case("no features", three(&[2, 0], &[4, 0], &[4]), [2, 4], call)
            .case("large", three(&[301, 70], &[50, 70], &[50]), [301, 50], call)
            .large()
            .error(
                three(&[3, 5], &[4, 6], &[4]),
                call,
                "[linear] the last axis of the input must equal the second axis of the weight (d_out, d_in); got [3, 5] and [4, 6]; change d_in of the layer or the features of the input",
            )
            .error(
                three(&[3, 5], &[4, 5], &[5]),
                call,
                "[linear] the bias must have one element for each row of the weight; got [5] and [4, 5]; give it shape (d_out)",
            ),
        OpSpec::new("linear_relu")
            .case("with bias", three(&[3, 5], &[4, 5], &[4]), [3, 4], call_relu)
            .reference(|x| naive(x, true))
            .case("no rows", three(&[0, 5], &[4, 5], &[4]), [0, 4], call_relu)
            .case("large", three(&[301, 70], &[50, 70], &[50]), [301, 50], call_relu)
            .large(),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{LeafId, Result, Var};
    use tensor::{DType, Rng, Tensor};

    #[test]
    fn a_narrow_weight_gives_the_bits_and_the_gradient_of_the_widened_one() -> Result<()> {
        let rng = &mut Rng::seed(3);
        let mut normal = |shape: &[usize]| rng.normal(shape, 0.0, 1.0, DType::F32);
        let (x, w, b) = (normal(&[3, 70])?, normal(&[40, 70])?, Var::constant(normal(&[40])?));
        let id = LeafId::new();
        let tracked = Var::leaf(x.clone(), id);
        let (q, scale) = w.quantized(0)?;
        let scale = scale.reshape([40])?;
        for (w, scale) in [(w.to_dtype(DType::BF16)?, None), (q, Some(&scale))] {
            let wide = w.to_dtype(DType::F32)?;
            let wide = scale.map_or(Ok(wide.clone()), |scale| wide.mul(&scale.unsqueeze(1)?))?;
            for relu in [false, true] {
                let plain = Var::constant(x.clone()).linear_narrow(&w, scale, Some(&b), relu)?;
                let y = tracked.linear_narrow(&w, scale, Some(&b), relu)?;
                assert!(plain.value().bit_eq(y.value()) && !plain.is_tracked());
                let grad = y.sum(&[])?.backward()?;
                let sees = if relu { y.value().gt(&Tensor::zeros([], DType::F32)?)? } else { y.value().eq(y.value())? };
                let expected = sees.to_dtype(DType::F64)?.matmul(&wide.to_dtype(DType::F64)?)?;
                let got = grad.get(id).expect("x has a gradient").to_dtype(DType::F64)?;
                // 40 terms and two roundings of each weight, in units of u = 2⁻²⁴.
                let most = wide.abs()?.sum(&[0])?.max(&[])?.to_dtype(DType::F64)?.item()?;
                let error = got.sub(&expected)?.abs()?.max(&[])?.item()?;
                assert!(error <= 42.0 * 2f64.powi(-24) * most, "{error}");
            }
        }
        Ok(())
    }
}
