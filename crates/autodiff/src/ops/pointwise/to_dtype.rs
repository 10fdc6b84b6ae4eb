//! The same values in another element type.   `dx = g` in the old type, between floats
//!
//! To or from a type that is no float there is no derivative, and going backward is an error.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads, not_differentiable};
use crate::var::Var;
use tensor::{DType, Tensor};

/// The elements converted from one type to another. Saves nothing.
pub struct ToDType {
    from: DType,
    to: DType,
    /// Whether integers that do not fit wrap, as those of computations do.
    wraps: bool,
}

impl Op for ToDType {
    fn name(&self) -> &'static str {
        "to_dtype"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(if self.wraps { x[0].narrowed_to(self.to)? } else { x[0].to_dtype(self.to)? })
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        if self.from.is_float() && self.to.is_float() {
            grads([grad.to_dtype(self.from)?])
        } else {
            not_differentiable(self.name())
        }
    }
}

impl Var {
    /// The elements converted to `dtype`; this very value if it has that type. Rounding as [`Tensor::to_dtype`].
    ///
    /// Errors: none forward; `NotDifferentiable` backward where either type is no float.
    pub fn to_dtype(&self, dtype: DType) -> Result<Var> {
        if dtype == self.dtype() {
            return Ok(self.clone());
        }
        Var::apply(ToDType { from: self.dtype(), to: dtype, wraps: false }, &[self])
    }

    /// This value and `other`, both of the type that [`DType::promote`] gives for theirs.
    ///
    /// Errors: as [`Var::to_dtype`].
    pub fn promote(&self, other: &Var) -> Result<(Var, Var)> {
        let dtype = DType::promote(self.dtype(), other.dtype());
        Ok((self.to_dtype(dtype)?, other.to_dtype(dtype)?))
    }

    /// This result of a computation in the wider type of `dtype` as one of `dtype`.
    pub(crate) fn narrowed_to(&self, dtype: DType) -> Result<Var> {
        Var::apply(ToDType { from: self.dtype(), to: dtype, wraps: true }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(124);
    let eighths = [s.tensor(vec![-2.875, -0.125, 0.0, 0.5, 3.0, 100.25], [2, 3])];
    vec![
        // Differences drown in f32's rounding; the test below looks at its gradient.
        OpSpec::new("to_dtype")
            .case("to f32 and back", eighths.clone(), [2, 3], |x| {
                x[0].to_dtype(DType::F32)?.to_dtype(DType::F64)
            })
            .reference(|x| x[0].to_vec().unwrap_or_default())
            .no_derivative()
            .case("to its own type", eighths.clone(), [2, 3], |x| x[0].to_dtype(DType::F64))
            .case("empty", [s.empty([0, 3])], [0, 3], |x| x[0].to_dtype(DType::F64))
            .case("large", [s.uniform([200_003], -1.0, 1.0)], [200_003], |x| x[0].to_dtype(DType::F32))
            .large(),
        OpSpec::new("to_dtype")
            .case("to integers", eighths, [2, 3], |x| x[0].to_dtype(DType::I64))
            .reference(|_| vec![-2.0, 0.0, 0.0, 0.0, 3.0, 100.0])
            .case("empty", [s.empty([0, 3])], [0, 3], |x| x[0].to_dtype(DType::I64))
            .not_differentiable(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_of_a_cast_has_the_type_that_was_cast() -> Result<()> {
        let x = Var::variable(Tensor::from_vec(vec![0.5f32, -2.0], [2])?);
        let y = x.to_dtype(DType::F64)?.square()?.sum(&[])?;
        assert_eq!(y.dtype(), DType::F64);
        let grads = y.backward()?;
        let dx = grads.of(&x).map(|dx| dx.to_vec::<f32>()).transpose()?;
        assert_eq!(dx, Some(vec![1.0, -4.0]));
        Ok(())
    }

    #[test]
    fn promoted_operands_get_gradients_of_their_own_types() -> Result<()> {
        let x = Var::variable(Tensor::from_vec(vec![0.5f32, -2.0], [2])?.to_dtype(DType::BF16)?);
        let y = Var::variable(Tensor::from_vec(vec![3.0f64, 4.0], [2])?);
        let (a, b) = x.promote(&y)?;
        let grads = a.mul(&b)?.sum(&[])?.backward()?;
        let dx = grads.of(&x).map(|dx| dx.to_vec::<tensor::bf16>()).transpose()?;
        assert_eq!(dx, Some(vec![tensor::bf16::from_f32(3.0), tensor::bf16::from_f32(4.0)]));
        assert_eq!(grads.of(&y).map(|dy| dy.to_vec::<f64>()).transpose()?, Some(vec![0.5, -2.0]));
        Ok(())
    }

    #[test]
    fn no_gradient_passes_through_integers_unseen() -> Result<()> {
        let x = Var::variable(Tensor::scalar(1.5f64));
        let error = x.to_dtype(DType::I64)?.to_dtype(DType::F64)?.backward().map(|_| ());
        assert_eq!(error, not_differentiable("to_dtype").map(|_| ()));
        Ok(())
    }
}
