//! NaN and infinities replaced by numbers.   `dx = g where x is finite, else 0`

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{NanToNum as To, Tensor};

/// NaN and infinities replaced. Saves the input.
pub struct NanToNum {
    to: To,
}

impl Op for NanToNum {
    fn name(&self) -> &'static str {
        "nan_to_num"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].nan_to_num(self.to)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let finite = saved.input(0).value().is_finite()?;
        let zero = Var::constant(Tensor::zeros([], grad.dtype())?);
        grads([Var::where_(&finite, grad, &zero)?])
    }
}

impl Var {
    /// NaN and infinities replaced, by default by 0 and by the largest and lowest number of the type.
    pub fn nan_to_num(&self, to: To) -> Result<Var> {
        Var::apply(NanToNum { to }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(259);
    let odd = s.tensor(vec![1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5], [5]);
    let to = To { nan: 1.0, pos_inf: Some(2.0), neg_inf: None };
    let lowest = To { neg_inf: Some(-3.0), ..to };
    vec![
        OpSpec::new("nan_to_num")
            .case("finite", [s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].nan_to_num(To::default()))
            .reference_pointwise(|x| x)
            .case("replaced", [odd], [5], move |x| x[0].nan_to_num(lowest))
            .reference(|_| vec![1.5, 1.0, 2.0, -3.0, -0.5])
            .no_derivative()
            .case("an integer", [Tensor::scalar(3i64)], [], move |x| x[0].nan_to_num(to))
            .reference(|_| vec![3.0])
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].nan_to_num(To::default()))
            .case("large", [s.uniform([70_001], -2.0, 2.0)], [70_001], |x| x[0].nan_to_num(To::default()))
            .large(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::DType;

    #[test]
    fn the_ends_of_each_type_stand_for_infinities() -> Result<()> {
        let x = Tensor::from_slice(&[f64::INFINITY, f64::NEG_INFINITY], [2])?;
        let bf16 = 2f64.powi(128) - 2f64.powi(120);
        let ends = [
            (DType::F64, f64::MAX),
            (DType::F32, f32::MAX.into()),
            (DType::BF16, bf16),
            (DType::F16, 65504.0),
        ];
        for (dtype, most) in ends {
            let y = x.to_dtype(dtype)?.nan_to_num(To::default())?;
            assert_eq!(y.to_dtype(DType::F64)?.to_vec::<f64>()?, [most, -most], "{dtype}");
        }
        Ok(())
    }

    #[test]
    fn what_is_replaced_has_no_gradient() -> Result<()> {
        let x = Var::variable(Tensor::from_slice(&[1.0f64, f64::NAN, f64::INFINITY], [3])?);
        let grads = x.nan_to_num(To::default())?.sum(&[])?.backward()?;
        assert_eq!(grads.of(&x).expect("a gradient").to_vec::<f64>()?, [1.0, 0.0, 0.0]);
        Ok(())
    }
}
