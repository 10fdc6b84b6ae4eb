//! What a model holds: parameters, which are trained, and buffers, which are not.

use crate::error::{Error, Result};
use autodiff::LeafId;
use std::sync::{Arc, RwLock};
use tensor::{DType, Tensor};

/// A tensor that training changes. A clone is a parameter of its own, with equal values.
#[derive(Debug)]
pub struct Param {
    value: Tensor,
    id: LeafId,
    trainable: bool,
    /// Of a matrix: the axis of its outputs.
    outputs: Option<usize>,
    /// Whether the value is kept narrower than what is computed in.
    narrow: bool,
    /// Whether, where it is narrow, what it is multiplied with is brought to bytes too.
    dynamic: bool,
    /// Of a narrow one of I8: what its elements are multiplied by, broadcast.
    scale: Option<Tensor>,
}

impl Param {
    /// A trainable parameter that starts as `value`.
    pub fn new(value: Tensor) -> Self {
        Self {
            value,
            id: LeafId::new(),
            trainable: true,
            outputs: None,
            narrow: false,
            dynamic: false,
            scale: None,
        }
    }

    /// A trainable matrix of a [linear map](crate::Context::linear), or a table of [rows](crate::Context::rows), whose
    /// outputs, or rows, lie along `axis`, 0 or 1: one that [`quantize`](crate::Module::quantize) keeps narrow.
    pub fn matrix(value: Tensor, axis: usize) -> Self {
        Self { outputs: Some(axis), ..Self::new(value) }
    }

    /// Its value now; of a [narrow](Self::is_narrow) one, what is kept.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Its value, to be changed in place. Its shape and dtype must stay.
    pub fn value_mut(&mut self) -> &mut Tensor {
        &mut self.value
    }

    /// Gives it another value of the same shape and dtype. Errors: `ParamMismatch`.
    pub fn set(&mut self, value: Tensor) -> Result<()> {
        if value.shape() != self.value.shape() || value.dtype() != self.value.dtype() {
            return Err(Error::ParamMismatch {
                op: "set",
                got_dtype: value.dtype(),
                got_shape: value.shape().to_vec(),
                dtype: self.value.dtype(),
                shape: self.value.shape().to_vec(),
            });
        }
        self.value = value;
        Ok(())
    }

    /// Under which name its gradient arrives.
    pub fn id(&self) -> LeafId {
        self.id
    }

    /// The same parameter once more, as opposed to a clone, which is another.
    pub(crate) fn same(&self) -> Self {
        Self { id: self.id, ..self.clone() }
    }

    /// Whether training changes it; never one that is kept narrow.
    pub fn is_trainable(&self) -> bool {
        self.trainable && !self.narrow
    }

    /// Freezes it or lets it train again.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
    }

    /// Whether it is kept narrower than what is computed in; see [`quantize`](crate::Module::quantize).
    pub fn is_narrow(&self) -> bool {
        self.narrow
    }

    /// What the elements of a narrow one are multiplied by, broadcast.
    pub fn scale(&self) -> Option<&Tensor> {
        self.scale.as_ref()
    }

    /// The axis of a matrix's outputs.
    pub(crate) fn outputs(&self) -> Option<usize> {
        self.outputs
    }

    /// Whether products with it are of bytes, see [`quantize_dynamic`](crate::Module::quantize_dynamic).
    pub fn is_dynamic(&self) -> bool {
        self.narrow && self.dynamic
    }

    pub(crate) fn set_scale(&mut self, scale: Tensor) {
        self.scale = Some(scale);
    }

    /// Other elements of the same kind.
    pub(crate) fn put(&mut self, value: Tensor) {
        // Products of bytes go along the inputs of each output; without room for that they will copy each time.
        let turned = |x: &Tensor| x.t()?.contiguous()?.t();
        let laid = (self.is_dynamic() && self.outputs == Some(1)).then(|| turned(&value).ok()).flatten();
        self.value = laid.unwrap_or(value);
    }

    /// Keeps `value` instead: narrow, if `narrow` says whether products are then of bytes.
    pub(crate) fn keep(&mut self, value: Tensor, scale: Option<Tensor>, narrow: Option<bool>) {
        (self.scale, self.narrow, self.dynamic) = (scale, narrow.is_some(), narrow == Some(true));
        self.put(value);
    }

    /// The value that it stands for: itself, or a narrow one in F32.
    pub fn widened(&self) -> Result<Tensor> {
        widen(&self.value, self.scale.as_ref(), self.narrow)
    }

    /// [`widened`](Self::widened) at these indices of axis 0.
    pub(crate) fn widened_rows(&self, indices: &Tensor) -> Result<Tensor> {
        let each = |x: &Tensor| if x.shape()[0] == 1 { Ok(x.clone()) } else { x.index_select(0, indices) };
        let scale = self.scale.as_ref().map(each).transpose()?;
        widen(&self.value.index_select(0, indices)?, scale.as_ref(), self.narrow)
    }
}

fn widen(value: &Tensor, scale: Option<&Tensor>, narrow: bool) -> Result<Tensor> {
    let wide = if narrow { value.to_dtype(DType::F32)? } else { value.clone() };
    Ok(scale.map_or(Ok(wide.clone()), |scale| wide.mul(scale))?)
}

impl Clone for Param {
    fn clone(&self) -> Self {
        let (value, scale) = (self.value.clone(), self.scale.clone());
        Self { value, scale, id: LeafId::new(), ..*self }
    }
}

/// A tensor that belongs to the model's state but is not trained, such as a running mean.
///
/// A forward pass reads its module and cannot change it; a buffer is the one thing that it may
/// [update](crate::Context::update). A clone is another buffer with an equal value.
#[derive(Debug)]
pub struct Buffer {
    value: Arc<RwLock<Tensor>>,
}

impl Buffer {
    /// A buffer that starts as `value`.
    pub fn new(value: Tensor) -> Self {
        Self { value: Arc::new(RwLock::new(value)) }
    }

    /// Its value now: a handle, which later changes leave as it is.
    pub fn value(&self) -> Tensor {
        self.value.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Replaces its value. Errors: `ParamMismatch` unless shape and dtype stay.
    pub fn set(&self, value: Tensor) -> Result<()> {
        let mut now = self.value.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if value.shape() != now.shape() || value.dtype() != now.dtype() {
            return Err(Error::ParamMismatch {
                op: "set",
                got_dtype: value.dtype(),
                got_shape: value.shape().to_vec(),
                dtype: now.dtype(),
                shape: now.shape().to_vec(),
            });
        }
        *now = value;
        Ok(())
    }

    /// The same buffer once more, as opposed to a clone, which is another.
    pub(crate) fn same(&self) -> Self {
        Self { value: self.value.clone() }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::new(self.value())
    }
}
