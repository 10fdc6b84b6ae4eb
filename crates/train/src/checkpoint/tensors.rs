//! Sections of tensors, as safetensors: whoever cuts one out of a checkpoint can read it with any library.

use crate::error::{Error, Result};
use crate::weights::Refusal;
use nn::StateDict;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use tensor::{DType, Tensor};

const TYPES: [(DType, Dtype); 9] = [
    (DType::F32, Dtype::F32),
    (DType::F64, Dtype::F64),
    (DType::BF16, Dtype::BF16),
    (DType::F16, Dtype::F16),
    (DType::I64, Dtype::I64),
    (DType::I32, Dtype::I32),
    (DType::I8, Dtype::I8),
    (DType::U8, Dtype::U8),
    (DType::Bool, Dtype::BOOL),
];

pub(super) fn encode(state: &StateDict) -> Result<Vec<u8>> {
    let broken = |e: &dyn std::fmt::Display| Error::encode("checkpoint", "safetensors", e);
    let mut parts = Vec::with_capacity(state.len());
    for (name, tensor) in state.iter() {
        let (_, dtype) =
            TYPES.iter().find(|(own, _)| *own == tensor.dtype()).ok_or_else(|| broken(&tensor.dtype()))?;
        parts.push((name, *dtype, tensor.shape().to_vec(), tensor.to_le_bytes()?));
    }
    let views: Vec<(&str, TensorView)> = parts
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            Ok((*name, TensorView::new(*dtype, shape.clone(), bytes).map_err(|e| broken(&e))?))
        })
        .collect::<Result<_>>()?;
    safetensors::serialize(views, None).map_err(|e| broken(&e))
}

pub(super) fn decode(bytes: &[u8]) -> Result<StateDict, Refusal> {
    let read = SafeTensors::deserialize(bytes).map_err(|e| ("tensors must be safetensors", e.to_string()))?;
    let mut state = StateDict::default();
    for (name, view) in read.iter() {
        let unknown = || ("the element type must be known", format!("{:?} of {name}", view.dtype()));
        let (dtype, _) = TYPES.iter().find(|(_, other)| *other == view.dtype()).ok_or_else(unknown)?;
        let tensor = Tensor::from_le_bytes(view.data(), view.shape(), *dtype)
            .map_err(|e| ("tensors must have the bytes of their shape", e.to_string()))?;
        state.insert(name, tensor);
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_of_all_types_come_back_to_the_bit() {
        let mut state = StateDict::default();
        for dtype in DType::ALL {
            let x = Tensor::from_vec(vec![0i64, 1, 1, 0, 1, 0], [2, 3]).unwrap().to_dtype(dtype).unwrap();
            state.insert(format!("part.{dtype}"), x);
        }
        state.insert("empty", Tensor::zeros([0, 4], DType::F32).unwrap());
        state.insert("number", Tensor::scalar(f64::NAN));
        let read = decode(&encode(&state).unwrap()).unwrap();
        assert_eq!(read.len(), state.len());
        for (name, x) in state.iter() {
            let y = read.get(name).unwrap();
            assert!(x.shape() == y.shape() && x.dtype() == y.dtype() && x.bit_eq(y), "{name}");
        }
    }
}
