//! Weights kept narrow, for inference.

use crate::error::{Error, Result};
use crate::param::Param;
use tensor::DType;

const OP: &str = "quantize";

fn refuse<T>(path: Option<&str>, rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    let error = Error::InvalidArgument { op: OP, rule, got, repair };
    Err(match path {
        Some(path) => Error::At { path: path.to_string(), source: Box::new(error) },
        None => error,
    })
}

/// The body of [`quantize`](crate::Module::quantize), and with `dynamic` of
/// [`quantize_dynamic`](crate::Module::quantize_dynamic).
pub(crate) fn quantize(params: Vec<(String, &mut Param)>, dtype: DType, dynamic: bool) -> Result<usize> {
    if !matches!(dtype, DType::BF16 | DType::I8) {
        return refuse(None, "weights can be kept in bf16 or i8", dtype.to_string(), "choose one of them");
    }
    let mut matrices: Vec<_> =
        params.into_iter().filter_map(|(path, param)| Some((path, param.outputs()?, param))).collect();
    if matrices.is_empty() {
        let repair = "make them of Linear, Embedding or Param::matrix";
        return refuse(None, "a model must have matrices", "none".into(), repair);
    }
    // All are looked at before one is changed.
    for (path, _, param) in &matrices {
        let value = param.value();
        if param.is_narrow() || value.dtype() != DType::F32 {
            let repair = "dequantize the model, or convert it to f32 first";
            return refuse(Some(path), "weights must be f32", value.dtype().to_string(), repair);
        }
        let most = if value.len() == 0 { 0.0 } else { value.abs()?.max(&[])?.item()? };
        if !most.is_finite() {
            let repair = "look for where the model diverged";
            return refuse(Some(path), "weights must be finite", most.to_string(), repair);
        }
    }
    for (_, axis, param) in &mut matrices {
        let (value, scale) = match dtype {
            DType::I8 => {
                let (value, scale) = param.value().quantized(*axis as isize)?;
                (value, Some(scale))
            }
            _ => (param.value().to_dtype(dtype)?, None),
        };
        param.keep(value, scale, Some(dynamic));
    }
    Ok(matrices.len())
}

/// The body of [`dequantize`](crate::Module::dequantize).
pub(crate) fn dequantize(params: Vec<(String, &mut Param)>) -> Result<usize> {
    let mut count = 0;
    for (_, param) in params.into_iter().filter(|(_, param)| param.is_narrow()) {
        let wide = param.widened()?;
        param.keep(wide, None, None);
        count += 1;
    }
    Ok(count)
}
