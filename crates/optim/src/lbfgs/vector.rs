//! All parameters that train as one vector of doubles.

use crate::error::Result;
use nn::{Module, Param};
use tensor::{DType, Tensor};

/// `Σ xᵢ·yᵢ`
pub(super) fn dot(x: &Tensor, y: &Tensor) -> Result<f64> {
    Ok(x.dot(y)?.item()?)
}

/// `max |xᵢ|`
pub(super) fn largest(x: &Tensor) -> Result<f64> {
    Ok(x.abs()?.max(&[])?.item()?)
}

/// `Σ |xᵢ|`
pub(super) fn sum_of_sizes(x: &Tensor) -> Result<f64> {
    Ok(x.abs()?.sum(&[])?.item()?)
}

/// The parameters that train, with their paths.
pub(super) fn trainable<M: Module + ?Sized>(model: &M) -> Vec<(String, &Param)> {
    model.named_params().into_iter().filter(|(_, param)| param.is_trainable()).collect()
}

/// Tensors one after the other, in doubles.
pub(super) fn flat<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Result<Tensor> {
    let all =
        tensors.map(|x| x.to_dtype(DType::F64)?.reshape([x.len()])).collect::<tensor::Result<Vec<_>>>()?;
    Ok(Tensor::cat(&all.iter().collect::<Vec<_>>(), 0)?)
}

/// Puts the elements of `x` into the parameters that train, rounded to their types.
pub(super) fn write<M: Module + ?Sized>(model: &mut M, x: &Tensor) -> Result<()> {
    let mut offset = 0;
    for (_, param) in model.named_params_mut().into_iter().filter(|(_, param)| param.is_trainable()) {
        let (shape, len) = (param.value().shape().to_vec(), param.value().len());
        let new = x.narrow(0, offset, len)?.reshape(&shape[..])?.to_dtype(param.value().dtype())?;
        // A copy, so that the vector is no part of the model.
        *param.value_mut() = new.copied()?;
        offset += len;
    }
    Ok(())
}
