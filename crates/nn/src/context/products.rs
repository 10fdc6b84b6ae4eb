//! What layers do with matrices: the one place that knows how they are kept.

use super::Context;
use crate::error::{Error, Result};
use crate::param::Param;
use autodiff::Var;
use std::ops::Range;
use tensor::Tensor;

impl Context {
    /// `x·wᵀ + b` along the axis of the matrix's outputs: `(.., d_in)` → `(.., d_out)`. One that is kept narrow is widened as it
    /// is read, and only in inference.
    ///
    /// Errors: those of the operation; `InvalidArgument` for a narrow matrix in a training pass.
    pub fn linear(&self, x: &Var, weight: &Param, bias: Option<&Param>) -> Result<Var> {
        self.product(x, weight, bias, None, false)
    }

    /// As [`linear`](Self::linear), and then rectified.
    pub fn linear_relu(&self, x: &Var, weight: &Param, bias: Option<&Param>) -> Result<Var> {
        self.product(x, weight, bias, None, true)
    }

    /// As [`linear`](Self::linear), of these outputs alone.
    pub(crate) fn linear_of(
        &self,
        outputs: Range<usize>,
        x: &Var,
        weight: &Param,
        bias: Option<&Param>,
    ) -> Result<Var> {
        self.product(x, weight, bias, Some(outputs), false)
    }

    /// The rows of a table that `indices` (I64) name: `(..)` → `(.., d)`. Of one that is kept narrow these rows alone are
    /// widened. Errors: as [`linear`](Self::linear).
    pub fn rows(&self, table: &Param, indices: &Var) -> Result<Var> {
        if !self.is_kept_narrow(table)? {
            return Ok(self.param(table).index_select(0, indices.clone())?);
        }
        Ok(Var::constant(table.widened_rows(indices.value())?))
    }

    /// As [`rows`](Self::rows), with a gradient of these rows alone: in a training pass a trainable table enters as the rows that
    /// are named, each once, and its gradient is an [`autodiff::RowGradient`]. Time and memory go with the indices and not with
    /// the table.
    ///
    /// Saved for the gradient: the different indices, and which of them each index is. Errors: as [`rows`](Self::rows).
    pub fn rows_sparse(&self, table: &Param, indices: &Var) -> Result<Var> {
        let stand_in = self.stand_in(table);
        if !stand_in.map_or(self.is_train() && table.is_trainable(), Var::is_tracked) {
            return self.rows(table, indices);
        }
        let found = indices.value().unique()?;
        let part = match stand_in {
            Some(value) => value.index_select(0, found.values)?,
            None => Var::leaf_rows(table.value(), &found.values, table.id())?,
        };
        Ok(part.index_select(0, found.inverse)?)
    }

    /// Whether the value that counts is a narrow one. Errors: in a training pass.
    fn is_kept_narrow(&self, param: &Param) -> Result<bool> {
        let narrow = param.is_narrow() && self.stand_in(param).is_none();
        if narrow && self.is_train() {
            let value = param.value();
            return Err(Error::InvalidArgument {
                op: "quantize",
                rule: "a quantized model is for inference",
                got: format!("{} {:?} in a training pass", value.dtype(), value.shape()),
                repair: "dequantize the model, or train the one that it was made of",
            });
        }
        Ok(narrow)
    }

    fn product(
        &self,
        x: &Var,
        weight: &Param,
        bias: Option<&Param>,
        outputs: Option<Range<usize>>,
        relu: bool,
    ) -> Result<Var> {
        let turned = weight.outputs() == Some(1);
        let mut bias = bias.map(|bias| self.param(bias));
        if let (Some(outputs), Some(all)) = (&outputs, &bias) {
            bias = Some(all.narrow(0, outputs.start, outputs.len())?);
        }
        if self.is_kept_narrow(weight)? {
            let by_outputs = |x: &Tensor| -> Result<Tensor> {
                let x = if turned { x.t()? } else { x.clone() };
                Ok(outputs.as_ref().map_or(Ok(x.clone()), |o| x.narrow(0, o.start, o.len()))?)
            };
            let kept = by_outputs(weight.value())?;
            let scale =
                weight.scale().map(|s| by_outputs(s)?.reshape([kept.shape()[0]]).map_err(Error::from));
            let scale = scale.transpose()?;
            return Ok(match &scale {
                Some(scale) if weight.is_dynamic() => x.linear_dynamic(&kept, scale, bias.as_ref(), relu)?,
                scale => x.linear_narrow(&kept, scale.as_ref(), bias.as_ref(), relu)?,
            });
        }
        let mut w = self.param(weight);
        if turned {
            w = w.t()?;
        }
        if let Some(outputs) = outputs {
            w = w.narrow(0, outputs.start, outputs.len())?;
        }
        Ok(if relu { x.linear_relu(&w, bias.as_ref())? } else { x.linear(&w, bias.as_ref())? })
    }
}
