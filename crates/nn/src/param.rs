//! What a model holds: parameters, which are trained, and buffers, which are not.

use crate::error::{Error, Result};
use autodiff::LeafId;
use std::sync::{Arc, RwLock};
use tensor::Tensor;

/// A tensor that training changes. A clone is a parameter of its own, with equal values.
#[derive(Debug)]
pub struct Param {
    value: Tensor,
    id: LeafId,
    trainable: bool,
}

impl Param {
    /// A trainable parameter that starts as `value`.
    pub fn new(value: Tensor) -> Self {
        Self { value, id: LeafId::new(), trainable: true }
    }

    /// Its value now.
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
        Self { value: self.value.clone(), id: self.id, trainable: self.trainable }
    }

    /// Whether training changes it.
    pub fn is_trainable(&self) -> bool {
        self.trainable
    }

    /// Freezes it or lets it train again.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
    }
}

impl Clone for Param {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), id: LeafId::new(), trainable: self.trainable }
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
